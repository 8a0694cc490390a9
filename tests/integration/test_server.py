"""The XMPP server ends and comes back: everything finds its way by itself."""

import signal

from cluster_fixture import ClusterTest, wait_for
from foreign_client import ForeignClient


class ServerRestart(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster()

    def restart(self, number):
        cluster = self.cluster
        load = cluster.start_load()
        before = cluster.active()
        wait_for(lambda: cluster.written_under(before["epoch"]) > 10, "entries are written")
        pids = {name: cluster.pid(name)
                for name in ("coordinator", "node1", "node2", "node3")}
        cluster.end("server", number)
        self.assertEqual(4, cluster.cli("--timeout", "1s", "status").code)
        cluster.up()
        after = cluster.all_back()
        # Nobody had to be started again.
        self.assertEqual(pids, {name: cluster.pid(name) for name in pids})
        self.assertGreaterEqual(after["epoch"], before["epoch"])
        wait_for(lambda: cluster.written_under(after["epoch"]) > 10, "entries are written again")
        code, report = load.end()
        self.assertEqual(0, code, report)
        done = cluster.ask("failover", "ledger", "--wait")
        self.assertEqual(after["epoch"] + 1, done["epoch"])

    def test_told_to_end(self):
        self.restart(signal.SIGTERM)

    def test_killed(self):
        self.restart(signal.SIGKILL)

    async def test_subscriptions_and_commands_work_afterwards(self):
        cluster = self.cluster
        group = cluster.group
        async with ForeignClient(cluster.info(), "operator") as operator:
            operator.send_presence_subscription(pto=group)
            await operator.presence_of(group)
            cluster.end("server")
        cluster.up()
        cluster.all_back()
        async with ForeignClient(cluster.info(), "operator") as operator:
            await operator.presence_of(group)
            self.assertIn("ACTIVE", await operator.chat(group, "status"))
            self.assertIn("log-level", await operator.commands_of(cluster.node_jid("node1")))
