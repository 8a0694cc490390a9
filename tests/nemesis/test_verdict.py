"""The verdict notices each way in which a journal can be wrong, and nothing else."""

import unittest

import verdict
from verdict import Ack, Entry, Tenure

SOUND = [Entry(1, 1, "a", "x1"), Entry(2, 1, "a", "x2"), Entry(3, 4, "b", "x3"),
         Entry(4, 4, "b", "y1")]
ACKS = [Ack(1.0, 1.1, "x1", 1, 1), Ack(1.2, 1.3, "x2", 2, 1), Ack(1.4, 3.0, "x3", 3, 4)]


class OfJournal(unittest.TestCase):
    def assertOne(self, text, entries=None, acks=None):
        found = verdict.of_journal(SOUND if entries is None else entries,
                                   ACKS if acks is None else acks)
        self.assertEqual(1, len(found), found)
        self.assertIn(text, found[0])

    def with_entry(self, position, **changes):
        entries = list(SOUND)
        entries[position] = entries[position]._replace(**changes)
        return entries

    def test_a_sound_one(self):
        self.assertEqual([], verdict.of_journal(SOUND, ACKS))
        self.assertEqual([], verdict.of_journal([], []))

    def test_a_token_after_a_higher_one(self):
        self.assertOne("entry 4 has epoch 3 after 4", self.with_entry(3, epoch=3))

    def test_two_writers_under_one_epoch(self):
        self.assertOne("entry 4 is of instance a under epoch 4, which is b's",
                       self.with_entry(3, instance="a"))

    def test_a_hole(self):
        self.assertOne("entry 5 follows entry 3", self.with_entry(3, seq=5))
        self.assertOne("entry 2 follows entry 0", SOUND[1:], acks=[])

    def test_a_lost_entry(self):
        self.assertOne("x9 was acknowledged as entry 5 under epoch 4 and is not there",
                       acks=ACKS + [Ack(5.0, 5.1, "x9", 5, 4)])

    def test_a_doubled_entry(self):
        self.assertOne("x3 is there 2 times: entries 3, 4", self.with_entry(3, id="x3"))

    def test_an_entry_elsewhere_than_it_was_acknowledged(self):
        self.assertOne("x3 was acknowledged as entry 4 under epoch 4 and is entry 3 under epoch 4",
                       acks=ACKS[:2] + [Ack(1.4, 3.0, "x3", 4, 4)])
        self.assertOne("x3 was acknowledged as entry 3 under epoch 1 and is entry 3 under epoch 4",
                       acks=ACKS[:2] + [Ack(1.4, 3.0, "x3", 3, 1)])

    def test_an_entry_before_one_that_it_followed(self):
        self.assertOne("x2 is entry 2, but was sent only after entry 3 had been acknowledged",
                       acks=[Ack(1.0, 1.1, "x1", 1, 1), Ack(1.2, 1.3, "x3", 3, 4),
                             Ack(1.4, 1.5, "x2", 2, 1)])

    def test_entries_that_were_sent_side_by_side_may_stand_in_any_order(self):
        self.assertEqual([], verdict.later_is_behind(
            [Ack(1.0, 2.0, "x2", 2, 1), Ack(1.0, 2.1, "x1", 1, 1)]))
        # Sent before the other was acknowledged, written long after.
        self.assertEqual([], verdict.later_is_behind(
            [Ack(1.0, 2.0, "x1", 1, 1), Ack(1.9, 9.0, "x2", 2, 1), Ack(3.0, 4.0, "x3", 3, 1)]))

    def test_many_findings_are_counted(self):
        found = verdict.tokens_in_order([Entry(1, 9, "a", "")] + [
            Entry(i, 1, "a", "") for i in range(2, 52)])
        self.assertEqual(verdict.MOST + 1, len(found))
        self.assertIn("and 30 more", found[-1])


class NeverTwoActive(unittest.TestCase):
    def test_one_after_the_other(self):
        self.assertEqual([], verdict.never_two_active(
            [Tenure("n2", 2, 5.0, 9.0), Tenure("n1", 1, 1.0, 5.0)]))
        self.assertEqual([], verdict.never_two_active(
            [Tenure("n1", 1, 1.0, 5.2), Tenure("n2", 2, 5.0, 9.0)]))

    def test_one_before_the_other_has_stopped(self):
        [found] = verdict.never_two_active(
            [Tenure("n1", 1, 1.0, 5.0), Tenure("n2", 2, 4.5, 9.0)])
        self.assertEqual("n2 was active under epoch 2 before n1 had stopped under epoch 1 (500 ms)",
                         found)

    def test_a_short_one_within_a_long_one_and_the_next(self):
        found = verdict.never_two_active([Tenure("n1", 1, 1.0, 9.0), Tenure("n2", 2, 2.0, 3.0),
                                          Tenure("n3", 3, 8.0, 12.0)])
        self.assertEqual(2, len(found), found)


if __name__ == "__main__":
    unittest.main()
