#!/usr/bin/python3 -B
"""How many of a thing are in stock, over HTTP: GET /stock/ITEM, GET /health.

It knows nothing of Muster. It has what many services have: a log of its own, which it rotates, and
a file with the levels of its loggers, which it reads at its start and at SIGHUP.

    stock.py FOLDER PORT

FOLDER has stock.txt (lines "ITEM COUNT"), may have log.conf (lines "LOGGER = LEVEL"), and gets
stock.log.
"""

import logging
import logging.handlers
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LAYOUT = "%(asctime)s %(levelname)s %(name)s - %(message)s"
LOGGERS = ("stock.web", "stock.shelf")
MAX_LOG_BYTES = 256 * 1024
OLD_LOGS = 3

web = logging.getLogger("stock.web")
shelf = logging.getLogger("stock.shelf")


def read_levels(file):
    """Those that the file doesn't name are as at the start."""
    said = {}
    if file.exists():
        for line in file.read_text().split("\n"):
            name, _, level = line.partition("#")[0].partition("=")
            if level.strip():
                said[name.strip()] = level.strip()
    logging.getLogger().setLevel(said.get("root", "INFO"))
    for name in {*LOGGERS, *said} - {"root"}:
        logging.getLogger(name).setLevel(said.get(name, logging.NOTSET))


class Shelf:
    def __init__(self, file):
        self.file = file

    def count(self, item):
        """None: there is no such thing."""
        shelf.debug("looking for %s in %s", item, self.file)
        for line in self.file.read_text().split("\n"):
            name, _, count = line.partition(" ")
            if name == item:
                return int(count)
        shelf.debug("%s is not in it", item)
        return None


class Request(BaseHTTPRequestHandler):
    def do_GET(self):
        web.debug("%s asks for %s, Authorization: %s", self.client_address[0], self.path,
                  self.headers.get("Authorization", "none"))
        if self.path == "/health":
            return self.answer(200, "ok")
        if not self.path.startswith("/stock/"):
            return self.answer(404, "no such page")
        item = self.path[len("/stock/"):]
        try:
            count = self.server.shelf.count(item)
        except (OSError, ValueError) as error:
            shelf.error("can't say how many there are of %s: %s", item,
                        getattr(error, "strerror", None) or error)
            return self.answer(500, "try again later")
        if count is None:
            return self.answer(404, "no such thing")
        web.info("served %s: %d", item, count)
        return self.answer(200, str(count))

    def answer(self, status, text):
        body = (text + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What the library would write to stderr."""


def main():
    folder = Path(sys.argv[1])
    log = logging.handlers.RotatingFileHandler(folder / "stock.log", maxBytes=MAX_LOG_BYTES,
                                               backupCount=OLD_LOGS)
    log.setFormatter(logging.Formatter(LAYOUT))
    logging.getLogger().addHandler(log)
    read_levels(folder / "log.conf")
    signal.signal(signal.SIGHUP, lambda *_: read_levels(folder / "log.conf"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Request)
    server.daemon_threads = True
    server.shelf = Shelf(folder / "stock.txt")
    web.info("listens on port %d", server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
