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

# Ten times the level of exposure that systemd-analyze finds, at most; "OK" ends at 50.
EXPOSURE = {"muster-agent@.service": 25, "muster-attach@.service": 30,
            "muster-coordinator.service": 20, "muster-node-example.service": 20}
UNITS = sorted((DOCS / "systemd").glob("*.service"))


class Unit(configparser.RawConfigParser):
    def __init__(self, path):
        super().__init__(strict=True, interpolation=None)
        self.optionxform = str
        self.read(path)


class SystemdUnits(unittest.TestCase):
    def test_there_are_some(self):
        self.assertEqual([unit.name for unit in UNITS],
                         ["muster-agent@.service", "muster-attach@.service",
                          "muster-coordinator.service", "muster-node-example.service"])

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

    def test_the_daemons_say_that_they_are_ready_and_live(self):
        for unit in UNITS:
            service = Unit(unit)["Service"]
            if "node-example" in unit.name:
                self.assertEqual(service["Type"], "exec")
                continue
            self.assertEqual(service["Type"], "notify", unit.name)
            self.assertEqual(service["WatchdogSec"], "30s", unit.name)
            self.assertEqual(service["ExecReload"], "/bin/kill -HUP $MAINPID", unit.name)
            # An agent's inner process is not the unit's main process.
            said_by = service.get("NotifyAccess", "main")
            self.assertEqual(said_by, "main" if "coordinator" in unit.name else "all", unit.name)

    def test_their_sandboxes_are_tight(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("no systemd-analyze")
        with tempfile.TemporaryDirectory() as folder:
            for unit in UNITS:
                file = Path(folder) / unit.name.replace("@.", "@web.")
                file.write_text(unit.read_text())
                done = subprocess.run(
                    ["systemd-analyze", "security", "--offline=yes", "--no-pager",
                     "--threshold=%d" % EXPOSURE[unit.name], str(file)],
                    capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

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
