"""Runs a demonstration of examples/ from outside, as people do."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from cluster_fixture import BIN, MODULE_LIMIT_S, is_running

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def processes_with(mark):
    """[(pid, command line)] of what was started with that in its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or mark not in (entry / "environ").read_bytes():
                continue
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if is_running(int(entry.name)):
            found.append((int(entry.name), " ".join(words)))
    return found


class ExampleTest(unittest.TestCase):
    maxDiff = None
    needs = None  # a program without which there is nothing to show

    def run_demo(self, name):
        """What it printed; it ended with 0, and nothing that it started runs or lies about."""
        if self.needs is not None and not Path(self.needs).exists():
            self.skipTest("there is no " + self.needs)
        folder = Path(tempfile.mkdtemp(prefix="muster-example-test-"))
        # Whoever the demonstration runs as.
        folder.chmod(0o777)
        mark = "MUSTER_EXAMPLE_RUN=%s" % folder.name
        environment = dict(os.environ, TMPDIR=str(folder), MUSTER_BIN=str(BIN),
                           MUSTER_EXAMPLE_RUN=folder.name)
        done = subprocess.run([str(EXAMPLES / name / "demo")], capture_output=True, text=True,
                              env=environment, stdin=subprocess.DEVNULL,
                              timeout=MODULE_LIMIT_S - 10)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertEqual([], processes_with(mark.encode()))
        self.assertEqual([], list(folder.iterdir()))
        folder.rmdir()
        return done.stdout
