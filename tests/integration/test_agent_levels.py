"""`log-level` at an agent's node changes the levels of the application, and gives them back."""

import os
import signal
import unittest
from base64 import b64encode

from actuator_stub import BOOT, ActuatorStub
from cluster_fixture import Cluster, ClusterTest, is_running, wait_for
from test_agent import Agent

NAME = "node1"
DB = "com.example.db"

EXECUTABLE = """#!/bin/sh
if [ "$MUSTER_ACTION" = read ]; then cat %(folder)s/level; exit; fi
echo "$MUSTER_ACTION $1 $2" >> %(folder)s/told
echo "${MUSTER_LEVEL:-info}" > %(folder)s/level
"""


class AgentLevels(ClusterTest):
    program = None  # any

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
        # Its account is needed, the ledger is not.
        cls.cluster.end(NAME, signal.SIGTERM)

    def start(self, table):
        self.agent = Agent(self.cluster, NAME, mode="always", promote="", demote="",
                           program=self.program,
                           extra="[agent.levels]\n" + table)
        self.addCleanup(lambda: self.agent.end())
        self.agent.start()
        self.present()

    def present(self):
        wait_for(lambda: self.cluster.node(NAME)["present"], "the agent is present")

    def log_level(self, *words):
        return {each["name"]: each
                for each in self.cluster.ask("--at", NAME, "log-level", *words)["loggers"]}

    def kill(self):
        """Both of the agent's processes, so that nobody gives anything back."""
        pids = [self.agent.inner, self.agent.outer]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.agent.process.wait()
        wait_for(lambda: not is_running(pids[0]) and self.agent.program is None, "all of it ends")


class Actuator(AgentLevels):
    def setUp(self):
        super().setUp()
        self.stub = ActuatorStub()
        self.addCleanup(self.stub.close)
        self.start("kind = \"actuator\"\nurl = \"%s\"\n" % self.stub.url)

    def test_lists_sets_and_ends(self):
        listed = self.log_level()
        self.assertEqual("info", listed["com.example"]["effective"])
        self.assertEqual("warn", listed[DB]["boot"])
        self.assertIn("muster.node", listed)
        [state] = self.log_level(DB, "debug", "--for", "2s").values()
        self.assertEqual(("warn", "debug"), (state["boot"], state["effective"]))
        self.assertEqual("DEBUG", self.stub.levels[DB])
        wait_for(lambda: self.stub.levels[DB] == "WARN", "the level is given back")
        wait_for(lambda: self.log_level(DB)[DB]["by"] == "", "nothing is overridden")
        self.assertIn("the time that operator@cluster.localhost gave is over", self.agent.said())

    def test_reset_gives_back_what_was_inherited_and_the_root(self):
        self.log_level("com.example", "trace")
        self.log_level("root", "error")
        self.assertEqual(("TRACE", "ERROR"), (self.stub.levels["com.example"],
                                              self.stub.levels["ROOT"]))
        self.log_level("com.example", "reset")
        self.log_level("root", "reset")
        self.assertEqual(BOOT, self.stub.levels)

    def test_the_agents_own_loggers_stay_its_own(self):
        self.log_level("agent", "debug", "--for", "1h")
        self.assertEqual("debug", self.log_level("agent")["agent"]["effective"])
        self.log_level("agent", "reset")
        self.assertEqual(BOOT, self.stub.levels)

    def test_an_agent_that_was_killed_gives_back_in_time(self):
        self.log_level(DB, "debug", "--for", "3s")
        self.log_level("com", "error")
        self.kill()
        self.assertEqual("DEBUG", self.stub.levels[DB])
        self.agent.start()
        wait_for(lambda: self.stub.levels[DB] == "WARN", "the level is given back")
        self.present()
        self.assertEqual("operator@cluster.localhost", self.log_level("com")["com"]["by"])
        self.log_level("com", "reset")
        self.assertEqual(BOOT, self.stub.levels)

    def test_an_application_that_starts_anew_gets_it_again(self):
        self.log_level(DB, "debug", "--for", "1h")
        self.stub.restart()
        os.kill(wait_for(lambda: self.agent.program, "the program runs"), signal.SIGKILL)
        wait_for(lambda: self.stub.levels[DB] == "DEBUG", "it is set again")
        self.log_level(DB, "reset")

    def test_from_the_coordinator_for_the_whole_cluster(self):
        self.cluster.ask("log-level", "all", "com.example", "debug", "--for", "1h")
        wait_for(lambda: self.stub.levels["com.example"] == "DEBUG", "it is set")
        self.cluster.ask("log-level", "all", "com.example", "reset")
        wait_for(lambda: self.stub.levels == BOOT, "it is given back")

    def test_an_unknown_logger_and_an_absent_application_are_told(self):
        failed = self.cluster.cli("--at", NAME, "log-level", "com.exampel", "debug")
        self.assertIn("did you mean 'com.example'?", failed.err)
        self.stub.server.socket.close()
        failed = self.cluster.cli("--at", NAME, "log-level", "com.example", "debug")
        self.assertNotEqual(0, failed.code)
        self.assertIn("the actuator at", failed.err)
        self.assertNotIn("com.example", self.log_level())


