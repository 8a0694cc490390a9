"""The command line: its JSON, its exit codes, its errors."""

import re
import signal
import socket
import tempfile
from pathlib import Path

from cluster_fixture import LEASE_TTL_S, Cluster, SharedClusterTest, wait_for

DONE, USAGE, NOT_AUTHORISED, UNREACHABLE, REFUSED = 0, 2, 3, 4, 5
CODES_OF_ERRORS = {USAGE: {"invalid-argument", "not-found"}, NOT_AUTHORISED: {"forbidden"},
                   UNREACHABLE: {"unavailable", "timeout"}, REFUSED: {"conflict", "refused-unsafe"}}


def documented_fields(docs, verb, at_node):
    """The paths that the description gives for a command's reply."""
    cluster, node = docs.split("## Commands of a node", 1)
    section = re.split(r"^### ", node if at_node else cluster, flags=re.MULTILINE)
    [found] = [part for part in section if part.startswith(verb + "\n")]
    reply = found[found.index("| reply field "):]
    return set(re.findall(r"^\| `([\w.\[\]]+)`", reply, re.MULTILINE))


def paths_of(value, prefix=""):
    """The paths of a JSON value: a.b for members, a[] for lists."""
    out = set()
    if isinstance(value, dict):
        for key, member in value.items():
            path = prefix + "." + key if prefix else key
            out |= {path} if not isinstance(member, list) else set()
            out |= paths_of(member, path)
    elif isinstance(value, list):
        out.add(prefix + "[]")
        for member in value:
            out |= paths_of(member, prefix + "[]")
    return out


def empty_lists(value, prefix=""):
    """The paths of lists without an element, which show nothing of their elements."""
    out = set()
    if isinstance(value, dict):
        for key, member in value.items():
            out |= empty_lists(member, prefix + "." + key if prefix else key)
    elif isinstance(value, list):
        out |= {prefix + "[]."} if not value else set()
        for member in value:
            out |= empty_lists(member, prefix + "[]")
    return out


