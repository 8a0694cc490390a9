"""muster-agent around programs that know nothing of Muster: failover, crashes, stops."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from cluster_fixture import BIN, DEADLINE_S, Cluster, ClusterTest, is_running, wait_for

NAMES = ("node1", "node2")

# Writes down under which epoch it runs, again and again; it knows the agent by its environment only.
PROGRAM = """#!/bin/sh
echo $$ > %(folder)s/program.pid.new && mv %(folder)s/program.pid.new %(folder)s/program.pid
trap 'exit 0' TERM
while :; do
  echo "$MUSTER_NODE ${MUSTER_EPOCH:-none}" >> %(folder)s/written
  sleep 0.05
done
"""

# Writes down what it was told, then does what the test wants of it.
EXECUTABLE = """#!/bin/sh
echo "$MUSTER_ACTION $MUSTER_CAUSE $MUSTER_GROUP $MUSTER_NODE $MUSTER_EPOCH" >> %(folder)s/told
echo "said by $MUSTER_ACTION"
%(then)s
"""


def children_of(pid):
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


class Agent:
    """One muster-agent with the account of a node whose own program was ended."""

    def __init__(self, cluster, name, mode="run", promote="", demote="", program=None, extra="",
                 timeout="20s"):
        self.cluster = cluster
        self.name = name
        self.folder = cluster.dir / "nodes" / name / "agent"
        self.folder.mkdir(exist_ok=True)
        for file in self.folder.iterdir():
            file.unlink()
        self.log = cluster.dir / "log" / (name + ".agent.log")
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        self.command = program or [str(self._write("program", PROGRAM % {"folder": self.folder}))]
        self._configure(mode, promote, demote, extra, timeout)
        self.process = None

    def _write(self, name, text):
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o755)
        return file

    def _configure(self, mode, promote, demote, extra, timeout):
        toml = (self.cluster.dir / "nodes" / self.name / "node.toml").read_text()
        toml += "\n[agent]\nbackoff_first = \"200ms\"\n%s\n[agent.failover]\nmode = \"%s\"\ntimeout = \"%s\"\n" % (
            extra, mode, timeout)
        for key, then in (("promote", promote), ("demote", demote)):
            if then is not None:
                file = self._write(key, EXECUTABLE % {"folder": self.folder, "then": then})
                toml += "%s = [\"%s\"]\n" % (key, file)
        toml += "fence = { kind = \"file\", path = \"%s\" }\n" % (
            self.cluster.dir / "journal" / "fence")
        self.config = self.folder / "agent.toml"
        self.config.write_text(toml)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "muster-agent"), "run", "--config", str(self.config), "--",
                 *self.command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    @property
    def outer(self):
        return self.process.pid

    @property
    def inner(self):
        return children_of(self.outer)[0]

    @property
    def program(self):
        """The pid of the program that runs; None if none does."""
        file = self.folder / "program.pid"
        pid = int(file.read_text()) if file.exists() else 0
        return pid if pid and is_running(pid) else None

    def said(self):
        with open(self.log, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def told(self):
        file = self.folder / "told"
        return file.read_text().split("\n")[:-1] if file.exists() else []

    def written(self):
        file = self.folder / "written"
        return set(file.read_text().split("\n")[:-1]) if file.exists() else set()

    def end(self, number=signal.SIGTERM):
        """Ends the agent if it runs; returns its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            for pid in (*children_of(self.outer), self.outer):
                os.kill(pid, signal.SIGCONT)
            self.process.send_signal(number)
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class AgentTest(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(len(NAMES))
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
        # Their accounts are needed, the ledgers are not.
        for name in NAMES:
            cls.cluster.end(name, signal.SIGTERM)

    def setUp(self):
        super().setUp()
        self.log_start = self.cluster.log_size("coordinator")

    def start(self, **options):
        """Both agents, and the status once one of them is active."""
        self.agents = {}
        for name in NAMES:
            own = {key: value[name] if isinstance(value, dict) else value
                   for key, value in options.items()}
            self.agents[name] = Agent(self.cluster, name, **own)
        for agent in self.agents.values():
            self.addCleanup(agent.end)
            agent.start()
        self.both_present()
        self.before = self.cluster.active()
        return self.active_and_other(self.before)

    def both_present(self):
        wait_for(lambda: all(node["present"] for node in self.cluster.nodes()),
                 "both agents are present")

    def active_and_other(self, status):
        [other] = [name for name in NAMES if name != status["active"]]
        return self.agents[status["active"]], self.agents[other]

    def next_active(self):
        """The agent that is active under a later epoch."""
        def look():
            status = self.cluster.active()
            return status if status["epoch"] > self.before["epoch"] else None
        self.after = wait_for(look, "another epoch has its active node")
        return self.agents[self.after["active"]]

    def coordinator_log(self):
        return self.cluster.log("coordinator", self.log_start)

    def is_standby(self, agent):
        node = self.cluster.node(agent.name)
        return node["present"] and node["role"] == "standby"


class ModeRun(AgentTest):
    def test_failover_by_the_command_line(self):
        active, other = self.start()
        epoch = self.before["epoch"]
        wait_for(lambda: active.written() == {"%s %d" % (active.name, epoch)}, "it writes")
        self.assertIsNone(other.program)
        self.assertTrue(self.is_standby(other))
        done = self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.assertEqual((epoch + 1, other.name), (done["epoch"], done["to"]))
        self.assertIsNone(active.program)
        wait_for(lambda: other.written() == {"%s %d" % (other.name, epoch + 1)}, "it writes")
        self.assertEqual(["promote promotion ledger %s %d" % (active.name, epoch),
                          "demote drain ledger %s %d" % (active.name, epoch)], active.told())
        self.assertEqual(["promote promotion ledger %s %d" % (other.name, epoch + 1)],
                         other.told())
        # What executables say is in the agent's log.
        self.assertRegex(active.said(), r"\[agent\.promote\].* said by promote")
        # The token was claimed at the file.
        fence = (self.cluster.dir / "journal" / "fence").read_text().split("\n")
        self.assertEqual(str(epoch + 1), fence[0])
        wait_for(lambda: self.is_standby(active), "the old one is a standby")
        self.assertEqual(0, other.end())
        self.assertIsNone(other.program)

    def test_an_unchanged_web_server(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = ["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", str(port)]
        # One port for both: only one at a time can have it.
        active, other = self.start(program=command)

        def served():
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=5) as reply:
                    return reply.status == 200
            except OSError:
                return False
        wait_for(served, "the active one serves")
        self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        wait_for(served, "the other one serves")
        self.assertRegex(other.said(), r"started '/usr/bin/python3' as process")

    def test_a_crash_needs_no_wait(self):
        active, other = self.start()
        wait_for(lambda: active.program, "the program runs")
        os.kill(active.program, signal.SIGKILL)
        self.assertIs(other, self.next_active())
        wait_for(lambda: other.program, "the other's program runs")
        self.assertIsNone(active.program)
        log = self.coordinator_log()
        self.assertRegex(log, r"supervisor says that the application is gone: .*signal 9")
        self.assertNotRegex(log, r" ran out")
        # Undone before the word was given, and a standby now.
        self.assertIn("demote crash ledger %s %d" % (active.name, self.before["epoch"]),
                      active.told())
        wait_for(lambda: self.is_standby(active), "the crashed one is a standby")

    def test_a_promotion_that_fails_gives_the_lease_back(self):
        failing = "node1"
        self.start(promote={"node1": "exit 3", "node2": ""})
        # Whichever was first, it ends with the one that can.
        wait_for(lambda: self.agents["node2"].program, "the other one runs")
        status = wait_for(self.cluster.active, "a node is active")
        if status["active"] == "node2" and not self.agents[failing].told():
            done = self.cluster.cli("failover", "ledger", "--to", failing, "--wait", "-o", "json")
            self.assertNotEqual(0, done.code, done)
        wait_for(lambda: self.agents["node2"].program, "the one that can is active again")
        self.assertIsNone(self.agents[failing].program)
        told = self.agents[failing].told()
        self.assertTrue(told[0].startswith("promote promotion"), told)
        self.assertTrue(told[1].startswith("demote promotion-failed"), told)
        self.assertIn("exited with status 3", self.agents[failing].said())
        self.assertNotRegex(self.coordinator_log(), r" ran out")


class ModeAlways(AgentTest):
    def test_executables_tell_a_program_that_always_runs(self):
        active, other = self.start(mode="always")
        wait_for(lambda: active.program and other.program, "both programs run")
        pids = (active.program, other.program)
        self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.assertEqual(pids, (active.program, other.program))
        self.assertIn("demote drain", active.told()[-1])
        self.assertIn("promote promotion", other.told()[-1])

    def test_a_demotion_that_hangs_costs_the_program_its_life(self):
        active, other = self.start(mode="always", timeout="300ms",
                                   demote="trap '' TERM; while :; do sleep 9; done")
        wait_for(lambda: active.program and other.program, "both programs run")
        killed = active.program
        done = self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.assertEqual(other.name, done["to"])
        self.assertFalse(is_running(killed))
        self.assertIn("the program is killed: demote", active.said())
        wait_for(lambda: active.program, "it is started again, as a standby's")


class Killed(AgentTest):
    def test_the_inner_process_is_killed(self):
        active, other = self.start()
        program = wait_for(lambda: active.program, "the program runs")
        os.kill(active.inner, signal.SIGKILL)
        wait_for(lambda: not is_running(program), "the program went with it")
        self.assertEqual(1, active.process.wait(DEADLINE_S))
        self.assertIs(other, self.next_active())
        wait_for(lambda: other.program, "the other's program runs")

    def test_the_outer_process_is_killed(self):
        active, other = self.start()
        program = wait_for(lambda: active.program, "the program runs")
        os.kill(active.outer, signal.SIGKILL)
        active.process.wait(DEADLINE_S)
        # The inner one ends in order.
        self.assertIs(other, self.next_active())
        self.assertFalse(is_running(program))
        self.assertIn("ending on signal 15", active.said())

    def test_the_inner_process_stands_still(self):
        active, other = self.start()
        program = wait_for(lambda: active.program, "the program runs")
        os.kill(active.inner, signal.SIGSTOP)
        self.assertIs(other, self.next_active())
        # The keeper has ended it with the lease, which was over before the other could begin.
        self.assertFalse(is_running(program))
        self.assertEqual(1, active.process.wait(DEADLINE_S))
        self.assertIn("the lease is over", active.said())

    def test_both_processes_stand_still(self):
        active, other = self.start()
        program = wait_for(lambda: active.program, "the program runs")
        inner = active.inner
        os.kill(active.outer, signal.SIGSTOP)
        os.kill(inner, signal.SIGSTOP)
        self.assertIs(other, self.next_active())
        # Nobody is left who could end it; only the token protects the resource.
        self.assertTrue(is_running(program))
        fence = (self.cluster.dir / "journal" / "fence").read_text().split("\n")
        self.assertEqual(str(self.after["epoch"]), fence[0])
        os.kill(inner, signal.SIGCONT)
        wait_for(lambda: not is_running(program), "the program has ended")
        os.kill(active.outer, signal.SIGCONT)
        self.assertEqual(1, active.process.wait(DEADLINE_S))
        # It has acted under no other epoch.
        self.assertEqual({"%s %d" % (active.name, self.before["epoch"])}, active.written())


class Alone(unittest.TestCase):
    """What needs no cluster."""

    def test_check_config(self):
        with tempfile.TemporaryDirectory(prefix="muster-test-") as folder:
            file = Path(folder) / "agent.toml"
            (Path(folder) / "password").write_text("secret\n")
            (Path(folder) / "password").chmod(0o600)
            node = ("[node]\njid = \"n@example.org\"\npassword_file = \"password\"\n"
                    "state_dir = \"state\"\ngroup = \"g\"\ncoordinator = \"m.example.org\"\n")

            def check(text):
                file.write_text(text)
                return subprocess.run(
                    [str(BIN / "muster-agent"), "run", "--config", str(file), "--check-config"],
                    capture_output=True, text=True, timeout=DEADLINE_S)
            good = check(node + "[agent.failover]\nmode = \"run\"\n")
            self.assertEqual((0, "%s is in order\n" % file), (good.returncode, good.stdout))
            bad = check(node + "[agent.failover]\nmode = \"walk\"\ndemote = [\"x\"]\n")
            self.assertEqual(2, bad.returncode)
            self.assertTrue(re.search(r":8: agent\.failover\.mode: must be", bad.stderr), bad.stderr)
            self.assertIn("agent.failover.demote: must begin with an absolute path", bad.stderr)
