"""The cluster that is harmed: a server, a coordinator and three nodes of the ledger, each node on a
host of its own, and somebody who starts anew what has ended, as a service manager would."""

import os
import random
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time
from pathlib import Path

import world
from cluster_fixture import BIN, is_running, wait_for
from plan import ACTIVE, COORDINATOR, STANDBY
from site_server import Site

GROUP = "storage"
NODES = ("node1", "node2", "node3")
CLOCKED = (COORDINATOR, *NODES)

NODE_PORT = 5222
COMPONENT_PORT = 15347
ACCOUNT_PORT = 15222

WHOAMI_S = 0.25
RESTART_AFTER_S = 0.3


def replaced(text, written, ours):
    if text.count(written) != 1:
        raise AssertionError("expected %r once in:\n%s" % (written, text))
    return text.replace(written, ours)


class Cluster(Site):
    """`log` is called with a sentence for whatever happens to a daemon."""

    def __init__(self, kind, relay, lease_s, journal_megabytes, shim, log):
        self.hosts = world.make_hosts(NODES)
        self._shim = shim
        self._log = log
        self._guard = threading.RLock()
        self._held = set()
        self._ended_at = {}
        self._stopping = False
        self.unexpected = []  # (when, who, exit code) of what ended without having been told to
        self.ends = []        # (when on the wall clock, who) of whatever ended
        self.last_active = NODES[0]
        super().__init__(kind, nodes=len(NODES), nodes_a_group=len(NODES), lease_ttl_s=lease_s)
        for name, listen, port in (
                *((host.name, (host.hub, NODE_PORT), self.server.port)
                  for host in self.hosts.values()),
                (COORDINATOR, ("127.0.0.1", COMPONENT_PORT), self.server.component_port),
                ("account", ("127.0.0.1", ACCOUNT_PORT), self.server.port)):
            relay.add(name, listen, ("127.0.0.1", port))
        self.links = relay.links
        self.disks = {name: world.Disk(self.dir / name, 64) for name in CLOCKED}
        self.disks["journal"] = world.Disk(self.dir / "journal", journal_megabytes)
        for name in CLOCKED:
            self.set_clock(name, 0)
        self._keeper = threading.Thread(target=self._keep_up, name="keeper", daemon=True)

    # --- configuration ----------------------------------------------------------------------

    def _coordinator_toml(self, name):
        text = super()._coordinator_toml(name)
        for written, ours in (("port = %d" % self.server.component_port,
                               "port = %d" % COMPONENT_PORT),
                              ("port = %d" % self.server.port, "port = %d" % ACCOUNT_PORT),
                              ('"coordinator.sqlite"', '"coordinator/coordinator.sqlite"'),
                              # Losing one promotion after the other is all that happens here.
                              ("[election]", "[election]\ncrash_loop_count = 100")):
            text = replaced(text, written, ours)
        return text

    def _node_toml(self, node):
        host = self.hosts[node]
        text = super()._node_toml(node)
        for written, ours in (('host = "127.0.0.1"', 'host = "%s"' % host.hub),
                              ("port = %d" % self.server.port, "port = %d" % NODE_PORT),
                              ('"%s.sqlite"' % GROUP, '"journal/ledger.sqlite"'),
                              ("[ledger]", '[ledger]\nlisten = "%s"\nport = %d'
                               % (host.address, world.PORT))):
            text = replaced(text, written, ours)
        return text

    @property
    def journal(self):
        return self.dir / "journal" / "ledger.sqlite"

    @property
    def endpoints(self):
        return ["%s:%d" % (host.address, world.PORT) for host in self.hosts.values()]

    # --- processes --------------------------------------------------------------------------

    def start(self):
        super().start()
        self._keeper.start()

    def _daemon(self, name, program, config):
        within = self.hosts[name].within if name in self.hosts else []
        environment = {**os.environ, "TZ": "UTC", "LD_PRELOAD": str(self._shim),
                       "NEMESIS_CLOCK": str(self._clock_file(name))}
        with open(self.dir / (name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                [*within, str(BIN / program), "--config", str(self.dir / config)], cwd=self.dir,
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def hold(self, name):
        """Nobody else may harm or start it until it is let go. False if somebody has it already."""
        with self._guard:
            if name in self._held:
                return False
            self._held.add(name)
            return True

    def let_go(self, name):
        with self._guard:
            self._held.discard(name)

    def _keep_up(self):
        while not self._stopping:
            for name in CLOCKED:
                with self._guard:
                    if not self._stopping:
                        self._look_after(name)
            time.sleep(0.05)

    def _look_after(self, name):
        process = self.processes[name]
        if process.poll() is None:
            return
        if name not in self._ended_at:
            self._ended_at[name] = time.monotonic()
            self.ends.append((time.time(), name))
            if name not in self._held:
                self.unexpected.append((time.time(), name, process.returncode))
                self._log("%s has ended by itself: %s" % (name, self.why(process.returncode)))
        if name not in self._held and time.monotonic() - self._ended_at[name] >= RESTART_AFTER_S:
            del self._ended_at[name]
            self.restart_daemon(name)
            self._log("%s is started anew" % name)

    @staticmethod
    def why(code):
        return "exit code %d" % code if code >= 0 else signal.Signals(-code).name

    def all_run(self):
        with self._guard:
            return not self._held and all(self.processes[name].poll() is None for name in CLOCKED)

    def pause_process(self, name):
        """SIGSTOP, but not while a node has the journal's write lock: nobody could write then,
        whoever is active. A shared store has no such lock, so this says nothing about the
        election."""
        pid = self.server.process.pid if name == "server" else self.processes[name].pid
        for _ in range(200):
            os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: _stands_still(pid), "%s stands still" % name, 5)
            if name not in NODES or not self._journal_is_locked():
                return pid
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.005)
        raise OSError("%s has the journal locked all the time" % name)

    def _journal_is_locked(self):
        journal = sqlite3.connect(self.journal, timeout=0, isolation_level=None)
        try:
            # Another node may write at just this moment: only a lock that lasts counts.
            for _ in range(40):
                try:
                    journal.execute("BEGIN IMMEDIATE")
                    journal.execute("ROLLBACK")
                    return False
                except sqlite3.OperationalError as error:
                    if "full" in str(error):
                        return False
                    time.sleep(0.005)
            return True
        finally:
            journal.close()

    def fill_disk(self, name):
        """Who has a database there can write no more. In what its write-ahead log has already it
        could go on for seconds: that is given back first."""
        disk = self.disks[name]
        for file in disk.path.glob("*.sqlite"):
            database = sqlite3.connect(file, timeout=0.5)
            try:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as error:
                self._log("%s keeps what it has: %s" % (file.name, error))
            finally:
                database.close()
        disk.fill()

    # --- clocks -----------------------------------------------------------------------------

    def _clock_file(self, name):
        return self.dir / (name + ".clock")

    def set_clock(self, name, ppm):
        # In place: the shim has the file mapped.
        file = os.open(self._clock_file(name), os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(file, struct.pack("=q", ppm), 0)
        finally:
            os.close(file)

    # --- who does what ----------------------------------------------------------------------

    def active_now(self):
        """The node that says it is active; the latest one known if none says so."""
        for node, host in self.hosts.items():
            words = _whoami(host.address)
            if len(words) == 3 and words[1] == "active":
                self.last_active = node
        return self.last_active

    def name_of(self, part, seed):
        """Who has this part at the moment; the seed decides among several."""
        if part not in (ACTIVE, STANDBY):
            return part
        active = self.active_now()
        if part == ACTIVE:
            return active
        return random.Random(seed).choice([node for node in NODES if node != active])

    # --- the end ----------------------------------------------------------------------------

    def remove(self):
        with self._guard:
            self._stopping = True
        for process in self.processes.values():
            if is_running(process.pid):
                process.send_signal(signal.SIGCONT)
        super().remove()


def _whoami(address):
    try:
        with socket.create_connection((address, world.PORT), WHOAMI_S) as asked:
            asked.sendall(b"whoami\n")
            return asked.recv(200).decode().split()
    except OSError:
        return []


def _stands_still(pid):
    try:
        return all(task.read_text().rpartition(")")[2].split()[0] == "T"
                   for task in Path("/proc/%d/task" % pid).glob("*/stat"))
    except OSError:
        return True  # a thread has ended meanwhile, or all of it
