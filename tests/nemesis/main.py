"""Breaks a real cluster in all the ways that a seed says, and checks what is left in the journal.

The server, the coordinator, three nodes of the ledger on hosts of their own, clients and operators
run in a box (box.py). Rounds of faults (plan.py, faults.py) alternate with times in which
everything is mended and the group has to come back. At the end the journal is checked (verdict.py).
The exit code is 0 if all that must hold held, 1 if not, 2 if it was started in a wrong way, 77 if
no box can be made here.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import box
import failovers
import plan
import report
import tenures
import verdict

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 2
CLIENTS = 3
RATE = 15
# After the faults: W and this much until somebody is active and serves. A connection that failed
# for long is tried again every 30 s, and a second component of a name waits for as long.
SERVED_WITHIN_S = 60
PRESENT_WITHIN_S = 90
QUIET_S = 1.0
LOOK_EVERY_S = 0.1


class Stopped(Exception):
    """A signal told it to end."""


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
        # These modules look for time limits and programs when they are read, inside of the box.
        import daemons
        import faults
        import load
        from cluster_fixture import TookTooLong
        from relay import Relay
        from site_server import Ejabberd, Prosody
        signal.alarm(0)
        self._load = load
        self._took_too_long = TookTooLong
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
            {"prosody": Prosody, "ejabberd": Ejabberd}[options.server], Relay(options.seed),
            LEASE_S, 16 + int(2 * options.minutes), options.shim, self.log)
        self.faults = faults.Faults(self.cluster, options.seed, self.log)

    # --- from the beginning to the end --------------------------------------------------------

    def go(self):
        options = self._options
        self.cluster.start()
        end = time.monotonic() + 60 * options.minutes
        self._begun = time.time()
        self._clients = self._load.Clients(self.folder, self.cluster.endpoints, CLIENTS, RATE,
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
        planned = _planned(options, number)
        self.log("--- round %d: %s" % (number, "; ".join(map(str, planned))))
        self._kinds.update(fault.kind for fault in planned)
        known = len(self._clients.acks())
        self.faults.round(number, planned)
        try:
            self.faults.mend()
        except self._took_too_long as error:
            self.violations.append("round %d: %s" % (number, error))
            return
        self._recover(number)
        self._measure(_label(planned), self._clients.acks()[known:])
        time.sleep(QUIET_S)

    def _measure(self, label, acks):
        for change in failovers.measure(self._events(), acks, LEASE_S,
                                        time.time() - self._load.now(), self.faults.absences):
            self.log("epoch %d: %s in place: %.3f s without service, %.3f s beyond the least (%s)"
                     % (change.epoch, change.to, change.outage, change.excess, change.cause))
            # Times that are taken with such clocks say nothing.
            if not self._options.beyond_bound:
                kind = "crash: " if change.crash else "in order: "
                self._labelled.append((kind + label, change))

    def _recover(self, number):
        """Everything is mended: now the group has to come back."""
        begun = self._load.now()
        allowed = self._wait(self.faults.let_all_serve, PRESENT_WITHIN_S)
        bound = failovers.wait_out(LEASE_S) + SERVED_WITHIN_S
        mended = self._load.now()
        served = self._wait(lambda: self._clients.all_served_since(mended), bound)
        if allowed is None or served is None:
            self.violations.append("round %d: nobody serves %.0f s after everything was mended"
                                   % (number, self._load.now() - begun))
            return
        self._served.append(self._load.now() - begun)
        present = self._wait(self._all_present, PRESENT_WITHIN_S)
        if present is None:
            self.violations.append("round %d: %d s after everything was mended not all nodes are "
                                   "present, or none is active" % (number, PRESENT_WITHIN_S))
            return
        self._present.append(self._load.now() - begun)
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
        return bool(status) and status[0]["phase"] == "ACTIVE" and not status[0]["note"]

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
        entries = self._load.read_journal(self.cluster.journal)
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
            "server": options.server, "seed": options.seed, "at_once": options.at_once,
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
                     *self.cluster.server.dir.glob("**/*.log")):
            shutil.copy(file, evidence)


def _planned(options, number):
    return plan.round_of(options.seed, number, LEASE_S, options.kinds, options.at_once,
                         options.beyond_bound)


def _label(planned):
    """What a round's changes are counted under."""
    if len(planned) > 1:
        return "several at once"
    fault = planned[0]
    return "%s of %s%s" % (fault.kind, fault.victim, ", " + fault.how["direction"]
                           if "direction" in fault.how else "")


