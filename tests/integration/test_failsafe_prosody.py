"""A holder that goes on without a coordinator, on a Prosody."""

import unittest

from failsafe_cases import FailsafeCases
from site_server import Prosody


class OnProsody(FailsafeCases, unittest.TestCase):
    kind = Prosody


if __name__ == "__main__":
    unittest.main()
