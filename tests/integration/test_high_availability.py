"""Several coordinators on an etcd: one leads, and another takes over."""

import signal
import time

from cluster_fixture import LEASE_TTL_S, ClusterTest, wait_for

ETCD = ("--store", "etcd", "--coordinators", "2")
# Longer than etcd keeps a leader that it doesn't hear of (3 s) and another one takes to begin, so
# that a holder keeps its lease however the leader is lost.
LONG_LEASE_TTL_S = 3 + LEASE_TTL_S + 3


class HighAvailability(ClusterTest):
    def up(self, options=ETCD, nodes=3):
        self.own_cluster(nodes, options, LONG_LEASE_TTL_S)
        self.before = self.cluster.active()

    def leader(self):
        """The name of the coordinator that leads; waits for it."""
        def look():
            done = self.cluster.cli("coordinators", "-o", "json", "--timeout", "2s")
            if done.code != 0:
                return None
            return [each["name"] for each in done.json["coordinators"] if each["leads"]]
        return wait_for(look, "a coordinator leads")[0]

    def other(self, than):
        """Waits until another one leads."""
        return wait_for(lambda: self.leader() != than and self.leader(), "another one leads")

    def assertHolderKept(self):
        """Whoever was active has been all the time."""
        now = self.cluster.active()
        self.assertEqual((self.before["active"], self.before["epoch"]),
                         (now["active"], now["epoch"]))


class TakingOver(HighAvailability):
    def test_the_leader_dies_and_everything_is_there(self):
        self.up()
        load = self.cluster.start_load()
        leader = self.leader()
        self.cluster.ask("pause", "ledger", "network works", "--for", "1h")
        self.cluster.ask("log-level", "node1", "storage", "debug")
        self.cluster.ask("--as", "admin", "grant", "observer", "eve@cluster.localhost")
        self.cluster.end(leader)
        self.assertNotEqual(leader, self.other(leader))
        self.assertIn("network works", self.cluster.status()["note"])
        self.cluster.ask("resume", "ledger")
        self.assertHolderKept()
        admin = ("--as", "admin")
        roles = {each["jid"]: each["role"] for each in self.cluster.ask("roles")["roles"]}
        self.assertEqual("observer", roles["eve@cluster.localhost"])
        verbs = {each["verb"] for each in self.cluster.ask(*admin, "audit")["records"]}
        self.assertLessEqual({"pause", "log-level", "grant"}, verbs)
        whats = [each["what"] for each in self.cluster.ask("history", "ledger")["events"]]
        self.assertEqual(["resumed", "paused", "active"], whats)
        moved = self.cluster.ask("failover", "ledger", "--wait")
        self.assertGreater(moved["epoch"], self.before["epoch"])
        # The one that died comes back, waits, and takes over in its turn.
        self.cluster.up()
        second = self.leader()
        self.assertNotEqual(leader, second)
        self.before = self.cluster.active()
        self.cluster.end(second, signal.SIGTERM)
        self.assertEqual(leader, self.other(second))
        self.assertHolderKept()
        code, report = load.end()
        self.assertEqual(0, code, report)
        self.assertTrue(report["journal"]["sound"], report)

    def test_the_leader_stands_still_and_finds_itself_deposed(self):
        self.up()
        leader = self.leader()
        self.cluster.send_signal(leader, signal.SIGSTOP)
        try:
            second = self.other(leader)
            self.assertHolderKept()
            moved = self.cluster.ask("failover", "ledger", "--wait")
            self.assertGreater(moved["epoch"], self.before["epoch"])
        finally:
            self.cluster.send_signal(leader, signal.SIGCONT)
        wait_for(lambda: "does not lead any more" in self.cluster.log(leader),
                 "it has noticed")
        self.assertEqual(second, self.leader())
        self.assertEqual(moved["epoch"], self.cluster.active()["epoch"])

    def test_the_server_restarts(self):
        self.up()
        self.cluster.end("server")
        self.cluster.up()
        now = self.cluster.active()
        self.assertGreaterEqual(now["epoch"], self.before["epoch"])
        moved = self.cluster.ask("failover", "ledger", "--wait")
        self.assertGreater(moved["epoch"], now["epoch"])

    def test_without_etcd_nothing_is_granted_and_nobody_is_elected_twice(self):
        self.up()
        load = self.cluster.start_load()
        self.cluster.send_signal("etcd1", signal.SIGSTOP)
        try:
            time.sleep(2 * LONG_LEASE_TTL_S)
            self.assertFalse([node for node in self.node_roles() if node == "active"],
                             "nobody goes on without a renewal")
        finally:
            self.cluster.send_signal("etcd1", signal.SIGCONT)
        now = self.cluster.active()
        self.assertGreater(now["epoch"], self.before["epoch"])
        # And once more, killed: what it had acknowledged is on its disk.
        self.before = now
        self.cluster.end("etcd1")
        self.cluster.up()
        self.assertGreaterEqual(self.cluster.active()["epoch"], self.before["epoch"])
        code, report = load.end()
        self.assertEqual(0, code, report)
        self.assertTrue(report["journal"]["sound"], report)

    def node_roles(self):
        roles = []
        for node in self.cluster.info()["nodes"]:
            done = self.cluster.cli("--at", node["name"], "node-info", "-o", "json")
            if done.code == 0:
                roles.append(done.json["role"])
        return roles


class ThreeMembers(HighAvailability):
    def test_one_member_of_etcd_may_die(self):
        self.up(("--store", "etcd", "--coordinators", "3", "--etcd-members", "3"))
        for member in ("etcd1", "etcd2", "etcd3"):
            self.cluster.end(member)
            moved = wait_for(lambda: self.moved(), "the role can be moved")
            self.assertGreater(moved["epoch"], self.before["epoch"])
            self.before = self.cluster.active()
            self.cluster.up()
        wait_for(lambda: len(self.cluster.ask("coordinators")["coordinators"]) == 3,
                 "all three take part")

    def moved(self):
        done = self.cluster.cli("failover", "ledger", "--wait", "-o", "json", "--timeout", "20s")
        return done.json if done.code == 0 else None


class Options(ClusterTest):
    def test_what_does_not_go_together_is_refused(self):
        self.own_cluster(1)
        for words, told in ((["--coordinators", "2"], "needs --store etcd"),
                            (["--store", "files"], "must be sqlite or etcd, not 'files'"),
                            (["--store", "etcd", "--etcd-members", "2"], "must be 1 or 3, not 2"),
                            (["--etcd-members", "3"], "goes with --store etcd"),
                            (["--store", "etcd"], "holds a cluster with --store sqlite")):
            refused = self.cluster.run("up", "--dir", str(self.cluster.dir), "--detach", *words)
            self.assertEqual(2, refused.code, words)
            self.assertIn(told, refused.err)
        alone = self.cluster.ask("coordinators")["coordinators"]
        self.assertEqual([True], [each["leads"] for each in alone])
