"""Tenures from logs, and failovers from the history and the acknowledgements."""

import unittest

import failovers
import report
import tenures
from verdict import Ack, Tenure

DAY = 1_772_323_200  # 2026-03-01T00:00:00Z


def line(seconds, text):
    return "[2026-03-01 00:00:%06.3f] [storage] [info] %s" % (seconds, text)


class Tenures(unittest.TestCase):
    def read(self, *lines, ends=(), now=60.0):
        return [(one.epoch, round(one.begin - DAY, 3), round(one.end - DAY, 3)) for one in
                tenures.read("n1", "\n".join(lines), [DAY + end for end in ends], DAY + now)]

    def test_from_promotion_to_demotion(self):
        self.assertEqual([(3, 1.5, 4.25)], self.read(
            line(1.5, "active under epoch 3"), "no time", line(3, "something else"),
            line(4.25, "standby: epoch 3 is over, the coordinator asked")))

    def test_the_end_of_the_process_ends_it(self):
        self.assertEqual([(3, 1.0, 2.0), (5, 7.0, 60.0)], self.read(
            line(1, "active under epoch 3"), line(7, "active under epoch 5"), ends=[0.5, 2.0]))

    def test_what_stands_still_is_not_active(self):
        held = [Tenure("n1", 1, 10.0, 20.0), Tenure("n2", 2, 14.0, 15.0)]
        self.assertEqual([Tenure("n1", 1, 10.0, 12.0), Tenure("n1", 1, 16.5, 20.0),
                          Tenure("n2", 2, 14.0, 15.0)],
                         tenures.without_stops(held, [("n1", 12.0, 16.0)]))
        self.assertEqual([Tenure("n1", 1, 10.0, 19.0)],
                         tenures.without_stops(held[:1], [("n1", 19.0, 30.0), ("n1", 1.0, 2.0)]))


class Failovers(unittest.TestCase):
    # The second was written under epoch 1, but its acknowledgement got lost; it was sent again.
    ACKS = [Ack(0, 100.0, "a", 1, 1), Ack(0, 103.5, "b", 2, 1), Ack(0, 103.6, "c", 3, 2)]

    def event(self, **more):
        return {"what": "active", "to": "n2", "epoch": 2, "cause": "", "wait_ms": 0,
                "offer_ms": 100, "promote_ms": 50, "at": "2026-03-01T00:00:03.400Z", **more}

    def measure(self, *events):
        # The acknowledgements' clock shows 100 at the beginning of that day.
        return failovers.measure(events, self.ACKS, 2.0, DAY - 100.0)

    def test_in_order_nothing_need_be_lost(self):
        [found] = self.measure(self.event())
        self.assertFalse(found.crash)
        self.assertAlmostEqual(3.5, found.excess)

    def test_a_crash_costs_the_wait_since_the_last_grant(self):
        # Granted 2.75 s before the end of the wait at 103.25, and W is 2.0904.
        [found] = self.measure(self.event(wait_ms=2750))
        self.assertTrue(found.crash)
        self.assertAlmostEqual(3.5, found.outage)
        self.assertAlmostEqual(103.5 - (103.4 - 2.9 + 2.0904), found.excess, 3)

    def test_nobody_can_do_better_while_the_server_is_away(self):
        absences = [(99.0, 99.5), (101.0, 103.4), (103.45, 108.0)]
        [found] = failovers.measure([self.event(wait_ms=2750)], self.ACKS, 2.0, DAY - 100.0,
                                    absences)
        self.assertAlmostEqual(0.1, found.excess)

    def test_nothing_else_is_a_change(self):
        self.assertEqual([], self.measure(self.event(what="vacant"), self.event(what="alarm")))

    def test_a_change_after_which_nobody_was_served_yet(self):
        self.assertEqual([], self.measure(self.event(at="2026-03-01T00:00:09Z")))

    def test_the_wait(self):
        self.assertAlmostEqual(5.151, failovers.wait_out(5), 3)

    def test_percentiles_by_the_nearest_rank(self):
        self.assertIsNone(failovers.percentile([], 0.5))
        self.assertEqual([1, 3, 5], [failovers.percentile([5, 1, 3], share) for share in
                                     (0.01, 0.5, 1.0)])

    def test_the_report_groups_them(self):
        [found] = self.measure(self.event())
        table = report.by_label([("a", found), ("b", found), ("a", found)])
        self.assertEqual([("a", 2), ("b", 1), ("in order: all of them", 3)],
                         [(label, part["outage"]["count"]) for label, part in table.items()])


if __name__ == "__main__":
    unittest.main()
