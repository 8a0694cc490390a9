"""Processes that die or stand still, under load."""

import os
import signal
import sqlite3
import time
from pathlib import Path

from cluster_fixture import LEASE_TTL_S, ClusterTest, wait_for


class Crash(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster()
        self.load = self.cluster.start_load()
        self.before = self.cluster.active()
        self.await_entries(self.before["epoch"])

    def await_entries(self, epoch, more=10):
        goal = self.cluster.written_under(epoch) + more
        wait_for(lambda: self.cluster.written_under(epoch) >= goal,
                 "entries are written under epoch %d" % epoch)

    def stop_between_writes(self, name):
        """SIGSTOP, but not while it has the journal's write lock: the file could then be written
        by nobody, whoever holds the lease."""
        pid = self.cluster.pid(name)
        for _ in range(50):
            os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: all(task.read_text().rpartition(")")[2].split()[0] == "T"
                                 for task in Path("/proc/%d/task" % pid).glob("*/stat")),
                     "%s stands still" % name)
            journal = sqlite3.connect(self.cluster.dir / "journal" / "ledger.sqlite", timeout=0,
                                      isolation_level=None)
            try:
                journal.execute("BEGIN IMMEDIATE")
                journal.execute("ROLLBACK")
                return
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
            finally:
                journal.close()
            self.await_entries(self.before["epoch"], 1)
        self.fail("%s has the journal locked all the time" % name)

    def assertSound(self):
        code, report = self.load.end()
        self.assertEqual(0, code, report)
        self.assertTrue(report["journal"]["sound"], report)

    def other_active(self):
        """The group's status once another epoch has its active node."""
        def look():
            status = self.cluster.active()
            return status if status["epoch"] > self.before["epoch"] else None
        return wait_for(look, "another node is active")

    def test_the_active_node_is_killed(self):
        self.cluster.end(self.before["active"])
        after = self.other_active()
        self.assertNotEqual(self.before["active"], after["active"])
        self.await_entries(after["epoch"])
        [dead] = [node for node in self.cluster.nodes() if not node["present"]]
        self.assertEqual(self.before["active"], dead["name"])
        # Whoever asks it is told so.
        done = self.cluster.cli("--at", dead["name"], "node-info")
        self.assertEqual(4, done.code, done)
        done = self.cluster.cli("failover", "ledger", "--to", dead["name"], "--wait")
        self.assertEqual(4, done.code, done)
        # It comes back as a standby.
        self.cluster.up()
        back = self.cluster.all_back()
        self.assertEqual((after["active"], after["epoch"]), (back["active"], back["epoch"]))
        self.assertEqual("standby", self.cluster.node(dead["name"])["role"])
        self.assertSound()

    def test_a_standby_is_killed(self):
        standby = self.cluster.standby()
        self.cluster.end(standby)
        wait_for(lambda: not self.cluster.node(standby)["present"], "the standby is gone")
        self.await_entries(self.before["epoch"])
        after = self.cluster.status()
        self.assertEqual((self.before["active"], self.before["epoch"], 2),
                         (after["active"], after["epoch"], after["present"]))
        self.cluster.up()
        back = self.cluster.all_back()
        self.assertEqual((self.before["active"], self.before["epoch"]),
                         (back["active"], back["epoch"]))
        self.assertSound()

    def test_the_coordinator_is_killed_and_the_active_node_stays_active(self):
        self.cluster.end("coordinator")
        answer = self.cluster.cli("status")
        self.assertEqual(4, answer.code)
        self.assertIn("the coordinator at muster.cluster.localhost is not connected", answer.err)
        self.assertIn("see whether muster-coordinator runs", answer.err)
        # At once, as somebody who watches over it would: within the lease.
        self.cluster.up()
        back = self.cluster.all_back()
        self.assertEqual((self.before["active"], self.before["epoch"]),
                         (back["active"], back["epoch"]))
        self.await_entries(self.before["epoch"])
        log = self.cluster.log(self.before["active"])
        self.assertNotIn("standby: epoch %d is over" % self.before["epoch"], log)
        # And can be moved as ever.
        done = self.cluster.ask("failover", "ledger", "--wait")
        self.await_entries(done["epoch"])
        self.assertSound()

    def test_without_a_coordinator_the_lease_runs_out(self):
        self.cluster.end("coordinator")
        active = self.before["active"]
        wait_for(lambda: "standby: epoch %d is over" % self.before["epoch"]
                 in self.cluster.log(active), "the holder has stopped")
        written = self.cluster.written_under(self.before["epoch"])
        # Nobody else begins without having been told to.
        for name in ("node1", "node2", "node3"):
            if name != active:
                self.assertNotIn("becoming active", self.cluster.log(name))
        self.cluster.up()
        after = self.cluster.all_back()
        self.assertGreater(after["epoch"], self.before["epoch"])
        self.await_entries(after["epoch"])
        self.assertEqual(written, self.cluster.written_under(self.before["epoch"]))
        self.assertSound()

    def test_the_coordinator_and_the_active_node_are_killed(self):
        self.cluster.end(self.before["active"])
        self.cluster.end("coordinator")
        began = time.monotonic()
        self.cluster.up()
        # Ready means that the node that is named as active says so itself.
        named = self.cluster.status()["active"]
        self.assertEqual("active", self.cluster.ask("--at", named, "node-info")["role"])
        after = self.cluster.all_back()
        took = time.monotonic() - began
        self.assertGreater(after["epoch"], self.before["epoch"])
        # A coordinator that has just started can't know when the last lease was granted: it has to
        # take it for granted at its own start, and its start came after `began`.
        self.assertGreaterEqual(took, LEASE_TTL_S)
        self.await_entries(after["epoch"])
        self.assertSound()

    def test_the_active_node_stands_still_and_wakes_up_late(self):
        active = self.before["active"]
        self.stop_between_writes(active)
        try:
            after = self.other_active()
            self.assertNotEqual(active, after["active"])
            self.await_entries(after["epoch"])
            written = self.cluster.written_under(self.before["epoch"])
        finally:
            self.cluster.send_signal(active, signal.SIGCONT)
        # It may end itself, since its time is over, or stop; `up` starts what has ended.
        wait_for(lambda: "standby: epoch %d is over" % self.before["epoch"]
                 in self.cluster.log(active) or self.has_ended(active),
                 "the old holder has stopped")
        self.await_entries(after["epoch"])
        self.assertEqual(written, self.cluster.written_under(self.before["epoch"]))
        self.cluster.up()
        back = self.cluster.all_back()
        self.assertEqual(after["epoch"], back["epoch"])
        self.assertSound()

    def has_ended(self, name):
        return self.cluster.pid(name) not in [pid for pid, _ in self.cluster.left_running()]

    def test_a_second_move_while_one_is_under_way_is_refused(self):
        active = self.before["active"]
        self.stop_between_writes(active)  # so that it can't say that it has stopped
        try:
            first = self.cluster.ask("failover", "ledger")
            self.assertEqual(("started", active), (first["state"], first["from"]))
            second = self.cluster.cli("failover", "ledger", "-o", "json")
            self.assertEqual(5, second.code, second)
            self.assertIn("under way", second.json["error"]["text"])
            self.other_active()
        finally:
            self.cluster.send_signal(active, signal.SIGCONT)

    def test_the_active_node_is_told_to_end(self):
        # It hands the lease back, so nothing has to be waited out.
        self.cluster.end(self.before["active"], signal.SIGTERM)
        after = self.other_active()
        self.await_entries(after["epoch"])
        self.assertIn("gave the lease back", self.cluster.log("coordinator"))
        self.assertSound()
