"""Two coordinators on an ejabberd that docs/server/ejabberd.yml configures."""

import time
import unittest

from availability_cases import AvailabilityCases
from site_server import Ejabberd, LEASE_TTL_S


class OnEjabberd(AvailabilityCases, unittest.TestCase):
    kind = Ejabberd

    def assert_while_it_stands_still(self):
        """Its stream stays open, and gets a part of what goes to the public address: commands may
        have no answer until it goes on or is ended. Leases have addresses of their own."""
        time.sleep(2 * LEASE_TTL_S)
