"""The installed library and its CMake package, used by programs outside of the tree."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from cluster_fixture import ClusterTest, Cluster, wait_for

HERE = Path(__file__).resolve().parent
BUILD = os.environ["MUSTER_BUILD"]
# Building takes its time on a busy machine.
signal.alarm(380)


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300, **more)
    if done.returncode != 0:
        raise AssertionError("%s ended with %d:\n%s%s" % (" ".join(map(str, words)),
                                                          done.returncode, done.stdout, done.stderr))
    return done.stdout


class Installed(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.dir = Path(tempfile.mkdtemp(prefix="muster-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        cls.prefix = cls.dir / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        run("localedef", "-i", "de_DE", "-f", "UTF-8", cls.dir / "de_DE.UTF-8")
        cls.cluster = Cluster(nodes=2)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
        # The hosts take its place.
        cls.cluster.end("node2", signal.SIGTERM)

    def build(self, name):
        where = self.dir / name
        run("cmake", "-S", HERE / name, "-B", where, "-G", "Ninja",
            "-DCMAKE_PREFIX_PATH=%s" % self.prefix, "-DCMAKE_BUILD_TYPE=Debug")
        run("cmake", "--build", where)
        return where / name

    def start(self, program):
        environment = dict(os.environ, LC_ALL="de_DE.UTF-8", LOCPATH=str(self.dir))
        config = self.cluster.dir / "nodes" / "node2" / "node.toml"
        # What the host before it has counted.
        for file in config.parent.glob("**/services.sqlite*"):
            file.unlink()
        process = subprocess.Popen([str(program), str(config)], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.addCleanup(end)
        # The library's log goes to the same place.
        lines = []
        while not lines or not lines[-1].endswith("started\n"):
            line = process.stdout.readline()
            self.assertTrue(line, "it ended: " + "".join(lines))
            lines.append(line)
        self.assertEqual("99,9 started\n", lines[-1])
        wait_for(lambda: self.cluster.node("node2")["present"], "node2 is there")
        return process

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        self.assertEqual(0, process.returncode, out)
        self.assertTrue(out.endswith("99,9 stopped\n"), out)

    def check_levels(self):
        level = self.cluster.ask("--at", "node2", "service-level", "user")["level"]
        self.assertEqual("User service level: 99.9% (1 dropped in the last 10 mins.)",
                         level["text"])
        self.assertEqual(99.9, level["percent"])

    def test_what_is_installed(self):
        for name in ("bin/muster", "bin/muster-coordinator", "bin/muster-agent", "bin/muster-keeper",
                     "include/muster/node.h", "include/muster/commands.h",
                     "include/muster/options.pb.h", "share/muster/proto/muster/options.proto",
                     "share/doc/muster/README.md", "share/doc/muster/operations.md"):
            self.assertTrue((self.prefix / name).is_file(), name)
        self.assertIn("0.1", run(self.prefix / "bin" / "muster", "--version"))

    def test_a_host_without_qt_and_with_a_command_of_its_own(self):
        process = self.start(self.build("host"))
        self.check_levels()
        jid = self.cluster.node_jid("node2")
        done = self.cluster.cli("exec", jid, "greet", "whom=Ann")
        self.assertEqual(0, done.code, done)
        self.assertIn("Hello Ann", done.out)
        self.assertIn("99.9", done.out)
        self.stop(process)

    def test_a_host_with_qt_of_its_own(self):
        process = self.start(self.build("qt_host"))
        self.check_levels()
        self.stop(process)


if __name__ == "__main__":
    unittest.main()
