"""drain, undrain, role and audit at a node, and what a node shows without a coordinator."""

import re
import signal

from cluster_fixture import LEASE_TTL_S, ClusterTest, SharedClusterTest, wait_for
from foreign_client import ForeignClient, fields_of, form_of, notes_of


def code_in(said):
    return re.search(r"code (\d{6})", said).group(1)


class Drain(SharedClusterTest):
    def node(self, name):
        return self.cluster.node_jid(name)

    async def test_a_standby_is_drained_and_shows_who_why_and_since_when(self):
        name = self.cluster.standby()
        bare = self.node(name).partition("/")[0]
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            operator.send_presence_subscription(pto=bare)
            await operator.presence_of(bare)
            said = await operator.chat(self.node(name), 'drain "disk swap"')
            self.assertIn("it stays a standby until 'undrain'", said)
            said = await operator.chat(self.node(name), code_in(said))
            self.assertIn("This node is drained", said)
            shown, status = await operator.presence_of(
                bare, lambda seen: seen is not None and "Drained" in seen[1])
            self.assertRegex(
                status, r"Drained by operator since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: disk swap")

            info = self.cluster.ask("--at", name, "node-info")
            self.assertEqual((True, "disk swap"),
                             (info["drain"]["drained"], info["drain"]["reason"]))
            said = await operator.chat(self.node(name), "undrain")
            self.assertIn("may become active again", said)
            await operator.presence_of(
                bare, lambda seen: seen is not None and "Drained" not in seen[1])

    async def test_a_form_drains_too_and_an_observer_does_not(self):
        name = self.cluster.standby()
        async with ForeignClient(self.cluster.info(), "observer") as observer:
            listed = await observer.commands_of(self.node(name))
            self.assertIn("role", listed)
            for verb in ("drain", "undrain", "audit"):
                self.assertNotIn(verb, listed)
            self.assertIn("operator", await observer.chat(self.node(name), "drain"))
        async with ForeignClient(self.cluster.info(), "operator") as operator:
            stage = await operator.command(self.node(name), "drain")
            self.assertEqual("executing", stage.get("status"))
            done = await operator.command(self.node(name), "drain", action="complete",
                                          session=stage.get("sessionid"),
                                          fields={"reason": "by form"})
            self.assertEqual("completed", done.get("status"))
            self.assertIn("is drained", notes_of(done)[0][1])
            self.assertEqual(["by form"], fields_of(form_of(done)).get("drain.reason", ["by form"]))
        self.assertTrue(self.cluster.ask("--at", name, "role")["drain"]["drained"])
        self.assertFalse(self.cluster.ask("--at", name, "undrain")["drain"]["drained"])

    def test_the_trail_is_the_nodes_own(self):
        name = self.cluster.standby()
        self.cluster.ask("--at", name, "log-level", "storage", "debug", "--for", "10s")
        self.cluster.ask("--at", name, "log-level", "storage", "reset")
        records = self.cluster.ask("--at", name, "audit", "--verb", "log-level")["records"]
        newest = records[0]
        self.assertEqual(("log-level", "storage reset", "ok", "program"),
                         (newest["verb"], newest["arguments"], newest["outcome"], newest["face"]))
        self.assertEqual("operator@" + self.cluster.info()["domain"], newest["who"])
        self.assertEqual("begun", records[1]["outcome"])
        self.assertEqual(newest["call"], records[1]["call"])
        self.assertEqual(3, self.cluster.cli("--as", "observer", "--at", name, "audit").code)

    def test_the_role_is_told_with_the_lease(self):
        active = self.cluster.active()["active"]
        role = self.cluster.ask("--at", active, "role")
        self.assertEqual("active", role["role"])
        self.assertEqual(self.cluster.status()["epoch"], role["epoch"])
        self.assertEqual(1000 * LEASE_TTL_S, role["lease_ttl_ms"])
        self.assertTrue(0 < role["lease_left_ms"] <= 1000 * LEASE_TTL_S, role)


class HarmedDrain(ClusterTest):
    def test_with_force_the_active_node_gives_the_role_up(self):
        cluster = self.own_cluster(nodes=2)
        before = cluster.active()
        reply = cluster.ask("--at", before["active"], "drain", "disk swap", "--force")
        self.assertTrue(reply["drain"]["drained"])
        # Nobody drained it at the coordinator, which goes by the node's mark.
        wait_for(lambda: cluster.status()["active"] not in ("", before["active"]),
                 "the other node is active")
        # The mark is on its disk.
        cluster.end(before["active"], signal.SIGTERM)
        cluster.up()
        self.assertTrue(cluster.ask("--at", before["active"], "role")["drain"]["drained"])

    def test_the_coordinator_goes_by_the_mark_of_an_active_node(self):
        cluster = self.own_cluster(nodes=2)
        before = cluster.active()["active"]
        reply = cluster.ask("--at", before, "drain", "disk swap")
        self.assertEqual("active", reply["role"])
        wait_for(lambda: cluster.status()["active"] not in ("", before),
                 "the other node is active")
        self.assertEqual("disk swap", cluster.node(before)["drain"]["reason"])
        # And by the coordinator's own, which is later.
        cluster.ask("undrain", before)
        wait_for(lambda: not cluster.ask("--at", before, "role")["drain"]["drained"],
                 "the node has heard of it")
        newest = cluster.ask("--at", before, "audit", "--verb", "undrain")["records"][0]
        self.assertEqual(("coordinator", "ok"), (newest["face"], newest["outcome"]))

    async def test_nodes_say_since_when_there_is_no_coordinator(self):
        cluster = self.own_cluster(nodes=2)
        cluster.active()
        bare = cluster.node_jid("node1").partition("/")[0]
        async with ForeignClient(cluster.info(), "operator") as operator:
            operator.send_presence_subscription(pto=bare)
            await operator.presence_of(bare, lambda seen: seen and "No coordinator" not in seen[1])
            cluster.end("coordinator", signal.SIGKILL)
            shown, status = await operator.presence_of(
                bare, lambda seen: seen is not None and "No coordinator since" in seen[1])
            self.assertEqual("away", shown)
            # The command at the node goes on.
            said = await operator.chat(bare, "node-info")
            self.assertIn("No coordinator since", said)
            cluster.up()
            await operator.presence_of(
                bare, lambda seen: seen is not None and "No coordinator" not in seen[1], 30)

    async def test_after_a_restart_of_the_server_the_coordinator_is_seen_again(self):
        cluster = self.own_cluster(nodes=2)
        cluster.active()
        bare = cluster.node_jid("node1").partition("/")[0]
        cluster.end("server", signal.SIGTERM)
        cluster.up()
        cluster.all_back()
        async with ForeignClient(cluster.info(), "operator") as operator:
            operator.send_presence_subscription(pto=bare)
            await operator.presence_of(
                bare, lambda seen: seen is not None and "No coordinator" not in seen[1], 30)
        info = cluster.ask("--at", "node1", "node-info")
        self.assertEqual("", info["no_coordinator_since"])
