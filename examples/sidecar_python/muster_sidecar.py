"""A client of muster-agent's sidecar socket: counts, log records, log levels and roles.

Needs the standard library and python3-protobuf. The messages come from proto/muster/sidecar.proto:

    protoc -I PREFIX/share/muster/proto --python_out . muster/sidecar.proto
"""

import collections
import logging
import os
import socket
import threading
import time

from muster import sidecar_pb2 as wire

VERSION = 1
MAX_FRAME = 1024 * 1024
MAX_RECORDS = 1000
FLUSH_S = 0.1
RECONNECT_S = 0.5
# Beyond this the oldest records are given up: an application must not grow for want of a log.
MAX_WAITING_RECORDS = 100_000

LEVELS = {wire.TRACE: 5, wire.DEBUG: logging.DEBUG, wire.INFO: logging.INFO,
          wire.WARN: logging.WARNING, wire.ERROR: logging.ERROR,
          wire.CRITICAL: logging.CRITICAL, wire.OFF: logging.CRITICAL + 10}


def wire_level(number, highest=wire.OFF):
    """The most severe of the protocol's levels that is not above this one of `logging`."""
    fitting = [level for level, least in LEVELS.items() if least <= number and level <= highest]
    return max(fitting, default=wire.TRACE)


class Refused(Exception):
    """The agent said what was wrong and closed the connection."""


