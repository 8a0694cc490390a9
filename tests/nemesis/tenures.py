"""Who was active from when until when, by the nodes' own logs. Pure."""

import calendar
import re
import time

from verdict import Tenure

_BEGIN = re.compile(r"\] active under epoch (\d+)")
_END = re.compile(r"\] standby: epoch (\d+) is over")
_AT = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{3})\]")

# A process that was stopped looks at the clock first when it wakes; to say so takes it a moment.
WAKING_S = 0.5


def moment(line):
    at = _AT.match(line)
    if at is None:
        return None
    return calendar.timegm(time.strptime(at[1], "%Y-%m-%d %H:%M:%S")) + int(at[2]) / 1000


def read(node, log, ends, now):
    """A node's tenures; `ends`: when its processes ended. What is not over lasts until `now`."""
    found, begun = [], None
    for line in log.split("\n"):
        at = moment(line)
        if at is None:
            continue
        start, stop = _BEGIN.search(line), _END.search(line)
        if start:
            if begun:
                found.append(_closed(node, begun, at, ends))
            begun = (int(start[1]), at)
        elif stop and begun:
            found.append(_closed(node, begun, at, ends))
            begun = None
    if begun:
        found.append(_closed(node, begun, now, ends))
    return found


def _closed(node, begun, end, ends):
    epoch, begin = begun
    # The log of a process that was killed has no line for its end.
    ended = min((moment for moment in ends if moment >= begin), default=end)
    return Tenure(node, epoch, begin, min(end, ended))


def without_stops(tenures, stops):
    """A process that stands still does nothing; `stops` are (node, from, until)."""
    pieces = []
    for tenure in tenures:
        left = [tenure]
        for node, since, until in stops:
            if node == tenure.node:
                left = [piece for one in left for piece in _cut_out(one, since, until + WAKING_S)]
        pieces += left
    return pieces


def _cut_out(tenure, since, until):
    if until <= tenure.begin or since >= tenure.end:
        return [tenure]
    parts = []
    if since > tenure.begin:
        parts.append(tenure._replace(end=since))
    if until < tenure.end:
        parts.append(tenure._replace(begin=until))
    return parts
