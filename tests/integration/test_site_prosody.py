"""The main path on a Prosody that docs/server/prosody.cfg.lua configures."""

import unittest

from site_cases import SiteCases
from site_server import Prosody


class OnASitesProsody(SiteCases, unittest.IsolatedAsyncioTestCase):
    kind = Prosody


if __name__ == "__main__":
    unittest.main()
