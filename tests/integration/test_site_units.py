"""The documented systemd units: systemd reads them without a complaint, and they fit the daemons."""

import configparser
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from cluster_fixture import BIN
from site_server import DOCS

UNITS = sorted((DOCS / "systemd").glob("*.service"))


class Unit(configparser.RawConfigParser):
    def __init__(self, path):
        super().__init__(strict=True, interpolation=None)
        self.optionxform = str
        self.read(path)


class SystemdUnits(unittest.TestCase):
    def test_there_are_some(self):
        self.assertEqual([unit.name for unit in UNITS],
                         ["muster-agent@.service", "muster-coordinator.service",
                          "muster-node-example.service"])

    def test_the_daemons_take_these_arguments(self):
        for unit in UNITS:
            program, *words = Unit(unit)["Service"]["ExecStart"].split()
            daemon = BIN / Path(program).name
            self.assertTrue(daemon.exists(), "%s: %s" % (unit.name, daemon))
            config = words[words.index("--config") + 1]
            words = [word.replace(config, "/nonexistent.toml") for word in words]
            if "--" in words:
                words[words.index("--") + 1:] = ["true"]
            done = subprocess.run([daemon, *words], capture_output=True, text=True, timeout=30)
            # RestartPreventExitStatus=
            self.assertEqual(done.returncode, 2,
                             "%s: %s%s" % (unit.name, done.stdout, done.stderr))
            self.assertIn("/nonexistent.toml", done.stdout + done.stderr)

    def test_a_wrong_configuration_is_not_tried_again_and_all_else_is(self):
        for unit in UNITS:
            service = Unit(unit)["Service"]
            self.assertEqual(service["Restart"], "always", unit.name)
            self.assertEqual(service["RestartPreventExitStatus"], "2", unit.name)
            self.assertEqual(service["NoNewPrivileges"], "yes", unit.name)
            self.assertNotIn("notify", service["Type"], unit.name)

    def test_systemd_reads_them(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("no systemd-analyze")
        with tempfile.TemporaryDirectory() as folder:
            for unit in UNITS:
                # What it looks for has to be there.
                text = re.sub(r"(?m)^(ExecStart=)/usr/bin/", r"\g<1>%s/" % BIN, unit.read_text())
                text = re.sub(r"(?m)^(User|Group)=.*$", r"\1=root", text)
                name = unit.name.replace("@.", "@web.")
                (Path(folder) / name).write_text(text)
                done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                                       "--recursive-errors=no", str(Path(folder) / name)],
                                      capture_output=True, text=True, timeout=30)
                self.assertEqual((done.returncode, done.stderr), (0, ""), unit.name)


if __name__ == "__main__":
    unittest.main()
