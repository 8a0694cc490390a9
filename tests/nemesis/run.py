"""One run: rounds of faults and recoveries until the time is over, and what must hold of them.

To be read only inside of the box: the modules of the integration tests set time limits for
themselves when they are.
"""

import shutil
import signal
import time
from collections import Counter

import daemons
import failovers
import faults
import leaders
import load
import plan
import report
import tenures
import verdict
from cluster_fixture import TookTooLong
from relay import Relay
from site_server import Ejabberd, Prosody

SERVERS = {"prosody": Prosody, "ejabberd": Ejabberd}
CLIENTS = 3
RATE = 15
# After the faults: W and this much until somebody is active and serves. A connection that failed
# for long is tried again every 30 s, and a second component of a name waits for as long.
SERVED_WITHIN_S = 60
# And if several coordinators share an etcd: it may have to elect its own leader, keeps the lease of
# a coordinator that is gone for 3 s, and the next one waits for W from when it has won.
LEADS_WITHIN_S = 10
PRESENT_WITHIN_S = 90
QUIET_S = 1.0
LOOK_EVERY_S = 0.1


class Timeline:
    """What was done and what happened, with the seconds since the beginning."""

    def __init__(self, file, loud):
        self._file = open(file, "w", encoding="utf-8")
        self._loud = loud
        self._begun = time.monotonic()

    def __call__(self, sentence):
        line = "%8.2f  %s" % (time.monotonic() - self._begun, sentence)
        self._file.write(line + "\n")
        self._file.flush()
        if self._loud:
            print(line, flush=True)


