"""The hosts: a network namespace for each node, joined by a cable to the one where everything else
is.

A cut that is silent is made by giving the sender a wrong hardware address for the other end, so
that its frames arrive and are not taken. It needs no packet filter and works one way, both ways and
at any time.
"""

import os
import subprocess

import box

PORT = 7000
TO_HUB, TO_NODE, BOTH = "node to hub", "hub to node", "both ways"
NOBODY = "02:00:00:00:00:99"


def _ip(*words, prefix=()):
    done = subprocess.run([*prefix, "ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError("ip %s: %s" % (" ".join(words), done.stderr.strip()))


class Host:
    """One node's machine; `hub` is the address of the other end of its cable."""

    def __init__(self, name, number):
        self.name = name
        self.address = "10.77.%d.2" % number
        self.hub = "10.77.%d.1" % number
        self._mac = "02:4d:00:00:%02x:02" % number
        self._hub_mac = "02:4d:00:00:%02x:01" % number
        self._network = box.new_network()
        self.within = ["nsenter", "--net=/proc/%d/fd/%d" % (os.getpid(), self._network)]
        _ip("link", "add", name, "address", self._hub_mac, "type", "veth", "peer", "name", "eth0",
            "address", self._mac)
        # Into the namespace of a process: ip knows no descriptors.
        holder = subprocess.Popen([*self.within, "sleep", "60"])
        try:
            self._move_in(holder.pid)
        finally:
            holder.kill()
            holder.wait()
        _ip("address", "add", self.hub + "/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("address", "add", self.address + "/30", "dev", "eth0", prefix=self.within)
        for device in ("lo", "eth0"):
            _ip("link", "set", device, "up", prefix=self.within)
        self.mend()

    def _move_in(self, pid):
        # It is in the new namespace only once nsenter has got that far.
        inside = os.stat("/proc/self/fd/%d" % self._network).st_ino
        while os.stat("/proc/%d/ns/net" % pid).st_ino != inside:
            os.sched_yield()
        _ip("link", "set", "eth0", "netns", str(pid))

    def cut(self, direction):
        """Frames in that direction are lost from now on, and nobody is told."""
        if direction in (TO_HUB, BOTH):
            self._hub_is_at(NOBODY)
        if direction in (TO_NODE, BOTH):
            self._node_is_at(NOBODY)

    def unplug(self):
        """The cable is pulled: both ends notice that they have no carrier."""
        _ip("link", "set", "eth0", "down", prefix=self.within)

    def mend(self):
        _ip("link", "set", "eth0", "up", prefix=self.within)
        self._hub_is_at(self._hub_mac)
        self._node_is_at(self._mac)

    def _hub_is_at(self, mac):
        _ip("neighbour", "replace", self.hub, "lladdr", mac, "dev", "eth0", "nud", "permanent",
            prefix=self.within)

    def _node_is_at(self, mac):
        _ip("neighbour", "replace", self.address, "lladdr", mac, "dev", self.name,
            "nud", "permanent")


class Disk:
    """A file system of its own that can be made full without writing a byte: its size is set to
    what is used."""

    def __init__(self, path, megabytes):
        self.path = path
        self._size = "size=%dm" % megabytes
        path.mkdir(exist_ok=True)
        box.mount("tmpfs", path, self._size)

    def fill(self):
        for _ in range(100):
            use = os.statvfs(self.path)
            used = (use.f_blocks - use.f_bfree) * use.f_frsize
            try:
                box.mount("tmpfs", self.path, "size=%d" % used, flags=box.MS_REMOUNT)
                return
            except OSError:
                continue  # it has just grown
        raise OSError("%s grows too fast to be made full" % self.path)

    def mend(self):
        box.mount("tmpfs", self.path, self._size, flags=box.MS_REMOUNT)


def make_hosts(names):
    _ip("link", "set", "lo", "up")
    return {name: Host(name, number + 1) for number, name in enumerate(names)}
