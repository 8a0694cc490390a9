"""How long nobody was served at each change of the active node, beyond what had to be. Pure.

The least that a crash may cost is the wait-out W after the last lease was granted; the least that a
change in order may cost is nothing. Neither can end while the server is away or the coordinator
stands still. The coordinator's history tells how long it waited since the
last grant, and the clients' acknowledgements tell how long they went without.
"""

import calendar
import math
import time
from collections import namedtuple

# Seconds; `excess` is what lies beyond the least that was lawful. `since` is when the last entry
# before was acknowledged.
Failover = namedtuple("Failover", "epoch to crash since outage excess cause")

# Of a wait that took place at all: a release that arrives counts none.
SHORTEST_WAIT_MS = 1


def wait_out(lease_s, bound=0.01, margin_s=0.05):
    """W, as docs/election.md has it."""
    return lease_s * (1 + bound) / (1 - bound) + margin_s


def wall_seconds(rfc3339):
    """Of "2026-03-01T02:30:00.123Z"."""
    whole, _, fraction = rfc3339.rstrip("Z").partition(".")
    return (calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
            + (float("0." + fraction) if fraction else 0.0))


def _outage(acks, granted):
    """(the last acknowledgement before the new holder had its lease, the first one after), or None.

    Epochs don't tell them apart: an entry that is sent again is acknowledged under its old one."""
    before = [ack.acked for ack in acks if ack.acked < granted]
    after = [ack.acked for ack in acks if ack.acked >= granted]
    if not before or not after:
        return None
    return max(before), min(after)


def measure(events, acks, lease_s, wall_ahead, absences=()):
    """Each change in `events` (of `muster history`) after which somebody was served.

    `wall_ahead`: the wall clock less the clock of the acknowledgements. `absences`: (from, until),
    by the latter, of those without whom nobody can become active."""
    found = []
    for event in events:
        if event["what"] not in ("active", "moved"):
            continue
        granted = wall_seconds(event["at"]) - wall_ahead - event["promote_ms"] / 1000
        edges = _outage(acks, granted)
        if edges is None:
            continue
        last, first = edges
        crash = event["wait_ms"] >= SHORTEST_WAIT_MS
        lawful_end = last
        if crash:
            last_grant = granted - (event["wait_ms"] + event["offer_ms"]) / 1000
            lawful_end = max(last, last_grant + wait_out(lease_s))
        lawful_end = max([lawful_end] + [until for _, until in absences if last < until <= first])
        found.append(Failover(event["epoch"], event["to"], crash, last, first - last,
                              first - lawful_end, event["cause"]))
    return found


def percentile(values, share):
    """The nearest rank; None of nothing."""
    ranked = sorted(values)
    if not ranked:
        return None
    return ranked[min(len(ranked), max(1, math.ceil(share * len(ranked)))) - 1]
