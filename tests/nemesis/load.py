"""The clients, and what was acknowledged to them.

Several load generators stay with whatever node is active, as clients do. One more tries every node
in turn, whether it is active or not: it would notice at once if two took what it writes.
"""

import json
import signal
import socket
import sqlite3
import subprocess
import threading
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
        self._roamer = Roamer(endpoints)

    def acks(self):
        """What the load generators know to be acknowledged, each one's in order. Only what is new
        is read."""
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
        """Lets each finish the entry that it is at; returns their reports and all that was
        acknowledged."""
        for process in self._processes:
            process.send_signal(signal.SIGINT)
        reports = []
        for process in self._processes:
            out, _ = process.communicate(timeout=60)
            reports.append(json.loads(out))
        return reports, self.acks() + self._roamer.end()


class Roamer:
    """Offers each node entries of its own, one after the other."""

    PAUSE_S = 0.02

    def __init__(self, endpoints):
        self._addresses = [(host, int(port)) for host, port in
                           (endpoint.split(":") for endpoint in endpoints)]
        self._connections = {}
        self._ending = threading.Event()
        self.acks = []
        self._thread = threading.Thread(target=self._roam, name="roamer", daemon=True)
        self._thread.start()

    def end(self):
        """What was acknowledged to it."""
        self._ending.set()
        self._thread.join()
        return self.acks

    def _roam(self):
        number = 0
        while not self._ending.wait(self.PAUSE_S):
            number += 1
            address = self._addresses[number % len(self._addresses)]
            try:
                self._offer(address, "roam-%d" % number)
            except OSError:
                self._connections.pop(address, None)

    def _offer(self, address, name):
        if address not in self._connections:
            self._connections[address] = socket.create_connection(address, ANSWER_TIMEOUT_MS / 1000)
        connection = self._connections[address]
        sent = now()
        connection.sendall(b"append-once %s an entry\n" % name.encode())
        answer = connection.recv(4096)
        if not answer.endswith(b"\n"):
            # A late answer must not be taken for that of the next entry.
            raise ConnectionError("no whole answer")
        words = answer.split()
        if words[0] == b"ok":
            self.acks.append(Ack(sent, now(), name, int(words[1]), int(words[2])))


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
