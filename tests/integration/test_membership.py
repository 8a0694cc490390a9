"""enroll, remove, grant and roles: through the command line, chat and forms, in force at once, and
on disk before they are acknowledged."""

import json
import signal

from cluster_fixture import ClusterTest, wait_for
from foreign_client import ForeignClient, fields_of, form_of, notes_of
from stanzas import refusal_of


class Membership(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster()
        self.domain = self.cluster.info()["domain"]
        self.cluster.active()

    def client(self, account):
        return ForeignClient(self.cluster.info(), account)

    def jid(self, name):
        return "%s@%s" % (name, self.domain)

    def account_of(self, node):
        return self.cluster.node_jid(node).partition("/")[0]

    def as_admin(self, *words):
        return self.cluster.ask("--as", "admin", *words)

    def roles(self):
        return {role["jid"]: role["role"] for role in self.cluster.ask("roles")["roles"]}

    def restart_coordinator(self):
        self.cluster.up()

        def look():
            done = self.cluster.cli("status", "ledger", "-o", "json", "--timeout", "5s")
            return done.code == 0 and done.json["groups"][0]["phase"] == "ACTIVE"
        wait_for(look, "the group has its active node")

    async def test_what_is_acknowledged_outlives_a_kill(self):
        """Killed the moment after each acknowledgement."""
        name = self.cluster.standby()
        self.as_admin("enroll", self.jid("spare"), "backup", "--create", "--priority", "7")
        self.cluster.end("coordinator", signal.SIGKILL)
        self.restart_coordinator()
        spare = self.cluster.node("spare")
        self.assertEqual(("backup", 7, False),
                         (spare["group"], spare["priority"], spare["present"]))
        self.assertEqual(["backup", "ledger"],
                         [group["name"] for group in self.cluster.ask("status")["groups"]])

        self.as_admin("grant", "operator", "ann@example.org")
        self.cluster.end("coordinator", signal.SIGKILL)
        self.restart_coordinator()
        self.assertEqual("operator", self.roles()["ann@example.org"])

        self.cluster.ask("drain", name, "disk swap", "--wait")
        self.cluster.end("coordinator", signal.SIGKILL)
        self.restart_coordinator()
        drain = self.cluster.node(name)["drain"]
        self.assertEqual((True, "disk swap"), (drain["drained"], drain["reason"]))

    async def test_a_new_groups_contact_is_there_at_once(self):
        async with self.client("admin") as admin:
            said = await admin.chat(self.cluster.coordinator,
                                    "enroll %s newgroup create=yes" % self.jid("spare"))
            self.assertIn("spare", said)
            contact = "newgroup@" + self.cluster.coordinator
            self.assertIn("newgroup", await admin.chat(contact, "status"))
            self.assertIn("explain", await admin.commands_of(contact))
            admin.send_presence_subscription(pto=contact, ptype="subscribe")
            shown = await admin.presence_of(contact)
            self.assertIn("No active node", shown[1])

    async def test_removed_and_enrolled_again_by_form(self):
        name = self.cluster.standby()
        account = self.account_of(name)
        async with self.client("admin") as admin:
            said = await admin.chat(self.cluster.coordinator, "remove " + name)
            self.assertIn("It is not active; nothing moves", said)
            code = next(word for word in said.split() if word.isdigit() and len(word) == 6)
            self.assertIn("no longer a member", await admin.chat(self.cluster.coordinator, code))
            self.assertNotIn(name, [node["name"] for node in self.cluster.nodes()])
            done = await admin.command(self.cluster.coordinator, "enroll",
                                       fields={"node": account, "group": "ledger"})
            self.assertEqual("completed", done.get("status"))
            self.assertEqual([name], fields_of(form_of(done))["node"])
        # It sees at once that it is wanted.
        wait_for(lambda: self.cluster.node(name)["present"], "the node is present again")
        done = self.cluster.ask("failover", "ledger", "--to", name, "--wait")
        self.assertEqual(name, done["to"])

    async def test_what_would_hurt_is_refused_with_the_remedy(self):
        active = self.cluster.active()["active"]
        done = self.cluster.cli("--as", "admin", "remove", active)
        self.assertEqual(5, done.code, done)
        self.assertIn("drain it first (drain %s)" % active, done.err)
        done = self.cluster.cli("--as", "admin", "enroll", self.account_of(active), "other",
                                "--create")
        self.assertEqual(5, done.code, done)
        self.assertIn("drain " + active, done.err)
        [admin] = [jid for jid, role in self.roles().items() if role == "admin"]
        done = self.cluster.cli("--as", "admin", "grant", "none", admin)
        self.assertEqual(5, done.code, done)
        self.assertIn("last admin", done.err)
        done = self.cluster.cli("--as", "admin", "enroll", self.jid("spare"), "ledgr")
        self.assertEqual(2, done.code, done)
        self.assertIn("did you mean 'ledger'?", done.err)

    async def test_the_active_node_is_removed_by_force(self):
        before = self.cluster.active()
        load = self.cluster.start_load()
        self.as_admin("remove", before["active"], "--force")
        after = wait_for(lambda: self.cluster.active()["epoch"] > before["epoch"]
                         and self.cluster.active(), "another node is active")
        self.assertNotEqual(before["active"], after["active"])
        code, report = load.end()
        self.assertEqual(0, code, report)
        self.assertTrue(report["journal"]["sound"], report)

    async def test_a_grant_holds_at_once_and_so_does_its_end(self):
        stranger = self.client("stranger")
        account = self.jid("stranger")
        node = self.cluster.node_jid("node1")
        async with stranger:
            refusal = await refusal_of(stranger.command(self.cluster.group, "status"))
            self.assertEqual("service-unavailable", refusal.condition)
            self.as_admin("grant", "operator", account)
            self.assertIn("ledger", await stranger.chat(self.cluster.group, "status"))
            stranger.send_presence_subscription(pto=self.cluster.group, ptype="subscribe")
            await stranger.presence_of(self.cluster.group)

            def node_knows():
                return self.cluster.cli("--as", "stranger", "--at", node, "node-info").code == 0
            wait_for(node_knows, "the node has the new grants")
            # A form that is open, and a code that is awaited.
            stage = await stranger.command(self.cluster.group, "failover")
            said = await stranger.chat(self.cluster.group, "failover")
            code = next(word for word in said.split() if word.isdigit() and len(word) == 6)

            self.as_admin("grant", "none", account)
            await stranger.refused_by(self.cluster.group)
            self.assertIsNone(stranger.presences[self.cluster.group])
            refusal = await refusal_of(stranger.command(
                self.cluster.group, "failover", action="complete",
                session=stage.get("sessionid"), fields={}))
            self.assertEqual("service-unavailable", refusal.condition)
            stranger.send_message(mto=self.cluster.group, mbody=code, mtype="chat")
            await stranger.next_refusal()
            wait_for(lambda: not node_knows(), "the node has the grants without it")
            refusal = await refusal_of(stranger.command(node, "node-info"))
            self.assertEqual("service-unavailable", refusal.condition)
        self.assertEqual(1, self.cluster.status()["epoch"])

    async def test_the_audit_trail_links_what_was_begun_and_what_came_of_it(self):
        self.as_admin("grant", "observer", "ann@example.org")
        records = self.cluster.ask("audit", "--verb", "grant")["records"]
        self.assertEqual(["ok", "begun"], [record["outcome"] for record in records])
        self.assertEqual(records[0]["call"], records[1]["call"])
        self.assertTrue(records[0]["call"])
        page = self.cluster.ask("audit", "--verb", "grant", "--limit", "1",
                                "--before", str(records[0]["seq"]))["records"]
        self.assertEqual([records[1]], page)
        self.assertEqual([], self.cluster.ask("audit", "nobody@example.org")["records"])
        json.dumps(records)
