"""What surrounds a command: settings, completion, manual pages, errors of usage, the width."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from cluster_fixture import DEADLINE_S, MUSTER, SharedClusterTest
from pty_session import PtySession


class Shell(SharedClusterTest):
    def setUp(self):
        super().setUp()
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_with(self, *words, **environment):
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("MUSTER_", "XDG_"))}
        env.update({"HOME": str(self.home)}, **environment)
        return subprocess.run([MUSTER, *words], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=DEADLINE_S)

    def write_config(self, text, name=".config/muster/cli.toml"):
        file = self.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def login_config(self):
        info = self.cluster.info()
        (self.home / "password").write_text(info["accounts"]["observer"]["password"] + "\n")
        (self.home / "password").chmod(0o600)
        return ("jid = '%s'\npassword_file = '%s'\nhost = '%s'\nport = %d\nca_file = '%s'\n"
                "coordinator = '%s'\n"
                % (info["accounts"]["observer"]["jid"], self.home / "password",
                   info["c2s"]["host"], info["c2s"]["port"], info["ca_file"],
                   info["coordinator"]))

    # --- settings ---------------------------------------------------------------------------

    def test_a_login_of_the_file(self):
        self.write_config("output = 'json'\ntimeout = '20s'\n[login]\n" + self.login_config())
        done = self.run_with("status")
        self.assertEqual(0, done.returncode, done)
        self.assertEqual("ledger", json.loads(done.stdout)["groups"][0]["name"])
        # A flag counts more than the file.
        self.assertIn("Group", self.run_with("-o", "table", "status").stdout)

    def test_the_file_elsewhere(self):
        text = "[login]\ncluster = '%s'\n" % self.cluster.dir
        self.write_config(text, "elsewhere/muster/cli.toml")
        done = self.run_with("status", XDG_CONFIG_HOME=str(self.home / "elsewhere"))
        self.assertEqual(0, done.returncode, done)
        named = self.write_config(text, "named.toml")
        for words, environment in ((["--config", named], {}), ([], {"MUSTER_CONFIG": named})):
            self.assertEqual(0, self.run_with(*words, "status", **environment).returncode)

    def test_profiles_and_the_environment(self):
        self.write_config("[[profile]]\nname = 'here'\n" + self.login_config())
        self.assertEqual(2, self.run_with("status").returncode)
        self.assertEqual(0, self.run_with("--profile", "here", "status").returncode)
        self.assertEqual(0, self.run_with("status", MUSTER_PROFILE="here").returncode)
        self.assertEqual(0, self.run_with("status",
                                          MUSTER_CLUSTER=str(self.cluster.dir)).returncode)
        wrong = self.run_with("--profile", "hree", "status")
        self.assertEqual(2, wrong.returncode)
        self.assertIn("did you mean 'here'", wrong.stderr)

    def test_a_mistake_in_the_file(self):
        file = self.write_config("[login]\njdi = 'a@b'\n")
        done = self.run_with("status")
        self.assertEqual(2, done.returncode, done)
        self.assertIn(file + ":2: login.jdi: is not a key of this table; did you mean 'jid'",
                      done.stderr)
        # What needs no login is not kept from working.
        self.assertEqual(0, self.run_with("completion", "bash").returncode)
        self.assertEqual(0, self.run_with("man").returncode)

    # --- errors of usage --------------------------------------------------------------------

    def test_errors_of_usage_as_json(self):
        for words in (["stauts", "-o", "json"], ["-o", "json", "--nonsense", "status"],
                      ["--output=json"], ["--port", "0", "-o", "json", "status"]):
            with self.subTest(words=words):
                done = self.run_with(*words)
                self.assertEqual(2, done.returncode, done)
                self.assertEqual("", done.stderr)
                error = json.loads(done.stdout)["error"]
                self.assertEqual("invalid-argument", error["code"])
                self.assertTrue(error["text"])
        done = self.run_with("stauts")
        self.assertEqual("", done.stdout)
        self.assertIn("did you mean 'status'", done.stderr)

    def test_at_a_group_and_at_the_coordinator(self):
        for at in (self.cluster.group, self.cluster.coordinator):
            self.assertEqual("ledger", self.cluster.ask("--at", at, "status")["groups"][0]["name"])
        done = self.cluster.cli("--at", "ledger", "node-info")
        self.assertEqual(2, done.code, done)
        self.assertIn(self.cluster.group, done.err)
        self.assertIn("did you mean", self.cluster.cli("--at", "nod1", "node-info").err)
        # The contact implies the group.
        done = self.cluster.cli("--at", self.cluster.group, "failover", "--expect-epoch", "999999")
        self.assertEqual(5, done.code, done)

    # --- the width of a terminal --------------------------------------------------------------

    def test_tables_fit_the_terminal(self):
        for columns in (40, 80):
            with self.subTest(columns=columns):
                session = PtySession([MUSTER, "--cluster", str(self.cluster.dir), "nodes"],
                                     rows=40, columns=columns)
                self.addCleanup(session.close)
                self.assertEqual(0, session.wait())
                for line in session.raw.decode().replace("\r", "").split("\n"):
                    self.assertLessEqual(len(line), columns)
                for word in ("node1", "node3", "active", "standby"):
                    self.assertIn(word, session.text)
                self.assertNotIn(b"\x1b", session.raw)

    # --- completion -------------------------------------------------------------------------

    def complete(self, line, **environment):
        """What bash offers when the Tab key is pressed at the end of the line."""
        script = ('source <(%s completion bash)\nCOMP_LINE=%s\nCOMP_POINT=${#COMP_LINE}\n_muster\n'
                  'printf "%%s\\n" "${COMPREPLY[@]}"\n')
        quoted = "'%s'" % line.replace("muster", MUSTER, 1)
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), **environment}
        done = subprocess.run(["bash", "-c", script % (MUSTER, quoted)], env=env, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        return [word for word in done.stdout.split("\n") if word]

    def test_bash_completion(self):
        here = "muster --cluster %s " % self.cluster.dir
        for line, offered in {"muster sta": ["status"],
                              "muster failover --t": ["--timeout", "--to"],
                              "muster -o ": ["csv", "json", "raw", "table"],
                              "muster --output=j": ["json"],
                              "muster --at node1 log-level root deb": ["debug"],
                              "muster completion ": ["bash", "zsh"],
                              # Nobody to ask.
                              "muster status ": [],
                              here + "status ": ["ledger"],
                              here + "--at nod": ["node1", "node2", "node3"],
                              here + "failover ledger --to ": ["node1", "node2", "node3"],
                              "muster --ca-file " + str(self.home) + "/ce":
                                  [str(self.home) + "/certificate.pem"]}.items():
            (self.home / "certificate.pem").touch()
            with self.subTest(line=line):
                self.assertEqual(offered, sorted(self.complete(line)))
        self.assertEqual(["ledger"], self.complete("muster status ",
                                                   MUSTER_CLUSTER=str(self.cluster.dir)))
        self.assertEqual([], self.complete("muster status ", MUSTER_CLUSTER="/nonexistent"))

    def test_zsh_completion(self):
        script = ('compdef() { :; }; compadd() { shift; print -l -- "$@"; }\n'
                  '_files() { print files; }\nsource <(%s completion zsh)\n'
                  'words=(%s %s)\nCURRENT=%d\n_muster\n')
        for typed, offered in {("sta",): ["status"], ("-o", "''"): ["csv", "json", "raw", "table"],
                               ("--cluster", "''"): ["files"],
                               ("completion", "z"): ["zsh"]}.items():
            with self.subTest(typed=typed):
                text = script % (MUSTER, MUSTER, " ".join(typed), len(typed) + 1)
                done = subprocess.run(["zsh", "-f", "-c", text], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
                self.assertEqual((0, ""), (done.returncode, done.stderr))
                self.assertEqual(offered, done.stdout.split())

    # --- manual pages -----------------------------------------------------------------------

    def test_manual_pages_are_well_formed(self):
        done = self.run_with("docs", "--man", str(self.home))
        self.assertEqual(0, done.returncode, done)
        pages = sorted(self.home.glob("*.1"))
        self.assertIn("muster.1", [page.name for page in pages])
        self.assertIn("muster-failover.1", [page.name for page in pages])
        pages += sorted((Path(__file__).parents[2] / "docs" / "man").glob("*.8"))
        for page in pages:
            with self.subTest(page=page.name):
                done = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-P-cbou", str(page)],
                                      capture_output=True, text=True, timeout=DEADLINE_S)
                self.assertEqual((0, ""), (done.returncode, done.stderr))
                for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"):
                    self.assertIn(part, done.stdout)
        self.assertEqual((self.home / "muster-failover.1").read_text(),
                         self.run_with("man", "failover").stdout)
        wrong = self.run_with("man", "failovr")
        self.assertEqual(2, wrong.returncode)
        self.assertIn("did you mean 'failover'", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
