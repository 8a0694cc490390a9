"""A real cluster for a test module: a private Prosody, the coordinator and the nodes.

One cluster serves one module, unless its tests harm it; then each test makes its own. Whatever
happens, it is ended afterwards and nothing of it is left running.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

BIN = Path(os.environ.get("MUSTER_BIN")
           or Path(__file__).resolve().parents[2] / "build" / "release" / "bin")
MUSTER = str(BIN / "muster")

# How many times longer everything may take: more than 1 where a sanitizer watches.
PATIENCE = int(os.environ.get("MUSTER_PATIENCE", "1"))
# Of the lease in these clusters; short, so that crashes are soon over.
LEASE_TTL_S = 2 if PATIENCE == 1 else 5
# Nothing that is waited for takes longer than this, even on a busy machine.
DEADLINE_S = 30 * PATIENCE
# Before ctest gives up, which would leave the daemons behind.
MODULE_LIMIT_S = 220 * PATIENCE

LOG_LINES = 25


class TookTooLong(Exception):
    """Something that was waited for did not happen."""


def give_up(*_):
    raise TookTooLong("the module has run for %d s" % MODULE_LIMIT_S)


# slixmpp leaves tasks behind when it logs out.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)

signal.signal(signal.SIGALRM, give_up)
signal.signal(signal.SIGTERM, lambda *_: give_up())
signal.alarm(MODULE_LIMIT_S)


def wait_for(condition, what, seconds=DEADLINE_S):
    """The condition's first value that is true; TookTooLong once the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TookTooLong("after %s s still not: %s (last seen: %r)" % (seconds, what, value))
        time.sleep(0.05)


def is_running(pid):
    """A process that has ended but that nobody has asked about does not run; one whose first thread
    has ended while another one is still in the kernel does, and has its files open and locked."""
    def has_ended(thread):
        try:
            stat = (thread / "stat").read_text()
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] in "ZX"

    try:
        threads = list(Path("/proc/%d/task" % pid).iterdir())
    except OSError:
        return False
    return not all(has_ended(thread) for thread in threads)


class Outcome:
    """What one run of the command line came to."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return "exit code %d, stdout %r, stderr %r" % (self.code, self.out, self.err)


class Cluster:
    def __init__(self, nodes=3, options=(), lease_ttl_s=LEASE_TTL_S):
        self.dir = Path(tempfile.mkdtemp(prefix="muster-test-"))
        self.nodes_wanted = nodes
        self.lease_ttl_s = lease_ttl_s
        self.options = list(options)  # more of `muster up`
        self.loads = []

    # --- its life ---------------------------------------------------------------------------

    def up(self):
        """Starts what is not running; returns what `muster up` printed."""
        done = self.run("up", "--dir", str(self.dir), "--nodes", str(self.nodes_wanted),
                        "--lease-ttl", "%ds" % self.lease_ttl_s, "--detach", *self.options)
        if done.code != 0:
            raise AssertionError("the cluster did not come up: %r\n%s" % (done, self.logs()))
        return done.out

    def down(self):
        return self.run("down", "--dir", str(self.dir))

    def remove(self):
        """Ends all of it. Raises AssertionError if it did not end by itself, or not in order."""
        for load in self.loads:
            load.abandon()
        down = self.down() if self.file.exists() else None
        left = self.left_running()
        for pid, command in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        logs = self.logs()
        shutil.rmtree(self.dir, ignore_errors=True)
        if left:
            raise AssertionError("left running after 'down': %s (%r)\n%s" % (left, down, logs))
        if down is not None and down.code != 0:
            raise AssertionError("'down' failed: %r\n%s" % (down, logs))

    def left_running(self):
        """[(pid, command line)] of whatever was started from this cluster's folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(str(self.dir) in word for word in words):
                if is_running(int(entry.name)):
                    found.append((int(entry.name), " ".join(words)))
        return found

    # --- what it says of itself -------------------------------------------------------------

    @property
    def file(self):
        return self.dir / "cluster.json"

    def info(self):
        return json.loads(self.file.read_text())

    def pid(self, name):
        info = self.info()
        if name in info["processes"]:
            return info["processes"][name]
        return next(node["pid"] for node in info["nodes"] if node["name"] == name)

    @property
    def coordinator(self):
        return self.info()["coordinator"]

    @property
    def group(self):
        return self.info()["groups"][0]["jid"]

    def node_jid(self, name):
        """The full JID under which the node is there now."""
        return self.node(name)["jid"]

    def log_file(self, name):
        return self.dir / "log" / (name + ".log")

    def log(self, name, since=0):
        with open(self.log_file(name), "rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def log_size(self, name):
        return self.log_file(name).stat().st_size

    def logs(self):
        """The ends of all daemons' logs, for a failure's message."""
        out = []
        for log in sorted((self.dir / "log").glob("*.log")):
            if log.name == "server.log":
                continue
            lines = log.read_text(errors="replace").split("\n")
            out.append("--- %s\n%s" % (log.name, "\n".join(lines[-LOG_LINES:])))
        return "\n".join(out)

    def query(self, sql, *values):
        """Rows of the coordinator's store, each as {column: value}."""
        database = sqlite3.connect(
            "file:%s?mode=ro" % (self.dir / "coordinator" / "coordinator.sqlite"), uri=True)
        try:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]
        finally:
            database.close()

    # --- the command line -------------------------------------------------------------------

    def run(self, *words, seconds=120):
        return Outcome(subprocess.run([MUSTER, *words], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, timeout=seconds))

    def cli(self, *words, seconds=120):
        return self.run("--cluster", str(self.dir), *words, seconds=seconds)

    def ask(self, *words):
        """The JSON of a command that has to work."""
        done = self.cli(*words, "-o", "json")
        if done.code != 0:
            raise AssertionError("muster %s: %r" % (" ".join(words), done))
        return done.json

    def status(self):
        return self.ask("status")["groups"][0]

    def nodes(self):
        return self.ask("nodes")["nodes"]

    def node(self, name):
        return next(node for node in self.nodes() if node["name"] == name)

    def active(self):
        """The group's status once a node is active, has said so itself, and renews its lease."""
        def look():
            done = self.cli("status", "-o", "json", "--timeout", "5s")
            group = done.json["groups"][0] if done.code == 0 else {}
            # While ACTIVE the note says what is still awaited of the holder.
            return group if group.get("phase") == "ACTIVE" and not group["note"] else None
        return wait_for(look, "a node is active")

    def standby(self):
        """The name of a node that is present and not active."""
        return next(node["name"] for node in self.nodes()
                    if node["role"] == "standby" and node["present"])

    def all_back(self):
        """The group's status once every node is present and one is active."""
        def look():
            done = self.cli("nodes", "-o", "json", "--timeout", "5s")
            return done.code == 0 and all(node["present"] for node in done.json["nodes"])
        wait_for(look, "every node is present", 60)
        status = self.active()
        roles = {node["name"]: self.ask("--at", node["name"], "node-info")["role"]
                 for node in self.nodes()}
        if [name for name, role in roles.items() if role == "active"] != [status["active"]]:
            raise AssertionError("%r, but the nodes themselves say %r" % (status, roles))
        return status

    # --- harm -------------------------------------------------------------------------------

    def send_signal(self, name, number):
        os.kill(self.pid(name), number)

    def end(self, name, number=signal.SIGKILL):
        """Ends a daemon and returns once it has ended."""
        pid = self.pid(name)
        os.kill(pid, number)
        wait_for(lambda: not is_running(pid), "%s has ended" % name)

    # --- load -------------------------------------------------------------------------------

    def start_load(self):
        self.loads.append(Load(self))
        return self.loads[-1]

    def journal_rows(self, sql, *values):
        database = sqlite3.connect(
            "file:%s?mode=ro" % (self.dir / "journal" / "ledger.sqlite"), uri=True)
        try:
            return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def written_under(self, epoch):
        """How many entries the journal has from that epoch."""
        return self.journal_rows("SELECT count(*) FROM journal WHERE epoch = ?", epoch)[0][0]


