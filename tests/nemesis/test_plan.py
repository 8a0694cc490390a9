"""A plan follows from its seed alone, and everything that can be done is done some time."""

import hashlib
import unittest

import plan


class Plan(unittest.TestCase):
    def test_the_same_seed_says_the_same(self):
        first, again = ([plan.round_of("7", number) for number in range(50)] for _ in range(2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, [plan.round_of("8", number) for number in range(50)])

    def test_a_round_does_not_depend_on_those_before_it(self):
        self.assertEqual(plan.round_of("7", 30), plan.round_of("7", 30))

    def test_each_kind_and_each_victim_has_its_turn(self):
        for coordinators in (1, 2):
            seen = {(fault.kind, fault.victim) for number in range(900)
                    for fault in plan.round_of("7", number, coordinators=coordinators)}
            self.assertEqual(seen, {(kind, victim) for kind, victims, _ in plan.table(coordinators)
                                    for victim in victims})

    def test_a_seed_of_one_coordinator_goes_on_meaning_the_same(self):
        """docs/reliability.md names such seeds."""
        planned = "\n".join(str(fault) for number in range(1, 101)
                            for fault in plan.round_of("100", number))
        self.assertEqual("e2295519706b1e33", hashlib.sha256(planned.encode()).hexdigest()[:16])

    def test_only_the_kinds_that_were_asked_for(self):
        for number in range(50):
            for fault in plan.round_of("7", number, only=("cut", "kill")):
                self.assertIn(fault.kind, ("cut", "kill"))

    def test_a_rate_for_each_clock(self):
        for coordinators in (1, 2, 3):
            for number in range(50):
                [fault] = plan.round_of("7", number, only=("clocks",), at_once=1,
                                        coordinators=coordinators)
                self.assertEqual(coordinators + 3, len(fault.how["ppm"]))

    def test_clocks_keep_the_bound_unless_told_otherwise(self):
        def rates(beyond):
            return [abs(ppm) for number in range(200)
                    for fault in plan.round_of("7", number, beyond=beyond) if fault.kind == "clocks"
                    for ppm in fault.how["ppm"]]
        self.assertLess(max(rates(False)), 10_000)
        self.assertGreater(min(rates(True)), 100_000)
        for number in range(50):
            kinds = [fault.kind for fault in plan.round_of("7", number, beyond=True)]
            self.assertIn("clocks", kinds)


if __name__ == "__main__":
    unittest.main()
