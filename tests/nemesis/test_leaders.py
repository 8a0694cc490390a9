"""Who led when, and what followed from what was done to it."""

import unittest

import leaders
from leaders import Harm, Win

LOG = """[2026-03-01 00:00:01.500] [muster.cluster] [info] coordinator1 leads, under term 7
no time: coordinator1 leads, under term 8
[2026-03-01 00:00:02.000] [muster.cluster] [warning] coordinator1 does not lead any more: gone
[2026-03-01 00:00:09.250] [muster.cluster] [info] coordinator2 leads; this one waits
[2026-03-01 00:00:11.000] [muster.cluster] [info] coordinator1 leads, under term 31"""
DAY = 1_772_323_200  # 2026-03-01T00:00:00Z

WINS = [Win(10.0, "c1", 7), Win(30.5, "c2", 31), Win(41.0, "c1", 105)]


class Leaders(unittest.TestCase):
    def test_the_terms_of_a_log(self):
        self.assertEqual([(1.5, "coordinator1", 7), (11.0, "coordinator1", 31)],
                         [(round(win.at - DAY, 3), win.name, win.term)
                          for win in leaders.read(LOG)])

    def test_the_highest_term_is_the_latest(self):
        self.assertEqual("c1", leaders.latest(WINS))
        self.assertEqual("c2", leaders.latest(WINS[1::-1]))
        self.assertIsNone(leaders.latest([]))

    def test_a_change_begins_with_the_harm(self):
        harms = [Harm("cut", "c2", 39.0, 40.5), Harm("kill", "c1", 30.0, 34.0)]
        self.assertEqual({"kill": [0.5], "cut": [2.0]}, leaders.changes(harms, WINS))
        self.assertEqual([(39.0, 41.0), (30.0, 30.5)], leaders.absences(harms, WINS))

    def test_a_harm_that_changes_nothing(self):
        harms = [Harm("delay", "c1", 15.0, 16.0)]
        self.assertEqual({}, leaders.changes(harms, WINS))
        self.assertEqual([(15.0, 16.0)], leaders.absences(harms, WINS))

    def test_a_change_is_the_later_harms(self):
        harms = [Harm("delay", "c1", 27.0, 28.0), Harm("kill", "c1", 30.0, 30.2)]
        self.assertEqual({"kill": [0.5]}, leaders.changes(harms, WINS))


if __name__ == "__main__":
    unittest.main()
