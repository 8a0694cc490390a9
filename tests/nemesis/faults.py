"""How each kind of fault is begun and mended."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import etcd
from cluster_fixture import DEADLINE_S, TookTooLong, wait_for
from daemons import GROUP, NODES
from leaders import Harm
from plan import COORDINATOR, ETCD, LEADER, MEMBER, SERVER

ORDER_TIMEOUT_S = 15
# An active node is given time to stop; see drain_deadline.
END_IN_ORDER_S = 40
# Until a restarted etcd has elected a leader of its own, and much more.
ETCD_ANSWERS_S = 60
# Of `muster resume` if the group isn't paused.
EXIT_NOT_PAUSED = 2


class Faults:
    """Carries out rounds on a cluster. Whatever was done to it, mend() undoes."""

    def __init__(self, cluster, seed, log):
        self._cluster = cluster
        self._seed = seed
        self._log = log
        self._server_guard = threading.Lock()
        self._paused = False
        self._at_once = 0
        self._watches = []
        self.orders = []        # (order, exit code, what it said) of what operators asked for
        self.stops = []         # (who, from, until) on the wall clock: it stood still
        self.absences = []      # (from, until) on the steady clock: nobody can become active
        self.harms = []         # what was done to the coordinator that led
        self.errors = []        # of ours

    def round(self, number, faults):
        """Returns once all of them are over."""
        self._at_once = len(faults)
        threads = [threading.Thread(target=self._guarded, args=(fault, "%s/%s/%d"
                                                                % (self._seed, number, i)))
                   for i, fault in enumerate(faults)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while self._watches:
            self._watches.pop().join()

    def _guarded(self, fault, dice):
        time.sleep(fault.at)
        try:
            getattr(self, "_" + fault.kind.replace(" ", "_"))(
                fault, self._cluster.name_of(fault.victim, dice))
        except (OSError, AssertionError, TookTooLong, subprocess.SubprocessError) as error:
            self.errors.append("%s: %r" % (fault, error))
            self._log("NOT POSSIBLE: %s: %r" % (fault, error))

    def _lasting(self, fault, victim, begin, mend):
        extra = "".join(", %s" % (value,) for value in fault.how.values())
        self._log("%s: %s%s" % (fault.kind, victim, extra))
        since = time.time()
        try:
            begin()
            if fault.victim in (MEMBER, ETCD):
                self._watch_etcd()
            time.sleep(fault.seconds)
        finally:
            mend()
            self._log("%s: %s is over" % (fault.kind, victim))
            if fault.victim == LEADER:
                label = fault.kind if self._at_once == 1 else "several at once"
                self.harms.append(Harm(label, victim, since, time.time()))

    def _watch_etcd(self):
        """Notes for how long etcd answers nobody from now on."""
        since = time.monotonic()

        def watch():
            until = etcd.await_answer(self._cluster.member_addresses, ETCD_ANSWERS_S)
            if until is None:
                self.errors.append("etcd has not answered for %d s" % ETCD_ANSWERS_S)
                return
            self.absences.append((since, until))
            self._log("etcd answers after %.2f s" % (until - since))
        self._watches.append(threading.Thread(target=watch))
        self._watches[-1].start()

    # --- processes --------------------------------------------------------------------------

    def _ended_by(self, fault, victim, end):
        """Whoever looks after them starts anew what has ended."""
        names = self._cluster.processes_of(victim)
        if not self._cluster.hold(names):
            self._log("%s: %s is being harmed already" % (fault.kind, victim))
            return
        self._lasting(fault, victim, lambda: end([self._cluster.processes[name] for name in names]),
                      lambda: self._cluster.let_go(names))

    def _kill(self, fault, victim):
        if victim == SERVER:
            self._server_away(fault, self._cluster.server.kill)
            return
        self._ended_by(fault, victim, lambda processes: [one.kill() for one in processes])

    def _end_in_order(self, fault, victim):
        def end(processes):
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(END_IN_ORDER_S)
                except subprocess.TimeoutExpired:
                    self._log("%s has not ended within %d s of SIGTERM" % (victim, END_IN_ORDER_S))
                    process.kill()
        self._ended_by(fault, victim, end)

    def _restart(self, fault, victim):
        if victim == SERVER:
            self._server_away(fault, self._cluster.server.stop)
        else:
            self._end_in_order(fault, victim)

    def _server_away(self, fault, end):
        if not self._server_guard.acquire(blocking=False):
            self._log("%s: the server is being harmed already" % fault.kind)
            return
        since = time.monotonic()
        try:
            self._lasting(fault, SERVER, end, self._cluster.server.start)
        finally:
            self.absences.append((since, time.monotonic()))
            self._server_guard.release()

    def _stand_still(self, fault, victim):
        names = self._cluster.processes_of(victim)
        if victim == SERVER:
            with self._server_guard:
                self._stopped(fault, victim, names)
        elif self._cluster.hold(names):
            try:
                self._stopped(fault, victim, names)
            finally:
                self._cluster.let_go(names)
        else:
            self._log("stand still: %s is being harmed already" % victim)

    def _stopped(self, fault, victim, names):
        stopped = []  # (name, process id, when on the wall clock, when on the steady one)

        def stop():
            for name in names:
                pid = self._cluster.pause_process(name)
                stopped.append((name, pid, time.time(), time.monotonic()))

        def go_on():
            for _, pid, _, _ in stopped:
                os.kill(pid, signal.SIGCONT)
        try:
            self._lasting(fault, victim, stop, go_on)
        finally:
            for name, _, since, steady in stopped:
                self.stops.append((name, since, time.time()))
                if name in (SERVER, COORDINATOR):
                    self.absences.append((steady, time.monotonic()))

    # --- the network ------------------------------------------------------------------------

    def _cut(self, fault, victim):
        self._cut_cable(fault, victim, self._cluster.hosts[victim].cable)

    def _cut_from_etcd(self, fault, victim):
        self._cut_cable(fault, victim, self._cluster.hosts[victim].etcd_cable)

    def _cut_cable(self, fault, victim, cable):
        self._lasting(fault, victim, lambda: cable.cut(fault.how["direction"]), cable.mend)

    def _unplug(self, fault, victim):
        cable = self._cluster.hosts[victim].cable
        self._lasting(fault, victim, cable.unplug, cable.mend)

    def _on_links(self, fault, victim, harm):
        def each(act):
            for name in self._cluster.links_of(victim):
                act(self._cluster.links[name])
        self._lasting(fault, victim, lambda: each(harm), lambda: each(lambda link: link.calm()))

    def _delay(self, fault, victim):
        self._on_links(fault, victim, lambda link: link.delay(*fault.how["between"]))

    def _stall(self, fault, victim):
        self._on_links(fault, victim, lambda link: link.stall(fault.how["direction"]))

    def _reset(self, fault, victim):
        self._on_links(fault, victim, lambda link: link.reset())

    # --- clocks and disks -------------------------------------------------------------------

    def _clocks(self, fault, victim):
        def rate(all_ppm):
            for name, ppm in zip(self._cluster.clocked, all_ppm):
                self._cluster.set_clock(name, ppm)
        self._lasting(fault, victim, lambda: rate(fault.how["ppm"]),
                      lambda: rate([0] * len(self._cluster.clocked)))

    def _disk_full(self, fault, victim):
        self._lasting(fault, victim, lambda: self._cluster.fill_disk(victim),
                      self._cluster.disks[victim].mend)

    # --- operators --------------------------------------------------------------------------

    def _commands(self, fault, _):
        dice = random.Random(fault.how["dice"])
        orders = [(dice.uniform(0, fault.how["spread"]), kind, dice.choice(NODES))
                  for kind in fault.how["orders"]]
        threads = [threading.Thread(target=self._order, args=order) for order in orders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _order(self, after, kind, node):
        time.sleep(after)
        words = {"failover": ["failover", GROUP, "--wait"],
                 "failover to": ["failover", GROUP, "--to", node, "--wait"],
                 "drain": ["drain", node, "by nemesis"],
                 "pause": ["pause", GROUP, "--for", "10s"]}[kind]
        self.order(*words)

    def order(self, *words):
        """Asked for as an operator; the outcome is kept and its exit code returned."""
        if words[0] == "pause":
            self._paused = True  # also if the answer gets lost
        self._log("asks for: %s" % " ".join(words))
        try:
            done = self._cluster.cli(*words, "--timeout", "%ds" % ORDER_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.errors.append("muster %s did not return" % " ".join(words))
            return None
        said = _what_it_said(done)
        self.orders.append((words[0], done.code, said))
        self._log("%s: exit code %d: %s" % (" ".join(words), done.code, said))
        return done.code

    # --- afterwards -------------------------------------------------------------------------

    def mend(self):
        """Whatever is still harmed is not any more; that takes no longer than a few commands, unless
        the server has not come up by the end of its fault."""
        cluster = self._cluster
        cluster.server.await_up()
        for link in cluster.links.values():
            link.calm()
        for host in cluster.hosts.values():
            host.mend()
        for disk in cluster.disks.values():
            disk.mend()
        for name in cluster.clocked:
            cluster.set_clock(name, 0)
        wait_for(cluster.all_run, "all daemons run", DEADLINE_S)

    def let_all_serve(self):
        """Takes back what operators have forbidden. False if that could not be said yet."""
        nodes = self._cluster.cli("nodes", "--timeout", "5s")
        if nodes.code != 0:
            return False
        for node in nodes.json["nodes"]:
            if node["drain"]["drained"] and self.order("undrain", node["name"]) != 0:
                return False
        # Its answer may have got lost, and it ends by itself too.
        if self._paused and self.order("resume", GROUP) in (0, EXIT_NOT_PAUSED):
            self._paused = False
        return not self._paused


def _what_it_said(done):
    try:
        said = json.loads(done.out)
    except ValueError:
        return (done.err or done.out).strip()[-300:]
    if "error" in said:
        return said["error"].get("text", "")
    return ", ".join("%s=%s" % item for item in said.items() if item[1] != "")[:200]
