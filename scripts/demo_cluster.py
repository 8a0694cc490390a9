#!/usr/bin/env python3
"""The demonstration: a private cluster under load, driven from a chat client, a form and a shell."""

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from demo_unchanged import show_unchanged  # noqa: E402
from foreign_client import ForeignClient, form_of, notes_of, table_of  # noqa: E402
from narrative import Failed, expect, hear, show, title  # noqa: E402

BIN = Path(__file__).resolve().parent.parent / "build" / "release" / "bin"
MUSTER = str(BIN / "muster")
LEASE_TTL_S = 5
RAISED_S = 20
# What the service levels look back on: short, so that one sees them recover.
WINDOW_S = 30
FLOOR = 97
DROPPED = 150


class Cluster:
    def __init__(self, directory):
        self.dir = directory
        self.load = None

    def muster(self, *words, quiet=False, check=True):
        command = [MUSTER, "--cluster", str(self.dir), *words]
        if not quiet:
            print("$ muster " + " ".join(words), flush=True)
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        if not quiet:
            show(done.stdout + done.stderr)
        if check:
            expect(done.returncode == 0,
                   "muster %s ended with %d: %s" % (words[0], done.returncode, done.stderr))
        return done.stdout

    def status(self):
        return json.loads(self.muster("status", "-o", "json", quiet=True))["groups"][0]

    def nodes(self):
        return json.loads(self.muster("nodes", "-o", "json", quiet=True))["nodes"]

    def info(self):
        return json.loads((self.dir / "cluster.json").read_text())

    def up(self):
        words = ["up", "--dir", str(self.dir), "--nodes", "3", "--lease-ttl",
                 "%ds" % LEASE_TTL_S, "--window", "%ds" % WINDOW_S, "--level-floor", str(FLOOR),
                 "--detach"]
        print("$ muster " + " ".join(words), flush=True)
        done = subprocess.run([MUSTER, *words], capture_output=True, text=True, timeout=180)
        show(done.stdout + done.stderr)
        expect(done.returncode == 0, "the cluster did not come up")

    def tell_ledger(self, node, line):
        """A line to the node's own service, past Muster."""
        port = next(n["port"] for n in self.info()["nodes"] if n["name"] == node)
        with socket.create_connection(("127.0.0.1", port), 10) as ledger:
            ledger.sendall((line + "\n").encode())
            return ledger.makefile().readline().rstrip("\n")

    def start_load(self):
        self.load = subprocess.Popen(
            [str(BIN / "ledger-load"), "--cluster", str(self.dir), "--rate", "50",
             "--seconds", "3600", "--journal", str(self.dir / "journal" / "ledger.sqlite")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end_load(self):
        self.load.send_signal(signal.SIGINT)
        out, _ = self.load.communicate(timeout=60)
        code, self.load = self.load.returncode, None
        return code, out

    def down(self):
        if self.load is not None:
            self.load.kill()
            self.load.wait()
        subprocess.run([MUSTER, "down", "--dir", str(self.dir)], stdout=subprocess.DEVNULL,
                       timeout=120)

    def debug_lines(self, node, since):
        """Debug lines of the logger 'storage' in the node's log, past that many bytes."""
        with open(self.dir / "log" / (node + ".log"), "rb") as log:
            log.seek(since)
            return [line for line in log.read().decode(errors="replace").split("\n")
                    if "[storage] [debug]" in line]

    def log_size(self, node):
        return (self.dir / "log" / (node + ".log")).stat().st_size


async def show_presence(cluster, operator):
    title("What a chat client sees")
    info = cluster.info()
    group = info["groups"][0]["jid"]
    operator.send_presence_subscription(pto=group)
    operator.send_presence_subscription(pto=info["coordinator"])
    for contact in (group, info["coordinator"]):
        shown, status = await operator.presence_of(contact)
        show("%s  [%s]\n    %s" % (contact, shown or "available",
                                   status.replace("\n", "\n    ")))
    # The first minute's figures arrive as the load runs.
    shown, status = await operator.presence_of(
        group, lambda s: s is not None and "User service level: 100%" in s[1], 90)
    show("%s  [%s]\n    %s" % (group, shown or "available", status.replace("\n", "\n    ")))


async def raise_by_chat(cluster, operator, node):
    title("A log level raised for %d s by a chat line, and its return" % RAISED_S)
    since = cluster.log_size(node["name"])
    expect(not cluster.debug_lines(node["name"], 0), "there were debug lines before")
    line = "log-level storage debug for=%ds" % RAISED_S
    began = time.monotonic()
    print("operator -> %s: %s" % (node["jid"], line))
    show(await operator.chat(node["jid"], line))
    await asyncio.sleep(2)
    lines = cluster.debug_lines(node["name"], since)
    expect(lines, "no debug line appeared in the log of " + node["name"])
    show("%d debug lines in two seconds in the log of %s, such as:" % (len(lines), node["name"]))
    show("  " + lines[0])
    await asyncio.sleep(max(0, began + RAISED_S + 1 - time.monotonic()))
    back = cluster.log_size(node["name"])
    await asyncio.sleep(2)
    expect(not cluster.debug_lines(node["name"], back), "the debug lines did not end")
    show("after %d s they have ended:" % RAISED_S)
    show(await operator.chat(node["jid"], "log-level storage"))


async def raise_by_form(cluster, operator, node):
    title("The same through a command form (XEP-0050), by slixmpp")
    listed = await operator.commands_of(node["jid"])
    show("commands of %s: %s" % (node["jid"], ", ".join(sorted(listed))))
    expect("log-level" in listed, "log-level is not listed")
    stage = await operator.command(node["jid"], "log-level")
    form = form_of(stage)
    show("form: " + ", ".join("%s (%s)" % (f.get("label") or f.get("var"), f.get("type"))
                              for f in form if f.tag.endswith("field")
                              and f.get("type") not in ("hidden", "fixed")))
    since = cluster.log_size(node["name"])
    done = await operator.command(
        node["jid"], "log-level", action="complete", session=stage.get("sessionid"),
        fields={"logger": "storage", "level": "debug", "for": "%ds" % RAISED_S})
    expect(done.get("status") == "completed", "the form was not completed")
    show("note: " + notes_of(done)[0][1])
    row = table_of(form_of(done))[0]
    show("result: " + ", ".join("%s=%s" % item for item in row.items() if item[1]))
    await asyncio.sleep(2)
    expect(cluster.debug_lines(node["name"], since), "no debug line appeared")
    show("%d debug lines in two seconds" % len(cluster.debug_lines(node["name"], since)))
    show(await operator.chat(node["jid"], "log-level storage reset"))


async def fall_and_recover(cluster):
    title("Requests are dropped: level, alert, who looks into it, failover, recovery")
    info = cluster.info()
    group = info["groups"][0]["jid"]
    async with ForeignClient(info, "operator") as operator, \
            ForeignClient(info, "observer") as observer:
        for client, name in ((operator, "operator"), (observer, "observer")):
            # The coordinator looks who is there, and is told when a message has arrived.
            client.auto_authorize = True
            client.unheard = []
            client.register_plugin("xep_0184", {"auto_request": False})
            print("%s -> %s: subscribe user.ledger for=3s" % (name, group))
            show(await client.chat(group, "subscribe user.ledger for=3s"))
        operator.send_presence_subscription(pto=group)
        await operator.presence_of(group, lambda s: s is not None and s[0] == "", 60)

        before = cluster.status()
        print("ledger of %s: fault drop %d" % (before["active"], DROPPED))
        show(cluster.tell_ledger(before["active"], "fault drop %d" % DROPPED))
        shown, status = await operator.presence_of(
            group, lambda s: s is not None and s[0] == "dnd" and "dropped" in s[1], 60)
        show("%s  [%s]\n    %s" % (group, shown, status.replace("\n", "\n    ")))

        show("to the operator:\n  " + (await hear(operator, ["Incident 1 (page)"], 60))
             .replace("\n", "\n  "))
        await hear(observer, ["Incident 1 (page)"], 60)
        print("operator -> %s: ack 1 'on my way'" % group)
        operator.send_message(mto=group, mbody="ack 1 'on my way'", mtype="chat")
        show(await hear(operator, ["Incident 1", "is yours"], 30))
        show("to the observer: " + await hear(observer, ["is looking into incident 1"], 30))

        show("to the observer: " + await hear(observer, ["is active under epoch"], 60))
        after = cluster.status()
        expect(after["active"] != before["active"], "the role did not move")

        show("to the operator: " + await hear(operator, ["Incident 1", "is over"],
                                              WINDOW_S + 90))
        shown, status = await operator.presence_of(
            group, lambda s: s is not None and "User service level: 100%" in s[1], 90)
        show("%s  [%s]\n    %s" % (group, shown or "available", status.replace("\n", "\n    ")))
        for client in (operator, observer):
            client.send_message(mto=group, mbody="unsubscribe user.ledger", mtype="chat")
            await hear(client, ["user.ledger"], 30)
    cluster.muster("incidents", "all")


def test_rules():
    title("Log rules tried against yesterday's log")
    folder = Path(__file__).resolve().parent.parent / "examples" / "rules"
    print("$ muster rules test examples/rules/rules.toml < examples/rules/app.log", flush=True)
    with open(folder / "app.log", "rb") as log:
        done = subprocess.run([MUSTER, "rules", "test", str(folder / "rules.toml")], stdin=log,
                              capture_output=True, text=True, timeout=60)
    show(done.stdout + done.stderr)
    expect(done.returncode == 0, "the rules could not be tried")


def fail_over(cluster):
    title("A failover asked for in the shell")
    if cluster.status()["active"] == "node2":
        cluster.muster("failover", "ledger", "--to", "node1", "--wait")
    cluster.muster("failover", "ledger", "--to", "node2", "--wait")
    cluster.muster("status")
    expect(cluster.status()["active"] == "node2", "node2 is not active")


def crash(cluster):
    title("The active process killed with SIGKILL")
    before = cluster.status()
    pid = next(n["pid"] for n in cluster.info()["nodes"] if n["name"] == before["active"])
    print("$ kill -9 %d   (%s, active under epoch %d)" % (pid, before["active"], before["epoch"]))
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    while True:
        now = cluster.status()
        took = time.monotonic() - began
        if now["phase"] == "ACTIVE" and now["active"] != before["active"]:
            break
        expect(took < 6 * LEASE_TTL_S, "no new active node after %.1f s: %s" % (took, now))
        time.sleep(0.1)
    show("%s is active under epoch %d after %.1f s: the lease of %d s had to run out first"
         % (now["active"], now["epoch"], took, LEASE_TTL_S))
    expect(now["epoch"] > before["epoch"], "the epoch did not grow")
    cluster.muster("nodes")


def count(cluster):
    title("What the load counted")
    time.sleep(2)  # writes to the new active node
    code, out = cluster.end_load()
    show(out)
    expect(code == 0, "the load found a loss (exit code %d)" % code)


async def demonstrate(cluster):
    title("A private cluster: XMPP server, coordinator, three nodes, under load")
    cluster.up()
    cluster.start_load()
    cluster.muster("status")
    cluster.muster("nodes")
    async with ForeignClient(cluster.info(), "operator") as operator:
        await show_presence(cluster, operator)
        active = next(n for n in cluster.nodes() if n["role"] == "active")
        await raise_by_chat(cluster, operator, active)
        await raise_by_form(cluster, operator, active)
    await fall_and_recover(cluster)

    def meanwhile():
        test_rules()
        fail_over(cluster)
        crash(cluster)

    await show_unchanged(cluster, BIN, meanwhile)
    count(cluster)


def stay(cluster):
    info = cluster.info()
    who = info["accounts"]["operator"]
    title("Your turn")
    show("The cluster stays up. Log in with any chat client:\n"
         "  account  %s   password  %s\n"
         "  server   %s   port  %d   (trust the CA in %s)\n"
         "and add %s as a contact; write it 'help'. Or ask in a shell:\n"
         "  %s --cluster %s status\n"
         "Ctrl-C ends it." % (who["jid"], who["password"], info["c2s"]["host"],
                              info["c2s"]["port"], info["ca_file"], info["groups"][0]["jid"],
                              MUSTER, cluster.dir))
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end at the end")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="muster-demo-")))
    began = time.monotonic()
    try:
        asyncio.run(demonstrate(cluster))
        title("Done: all of it happened, in %d s" % (time.monotonic() - began))
        if not options.once and sys.stdout.isatty():
            stay(cluster)
        code = 0
    except (Failed, asyncio.TimeoutError, OSError, slixmpp_errors()) as error:
        print("\nThis did not work: %s" % (error or type(error).__name__), file=sys.stderr)
        for log in sorted((cluster.dir / "log").glob("*.log")):
            print("--- %s" % log.name, file=sys.stderr)
            print("\n".join(log.read_text(errors="replace").split("\n")[-15:]), file=sys.stderr)
        code = 1
    finally:
        cluster.down()
        shutil.rmtree(cluster.dir, ignore_errors=True)
    sys.exit(code)


def slixmpp_errors():
    from slixmpp.exceptions import XMPPError
    return XMPPError


if __name__ == "__main__":
    main()
