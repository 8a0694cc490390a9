"""Answers as org.freedesktop.systemd1 documents, for one service, on a bus of its own.

    systemd_stub.py ADDRESS UNIT ENVIRONMENT_FILE COMMAND...

It really runs the command, with what the environment file says, in a process group of its own. Like a
service with Restart=no and TimeoutStopSec=infinity. It has no control groups.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dbus
import dbus.bus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = "org.freedesktop.systemd1"
MANAGER = NAME + ".Manager"
PATH = "/org/freedesktop/systemd1"
UNIT_PATH = PATH + "/unit/the_5fone"


class Unit(dbus.service.Object):
    def __init__(self, bus, name, environment, command):
        super().__init__(bus, UNIT_PATH)
        self.name = name
        self.environment = Path(environment)
        self.command = command
        self.process = None
        self.stopping = False
        self.active, self.sub, self.result = "inactive", "dead", "success"

    def start(self):
        environment = dict(os.environ)
        if self.environment.exists():
            environment.update(line.split("=", 1)
                               for line in self.environment.read_text().split("\n") if line)
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True)
        self.stopping = False
        self.active, self.sub, self.result = "active", "running", "success"

    def stop(self):
        self.stopping = True
        self.active, self.sub = "deactivating", "stop-sigterm"
        os.killpg(self.process.pid, signal.SIGTERM)

    def look(self):
        """Whether it has ended by now."""
        if self.process is None or self.process.poll() is None:
            return self.process is None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        good = self.process.returncode == 0 or self.process.returncode == -signal.SIGTERM
        self.active, self.sub, self.result = (("inactive", "dead", "success") if good else
                                              ("failed", "failed", "signal"))
        self.process = None
        return True

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, _, name):
        self.look()
        pid = self.process.pid if self.process is not None else 0
        return {"LoadState": dbus.String("loaded"), "ActiveState": dbus.String(self.active),
                "SubState": dbus.String(self.sub), "Result": dbus.String(self.result),
                "ControlGroup": dbus.String(""), "MainPID": dbus.UInt32(pid)}[name]


class Manager(dbus.service.Object):
    def __init__(self, bus, unit):
        super().__init__(bus, PATH)
        self.unit = unit
        self.jobs = 0

    def job(self, ended):
        """A job that is removed once `ended` says so."""
        self.jobs += 1
        number, path = self.jobs, "%s/job/%d" % (PATH, self.jobs)

        def look():
            if not ended():
                return True
            self.JobRemoved(dbus.UInt32(number), dbus.ObjectPath(path), self.unit.name, "done")
            return False
        GLib.timeout_add(10, look)
        return dbus.ObjectPath(path)

    def check(self, name):
        if name != self.unit.name:
            raise dbus.exceptions.DBusException("Unit %s not found." % name,
                                                name=NAME + ".NoSuchUnit")

    @dbus.service.method(MANAGER)
    def Subscribe(self):
        pass

    @dbus.service.method(MANAGER, in_signature="s", out_signature="o")
    def LoadUnit(self, name):
        self.check(name)
        return dbus.ObjectPath(UNIT_PATH)

    @dbus.service.method(MANAGER, in_signature="ss", out_signature="o")
    def StartUnit(self, name, _):
        self.check(name)
        if self.unit.look():
            self.unit.start()
        return self.job(lambda: True)

    @dbus.service.method(MANAGER, in_signature="ss", out_signature="o")
    def StopUnit(self, name, _):
        self.check(name)
        if not self.unit.look():
            self.unit.stop()
        return self.job(self.unit.look)

    @dbus.service.method(MANAGER, in_signature="ssi")
    def KillUnit(self, name, _, number):
        self.check(name)
        if self.unit.process is not None:
            os.killpg(self.unit.process.pid, number)

    @dbus.service.signal(MANAGER, signature="uoss")
    def JobRemoved(self, number, path, unit, result):
        pass


def main():
    address, name, environment, *command = sys.argv[1:]
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.bus.BusConnection(address)
    unit = Unit(bus, name, environment, command)
    Manager(bus, unit)
    bus.request_name(NAME)
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGTERM, loop.quit)
    print("ready", flush=True)
    loop.run()
    if unit.process is not None:
        os.killpg(unit.process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
