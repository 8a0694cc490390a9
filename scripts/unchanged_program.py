"""The example program of examples/unchanged under muster-agent, as one more node of a cluster that
`muster up` made. Used by the demonstration and by the integration tests."""

import os
import secrets
import shutil
import socket
import subprocess
import threading
import urllib.request
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "unchanged"
NAME = "stock"
ACCOUNT = NAME + "@nodes.cluster.localhost"
ASK_EVERY_S = 0.1
# What somebody must not read in a log.
TOKEN = "7d1f0a5c9b3e4826"

NODE = """[node]
name = "%(name)s"
jid = "%(jid)s"
password_file = "password"
host = "%(host)s"
port = %(port)d
ca_file = "%(ca)s"
coordinator = "%(coordinator)s"
coordinator_account = "muster@cluster.localhost"
state_dir = "state"
log_rules = "rules.toml"

"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class UnchangedProgram:
    """Made with its folder and its account; start() runs it, stop() ends it with its readers."""

    def __init__(self, directory, info, binaries):
        self.dir = directory / "nodes" / NAME
        self.cluster_dir = directory
        self.jid = ACCOUNT
        self.agent = None
        self._binaries = binaries
        self._port = free_port()
        self._end = threading.Event()
        self._customers = None
        self._configure(info)
        self._register()

    def _configure(self, info):
        self.dir.mkdir()
        for file in ("stock.py", "rules.toml"):
            shutil.copy(EXAMPLE / file, self.dir)
        (self.dir / "stock.txt").write_text("bolts 90\nnuts 120\nscrews 75\n")
        (self.dir / "log.conf").write_text("root = INFO\n")
        self.password = secrets.token_hex(16)
        password = self.dir / "password"
        password.touch(0o600)
        password.write_text(self.password + "\n")
        agent = (EXAMPLE / "agent.toml").read_text()
        agent = agent.replace("/srv/stock", str(self.dir)).replace(":8080/", ":%d/" % self._port)
        (self.dir / "agent.toml").write_text(NODE % {
            "name": NAME, "jid": self.jid, "host": info["c2s"]["host"],
            "port": info["c2s"]["port"], "ca": info["ca_file"],
            "coordinator": info["coordinator"]} + agent)

    def _register(self):
        # Debian's Prosody remarks on an optional library.
        user, _, host = self.jid.partition("@")
        subprocess.run(["prosodyctl", "--config",
                        str(self.cluster_dir / "server" / "prosody.cfg.lua"), "register", user,
                        host, self.password],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=60)

    @property
    def log(self):
        return self.dir / "stock.log"

    @property
    def agent_log(self):
        return self.cluster_dir / "log" / (NAME + ".agent.log")

    def command(self):
        """As somebody would write it in a shell."""
        return ["muster-agent", "run", "--config", str(self.dir / "agent.toml"), "--",
                str(self.dir / "stock.py"), str(self.dir), str(self._port)]

    def start(self):
        with open(self.agent_log, "ab") as log:
            self.agent = subprocess.Popen(
                [str(self._binaries / "muster-agent"), *self.command()[1:]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._customers = threading.Thread(target=self._ask, daemon=True)
        self._customers.start()

    def _ask(self):
        """Customers, who go on asking whatever they are told."""
        things = ("bolts", "nuts", "screws")
        count = 0
        while not self._end.wait(ASK_EVERY_S):
            count += 1
            request = urllib.request.Request(
                "http://127.0.0.1:%d/stock/%s" % (self._port, things[count % 3]),
                headers={"Authorization": "Bearer " + TOKEN})
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    answer.read()
            except OSError:
                pass

    def lose_the_list(self):
        os.rename(self.dir / "stock.txt", self.dir / "stock.txt.old")

    def bring_it_back(self):
        os.rename(self.dir / "stock.txt.old", self.dir / "stock.txt")

    def stop(self):
        """The agent's exit code; None if it did not run."""
        self._end.set()
        if self._customers is not None:
            self._customers.join()
        if self.agent is None:
            return None
        self.agent.terminate()
        try:
            return self.agent.wait(30)
        except subprocess.TimeoutExpired:
            self.agent.kill()
            return self.agent.wait()