class ActuatorWithPassword(AgentLevels):
    def start_with(self, password):
        stub = ActuatorStub()
        self.addCleanup(stub.close)
        stub.credentials = "Basic " + b64encode(b"muster:secret").decode()
        file = self.cluster.dir / "actuator.password"
        file.write_text(password + "\n")
        file.chmod(0o600)
        self.start("kind = \"actuator\"\nurl = \"%s\"\nuser = \"muster\"\n"
                   "password_file = \"%s\"\n" % (stub.url, file))
        return stub

    def test_the_right_one(self):
        stub = self.start_with("secret")
        self.log_level(DB, "debug")
        self.assertEqual("DEBUG", stub.levels[DB])
        self.log_level(DB, "reset")

    def test_the_wrong_one_is_told(self):
        stub = self.start_with("guess")
        failed = self.cluster.cli("--at", NAME, "log-level", DB, "debug")
        self.assertIn("401", failed.err)
        self.assertEqual(BOOT, stub.levels)


class HttpTemplate(AgentLevels):
    def test_sets_reads_back_and_gives_back(self):
        stub = ActuatorStub()
        self.addCleanup(stub.close)
        self.start("kind = \"http\"\nurl = \"%(url)s/loggers/{logger}\"\n"
                   "headers = [\"Content-Type: application/json\"]\n"
                   "body = '{\"configuredLevel\": \"{level}\"}'\n"
                   "read_url = \"%(url)s/loggers/{logger}\"\nread_pointer = \"/effectiveLevel\"\n"
                   "loggers = [\"%(db)s\"]\n"
                   "names = { debug = \"DEBUG\", warn = \"WARN\" }\n" % {"url": stub.url, "db": DB})
        [state] = self.log_level(DB, "debug", "--for", "2s").values()
        self.assertEqual(("warn", "debug"), (state["boot"], state["effective"]))
        wait_for(lambda: stub.levels == BOOT, "the level is given back")


PROGRAM = """#!/bin/sh
trap 'cat %(folder)s/log.conf > %(folder)s/read.new && mv %(folder)s/read.new %(folder)s/read' HUP
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""


class FileAndSignal(AgentLevels):
    def test_the_program_reads_the_file_again(self):
        folder = self.cluster.dir
        conf = folder / "log.conf"
        conf.write_text("root = info\n")
        program = folder / "rereads.sh"
        program.write_text(PROGRAM % {"folder": folder})
        program.chmod(0o755)
        self.program = [str(program)]
        self.start("kind = \"file\"\npath = \"%s\"\nline = \"{logger} = {level}\"\n"
                   "signal = \"HUP\"\n" % conf)
        self.log_level("storage.disk", "debug", "--for", "2s")
        read = folder / "read"
        wait_for(lambda: read.exists() and "storage.disk = debug\n" in read.read_text(),
                 "the program has read it")
        wait_for(lambda: read.read_text() == "root = info\n", "it is as it was")
        self.log_level("storage.disk", "error")
        done = self.cluster.cli("--at", NAME, "log-level", "storage.disk", "reset")
        self.assertEqual(0, done.code, done)
        self.assertNotIn("UNSPECIFIED", done.out)
        self.assertEqual("root = info\n", conf.read_text())


class Executable(AgentLevels):
    def test_is_run_beside_the_program_and_read_back(self):
        folder = self.cluster.dir / "nodes" / NAME / "agent"
        script = folder.parent / "level.sh"
        script.write_text(EXECUTABLE % {"folder": folder})
        script.chmod(0o755)
        self.start("kind = \"exec\"\nset = [\"%s\", \"{logger}\", \"{level}\"]\n"
                   "read = [\"%s\"]\nloggers = [\"root\"]\n" % (script, script))
        (folder / "level").write_text("info\n")
        [state] = self.log_level("root", "debug", "--for", "2s").values()
        self.assertEqual(("info", "debug"), (state["boot"], state["effective"]))
        wait_for(lambda: self.agent.told()[-1:] == ["reset root "], "it is given back")
        self.assertEqual("info", self.log_level("root")["root"]["effective"])


if __name__ == "__main__":
    unittest.main()
