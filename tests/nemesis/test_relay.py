"""The relay passes everything on, in order, and does what is asked of it."""

import socket
import threading
import time
import unittest

from relay import DOWN, UP, Relay


class Echo:
    """Answers what it gets with the same."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    @staticmethod
    def _serve(connection):
        with connection:
            try:
                while data := connection.recv(4096):
                    connection.sendall(data)
            except OSError:
                pass

    def close(self):
        self._listener.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class RelayTest(unittest.TestCase):
    def setUp(self):
        echo = Echo()
        self.addCleanup(echo.close)
        relay = Relay("7")
        self.addCleanup(relay.stop)
        listen = ("127.0.0.1", free_port())
        relay.add("link", listen, echo.address)
        self.link = relay.links["link"]
        self.client = socket.create_connection(listen)
        self.client.settimeout(5)
        self.addCleanup(self.client.close)
        self.assertEqual(b"hello", self.ask(b"hello"))

    def ask(self, data):
        self.client.sendall(data)
        got = b""
        while len(got) < len(data):
            got += self.client.recv(65536)
        return got

    def test_much_arrives_in_order(self):
        data = b"".join(b"%08d" % i for i in range(20000))
        self.assertEqual(data, self.ask(data))

    def test_an_end_is_passed_on(self):
        self.client.shutdown(socket.SHUT_WR)
        self.assertEqual(b"", self.client.recv(10))

    def test_a_delay(self):
        self.link.delay(0.2, 0.25)
        begun = time.monotonic()
        self.ask(b"late")
        self.assertGreater(time.monotonic() - begun, 0.39)
        self.link.calm()
        begun = time.monotonic()
        self.ask(b"soon")
        self.assertLess(time.monotonic() - begun, 0.2)

    def test_a_stall_holds_one_direction_and_loses_nothing(self):
        for direction in (UP, DOWN):
            self.link.stall(direction)
            self.client.sendall(b"held")
            self.client.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                self.client.recv(10)
            self.client.settimeout(5)
            self.link.calm()
            self.assertEqual(b"held", self.client.recv(10))

    def test_a_reset(self):
        self.link.reset()
        with self.assertRaises(ConnectionResetError):
            self.client.recv(10)


if __name__ == "__main__":
    unittest.main()
