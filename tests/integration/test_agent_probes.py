"""Probes of an agent, at real servers: what fails is an outage or a bad request, and can cost the role."""

import signal
import socketserver
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cluster_fixture import Cluster, ClusterTest, wait_for
from test_agent import NAMES, Agent

PROBES = """
[[agent.probe]]
name = "web"
kind = "http"
url = "http://127.0.0.1:%(web)d/health"
status = ["200"]
body = "UP"
interval = "200ms"
count = "requests"

[[agent.probe]]
name = "echo"
kind = "tcp"
port = %(echo)d
send = "hello\\n"
expect = "hello"
interval = "200ms"
fall = 2
rise = 1
failover = %(failover)s

[[agent.probe]]
name = "disk"
kind = "command"
command = ["/usr/bin/test", "-e", "%(flag)s"]
interval = "200ms"
fall = 2
rise = 2

[[agent.probe]]
name = "hangs"
kind = "command"
command = ["/bin/sleep", "1000"]
interval = "500ms"
timeout = "100ms"
fall = 1
"""


class Health(BaseHTTPRequestHandler):
    text = b"status: UP"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, *_):
        pass


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline() if self.server.answers else b"no\n")


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    answers = True


class ProbeTest(ClusterTest):
    def setUp(self):
        super().setUp()
        self.web = self.serve(ThreadingHTTPServer(("127.0.0.1", 0), Health))
        Health.text = b"status: UP"
        self.cluster = Cluster(len(NAMES))
        self.addCleanup(self.cluster.remove)
        self.cluster.up()
        # Their accounts are needed, the ledgers are not.
        for name in NAMES:
            self.cluster.end(name, signal.SIGTERM)

    def serve(self, server):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def close():
            server.shutdown()
            thread.join()
            server.server_close()
        self.addCleanup(close)
        return server

    def start(self, name, mode="always", failover="false"):
        echo = self.serve(EchoServer(("127.0.0.1", 0), Echo))
        flag = self.cluster.dir / ("flag-" + name)
        flag.touch()
        hook = "" if mode == "always" else None
        agent = Agent(self.cluster, name, mode=mode, promote=hook, demote=hook, extra=PROBES % {
            "web": self.web.server_address[1], "echo": echo.server_address[1], "flag": flag,
            "failover": failover})
        agent.echo, agent.flag = echo, flag
        self.addCleanup(agent.end)
        agent.start()
        wait_for(lambda: self.cluster.node(name)["present"], "%s is present" % name)
        return agent

    def services(self, name):
        listed = self.cluster.ask("--at", name, "service-level")["services"]
        return {each["name"]: each for each in listed}

    def await_service(self, name, condition, what):
        wait_for(lambda: condition(self.services(name)), what)

    def test_each_kind_counts(self):
        agent = self.start("node1")
        self.await_service("node1", lambda all: int(all["web"]["good"]) > 2, "the web is good")
        self.await_service("node1", lambda all: all["hangs"]["down"], "what hangs is ended")
        services = self.services("node1")
        self.assertFalse(services["echo"]["down"] or services["disk"]["down"])
        self.assertEqual(0, int(services["web"]["bad"]))
        agent.flag.unlink()
        agent.echo.answers = False
        Health.text = b"status: DOWN"
        self.await_service("node1", lambda all: all["disk"]["down"] and all["echo"]["down"] and
                           int(all["web"]["bad"]) > 2, "all of them fail")
        self.assertRegex(agent.said(), r"\[agent\.probe\].* echo is down: .*'no '?")
        agent.flag.touch()
        agent.echo.answers = True
        self.await_service("node1", lambda all: not all["disk"]["down"] and
                           not all["echo"]["down"], "they are up again")

    def test_a_failing_probe_gives_the_role_to_another(self):
        agents = {name: self.start(name, failover="true") for name in NAMES}
        before = self.cluster.active()
        [other] = [name for name in NAMES if name != before["active"]]
        agents[before["active"]].echo.answers = False

        def moved():
            status = self.cluster.active()
            return status["active"] == other and status["epoch"] > before["epoch"]
        wait_for(moved, "the other one is active")
        self.assertIn("probe echo", agents[before["active"]].said())

    def test_a_standby_that_is_down_on_purpose_is_not_probed(self):
        agents = {name: self.start(name, mode="run") for name in NAMES}
        status = self.cluster.active()
        [other] = [name for name in NAMES if name != status["active"]]
        agents[other].flag.unlink()
        self.await_service(status["active"], lambda all: int(all["web"]["good"]) > 10,
                           "the active one is probed")
        services = self.services(other)
        self.assertEqual((0, 0), (int(services["web"]["good"]), int(services["web"]["bad"])))
        self.assertFalse(services["disk"]["down"])


if __name__ == "__main__":
    unittest.main()
