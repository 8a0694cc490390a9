"""failover at a time to come, also across the coordinator's death."""

import datetime

from cluster_fixture import ClusterTest, wait_for
from foreign_client import ForeignClient


def soon(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Schedule(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster()
        self.before = self.cluster.active()
        self.target = self.cluster.standby()

    def moved(self):
        status = self.cluster.status()
        return status["active"] == self.target and status["epoch"] > self.before["epoch"]

    def whats(self):
        return [event["what"] for event in self.cluster.ask("history", "ledger")["events"]]

    def test_the_coordinator_is_killed_before_its_time_and_it_moves_all_the_same(self):
        at = soon(8)
        asked = self.cluster.ask("failover", "ledger", "--to", self.target, "--at", at)
        self.assertEqual(("scheduled", at), (asked["state"], asked["at"]))
        self.assertIn("a move to %s is due at %s" % (self.target, at), self.cluster.status()["note"])
        self.cluster.end("coordinator")
        self.cluster.up()
        wait_for(self.moved, "the role has moved")
        wait_for(lambda: "is due" not in self.cluster.status()["note"], "nothing is to come")
        self.assertIn("scheduled", self.whats())

    async def test_whoever_asked_is_told_what_came_of_it(self):
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            said = await operator.chat(self.cluster.group,
                                       "failover to=%s at=%s" % (self.target, soon(6)))
            self.assertIn("It would be carried out at", said)
            code = next(word for word in said.split() if word.isdigit() and len(word) == 6)
            self.assertIn("the outcome follows then",
                          await operator.chat(self.cluster.group, code))
            told = await operator.next_message(40)
            self.assertIn("ledger: %s is active" % self.target, told["body"])
        self.assertTrue(self.moved())

    def test_it_is_taken_back_and_nonsense_is_refused(self):
        self.cluster.ask("failover", "ledger", "--at", soon(3600))
        self.assertEqual("operator", self.cluster.ask("unschedule", "ledger")["by"].split("@")[0])
        self.assertNotIn("is due", self.cluster.status()["note"])
        for words, told in ((["unschedule", "ledger"], "no move of ledger is scheduled"),
                            (["failover", "ledger", "--at", "noon"], "is no time; say one in UTC"),
                            (["failover", "ledger", "--at", "2020-01-01 00:00"], "is over"),
                            (["failover", "ledger", "--at", "02:30", "--wait"],
                             "leave out one of wait and at"),
                            (["failover", "ledger", "--to", "node9", "--at", "02:30"],
                             "there is no 'node9'")):
            refused = self.cluster.cli(*words)
            self.assertNotEqual(0, refused.code, words)
            self.assertIn(told, refused.err)
        self.assertEqual(self.before["epoch"], self.cluster.active()["epoch"])
