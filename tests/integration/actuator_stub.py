"""The loggers endpoint of an application with Spring Boot's actuator, as its documentation has it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

LEVELS = ("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")
BOOT = {"ROOT": "INFO", "com": None, "com.example": None, "com.example.db": "WARN"}


class ActuatorStub:
    """Answers at `url` until close(); `levels` are the loggers' own."""

    def __init__(self):
        self.credentials = None  # the header Authorization that is asked for
        self.restart()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def is_known(self):
                return stub.credentials in (None, self.headers["Authorization"])

            def do_GET(self):
                if not self.is_known():
                    return self.answer(401, {"status": 401})
                name = unquote(self.path.removeprefix("/actuator/loggers/"))
                if name in stub.levels:
                    return self.answer(200, stub.described()["loggers"][name])
                if self.path == "/actuator/loggers":
                    return self.answer(200, stub.described())
                self.answer(404, {"status": 404})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = unquote(self.path.removeprefix("/actuator/loggers/"))
                level = body.get("configuredLevel")
                if not self.is_known():
                    return self.answer(401, {"status": 401})
                if self.headers["Content-Type"] != "application/json" or \
                        (level is not None and level not in LEVELS) or \
                        (name == "ROOT" and level is None):
                    return self.answer(400, {"status": 400})
                stub.levels[name] = level
                self.send_response(204)
                self.end_headers()

            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.spring-boot.actuator.v3+json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/actuator" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def restart(self):
        """As an application that has just been started."""
        self.levels = dict(BOOT)

    def effective(self, name):
        while self.levels.get(name) is None:
            name = name.rpartition(".")[0] or "ROOT"
        return self.levels[name]

    def described(self):
        return {"levels": LEVELS, "groups": {"sql": {"members": ["com.example.db"]}},
                "loggers": {name: {"configuredLevel": level, "effectiveLevel": self.effective(name)}
                            for name, level in dict(self.levels).items()}}

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
