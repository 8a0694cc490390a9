#!/usr/bin/python3
"""An active/standby application in Python that speaks with its muster-agent.

    muster-agent run --config agent.toml -- ./app.py FILE

While it is active it appends its epoch to FILE ten times a second, and counts each line.
"""

import logging
import signal
import sys
import threading
import time

from muster_sidecar import Handler, Sidecar

log = logging.getLogger("app.writer")


class Writer:
    """Writes while it has an epoch."""

    def __init__(self, file):
        self.file = file
        self.lock = threading.Lock()
        self.epoch = None

    def promote(self, epoch, instance):
        with self.lock:
            self.epoch = epoch
        log.info("active under epoch %d, as %s", epoch, instance)

    def demote(self, epoch, cause):
        # With the lock no line is under way when this returns.
        with self.lock:
            self.epoch = None
        log.info("standby after epoch %d: %s", epoch, cause)

    def write(self, sidecar):
        with self.lock:
            # A lease that is over may be somebody else's already.
            if self.epoch is None or sidecar.lease_left() <= 0:
                return
            with open(self.file, "a") as out:
                out.write("%d\n" % self.epoch)
        sidecar.count("writes", good=1)
        log.debug("wrote a line")


def main():
    logging.basicConfig(level=logging.INFO)
    writer = Writer(sys.argv[1])
    sidecar = Sidecar("app", promote=writer.promote, demote=writer.demote)
    logging.getLogger().addHandler(Handler(sidecar))
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    while not stopped.is_set():
        writer.write(sidecar)
        sidecar.gauge("load", time.process_time() % 1)
        stopped.wait(0.1)
    sidecar.close()


if __name__ == "__main__":
    main()
