"""Two coordinators on a site's own server; the modules name the kind of server."""

import signal

from cluster_fixture import wait_for
from site_server import Site


class AvailabilityCases:
    kind = None

    def setUp(self):
        self.site = Site(self.kind, coordinators=2)
        self.addCleanup(self.site.remove)
        try:
            self.site.start()
        except Exception:
            print(self.site.logs())
            raise
        self.before = self.site.active()

    def leader(self):
        """The one that leads; waits until one does and answers."""
        def look():
            done = self.site.cli("coordinators", "--timeout", "3s")
            return done.code == 0 and [each["name"] for each in done.json["coordinators"]
                                       if each["leads"]]
        return wait_for(look, "a coordinator leads", 60)[0]

    def leads_by_its_log(self, name):
        return "%s leads, under term" % name in (self.site.dir / (name + ".log")).read_text()

    def wait_until_watched(self, leader):
        """Until its first answer the one that waits has more patience than a lease is long."""
        other = next(name for name in self.site.coordinators if name != leader)
        wait_for(lambda: "answers and is watched" in
                 (self.site.dir / (other + ".log")).read_text(), "the leader is watched")

    def assertHolderKept(self):
        now = self.site.active()
        self.assertEqual((self.before["active"], self.before["epoch"]),
                         (now["active"], now["epoch"]), self.site.logs())

    def test_the_leader_dies(self):
        leader = self.leader()
        self.wait_until_watched(leader)
        self.site.crash(leader)
        self.assertNotEqual(leader, wait_for(lambda: self.leader() != leader and self.leader(),
                                             "the other one leads"))
        self.assertHolderKept()
        self.site.restart_daemon(leader)
        self.assertEqual(0, self.site.cli("failover", "storage", "--wait").code)

    def test_the_leader_stands_still(self):
        """Leases go on, whatever the server does with the public address meanwhile."""
        leader = self.leader()
        self.wait_until_watched(leader)
        other = next(name for name in self.site.coordinators if name != leader)
        self.site.processes[leader].send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: self.leads_by_its_log(other), "the other one leads")
            self.assert_while_it_stands_still()
        finally:
            self.site.processes[leader].send_signal(signal.SIGCONT)
        self.assertEqual(other, wait_for(lambda: self.leader() == other and other,
                                         "the one that stood still has let go"))
        self.assertHolderKept()
        moved = self.site.cli("failover", "storage", "--wait")
        self.assertEqual(0, moved.code, moved)

    def assert_while_it_stands_still(self):
        self.assertHolderKept()
