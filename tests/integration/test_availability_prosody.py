"""Two coordinators on a Prosody that docs/server/prosody.cfg.lua configures."""

import unittest

from availability_cases import AvailabilityCases
from site_server import Prosody


class OnProsody(AvailabilityCases, unittest.TestCase):
    kind = Prosody
