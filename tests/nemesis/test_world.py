"""Hosts and disks of a box: each cut cuts what it says and nothing else, and nothing is left."""

import errno
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import box
import world

# Sends one datagram to host and port; the source's port is any.
SEND = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('%s', %d))"
# Says when it listens and whether one came within half a second.
HEAR = ("import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('%s', 9)); "
        "s.settimeout(0.5); print('ready', flush=True)\n"
        "try: print(len(s.recv(9)))\n"
        "except TimeoutError: print(0)")


def arrives(sender, hearer, address):
    heard = subprocess.Popen([*hearer, sys.executable, "-c", HEAR % address],
                             stdout=subprocess.PIPE, text=True)
    heard.stdout.readline()
    # A sender without a carrier may be told so at once.
    subprocess.run([*sender, sys.executable, "-c", SEND % (address, 9)], stderr=subprocess.DEVNULL)
    out, _ = heard.communicate(timeout=10)
    return out == "1\n"


def reachable(cable):
    """(from the host to the hub, from the hub to the host)"""
    return (arrives(cable.within, [], cable.hub), arrives([], cable.within, cable.address))


def check(what, found, expected):
    if found != expected:
        raise AssertionError("%s: %s, expected %s" % (what, found, expected))


def check_cable(cable):
    check("at first", reachable(cable), (True, True))
    for direction, expected in ((world.TO_HUB, (False, True)), (world.TO_NODE, (True, False)),
                                (world.BOTH, (False, False))):
        cable.cut(direction)
        check(direction, reachable(cable), expected)
        cable.mend()
        check("mended", reachable(cable), (True, True))
    cable.unplug()
    check("unplugged", reachable(cable), (False, False))
    cable.mend()
    check("plugged in", reachable(cable), (True, True))


def check_etcd_cable(coordinator, member):
    """Each of a coordinator's two cables is cut by itself."""
    def between():
        return (arrives(coordinator.within, member.within, member.address),
                arrives(member.within, coordinator.within, coordinator.etcd_cable.address),
                *reachable(coordinator.cable))
    check("to etcd at first", between(), (True, True, True, True))
    coordinator.etcd_cable.cut(world.BOTH)
    check("cut from etcd", between(), (False, False, True, True))
    coordinator.mend()
    coordinator.cable.cut(world.BOTH)
    check("cut from the server", between(), (True, True, False, False))
    coordinator.mend()
    member.cable.unplug()
    check("without the member", between(), (False, False, True, True))
    member.mend()
    check("to etcd again", between(), (True, True, True, True))


def inside(folder):
    check_cable(world.make_hosts(["alpha", "beta"])["beta"].cable)
    hosts = world.make_hosts([], ["gamma"], ["delta"])
    check_etcd_cable(hosts["gamma"], hosts["delta"])
    check_disk(Path(folder) / "disk")
    return 0


def check_disk(path):
    disk = world.Disk(path, 4)
    file = path / "file"
    file.write_bytes(b"x" * 100_000)
    disk.fill()
    try:
        file.write_bytes(b"x" * 200_000)
        raise AssertionError("a full disk took another 100,000 bytes")
    except OSError as error:
        check("a full disk", error.errno, errno.ENOSPC)
    disk.mend()
    file.write_bytes(b"x" * 200_000)


class World(unittest.TestCase):
    def test_in_a_box(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, "-B", __file__, folder], capture_output=True,
                                  text=True, timeout=60)
            if done.returncode == box.EXIT_IMPOSSIBLE:
                self.skipTest(done.stderr)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertEqual([], [line for line in Path("/proc/mounts").read_text().split("\n")
                                  if folder in line])
            # A disk leaves the folder that it was mounted at.
            self.assertEqual(["disk"], os.listdir(folder))
            self.assertEqual([], os.listdir(Path(folder) / "disk"))


if __name__ == "__main__":
    try:
        box.become_able()
        sys.exit(box.run(lambda: inside(sys.argv[1])))
    except box.Impossible as impossible:
        print(impossible, file=sys.stderr)
        sys.exit(box.EXIT_IMPOSSIBLE)
