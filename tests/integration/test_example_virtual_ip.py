"""examples/virtual_ip: its one command does what it says, and leaves nothing behind."""

import subprocess
import unittest
from pathlib import Path

from example_run import ExampleTest


class VirtualIp(ExampleTest):
    needs = "/usr/sbin/ip"

    def test_the_address_goes_with_the_role(self):
        names = sorted(Path("/run/netns").glob("*"))
        out = self.run_demo("virtual_ip")
        # At first, after a failover, after a crash and after a link that was lost.
        self.assertEqual(4, out.count("the client gets from"), out)
        self.assertIn("eth0 is ", out)
        # The machine's own network was not touched.
        after = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True).stdout
        self.assertNotIn("10.77.0.", after)
        self.assertEqual(names, sorted(Path("/run/netns").glob("*")))


if __name__ == "__main__":
    unittest.main()
