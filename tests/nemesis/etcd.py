"""The members of an etcd, each a process on a host of its own, and whether it answers."""

import http.client
import json
import threading
import time

CLIENT_PORT = 2379
PEER_PORT = 2380

ANSWER_TIMEOUT_S = 1.5
ASK_EVERY_S = 0.05


def url(host, port=CLIENT_PORT):
    return "http://%s:%d" % (host.address, port)


def command(name, hosts, folder):
    """How the member of that name is started; `hosts` are those of all members."""
    client, peer = url(hosts[name]), url(hosts[name], PEER_PORT)
    everybody = ",".join("%s=%s" % (each, url(host, PEER_PORT)) for each, host in hosts.items())
    return [*hosts[name].within, "etcd", "--name=" + name, "--data-dir=%s" % folder,
            "--listen-client-urls=" + client, "--advertise-client-urls=" + client,
            "--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
            "--initial-cluster=" + everybody, "--auto-compaction-retention=1h", "--pre-vote",
            "--logger=zap", "--log-level=warn"]


def answers(address):
    """Whether that member can read what is agreed on by more than half of them."""
    asked = http.client.HTTPConnection(address, CLIENT_PORT, timeout=ANSWER_TIMEOUT_S)
    try:
        asked.request("GET", "/health")
        return json.loads(asked.getresponse().read()).get("health") == "true"
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        asked.close()


def await_answer(addresses, seconds):
    """The moment (steady clock) at which one of them answers; None if none does for so long."""
    deadline = time.monotonic() + seconds
    answered = threading.Event()

    def ask(address):
        while not answered.is_set() and time.monotonic() < deadline:
            if answers(address):
                answered.set()
            else:
                time.sleep(ASK_EVERY_S)

    for address in addresses:
        threading.Thread(target=ask, args=(address,), daemon=True).start()
    return time.monotonic() if answered.wait(seconds) else None
