"""drain and undrain, at the coordinator."""

from cluster_fixture import SharedClusterTest, wait_for
from foreign_client import ForeignClient, fields_of, form_of


class Drain(SharedClusterTest):
    def client(self, account):
        return ForeignClient(self.cluster.info(), account)

    def setUp(self):
        super().setUp()
        self.cluster.active()
        self.addCleanup(self.undrain_all)

    def undrain_all(self):
        for node in self.cluster.nodes():
            if node["drain"]["drained"]:
                self.cluster.ask("undrain", node["name"])
        self.cluster.active()

    async def test_the_active_node_is_drained_by_chat(self):
        before = self.cluster.active()
        node = before["active"]
        async with self.client("operator") as operator:
            said = await operator.chat(self.cluster.coordinator,
                                       "drain %s 'disk swap' wait=yes" % node)
            self.assertIn("kept out of the active role until undrain", said)
            code = next(word for word in said.split() if word.isdigit() and len(word) == 6)
            said = await operator.chat(self.cluster.coordinator, code, 60)
            self.assertIn(node + " is drained", said)
            after = self.cluster.active()
            self.assertNotEqual(node, after["active"])
            drain = self.cluster.node(node)["drain"]
            self.assertEqual((True, "disk swap"), (drain["drained"], drain["reason"]))
            self.assertTrue(drain["by"].startswith("operator@"), drain)
            # The node has it too, and says so to everybody.
            info = wait_for(lambda: self.drained_info(node), "the node knows that it is drained")
            self.assertEqual("disk swap", info["drain"]["reason"])
            # Nobody moves the role there by accident.
            done = self.cluster.cli("failover", "ledger", "--to", node, "--wait")
            self.assertEqual(5, done.code, done)
            self.assertIn("disk swap", done.err)
            explained = self.cluster.ask("explain", "ledger")
            [candidate] = [c for c in explained["candidates"] if c["node"] == node]
            self.assertFalse(candidate["eligible"])
            self.assertIn("operator@", candidate["why"])
            said = await operator.chat(self.cluster.coordinator, "undrain " + node)
            self.assertIn("may become active again", said)
        self.assertFalse(self.cluster.node(node)["drain"]["drained"])

    def drained_info(self, node):
        info = self.cluster.ask("--at", node, "node-info")
        return info if info["drain"]["drained"] else None

    async def test_a_standby_is_drained_by_form_and_nothing_moves(self):
        before = self.cluster.active()
        name = self.cluster.standby()
        async with self.client("operator") as operator:
            done = await operator.command(self.cluster.group, "drain",
                                          fields={"node": name, "reason": "tests"})
            self.assertEqual("completed", done.get("status"))
            self.assertEqual(["drained"], fields_of(form_of(done))["state"])
        self.assertEqual(before["epoch"], self.cluster.status()["epoch"])

    def test_the_last_candidate_is_drained_by_force_only(self):
        before = self.cluster.active()
        for node in self.cluster.nodes():
            if node["name"] != before["active"]:
                self.cluster.ask("drain", node["name"])
        done = self.cluster.cli("drain", before["active"], "--wait")
        self.assertNotEqual(0, done.code, done)
        self.assertIn("drained", done.err)
        self.assertEqual(before["active"], self.cluster.status()["active"])
        self.cluster.ask("drain", before["active"], "--force", "--wait")
        status = self.cluster.status()
        self.assertEqual(("", "VACANT"), (status["active"], status["phase"]))
        self.assertIn("no node is eligible", status["note"])
        self.cluster.ask("undrain", before["active"])
        self.assertEqual(before["active"], self.cluster.active()["active"])
