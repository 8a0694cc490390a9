"""What must hold of a ledger's journal, whatever was done to those who wrote it. Pure.

Each check returns sentences, one for each thing that is wrong, and none if all is well.
"""

from collections import namedtuple

Entry = namedtuple("Entry", "seq epoch instance id")
# Times are of one clock that all clients share.
Ack = namedtuple("Ack", "sent acked id seq epoch")
# A node's own word: from when until when it was active under an epoch.
Tenure = namedtuple("Tenure", "node epoch begin end")

# Of one kind; the rest is counted.
MOST = 20
# A node writes the line that it has stopped after it has stopped, on a busy machine so much after.
LATE_LINE_S = 0.25


def cut(findings, what):
    if len(findings) <= MOST:
        return findings
    return findings[:MOST] + ["and %d more: %s" % (len(findings) - MOST, what)]


def tokens_in_order(entries):
    """No token was let through after a higher one."""
    wrong, highest = [], 0
    for entry in entries:
        if entry.epoch < highest:
            wrong.append("entry %d has epoch %d after %d" % (entry.seq, entry.epoch, highest))
        highest = max(highest, entry.epoch)
    return cut(wrong, "entries with a token out of order")


def one_writer_an_epoch(entries):
    wrong, writer = [], {}
    for entry in entries:
        first = writer.setdefault(entry.epoch, entry.instance)
        if entry.instance != first:
            wrong.append("entry %d is of instance %s under epoch %d, which is %s's"
                         % (entry.seq, entry.instance, entry.epoch, first))
    return cut(wrong, "entries under a shared epoch")


def no_holes(entries):
    wrong, expected = [], 1
    for entry in entries:
        if entry.seq != expected:
            wrong.append("entry %d follows entry %d" % (entry.seq, expected - 1))
        expected = entry.seq + 1
    return cut(wrong, "breaks in the numbers")


def acknowledged_is_there(entries, acks):
    """Once, and as it was acknowledged."""
    found = {}
    for entry in entries:
        found.setdefault(entry.id, []).append(entry)
    wrong = []
    for ack in acks:
        there = found.get(ack.id, [])
        if not there:
            wrong.append("%s was acknowledged as entry %d under epoch %d and is not there"
                         % (ack.id, ack.seq, ack.epoch))
        elif len(there) > 1:
            wrong.append("%s is there %d times: entries %s"
                         % (ack.id, len(there), ", ".join(str(entry.seq) for entry in there)))
        elif (there[0].seq, there[0].epoch) != (ack.seq, ack.epoch):
            wrong.append("%s was acknowledged as entry %d under epoch %d and is entry %d under "
                         "epoch %d" % (ack.id, ack.seq, ack.epoch, there[0].seq, there[0].epoch))
    return cut(wrong, "acknowledged entries")


def later_is_behind(acks):
    """What was sent after something had been acknowledged stands behind it."""
    moments = sorted([(ack.sent, 1, ack) for ack in acks] + [(ack.acked, 0, ack) for ack in acks],
                     key=lambda moment: moment[:2])
    wrong, last, floor_of = [], None, {}
    for _, is_sending, ack in moments:
        if is_sending:
            floor_of[ack.id] = last
            continue
        before = floor_of.pop(ack.id, None)
        if before is not None and ack.seq <= before.seq:
            wrong.append("%s is entry %d, but was sent only after entry %d had been acknowledged"
                         % (ack.id, ack.seq, before.seq))
        if last is None or ack.seq > last.seq:
            last = ack
    return cut(wrong, "entries before those that they followed")


def never_two_active(tenures):
    """No node was active, by its own word, while another one was, if clocks keep their bound."""
    wrong, latest = [], None
    for tenure in sorted(tenures, key=lambda tenure: tenure.begin):
        if latest is not None and tenure.begin < latest.end - LATE_LINE_S:
            wrong.append("%s was active under epoch %d before %s had stopped under epoch %d "
                         "(%.0f ms)" % (tenure.node, tenure.epoch, latest.node, latest.epoch,
                            1000 * (min(latest.end, tenure.end) - tenure.begin)))
        if latest is None or tenure.end > latest.end:
            latest = tenure
    return cut(wrong, "times at which two nodes were active")


def of_journal(entries, acks):
    """All that must hold whatever the clocks do."""
    return (tokens_in_order(entries) + one_writer_an_epoch(entries) + no_holes(entries)
            + acknowledged_is_there(entries, acks) + later_is_behind(acks))
