"""muster-agent that reads sources and keeps their records, with the account of a node whose own
program was ended."""

import json
import os
import signal
import subprocess
import threading
import time

from cluster_fixture import BIN, DEADLINE_S, is_running, wait_for
from test_agent import children_of


class LoggingAgent:
    """In a folder of its own below the node's. `tables` is what its file has besides [node]."""

    def __init__(self, cluster, name, tables, rules=None, program=("/bin/sleep", "1000")):
        self.cluster, self.name = cluster, name
        self.folder = cluster.dir / "nodes" / name / "agent"
        self.folder.mkdir()
        self.log = cluster.dir / "log" / (name + ".agent.log")
        self.program = [str(word) for word in program]
        self.process = None
        if rules is not None:
            (self.folder / "rules.toml").write_text(rules)
        self.config = self.folder / "agent.toml"
        self.config.write_text(self._node(rules is not None) + tables)
        self._enroll()

    def _node(self, has_rules):
        """The node's own table, without a group and with a state of its own."""
        folder = self.cluster.dir / "nodes" / self.name
        text = (folder / "node.toml").read_text()
        rows = [row for row in text[text.index("[node]"):].splitlines(True)
                if not row.startswith(("group", "state_dir"))]
        rows.insert(1, "state_dir = '%s'\n" % (self.folder / "state"))
        if has_rules:
            rows.insert(1, "log_rules = 'rules.toml'\n")
        return "".join(rows)

    def _enroll(self):
        for words in (("remove", self.name),
                      ("enroll", self.name + "@nodes.cluster.localhost", "--name", self.name)):
            done = self.cluster.cli("--as", "admin", *words)
            if done.code != 0:
                raise AssertionError("muster %s: %r" % (" ".join(words), done))

    # --- its life ---------------------------------------------------------------------------

    def start(self):
        since = len(self.said())
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "muster-agent"), "run", "--config", str(self.config), "--",
                 *self.program],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: "logged in" in self.said()[since:], "the agent of %s logs in" % self.name)
        wait_for(self.is_present, "%s is present" % self.name)
        return self

    def is_present(self):
        return self.cluster.node(self.name)["present"]

    def kill(self):
        """Both of its processes at once; nobody ends anything in order."""
        pids = [*children_of(self.process.pid), self.process.pid]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: not any(is_running(pid) for pid in pids), "the agent is gone")

    def end(self):
        """Its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # --- what it has kept -------------------------------------------------------------------

    def store(self):
        return self.cluster.ask("--at", self.name, "log-store")

    def find(self, *query):
        """Every record that matches, the oldest first."""
        done = self.cluster.cli("--at", self.name, "logs", *query, "--all", "--oldest", "-o", "json")
        if done.code != 0:
            raise AssertionError("logs %s: %r" % (" ".join(query), done))
        return [json.loads(row) for row in done.out.splitlines()]

    def texts(self, *query):
        return [record["text"] for record in self.find(*query)]

    def await_record(self, *query):
        def look():
            done = self.cluster.cli("--at", self.name, "logs", *query, "--limit", "1", "-o", "raw")
            return done.out if done.code == 0 else None
        return wait_for(look, "%r is kept" % " ".join(query))

    def services(self):
        listed = self.cluster.ask("--at", self.name, "service-level")["services"]
        return {each["name"]: each for each in listed}


def numbered(number):
    return "line %08d of what is written" % number


class NumberedLines:
    """Appends numbered lines to a file at an even pace, and opens it anew when it is asked to, as
    a program does at SIGHUP."""

    PACE_S = 0.01

    def __init__(self, path, reopen, lines, per_second):
        self.path, self.reopen, self.lines = path, reopen, lines
        self.written = 0
        self._step = int(per_second * self.PACE_S)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        file = open(self.path, "a")
        due = time.monotonic()
        while self.written < self.lines and not self._ending.is_set():
            end = min(self.written + self._step, self.lines)
            file.write("".join(numbered(i) + "\n" for i in range(self.written, end)))
            file.flush()
            self.written = end
            if self.reopen.exists():
                file.close()
                file = open(self.path, "a")
                self.reopen.unlink()
            due += self.PACE_S
            self._ending.wait(max(0.0, due - time.monotonic()))
        file.close()

    def await_share(self, share):
        wait_for(lambda: self.written >= share * self.lines,
                 "%d %% of the lines are written" % (100 * share))

    def end(self):
        self._ending.set()
        self._thread.join()


class Logrotate:
    """Debian's logrotate for one log."""

    CONFIG = """"%(log)s" {
  rotate 100
  create
  compress
  delaycompress
  postrotate
    touch %(reopen)s
    i=0; while [ -e %(reopen)s ] && [ $i -lt 500 ]; do sleep 0.01; i=$((i+1)); done
  endscript
}
"""

    def __init__(self, log, reopen):
        self._config = log.parent / (log.name + ".logrotate")
        self._state = log.parent / (log.name + ".rotated")
        self._config.write_text(self.CONFIG % {"log": log, "reopen": reopen})
        self._config.chmod(0o600)

    def rotate(self):
        done = subprocess.run(["/usr/sbin/logrotate", "-f", "-s", str(self._state),
                               str(self._config)], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError("logrotate: " + done.stderr)
