"""`muster doctor` and `muster version`: on a good cluster, and on ones with something wrong."""

import signal
import socket
import tempfile
import unittest
from pathlib import Path

from cluster_fixture import ClusterTest, SharedClusterTest
from own_server import OwnServer

CHECKS = ["tcp", "tls", "certificate", "sasl", "login", "server", "clock", "role", "coordinator",
          "delay", "version", "nodes", "node-versions", "node-clocks"]


def results(done):
    return {each["check"]: each["result"] for each in done.json["checks"]}


def text_of(done, check):
    return next(each["text"] + " " + each["remedy"] for each in done.json["checks"]
                if each["check"] == check)


class Doctor(SharedClusterTest):
    def doctor(self, *words, code=0):
        done = self.cluster.cli("doctor", "-o", "json", *words)
        self.assertEqual(code, done.code, done)
        return done

    def test_a_good_cluster(self):
        done = self.doctor()
        self.assertEqual(CHECKS, [each["check"] for each in done.json["checks"]])
        # How long things take is not judged here.
        wrong = {check for check, result in results(done).items() if result != "ok"}
        self.assertEqual(set(), wrong - {"delay", "server", "coordinator"}, done)
        plain = self.cluster.cli("doctor")
        self.assertEqual(0, plain.code, plain)
        self.assertRegex(plain.out, r"(?m)^ok    tls +TLSv1\.[23]$")
        self.assertRegex(plain.out, r"role +operator@\S+ may call \d+ commands")

    def test_a_node_that_is_gone(self):
        standby = self.cluster.standby()
        self.cluster.end(standby)
        self.addCleanup(self.cluster.all_back)
        self.addCleanup(self.cluster.up)
        done = self.doctor()
        self.assertEqual("warn", results(done)["nodes"])
        self.assertIn(standby, text_of(done, "nodes"))
        self.assertEqual("warn", done.json["result"])

    def test_a_stranger(self):
        done = self.doctor("--as", "stranger", code=1)
        self.assertEqual("fail", results(done)["role"])
        self.assertIn("grant", text_of(done, "role"))

    def flags(self, password=None, port=None, ca=True):
        info = self.cluster.info()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        account = info["accounts"]["operator"]
        (folder / "password").write_text((password or account["password"]) + "\n")
        words = ["--jid", account["jid"], "--password-file", str(folder / "password"),
                 "--host", info["c2s"]["host"], "--port", str(port or info["c2s"]["port"]),
                 "--coordinator", info["coordinator"], "doctor", "-o", "json"]
        return words + (["--ca-file", info["ca_file"]] if ca else [])

    def test_nobody_listens(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            done = self.cluster.run(*self.flags(port=bound.getsockname()[1]))
        self.assertEqual(1, done.code, done)
        self.assertEqual({"tcp": "fail"}, results(done))

    def test_a_certificate_that_is_not_trusted(self):
        done = self.cluster.run(*self.flags(ca=False))
        self.assertEqual(1, done.code, done)
        self.assertEqual("fail", results(done)["certificate"])
        self.assertIn("--ca-file", text_of(done, "certificate"))

    def test_a_wrong_password(self):
        done = self.cluster.run(*self.flags(password="wrong"))
        self.assertEqual(1, done.code, done)
        self.assertEqual(("ok", "fail"), (results(done)["sasl"], results(done)["login"]))

    def test_version(self):
        done = self.cluster.cli("version", "-o", "json")
        self.assertEqual(0, done.code, done)
        self.assertEqual(("muster", 1, self.cluster.coordinator),
                         (done.json["program"], done.json["protocol"],
                          done.json["coordinator"]["jid"]))
        self.assertEqual(done.json["version"], done.json["coordinator"]["version"])
        self.assertIn("coordinator muster.cluster.localhost: Muster",
                      self.cluster.cli("version").out)
        self.assertEqual(3, self.cluster.cli("--as", "stranger", "version").code)


class Trouble(ClusterTest):
    def test_the_forty_milliseconds(self):
        self.own_cluster(nodes=1)
        server = OwnServer(self.cluster, lambda text: text.replace("nagle = false", "nagle = true"))
        try:
            self.cluster.all_back()
            done = self.cluster.cli("doctor", "-o", "json")
            self.assertEqual(0, done.code, done)
            self.assertEqual("warn", results(done)["delay"], done)
            self.assertIn("nagle = false", text_of(done, "delay"))
        finally:
            server.end()

    def test_no_coordinator(self):
        self.own_cluster(nodes=1)
        self.cluster.end("coordinator", signal.SIGTERM)
        done = self.cluster.cli("doctor", "-o", "json")
        self.assertEqual(1, done.code, done)
        self.assertEqual("fail", results(done)["coordinator"])


if __name__ == "__main__":
    unittest.main()
