"""The hosts: a network namespace for each node, each of several coordinators and each member of an
etcd, joined by cables to the one where everything else is, the hub.

A cut that is silent is made by giving the sender a wrong hardware address for the other end, so
that its frames arrive and are not taken. It needs no packet filter and works one way, both ways and
at any time.
"""

import os
import subprocess
from pathlib import Path

import box

PORT = 7000
TO_HUB, TO_NODE, BOTH = "node to hub", "hub to node", "both ways"
NOBODY = "02:00:00:00:00:99"
EVERYWHERE = "10.77.0.0/16"


def _ip(*words, prefix=()):
    done = subprocess.run([*prefix, "ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError("ip %s: %s" % (" ".join(words), done.stderr.strip()))


class Cable:
    """Between a host and the hub; `address` is the host's end of it, `hub` the other one."""

    def __init__(self, name, number, device, network, farther):
        self.address = "10.77.%d.2" % number
        self.hub = "10.77.%d.1" % number
        self.within = ["nsenter", "--net=/proc/%d/fd/%d" % (os.getpid(), network)]
        self._name, self._device, self._network = name, device, network
        self._mac = "02:4d:00:00:%02x:02" % number
        self._hub_mac = "02:4d:00:00:%02x:01" % number
        # Whether the host reaches more than the hub by it.
        self._farther = farther
        self._lay()
        self.mend()

    def _lay(self):
        _ip("link", "add", self._name, "address", self._hub_mac, "type", "veth", "peer", "name",
            self._device, "address", self._mac)
        # Into the namespace of a process: ip knows no descriptors.
        holder = subprocess.Popen([*self.within, "sleep", "60"])
        try:
            self._move_in(holder.pid)
        finally:
            holder.kill()
            holder.wait()
        _ip("address", "add", self.hub + "/30", "dev", self._name)
        _ip("link", "set", self._name, "up")
        _ip("address", "add", self.address + "/30", "dev", self._device, prefix=self.within)

    def _move_in(self, pid):
        # It is in the new namespace only once nsenter has got that far.
        inside = os.stat("/proc/self/fd/%d" % self._network).st_ino
        while os.stat("/proc/%d/ns/net" % pid).st_ino != inside:
            os.sched_yield()
        _ip("link", "set", self._device, "netns", str(pid))

    def cut(self, direction):
        """Frames in that direction are lost from now on, and nobody is told."""
        if direction in (TO_HUB, BOTH):
            self._hub_is_at(NOBODY)
        if direction in (TO_NODE, BOTH):
            self._host_is_at(NOBODY)

    def unplug(self):
        """The cable is pulled: both ends notice that they have no carrier."""
        _ip("link", "set", self._device, "down", prefix=self.within)

    def mend(self):
        _ip("link", "set", self._device, "up", prefix=self.within)
        self._hub_is_at(self._hub_mac)
        self._host_is_at(self._mac)
        if self._farther:
            # A device that was down has lost it.
            _ip("route", "replace", EVERYWHERE, "via", self.hub, "dev", self._device,
                prefix=self.within)

    def _hub_is_at(self, mac):
        _ip("neighbour", "replace", self.hub, "lladdr", mac, "dev", self._device,
            "nud", "permanent", prefix=self.within)

    def _host_is_at(self, mac):
        _ip("neighbour", "replace", self.address, "lladdr", mac, "dev", self._name,
            "nud", "permanent")


class Host:
    """A machine, and the cable that leads to the hub. A coordinator has another one towards etcd,
    so that each can be cut by itself."""

    def __init__(self, name, number, farther=False):
        self.name = name
        self._network = box.new_network()
        self.cable = Cable(name, number, "eth0", self._network, farther)
        self.etcd_cable = None
        self.within = self.cable.within
        self.address, self.hub = self.cable.address, self.cable.hub
        _ip("link", "set", "lo", "up", prefix=self.within)

    def add_etcd_cable(self, number):
        self.etcd_cable = Cable("etcd-cable-%d" % number, number, "eth1", self._network, True)

    def mend(self):
        for cable in filter(None, (self.cable, self.etcd_cable)):
            cable.mend()


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


def make_hosts(nodes, coordinators=(), members=()):
    """The members are those of an etcd that the coordinators share."""
    _ip("link", "set", "lo", "up")
    hosts = {name: Host(name, number) for number, name in enumerate(nodes, 1)}
    for number, name in enumerate(coordinators, 1):
        hosts[name] = Host(name, 10 + number)
        hosts[name].add_etcd_cable(20 + number)
    for number, name in enumerate(members, 1):
        hosts[name] = Host(name, 30 + number, farther=True)
    if members:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    return hosts