class Load:
    """Entries written to the ledger all the while; its journal is checked at the end."""

    def __init__(self, cluster):
        self._process = subprocess.Popen(
            [str(BIN / "ledger-load"), "--cluster", str(cluster.dir), "--rate", "50",
             "--seconds", "300", "--journal", str(cluster.dir / "journal" / "ledger.sqlite"),
             "-o", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self):
        """(exit code, report) after the last entries have been dealt with."""
        self._process.send_signal(signal.SIGINT)
        out, err = self._process.communicate(timeout=DEADLINE_S)
        if not out:
            raise AssertionError("ledger-load reported nothing: " + err)
        return self._process.returncode, json.loads(out)

    def abandon(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


class ClusterTest(unittest.IsolatedAsyncioTestCase):
    """Tests on `cluster`, of the class or of the test; failures show its daemons' logs."""

    cluster = None
    maxDiff = None

    def run(self, result=None):
        result = result if result is not None else self.defaultTestResult()
        seen = {id(entry) for entry in result.failures + result.errors}
        super().run(result)
        for found in (result.failures, result.errors):
            for i, entry in enumerate(found):
                if id(entry) not in seen and self._logs:
                    found[i] = (entry[0], entry[1] + "\n" + self._logs)
        return result

    def setUp(self):
        self._logs = ""
        self.addCleanup(self._keep_logs)

    async def asyncSetUp(self):
        # Debugging tells of every step that took a tenth of a second.
        asyncio.get_running_loop().set_debug(False)

    def _keep_logs(self):
        if self.cluster is not None and self.cluster.dir.exists():
            self._logs = self.cluster.logs()

    def own_cluster(self, nodes=3, options=(), lease_ttl_s=LEASE_TTL_S):
        """A cluster for this test alone."""
        self.cluster = Cluster(nodes, options, lease_ttl_s)
        self.addCleanup(self.cluster.remove)
        # Cleanups run in reverse order: the logs are kept before they are removed.
        self.addCleanup(self._keep_logs)
        self.cluster.up()
        return self.cluster


class SharedClusterTest(ClusterTest):
    """Tests that leave the cluster as they found it, and share one."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
