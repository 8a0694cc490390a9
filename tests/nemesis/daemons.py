"""The cluster that is harmed: a server, a coordinator and three nodes of the ledger, each node on a
host of its own, and somebody who starts anew what has ended, as a service manager would. Or several
coordinators that share an etcd; then each of them has a host too, and each member of the etcd."""

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

import etcd
import leaders
import world
from cluster_fixture import BIN, DEADLINE_S, is_running, wait_for
from plan import ACTIVE, COORDINATOR, ETCD, LEADER, MEMBER, STANDBY, WAITING
from site_server import Site

GROUP = "storage"
NODES = ("node1", "node2", "node3")

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

    def __init__(self, kind, relay, options, lease_s, journal_megabytes, log):
        several = options.coordinators > 1
        numbered = ["coordinator%d" % (i + 1) for i in range(options.coordinators)]
        self.all_coordinators = numbered if several else [COORDINATOR]
        self.members = ["etcd%d" % (i + 1) for i in range(options.etcd_members)]
        self.clocked = [*self.all_coordinators, *NODES]
        self.hosts = world.make_hosts(NODES, numbered if several else (), self.members)
        self._shim = options.shim
        self._log = log
        self._guard = threading.RLock()
        self._held = set()
        self._ended_at = {}
        self._stopping = False
        self.unexpected = []  # (when, who, exit code) of what ended without having been told to
        self.ends = []        # (when on the wall clock, who) of whatever ended
        self.last_active = NODES[0]
        super().__init__(kind, nodes=len(NODES), nodes_a_group=len(NODES), lease_ttl_s=lease_s,
                         coordinators=options.coordinators)
        self._add_links(relay)
        self.links = relay.links
        self.disks = {name: world.Disk(self.dir / name, 64) for name in self.clocked}
        self.disks["journal"] = world.Disk(self.dir / "journal", journal_megabytes)
        for name in self.clocked:
            self.set_clock(name, 0)
        self._keeper = threading.Thread(target=self._keep_up, name="keeper", daemon=True)

    # --- configuration ----------------------------------------------------------------------

    def _add_links(self, relay):
        for node in NODES:
            relay.add(node, (self.hosts[node].hub, NODE_PORT), ("127.0.0.1", self.server.port))
        for name in self.all_coordinators:
            for link, listen, port in zip(self.links_of(name), (COMPONENT_PORT, ACCOUNT_PORT),
                                          (self.server.component_port, self.server.port)):
                relay.add(link, (self._server_of(name), listen), ("127.0.0.1", port))

    def links_of(self, name):
        """The names of a daemon's links to the server."""
        if name == COORDINATOR:
            return [COORDINATOR, "account"]
        return [name, name + " account"] if name in self.all_coordinators else [name]

    def _server_of(self, name):
        return self.hosts[name].hub if name in self.hosts else "127.0.0.1"

    def _coordinator_toml(self, name):
        text = super()._coordinator_toml(name)
        host = self._server_of(name)
        for written, ours in (("port = %d" % self.server.component_port,
                               'host = "%s"\nport = %d\nallow_unencrypted = true'
                               % (host, COMPONENT_PORT)),
                              ('host = "127.0.0.1"\nport = %d' % self.server.port,
                               'host = "%s"\nport = %d' % (host, ACCOUNT_PORT)),
                              ('"%s.sqlite"' % name, '"%s/coordinator.sqlite"' % name),
                              # Losing one promotion after the other is all that happens here.
                              ("[election]", "[election]\ncrash_loop_count = 100")):
            text = replaced(text, written, ours)
        if self.members:
            urls = ", ".join('"%s"' % etcd.url(self.hosts[member]) for member in self.members)
            text = replaced(text, '"http://127.0.0.1:%d"' % self.etcd_port, urls)
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
        return ["%s:%d" % (self.hosts[node].address, world.PORT) for node in NODES]

    @property
    def member_addresses(self):
        return [self.hosts[member].address for member in self.members]

    # --- processes --------------------------------------------------------------------------

    def start(self):
        super().start()
        self._keeper.start()

    def _start_etcd(self):
        for member in self.members:
            self._start_member(member)
        if etcd.await_answer(self.member_addresses, DEADLINE_S) is None:
            raise AssertionError("the etcd does not answer:\n" + self.logs())

    def _start_member(self, name):
        words = etcd.command(name, {each: self.hosts[each] for each in self.members},
                             self.dir / (name + ".data"))
        with open(self.dir / (name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                words, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def restart_daemon(self, name):
        if name in self.members:
            self._start_member(name)
        else:
            super().restart_daemon(name)

    def _daemon(self, name, program, config):
        within = self.hosts[name].within if name in self.hosts else []
        environment = {**os.environ, "TZ": "UTC", "LD_PRELOAD": str(self._shim),
                       "NEMESIS_CLOCK": str(self._clock_file(name))}
        with open(self.dir / (name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                [*within, str(BIN / program), "--config", str(self.dir / config)], cwd=self.dir,
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def hold(self, names):
        """Nobody else may harm or start these until they are let go. False if somebody has one of
        them already."""
        with self._guard:
            if self._held & set(names):
                return False
            self._held |= set(names)
            return True

    def let_go(self, names):
        with self._guard:
            self._held -= set(names)

    def _keep_up(self):
        while not self._stopping:
            for name in (*self.members, *self.clocked):
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
            return not self._held and all(process.poll() is None
                                          for process in self.processes.values())

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
        for node in NODES:
            words = _whoami(self.hosts[node].address)
            if len(words) == 3 and words[1] == "active":
                self.last_active = node
        return self.last_active

    def wins(self):
        """Which coordinator led when; none of one that is alone."""
        logs = (self.dir / (name + ".log") for name in self.all_coordinators if self.members)
        return [win for log in logs for win in leaders.read(log.read_text(errors="replace"))]

    def name_of(self, part, seed):
        """Who has this part at the moment; the seed decides among several."""
        dice = random.Random(seed)
        if part == MEMBER:
            return dice.choice(self.members)
        if part in (LEADER, WAITING):
            leader = leaders.latest(self.wins()) or self.all_coordinators[0]
            return leader if part == LEADER else dice.choice(
                [name for name in self.all_coordinators if name != leader])
        if part not in (ACTIVE, STANDBY):
            return part
        active = self.active_now()
        if part == ACTIVE:
            return active
        return dice.choice([node for node in NODES if node != active])

    def processes_of(self, name):
        return self.members if name == ETCD else [name]

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
