"""Metrics of the coordinator and of a node, and what Prometheus' own promtool says of them."""

import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

from cluster_fixture import BIN, ClusterTest, DEADLINE_S, wait_for

ROOT = Path(__file__).resolve().parents[2]
PROMTOOL = shutil.which("promtool")
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def free_ports(count):
    """Loopback ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Scrape:
    """What one scrape brought."""

    def __init__(self, port):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=10) as answer:
            self.text = answer.read().decode()
        self.samples = {}
        self.names = set()
        for line in self.text.splitlines():
            if line.startswith("#") or not line:
                continue
            name, labels, value = SAMPLE.match(line).groups()
            key = (name, frozenset(LABEL.findall(labels or "")))
            if key in self.samples:
                raise AssertionError("twice: " + line)
            self.samples[key] = float(value)
            self.names.add(name)

    def get(self, name, **labels):
        """The value of that very series; None if there is none."""
        return self.samples.get((name, frozenset(labels.items())))

    def state(self, name, label="state", **labels):
        """Which of the states is the present one."""
        present = [dict(key[1])[label] for key, value in self.samples.items()
                   if key[0] == name and value == 1 and labels.items() <= dict(key[1]).items()]
        return present[0] if len(present) == 1 else present


def promtool(*words, text=None):
    done = subprocess.run([PROMTOOL, *words], input=text, capture_output=True, text=True,
                          timeout=60)
    return done.returncode, done.stdout + done.stderr


class Metrics(ClusterTest):
    """One cluster, in which the coordinator and every node may be scraped."""

    def setUp(self):
        super().setUp()
        self.own_cluster(2)
        self.ports = dict(zip(["coordinator", "node1", "node2"], free_ports(3)))
        self.children = []
        self.addCleanup(self.end_children)
        for name in self.ports:
            self.restart_with_metrics(name)
        self.cluster.active()

    def configuration(self, name):
        folder = self.cluster.dir
        return (folder / "coordinator" / "coordinator.toml" if name == "coordinator"
                else folder / "nodes" / name / "node.toml")

    def program(self, name):
        return str(BIN / ("muster-coordinator" if name == "coordinator" else "ledger"))

    def write_configuration(self, name, lines):
        """A copy of what `muster up` has written, with more at its end."""
        written = self.configuration(name)
        mine = written.with_name("metrics.toml")
        mine.write_text(written.read_text() + lines)
        return mine

    def restart_with_metrics(self, name):
        table = "metrics" if name == "coordinator" else "node.metrics"
        file = self.write_configuration(
            name, '\n[%s]\nlisten = "127.0.0.1:%d"\n' % (table, self.ports[name]))
        self.cluster.end(name, signal.SIGTERM)
        with open(self.cluster.log_file(name), "ab") as log:
            self.children.append(subprocess.Popen([self.program(name), "--config", str(file)],
                                                  stdout=log, stderr=log,
                                                  stdin=subprocess.DEVNULL))

    def end_children(self):
        # Nodes first, so that they can hand over.
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def scrape(self, name):
        def look():
            try:
                return Scrape(self.ports[name])
            except OSError:
                return None
        return wait_for(look, "%s answers" % name)

    def tell_ledger(self, node, line):
        port = int((self.cluster.dir / "nodes" / node / "ledger.port").read_text())
        with socket.create_connection(("127.0.0.1", port), 10) as ledger:
            ledger.sendall((line + "\n").encode())
            return ledger.makefile().readline().rstrip("\n")

    def test_figures_alarms_and_dashboard(self):
        """Steps that build upon each other, on one cluster."""
        self.check_levels()
        self.check_drops()
        self.check_commands()
        self.check_failover()
        self.check_promtool()
        self.check_dashboard()
        self.check_addresses()

    def check_levels(self):
        active = self.cluster.active()["active"]
        for i in range(10):
            self.assertTrue(self.tell_ledger(active, "append entry %d" % i).startswith("ok"), i)

        def same():
            """What is scraped is what service-level says at the same time."""
            said = self.cluster.ask("service-level", "ledger")["services"]
            scraped = self.scrape("coordinator")
            for row in said:
                service = row["service"]
                of = {"group": "ledger", "service": service["name"]}
                percent = service["level"].get("percent")
                level = scraped.get("muster_service_level_ratio", **of)
                if percent is None or level is None or abs(percent - 100 * level) > 1e-6:
                    return None
                if service["level"]["state"] != scraped.state("muster_service_state", **of):
                    return None
            return {row["service"]["name"]: row["service"] for row in said}, scraped
        said, scraped = wait_for(same, "metrics and service-level agree", 2 * DEADLINE_S)
        self.assertEqual({"user", "storage"}, set(said))
        user = {"group": "ledger", "service": "user"}
        self.assertAlmostEqual(0.999, scraped.get("muster_service_objective_ratio", **user))
        self.assertEqual(600, scraped.get("muster_service_window_seconds", **user))
        self.assertEqual(said["user"]["period_ms"] / 1000,
                         scraped.get("muster_service_error_budget_period_seconds", **user))
        for burn in said["user"]["burns"]:
            self.assertEqual(burn["rule"]["factor"], scraped.get(
                "muster_service_burn_rate_threshold",
                severity=burn["rule"]["severity"], **user,
                long_window=label_of(burn["rule"]["long_window_ms"]),
                short_window=label_of(burn["rule"]["short_window_ms"])))

        node = self.scrape(active)
        self.assertEqual("active", node.state("muster_node_role", "role"))
        self.assertEqual(1, node.get("muster_node_service_level_ratio", service="user"))
        self.assertEqual(10, node.get("muster_node_service_requests_total", service="user",
                                      outcome="good"))
        self.assertGreater(node.get("muster_node_lease_remaining_seconds"), 0)

    def check_drops(self):
        active = self.cluster.active()["active"]
        self.tell_ledger(active, "fault drop 5")
        for i in range(5):
            self.tell_ledger(active, "append lost %d" % i)

        def dropped():
            scraped = self.scrape(active)
            return scraped if scraped.get("muster_node_service_requests_total", service="user",
                                          outcome="bad") == 5 else None
        node = wait_for(dropped, "the node has counted the drops")
        self.assertAlmostEqual(10 / 15, node.get("muster_node_service_level_ratio",
                                                 service="user"))
        user = {"group": "ledger", "service": "user"}

        def told():
            scraped = self.scrape("coordinator")
            return scraped if scraped.state("muster_service_state", **user) == "breached" else None
        scraped = wait_for(told, "the coordinator has the breach", 2 * DEADLINE_S)
        self.assertEqual(5, scraped.get("muster_service_window_requests", window="10m",
                                        outcome="bad", **user))
        # A third of all, and a thousandth is allowed.
        self.assertGreater(scraped.get("muster_service_burn_rate", window="1h", **user), 0)
        self.assertEqual("breached", scraped.state("muster_group_state", group="ledger"))

    def check_commands(self):
        before = self.scrape("coordinator").get("muster_commands_total", verb="nodes",
                                                outcome="ok") or 0
        self.cluster.ask("nodes")
        denied = self.cluster.cli("--as", "observer", "drain", "node1")
        self.assertEqual(3, denied.code, denied)

        def counted():
            scraped = self.scrape("coordinator")
            return scraped if scraped.get("muster_commands_total", verb="nodes",
                                          outcome="ok") == before + 1 else None
        scraped = wait_for(counted, "the command was counted")
        self.assertGreaterEqual(scraped.get("muster_commands_total", verb="drain",
                                            outcome="forbidden"), 1)
        self.assertGreaterEqual(
            scraped.get("muster_command_duration_seconds_count", verb="nodes"), 1)

    def check_failover(self):
        before = self.cluster.active()
        target = self.cluster.standby()
        self.cluster.ask("failover", "ledger", "--to", target, "--wait")

        def moved():
            scraped = self.scrape("coordinator")
            return scraped.get("muster_member_active", node=target, group="ledger") == 1 and scraped
        scraped = wait_for(moved, "the metrics have the move")
        self.assertEqual(before["epoch"] + 1, scraped.get("muster_group_epoch", group="ledger"))
        self.assertEqual("active", scraped.state("muster_group_phase", "phase", group="ledger"))
        self.assertEqual(0, scraped.get("muster_member_active", node=before["active"],
                                        group="ledger"))
        wait_for(lambda: self.scrape(before["active"]).state("muster_node_role", "role")
                 == "standby", "the old one is a standby")
        node = self.scrape(target)
        self.assertEqual("active", node.state("muster_node_role", "role"))
        self.assertEqual(before["epoch"] + 1, node.get("muster_node_held_epoch"))
        self.assertEqual(1, node.get("muster_node_info", node=target, group="ledger",
                                     version="ledger 1.0"))

    def check_promtool(self):
        self.assertIsNotNone(PROMTOOL, "scripts/install-packages --test installs promtool")
        for name in self.ports:
            # The HTTP server's own are not ours to name.
            code, said = promtool("check", "metrics", text=self.ours(self.scrape(name).text))
            self.assertEqual((0, ""), (code, said.strip()), name)
        rules = self.cluster.cli("alert-rules")
        self.assertEqual(0, rules.code, rules)
        file = self.cluster.dir / "rules.yml"
        file.write_text(rules.out)
        code, said = promtool("check", "rules", str(file))
        self.assertEqual(0, code, said + rules.out)
        # Four burn rates of each of two services and two rules besides, a group's, and three.
        self.assertIn("SUCCESS: 16 rules found", said)
        self.assertNotIn("WARNING", said)
        # JSON is YAML.
        file.write_text(json.dumps(self.cluster.ask("alert-rules")))
        self.assertEqual(0, promtool("check", "rules", str(file))[0])
        self.check_exposed(rules.out)
        # Not by name alone: a window that nobody exposes would never fire.
        scraped = self.scrape("coordinator")
        selectors = re.findall(r"(muster_\w+)\{([^}]*)\}", rules.out.replace('\\"', '"'))
        self.assertGreater(len(selectors), 20)
        for name, labels in selectors:
            labels = dict(LABEL.findall(labels))
            self.assertIsNotNone(scraped.get(name, **labels), (name, labels))

    @staticmethod
    def ours(text):
        kept = []
        for line in text.splitlines(keepends=True):
            name = line.split()[2] if line.startswith("#") else line
            if not name.startswith("exposer_"):
                kept.append(line)
        return "".join(kept)

    def check_exposed(self, text):
        """Whatever it names is in one of the scrapes."""
        exposed = self.scrape("coordinator").names | self.scrape("node1").names
        # These nodes have no log rules.
        exposed |= {"muster_log_rule_records_dropped_total"}
        named = set(re.findall(r"\bmuster_[a-z0-9_]+", text))
        self.assertTrue(named)
        self.assertEqual(set(), named - exposed)

    def check_dashboard(self):
        text = (ROOT / "docs" / "grafana-dashboard.json").read_text()
        dashboard = json.loads(text)
        self.assertEqual(len(dashboard["panels"]),
                         len({panel["id"] for panel in dashboard["panels"]}))
        self.check_exposed(text)
        # And each expression is one.
        rules = [{"record": "check:%d" % i, "expr": re.sub(r'"\$\w+"', '".*"', target["expr"])}
                 for i, target in enumerate(
                     target for panel in dashboard["panels"]
                     for target in panel.get("targets", []))]
        self.assertGreater(len(rules), 15)
        file = self.cluster.dir / "dashboard-rules.yml"
        file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        code, said = promtool("check", "rules", str(file))
        self.assertEqual(0, code, said)

    def check_addresses(self):
        for name, table in (("coordinator", "metrics"), ("node1", "node.metrics")):
            def check(lines):
                file = self.write_configuration(name, "\n[%s]\n%s\n" % (table, lines))
                return subprocess.run([self.program(name), "--config", str(file),
                                       "--check-config"],
                                      capture_output=True, text=True, timeout=60)
            refused = check('listen = "0.0.0.0:9464"')
            self.assertEqual(2, refused.returncode, refused)
            self.assertIn(table + ".listen: '0.0.0.0:9464' is not a loopback address",
                          refused.stderr)
            self.assertEqual(0, check('listen = "0.0.0.0:9464"\nallow_remote = true').returncode)
            self.assertIn("did you mean 'listen'?", check('lissen = "127.0.0.1:1"').stderr)


def label_of(milliseconds):
    """As the label `window` has it; of whole days, hours or minutes."""
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if int(milliseconds) % length == 0:
            return "%d%s" % (int(milliseconds) // length, unit)
    raise AssertionError(milliseconds)
