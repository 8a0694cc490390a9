"""Log rules: tried on a log before they go live, and read again while a node runs."""

import json
import pathlib
import signal
import subprocess
import tempfile
import unittest

from cluster_fixture import BIN, SharedClusterTest, wait_for
from foreign_client import ForeignClient

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "rules"

STARTED = """
[[rule]]
name = "listens"
logger = "user"
level = "info"
text = 'listens on 127\\.0\\.0\\.1:(\\d+)'
effect = "good"
service = "starts"

[[service]]
name = "starts"
noun = "failed"
"""
LEVELS = """
[[rule]]
name = "level set"
logger = "muster.node"
level = "info"
text = 'set the log level of \\S+ to'
effect = "bad"
service = "changes"
"""
BROKEN = LEVELS + "levle = 'info'\n"


def rules(*words, log=None):
    source = open(log, "rb") if log else subprocess.DEVNULL
    try:
        return subprocess.run([str(BIN / "muster"), "rules", *words], stdin=source,
                              capture_output=True, text=True, timeout=60)
    finally:
        if log:
            source.close()


class OnALog(unittest.TestCase):
    """Without any cluster."""

    def test_the_sample_is_in_order(self):
        done = rules("check", str(SAMPLE / "rules.toml"))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("is in order: 9 rules for 5 services", done.stdout)

    def test_the_sample_tells_of_its_hour(self):
        done = rules("test", str(SAMPLE / "rules.toml"), log=SAMPLE / "app.log")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("392 lines, 2026-01-01 14:00:00 to 2026-01-01 15:0", done.stdout)
        self.assertIn("dropped: 11 hits", done.stdout)
        self.assertIn("Storage service level:", done.stdout)
        self.assertIn("█", done.stdout)
        done = rules("test", str(SAMPLE / "rules.toml"), "-o", "json", log=SAMPLE / "app.log")
        told = json.loads(done.stdout)
        by_name = {rule["name"]: rule for rule in told["rules"]}
        self.assertEqual(1, by_name["database lost"]["hits"])
        self.assertIn("at Pool::borrow", by_name["database lost"]["first"]["text"])
        self.assertEqual(1, by_name["anything critical"]["hits"])
        # A refused card is no failure of ours.
        self.assertEqual(0, sum("card refused" in by_name["payment failed"][end]["text"]
                                for end in ("first", "last")))
        storage = next(each for each in told["services"] if each["name"] == "storage")
        states = [sample["state"] for sample in storage["samples"]]
        self.assertEqual("ok", states[0])
        self.assertIn("breached", states)
        self.assertEqual("ok", storage["level"]["state"])

    def test_mistakes_are_usage_errors_with_their_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "rules.toml"
            file.write_text(BROKEN)
            for action in ("check", "test"):
                done = rules(action, str(file))
                self.assertEqual(2, done.returncode)
                self.assertIn("rules.toml:9: rule.levle: is not a key of this table; did you mean "
                              "'level'?", done.stderr)
            self.assertEqual(2, rules("check", str(file) + ".none").returncode)
            self.assertEqual(2, rules("chek", str(file)).returncode)
            self.assertEqual(2, rules("check").returncode)


class AtANode(SharedClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.name = cls.cluster.standby()
        folder = cls.cluster.dir / "nodes" / cls.name
        cls.file = folder / "rules.toml"
        cls.file.write_text(STARTED)
        config = folder / "node.toml"
        text = config.read_text()
        assert "[node]\n" in text, text
        config.write_text(text.replace("[node]\n", "[node]\nlog_rules = 'rules.toml'\n", 1))
        cls.cluster.end(cls.name, signal.SIGTERM)
        log = open(cls.cluster.log_file(cls.name), "ab")
        cls.addClassCleanup(log.close)
        cls.node = subprocess.Popen([str(BIN / "ledger"), "--config", str(config)], stdout=log,
                                    stderr=log)
        cls.addClassCleanup(cls.end_node)
        wait_for(lambda: cls.cluster.node(cls.name)["present"], "the node is there again")

    @classmethod
    def end_node(cls):
        cls.node.terminate()
        try:
            cls.node.wait(timeout=20)
        finally:
            cls.node.kill()
            cls.node.wait()

    def setUp(self):
        super().setUp()
        self.file.write_text(STARTED)
        self.assertEqual(0, self.reload().code)

    def reload(self, *words):
        return self.cluster.cli("--at", self.name, *words, "log-rules", "--reload")

    def listed(self):
        return self.cluster.ask("--at", self.name, "log-rules")

    def names(self):
        return [rule["name"] for rule in self.listed()["rules"]]

    def service(self, name):
        services = self.cluster.ask("--at", self.name, "service-level")["services"]
        return next((each for each in services if each["name"] == name), None)

    def test_what_was_logged_counts(self):
        wait_for(lambda: self.service("starts"), "the rules' service is there")
        self.assertEqual(1, int(self.service("starts")["good"]))
        self.assertIsNotNone(self.service("log-rules"))

    def test_other_rules_come_into_force_and_count(self):
        self.file.write_text(LEVELS)
        done = self.reload()
        self.assertEqual(0, done.code, done)
        self.assertEqual(["level set"], self.names())
        self.cluster.ask("--at", self.name, "log-level", "storage", "debug", "--for", "1s")
        wait_for(lambda: int(self.listed()["rules"][0]["hits"]) == 1, "the rule has hit")
        wait_for(lambda: int(self.service("changes")["bad"]) >= 1, "its service has counted")

    def test_a_bad_file_is_refused_with_its_line_and_the_old_rules_stay(self):
        self.file.write_text(BROKEN)
        done = self.reload()
        self.assertEqual(2, done.code, done)
        self.assertIn("the rules stay as they were", done.err)
        self.assertIn("rules.toml:9: rule.levle: is not a key", done.err)
        self.assertEqual(["listens"], self.names())

    def test_only_an_operator_may(self):
        self.file.write_text(LEVELS)
        self.assertEqual(3, self.reload("--as", "observer").code)
        self.assertEqual(["listens"], self.names())

    def test_the_reload_is_in_the_trail_and_a_listing_is_not(self):
        def done():
            records = self.cluster.ask("--at", self.name, "audit", "--verb", "log-rules",
                                       "--limit", "1000")["records"]
            return [each["arguments"] for each in records if each["outcome"] == "ok"]

        before = done()
        self.listed()
        self.assertEqual(before, done())
        self.reload()
        self.assertEqual(["reload=true"] + before, done())

    def test_sighup_reads_them_again(self):
        self.file.write_text(LEVELS)
        self.node.send_signal(signal.SIGHUP)
        wait_for(lambda: self.names() == ["level set"], "the new rules are in force")
        since = self.cluster.log_size(self.name)
        self.file.write_text(BROKEN)
        self.node.send_signal(signal.SIGHUP)
        wait_for(lambda: "the log rules stay as they are" in self.cluster.log(self.name, since),
                 "the mistake is told")
        self.assertEqual(["level set"], self.names())

    async def test_by_chat(self):
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            said = await operator.chat(self.cluster.node_jid(self.name), "log-rules")
            self.assertIn("listens", said)
            said = await operator.chat(self.cluster.node_jid(self.name), "log-rules reload=yes")
            self.assertIn("1 log rule from", said)
