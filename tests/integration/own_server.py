"""A cluster's server, started anew with a configuration that is changed a little."""

import os
import signal
import socket
import subprocess

from cluster_fixture import is_running, wait_for


class OwnServer:
    """In place of the cluster's own server; `change` gets the configuration's text and returns
    another one. End it before the cluster is removed."""

    def __init__(self, cluster, change):
        self._cluster = cluster
        folder = cluster.dir / "server"
        config = folder / "own.cfg.lua"
        old = next(folder.glob("*.cfg.lua"))
        text = old.read_text()
        changed = change(text)
        if changed == text:
            raise AssertionError("the configuration is not what the test expects:\n" + text)
        config.write_text(changed)
        owner = (folder / "data").stat()
        os.chown(config, owner.st_uid, owner.st_gid)
        pid = cluster.pid("server")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not is_running(pid), "the server has ended")
        as_owner = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
        self._log = open(cluster.dir / "log" / "own-server.log", "w", encoding="utf-8")
        self._process = subprocess.Popen(["prosody", "--config", str(config), "-F"],
                                         stdin=subprocess.DEVNULL, stdout=self._log,
                                         stderr=self._log, cwd=folder, **as_owner)
        wait_for(self._listens, "the server listens")

    def _listens(self):
        try:
            with socket.create_connection(("127.0.0.1", self._cluster.info()["c2s"]["port"]), 1):
                return True
        except OSError:
            return False

    def end(self):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
