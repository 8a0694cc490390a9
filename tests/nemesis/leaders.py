"""Which of several coordinators led when, by their own logs, and what a change of it cost. Pure."""

import re
from collections import namedtuple

from tenures import moment

# Of one coordinator: since when it leads, under which term.
Win = namedtuple("Win", "at name term")
# What was done to the one that led, from when until when; times on the wall clock.
Harm = namedtuple("Harm", "label name since until")

_WIN = re.compile(r"\] (\S+) leads, under term (\d+)")

# A change that comes later than this after the harm has ended has another cause: etcd keeps the
# lease of one that is gone for 3 s, and may have to elect a leader of its own first.
AFTERMATH_S = 6


def read(log):
    """The terms that one coordinator's log tells of."""
    found = []
    for line in log.split("\n"):
        at, win = moment(line), _WIN.search(line)
        if at is not None and win:
            found.append(Win(at, win[1], int(win[2])))
    return found


def latest(wins):
    """The name of who led last; None if nobody has."""
    return max(wins, key=lambda win: win.term).name if wins else None


def _next(harm, wins):
    """The first term that began because of it, or None."""
    later = [win for win in wins if harm.since <= win.at <= harm.until + AFTERMATH_S]
    return min(later, key=lambda win: win.at) if later else None


def changes(harms, wins):
    """{label: seconds from the harm to the next term} of those that led to one. What comes after
    two of them is the later one's."""
    found = {}
    harms = sorted(harms, key=lambda harm: harm.since)
    for harm, following in zip(harms, [*harms[1:], None]):
        win = _next(harm, wins)
        if win is not None and (following is None or win.at < following.since):
            found.setdefault(harm.label, []).append(win.at - harm.since)
    return found


def absences(harms, wins):
    """(from, until) in which nobody could lead: until the next term begins, or until the harm is
    over if nobody else has taken over."""
    found = []
    for harm in harms:
        win = _next(harm, wins)
        found.append((harm.since, win.at if win is not None else harm.until))
    return found
