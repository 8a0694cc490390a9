"""What the daemons tell systemd, on a socket of the test's in place of systemd's."""

import os
import signal
import socket
import subprocess
import unittest

import test_agent
from cluster_fixture import BIN, DEADLINE_S, Cluster, ClusterTest, wait_for


class Listener:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        """All that was said by now, one text a datagram."""
        while True:
            try:
                self.heard.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def hears(self, text, after=0):
        wait_for(lambda: text in self.listen()[after:], text)
        return self.heard.index(text, after)

    def close(self):
        self.socket.close()


class Notify(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()

    def setUp(self):
        super().setUp()
        self.listener = Listener(self.cluster.dir)
        self.addCleanup(os.unlink, self.listener.path)
        self.addCleanup(self.listener.close)

    def environment(self, pid):
        """For exec: WATCHDOG_PID says who is meant."""
        return ["sh", "-c", "export WATCHDOG_PID=%s; exec \"$@\"" % pid, "sh"]

    def start(self, words, log, pid="$$"):
        environment = dict(os.environ, NOTIFY_SOCKET=self.listener.path, WATCHDOG_USEC="1000000")
        with open(self.cluster.dir / "log" / (log + ".log"), "ab") as out:
            process = subprocess.Popen([*self.environment(pid), *words], env=environment,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            for pid in test_agent.children_of(process.pid):
                os.kill(pid, signal.SIGCONT)
            process.terminate()
        return process.wait(DEADLINE_S)

    def agent(self, pid="$$"):
        self.cluster_node_ends()
        agent = test_agent.Agent(self.cluster, "node1", program=[
            "/bin/sh", "-c", "env > %s/environment; exec sleep 1000" % (
                self.cluster.dir / "nodes" / "node1")])
        return agent, self.start([str(BIN / "muster-agent"), "run", "--config", str(agent.config),
                                  "--", *agent.command], "node1.agent", pid)

    def is_active(self):
        wait_for(lambda: any(text.startswith("STATUS=active under epoch")
                             for text in self.listener.listen()), "it is active")

    def cluster_node_ends(self):
        pid = self.cluster.pid("node1")
        if test_agent.is_running(pid):
            self.cluster.end("node1", signal.SIGTERM)

    def test_an_agent(self):
        _, process = self.agent()
        ready = self.listener.hears("READY=1")
        # More than once, at half of the second that systemd would wait.
        first = self.listener.hears("WATCHDOG=1", ready)
        second = self.listener.hears("WATCHDOG=1", first + 1)
        self.is_active()
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: any(text.startswith("RELOADING=1\nMONOTONIC_USEC=")
                             for text in self.listener.listen()), "it reads again")
        self.listener.hears("READY=1", second)
        # Nobody else speaks for it.
        environment = wait_for(
            lambda: (self.cluster.dir / "nodes" / "node1" / "environment").read_text(), "it runs")
        for name in ("NOTIFY_SOCKET", "WATCHDOG_"):
            self.assertNotIn(name, environment)
        self.assertEqual(0, self.end(process))
        self.listener.hears("STOPPING=1")

    def test_an_agent_that_stands_still_gives_no_sign(self):
        agent, process = self.agent()
        agent.process = process
        self.is_active()
        inner = agent.inner
        os.kill(inner, signal.SIGSTOP)
        heard = len(self.listener.listen())
        # The keeper ends it with the lease: by then three signs of life were due.
        self.assertEqual(1, process.wait(DEADLINE_S))
        self.assertNotIn("WATCHDOG=1", self.listener.listen()[heard:])

    def test_a_watchdog_that_another_process_is_meant_by(self):
        _, process = self.agent(pid="1")
        self.listener.hears("READY=1")
        self.is_active()
        self.assertEqual(0, self.end(process))
        self.assertNotIn("WATCHDOG=1", self.listener.listen())

    def test_the_coordinator(self):
        self.cluster.end("coordinator", signal.SIGTERM)
        config = next((self.cluster.dir / "coordinator").glob("*.toml"))
        process = self.start([str(BIN / "muster-coordinator"), "--config", str(config)],
                             "coordinator")
        ready = self.listener.hears("READY=1")
        first = self.listener.hears("WATCHDOG=1", ready)
        self.listener.hears("WATCHDOG=1", first + 1)
        text = config.read_text()
        self.addCleanup(config.write_text, text)
        config.write_text(text.replace("level = 'info'", "level = 'debug'"))
        self.assertIn("debug", config.read_text())
        process.send_signal(signal.SIGHUP)
        self.listener.hears("READY=1\nSTATUS=log level debug")
        config.write_text("[componet]\n")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: any(text.startswith("READY=1\nSTATUS=the configuration has mistakes")
                             for text in self.listener.listen()), "it says that it has mistakes")
        self.assertEqual(0, self.end(process))
        self.listener.hears("STOPPING=1")


if __name__ == "__main__":
    unittest.main()
