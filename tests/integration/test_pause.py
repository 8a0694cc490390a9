"""pause and resume: a role that goes nowhere by itself."""

from cluster_fixture import LEASE_TTL_S, ClusterTest, TookTooLong, wait_for
from foreign_client import ForeignClient


class Pause(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster()
        self.before = self.cluster.active()

    def test_nobody_takes_over_until_somebody_asks_for_it(self):
        paused = self.cluster.ask("pause", "ledger", "network works", "--for", "10m")["pause"]
        self.assertEqual("network works", paused["reason"])
        self.assertTrue(paused["by"].startswith("operator@"), paused)
        self.assertIn("paused by operator@", self.cluster.status()["note"])
        self.cluster.end(self.before["active"])
        wait_for(lambda: not self.cluster.status()["active"], "the lease is over")
        # A successor would be there within a lease.
        with self.assertRaises(TookTooLong):
            wait_for(lambda: self.cluster.status()["active"], "somebody is active",
                     seconds=2 * LEASE_TTL_S)
        self.assertIn("unless somebody asks for a move", self.cluster.status()["note"])
        moved = self.cluster.ask("failover", "ledger", "--wait")
        self.assertEqual("done", moved["state"])
        self.assertNotIn(self.cluster.status()["active"], ("", self.before["active"]))

    async def test_resume_fills_the_vacancy_at_once(self):
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            said = await operator.chat(self.cluster.group, "pause for=10m")
            self.assertIn("goes nowhere by itself until", said)
            self.cluster.end(self.before["active"])
            wait_for(lambda: not self.cluster.status()["active"], "the lease is over")
            said = await operator.chat(self.cluster.group, "resume")
            self.assertIn("looks after itself again", said)
            after = self.cluster.active()
            self.assertGreater(after["epoch"], self.before["epoch"])
            said = await operator.chat(self.cluster.group, "resume")
            self.assertIn("is not paused", said)
            self.assertIn("10m", await operator.chat(self.cluster.group, "pause for=10x"))
        whats = [event["what"] for event in self.cluster.ask("history", "ledger")["events"]]
        self.assertIn("paused", whats)
        self.assertIn("resumed", whats)
