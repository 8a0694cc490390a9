"""The main path on an ejabberd that docs/server/ejabberd.yml configures."""

import unittest

from site_cases import SiteCases
from site_server import Ejabberd
from site_sessions import SessionCases


class OnASitesEjabberd(SiteCases, SessionCases, unittest.IsolatedAsyncioTestCase):
    kind = Ejabberd


if __name__ == "__main__":
    unittest.main()
