"""`muster up` and `muster down`: a cluster that ends as a whole and goes on where it was."""

import signal
import subprocess

from cluster_fixture import (LEASE_TTL_S, MUSTER, Cluster, ClusterTest, is_running, wait_for)


class Lifecycle(ClusterTest):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(2)
        self.addCleanup(self.cluster.remove)
        self.addCleanup(self._keep_logs)

    def test_down_ends_everything_and_up_goes_on(self):
        cluster = self.cluster
        self.assertIn("is up: node1 and node2", cluster.up())
        moved = cluster.ask("failover", "ledger", "--wait")
        before = cluster.info()
        pids = [cluster.pid(name) for name in ("server", "coordinator", "node1", "node2")]

        done = cluster.down()
        self.assertEqual(0, done.code, done)
        for name in ("server", "coordinator", "node1", "node2"):
            self.assertRegex(done.out, r"ended %s \(pid \d+\)\n" % name)
        self.assertEqual([], [pid for pid in pids if is_running(pid)])
        self.assertEqual([], cluster.left_running())
        self.assertEqual({None}, set(cluster.info()["processes"].values()))
        self.assertEqual(4, cluster.cli("--timeout", "1s", "status").code)
        # Once more does no harm.
        done = cluster.down()
        self.assertEqual((0, "nothing was running\n"), (done.code, done.out))

        self.assertIn("is up again", cluster.up())
        after = cluster.info()
        for key in ("accounts", "domain", "coordinator", "groups", "lease_ttl"):
            self.assertEqual(before[key], after[key])
        # Instances are new, names are not.
        self.assertEqual([node["name"] for node in before["nodes"]],
                         [node["name"] for node in after["nodes"]])
        self.assertFalse({node["jid"] for node in before["nodes"]}
                         & {node["jid"] for node in after["nodes"]})
        self.assertGreater(cluster.active()["epoch"], moved["epoch"])
        # The trail goes on as well.
        self.assertEqual(1, cluster.query("SELECT count(*) AS n FROM audit WHERE "
                                          "verb = 'failover' AND code = 'ok'")[0]["n"])

    def test_up_in_the_foreground_ends_all_when_told_to(self):
        cluster = self.cluster
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                shell = subprocess.Popen(
                    [MUSTER, "up", "--dir", str(cluster.dir), "--nodes", "2",
                     "--lease-ttl", "%ds" % LEASE_TTL_S],
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                try:
                    self.assertIn("is up", shell.stdout.readline())
                    cluster.active()
                    shell.send_signal(number)
                    out, _ = shell.communicate(timeout=30)
                finally:
                    if shell.poll() is None:
                        shell.kill()
                        shell.communicate()
                self.assertEqual(0, shell.returncode, out)
                self.assertEqual([], cluster.left_running())

    def test_in_the_foreground_nothing_outlives_a_killed_shell(self):
        cluster = self.cluster
        shell = subprocess.Popen([MUSTER, "up", "--dir", str(cluster.dir), "--nodes", "2"],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertIn("is up", shell.stdout.readline())
        shell.kill()
        shell.communicate()
        wait_for(lambda: not cluster.left_running(), "everything has ended")

    def test_an_up_that_is_interrupted_leaves_nothing(self):
        cluster = self.cluster
        shell = subprocess.Popen([MUSTER, "up", "--dir", str(cluster.dir), "--nodes", "2",
                                  "--detach"],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_for(lambda: [pid for pid, _ in cluster.left_running() if pid != shell.pid],
                 "the first process has been started")
        shell.send_signal(signal.SIGINT)
        out, _ = shell.communicate(timeout=30)
        if shell.returncode == 0:
            self.skipTest("it was up before it could be interrupted")
        self.assertEqual(4, shell.returncode, out)
        self.assertEqual([], cluster.left_running())

    def test_what_was_killed_is_started_again_alone(self):
        cluster = self.cluster
        cluster.up()
        kept = {name: cluster.pid(name) for name in ("server", "coordinator", "node1")}
        cluster.end("node2")
        cluster.up()
        self.assertEqual(kept, {name: cluster.pid(name) for name in kept})
        self.assertTrue(is_running(cluster.pid("node2")))
        cluster.all_back()
