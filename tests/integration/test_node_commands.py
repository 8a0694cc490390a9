"""Commands of an application's own: the example of examples/add_a_command, by every way there is."""

import re
import signal
import subprocess

from cluster_fixture import BIN, SharedClusterTest, wait_for
from foreign_client import ForeignClient, form_of, notes_of, table_of


class OwnCommands(SharedClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The example takes the place of a node.
        cls.cluster.end("node3", signal.SIGTERM)
        config = cls.cluster.dir / "nodes" / "node3" / "node.toml"
        log = open(cls.cluster.log_file("node3"), "ab")
        cls.addClassCleanup(log.close)
        cls.example = subprocess.Popen([str(BIN / "cache"), str(config)], stdout=log, stderr=log)
        cls.addClassCleanup(cls.end_example)
        wait_for(lambda: cls.cluster.node("node3")["present"], "the example is there")

    @classmethod
    def end_example(cls):
        cls.example.terminate()
        try:
            code = cls.example.wait(timeout=20)
        finally:
            cls.example.kill()
            cls.example.wait()
        if code != 0:
            raise AssertionError("the example ended with %d" % code)

    def setUp(self):
        super().setUp()
        self.jid = self.cluster.node_jid("node3")

    async def test_by_chat_with_help_choices_and_a_code(self):
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            said = await operator.chat(self.jid, "help")
            self.assertIn("cache-stats [CACHE]", said)
            self.assertIn("cache-flush CACHE [unused-for=DURATION]", said)
            self.assertIn("drain", said)
            said = await operator.chat(self.jid, "help cache-flush")
            self.assertIn("cache-flush pages unused-for=10m", said)
            said = await operator.chat(self.jid, "cache-stats pages")
            self.assertIn("pages", said)
            said = await operator.chat(self.jid, "cache-flush page")
            self.assertIn("did you mean 'pages'?", said)
            said = await operator.chat(self.jid, "cache-flush sessions")
            self.assertIn("cache-flush sessions", said)
            said = await operator.chat(self.jid, re.search(r"code (\d{6})", said).group(1))
            self.assertIn("flushed sessions", said)
        async with ForeignClient(self.cluster.info(), "observer") as observer:
            self.assertIn("operator", await observer.chat(self.jid, "cache-flush pages"))

    async def test_by_form(self):
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            listed = await operator.commands_of(self.jid)
            self.assertEqual("Flush a cache", listed["cache-flush"])
            done = await operator.command(self.jid, "cache-stats")
            self.assertEqual({"pages", "sessions"},
                             {row["name"] for row in table_of(form_of(done))})
            stage = await operator.command(self.jid, "cache-flush")
            done = await operator.command(self.jid, "cache-flush", action="complete",
                                          session=stage.get("sessionid"),
                                          fields={"cache": "pages", "unused-for": "10m"})
            self.assertEqual("completed", done.get("status"))
            self.assertIn("flushed pages", notes_of(done)[0][1])

    def test_in_a_shell_and_in_the_trail(self):
        done = self.cluster.cli("exec", self.jid, "cache-flush", "cache=pages", "unused-for=1h")
        self.assertEqual(0, done.code, done)
        records = self.cluster.ask("--at", "node3", "audit", "--verb", "cache-flush")["records"]
        self.assertEqual(("ok", "pages unused-for=1h"),
                         (records[0]["outcome"], records[0]["arguments"]))
        done = self.cluster.cli("--as", "observer", "exec", self.jid, "cache-flush", "cache=pages")
        self.assertEqual(3, done.code, done)
        done = self.cluster.cli("exec", self.jid, "cache-stats")
        self.assertEqual(0, done.code, done)
        self.assertIn("sessions", done.out)

    def test_as_verbs_in_a_shell(self):
        done = self.cluster.cli("--at", "node3", "cache-stats", "--cache", "pages")
        self.assertEqual(0, done.code, done)
        self.assertIn("pages", done.out)
        # It needs no form, and takes what was given all the same.
        self.assertNotIn("sessions", done.out)
        done = self.cluster.cli("cache-flush", "--at", "node3", "cache=pages", "--unused-for=1h",
                                "-o", "json")
        self.assertEqual(0, done.code, done)
        self.assertEqual("completed", done.json["status"])
        for words, code, said in (
                (["cache-flush", "pages"], 2, "--NAME pages"),
                (["cache-flush", "--cache", "page"], 2, "did you mean 'pages'?"),
                (["cache-flush", "--unused-for", "1h"], 2, "cache is missing"),
                (["cache-stats", "--cash", "pages"], 2, "cache"),
                (["cache-stat"], 2, "did you mean 'cache-stats'?")):
            with self.subTest(words=words):
                done = self.cluster.cli("--at", "node3", *words)
                self.assertEqual(code, done.code, done)
                self.assertIn(said, done.err)
        done = self.cluster.cli("--as", "observer", "--at", "node3", "cache-flush", "cache=pages")
        self.assertEqual(3, done.code, done)
        # Without --at nobody is asked.
        done = self.cluster.cli("cache-flush", "cache=pages")
        self.assertEqual(2, done.code, done)
        self.assertIn("needs --at NODE", done.err)