class Stream:
    """Frames over a connected socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def send(self, message):
        content = message.SerializeToString()
        length, head = len(content), bytearray()
        while length >= 0x80:
            head.append(length & 0x7f | 0x80)
            length >>= 7
        head.append(length)
        self.socket.sendall(bytes(head) + content)

    def receive(self):
        """The next message; EOFError once the agent is gone."""
        length = shift = 0
        while True:
            byte = self.file.read(1)
            if not byte:
                raise EOFError
            length |= (byte[0] & 0x7f) << shift
            shift += 7
            if byte[0] < 0x80:
                break
        if length > MAX_FRAME:
            raise Refused("a frame of %d bytes" % length)
        content = self.file.read(length)
        if len(content) < length:
            raise EOFError
        return wire.FromAgent.FromString(content)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.file.close()
        self.socket.close()


class Sidecar:
    """Stays connected, and sends again what the agent had not taken when the connection was lost.

    promote(epoch, instance) and demote(epoch, cause) run on a thread of this class; the role is
    taken, or given up, when they return, and an exception says that it was not.
    """

    def __init__(self, name, path=None, promote=None, demote=None, use_logging=True):
        self.name = name
        self.path = path or os.environ["MUSTER_SIDECAR"]
        self.promote = promote
        self.demote = demote
        self.control = promote is not None or use_logging
        self.session = os.urandom(16)
        self.boot_levels = {}
        self.use_until = 0.0  # of the lease, on CLOCK_BOOTTIME
        self.epoch = 0        # under which it is active, or may be; 0: it is not
        self.lock = threading.Lock()
        self.stream = None
        self.welcome = None
        self.counting = {}            # service: Count, since the last message
        self.counts_sent = None       # on its way
        self.counts_sequence = 0
        self.records = collections.deque()
        self.records_sent = collections.OrderedDict()  # sequence: message, on their way
        self.records_sequence = 0
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._stay_connected, daemon=True),
                        threading.Thread(target=self._flush_often, daemon=True)]
        for thread in self.threads:
            thread.start()

    # --- what the application says ------------------------------------------------------------

    def count(self, service, good=0, bad=0):
        with self.lock:
            count = self._counting(service)
            count.good += good
            count.bad += bad

    def down(self, service, is_down):
        with self.lock:
            self._counting(service).down = is_down

    def gauge(self, service, value):
        with self.lock:
            self._counting(service).value = value

    def log(self, level, logger, text, at=None):
        """`level` is one of wire's."""
        record = wire.Record(unix_us=int((at or time.time()) * 1_000_000), level=level,
                             logger=logger, text=text.encode(errors="replace"))
        with self.lock:
            if len(self.records) < MAX_WAITING_RECORDS:
                self.records.append(record)

    def lease_left(self):
        """Seconds for which the lease may still be used; never more than 0 for a standby."""
        return self.use_until - time.clock_gettime(time.CLOCK_BOOTTIME)

    def close(self):
        self.ending.set()
        with self.lock:
            if self.stream is not None:
                self.stream.close()
        for thread in self.threads:
            thread.join()

    # --- connection ---------------------------------------------------------------------------

    def _counting(self, service):
        return self.counting.setdefault(service, wire.Count(service=service))

    def _stay_connected(self):
        while not self.ending.is_set():
            try:
                stream = Stream(self.path)
            except OSError:
                self.ending.wait(RECONNECT_S)
                continue
            try:
                self._talk(stream)
            except (OSError, EOFError, ValueError):
                pass
            except Refused as why:
                logging.getLogger("muster.sidecar").error("refused: %s", why)
            with self.lock:
                self.stream = self.welcome = None
            stream.close()
            self._stop_without_agent()
            self.ending.wait(RECONNECT_S)

    def _stop_without_agent(self):
        """Who can't be told to stop must not go on."""
        if self.epoch:
            self.demote(self.epoch, "connection-lost")
            self.epoch, self.use_until = 0, 0.0

    def _talk(self, stream):
        stream.send(wire.FromApplication(hello=wire.Hello(
            min_version=VERSION, max_version=VERSION, name=self.name, session=self.session,
            control=self.control)))
        message = stream.receive()
        if message.HasField("error"):
            raise Refused(message.error.text)
        with self.lock:
            self._go_on_behind(message.welcome, stream)
            self.stream, self.welcome = stream, message.welcome
        if message.welcome.levels:
            self._send(self._loggers())
        while True:
            self._on_message(stream.receive())

    def _go_on_behind(self, welcome, stream):
        """Sends again what the agent does not have."""
        if self.counts_sent and self.counts_sent.sequence <= welcome.counts_taken:
            self.counts_sent = None
        if self.counts_sent:
            stream.send(wire.FromApplication(counts=self.counts_sent))
        for sequence, records in list(self.records_sent.items()):
            if sequence <= welcome.records_kept:
                del self.records_sent[sequence]
            else:
                stream.send(wire.FromApplication(records=records))

    def _send(self, message):
        with self.lock:
            if self.stream is not None:
                self.stream.send(message)

    def _flush_often(self):
        while not self.ending.wait(FLUSH_S):
            try:
                with self.lock:
                    if self.stream is not None:
                        self._flush()
            except OSError:
                pass  # the other thread notices, too

    def _flush(self):
        if self.counting and self.counts_sent is None:
            self.counts_sequence += 1
            self.counts_sent = wire.Counts(sequence=self.counts_sequence,
                                           counts=self.counting.values())
            self.counting = {}
            self.stream.send(wire.FromApplication(counts=self.counts_sent))
        while self.records and self.welcome.log and \
                len(self.records_sent) < self.welcome.window:
            some = [self.records.popleft() for _ in range(min(len(self.records), MAX_RECORDS))]
            self.records_sequence += 1
            message = wire.Records(sequence=self.records_sequence, records=some)
            self.records_sent[self.records_sequence] = message
            self.stream.send(wire.FromApplication(records=message))

    # --- what the agent says ------------------------------------------------------------------

    def _on_message(self, message):
        kind = message.WhichOneof("message")
        if kind == "counts_taken":
            with self.lock:
                if self.counts_sent and self.counts_sent.sequence <= message.counts_taken.sequence:
                    self.counts_sent = None
        elif kind == "records_kept":
            with self.lock:
                self.records_sent.pop(message.records_kept.sequence, None)
        elif kind == "set_level":
            self._answer(message.set_level.id, self._set_level, message.set_level)
        elif kind == "promote":
            self.use_until = message.promote.lease.use_until_boottime_ms / 1000
            self.epoch = message.promote.epoch
            self._answer(message.promote.id, self.promote, message.promote.epoch,
                         message.promote.instance)
        elif kind == "demote":
            self._answer(message.demote.id, self.demote, message.demote.epoch,
                         message.demote.cause)
            self.epoch, self.use_until = 0, 0.0
        elif kind == "lease":
            self.use_until = message.lease.use_until_boottime_ms / 1000
        elif kind == "error" and not message.error.goes_on:
            raise Refused(message.error.text)

    def _answer(self, id, work, *arguments):
        done = wire.Done(id=id)
        try:
            work(*arguments)
        except Exception as error:
            done.error = str(error) or type(error).__name__
        self._send(wire.FromApplication(done=done))

    def _set_level(self, asked):
        logger = logging.getLogger(None if asked.logger == "root" else asked.logger)
        boot = self.boot_levels.setdefault(asked.logger, logger.level)
        logger.setLevel(LEVELS[asked.level] if asked.level else boot)
        if not asked.level:
            del self.boot_levels[asked.logger]
        self._send(self._loggers())

    def _loggers(self):
        out = wire.Loggers()
        known = {"root": logging.getLogger(), **logging.root.manager.loggerDict}
        for name, logger in sorted(known.items()):
            if isinstance(logger, logging.Logger):
                out.loggers.add(name=name,
                                configured=wire_level(logger.level) if logger.level else 0,
                                effective=wire_level(logger.getEffectiveLevel()))
        return wire.FromApplication(loggers=out)


class Handler(logging.Handler):
    """Sends what the application logs."""

    def __init__(self, sidecar):
        super().__init__()
        self.sidecar = sidecar

    def emit(self, record):
        name = "" if record.name == "root" else record.name
        self.sidecar.log(wire_level(record.levelno, wire.CRITICAL), name, self.format(record),
                         record.created)
