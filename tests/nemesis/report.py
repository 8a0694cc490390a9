"""What a run came to, for people and as JSON. Pure."""

from failovers import percentile

SHARES = (("p50", 0.50), ("p99", 0.99), ("max", 1.00))


def figures(values):
    """{"count": ..., "p50": ...}; seconds, as they come."""
    return {"count": len(values),
            **{name: percentile(values, share) for name, share in SHARES}}


def by_label(failovers):
    """`failovers` are (label, Failover); {label: {"outage": figures, "excess": figures}}, and the
    same for all that were crashes and all that were in order."""
    labels = {}
    for label, failover in failovers:
        whole = "crash: all of them" if failover.crash else "in order: all of them"
        for one in (whole, label):
            labels.setdefault(one, []).append(failover)
    return {label: {"outage": figures([one.outage for one in found]),
                    "excess": figures([one.excess for one in found])}
            for label, found in sorted(labels.items())}


def _number(value):
    return "-" if value is None else "%.3f" % value


def _row(label, part):
    return "  %-44s %5d   %s" % (label, part["outage"]["count"], "   ".join(
        "%8s %8s %8s" % tuple(_number(part[of][name]) for name, _ in SHARES)
        for of in ("outage", "excess")))


def text(report):
    lines = ["%(rounds)d rounds in %(minutes).1f min on %(server)s, seed %(seed)s" % report
             + (", %(coordinators)d coordinators, etcd of %(etcd_members)d" % report
                if report["etcd_members"] else "")
             + (", clocks beyond their bound" if report["beyond_bound"] else ""),
             "  faults: " + ", ".join("%s %d" % item for item in sorted(report["faults"].items())),
             "  entries: %(entries)d in the journal, %(acknowledged)d acknowledged, "
             "%(failed)d refused, %(unknown)d unknown" % report["load"],
             "  tenures: %(tenures)d; %(overlaps)d overlapped; the fence refused %(fenced)d late "
             "writes" % report["leases"],
             "  orders: " + (", ".join("%s %d" % item for item in sorted(report["orders"].items()))
                             or "none"),
             "  served again after: " + _three(report["recovery"]["served"])
             + "; all present again after: " + _three(report["recovery"]["present"]),
             "  changes of the active node; seconds p50, p99, max without service, and beyond the "
             "least that had to be:"]
    lines += [_row(label, part) for label, part in report["failovers"].items()]
    lines += _of_leaders(report)
    lines += ["  ended by itself: %s" % what for what in report["ended"]]
    lines += ["NOT POSSIBLE: %s" % error for error in report["errors"]]
    lines += ["VIOLATION: %s" % finding for finding in report["violations"]]
    lines.append("VERDICT: " + ("%d violations" % len(report["violations"]) if report["violations"]
                                else "all that must hold held"))
    return "\n".join(lines)


def _of_leaders(report):
    if not report["terms"]:
        return []
    return (["  terms of coordinators: %(terms)d; seconds p50, p99, max from what was done to the one "
             "that led to the next term:" % report]
            + ["  %-44s %5d   %s" % (label, part["count"], " ".join(
                "%8s" % _number(part[name]) for name, _ in SHARES))
               for label, part in report["leaders"].items()])


def _three(part):
    return "p50 %s s, p99 %s s, max %s s" % tuple(_number(part[name]) for name, _ in SHARES)
