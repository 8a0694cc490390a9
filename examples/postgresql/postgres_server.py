"""One PostgreSQL server of a pair: how it is asked, started, stopped and brought back in line."""

import os
import re
import signal
import subprocess
import time
import tomllib
from pathlib import Path

# Of a connection to either server, and of what is asked over it.
CONNECT_S = 2
STATEMENT_MS = 5000


class Refused(Exception):
    """Why something is not done; a clause for people."""


class Server:
    """From a configuration file; README.md has its keys."""

    def __init__(self, file):
        with open(file, "rb") as text:
            config = tomllib.load(text)
        try:
            self.name = config["name"]
            self.bin = Path(config["bin"])
            self.data = Path(config["data"])
            self.config_file = Path(config["config_file"])
            self.socket = config["socket"]
            self.port = int(config["port"])
            self.state = Path(config["state"])
            self.max_lag = int(config.get("max_lag_bytes", 16 * 1024 * 1024))
            self.peer = config["peer"]["name"]
            self.peer_conninfo = config["peer"]["conninfo"]
        except KeyError as key:
            raise Refused("%s: %s is missing" % (file, key)) from None
        for name in (self.name, self.peer):
            # They are names of replication slots as well.
            if not re.fullmatch("[a-z0-9_]{1,63}", name):
                raise Refused("%s: a name is made of a-z, 0-9 and _, not '%s'" % (file, name))
        self.restart_flag = self.state / "restart"
        self.look_file = self.state / "last-look"

    # --- asking -------------------------------------------------------------------------------

    def ask(self, sql, conninfo=None, timeout_ms=STATEMENT_MS):
        """Rows of strings; None if the server doesn't answer. Of several statements the last's."""
        if conninfo is None:
            conninfo = "host=%s port=%d dbname=postgres" % (self.socket, self.port)
        words = [str(self.bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", conninfo]
        for statement in [sql] if isinstance(sql, str) else sql:
            words += ["-c", statement]
        environment = dict(os.environ, PGCONNECT_TIMEOUT=str(CONNECT_S), PGAPPNAME="muster",
                           PGOPTIONS="-c statement_timeout=%d" % timeout_ms)
        try:
            done = subprocess.run(words, capture_output=True, text=True, env=environment,
                                  stdin=subprocess.DEVNULL,
                                  timeout=CONNECT_S + timeout_ms / 1000 + 1)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            self.complaint = " ".join(done.stderr.split("\n")[0].split()).removeprefix("psql: error: ")
            return None
        return [line.split("|") for line in done.stdout.split("\n") if line]

    def ask_peer(self, sql):
        return self.ask(sql, self.peer_conninfo + " dbname=postgres")

    complaint = "no answer"  # of the last question without an answer

    def standing(self, asked=None):
        """(whether it is a primary, epoch, instance); None if it doesn't answer."""
        rows = (asked or self.ask)(
            "SELECT NOT pg_is_in_recovery(), epoch, instance FROM muster.token")
        if not rows:
            return None
        primary, epoch, instance = rows[0]
        return primary == "t", int(epoch), instance

    # --- its processes ------------------------------------------------------------------------

    def postmaster(self):
        """Its pid; None if it does not run."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
            command = Path("/proc/%d/cmdline" % pid).read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"postgres" in command else None

    def command(self):
        """Always as a standby: `standby.signal` is there. What differs between the two servers is
        said here, so their configuration files may be the same."""
        upstream = "%s application_name=%s" % (self.peer_conninfo, self.name)
        return [str(self.bin / "postgres"), "-D", str(self.data),
                "-c", "config_file=%s" % self.config_file,
                "-c", "port=%d" % self.port,
                "-c", "unix_socket_directories=%s" % self.socket,
                "-c", "primary_conninfo=%s" % upstream,
                "-c", "primary_slot_name=%s" % self.name,
                "-c", "synchronous_standby_names=%s" % self.peer]

    def stop(self, seconds):
        """Whether it has surely stopped. Fast: clients are cut off, and what is committed goes to
        a standby that is connected. If that takes too long it is stopped without ceremony."""
        deadline = time.monotonic() + seconds
        for number, share in ((signal.SIGINT, 0.7), (signal.SIGQUIT, 1.0)):
            pid = self.postmaster()
            if pid is None:
                return True
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
            while time.monotonic() < deadline - seconds * (1 - share):
                if self.postmaster() is None:
                    return True
                time.sleep(0.02)
        return self.postmaster() is None

    def rewind(self):
        """Makes the data a copy of what the other server, a primary, has; only what differs is
        fetched. The server must not run."""
        # pg_rewind goes by the last checkpoint, and one from before the promotion misleads it.
        if self.ask_peer("CHECKPOINT") is None:
            raise Refused("the other server made no checkpoint: " + self.complaint)
        # It goes back to the last common checkpoint in the data's own log.
        done = subprocess.run(
            [str(self.bin / "pg_rewind"), "--target-pgdata", str(self.data), "--config-file",
             str(self.config_file), "--source-server", self.peer_conninfo + " dbname=postgres"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said = done.stderr.strip().split("\n")
        if done.returncode != 0:
            raise Refused("pg_rewind failed: " + " / ".join(said[-3:]))
        return said[-1].removeprefix("pg_rewind: ")
