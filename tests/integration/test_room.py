"""The alert room, on a Prosody with rooms."""

import unittest

from room_cases import ProsodyWithRooms, RoomCases


class OnProsody(RoomCases, unittest.IsolatedAsyncioTestCase):
    kind = ProsodyWithRooms


if __name__ == "__main__":
    unittest.main()
