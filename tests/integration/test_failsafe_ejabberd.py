"""A holder that goes on without a coordinator, on an ejabberd."""

import unittest

from failsafe_cases import FailsafeCases
from site_server import Ejabberd


class OnEjabberd(FailsafeCases, unittest.TestCase):
    kind = Ejabberd


if __name__ == "__main__":
    unittest.main()
