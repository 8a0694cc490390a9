"""With failsafe a healthy active node outlives its coordinator, as long as all others promise."""

import signal
import time

from cluster_fixture import wait_for
from site_server import Site

LEASE_TTL_S = 2
# So much longer than a lease that one without promises is over for certain.
LONG_S = 4 * LEASE_TTL_S


class FailsafeSite(Site):
    def __init__(self, kind):
        super().__init__(kind, lease_ttl_s=LEASE_TTL_S)

    def _coordinator_toml(self, name):
        return super()._coordinator_toml(name).replace("[election]\n", "[election]\nfailsafe = true\n")

    def addresses(self):
        """{name: full JID} of the nodes' processes."""
        return {node["name"]: node["jid"] for node in self.cli("nodes").json["nodes"]}

    def role(self, address):
        """What the node itself says, which needs no coordinator."""
        done = self.cli("--at", address, "role", "--timeout", "3s")
        return done.json if done.code == 0 else {}

    def same_as_before(self, before):
        groups = self.status()
        return bool(groups) and not groups[0]["note"] and \
            (groups[0]["active"], groups[0]["epoch"]) == (before["active"], before["epoch"])


class FailsafeCases:
    kind = None

    def setUp(self):
        self.site = FailsafeSite(self.kind)
        self.addCleanup(self.site.remove)
        self.site.start()
        self.before = self.site.active()
        addresses = self.site.addresses()
        self.active = addresses.pop(self.before["active"])
        self.others = sorted(addresses)
        # The holder has renewed, so it knows all of the others.
        time.sleep(LEASE_TTL_S)

    def test_the_active_node_outlives_the_coordinator(self):
        self.site.crash("coordinator")
        wait_for(lambda: self.site.role(self.active).get("failsafe"), "the lease goes on by promises")
        time.sleep(LONG_S)
        role = self.site.role(self.active)
        self.assertEqual(("active", self.before["epoch"]), (role["role"], role["epoch"]))
        self.site.restart_daemon("coordinator")
        wait_for(lambda: self.site.same_as_before(self.before), "it is active as if nothing had been")
        wait_for(lambda: not self.site.role(self.active).get("failsafe"), "it renews its lease")

    def test_one_that_does_not_promise_is_enough_to_stop_it(self):
        self.site.processes[self.others[0]].send_signal(signal.SIGSTOP)
        try:
            self.site.crash("coordinator")
            wait_for(lambda: self.site.role(self.active).get("role") == "standby", "it has stopped")
        finally:
            self.site.processes[self.others[0]].send_signal(signal.SIGCONT)
        log = (self.site.dir / (self.before["active"] + ".log")).read_text()
        self.assertIn("the lease can't go on: %s did not promise" % self.others[0], log)
        self.site.restart_daemon("coordinator")
        self.assertGreater(self.site.active()["epoch"], self.before["epoch"])

    def test_whoever_has_promised_takes_nothing_after_a_restart_either(self):
        self.site.crash("coordinator")
        wait_for(lambda: self.site.role(self.active).get("failsafe"), "the lease goes on by promises")
        # All of them have promised; now the holder stands still, and they start anew.
        self.site.processes[self.before["active"]].send_signal(signal.SIGSTOP)
        try:
            for node in self.others:
                self.site.crash(node)
                self.site.restart_daemon(node)
            self.site.restart_daemon("coordinator")
            after = wait_for(self.another, "another node is active", 60)
        finally:
            self.site.processes[self.before["active"]].send_signal(signal.SIGCONT)
        self.assertIn(after["active"], self.others)

    def another(self):
        groups = self.site.status()
        return groups and groups[0]["phase"] == "ACTIVE" and \
            groups[0]["epoch"] > self.before["epoch"] and not groups[0]["note"] and groups[0]