class Run:
    def __init__(self, options, folder):
        self._options = options
        self.folder = folder
        self.log = Timeline(folder / "timeline.log", options.verbose)
        self.violations = []
        self._labelled = []
        self._kinds = Counter()
        self._served, self._present = [], []
        self._seen = 0
        self._clients = None
        self.cluster = daemons.Cluster(
            SERVERS[options.server], Relay(options.seed), options, plan.LEASE_S,
            16 + int(2 * options.minutes), self.log)
        self.faults = faults.Faults(self.cluster, options.seed, self.log)

    # --- from the beginning to the end --------------------------------------------------------

    def go(self):
        options = self._options
        self.cluster.start()
        end = time.monotonic() + 60 * options.minutes
        self._begun = time.time()
        self._clients = load.Clients(self.folder, self.cluster.endpoints, CLIENTS, RATE,
                                           60 * options.minutes + 3600)
        self._recover(0)
        self._events()
        number = 0
        while time.monotonic() < end and not self.violations:
            number += 1
            self._round(number)
        return self._finish(number)

    def _round(self, number):
        options = self._options
        planned = plan.of_run(options, number)
        self.log("--- round %d: %s" % (number, "; ".join(map(str, planned))))
        self._kinds.update(fault.kind for fault in planned)
        known = len(self._clients.acks())
        self.faults.round(number, planned)
        try:
            self.faults.mend()
        except TookTooLong as error:
            self.violations.append("round %d: %s" % (number, error))
            return
        self._recover(number)
        self._measure(_label(planned), self._clients.acks()[known:])
        time.sleep(QUIET_S)

    def _measure(self, label, acks):
        wall_ahead = time.time() - load.now()
        leaderless = [(since - wall_ahead, until - wall_ahead) for since, until in
                      leaders.absences(self.faults.harms, self.cluster.wins())]
        for change in failovers.measure(self._events(), acks, plan.LEASE_S, wall_ahead,
                                        self.faults.absences + leaderless):
            self.log("epoch %d: %s in place: %.3f s without service, %.3f s beyond the least (%s)"
                     % (change.epoch, change.to, change.outage, change.excess, change.cause))
            # Times that are taken with such clocks say nothing.
            if not self._options.beyond_bound:
                kind = "crash: " if change.crash else "in order: "
                self._labelled.append((kind + label, change))

    def _recover(self, number):
        """Everything is mended: now the group has to come back."""
        begun = load.now()
        allowed = self._wait(self.faults.let_all_serve, PRESENT_WITHIN_S)
        bound = failovers.wait_out(plan.LEASE_S) + SERVED_WITHIN_S
        if self.cluster.members:
            bound += failovers.wait_out(plan.LEASE_S) + LEADS_WITHIN_S
        mended = load.now()
        served = self._wait(lambda: self._clients.all_served_since(mended), bound)
        if allowed is None or served is None:
            self.violations.append("round %d: nobody serves %.0f s after everything was mended"
                                   % (number, load.now() - begun))
            return
        self._served.append(load.now() - begun)
        present = self._wait(self._all_present, PRESENT_WITHIN_S)
        if present is None:
            self.violations.append("round %d: %d s after everything was mended not all nodes are "
                                   "present, or none is active" % (number, PRESENT_WITHIN_S))
            return
        self._present.append(load.now() - begun)
        self.log("served after %.2f s, all there after %.2f s"
                 % (self._served[-1], self._present[-1]))

    @staticmethod
    def _wait(condition, seconds):
        """How long it took, or None."""
        begun = time.monotonic()
        while True:
            if condition():
                return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                return None
            time.sleep(LOOK_EVERY_S)

    def _all_present(self):
        nodes = self.cluster.cli("nodes", "--timeout", "5s")
        if nodes.code != 0 or not all(node["present"] for node in nodes.json["nodes"]):
            return False
        status = self.cluster.status()
        if not status or status[0]["phase"] != "ACTIVE" or status[0]["note"]:
            return False
        return not self.cluster.members or self._all_take_part()

    def _all_take_part(self):
        told = self.cluster.cli("coordinators", "--timeout", "5s")
        return told.code == 0 and ({each["name"] for each in told.json["coordinators"]}
                                   == set(self.cluster.all_coordinators))

    def _events(self):
        """What the history has got since the last time."""
        told = self.cluster.cli("history", "--limit", "500")
        events = told.json["events"] if told.code == 0 else []
        fresh = [event for event in events if event["seq"] > self._seen]
        self._seen = max([self._seen] + [event["seq"] for event in fresh])
        return sorted(fresh, key=lambda event: event["seq"])

    # --- the verdict --------------------------------------------------------------------------

    def _finish(self, rounds):
        reports, acks = self._clients.end()
        entries = load.read_journal(self.cluster.journal)
        self.violations += verdict.of_journal(entries, acks)
        held, fenced = self._tenures()
        overlaps = verdict.never_two_active(held)
        for overlap in overlaps:
            self.log(overlap)
        # With such clocks leases may overlap; what the journal holds must be right all the same.
        if not self._options.beyond_bound:
            self.violations += overlaps
        self._check_ends()
        options = self._options
        return {
            "server": options.server, "coordinators": options.coordinators,
            "etcd_members": options.etcd_members, "seed": options.seed, "at_once": options.at_once,
            "kinds": options.kinds, "beyond_bound": options.beyond_bound,
            "minutes": (time.time() - self._begun) / 60, "rounds": rounds,
            "faults": dict(self._kinds),
            "load": {"entries": len(entries), "acknowledged": len(acks),
                     "failed": sum(one["failed"] for one in reports),
                     "unknown": sum(one["unknown"] for one in reports)},
            "leases": {"tenures": len(held), "overlaps": len(overlaps), "fenced": fenced},
            "orders": {"%s: exit code %d" % key: count for key, count in
                       Counter((order, code) for order, code, _ in self.faults.orders).items()},
            "recovery": {"served": report.figures(self._served),
                         "present": report.figures(self._present)},
            "failovers": report.by_label(self._labelled),
            "leaders": {label: report.figures(found) for label, found in
                        sorted(leaders.changes(self.faults.harms, self.cluster.wins()).items())},
            "terms": len(self.cluster.wins()),
            "ended": self._ended(),
            "errors": self.faults.errors,
            "violations": self.violations,
        }

    def _ended(self):
        ends = Counter("%s: %s" % (who, self.cluster.why(code))
                       for _, who, code in self.cluster.unexpected)
        return ["%s, %d times" % end for end in sorted(ends.items())]

    def _tenures(self):
        """(who was active when, how many late writes the fence refused)."""
        held, fenced = [], 0
        for node in self.cluster.nodes:
            log = (self.cluster.dir / (node + ".log")).read_text(errors="replace")
            ends = [at for at, who in self.cluster.ends if who == node]
            held += tenures.read(node, log, ends, time.time())
            fenced += log.count("fenced off")
        return tenures.without_stops(held, self.faults.stops), fenced

    def _check_ends(self):
        """A daemon may end itself, but never by a fault of its own."""
        for at, who, code in self.cluster.unexpected:
            if code < 0 and -code in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE):
                self.violations.append("%s ended with %s %.0f s after the beginning"
                                       % (who, signal.Signals(-code).name, at - self._begun))

    def keep(self, evidence):
        """Logs, journal and acknowledgements, for whoever wants to know why."""
        shutil.rmtree(evidence, ignore_errors=True)
        evidence.mkdir(parents=True)
        for file in (*self.folder.glob("acks-*"), self.folder / "timeline.log",
                     *self.cluster.dir.glob("*.log"), *self.cluster.dir.glob("journal/ledger*"),
                     *self.cluster.dir.glob("coordinator/*.sqlite*"),
                     *self.cluster.dir.glob("*.toml"),
                     *self.cluster.server.dir.glob("**/*.log")):
            shutil.copy(file, evidence)


def _label(planned):
    """What a round's changes are counted under."""
    if len(planned) > 1:
        return "several at once"
    fault = planned[0]
    return "%s of %s%s" % (fault.kind, fault.victim, ", " + fault.how["direction"]
                           if "direction" in fault.how else "")
