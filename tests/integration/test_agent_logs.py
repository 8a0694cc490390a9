"""The log that muster-agent keeps of what its sources say: what is certain when a log is rotated, the
agent killed and the disk full."""

import errno
import importlib
import os
import signal
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from cluster_fixture import Cluster, ClusterTest, wait_for
from logging_agent import LoggingAgent, Logrotate, NumberedLines, numbered

ROOT = Path(__file__).resolve().parents[2]


class AgentLogs(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
        cls.cluster.active()
        # Its account is needed, the ledger is not.
        cls.name = cls.cluster.standby()
        cls.folder = cls.cluster.dir / "nodes" / cls.name
        cls.cluster.end(cls.name, signal.SIGTERM)

    def agent(self, tables, **options):
        agent = LoggingAgent(self.cluster, self.name, tables, **options)
        self.addCleanup(agent.end)
        return agent.start()

    def assert_all_kept(self, agent, texts, *query):
        """Each once, in their order."""
        kept = agent.texts(*query)
        if kept != texts:
            twice = len(kept) - len(set(kept))
            lost = sorted(set(texts) - set(kept))
            self.fail("%d of %d kept, %d of them twice; lost: %r; others: %r" % (
                len(kept), len(texts), twice, lost[:5], sorted(set(kept) - set(texts))[:5]))

    def assert_nothing_given_up(self, agent):
        store = agent.store()
        self.assertEqual(("0", "", "", []), (str(store["shed"]), store["shed_by_level"],
                                             store["problem"], store["mended"]))


class WithSidecar(AgentLogs):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        generated = cls.cluster.dir / "generated"
        generated.mkdir()
        subprocess.run(["protoc", "-I", str(ROOT / "proto"), "--python_out", str(generated),
                        "muster/sidecar.proto"], check=True)
        sys.path[:0] = [str(generated), str(ROOT / "examples" / "sidecar_python")]
        cls.sidecar = importlib.import_module("muster_sidecar")


FILE = """
[logs]
max_size = "256MiB"

[[agent.source]]
name = "app"
kind = "file"
path = "%s"
from = "beginning"
format = "plain"
"""


class Rotation(AgentLogs):
    LINES = 100_000
    PER_SECOND = 25_000

    def test_rotated_and_killed_each_line_is_kept_once(self):
        log, reopen = self.folder / "app.log", self.folder / "reopen"
        logrotate = Logrotate(log, reopen)
        agent = self.agent(FILE % log)
        writer = NumberedLines(log, reopen, self.LINES, self.PER_SECOND)
        self.addCleanup(writer.end)
        writer.await_share(0.15)
        logrotate.rotate()
        agent.await_record("written")
        agent.kill()
        self.assertLess(writer.written, self.LINES)
        # While nobody reads, the file that was read last is renamed, and then compressed.
        for _ in range(3):
            logrotate.rotate()
        self.assertTrue(list(self.folder.glob("app.log.*.gz")))
        agent.start()
        agent.kill()
        self.assertLess(writer.written, self.LINES)
        agent.start()
        logrotate.rotate()
        self.assertLess(writer.written, self.LINES)
        writer.await_share(1)
        agent.await_record('"%s"' % numbered(self.LINES - 1))
        self.assert_nothing_given_up(agent)
        self.assert_all_kept(agent, [numbered(i) for i in range(self.LINES)], "logger=app")


STREAMS = """
[logs]
max_size = "64MiB"

[[agent.source]]
name = "out"
kind = "stdout"
format = "log4j"
copy = false

[[agent.source]]
name = "err"
kind = "stderr"
copy = false
"""

BAD_ERRORS = """
[[rule]]
name = "failed"
logger = "org.*"
level = "error"
effect = "bad"
service = "work"

[[service]]
name = "work"
objective = 99.0
window = "10s"
"""

# Says what it has to say when it is asked to, and at its end.
TALKER = """#!/usr/bin/python3
import signal, sys, time

def error(text):
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    print(now + ",123 [main] ERROR org.example.Disk - " + text, flush=True)

def fail(*_):
    error("can't sign in with password=correct-horse-7")
    print("java.lang.IllegalStateException: no room")
    print("\\tat org.example.Disk.write(Disk.java:17)")
    print("Caused by: java.io.IOException: the disk is full")
    print("\\t... 3 more", flush=True)
    print("curl: Authorization: Bearer abcdef0123456789abcdef", file=sys.stderr, flush=True)

def end(*_):
    error("these are the last words")
    print("\\tat org.example.Main.end(Main.java:99)")
    sys.stdout.write("\\tand no line end")
    sys.stdout.flush()
    sys.stderr.write("nor here, at the very end")
    sys.stderr.flush()
    sys.exit(0)

signal.signal(signal.SIGUSR1, fail)
signal.signal(signal.SIGTERM, end)
print(time.strftime("%Y-%m-%d %H:%M:%S") + ",123 [main] INFO org.example.Main - ready", flush=True)
while True:
    signal.pause()
"""
FAILURE = ("can't sign in with password=***\n"
           "java.lang.IllegalStateException: no room\n"
           " at org.example.Disk.write(Disk.java:17)\n"
           "Caused by: java.io.IOException: the disk is full\n"
           " ... 3 more")
LAST_WORDS = ("these are the last words\n"
              " at org.example.Main.end(Main.java:99)\n"
              " and no line end")


class Streams(AgentLogs):
    def test_a_program_is_heard_to_its_last_words(self):
        program = self.folder / "talker.py"
        program.write_text(TALKER)
        program.chmod(0o755)
        agent = self.agent(STREAMS, rules=BAD_ERRORS, program=[program])
        agent.await_record("ready")
        agent.process.send_signal(signal.SIGUSR1)
        agent.await_record("curl")
        wait_for(lambda: int(agent.services()["work"]["bad"]) == 1, "the error has counted")
        [failure] = agent.find("logger=org.example.Disk")
        self.assertEqual(("error", FAILURE), (failure["level"], failure["text"]))
        [said] = agent.find("logger=err")
        self.assertIn("***", said["text"])
        self.assertNotIn("abcdef0123456789", said["text"])

        self.assertEqual(0, agent.end())
        agent.start()
        self.assertEqual([FAILURE, LAST_WORDS], agent.texts("logger=org.example.Disk"))
        self.assertEqual("nor here, at the very end", agent.texts("logger=err")[-1])
        for secret in ("correct-horse", "abcdef0123456789"):
            self.assertNotIn(secret, "\n".join(agent.texts()))
            # With copy = false it is nowhere else.
            self.assertNotIn(secret, agent.said())
        self.assert_nothing_given_up(agent)


SIDECAR = """
[logs]
%s

[agent.sidecar]
path = "%s"
"""


class Talking:
    """Sends numbered records over the socket, again and again until it is ended."""

    def __init__(self, module, name, socket):
        self.module, self.name = module, name
        self.client = module.Sidecar(name, str(socket), use_logging=False)
        self.said = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending.wait(0.005):
            for _ in range(20):
                self.client.log(self.module.wire.INFO, "side." + self.name, self.text(self.said))
                self.said += 1

    def text(self, number):
        return "record %08d of %s" % (number, self.name)

    def texts(self, count):
        return [self.text(i) for i in range(count)]

    def acknowledged(self):
        """How many are, of the first ones that it said."""
        with self.client.lock:
            sent = sum(len(message.records) for message in self.client.records_sent.values())
            return self.said - len(self.client.records) - sent

    def hush(self):
        self._ending.set()
        self._thread.join()

    def close(self):
        self.hush()
        self.client.close()


class SidecarRecords(WithSidecar):
    def test_what_was_acknowledged_is_there_after_a_kill(self):
        socket = self.folder / "app.sock"
        agent = self.agent(SIDECAR % ('max_size = "64MiB"', socket))
        talking = {name: Talking(self.sidecar, name, socket) for name in ("stays", "leaves")}
        for each in talking.values():
            self.addCleanup(each.close)
        stays, leaves = talking.values()
        wait_for(lambda: all(each.acknowledged() > 2000 for each in talking.values()),
                 "records are acknowledged")
        agent.kill()
        # One that never sends anything again, and one that goes on.
        leaves.close()
        surely = leaves.acknowledged()
        before = stays.acknowledged()
        agent.start()
        wait_for(lambda: stays.acknowledged() > before + 2000, "the other one goes on")
        stays.hush()
        wait_for(lambda: stays.acknowledged() == stays.said, "all are acknowledged")
        agent.await_record('"%s"' % stays.text(stays.said - 1))
        self.assert_all_kept(agent, stays.texts(stays.said), "logger=side.stays")
        # What had no answer yet may be kept all the same.
        kept = agent.texts("logger=side.leaves")
        self.assertGreaterEqual(len(kept), surely)
        self.assertEqual(leaves.texts(len(kept)), kept)
        self.assert_nothing_given_up(agent)


SMALL = """max_size = "8MiB"
folder = "%s"

[[agent.source]]
name = "app"
kind = "file"
path = "%s"
from = "beginning"
format = "plain"
"""


class FullDisk(WithSidecar):
    def mount(self, folder, size):
        """A file system of its own for the folder; skips the test where that is not allowed."""
        if os.geteuid() != 0:
            self.skipTest("only root may mount a small file system")
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", str(folder)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("a small file system can't be mounted: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", str(folder)], check=True)

    def fill(self, path):
        """Until not one byte more has room."""
        with open(path, "ab", buffering=0) as file:
            for size in (65536, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError as error:
                    self.assertEqual(errno.ENOSPC, error.errno)

    def write(self, count):
        with open(self.log, "a") as file:
            file.writelines(numbered(i) + " " + "." * 40 + "\n"
                            for i in range(self.written, self.written + count))
        self.written += count

    def lines(self):
        return [numbered(i) + " " + "." * 40 for i in range(self.written)]

    def await_last(self, agent):
        agent.await_record('"%s"' % numbered(self.written - 1))

    def test_the_node_goes_on_and_keeps_again(self):
        disk, socket = self.folder / "disk", self.folder / "app.sock"
        self.log, self.written = self.folder / "app.log", 0
        self.mount(disk, "6m")
        agent = self.agent(SIDECAR % (SMALL % (disk / "logs", self.log), socket))
        talking = Talking(self.sidecar, "app", socket)
        self.addCleanup(talking.close)
        self.write(1000)
        self.await_last(agent)
        wait_for(lambda: talking.acknowledged() > 500, "records are acknowledged")

        self.fill(disk / "filler")
        self.write(5000)
        problem = wait_for(lambda: agent.store()["problem"], "it says that it keeps nothing")
        self.assertRegex(problem, "nothing can be written since .*full")
        wait_for(lambda: "the log can't be kept: " in agent.said(), "and in its log")
        talking.hush()
        acknowledged = talking.acknowledged()
        self.assertLess(acknowledged, talking.said)
        # What it has it finds.
        self.assertEqual(self.lines()[0], agent.texts('"%s"' % numbered(0))[0])
        self.assertTrue(agent.is_present())

        # Also if it is killed and has to begin on a full disk.
        agent.kill()
        agent.start()
        self.write(1000)
        self.assertTrue(agent.store()["problem"])
        (disk / "filler").unlink()
        wait_for(lambda: agent.store()["problem"] == "", "it keeps again")
        self.await_last(agent)
        wait_for(lambda: talking.acknowledged() == talking.said, "all are acknowledged")
        agent.await_record('"%s"' % talking.text(talking.said - 1))
        self.assert_all_kept(agent, self.lines(), "logger=app")
        self.assert_all_kept(agent, talking.texts(talking.said), "logger=side.app")
        self.assertRegex(agent.said(), "the log is kept (again|from now on)")


TWO_FILES = """
[logs]

[[agent.source]]
name = "web"
kind = "file"
path = "%(folder)s/web.log"
format = "json"

[[agent.source]]
name = "batch"
kind = "file"
path = "%(folder)s/batch-*.log"
format = "plain"
pattern = '(?P<level>\\w+): '
prefix = "night"
"""

RULES = """
[[rule]]
name = "answered"
logger = "web.http"
level = "info"
text = '^answered '
effect = "good"
service = "answers"

[[rule]]
name = "refused"
logger = "web.http"
level = "warn"
text = '^refused (\\d+)'
effect = "bad"
count = "$1"
service = "answers"

[[rule]]
name = "left over"
logger = "batch"
level = "info"
text = '^(\\d+) left'
effect = "gauge=$1"
service = "left"

[[service]]
name = "answers"
objective = 90.0

[[service]]
name = "left"
at_most = 100.0
"""


class Rules(AgentLogs):
    def test_lines_of_files_count_for_service_levels(self):
        agent = self.agent(TWO_FILES % {"folder": self.folder}, rules=RULES)
        with open(self.folder / "web.log", "a") as web, \
                open(self.folder / "batch-1.log", "a") as batch:
            for i in range(30):
                web.write('{"level":"info","logger":"web.http","msg":"answered %d"}\n' % i)
                # No rule is for these: the wrong level, the wrong source.
                web.write('{"level":"debug","logger":"web.http","msg":"refused %d"}\n' % i)
                batch.write("WARN: refused %d\n" % i)
            web.write('{"level":"warn","logger":"web.http","msg":"refused 6 of them"}\n')
            batch.write("INFO: 250 left\n")
            batch.write("INFO: the end\n")
        agent.await_record('"the end"')
        agent.await_record('"refused 6 of them"')

        def counted():
            services = agent.services()
            answers = services["answers"]
            # More than a hundred are left.
            return (int(answers["good"]), int(answers["bad"])) == (30, 6) and \
                services["left"]["down"]
        wait_for(counted, "all of them have counted")
        self.assertEqual(31, len(agent.find("level>=warn", "refused")))
        self.assert_nothing_given_up(agent)


if __name__ == "__main__":
    unittest.main()
