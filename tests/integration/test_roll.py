"""muster roll: one node after the other, while the group goes on."""

from cluster_fixture import ClusterTest


class Roll(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster()
        self.before = self.cluster.active()

    def test_every_node_is_taken_once_the_active_one_last(self):
        load = self.cluster.start_load()
        seen = self.cluster.dir / "seen"
        done = self.cluster.cli("roll", "--reason", "new version", "ledger", "--", "sh", "-c",
                                "echo $MUSTER_NUMBER/$MUSTER_COUNT $MUSTER_NODE $MUSTER_JID >> %s"
                                % seen)
        self.assertEqual(0, done.code, done)
        lines = [line.split() for line in seen.read_text().splitlines()]
        self.assertEqual(["1/3", "2/3", "3/3"], [line[0] for line in lines])
        self.assertEqual({"node1", "node2", "node3"}, {line[1] for line in lines})
        self.assertEqual(self.before["active"], lines[-1][1])
        self.assertEqual(self.cluster.node_jid(lines[0][1]).split("/")[0], lines[0][2])
        self.assertIn("All of ledger is done.", done.out)
        after = self.cluster.active()
        self.assertEqual(self.before["epoch"] + 1, after["epoch"], "the role moved once")
        self.assertFalse(any(node["drain"]["drained"] for node in self.cluster.nodes()))
        code, report = load.end()
        self.assertEqual(0, code, report)
        self.assertTrue(report["journal"]["sound"], report)

    def test_it_ends_at_the_first_that_fails_and_leaves_it_drained(self):
        standby = sorted({"node1", "node2", "node3"} - {self.before["active"]})
        self.cluster.ask("drain", standby[0], "a disk")
        done = self.cluster.cli("-o", "json", "roll", "ledger", "--", "sh", "-c", "exit 3")
        self.assertEqual(1, done.code, done)
        self.assertEqual([], done.json["done"])
        self.assertEqual([standby[0]], done.json["left_out"])
        self.assertIn(standby[1] + ": the command ended with exit code 3", done.json["error"])
        self.assertIn("muster undrain " + standby[1], done.json["error"])
        self.assertTrue(self.cluster.node(standby[1])["drain"]["drained"])
        self.assertEqual(self.before["epoch"], self.cluster.active()["epoch"])

    def test_a_node_that_does_not_come_back_ends_it(self):
        standby = sorted({"node1", "node2", "node3"} - {self.before["active"]})[0]
        pid = self.cluster.pid(standby)
        done = self.cluster.cli("roll", "--patience", "3s", "ledger", "--", "kill", str(pid))
        self.assertEqual(4, done.code, done)
        self.assertIn("after 3s it", done.err)
        # And what is typed wrongly is said.
        self.assertIn("muster roll GROUP -- COMMAND", self.cluster.cli("roll", "ledger").err)
        self.assertIn("patience", self.cluster.cli("roll", "--patience", "long", "ledger", "--",
                                                   "true").err)
