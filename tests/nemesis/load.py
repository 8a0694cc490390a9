"""The clients: several load generators that write to whatever node is active and note what was
acknowledged."""

import json
import signal
import sqlite3
import subprocess
import time

from cluster_fixture import BIN
from verdict import Ack, Entry

# Short, so that a node that stands still costs a client little of what is measured.
ANSWER_TIMEOUT_MS = 300


class Clients:
    def __init__(self, folder, endpoints, count, rate, seconds):
        self._files = [folder / ("acks-%d" % i) for i in range(count)]
        self._processes = [
            subprocess.Popen([str(BIN / "ledger-load"), "--connect", ",".join(endpoints), "--rate",
                              str(rate), "--seconds", str(seconds), "--acks", str(file),
                              "--answer-timeout-ms", str(ANSWER_TIMEOUT_MS), "-o", "json"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             start_new_session=True)
            for file in self._files]
        self._read = [0] * count
        self._acks = []

    def acks(self):
        """What was acknowledged so far, each client's in order. Only what is new is read."""
        for i, file in enumerate(self._files):
            if not file.exists():
                continue
            with open(file, "rb") as lines:
                lines.seek(self._read[i])
                whole, end, _ = lines.read().rpartition(b"\n")
            self._read[i] += len(whole + end)
            self._acks += [_ack(line) for line in whole.decode("ascii").split("\n") if line]
        return self._acks

    def last_ack(self):
        """When each client's latest acknowledgement came; 0 if never."""
        return [_last_time(file) for file in self._files]

    def all_served_since(self, moment):
        return all(last > moment for last in self.last_ack())

    def end(self):
        """Lets each finish the entry that it is at; returns their reports."""
        for process in self._processes:
            process.send_signal(signal.SIGINT)
        reports = []
        for process in self._processes:
            out, _ = process.communicate(timeout=60)
            reports.append(json.loads(out))
        return reports


def _ack(line):
    sent, acked, name, seq, epoch = line.split()
    return Ack(int(sent) / 1e6, int(acked) / 1e6, name, int(seq), int(epoch))


def _last_time(file):
    try:
        with open(file, "rb") as lines:
            lines.seek(max(0, file.stat().st_size - 512))
            whole = lines.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return 0.0
    return int(whole[-1].split()[1]) / 1e6 if whole and len(whole[-1].split()) == 5 else 0.0


def read_journal(file):
    """Its entries in order, in a moment at which nobody writes."""
    database = sqlite3.connect("file:%s?mode=ro" % file, uri=True, timeout=10)
    try:
        return [Entry(*row) for row in
                database.execute("SELECT seq, epoch, instance, id FROM journal ORDER BY seq")]
    finally:
        database.close()


def now():
    """The clock of the acknowledgements."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)
