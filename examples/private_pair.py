"""A private cluster with two muster-agents, for the demonstrations in the folders beside this one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(os.environ.get("MUSTER_BIN")
           or Path(__file__).resolve().parent.parent / "build" / "release" / "bin")
LEASE_TTL_S = 5
# Nothing that is waited for takes longer, even on a busy machine.
PATIENCE_S = 60
NAMES = ("node1", "node2")


class Failed(Exception):
    """Something that was to be shown did not happen."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def title(text):
    print("\n== " + text + " " + "=" * max(0, 90 - len(text)), flush=True)


def show(text):
    for line in str(text).rstrip("\n").split("\n"):
        print("   " + line, flush=True)


def wait_for(condition, what, seconds=PATIENCE_S):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        expect(time.monotonic() < deadline, "after %d s still not: %s" % (seconds, what))
        time.sleep(0.1)


def is_running(pid):
    try:
        stat = Path("/proc/%d/stat" % pid).read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class PrivatePair:
    """A server, a coordinator and the accounts node1 and node2 in a group of the given name. Made
    by `muster up`, whose own nodes are ended: agents take their places."""

    def __init__(self, group):
        self.group = group
        self.dir = Path(tempfile.mkdtemp(prefix="muster-example-"))
        self.agents = {}

    def up(self):
        words = ["up", "--dir", str(self.dir), "--nodes", "2", "--lease-ttl", "%ds" % LEASE_TTL_S,
                 "--detach"]
        done = subprocess.run([str(BIN / "muster"), *words], capture_output=True, text=True,
                              timeout=180)
        expect(done.returncode == 0, "the cluster did not come up: " + done.stdout + done.stderr)
        nodes = json.loads((self.dir / "cluster.json").read_text())["nodes"]
        for node in nodes:
            os.kill(node["pid"], signal.SIGTERM)
        for node in nodes:
            wait_for(lambda pid=node["pid"]: not is_running(pid), "%s has ended" % node["name"])
            # The account's bare address.
            self.muster("--as", "admin", "enroll", node["jid"].split("/")[0], self.group,
                        "--create", quiet=True)

    def folder(self, name):
        folder = self.dir / "nodes" / name / "agent"
        folder.mkdir(exist_ok=True)
        return folder

    def start_agent(self, name, tables, command):
        """muster-agent with the account of that node; `tables` is its [agent]."""
        node = (self.dir / "nodes" / name / "node.toml").read_text()
        node = "\n".join("group = \"%s\"" % self.group if line.startswith("group = ") else line
                         for line in node.split("\n"))
        file = self.folder(name) / "agent.toml"
        file.write_text(node + "\n" + tables)
        with open(self.log(name), "ab") as log:
            self.agents[name] = subprocess.Popen(
                [str(BIN / "muster-agent"), "run", "--config", str(file), "--", *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self, name):
        return self.dir / "log" / (name + ".agent.log")

    def muster(self, *words, quiet=False, check=True):
        if not quiet:
            print("$ muster " + " ".join(words), flush=True)
        done = subprocess.run([str(BIN / "muster"), "--cluster", str(self.dir), *words],
                              capture_output=True, text=True, timeout=180)
        if not quiet:
            show(done.stdout + done.stderr)
        if check:
            expect(done.returncode == 0,
                   "muster %s ended with %d: %s" % (" ".join(words), done.returncode, done.stderr))
        return done

    def status(self):
        done = self.muster("status", "-o", "json", quiet=True, check=False)
        groups = json.loads(done.stdout)["groups"] if done.returncode == 0 else []
        return next((g for g in groups if g["name"] == self.group), {})

    def active(self, but=None):
        """The name of the active node; of another one than that if it is given."""
        def look():
            status = self.status()
            settled = status.get("phase") == "ACTIVE" and not status["note"]
            return status["active"] if settled and status["active"] != but else None
        return wait_for(look, "a node is active")

    def fit(self, name):
        """Until the node takes offers, by its agent's own word."""
        def look():
            declined, taken = (self.log(name).read_text().rfind(words) for words in
                               ("offers are declined", "offers are taken again"))
            return taken > declined
        wait_for(look, "%s takes offers" % name)

    def down(self):
        """Ends all of it; returns what had to be killed."""
        left = []
        for agent in self.agents.values():
            agent.send_signal(signal.SIGTERM)
        for name, agent in self.agents.items():
            try:
                agent.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.wait()
                left.append(name)
        subprocess.run([str(BIN / "muster"), "down", "--dir", str(self.dir)],
                       stdout=subprocess.DEVNULL, timeout=120)
        shutil.rmtree(self.dir, ignore_errors=True)
        return left

    def logs(self):
        for log in sorted((self.dir / "log").glob("*.log")):
            yield log.name, "\n".join(log.read_text(errors="replace").split("\n")[-25:])


def demonstrate(pair, steps):
    """Runs it, says what failed, ends everything; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    code = 0
    try:
        steps()
        title("Done: all of it happened, in %d s" % (time.monotonic() - began))
    except (Failed, OSError, subprocess.SubprocessError) as error:
        print("\nThis did not work: %s" % error, file=sys.stderr)
        for name, text in pair.logs():
            print("--- %s\n%s" % (name, text), file=sys.stderr)
        code = 1
    finally:
        left = pair.down()
        if left:
            print("had to be killed: %s" % ", ".join(left), file=sys.stderr)
            code = 1
    return code
