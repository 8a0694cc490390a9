"""The alert room, on an ejabberd with rooms."""

import unittest

from room_cases import EjabberdWithRooms, RoomCases


class OnEjabberd(RoomCases, unittest.IsolatedAsyncioTestCase):
    kind = EjabberdWithRooms


if __name__ == "__main__":
    unittest.main()
