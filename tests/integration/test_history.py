"""history and explain, dry runs, and moves across a restart of the coordinator."""

import signal

from cluster_fixture import ClusterTest, SharedClusterTest, wait_for
from foreign_client import ForeignClient, fields_of, form_of


class History(SharedClusterTest):
    def client(self, account):
        return ForeignClient(self.cluster.info(), account)

    def test_a_move_is_there_with_who_and_how_long(self):
        before = self.cluster.active()
        target = self.cluster.standby()
        self.cluster.ask("failover", "ledger", "--to", target, "--wait")

        def look():
            newest = self.cluster.ask("history", "ledger", "--limit", "1")["events"][0]
            return newest if newest["to"] == target else None
        event = wait_for(look, "the move is in the history")
        self.assertEqual(("moved", before["active"], before["epoch"] + 1),
                         (event["what"], event["from"], event["epoch"]))
        self.assertIn("@", event["who"])
        self.assertGreater(event["duration_ms"], 0)
        older = self.cluster.ask("history", "ledger", "--before", str(event["seq"]))["events"]
        self.assertTrue(older)
        self.assertTrue(all(e["seq"] < event["seq"] for e in older))

    async def test_a_dry_run_needs_no_code_and_moves_nothing(self):
        before = self.cluster.active()
        target = self.cluster.standby()
        async with self.client("operator") as operator:
            said = await operator.chat(self.cluster.group,
                                       "failover to=%s dry-run=yes" % target)
            self.assertIn("Plan:\n", said)
            self.assertIn("Candidates:\n", said)
            self.assertIn("Nothing was moved.", said)
            done = await operator.command(self.cluster.group, "failover",
                                          fields={"to": target, "dry-run": "true"})
            fields = fields_of(form_of(done))
            self.assertEqual(["planned"], fields["state"])
            self.assertGreater(len(fields["steps"]), 1)
        plan = self.cluster.ask("failover", "ledger", "--dry-run")
        self.assertEqual(before["active"], plan["from"])
        self.assertEqual(3, len(plan["candidates"]))
        self.assertEqual(before["epoch"], self.cluster.status()["epoch"])

    async def test_explain_at_the_groups_contact(self):
        active = self.cluster.active()["active"]
        async with self.client("observer") as observer:
            said = await observer.chat(self.cluster.group, "explain")
            self.assertIn("Active: " + active, said)
            self.assertIn("would be offered the role", said)


class Restart(ClusterTest):
    """The coordinator dies in the middle of a move."""

    async def test_the_move_goes_on_and_its_outcome_is_told(self):
        self.own_cluster()
        before = self.cluster.active()
        # A holder that can't stop: the move waits for it, and for its lease after that.
        active = before["active"]
        target = self.cluster.standby()
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            self.cluster.send_signal(active, signal.SIGSTOP)
            done = await operator.command(self.cluster.group, "failover", fields={"to": target})
            self.assertEqual(["started"], fields_of(form_of(done))["state"])
            self.cluster.end("coordinator", signal.SIGKILL)
            self.cluster.send_signal(active, signal.SIGKILL)
            self.cluster.up()
            said = await operator.next_message(60)
            self.assertEqual(self.cluster.group, said["from"].bare)
            self.assertIn("%s is active in place of %s" % (target, active), said["body"])
        self.assertEqual(target, self.cluster.active()["active"])
        records = self.cluster.ask("audit", "--verb", "failover")["records"]
        self.assertEqual(1, len({record["call"] for record in records}), records)
        self.assertEqual(["ok", "ok", "begun"], [record["outcome"] for record in records])
        event = self.cluster.ask("history", "ledger", "--limit", "1")["events"][0]
        self.assertEqual((target, "moved"), (event["to"], event["what"]))
