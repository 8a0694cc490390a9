"""The shim changes the rate of elapsed time and of waits, and nothing else."""

import os
import struct
import subprocess
import sys
import tempfile
import unittest

SHIM = os.environ.get("NEMESIS_SHIM")

# Prints how fast each clock ran by the time of day, and how long waits of 0.2 s took by it.
PROGRAM = """
import select, threading, time
ids = (time.CLOCK_MONOTONIC, time.CLOCK_MONOTONIC_RAW, time.CLOCK_BOOTTIME)
def took(wait):
    begun = time.time()
    wait()
    return time.time() - begun
begun, before = time.time(), [time.clock_gettime(one) for one in ids]
waits = [took(lambda: time.sleep(0.2)), took(lambda: select.poll().poll(200)),
         took(lambda: threading.Event().wait(0.2))]
passed = time.time() - begun
print(*[(time.clock_gettime(one) - since) / passed for one, since in zip(ids, before)], *waits)
"""


@unittest.skipUnless(SHIM, "NEMESIS_SHIM names no shim")
class ClockShim(unittest.TestCase):
    def run_at(self, ppm):
        with tempfile.NamedTemporaryFile() as file:
            file.write(struct.pack("=q", ppm))
            file.flush()
            done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True,
                                  check=True, timeout=20,
                                  env={**os.environ, "LD_PRELOAD": SHIM,
                                       "NEMESIS_CLOCK": file.name})
        numbers = [float(word) for word in done.stdout.split()]
        return numbers[:3], numbers[3:]

    def test_fast_slow_and_true(self):
        for ppm in (500_000, -300_000, 0):
            rate = 1 + ppm / 1e6
            clocks, waits = self.run_at(ppm)
            for clock in clocks:
                self.assertAlmostEqual(rate, clock, delta=0.01)
            for wait in waits:
                # A busy machine makes waits longer, never shorter.
                self.assertGreater(wait, 0.199 / rate)
                self.assertLess(wait, 0.2 / rate + 0.15)


if __name__ == "__main__":
    unittest.main()
