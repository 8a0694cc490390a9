"""The main path on a Prosody that docs/server/prosody.cfg.lua configures."""

import unittest

from site_cases import SiteCases
from site_server import Prosody
from site_sessions import SessionCases


class OnASitesProsody(SiteCases, SessionCases, unittest.IsolatedAsyncioTestCase):
    kind = Prosody


if __name__ == "__main__":
    unittest.main()
