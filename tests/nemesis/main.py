"""Breaks a real cluster in all the ways that a seed says, and checks what is left in the journal.

The server, the coordinator (or several, and an etcd), three nodes of the ledger, clients and operators
run in a box (box.py). Rounds of faults (plan.py, faults.py) alternate with times in which
everything is mended and the group has to come back. At the end the journal is checked (verdict.py).
The exit code is 0 if all that must hold held, 1 if not, 2 if it was started in a wrong way, 77 if
no box can be made here.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
from pathlib import Path

import box
import plan
import report

ROOT = Path(__file__).resolve().parents[2]


def inside(options, folder):
    """In the box."""
    # In memory: what others do to this machine's disk is no fault of ours, and must not be
    # measured.
    box.mount("tmpfs", folder, "mode=0711")
    tempfile.tempdir = str(folder)
    import run  # not before: see there
    signal.alarm(0)
    box.take_signals()
    return carry_out(options, run.Run(options, folder))


def carry_out(options, run):
    keep = True  # unless it ends as it should
    try:
        result = run.go()
        print(report.text(result), flush=True)
        if options.json:
            Path(options.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        keep = options.keep or bool(run.violations)
        return 1 if run.violations else 0
    except box.Stopped:
        keep = options.keep
        raise
    finally:
        if keep:
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
    parser.add_argument("--coordinators", type=int, default=1, choices=(1, 2, 3),
                        help="several share an etcd, one has a file (%(default)s)")
    parser.add_argument("--etcd-members", type=int, choices=(1, 3),
                        help="of the etcd of several coordinators (1)")
    parser.add_argument("--kinds", help="only these kinds of faults, with commas: "
                        + ", ".join(plan.kinds(2)))
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
    if options.etcd_members and options.coordinators == 1:
        parser.error("--etcd-members goes with --coordinators 2 or 3")
    options.etcd_members = (options.etcd_members or 1) if options.coordinators > 1 else 0
    there_are = plan.kinds(options.coordinators)
    options.kinds = tuple(options.kinds.split(",")) if options.kinds else there_are
    for kind in options.kinds:
        if kind not in there_are:
            parser.error("'%s' is no kind of fault of such a cluster; there are %s"
                         % (kind, ", ".join(there_are)))
    if options.seed is None:
        options.seed = str(random.SystemRandom().randrange(1_000_000))
    options.evidence = (options.evidence or ROOT / "build" / "nemesis"
                        / ("%s%s-%s" % (options.server, "-etcd" if options.etcd_members else "",
                                        options.seed))).resolve()
    options.shim = options.shim.resolve()
    return options


def main(words):
    options = parse(words)
    if options.plan:
        for number in range(1, options.plan + 1):
            for fault in plan.of_run(options, number):
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
