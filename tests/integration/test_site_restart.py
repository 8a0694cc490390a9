"""A restart of the server that takes less than the lease moves nobody, however many there are."""

import re
import time
import unittest

from cluster_fixture import PATIENCE
from site_server import Prosody, Site

NODES = 50
NODES_A_GROUP = 2
# What is promised; where a sanitizer slows fifty nodes down, only that it also holds for more.
LEASE_TTL_S = 5 * PATIENCE


class FiftyNodes(unittest.TestCase):
    def test_a_graceful_restart_demotes_nobody(self):
        site = Site(Prosody, NODES, NODES_A_GROUP, LEASE_TTL_S)
        self.addCleanup(site.remove)
        try:
            self._restart(site)
        except BaseException as error:
            raise AssertionError("%s\n%s" % (error, self._telling(site))) from error

    def _telling(self, site):
        """The coordinator's log and those of nodes that lost the role or took one up later."""
        told = [(site.dir / "coordinator.log").read_text()]
        for node in site.nodes:
            log = (site.dir / (node + ".log")).read_text()
            if re.search(r"epoch \d+ is over|under epoch [2-9]", log):
                told.append("--- %s\n%s" % (node, log))
        return "\n".join(told)[-30000:]

    def _restart(self, site):
        site.start()
        before = {name: (group["active"], group["epoch"])
                  for name, group in site.all_there().items()}
        self.assertEqual(len(before), NODES // NODES_A_GROUP)
        away_s = self._quick_restart(site)
        # Every lease that was in force at the stop has been renewed, or is over.
        time.sleep(2 * LEASE_TTL_S)
        self._expect_no_change(site, before, away_s)

    def _expect_no_change(self, site, before, away_s):
        after = {name: (group["active"], group["epoch"])
                 for name, group in site.all_there().items()}
        self.assertEqual(after, before, "the server was away for %.1f s" % away_s)
        demoted = [(node, line) for node in site.nodes
                   for line in (site.dir / (node + ".log")).read_text().splitlines()
                   if re.search(r"standby: epoch \d+ is over", line)]
        self.assertEqual(demoted, [], "the server was away for %.1f s" % away_s)

    def _quick_restart(self, site):
        begun = time.monotonic()
        site.server.stop()
        site.server.start()
        return time.monotonic() - begun


if __name__ == "__main__":
    unittest.main()
