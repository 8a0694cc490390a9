"""An override of a log level really changes what a node writes, and ends."""

from cluster_fixture import SharedClusterTest, wait_for
from foreign_client import ForeignClient, form_of, notes_of, table_of


class LogLevel(SharedClusterTest):
    """Under load, so that there is something to write about."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.load = cls.cluster.start_load()
        cls.name = cls.cluster.active()["active"]
        wait_for(lambda: cls.cluster.written_under(1) > 10, "entries are written")

    def logger(self, name="storage"):
        loggers = self.cluster.ask("--at", self.name, "log-level")["loggers"]
        return next(each for each in loggers if each["name"] == name)

    def debug_lines(self, since):
        return [line for line in self.cluster.log(self.name, since).split("\n")
                if "[storage] [debug]" in line]

    def await_entries(self, more):
        """Until the ledger has that many more."""
        goal = self.cluster.written_under(1) + more
        wait_for(lambda: self.cluster.written_under(1) >= goal, "%d entries more" % more)

    def assertQuiet(self):
        """While entries go on being written, no debug line is."""
        since = self.cluster.log_size(self.name)
        self.await_entries(20)
        self.assertEqual([], self.debug_lines(since))

    def assertTalking(self, since):
        wait_for(lambda: self.debug_lines(since), "debug lines appear")

    def test_an_override_ends_by_itself(self):
        self.assertQuiet()
        since = self.cluster.log_size(self.name)
        [state] = self.cluster.ask("--at", self.name, "log-level", "storage", "debug",
                                   "--for", "2s")["loggers"]
        self.assertEqual(("storage", "info", "debug"),
                         (state["name"], state["boot"], state["effective"]))
        self.assertRegex(state["until"], r"^\d{4}-\d\d-\d\dT.*Z$")
        self.assertEqual("operator@cluster.localhost", state["by"])
        self.assertTalking(since)
        wait_for(lambda: self.logger()["effective"] == "info", "the level is back")
        self.assertEqual(("", ""), (self.logger()["until"], self.logger()["by"]))
        self.assertQuiet()
        self.assertIn("is back at info", self.cluster.log(self.name, since))

    def test_reset_ends_it_now(self):
        since = self.cluster.log_size(self.name)
        self.cluster.ask("--at", self.name, "log-level", "storage", "debug", "--for", "1h")
        self.assertTalking(since)
        self.cluster.ask("--at", self.name, "log-level", "storage", "reset")
        self.assertQuiet()

    async def test_by_chat_and_by_form(self):
        jid = self.cluster.node_jid(self.name)
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            since = self.cluster.log_size(self.name)
            await operator.chat(jid, "log-level storage debug for=1h")
            self.assertTalking(since)
            await operator.chat(jid, "log-level storage reset")
            self.assertQuiet()

            since = self.cluster.log_size(self.name)
            stage = await operator.command(jid, "log-level")
            done = await operator.command(
                jid, "log-level", action="complete", session=stage.get("sessionid"),
                fields={"logger": "storage", "level": "debug", "for": "1h"})
            self.assertIn("storage is at debug until", notes_of(done)[0][1])
            self.assertEqual("debug", table_of(form_of(done))[0]["effective"])
            self.assertTalking(since)
            await operator.command(jid, "log-level",
                                   fields={"logger": "storage", "level": "reset"})
            self.assertQuiet()

    def test_a_level_governs_the_loggers_below(self):
        self.cluster.ask("--at", self.name, "log-level", "storage", "warn", "--for", "1h")
        self.assertEqual("warn", self.logger("storage.journal")["effective"])
        self.assertEqual("info", self.logger("user")["effective"])
        self.cluster.ask("--at", self.name, "log-level", "storage", "reset")
        self.assertEqual("info", self.logger("storage.journal")["effective"])

    def test_a_verbose_override_ends_even_if_nobody_said_when(self):
        [state] = self.cluster.ask("--at", self.name, "log-level", "user", "debug")["loggers"]
        self.assertNotEqual("", state["until"])
        self.cluster.ask("--at", self.name, "log-level", "user", "reset")

    def test_only_the_node_that_was_asked(self):
        other = self.cluster.standby()
        self.cluster.ask("--at", self.name, "log-level", "user", "trace", "--for", "1h")
        levels = {each["effective"]
                  for each in self.cluster.ask("--at", other, "log-level")["loggers"]}
        self.assertEqual({"info"}, levels)
        self.cluster.ask("--at", self.name, "log-level", "user", "reset")

    def test_whoever_asked_is_in_the_nodes_own_trail(self):
        since = self.cluster.log_size(self.name)
        self.cluster.ask("--at", self.name, "log-level", "user", "warn", "--for", "1h")
        self.cluster.ask("--at", self.name, "log-level", "user", "reset")
        self.cluster.cli("--as", "observer", "--at", self.name, "log-level", "user", "trace")
        trail = [line for line in self.cluster.log(self.name, since).split("\n")
                 if "[muster.audit]" in line]
        self.assertTrue([line for line in trail if "operator@cluster.localhost by" in line
                         and "log-level user warn for=1h -> ok" in line], trail)
        self.assertTrue([line for line in trail if "observer@cluster.localhost by" in line
                         and "-> forbidden" in line], trail)
