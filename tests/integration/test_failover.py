"""Moves of the active role under load: nothing acknowledged is lost, no epoch is shared."""

import time

from cluster_fixture import LEASE_TTL_S, SharedClusterTest, wait_for
from foreign_client import ForeignClient, fields_of, form_of, notes_of


class Failover(SharedClusterTest):
    def client(self, account):
        return ForeignClient(self.cluster.info(), account)

    def assertSound(self, load):
        code, report = load.end()
        self.assertEqual(0, code, report)
        self.assertTrue(report["journal"]["sound"], report)
        self.assertGreater(report["acknowledged"], 0)

    def test_by_the_command_line_again_and_again(self):
        load = self.cluster.start_load()
        for _ in range(4):
            before = self.cluster.active()
            wait_for(lambda: self.cluster.written_under(before["epoch"]) > 5,
                     "entries are written under epoch %d" % before["epoch"])
            target = self.cluster.standby()
            done = self.cluster.ask("failover", "ledger", "--to", target, "--wait")
            self.assertEqual((before["epoch"] + 1, target), (done["epoch"], done["to"]))
        epoch = self.cluster.active()["epoch"]
        wait_for(lambda: self.cluster.written_under(epoch) > 5, "entries are written again")
        self.assertSound(load)

    async def test_by_form(self):
        before = self.cluster.active()
        target = self.cluster.standby()
        load = self.cluster.start_load()
        async with self.client("operator") as operator:
            stage = await operator.command(self.cluster.group, "failover")
            done = await operator.command(
                self.cluster.group, "failover", action="complete",
                session=stage.get("sessionid"), fields={"to": target, "wait": "true"})
            self.assertEqual("completed", done.get("status"))
            [(kind, note)] = notes_of(done)
            self.assertEqual("info", kind)
            self.assertIn("%s is active in place of %s" % (target, before["active"]), note)
            fields = fields_of(form_of(done))
            self.assertEqual(["done"], fields["state"])
            self.assertEqual([str(before["epoch"] + 1)], fields["epoch"])
        after = self.cluster.status()
        self.assertEqual((target, before["epoch"] + 1), (after["active"], after["epoch"]))
        wait_for(lambda: self.cluster.written_under(after["epoch"]) > 5, "entries are written")
        self.assertSound(load)
        [row] = self.cluster.query(
            "SELECT * FROM audit WHERE face = 'form' AND code = 'ok' AND arguments LIKE '%to=%'")
        self.assertEqual(("operator@cluster.localhost", self.cluster.group),
                         (row["who"], row["place"]))
        self.assertIn("to=" + target, row["arguments"])

    async def test_a_form_that_does_not_wait_has_its_outcome_as_a_message(self):
        async with self.client("admin") as admin:
            done = await admin.command(self.cluster.group, "failover", fields={})
            # A group's contact knows the group; nothing else is needed.
            self.assertEqual("completed", done.get("status"))
            self.assertEqual(["started"], fields_of(form_of(done))["state"])
            said = await admin.next_message(30)
            self.assertIn("is active in place of", said["body"])
            self.assertEqual(self.cluster.group, said["from"].bare)

    def test_to_the_active_node_itself_nothing_moves(self):
        before = self.cluster.active()
        done = self.cluster.ask("failover", "ledger", "--to", before["active"], "--wait")
        self.assertEqual(("done", before["epoch"]), (done["state"], done["epoch"]))

    def test_the_active_role_outlives_many_leases_without_a_move(self):
        before = self.cluster.active()
        until = time.monotonic() + 3 * LEASE_TTL_S
        wait_for(lambda: time.monotonic() > until, "three leases are over", 5 * LEASE_TTL_S)
        self.assertEqual(before, self.cluster.active())
