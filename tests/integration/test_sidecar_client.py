"""The example's client against an agent that the test plays: what is sent again after a lost connection."""

import importlib
import os
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cluster_fixture import DEADLINE_S, wait_for

ROOT = Path(__file__).resolve().parents[2]


class PlayedAgent:
    """Listens; one connection at a time, frame by frame."""

    def __init__(self, path):
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        self.listening.listen(1)
        self.listening.settimeout(DEADLINE_S)

    def accept(self):
        self.connection, _ = self.listening.accept()
        self.connection.settimeout(DEADLINE_S)
        self.file = self.connection.makefile("rb")

    def hear(self, wire, kind):
        """The next message of that kind; others are left out."""
        while True:
            length = shift = 0
            while True:
                byte = self.file.read(1)[0]
                length |= (byte & 0x7f) << shift
                shift += 7
                if byte < 0x80:
                    break
            message = wire.FromApplication.FromString(self.file.read(length))
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)

    def say(self, message):
        content = message.SerializeToString()
        assert len(content) < 128
        self.connection.sendall(bytes([len(content)]) + content)

    def drop(self):
        self.file.close()
        self.connection.close()


class Client(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        subprocess.run(["protoc", "-I", str(ROOT / "proto"), "--python_out", folder.name,
                        "muster/sidecar.proto"], check=True)
        sys.path[:0] = [folder.name, str(ROOT / "examples" / "sidecar_python")]
        self.module = importlib.import_module("muster_sidecar")
        self.wire = self.module.wire
        path = os.path.join(folder.name, "agent.sock")
        self.agent = PlayedAgent(path)
        self.addCleanup(self.agent.listening.close)
        self.demoted = []
        self.client = self.module.Sidecar(
            "app", path, promote=lambda epoch, instance: None,
            demote=lambda epoch, cause: self.demoted.append((epoch, cause)), use_logging=False)
        self.addCleanup(self.client.close)

    def welcome(self, **known):
        self.agent.accept()
        hello = self.agent.hear(self.wire, "hello")
        self.agent.say(self.wire.FromAgent(welcome=self.wire.Welcome(
            version=1, roles=True, log=True, window=2, **known)))
        return hello

    def test_what_was_not_taken_is_sent_again(self):
        first = self.welcome()
        self.client.count("writes", good=3)
        self.client.log(self.wire.INFO, "a", "one")
        counts = self.agent.hear(self.wire, "counts")
        records = self.agent.hear(self.wire, "records")
        self.assertEqual((1, 3), (counts.sequence, counts.counts[0].good))
        self.agent.drop()
        # The counts were taken before the connection was lost, the records were not kept.
        again = self.welcome(counts_taken=1)
        self.assertEqual(first.session, again.session)
        self.assertEqual(records, self.agent.hear(self.wire, "records"))
        self.client.count("writes", good=4)
        counts = self.agent.hear(self.wire, "counts")
        self.assertEqual((2, 4), (counts.sequence, counts.counts[0].good))
        self.agent.drop()

    def test_without_an_agent_it_is_not_active(self):
        self.welcome()
        self.agent.say(self.wire.FromAgent(promote=self.wire.Promote(id=9, epoch=7)))
        done = self.agent.hear(self.wire, "done")
        self.assertEqual((9, ""), (done.id, done.error))
        self.agent.drop()
        wait_for(lambda: self.demoted == [(7, "connection-lost")], "it stops")

    def test_an_error_of_the_application_is_told(self):
        self.client.promote = lambda *_: 1 / 0
        self.welcome()
        self.agent.say(self.wire.FromAgent(promote=self.wire.Promote(id=9, epoch=7)))
        self.assertIn("division", self.agent.hear(self.wire, "done").error)
        self.agent.drop()


if __name__ == "__main__":
    unittest.main()
