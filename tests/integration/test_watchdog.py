"""A node's watchdog, played by a file: armed before the promotion, disarmed only after the demotion."""

import os
import signal
import unittest
from unittest import mock

from cluster_fixture import BIN, DEADLINE_S, wait_for
from site_server import Prosody, Site

SHIM = BIN.parent / "lib" / "libwatchdog_shim.so"
LEASE_TTL_S = 3


class GuardedSite(Site):
    """Two nodes, each with a watchdog of its own that it requires."""

    def __init__(self):
        super().__init__(Prosody, nodes=2, lease_ttl_s=LEASE_TTL_S)
        for node in self.nodes:
            self.device(node).touch()

    def device(self, node):
        return self.dir / (node + ".watchdog")

    def _node_toml(self, node):
        return super()._node_toml(node).replace(
            "[node]\n", '[node]\nwatchdog = "required"\nwatchdog_device = "%s"\n'
            % self.device(node))

    def _daemon(self, name, program, config):
        extra = {"LD_PRELOAD": str(SHIM), "WATCHDOG_FILE": str(self.device(name)),
                 "WATCHDOG_LOG": str(self.dir / (name + ".done"))} if program == "ledger" else {}
        with mock.patch.dict(os.environ, extra):
            super()._daemon(name, program, config)

    def done(self, node):
        """[(time in seconds, what was done)] to its watchdog."""
        file = self.dir / (node + ".done")
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        return [(int(when) / 1e9, what) for when, _, what in (line.partition(" ") for line in lines)]

    def log(self, node):
        return (self.dir / (node + ".log")).read_text(errors="replace")


def since_opened(done):
    """What was done since it was opened last."""
    opened = max(i for i, (_, what) in enumerate(done) if what == "open")
    return done[opened:]


def fires(done):
    """When it would have reset the machine."""
    timeout = None
    fires_at = None
    for when, what in since_opened(done):
        if what.startswith("set "):
            timeout = int(what.split()[1])
        if what == "feed" or what.startswith("set "):
            fires_at = when + timeout
    return fires_at


@unittest.skipUnless(SHIM.exists(), "no stand-in for a watchdog in this build")
class Watchdog(unittest.TestCase):
    def setUp(self):
        self.site = GuardedSite()
        self.addCleanup(self.site.remove)
        self.site.start()
        self.before = self.site.active()
        self.node = self.before["active"]
        self.other = next(node for node in self.site.nodes if node != self.node)

    def wait_for_other(self):
        def look():
            groups = self.site.status()
            return groups and groups[0]["phase"] == "ACTIVE" \
                and groups[0]["epoch"] > self.before["epoch"] and not groups[0]["note"] and groups[0]
        return wait_for(look, "the other node is active", 2 * DEADLINE_S)

    def test_guards_the_lease_and_nothing_else(self):
        site, node = self.site, self.node
        log = site.log(node)
        self.assertLess(log.index("is armed with 2 s for the lease of epoch 1"),
                        log.rindex("active under epoch 1"))
        self.assertEqual([], [what for _, what in site.done(self.other)], "a standby's is not used")
        held = since_opened(site.done(node))
        self.assertEqual(["open", "set 2", "feed"], [what for _, what in held[:3]])
        wait_for(lambda: len(since_opened(site.done(node))) >= len(held) + 5, "it is fed")
        self.assertNotIn("write V", [what for _, what in since_opened(site.done(node))])
        said = site.cli("--at", node, "role").json
        self.assertRegex(said["watchdog"], r"^armed: .*node\d\.watchdog \(stand-in\), 2 s$")

        moved = site.cli("failover", "storage", "--to", self.other, "--wait")
        self.assertEqual(0, moved.code, moved)
        wait_for(lambda: site.done(node)[-1][1] == "close", "it is disarmed")
        self.assertEqual(["stop", "write V", "close"],
                         [what for _, what in site.done(node)[-3:]])
        log = site.log(node)
        self.assertLess(log.index("standby: epoch 1 is over"), log.index("is disarmed"))
        self.assertIn("armed: ", site.cli("--at", self.other, "role").json["watchdog"])

        site.processes[self.other].terminate()
        site.processes[self.other].wait(DEADLINE_S)
        self.assertEqual(["stop", "write V", "close"],
                         [what for _, what in site.done(self.other)[-3:]])

    def assertResetBeforeTheNext(self):
        """Nobody was offered the role before the watchdog would have fired."""
        offered = [when for when, what in self.site.done(self.other) if what == "open"]
        self.assertTrue(offered)
        self.assertLess(fires(self.site.done(self.node)), offered[0])

    def test_a_killed_process_leaves_it_armed(self):
        self.site.crash(self.node)
        self.wait_for_other()
        self.assertNotIn("write V", [what for _, what in since_opened(self.site.done(self.node))])
        self.assertResetBeforeTheNext()

    def test_a_process_that_stands_still_is_gone_by_its_leases_end(self):
        process = self.site.processes[self.node]
        process.send_signal(signal.SIGSTOP)
        self.wait_for_other()
        self.assertResetBeforeTheNext()
        before = self.site.done(self.node)
        process.send_signal(signal.SIGCONT)
        # The lease is over: it is killed, by itself, and has disarmed nothing.
        self.assertEqual(-signal.SIGKILL, process.wait(DEADLINE_S))
        self.assertEqual(before, self.site.done(self.node))

    def test_without_the_device_an_offer_is_declined_and_the_reason_is_shown(self):
        site = self.site
        site.device(self.other).unlink()
        site.crash(self.node)

        def look():
            explained = site.cli("explain", "storage")
            return explained.code == 0 and "is not there" in explained.out and explained
        explained = wait_for(look, "the reason is shown", 2 * DEADLINE_S)
        self.assertIn(site.device(self.other).name, explained.out)
        self.assertIn("standby", site.cli("--at", self.other, "role").json["role"])
        # Once it is there the next offer is taken.
        site.device(self.other).touch()
        self.wait_for_other()
