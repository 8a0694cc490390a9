"""Alerts reach people, whatever becomes of them and of the coordinator meanwhile."""

import asyncio
import signal

from cluster_fixture import ClusterTest, wait_for
from foreign_client import ForeignClient

# What nodes have to be heard of after a start before levels count, and some more.
SETTLE_S = 12
# Levels must be well for half a minute before an incident is over.
RECOVERY_S = 60


class Alerts(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster(nodes=2)
        self.cluster.active()

    def client(self, account, resource="phone", receipts=True):
        client = ForeignClient(self.cluster.info(), account, resource)
        # The coordinator is to see when somebody is there.
        client.auto_authorize = True
        if receipts:
            client.register_plugin("xep_0184", {"auto_request": False})
        return client

    @property
    def group(self):
        return self.cluster.info()["groups"][0]["name"]

    async def subscribe(self, client):
        # So low that only a group without an active node is below it: what the nodes count of their
        # own outages afterwards is no matter here.
        said = await client.chat(self.cluster.group, "subscribe below=1 for=0s")
        self.assertIn("You hear when %s is below 1%%." % self.group, said)

    async def until(self, client, words, seconds=30):
        """The first message with those words; those before it are passed over."""
        async def look():
            while True:
                message = await client.next_message(seconds)
                if words in message["body"]:
                    return message
        return await asyncio.wait_for(look(), seconds)

    def fall(self):
        for name in ("node1", "node2"):
            self.cluster.end(name, signal.SIGKILL)

    def outbox(self):
        return self.cluster.query("SELECT * FROM outbox ORDER BY seq")

    async def test_from_the_fall_to_the_end(self):
        async with self.client("operator") as operator:
            await self.subscribe(operator)
            async with self.client("observer") as observer:
                await self.subscribe(observer)
                # Until the coordinator has seen that somebody is there, it can't see them go.
                await asyncio.sleep(2)
            async with self.client("admin", receipts=False) as admin:
                await self.subscribe(admin)
                await asyncio.sleep(SETTLE_S)
                self.fall()

                alert = await self.until(operator, "Incident 1 (page)")
                self.assertEqual(self.cluster.group, alert["from"].bare)
                self.assertIn("ack 1", alert["body"])
                self.assertIn("xmpp:%s?command;node=explain" % self.cluster.group, alert["body"])
                again = await self.until(admin, "Incident 1 (page)")
                self.assertNotEqual(alert["id"], again["id"])

                said = await operator.chat(self.cluster.group, "ack 1 'on it'")
                self.assertIn("Incident 1, %s, is yours." % self.group, said)
                told = await self.until(admin, "is looking into incident 1")
                self.assertIn("on it", told["body"])

                # The one sends receipts; the other shows by writing that somebody reads.
                operator_jid = operator.boundjid.bare
                wait_for(lambda: all(row["to_jid"] != operator_jid for row in self.outbox()),
                         "nothing waits for the operator")
                await asyncio.sleep(3)
                admin.send_message(mto=self.cluster.group, mbody="status", mtype="chat")
                admin_jid = admin.boundjid.bare
                await asyncio.sleep(1)
                self.assertEqual([], [row for row in self.outbox() if row["to_jid"] == admin_jid])

                self.cluster.up()
                over = await self.until(operator, "Incident 1, %s, is over" % self.group,
                                        RECOVERY_S)
                self.assertIn("after", over["body"])

        # Whoever was away gets one message about all of it.
        async with self.client("observer") as observer:
            summary = await self.until(observer, "While you were away")
            self.assertIn("#1 %s: over" % self.group, summary["body"])
            observer_jid = observer.boundjid.bare
            await asyncio.sleep(2)
            self.assertTrue(observer.has_no_messages())
            self.assertEqual([], [row for row in self.outbox()
                                  if row["to_jid"] == observer_jid])

    async def test_a_killed_coordinator_repeats_under_the_same_id(self):
        async with self.client("operator", receipts=False) as operator:
            await self.subscribe(operator)
            await asyncio.sleep(SETTLE_S)
            self.fall()
            alert = await self.until(operator, "Incident 1 (page)")
            self.cluster.end("coordinator", signal.SIGKILL)
            self.cluster.up()
            repeated = await self.until(operator, "Incident 1 (page)")
            self.assertEqual(alert["id"], repeated["id"])
            self.assertEqual(alert["body"], repeated["body"])
            self.assertEqual(1, len(self.cluster.query("SELECT * FROM incidents")))

    async def test_a_silence_keeps_it_quiet_and_says_so(self):
        async with self.client("operator") as operator:
            await self.subscribe(operator)
            said = await operator.chat(self.cluster.group, "silence for=20s reason=works")
            self.assertIn("are quiet until", said)
            await asyncio.sleep(SETTLE_S)
            self.fall()
            first = await operator.next_message(30)
            self.assertIn("The silence of %s" % self.group, first["body"])
            alert = await self.until(operator, "Incident 1 (page)")
            self.assertIn("ack 1", alert["body"])
