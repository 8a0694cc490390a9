"""The example in Python, as the program of two agents: roles, counts and levels over the socket."""

import os
import signal
import subprocess
import unittest
from pathlib import Path

from cluster_fixture import DEADLINE_S, Cluster, ClusterTest, is_running, wait_for
from test_agent import NAMES, children_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "sidecar_python"
BIN = Path(os.environ.get("MUSTER_BIN") or ROOT / "build" / "release" / "bin")

CONFIG = """
[agent]
backoff_first = "200ms"

[agent.failover]
mode = "sidecar"
timeout = "5s"

[agent.levels]
kind = "sidecar"

[agent.sidecar]
path = "%s"

[[agent.sidecar.service]]
name = "writes"
kind = "requests"

[[agent.sidecar.service]]
name = "load"
kind = "gauge"
at_most = 100
"""


class Agent:
    """muster-agent around the example; both nodes' programs write to one file."""

    def __init__(self, cluster, name, generated):
        self.cluster, self.name = cluster, name
        self.folder = cluster.dir / "nodes" / name
        self.written = cluster.dir / "written"
        self.log = cluster.dir / "log" / (name + ".agent.log")
        config = self.folder / "sidecar.toml"
        config.write_text((self.folder / "node.toml").read_text() +
                          CONFIG % (self.folder / "app.sock"))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "muster-agent"), "run", "--config", str(config), "--",
                 "/usr/bin/python3", str(EXAMPLE / "app.py"), str(self.written)],
                env={**os.environ, "PYTHONPATH": str(generated), "PYTHONDONTWRITEBYTECODE": "1"}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)

    @property
    def program(self):
        [inner] = children_of(self.process.pid)
        found = children_of(inner)
        return found[0] if found else None

    def said(self):
        return self.log.read_text(errors="replace")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class SidecarTest(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(len(NAMES))
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
        # Their accounts are needed, the ledgers are not.
        for name in NAMES:
            cls.cluster.end(name, signal.SIGTERM)
        generated = cls.cluster.dir / "generated"
        generated.mkdir()
        subprocess.run(["protoc", "-I", str(ROOT / "proto"), "--python_out", str(generated),
                        "muster/sidecar.proto"], check=True)
        cls.agents = {name: Agent(cls.cluster, name, generated) for name in NAMES}
        for agent in cls.agents.values():
            cls.addClassCleanup(agent.end)
        wait_for(lambda: all(node["present"] for node in cls.cluster.nodes()), "both are present")

    def roles(self):
        """(the active agent, the other, the epoch)"""
        status = self.cluster.active()
        [other] = [name for name in NAMES if name != status["active"]]
        return self.agents[status["active"]], self.agents[other], status["epoch"]

    def epochs(self):
        written = self.cluster.dir / "written"
        return [int(line) for line in written.read_text().split()] if written.exists() else []

    def await_epoch(self, epoch):
        wait_for(lambda: self.epochs()[-1:] == [epoch], "it writes under epoch %d" % epoch)

    def test_a_move_is_told_over_the_connection(self):
        active, other, epoch = self.roles()
        self.await_epoch(epoch)
        program = active.program
        self.cluster.ask("failover", "ledger", "--to", other.name, "--wait")
        self.await_epoch(epoch + 1)
        # It was told to stop, and was not ended.
        self.assertEqual(program, active.program)
        # Nobody wrote under an older epoch once there was a newer one.
        self.assertEqual(sorted(self.epochs()), self.epochs())
        self.assertIn("standby after epoch %d: drain" % epoch, active.said())

    def test_counts_come_to_the_node(self):
        active, _, epoch = self.roles()
        self.await_epoch(epoch)

        def good():
            services = self.cluster.ask("--at", active.name, "service-level")["services"]
            return {each["name"]: each for each in services}["writes"]["good"]
        before = int(good())
        wait_for(lambda: int(good()) >= before + 5, "writes are counted")

    def test_levels_reach_the_application(self):
        active, _, epoch = self.roles()
        self.await_epoch(epoch)
        listed = {each["name"]: each for each in
                  self.cluster.ask("--at", active.name, "log-level")["loggers"]}
        self.assertEqual("info", listed["app.writer"]["effective"])
        [state] = self.cluster.ask("--at", active.name, "log-level", "app.writer", "debug",
                                   "--for", "1h")["loggers"]
        self.assertEqual(("info", "debug"), (state["boot"], state["effective"]))
        since = len(active.said())
        wait_for(lambda: "wrote a line" in active.said()[since:], "debug lines appear")
        self.cluster.ask("--at", active.name, "log-level", "app.writer", "reset")
        [state] = self.cluster.ask("--at", active.name, "log-level", "app.writer")["loggers"]
        self.assertEqual("info", state["effective"])

    def test_a_program_that_crashes_while_active_is_replaced(self):
        active, other, epoch = self.roles()
        self.await_epoch(epoch)
        os.kill(active.program, signal.SIGKILL)
        wait_for(lambda: self.epochs()[-1] > epoch, "another epoch writes")
        wait_for(lambda: all(node["present"] for node in self.cluster.nodes()), "both are there")

    def test_a_program_that_cannot_be_told_is_killed(self):
        active, other, epoch = self.roles()
        self.await_epoch(epoch)
        program = active.program
        os.kill(program, signal.SIGSTOP)
        self.cluster.run("--cluster", str(self.cluster.dir), "failover", "ledger", "--to",
                         other.name, "--wait")
        wait_for(lambda: not is_running(program), "it is killed")
        wait_for(lambda: self.epochs()[-1] > epoch, "the next one writes")
        self.assertEqual(sorted(self.epochs()), self.epochs())
        self.assertIn("did not answer in time", active.said())


if __name__ == "__main__":
    unittest.main()
