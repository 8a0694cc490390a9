"""Log levels of many nodes, set at the coordinator: who is there gets them, who comes later too."""

import datetime
import signal
import time

from cluster_fixture import DEADLINE_S, SharedClusterTest, wait_for
from foreign_client import ForeignClient

# A busy machine's share beside the two seconds that the silent are waited for.
SLACK_S = 10


def seconds(text):
    """Of an RFC 3339 time, since 1970."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class ClusterLogLevel(SharedClusterTest):
    def tearDown(self):
        for node in self.cluster.info()["nodes"]:
            self.cluster.send_signal(node["name"], signal.SIGCONT)
        self.cluster.all_back()
        self.cluster.ask("log-level", "all", "storage", "reset")
        wait_for(lambda: not self.overrides(), "nothing is in force any more")

    def overrides(self):
        return self.cluster.query("SELECT * FROM overrides")

    def state(self, node, logger="storage"):
        """The logger at the node itself; None while the node or the logger isn't there."""
        done = self.cluster.cli("--at", node, "log-level", "-o", "json", "--timeout", "5s")
        if done.code != 0:
            return None
        return next((each for each in done.json["loggers"] if each["name"] == logger), None)

    def level(self, node):
        state = self.state(node)
        return state and state["effective"]

    def set(self, *words):
        """{node: (outcome, text)}"""
        reply = self.cluster.ask("log-level", *words)
        return {each["node"]: (each["outcome"], each["text"]) for each in reply["results"]}

    def restart(self, node):
        self.cluster.end(node)
        self.cluster.up()

    def test_every_node_has_a_result(self):
        results = self.set("all", "storage", "debug", "--for", "10m")
        self.assertEqual({"node1": ("ok", ""), "node2": ("ok", ""), "node3": ("ok", "")}, results)
        for node in results:
            state = self.state(node)
            self.assertEqual(("debug", "operator@cluster.localhost"),
                             (state["effective"], state["by"]))
            self.assertAlmostEqual(time.time() + 600, seconds(state["until"]), delta=60)
        listed = self.cluster.ask("log-level", "all")["loggers"]
        self.assertEqual({"node1", "node2", "node3"}, {each["node"] for each in listed})
        self.assertEqual(["debug"] * 3, [each["logger"]["effective"] for each in listed
                                         if each["logger"]["name"] == "storage"])
        # The trail at the node names the person, not the coordinator.
        trail = self.cluster.ask("--at", "node1", "audit", "--verb", "log-level")["records"]
        self.assertIn(("operator@cluster.localhost", "coordinator"),
                      {(each["who"], each["face"]) for each in trail})

    def test_a_dead_node_delays_nobody(self):
        dead = self.cluster.standby()
        self.cluster.send_signal(dead, signal.SIGSTOP)
        begin = time.monotonic()
        results = self.set("ledger", "storage", "debug", "--for", "10m")
        took = time.monotonic() - begin
        self.assertLess(took, 2 + SLACK_S)
        alive = [node for node in results if node != dead]
        self.assertEqual(2, len(alive))
        self.assertEqual({"ok"}, {results[node][0] for node in alive})
        self.assertEqual("timeout", results[dead][0])
        self.assertIn("gets the setting when it is back", results[dead][1])
        self.cluster.send_signal(dead, signal.SIGCONT)
        wait_for(lambda: self.level(dead) == "debug", "the node has it too", 2 * DEADLINE_S)

    def test_a_restarted_node_gets_it_with_the_time_that_is_left(self):
        node = self.cluster.standby()
        self.set(node, "storage", "debug", "--for", "10m")
        until = seconds(self.state(node)["until"])
        time.sleep(1.5)
        self.restart(node)
        wait_for(lambda: self.level(node) == "debug", "the new process has it")
        self.assertAlmostEqual(until, seconds(self.state(node)["until"]), delta=1.1)

    def test_an_absent_node_gets_it_when_it_comes_even_from_a_new_coordinator(self):
        node = self.cluster.standby()
        self.cluster.end(node)
        wait_for(lambda: not self.cluster.node(node)["present"], "it is seen to be gone")
        results = self.set("all", "storage", "debug", "--for", "10m")
        self.assertEqual("unavailable", results[node][0])
        self.assertIn("gets the setting when it comes", results[node][1])
        [row] = self.overrides()
        self.cluster.end("coordinator")
        self.cluster.up()
        wait_for(lambda: self.level(node) == "debug", "it has it")
        self.assertAlmostEqual(row["until_ms"] / 1000, seconds(self.state(node)["until"]),
                               delta=1.1)

    def test_reset_ends_it_at_the_coordinator_too(self):
        node = self.cluster.standby()
        self.set("all", "storage", "debug", "--for", "forever")
        self.assertEqual("", self.state(node)["until"])
        self.assertEqual({"ok"}, {each[0] for each in self.set("all", "storage", "reset").values()})
        self.assertEqual("info", self.level(node))
        wait_for(lambda: not self.overrides(), "it is forgotten")
        self.restart(node)
        self.cluster.all_back()
        self.assertEqual("info", self.level(node))

    def test_it_ends_by_itself(self):
        self.set("node1", "storage", "debug", "--for", "2s")
        wait_for(lambda: self.level("node1") == "info", "the level is back")
        wait_for(lambda: not self.overrides(), "it is forgotten")

    def test_what_is_mistyped_is_refused_and_not_kept(self):
        done = self.cluster.cli("log-level", "all", "storge", "debug")
        self.assertEqual(2, done.code, done)
        self.assertIn("did you mean 'storage'?", done.err)
        self.assertEqual([], self.overrides())
        done = self.cluster.cli("log-level", "node7", "storage", "debug")
        self.assertNotEqual(0, done.code)
        self.assertIn("did you mean 'node", done.err)
        done = self.cluster.cli("log-level", "all", "storage", "debug", "--for", "0s")
        self.assertEqual(2, done.code, done)
        self.assertIn("or forever", done.err)

    async def test_at_the_groups_contact_the_group_is_said(self):
        async with ForeignClient(self.cluster.info(), "operator") as client:
            answer = await client.chat(self.cluster.group, "log-level storage debug for=10m")
            self.assertIn("Logger storage is at debug on 3 of 3 nodes", answer)
        self.assertEqual("debug", self.level("node2"))


class ClusterServiceLevel(SharedClusterTest):
    def test_of_all_of_a_group_and_of_a_node(self):
        load = self.cluster.start_load()
        active = self.cluster.active()["active"]
        wait_for(lambda: self.cluster.written_under(1) > 20, "entries are written")
        wait_for(lambda: self.cluster.ask("service-level", active)["level"]["percent"],
                 "the node has told of it")
        for target, of in (("all", "ledger"), ("ledger", "ledger"), (active, active)):
            reply = self.cluster.ask("service-level", target)
            self.assertEqual({of}, {each["of"] for each in reply["services"]}, target)
            self.assertTrue(all(each["service"]["objective_percent"] > 0
                                and each["service"]["window_ms"] > 0
                                for each in reply["services"]))
        name = reply["services"][0]["service"]["name"]
        one = self.cluster.ask("service-level", "ledger", name)
        self.assertEqual([name], [each["service"]["name"] for each in one["services"]])
        self.assertEqual(self.cluster.ask("service-level")["level"]["text"].split(":")[0],
                         "Overall service level")
        done = self.cluster.cli("service-level", "ledger", "nothing")
        self.assertEqual(2, done.code, done)
        self.assertIn("there is no service 'nothing'", done.err)
        load.end()
