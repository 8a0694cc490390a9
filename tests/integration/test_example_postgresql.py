"""examples/postgresql: its one command does what it says, and leaves nothing behind."""

import unittest

from example_run import ExampleTest


class PostgreSQL(ExampleTest):
    needs = "/usr/lib/postgresql/15/bin/postgres"

    def test_a_pair_fails_over_under_load(self):
        out = self.run_demo("postgresql")
        # At the primary, after a switchover, a crash and a switchover back.
        self.assertEqual(4, out.count("all of them are at"), out)
        self.assertIn("is stale", out)
        self.assertRegex(out, r"node[12] lags by \d+ bytes")
        self.assertRegex(out, r"back as its standby after [0-9.]+ s")


if __name__ == "__main__":
    unittest.main()
