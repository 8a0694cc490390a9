"""muster-agent attached to programs that others run: a service of (a stub of) systemd's, a pid file."""

import os
import re
import signal
import subprocess
import unittest
from pathlib import Path

import test_agent
from cluster_fixture import BIN, DEADLINE_S, is_running, wait_for

STUB = Path(__file__).resolve().parent / "systemd_stub.py"
UNIT = "storage.service"

BUS = """<busconfig>
  <type>session</type>
  <listen>unix:dir=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
STUBBORN = """#!/bin/sh
trap "[ -e %(folder)s/stubborn ] || exit 0" TERM
echo $$ > %(folder)s/program.pid.new && mv %(folder)s/program.pid.new %(folder)s/program.pid
while :; do sleep 0.1; done
"""


class AttachedAgent(test_agent.Agent):
    def __init__(self, cluster, name, what, **options):
        self.what = what
        self.environment = dict(os.environ)
        super().__init__(cluster, name, **options)
        self.config.write_text(re.sub(r"(?m)^backoff_first.*$", "", self.config.read_text())
                               + what % {"folder": self.folder})

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "muster-agent"), "attach", "--config", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        return self


class AttachTest(test_agent.AgentTest):
    what = ""

    def make(self, **options):
        """An agent for each account, not started yet."""
        self.agents = {}
        for name in test_agent.NAMES:
            own = {key: value[name] if isinstance(value, dict) else value
                   for key, value in options.items()}
            self.agents[name] = AttachedAgent(self.cluster, name, self.what, **own)

    def go(self):
        for agent in self.agents.values():
            self.addCleanup(agent.end)
            agent.start()
        self.both_present()
        self.before = self.cluster.active()
        return self.active_and_other(self.before)


class OfSystemd(AttachTest):
    what = "environment_file = \"%(folder)s/role.env\"\n[agent.attach]\nunit = \"storage.service\"\n"

    def start_systemd(self, agent):
        """A bus and a manager for that agent's machine."""
        config = agent.folder / "bus.conf"
        config.write_text(BUS % agent.folder)
        bus = subprocess.Popen(["dbus-daemon", "--nofork", "--print-address",
                                "--config-file=%s" % config],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.end_process, bus)
        address = bus.stdout.readline().strip()
        stub = subprocess.Popen(
            ["/usr/bin/python3", "-B", str(STUB), address, UNIT, str(agent.folder / "role.env"),
             *agent.command], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end_process, stub)
        self.assertEqual("ready\n", stub.stdout.readline())
        agent.environment["DBUS_SYSTEM_BUS_ADDRESS"] = address
        agent.stub = stub

    def end_process(self, process):
        if process.poll() is None:
            process.terminate()
        process.wait(DEADLINE_S)
        process.stdout.close()

    def start(self, program=test_agent.PROGRAM):
        self.make(mode="unit")
        for agent in self.agents.values():
            agent._write("program", program % {"folder": agent.folder})
            self.start_systemd(agent)
        return self.go()

    def test_the_unit_goes_with_the_role(self):
        active, other = self.start()
        epoch = self.before["epoch"]
        wait_for(lambda: active.written() == {"%s %d" % (active.name, epoch)},
                 "it runs with its epoch")
        self.assertIsNone(other.program)
        self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.assertIsNone(active.program)
        wait_for(lambda: other.written() == {"%s %d" % (other.name, epoch + 1)},
                 "the other runs with its epoch")
        self.assertEqual("demote drain", " ".join(active.told()[-1].split()[:2]))
        # An agent that ends takes it along.
        self.assertEqual(0, other.end())
        self.assertIsNone(other.program)

    def test_a_unit_that_fails_needs_no_wait(self):
        active, other = self.start()
        program = wait_for(lambda: active.program, "it runs")
        os.kill(program, signal.SIGKILL)
        self.assertIs(other, self.next_active())
        wait_for(lambda: other.program, "the other's runs")
        log = self.coordinator_log()
        self.assertRegex(log, r"supervisor says that the application is gone: storage.service is "
                              r"failed: signal")
        self.assertNotRegex(log, r" ran out")
        self.assertIn("demote crash", active.told()[-1])

    def test_a_unit_that_does_not_stop_is_killed(self):
        active, other = self.start(STUBBORN)
        program = wait_for(lambda: active.program, "it runs")
        (active.folder / "stubborn").touch()
        # Of a drain's time it has half.
        self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.assertFalse(is_running(program))
        self.assertIn("has not stopped in time and is killed", active.said())
        wait_for(lambda: other.program, "the other's runs")

    def test_without_systemd_offers_are_declined(self):
        active, other = self.start()
        self.end_process(other.stub)
        wait_for(lambda: "offers are declined: asking systemd" in other.said()
                 or "offers are declined: the system" in other.said(), "it declines")
        self.assertEqual(active.name, self.cluster.active()["active"])


class OfAPidFile(AttachTest):
    what = "[agent.attach]\npid_file = \"%(folder)s/program.pid\"\n"

    def start_program(self, agent):
        agent._write("program", test_agent.PROGRAM % {"folder": agent.folder})
        process = subprocess.Popen(agent.command, start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(lambda: agent.program == process.pid, "it has written its pid file")
        return process

    def start(self, **options):
        self.make(mode="always", **options)
        self.programs = {name: self.start_program(agent) for name, agent in self.agents.items()}
        return self.go()

    def test_executables_tell_a_program_that_others_run(self):
        active, other = self.start()
        # Whatever it was before the agent came: it is a standby first.
        for agent in (active, other):
            self.assertTrue(agent.told()[0].startswith("demote agent-start"), agent.told())
        self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.assertIn("promote promotion", other.told()[-1])
        self.assertIn("demote drain", active.told()[-1])
        # The agent's end is not the program's.
        self.assertEqual(0, other.end())
        self.assertIn("demote shutdown", other.told()[-1])
        self.assertIsNone(self.programs[other.name].poll())

    def test_its_end_is_told_at_once_and_nobody_starts_it_again(self):
        active, other = self.start()
        self.programs[active.name].kill()
        self.programs[active.name].wait()
        self.assertIs(other, self.next_active())
        self.assertRegex(self.coordinator_log(),
                         r"supervisor says that the application is gone: process \d+ has ended")
        wait_for(lambda: re.search(r"offers are declined: process \d+ has ended", active.said()),
                 "it declines")
        # Others do, and it is followed.
        self.start_program(active)
        wait_for(lambda: "offers are taken again" in active.said().rpartition("has ended")[2],
                 "it takes offers again")

    def test_a_demotion_that_hangs_costs_it_its_life(self):
        hang = "[ $MUSTER_CAUSE = agent-start ] || { trap '' TERM; while :; do sleep 9; done; }"
        active, other = self.start(demote=hang, timeout="300ms")
        self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.assertEqual(-signal.SIGKILL, self.programs[active.name].wait(DEADLINE_S))
        self.assertIn("is killed: demote", active.said())


if __name__ == "__main__":
    unittest.main()