def inside(options, folder):
    """In the box."""
    # In memory: what others do to this machine's disk is no fault of ours, and must not be
    # measured.
    box.mount("tmpfs", folder, "mode=0711")
    tempfile.tempdir = str(folder)
    run = Run(options, folder)

    def stop(*_):
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    whole = False
    try:
        result = run.go()
        print(report.text(result), flush=True)
        if options.json:
            Path(options.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        whole = not run.violations
        return 0 if whole else 1
    except Stopped:
        print("nemesis: stopped by a signal", file=sys.stderr)
        whole = True
        return 1
    finally:
        if options.evidence and (not whole or options.keep):
            run.keep(options.evidence)
            print("nemesis: logs and journal are in %s" % options.evidence)
        run.cluster.remove()


def parse(words):
    parser = argparse.ArgumentParser(
        prog="nemesis",
        description="Runs a cluster of the ledger through faults and checks its journal.")
    parser.add_argument("--minutes", type=float, default=2,
                        help="for how long faults are begun (%(default)s)")
    parser.add_argument("--seed", help="what all faults follow from (a random one)")
    parser.add_argument("--server", choices=("prosody", "ejabberd"), default="prosody")
    parser.add_argument("--kinds", help="only these kinds of faults, with commas: "
                        + ", ".join(plan.ALL_KINDS))
    parser.add_argument("--at-once", type=int, default=plan.MOST_AT_ONCE,
                        choices=range(1, plan.MOST_AT_ONCE + 1),
                        help="at most so many faults a round; 1 shows what each costs by itself")
    parser.add_argument("--beyond-bound", action="store_true",
                        help="clocks far beyond the rate that the lease is built for: leases may "
                             "overlap then, and only the journal's own check is left")
    parser.add_argument("--plan", type=int, metavar="ROUNDS",
                        help="only print what so many rounds do")
    parser.add_argument("--evidence", type=Path, help="where logs and journal go after a violation")
    parser.add_argument("--keep", action="store_true", help="and otherwise as well")
    parser.add_argument("--json", metavar="FILE", help="the report as JSON besides")
    parser.add_argument("--shim", type=Path, help=argparse.SUPPRESS,
                        default=ROOT / "build" / "release" / "lib" / "libnemesis_clock.so")
    parser.add_argument("--verbose", action="store_true", help="print the timeline as it happens")
    options = parser.parse_args(words)
    if not 0 < options.minutes <= 100_000:
        parser.error("--minutes must be above 0 and at most 100000")
    options.kinds = tuple(options.kinds.split(",")) if options.kinds else plan.ALL_KINDS
    for kind in options.kinds:
        if kind not in plan.ALL_KINDS:
            parser.error("'%s' is no kind of fault; there are %s"
                         % (kind, ", ".join(plan.ALL_KINDS)))
    if options.seed is None:
        options.seed = str(random.SystemRandom().randrange(1_000_000))
    options.evidence = (options.evidence or ROOT / "build" / "nemesis"
                        / ("%s-%s" % (options.server, options.seed))).resolve()
    options.shim = options.shim.resolve()
    return options


def main(words):
    options = parse(words)
    if options.plan:
        for number in range(1, options.plan + 1):
            for fault in _planned(options, number):
                print("round %d: %s" % (number, fault))
        return 0
    if not options.shim.exists():
        print("nemesis: %s is missing; build with -DBUILD_TESTING=ON" % options.shim,
              file=sys.stderr)
        return 2
    try:
        box.become_able()
        folder = box.Folder()
        try:
            return box.run(lambda: inside(options, folder.path))
        finally:
            folder.remove()
    except box.Impossible as error:
        print("nemesis: %s" % error, file=sys.stderr)
        return box.EXIT_IMPOSSIBLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
