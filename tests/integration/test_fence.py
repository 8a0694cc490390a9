"""A fence command's word spares the wait for a dead holder's lease."""

import time
import unittest

from cluster_fixture import wait_for
from site_server import Prosody, Site

LEASE_TTL_S = 10

# Dead for certain: whoever crashed it says so.
FENCE = """#!/bin/sh
echo "$MUSTER_GROUP $MUSTER_NODE $MUSTER_EPOCH" >> "$0.log"
test -e "$0.$MUSTER_NODE.dead"
"""


class FencedSite(Site):
    def __init__(self):
        super().__init__(Prosody, lease_ttl_s=LEASE_TTL_S)
        self.fence = self.dir / "fence"
        self.fence.write_text(FENCE)
        self.fence.chmod(0o755)

    def _coordinator_toml(self, name):
        return super()._coordinator_toml(name) + """
[fence]
command = ["%s/fence"]
""" % self.dir


class Fence(unittest.TestCase):
    def test_the_role_moves_on_its_word(self):
        site = FencedSite()
        self.addCleanup(site.remove)
        site.start()
        before = site.active()
        (site.dir / ("fence.%s.dead" % before["active"])).touch()
        # Nobody is fenced before the coordinator has been connected for as long as a lease lasts.
        time.sleep(LEASE_TTL_S)
        site.crash(before["active"])
        after = wait_for(lambda: self.other(site, before), "another node is active", 60)
        self.assertIn("was fenced, says the fence command",
                      site.cli("history", "storage").json["events"][0]["cause"])
        self.assertEqual(before["epoch"] + 1, after["epoch"])
        asked = (site.dir / "fence.log").read_text().split("\n")[0]
        self.assertEqual("storage %s %d" % (before["active"], before["epoch"]), asked)

    def other(self, site, before):
        groups = site.status()
        return groups and groups[0]["phase"] == "ACTIVE" and groups[0]["epoch"] > before["epoch"] \
            and groups[0]