class CommandLine(SharedClusterTest):
    def assertExit(self, code, *words):
        """The exit code, in words on stderr and as JSON on stdout; returns the JSON's error."""
        plain = self.cluster.cli(*words)
        self.assertEqual(code, plain.code, plain)
        self.assertEqual("", plain.out)
        self.assertTrue(plain.err.startswith("muster: "), plain)
        done = self.cluster.cli(*words, "-o", "json")
        self.assertEqual(code, done.code, done)
        error = done.json["error"]
        self.assertEqual({"code", "text", "field", "errors"}, set(error))
        self.assertIn(error["code"], CODES_OF_ERRORS[code])
        self.assertTrue(error["text"])
        return error

    def password_file(self, password):
        file = Path(self.enterContext(tempfile.TemporaryDirectory())) / "password"
        file.write_text(password + "\n")
        return str(file)

    def login(self, info, password, port=None):
        """Who asks, said without --cluster."""
        return ["--jid", info["accounts"]["operator"]["jid"],
                "--password-file", self.password_file(password), "--host", info["c2s"]["host"],
                "--port", str(port or info["c2s"]["port"]), "--coordinator", info["coordinator"]]

    # --- replies ----------------------------------------------------------------------------

    def test_the_json_has_the_documented_fields_and_no_others(self):
        docs = self.cluster.run("docs").out
        for verb, words in {"status": ["status"], "nodes": ["nodes", "ledger"],
                            "failover": ["failover", "ledger", "--wait"],
                            "log-level": ["--at", "node1", "log-level"],
                            "service-level": ["--at", "node2", "service-level"],
                            "node-info": ["--at", "node3", "node-info"]}.items():
            with self.subTest(verb=verb):
                reply = self.cluster.ask(*words)
                unseen = tuple(empty_lists(reply))
                documented = {path for path in documented_fields(docs, verb, "--at" in words)
                              if not unseen or not path.startswith(unseen)}
                self.assertEqual(documented, paths_of(reply))

    def test_status(self):
        reply = self.cluster.ask("status")
        [group] = reply["groups"]
        self.assertEqual(("ledger", "ACTIVE", 3, 3, ""),
                         (group["name"], group["phase"], group["present"], group["members"],
                          group["note"]))
        self.assertIn(group["active"], ("node1", "node2", "node3"))
        self.assertIsInstance(group["epoch"], int)
        # Nothing was counted, so there is no number.
        self.assertEqual((None, "no-data"), (group["level"]["percent"], group["level"]["state"]))
        self.assertIn("Overall service level: NO DATA", reply["overall"]["text"])
        self.assertEqual(reply["groups"], self.cluster.ask("status", "ledger")["groups"])

    def test_nodes(self):
        nodes = self.cluster.ask("nodes")["nodes"]
        self.assertEqual(["node1", "node2", "node3"], [node["name"] for node in nodes])
        self.assertEqual(["active", "standby", "standby"], sorted(node["role"] for node in nodes))
        for node in nodes:
            self.assertTrue(node["present"])
            self.assertEqual("ledger", node["group"])
            self.assertRegex(node["jid"], r"^%s@nodes\.cluster\.localhost/node-[0-9a-f]{8}$"
                             % node["name"])
            self.assertRegex(node["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_node_info(self):
        info = self.cluster.ask("--at", "node2", "node-info")
        self.assertEqual(("node2", "ledger", self.cluster.pid("node2"), self.cluster.coordinator,
                          ""),
                         (info["name"], info["group"], info["pid"], info["coordinator"],
                          info["no_coordinator_since"]))
        self.assertEqual(self.cluster.node_jid("node2"), info["jid"])
        self.assertEqual(info["jid"].partition("/node-")[2], info["instance"][:8])

    def test_a_node_is_named_by_name_bare_or_full_jid(self):
        full = self.cluster.node_jid("node1")
        for at in ("node1", full, full.partition("/")[0]):
            with self.subTest(at=at):
                self.assertEqual(full, self.cluster.ask("--at", at, "node-info")["jid"])

    def test_tables_have_the_same_words(self):
        done = self.cluster.cli("nodes")
        self.assertEqual(DONE, done.code)
        self.assertEqual("", done.err)
        for words in ("Node", "Role", "node1", "node2", "node3", "active", "standby"):
            self.assertIn(words, done.out)

    def test_help(self):
        self.assertIn("5 refused as unsafe", self.cluster.run("--help").out)
        done = self.cluster.run("failover", "--help")
        self.assertEqual(DONE, done.code)
        self.assertIn("muster failover GROUP [--to TO]", done.out)

    # --- failover ---------------------------------------------------------------------------

    def test_failover_with_wait(self):
        before = self.cluster.status()
        target = self.cluster.standby()
        done = self.cluster.ask("failover", "ledger", "--to", target, "--wait")
        self.assertEqual(("ledger", before["active"], target, "done"),
                         (done["group"], done["from"], done["to"], done["state"]))
        self.assertEqual(before["epoch"] + 1, done["epoch"])
        after = self.cluster.status()
        self.assertEqual((target, done["epoch"]), (after["active"], after["epoch"]))
        self.assertEqual("active", self.cluster.ask("--at", target, "node-info")["role"])
        self.assertEqual("standby", self.cluster.ask("--at", before["active"], "node-info")["role"])

    def test_failover_without_wait(self):
        before = self.cluster.status()
        done = self.cluster.ask("failover", "ledger", "--expect-epoch", str(before["epoch"]))
        self.assertEqual("started", done["state"])
        wait_for(lambda: self.cluster.status()["epoch"] > before["epoch"], "the epoch has grown")
        self.assertNotEqual(before["active"], self.cluster.active()["active"])

    def test_a_key_used_again_moves_only_once(self):
        words = ["failover", "ledger", "--wait", "--key", "release-17"]
        first = self.cluster.ask(*words)
        again = self.cluster.ask(*words)
        self.assertEqual(first, again)
        self.assertEqual(first["epoch"], self.cluster.status()["epoch"])
        error = self.assertExit(USAGE, *words, "--expect-epoch", "1")
        self.assertIn("release-17", error["text"])

    def test_the_audit_trail(self):
        before = self.cluster.status()["epoch"]
        done = self.cluster.ask("failover", "ledger", "--wait")
        self.cluster.cli("--as", "observer", "failover", "ledger", "--wait")
        self.cluster.cli("failover", "ledger", "--expect-epoch", str(before))
        rows = self.cluster.query("SELECT * FROM audit WHERE verb = 'failover' ORDER BY seq "
                                  "DESC LIMIT 5")[::-1]
        begun, ended, forbidden, begun_in_vain, refused = rows
        domain = self.cluster.info()["domain"]
        for row in (begun, ended, begun_in_vain, refused):
            self.assertEqual("operator@" + domain, row["who"].partition("/")[0])
        for row in rows:
            self.assertEqual(("program", self.cluster.coordinator), (row["face"], row["place"]))
        self.assertEqual(("begun", "ledger wait=true"), (begun["code"], begun["arguments"]))
        self.assertEqual("ok", ended["code"])
        self.assertIn("%s is active in place of %s under epoch %d"
                      % (done["to"], done["from"], done["epoch"]), ended["text"])
        self.assertEqual(("forbidden", "observer@" + domain),
                         (forbidden["code"], forbidden["who"].partition("/")[0]))
        self.assertEqual("begun", begun_in_vain["code"])
        self.assertEqual("conflict", refused["code"])
        self.assertIn("nothing was moved", refused["text"])

    # --- errors -----------------------------------------------------------------------------

    def test_wrong_usage(self):
        cases = {("status", "nosuchgroup"): "nosuchgroup",
                 ("failover",): "group is missing",
                 ("failover", "ledger", "--to", "node9"): "node9",
                 ("failover", "ledger", "--expect-epoch", "soon"): "soon",
                 ("failover", "ledger", "--expect-epoch", "0"): "from 1",
                 ("--at", "node9", "node-info"): "node9",
                 ("--at", "node1", "status"): "leave --at out",
                 ("node-info",): "--at NODE",
                 ("--at", "node1", "log-level", "storage", "loud"): "loud",
                 ("--at", "node1", "log-level", "nosuchlogger"): "nosuchlogger",
                 ("--at", "node1", "log-level", "storage", "debug", "--for", "1"): "for",
                 ("--timeout", "0s", "status"): "--timeout",
                 ("--timeout", "soon", "status"): "--timeout",
                 ("--as", "nobody", "status"): "nobody"}
        for words, said in cases.items():
            with self.subTest(words=words):
                self.assertIn(said, self.assertExit(USAGE, *words)["text"])

    def test_several_errors_are_all_told(self):
        error = self.assertExit(USAGE, "failover", "--expect-epoch", "soon")
        self.assertEqual({"group", "expect-epoch"}, {each["field"] for each in error["errors"]})

    def test_mistyped_words_are_suggested(self):
        for words, meant in ((("staus",), "status"), (("failover", "ledger", "--two", "x"), "")):
            with self.subTest(words=words):
                done = self.cluster.cli(*words)
                self.assertEqual(USAGE, done.code, done)
                self.assertIn(meant, done.err)

    def test_without_a_cluster(self):
        for words in (["status"], ["--cluster", "/nonexistent", "status"],
                      ["--jid", "a@b", "status"], ["down", "--dir", "/nonexistent"],
                      ["up"], ["up", "--dir", "/nonexistent/x", "--nodes", "0"]):
            with self.subTest(words=words):
                done = self.cluster.run(*words)
                self.assertEqual(USAGE, done.code, done)
                self.assertTrue(done.err)

    def test_not_authorised(self):
        error = self.assertExit(NOT_AUTHORISED, "--as", "stranger", "status")
        self.assertIn("role", error["text"])
        error = self.assertExit(NOT_AUTHORISED, "--as", "observer", "failover", "ledger")
        self.assertIn("operator", error["text"])
        self.assertExit(NOT_AUTHORISED, "--as", "observer", "--at", "node1", "log-level",
                        "storage", "debug")

    def test_a_login_without_the_folder(self):
        info = self.cluster.info()
        password = info["accounts"]["operator"]["password"]
        ca = ["--ca-file", info["ca_file"]]
        done = self.cluster.run(*self.login(info, password), *ca, "status")
        self.assertEqual(DONE, done.code, done)
        done = self.cluster.run(*self.login(info, "not the password"), *ca, "status")
        self.assertEqual(NOT_AUTHORISED, done.code, done)

    def test_a_certificate_that_is_not_trusted(self):
        info = self.cluster.info()
        password = info["accounts"]["operator"]["password"]
        done = self.cluster.run(*self.login(info, password), "--timeout", "10s", "status")
        self.assertEqual(UNREACHABLE, done.code, done)
        self.assertIn("certificate", done.err)

    def test_no_answer_in_time(self):
        self.assertExit(UNREACHABLE, "--timeout", "1ms", "status")
        standby = self.cluster.standby()
        self.cluster.send_signal(standby, signal.SIGSTOP)
        try:
            error = self.assertExit(UNREACHABLE, "--timeout", "500ms", "--at", standby,
                                    "node-info")
            self.assertEqual("timeout", error["code"])
        finally:
            self.cluster.send_signal(standby, signal.SIGCONT)
        self.cluster.all_back()

    def test_nobody_there(self):
        info = self.cluster.info()
        password = info["accounts"]["operator"]["password"]
        # A port on which nobody listens: bound, so that nobody else takes it.
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            done = self.cluster.run(*self.login(info, password, bound.getsockname()[1]),
                                    "--timeout", "1s", "-o", "json", "status")
        self.assertEqual(UNREACHABLE, done.code, done)
        self.assertIn(done.json["error"]["code"], CODES_OF_ERRORS[UNREACHABLE])

    def test_refused_as_unsafe(self):
        epoch = self.cluster.status()["epoch"]
        error = self.assertExit(REFUSED, "failover", "ledger", "--expect-epoch", str(epoch + 5))
        self.assertIn("epoch", error["text"])
        self.assertEqual(epoch, self.cluster.status()["epoch"])

    # --- the folder -------------------------------------------------------------------------

    def test_cluster_json(self):
        self.assertEqual(0o600, self.cluster.file.stat().st_mode & 0o777)
        info = self.cluster.info()
        self.assertEqual((1, "cluster.localhost", "muster.cluster.localhost", "%ds" % LEASE_TTL_S),
                         (info["format"], info["domain"], info["coordinator"], info["lease_ttl"]))
        self.assertEqual("127.0.0.1", info["c2s"]["host"])
        self.assertGreater(info["c2s"]["port"], 1023)
        self.assertEqual([{"name": "ledger", "jid": "ledger@muster.cluster.localhost"}],
                         info["groups"])
        self.assertEqual({"operator", "observer", "admin", "stranger"}, set(info["accounts"]))
        for name, account in info["accounts"].items():
            self.assertEqual(name + "@cluster.localhost", account["jid"])
            self.assertGreaterEqual(len(account["password"]), 32)
        self.assertEqual(4, len({each["password"] for each in info["accounts"].values()}))
        self.assertIn("BEGIN CERTIFICATE", Path(info["ca_file"]).read_text())
        self.assertEqual({node["name"]: node["jid"] for node in self.cluster.nodes()},
                         {node["name"]: node["jid"] for node in info["nodes"]})
        for name in ("server", "coordinator", "node1", "node2", "node3"):
            self.assertGreater(self.cluster.pid(name), 1)

    def test_secrets_are_nobody_elses_to_read(self):
        open_to_others = []
        for path in self.cluster.dir.rglob("*"):
            if path.is_file() and path.stat().st_mode & 0o077:
                if any(mark in path.name for mark in ("password", "secret", "key", "toml")) \
                        or path.parent.name == "accounts":
                    open_to_others.append(str(path))
        self.assertEqual([], open_to_others)
        # No password stands on a command line.
        secrets = [each["password"] for each in self.cluster.info()["accounts"].values()]
        for _, command in self.cluster.left_running():
            for secret in secrets:
                self.assertNotIn(secret, command)

    def test_a_second_up_beside_it_changes_nothing(self):
        before = self.cluster.info()
        self.assertIn("is up again", self.cluster.up())
        self.assertEqual(before, self.cluster.info())
        done = self.cluster.run("up", "--dir", str(self.cluster.dir), "--nodes", "5", "--detach")
        self.assertEqual(USAGE, done.code, done)
        self.assertIn("--nodes 3", done.err)

    def test_a_folder_of_somebody_elses_is_left_alone(self):
        other = Cluster()
        try:
            (other.dir / "journal").mkdir()
            done = self.cluster.run("up", "--dir", str(other.dir), "--detach")
            self.assertEqual(USAGE, done.code, done)
            self.assertEqual(["journal"], [path.name for path in other.dir.iterdir()
                                           if path.name != "lock"])
        finally:
            other.remove()
