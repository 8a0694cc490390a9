"""A site's own server: the documented configuration file, unchanged, with the site's values beside it.

Each kind of server listens on free ports of 127.0.0.1, has everything it writes in one folder, and is
ended with it.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from cluster_fixture import BIN, DEADLINE_S, LEASE_TTL_S, MUSTER, Outcome, TookTooLong, wait_for

DOCS = Path(__file__).resolve().parents[2] / "docs"

PEOPLE = "people.localhost"
NODES = "nodes.people.localhost"
# A name that every machine has an address for.
UPLOAD = "localhost"
COORDINATOR = "muster.people.localhost"
ADMIN = "ada@" + PEOPLE
OPERATOR = "olga@" + PEOPLE
OBSERVER = "otto@" + PEOPLE
COORDINATOR_ACCOUNT = "muster@" + PEOPLE
# Where there are several, each has such an address besides.
LEASE_ADDRESSES = ["coordinator%d.%s" % (i, PEOPLE) for i in (1, 2, 3)]
SECRET = "a secret of the component's own"
PASSWORD = "correct horse"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Server:
    """What the kinds have in common; `_command()` and `_prepare()` are theirs."""

    def __init__(self, accounts, lease_addresses=()):
        self.lease_addresses = list(lease_addresses)
        self.dir = Path(tempfile.mkdtemp(prefix="muster-site-"))
        self.port = free_port()
        self.component_port = free_port()
        self.upload_port = free_port()
        self.accounts = accounts
        self.process = None
        self.certificates = self.dir / "certs"
        self.certificates.mkdir()
        self.ca_file = self.certificates / "ca.pem"
        self._make_certificates()
        self._prepare()
        if os.geteuid() == 0:
            # Prosody refuses to run as root.
            subprocess.run(["chown", "-R", self.user, str(self.dir)], check=True)

    def _make_certificates(self):
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=Muster test", "-keyout", "ca.key",
                "-out", "ca.pem", cwd=self.certificates)
        for host in (PEOPLE, NODES, UPLOAD):
            (self.certificates / "ext").write_text("subjectAltName=DNS:%s\n" % host)
            openssl("req", *curve, "-subj", "/CN=" + host, "-keyout", host + ".key", "-out", "csr",
                    cwd=self.certificates)
            openssl("x509", "-req", "-days", "2", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                    "-CAcreateserial", "-extfile", "ext", "-out", host + ".crt",
                    cwd=self.certificates)

    def start(self):
        with open(self.dir / "server.log", "ab") as log:
            as_user = {"user": self.user} if os.geteuid() == 0 else {}
            self.process = subprocess.Popen(self._command(), cwd=self.dir, env=self._environment(),
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True, **as_user)
        self.await_up()

    def await_up(self):
        wait_for(self._is_up, "the server listens", 5 * DEADLINE_S)

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("the server has ended:\n" + self.log())
        return (accepts(self.port) and accepts(self.component_port)
                and accepts(self.upload_port))

    def stop(self):
        """Politely."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def remove(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        logs = [self.dir / "server.log", *sorted(self.dir.glob("log/*.log"))]
        return "\n".join(log.read_text(errors="replace")[-4000:] for log in logs if log.exists())


class Prosody(Server):
    user = "prosody"

    def _prepare(self):
        (self.dir / "component.secret").write_text(SECRET + "\n")
        shutil.copy(DOCS / "server" / "prosody.cfg.lua", self.dir)
        for jid, password in self.accounts.items():
            local, domain = jid.split("@")
            folder = self.dir / "data" / domain.replace(".", "%2e") / "accounts"
            folder.mkdir(parents=True, exist_ok=True)
            # Hashed by the server when it is used first.
            (folder / (local + ".dat")).write_text('return { ["password"] = "%s" };\n' % password)

    def _environment(self):
        return {**os.environ, "MUSTER_PEOPLE_HOST": PEOPLE, "MUSTER_NODES_HOST": NODES,
                "MUSTER_COMPONENT": COORDINATOR, "MUSTER_LISTEN": "127.0.0.1",
                "MUSTER_LEASE_ADDRESSES": " ".join(self.lease_addresses),
                "MUSTER_C2S_PORT": str(self.port),
                "MUSTER_COMPONENT_PORT": str(self.component_port),
                "MUSTER_UPLOAD_HOST": UPLOAD, "MUSTER_UPLOAD_PORT": str(self.upload_port),
                "MUSTER_CERTIFICATES": str(self.certificates),
                "MUSTER_COMPONENT_SECRET_FILE": str(self.dir / "component.secret"),
                "MUSTER_DATA": str(self.dir / "data"),
                "MUSTER_PID_FILE": str(self.dir / "prosody.pid")}

    def _command(self):
        return ["prosody", "--config", str(self.dir / "prosody.cfg.lua"), "-F"]


class Ejabberd(Server):
    user = "ejabberd"

    def _prepare(self):
        (self.dir / "log").mkdir()
        (self.dir / "mnesia").mkdir()
        shutil.copy(DOCS / "server" / "ejabberd.yml", self.dir)
        for host in (PEOPLE, NODES, UPLOAD):
            (self.certificates / (host + ".pem")).write_text(
                (self.certificates / (host + ".crt")).read_text()
                + (self.certificates / (host + ".key")).read_text())
        site = (DOCS / "server" / "muster-site.yml.example").read_text()
        for written, ours in (("- example.org", "- " + PEOPLE), ("- nodes.example.org", "- " + NODES),
                              ("/etc/ejabberd/certs", str(self.certificates)),
                              ('LISTEN: "::"', 'LISTEN: "127.0.0.1"'),
                              ("C2S_PORT: 5222", "C2S_PORT: %d" % self.port),
                              ("COMPONENT_PORT: 5347", "COMPONENT_PORT: %d" % self.component_port),
                              ("UPLOAD_PORT: 5443", "UPLOAD_PORT: %d" % self.upload_port),
                              ("https://upload.example.org:5443/",
                               "https://%s:%d/" % (UPLOAD, self.upload_port)),
                              ("/var/lib/ejabberd/upload", str(self.dir / "upload")),
                              ("    muster.example.org:", "    " + COORDINATOR + ":"),
                              ('"change this"', '"%s"' % SECRET)):
            assert site.count(written) == 1, written
            site = site.replace(written, ours)
        for address in self.lease_addresses:
            site += '    %s:\n      password: "%s"\n' % (address, SECRET)
        (self.dir / "muster-site.yml").write_text(site)

    def _environment(self):
        return {**os.environ, "EJABBERD_CONFIG_PATH": str(self.dir / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(self.dir / "log" / "ejabberd.log"), "HOME": str(self.dir),
                "ERL_LIBS": "/usr/lib/x86_64-linux-gnu", "ERL_CRASH_DUMP": "/dev/null"}

    def _command(self):
        # ejabberdctl would leave epmd behind; without distribution there is none.
        accounts = "".join("ejabberd_auth:try_register(<<\"%s\">>,<<\"%s\">>,<<\"%s\">>),"
                           % (*jid.split("@"), password) for jid, password in self.accounts.items())
        return ["erl", "-noinput", "-mnesia", "dir", '"%s"' % (self.dir / "mnesia"), "-s", "ejabberd",
                "-eval", accounts + "ok."]


class Site:
    """The server, a coordinator and its nodes, each a process of its own."""

    def __init__(self, kind, nodes=3, nodes_a_group=3, lease_ttl_s=LEASE_TTL_S, coordinators=1):
        self.lease_ttl_s = lease_ttl_s
        # Several have an etcd, and names with a number.
        self.lease_addresses = LEASE_ADDRESSES[:coordinators] if coordinators > 1 else []
        self.coordinators = [address.split(".")[0] for address in self.lease_addresses]
        self.etcd_port = free_port()
        self.nodes = ["node%d" % (i + 1) for i in range(nodes)]
        self._group_of = {node: "storage" if nodes <= nodes_a_group
                          else "storage%d" % (i // nodes_a_group + 1)
                          for i, node in enumerate(self.nodes)}
        self.groups = list(dict.fromkeys(self._group_of.values()))
        people = [ADMIN, OPERATOR, OBSERVER, COORDINATOR_ACCOUNT]
        self.server = kind({jid: PASSWORD for jid in
                            people + [node + "@" + NODES for node in self.nodes]},
                           self.lease_addresses)
        self.dir = Path(tempfile.mkdtemp(prefix="muster-site-daemons-"))
        self.processes = {}
        for name, text in (("password", PASSWORD), ("secret", SECRET)):
            (self.dir / name).write_text(text + "\n")
            (self.dir / name).chmod(0o600)
        for name in self.coordinators or ["coordinator"]:
            (self.dir / (name + ".toml")).write_text(self._coordinator_toml(name))
        for node in self.nodes:
            (self.dir / node).mkdir()
            (self.dir / (node + ".toml")).write_text(self._node_toml(node))

    def _coordinator_toml(self, name):
        shared = """
kind = "etcd"
[store.etcd]
endpoints = ["http://127.0.0.1:%d"]
[lease]
jid = "%s.%s"
secret_file = "secret"
""" % (self.etcd_port, name, PEOPLE) if self.coordinators else ""
        nodes = "".join('[[bootstrap.node]]\nname = "%s"\njid = "%s@%s"\ngroup = "%s"\n'
                        % (node, node, NODES, self._group_of[node]) for node in self.nodes)
        groups = "".join('[[bootstrap.group]]\nname = "%s"\n' % group for group in self.groups)
        return """
[component]
jid = "%s"
port = %d
secret_file = "secret"

[account]
jid = "%s"
host = "127.0.0.1"
port = %d
ca_file = "%s"
password_file = "password"

[store]
path = "%s.sqlite"
%s
[election]
lease_ttl = "%ds"

[bootstrap]
admins = ["%s"]
operators = ["%s"]
observers = ["%s"]

%s%s""" % (COORDINATOR, self.server.component_port, COORDINATOR_ACCOUNT, self.server.port,
         self.server.ca_file, name, shared, self.lease_ttl_s, ADMIN, OPERATOR, OBSERVER, groups,
         nodes)

    def _node_toml(self, node):
        return """
[node]
jid = "%s@%s"
host = "127.0.0.1"
port = %d
ca_file = "%s"
password_file = "password"
coordinator = "%s"
coordinators = [%s]
coordinator_account = "%s"
group = "%s"
state_dir = "%s/state"

[logs]
max_size = "64MiB"

[ledger]
journal = "%s.sqlite"
""" % (node, NODES, self.server.port, self.server.ca_file, COORDINATOR,
       ", ".join('"%s"' % address for address in self.lease_addresses), COORDINATOR_ACCOUNT,
       self._group_of[node], node, self._group_of[node])

    def start(self):
        self.server.start()
        if self.coordinators:
            self._start_etcd()
        for name in self.coordinators or ["coordinator"]:
            self._daemon(name, "muster-coordinator", name + ".toml")
        for node in self.nodes:
            self._daemon(node, "ledger", node + ".toml")
        self.all_there()

    def _start_etcd(self):
        client, peer = ("http://127.0.0.1:%d" % port for port in (self.etcd_port, free_port()))
        with open(self.dir / "etcd.log", "ab") as log:
            self.processes["etcd"] = subprocess.Popen(
                ["etcd", "--name=only", "--data-dir=%s" % (self.dir / "etcd"),
                 "--listen-client-urls=" + client, "--advertise-client-urls=" + client,
                 "--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
                 "--initial-cluster=only=" + peer, "--logger=zap", "--log-level=warn"],
                cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: accepts(self.etcd_port), "etcd takes connections")

    def _daemon(self, name, program, config):
        words = [str(BIN / program), "--config", str(self.dir / config)]
        checked = subprocess.run([*words, "--check-config"], capture_output=True, text=True,
                                 timeout=DEADLINE_S)
        if checked.returncode != 0:
            raise AssertionError("%s: %s%s" % (config, checked.stdout, checked.stderr))
        with open(self.dir / (name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(words, cwd=self.dir, stdin=subprocess.DEVNULL,
                                                    stdout=log, stderr=log)

    def restart_daemon(self, name):
        program = "muster-coordinator" if name.startswith("coordinator") else "ledger"
        self._daemon(name, program, name + ".toml")

    def remove(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.server.remove()
        shutil.rmtree(self.dir, ignore_errors=True)

    def crash(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def ended(self):
        """{name: how it ended} of the daemons that run no more; nobody starts them anew here."""
        return {name: process.returncode for name, process in self.processes.items()
                if process.poll() is not None}

    def logs(self):
        ends = ["--- %s\n%s" % (log.name, log.read_text(errors="replace")[-3000:])
                for log in sorted(self.dir.glob("*.log"))]
        return "\n".join(ends + ["--- server\n" + self.server.log()])

    # --- asking -----------------------------------------------------------------------------

    def cli(self, *words, jid=OPERATOR):
        login = ["--jid", jid, "--password-file", str(self.dir / "password"), "--host", "127.0.0.1",
                 "--port", str(self.server.port), "--ca-file", str(self.server.ca_file),
                 "--coordinator", COORDINATOR]
        return Outcome(subprocess.run([MUSTER, *login, *words, "-o", "json"], capture_output=True,
                                      text=True, stdin=subprocess.DEVNULL, timeout=150))

    def status(self):
        done = self.cli("status", "--timeout", "5s")
        return done.json["groups"] if done.code == 0 else []

    def all_active(self):
        """{group: its status} once each has an active node that has said so itself."""
        def look():
            groups = {group["name"]: group for group in self.status()}
            settled = all(group["phase"] == "ACTIVE" and not group["note"]
                          for group in groups.values())
            return groups if settled and set(groups) == set(self.groups) else None
        return wait_for(look, "each group has an active node", 2 * DEADLINE_S)

    def active(self):
        """The status of the only group once a node is active."""
        return self.all_active()[self.groups[0]]

    def all_there(self):
        """The groups' status once every node is present and each group has an active one."""
        missing = ["not asked yet"]

        def look():
            done = self.cli("nodes", "--timeout", "5s")
            missing[:] = [done] if done.code != 0 else [
                node["name"] for node in done.json["nodes"] if not node["present"]]
            return not missing
        try:
            wait_for(look, "all nodes are present", 2 * DEADLINE_S)
        except TookTooLong as error:
            raise TookTooLong("%s: %s; ended: %s" % (error, missing, self.ended())) from None
        return self.all_active()
