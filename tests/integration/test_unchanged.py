"""A program that was never changed, from the alert to its end, by chat: examples/unchanged under
the agent, with its own log, its own levels and a probe."""

import unittest

from cluster_fixture import BIN, PATIENCE, Cluster, ClusterTest, wait_for
from foreign_client import ForeignClient
from narrative import hear
from unchanged_program import NAME, TOKEN, UnchangedProgram

HEARD_S = 60 * PATIENCE


class Chat(ForeignClient):
    def __init__(self, info, account):
        super().__init__(info, account)
        self.auto_authorize = True
        self.unheard = []
        self.register_plugin("xep_0184", {"auto_request": False})

    async def ask(self, to, line, words):
        """The answer with those words; other messages may come meanwhile."""
        self.send_message(mto=to, mbody=line, mtype="chat")
        return await hear(self, words, HEARD_S)


class Unchanged(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
        cls.program = UnchangedProgram(cls.cluster.dir, cls.cluster.info(), BIN)
        cls.addClassCleanup(cls.program.stop)
        cls.cluster.ask("--as", "admin", "enroll", cls.program.jid)
        cls.program.start()
        wait_for(lambda: cls.cluster.node(NAME)["present"], "the agent is present")
        wait_for(lambda: "served bolts" in cls.program.log.read_text(), "it is asked")

    def log_of_program(self, since):
        with open(self.program.log, "rb") as log:
            log.seek(since)
            return log.read().decode()

    async def test_from_the_alert_to_its_end(self):
        coordinator, node = self.cluster.coordinator, self.cluster.node_jid(NAME)
        async with Chat(self.cluster.info(), "operator") as operator, \
                Chat(self.cluster.info(), "observer") as observer:
            for client in (operator, observer):
                await client.ask(coordinator, "subscribe %s for=2s" % NAME, ["You hear when"])
            self.program.lose_the_list()

            # The alert has its lines, and the search that finds more.
            alert = await hear(operator, ["Incident 1 (page), " + NAME], HEARD_S)
            await hear(observer, ["Incident 1 (page), " + NAME], HEARD_S)
            lines = [line for line in alert.split("\n") if line.startswith("> ")]
            self.assertTrue(lines, alert)
            for line in lines:
                self.assertIn("stock stock.shelf: can't say how many there are of", line)
            [search] = [line[6:] for line in alert.split("\n") if line.startswith("Logs: ")]
            self.assertRegex(search, r"^logs stock level>=warn since=\S+Z$")
            found = await operator.ask(coordinator, search, ["No such file"])
            self.assertNotIn(" info ", found)
            # In a shell what must not hold stands behind "--".
            shell = self.cluster.cli("logs", NAME, "logger=stock.*", "--", "-served", "-listens")
            self.assertIn("No such file", shell.out, shell)
            self.assertNotIn("served", shell.out)
            counted = await operator.ask(coordinator, "top-errors " + NAME, ["Kinds"])
            self.assertRegex(counted, r"error .*stock\.shelf .*can't say how many there are of")

            # Who may not change a level may not read the lines either.
            await observer.ask(coordinator, search, ["operator"])

            # Its own file of levels, its own signal, its own lines.
            since = self.program.log.stat().st_size
            await operator.ask(node, "log-level stock.shelf debug for=1m", ["is at debug until"])
            self.assertIn("stock.shelf = DEBUG", (self.program.dir / "log.conf").read_text())
            await operator.ask(node, "tail logger=stock.shelf -/^can't/ for=1m", ["untail"])
            followed = await hear(operator, ["looking for "], HEARD_S)
            self.assertIn("DEBUG stock.shelf: looking for ", followed)
            self.assertIn(str(self.program.dir / "stock.txt"), followed)
            self.assertNotIn("can't say", followed)
            self.assertIn("1", await operator.ask(node, "untail", ["Ended"]))
            self.assertIn("DEBUG stock.shelf", self.log_of_program(since))

            # A token is in the program's own log, and not in what is kept of it.
            await operator.ask(node, "log-level stock.web debug for=1m", ["is at debug until"])
            wait_for(lambda: TOKEN in self.program.log.read_text(), "the token was logged")
            wait_for(lambda: "Bearer ***" in self.cluster.cli("logs", NAME, "asks").out,
                     "it is kept")
            self.assertNotIn(TOKEN, self.cluster.cli("logs", NAME, "--all").out)
            for logger in ("stock.web", "stock.shelf"):
                await operator.ask(node, "log-level %s reset" % logger, ["its own level again"])
            self.assertEqual("root = INFO\n", (self.program.dir / "log.conf").read_text())

            await operator.ask(coordinator, "ack 1 'the list is gone'", ["Incident 1", "is yours"])
            self.assertIn("the list is gone",
                          await hear(observer, ["is looking into incident 1"], HEARD_S))
            self.program.bring_it_back()
            await hear(operator, ["Incident 1, " + NAME, "is over"], 2 * HEARD_S)


if __name__ == "__main__":
    unittest.main()
