"""What the contacts show, to whom, and that it lasts."""

import signal

from cluster_fixture import ClusterTest, SharedClusterTest
from foreign_client import ForeignClient


def gone(shown):
    return shown is None


class Presence(SharedClusterTest):
    def client(self, account, resource="phone"):
        return ForeignClient(self.cluster.info(), account, resource)

    def contacts(self):
        return [self.cluster.coordinator, self.cluster.group,
                "muster@" + self.cluster.info()["domain"]]

    def subscribers(self, contact):
        return {row["subscriber"] for row in self.cluster.query(
            "SELECT subscriber FROM subscriptions WHERE contact = ?", contact)}

    async def test_a_subscription_brings_the_level_in_words(self):
        async with self.client("observer") as observer:
            for contact in self.contacts():
                observer.send_presence_subscription(pto=contact)
            for contact in self.contacts():
                with self.subTest(contact=contact):
                    show, status = await observer.presence_of(contact)
                    # Nothing has been counted yet, and that is never "well".
                    self.assertEqual("away", show)
                    self.assertIn("NO DATA", status)
            self.assertIn("Overall service level", observer.presences[self.contacts()[0]][1])
            self.assertIn("Overall service level", observer.presences[self.contacts()[2]][1])
            self.assertIn("service level", observer.presences[self.cluster.group][1])

    async def test_a_fresh_login_is_told_without_asking(self):
        async with self.client("operator") as operator:
            for contact in self.contacts():
                operator.send_presence_subscription(pto=contact)
                await operator.presence_of(contact)
        async with self.client("operator", "desktop") as again:
            for contact in self.contacts():
                with self.subTest(contact=contact):
                    await again.presence_of(contact)

    async def test_a_node_is_a_contact_too(self):
        bare = self.cluster.node_jid("node2").partition("/")[0]
        async with self.client("observer") as observer:
            observer.send_presence_subscription(pto=bare)
            show, status = await observer.presence_of(bare)
            self.assertEqual("away", show)
            self.assertIn("User service level: NO DATA", status)

    async def test_a_service_is_a_contact_for_whoever_asks(self):
        contact = "user." + self.cluster.group
        async with self.client("observer") as observer:
            observer.send_presence_subscription(pto=contact)
            show, status = await observer.presence_of(contact)
            self.assertEqual(
                ("away", "User service level: NO DATA (nothing counted in the last 10 mins.)"),
                (show, status))
            # It takes commands as its group's contact does, and means itself.
            self.assertIn("user.ledger", await observer.chat(contact, "subscribe below=90"))
            self.assertIn("user.ledger", await observer.chat(contact, "unsubscribe"))
            self.assertIn("ledger", await observer.chat(contact, "explain"))
            observer.send_presence_subscription(pto="nothing." + self.cluster.group)
            observer.send_message(mto="nothing." + self.cluster.group, mbody="status", mtype="chat")
            refusal = await observer.next_refusal()
            self.assertEqual("service-unavailable", refusal["error"]["condition"])
            self.assertEqual(set(), self.subscribers("nothing." + self.cluster.group))

    async def test_an_end_of_the_subscription(self):
        group = self.cluster.group
        async with self.client("admin") as admin:
            admin.send_presence_subscription(pto=group)
            await admin.presence_of(group)
            self.assertIn(admin.boundjid.bare, self.subscribers(group))
            admin.send_presence_subscription(pto=group, ptype="unsubscribe")
            await admin.presence_of(group, gone)
            self.assertNotIn(admin.boundjid.bare, self.subscribers(group))
            await admin.get_roster()
            self.assertEqual("none", admin.client_roster[group]["subscription"])

    async def test_a_stranger_is_refused_by_the_components_contacts(self):
        contacts = [self.cluster.coordinator, self.cluster.group,
                    "nobody@" + self.cluster.coordinator]
        async with self.client("stranger") as stranger:
            for contact in contacts:
                with self.subTest(contact=contact):
                    stranger.send_presence_subscription(pto=contact)
                    await stranger.refused_by(contact)
                    self.assertIsNone(stranger.presences.get(contact))
            self.assertEqual([], self.cluster.query(
                "SELECT * FROM subscriptions WHERE subscriber = ?", stranger.boundjid.bare))

    async def test_a_stranger_sees_nothing_of_the_accounts(self):
        accounts = ["muster@" + self.cluster.info()["domain"],
                    self.cluster.node_jid("node1").partition("/")[0]]
        async with self.client("stranger") as stranger:
            for account in accounts:
                with self.subTest(account=account):
                    # The request may be granted some day, and until then has no answer. A line
                    # after it has one: by then the request has been dealt with.
                    stranger.send_presence_subscription(pto=account)
                    stranger.send_message(mto=account, mbody="help", mtype="chat")
                    await stranger.next_refusal()
                    await stranger.get_roster()
                    self.assertEqual("none", stranger.client_roster[account]["subscription"])
                    self.assertIsNone(stranger.presences.get(account))


class PresenceThroughFailures(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster()

    async def test_subscriptions_outlive_the_coordinator(self):
        cluster = self.cluster
        group, account = cluster.group, "muster@" + cluster.info()["domain"]
        async with ForeignClient(cluster.info(), "operator") as operator:
            for contact in (group, cluster.coordinator, account):
                operator.send_presence_subscription(pto=contact)
                await operator.presence_of(contact)

            # Told to end, it takes its leave.
            cluster.end("coordinator", signal.SIGTERM)
            for contact in (group, cluster.coordinator, account):
                await operator.presence_of(contact, gone)
            cluster.up()
            for contact in (group, cluster.coordinator, account):
                await operator.presence_of(contact)

            # Killed, it can't; the server says so of the account.
            cluster.end("coordinator", signal.SIGKILL)
            await operator.presence_of(account, gone)
            operator.presences.clear()
            cluster.up()
            # Nobody asked again.
            for contact in (group, cluster.coordinator, account):
                await operator.presence_of(contact)

    async def test_nodes_say_that_there_is_no_coordinator(self):
        cluster = self.cluster
        bare = cluster.node_jid("node1").partition("/")[0]
        full = cluster.node_jid("node1")
        async with ForeignClient(cluster.info(), "observer") as observer:
            observer.send_presence_subscription(pto=bare)
            _, status = await observer.presence_of(bare)
            self.assertNotIn("coordinator", status)
            cluster.end("coordinator")
            await observer.presence_of(
                bare, lambda shown: shown and "o coordinator since" in shown[1], 30)
            # Its own commands need none.
            self.assertIn("No coordinator since: 20", await observer.chat(full, "node-info"))
            cluster.up()
            await observer.presence_of(
                bare, lambda shown: shown and "coordinator" not in shown[1], 30)

    async def test_a_group_without_an_active_node_shows_it(self):
        cluster = self.cluster
        async with ForeignClient(cluster.info(), "operator") as operator:
            operator.send_presence_subscription(pto=cluster.group)
            await operator.presence_of(cluster.group)
            for name in ("node1", "node2", "node3"):
                cluster.end(name)
            show, _ = await operator.presence_of(
                cluster.group, lambda shown: shown and "No active node" in shown[1], 30)
            self.assertIn(show, ("away", "dnd"))
            cluster.up()
            await operator.presence_of(
                cluster.group, lambda shown: shown and "No active node" not in shown[1], 30)
