"""Whether an etcd answers: what its members say of their health is believed, silence is not."""

import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import etcd


def member(health):
    """The port of somebody who says that; nothing: of nobody."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if health == '{"health":"true"}' else 503)
            self.end_headers()
            self.wfile.write(health.encode())

        def log_message(self, *_):
            pass
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if health is not None:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Answers(unittest.TestCase):
    def asked(self, health):
        server = member(health)
        self.addCleanup(server.server_close)
        if health is not None:
            self.addCleanup(server.shutdown)
        with mock.patch.object(etcd, "CLIENT_PORT", server.server_address[1]), \
                mock.patch.object(etcd, "ANSWER_TIMEOUT_S", 0.2):
            return etcd.answers("127.0.0.1"), etcd.await_answer(["127.0.0.1"], 0.3) is not None

    def test_healthy_members_only(self):
        self.assertEqual((True, True), self.asked('{"health":"true"}'))
        self.assertEqual((False, False), self.asked('{"health":"false"}'))
        self.assertEqual((False, False), self.asked("not JSON"))
        self.assertEqual((False, False), self.asked(None))


if __name__ == "__main__":
    unittest.main()
