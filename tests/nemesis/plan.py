"""What is done to the cluster, when and for how long. All of it follows from the seed. Pure.

A plan is a row of rounds. In each one or several faults begin and end; then everything is mended,
and the group has to come back by itself. Who is the active node when its turn comes can't be
planned, so a victim is a part ("the active node"), and only the run says who had it.
"""

import random
from dataclasses import dataclass, field

ACTIVE, STANDBY, COORDINATOR, SERVER = "active", "standby", "coordinator", "server"
JOURNAL, OPERATORS, EVERYBODY = "journal", "operators", "everybody"
# Where several coordinators share an etcd.
LEADER, WAITING = "leading coordinator", "waiting coordinator"
MEMBER, ETCD = "etcd member", "all of etcd"

# The cluster's, and what the lengths of faults go by.
LEASE_S = 2

DIRECTIONS = ("node to hub", "hub to node", "both ways")

# (kind, victims, how often it is taken compared with the others). What a seed means follows from
# the table: whatever is changed in one gives every seed of such clusters another plan.
KINDS = (
    ("kill", (ACTIVE, STANDBY, COORDINATOR, SERVER), 8),
    ("stand still", (ACTIVE, STANDBY, COORDINATOR, SERVER), 6),
    ("cut", (ACTIVE, STANDBY), 6),
    ("unplug", (ACTIVE, STANDBY), 2),
    ("end in order", (ACTIVE, COORDINATOR), 4),
    ("restart", (SERVER,), 3),
    ("delay", (ACTIVE, STANDBY, COORDINATOR), 4),
    ("stall", (ACTIVE, STANDBY, COORDINATOR), 4),
    ("reset", (ACTIVE, STANDBY, COORDINATOR), 3),
    ("clocks", (EVERYBODY,), 3),
    ("disk full", (JOURNAL, ACTIVE, COORDINATOR), 3),
    ("commands", (OPERATORS,), 6),
)
KINDS_WITH_ETCD = (
    ("kill", (ACTIVE, STANDBY, LEADER, LEADER, WAITING, SERVER, MEMBER, MEMBER, ETCD), 9),
    ("stand still", (ACTIVE, STANDBY, LEADER, LEADER, WAITING, SERVER, MEMBER, MEMBER, ETCD), 8),
    ("cut", (ACTIVE, STANDBY, LEADER, LEADER, WAITING, MEMBER), 7),
    ("cut from etcd", (LEADER, LEADER, WAITING), 4),
    ("unplug", (ACTIVE, STANDBY, LEADER, MEMBER), 2),
    ("end in order", (ACTIVE, LEADER, WAITING), 4),
    ("restart", (SERVER, MEMBER, ETCD), 4),
    ("delay", (ACTIVE, STANDBY, LEADER, WAITING), 4),
    ("stall", (ACTIVE, STANDBY, LEADER, WAITING), 4),
    ("reset", (ACTIVE, STANDBY, LEADER, WAITING), 3),
    ("clocks", (EVERYBODY,), 3),
    ("disk full", (JOURNAL, ACTIVE, LEADER), 3),
    ("commands", (OPERATORS,), 6),
)
MOST_AT_ONCE = 3


def table(coordinators):
    return KINDS if coordinators == 1 else KINDS_WITH_ETCD


def kinds(coordinators):
    return tuple(kind for kind, _, _ in table(coordinators))


# In millionths: just within the bound of one percent, and far beyond it.
WITHIN_BOUND_PPM = 9_500
BEYOND_BOUND_PPM = 400_000

ORDERS = ("failover", "failover to", "drain", "pause")


@dataclass(frozen=True)
class Fault:
    kind: str
    victim: str
    at: float       # seconds after the round's beginning
    seconds: float  # how long until it is mended; what has no length takes it as a pause
    how: dict = field(default_factory=dict)

    def __str__(self):
        how = "".join(", %s %s" % (key, _shown(value)) for key, value in sorted(self.how.items()))
        return "at %.2f s: %s of %s for %.2f s%s" % (self.at, self.kind, self.victim,
                                                     self.seconds, how)


def _shown(value):
    if isinstance(value, (tuple, list)):
        return "/".join(_shown(part) for part in value)
    return "%.3f" % value if isinstance(value, float) else str(value)


def _rates(dice, most, coordinators):
    """One for each coordinator and each of three nodes, in millionths."""
    rates = [dice.choice((-1, 1)) * dice.randint(most // 2, most) for _ in range(coordinators + 3)]
    if dice.random() < 0.5:
        # The worst for a lease: who waits for its end is too early, who holds it too late.
        rates = ([abs(rate) for rate in rates[:coordinators]]
                 + [-abs(rate) for rate in rates[coordinators:]])
    return tuple(rates)


def _how(kind, dice, beyond, coordinators):
    if kind in ("cut", "cut from etcd"):
        return {"direction": dice.choice(DIRECTIONS)}
    if kind == "stall":
        return {"direction": dice.choice(("up", "down"))}
    if kind == "delay":
        least = dice.uniform(0.005, 0.3)
        return {"between": (least, least * dice.uniform(1.1, 3))}
    if kind == "clocks":
        return {"ppm": _rates(dice, BEYOND_BOUND_PPM if beyond else WITHIN_BOUND_PPM,
                              coordinators)}
    if kind == "commands":
        return {"orders": tuple(dice.choice(ORDERS) for _ in range(dice.randint(2, 4))),
                "spread": dice.uniform(0.0, 0.5), "dice": dice.randrange(1 << 30)}
    return {}


def _fault(dice, lease_s, only, beyond, coordinators):
    offered = [row for row in table(coordinators) if row[0] in only]
    kind, victims, _ = dice.choices(offered, [often for _, _, often in offered])[0]
    # Some are over before a lease is, some outlast it for certain.
    seconds = dice.choice((dice.uniform(0.1, 0.8), dice.uniform(0.8, 2.5), dice.uniform(2.5, 4)))
    return Fault(kind, dice.choice(victims), round(dice.uniform(0, 2), 2),
                 round(seconds * lease_s, 2), _how(kind, dice, beyond, coordinators))


def round_of(seed, number, lease_s=LEASE_S, only=None, at_once=MOST_AT_ONCE, beyond=False,
             coordinators=1):
    """The faults of one round, the earliest first. The same for the same arguments, always. `only`
    these kinds; of one coordinator, or of several that share an etcd."""
    only = only or kinds(coordinators)
    dice = random.Random("%s/%s" % (seed, number))
    count = min(at_once, dice.choices((1, 2, 3), (5, 3, 2))[0])
    faults = [_fault(dice, lease_s, only, beyond, coordinators) for _ in range(count)]
    if beyond and "clocks" in only and all(fault.kind != "clocks" for fault in faults):
        # What such a run is about; the others come on top of it.
        faults.append(Fault("clocks", EVERYBODY, 0.0, round(3 * lease_s, 2),
                            _how("clocks", dice, beyond, coordinators)))
    return sorted(faults, key=lambda fault: (fault.at, fault.kind, fault.victim))


def of_run(options, number):
    """As the command line says."""
    return round_of(options.seed, number, LEASE_S, options.kinds, options.at_once,
                    options.beyond_bound, options.coordinators)
