"""Log lines found, counted and followed: by chat, by form and on the command line."""

import asyncio
import json
import signal
import subprocess
import unittest

from cluster_fixture import MUSTER, ClusterTest, SharedClusterTest, wait_for
from foreign_client import ForeignClient, form_of, table_of


def texts(outcome):
    return [json.loads(line)["text"] for line in outcome.out.splitlines()]


class Followed:
    """`muster logs --follow` or `muster tail`, and what it has printed."""

    def __init__(self, cluster, *words):
        self._process = subprocess.Popen(
            [MUSTER, "--cluster", str(cluster.dir), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line_with(self, what):
        for line in self._process.stdout:
            if what in line:
                return line
        raise AssertionError("it ended without %r: %s" % (what, self._process.stderr.read()))

    def end(self):
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=30)
        return self._process.returncode

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


class Logs(SharedClusterTest):
    def client(self, account="operator", resource="phone"):
        return ForeignClient(self.cluster.info(), account, resource)

    def follow(self, *words):
        followed = Followed(self.cluster, *words)
        self.addCleanup(followed.kill)
        return followed

    def found(self, *words):
        done = self.cluster.cli("logs", "-o", "json", *words)
        self.assertEqual(0, done.code, done)
        return [json.loads(line) for line in done.out.splitlines()]

    def write(self):
        """Has node2 write a line: that a log level was set."""
        self.cluster.ask("--at", "node2", "log-level", "storage", "info", "--for", "5s")

    # --- found ------------------------------------------------------------------------------

    def test_lines_of_all_nodes_are_merged_by_time(self):
        lines = self.found("all", "logged in", "--limit", "3")
        self.assertEqual({"node1", "node2", "node3"}, {line["node"] for line in lines})
        at = [line["at"] for line in lines]
        self.assertEqual(sorted(at, reverse=True), at)
        oldest = self.found("all", "logged in", "--limit", "3", "--oldest")
        self.assertEqual(sorted(at), [line["at"] for line in oldest])

    def test_words_phrases_patterns_levels_and_loggers(self):
        self.assertTrue(self.found("node1", "listens"))
        self.assertTrue(self.found("node1", "LISTENS", "on"))
        self.assertTrue(self.found("node1", "lis*"))
        self.assertEqual([], self.found("node1", "listen"))
        self.assertTrue(self.found("node1", "listens on 127"))
        self.assertEqual([], self.found("node1", "on listens"))
        self.assertTrue(self.found("node1", r"/listens on \d+\.\d+/"))
        self.assertEqual([], self.found("node1", "--level", "critical"))
        self.assertEqual([], self.found("node1", "level>=critical"))
        self.assertEqual({"muster.node"}, {line["logger"] for line
                                           in self.found("node1", "--logger", "muster.n*")})
        everything = self.found("node1", "--all")
        without = self.found("node1", "--all", "--", "-listens")
        self.assertEqual(1, len(everything) - len(without))

    def test_raw_lines_are_the_texts_alone(self):
        done = self.cluster.cli("logs", "node1", "listens", "-o", "raw")
        self.assertRegex(done.out, r"\Anode1 listens on 127\.0\.0\.1:\d+\n\Z")
        self.assertEqual(2, self.cluster.cli("status", "-o", "raw").code)

    def test_what_is_wrong_is_named(self):
        for words, what in ((("node1", "/a(/"), "missing )"),
                            (("node1", "--since", "soon"), "is no time"),
                            (("node1", "--before", "there"), "ask anew"),
                            (("nod1",), "did you mean 'node1'?")):
            done = self.cluster.cli("logs", *words)
            self.assertIn(done.code, (1, 2), done)
            self.assertIn(what, done.err)

    def test_pages_on_the_command_line_are_one_stream(self):
        all_lines = self.found("all", "--all")
        page = self.cluster.cli("logs", "all", "--limit", "2", "-o", "json")
        token = page.err.split("--before ")[1].strip()
        rest = self.found("all", "--before", token, "--all")
        first = [json.loads(line) for line in page.out.splitlines()]
        key = lambda line: (line["at"], line["node"], line["text"])
        self.assertEqual([key(line) for line in all_lines[-len(rest):]],
                         [key(line) for line in rest])
        self.assertFalse({key(line) for line in first} & {key(line) for line in rest})

    async def test_by_chat_with_more(self):
        async with self.client() as operator:
            said = await operator.chat(self.cluster.coordinator, "logs all")
            self.assertIn("Level", said)
            self.assertIn("muster.node", said)
            said = await operator.chat(self.cluster.group, 'logs "logged in" limit=1')
            self.assertEqual(1, said.count("logged in as"), said)
            self.assertIn("Older lines: before=", said)
            token = said.split("before=")[1].split(".")[0]
            older = await operator.chat(self.cluster.group, 'logs "logged in" limit=1 before=' + token)
            self.assertEqual(1, older.count("logged in as"), older)
            self.assertNotEqual(said.split("\n")[2], older.split("\n")[2])
            said = await operator.chat(self.cluster.node_jid("node1"), r"logs /listens on \d+/")
            self.assertIn("node1 listens on", said)
            said = await operator.chat(self.cluster.node_jid("node1"), "logs nothingofthekind")
            self.assertIn("There are no lines that match.", said)
            said = await operator.chat(self.cluster.node_jid("node1"), "log-store")
            self.assertIn("Records:", said)

    async def test_by_form_as_a_table(self):
        async with self.client() as operator:
            done = await operator.command(self.cluster.node_jid("node1"), "logs",
                                          fields={"query": "listens", "limit": "5"})
            rows = table_of(form_of(done))
            self.assertEqual(1, len(rows))
            self.assertIn("node1 listens on", rows[0]["text"])
            self.assertEqual("info", rows[0]["level"])
            self.assertNotIn("match", rows[0])

    async def test_only_operators_may(self):
        async with self.client("observer") as observer:
            for line in ("logs all", "top-errors all", "tail all"):
                said = await observer.chat(self.cluster.coordinator, line)
                self.assertIn("needs the role operator", said)

    def test_top_errors_fold_numbers_and_ids(self):
        reply = self.cluster.ask("top-errors", "all", "--level", "info", "--since", "1h")
        by_text = {row["group"]["template"]: row for row in reply["groups"]}
        logged_in = by_text["logged in as <email>/node-<id>"]
        self.assertEqual("node1, node2, node3", logged_in["nodes"])
        self.assertEqual("3", str(logged_in["group"]["count"]))
        self.assertIn("█", logged_in["group"]["when"])

    # --- followed ---------------------------------------------------------------------------

    async def test_tail_sends_lines_as_they_come_and_ends(self):
        async with self.client() as operator:
            said = await operator.chat(self.cluster.coordinator, "tail node2 set for=60s")
            self.assertIn("Until: ", said)
            self.write()
            said = (await operator.next_message())["body"]
            self.assertRegex(said, r"\d\d:\d\d:\d\d\S* node2 INFO muster\.node: ")
            said = await operator.chat(self.cluster.coordinator, "untail")
            self.assertIn("Ended: 1", said)
            said = await operator.chat(self.cluster.coordinator, "untail")
            self.assertIn("nothing to end", said)

    async def test_a_tail_at_a_node_ends_by_itself(self):
        async with self.client() as operator:
            await operator.chat(self.cluster.node_jid("node2"), "tail nothingofthekind for=1s")
            said = (await operator.next_message())["body"]
            self.assertEqual("The end of following the log, after 1s: 0 lines.", said)

    async def test_followed_on_the_command_line(self):
        followed = self.follow("logs", "all", "set the log level", "--follow", "-o", "json")
        tail = self.follow("tail", "node2", "set the log level")
        loop = asyncio.get_running_loop()
        lines = [loop.run_in_executor(None, each.line_with, "set the log level")
                 for each in (followed, tail)]
        # Lines that come before it has begun don't count for `tail`.
        while not all(line.done() for line in lines):
            self.write()
            await asyncio.sleep(0.5)
        self.assertEqual("node2", json.loads(lines[0].result())["node"])
        self.assertIn("node2 info muster.node: ", lines[1].result())
        self.assertEqual(0, followed.end())
        self.assertEqual(0, tail.end())


class WhoIsGone(ClusterTest):
    def test_a_dead_node_is_named_and_delays_nobody(self):
        cluster = self.own_cluster(nodes=2)
        # What is written is found a moment later.
        wait_for(lambda: len(texts(cluster.cli("logs", "all", "listens", "-o", "json"))) == 2,
                 "both nodes' lines are kept")
        cluster.end("node2")
        wait_for(lambda: not cluster.node("node2")["present"], "node2 is seen to be gone")
        done = cluster.cli("logs", "all", "listens", "-o", "json")
        self.assertEqual(0, done.code, done)
        self.assertEqual(1, len(texts(done)))
        self.assertIn("node2: not present", done.err)

    def test_a_node_that_stands_still_is_named(self):
        cluster = self.own_cluster(nodes=2)
        wait_for(lambda: len(texts(cluster.cli("logs", "all", "listens", "-o", "json"))) == 2,
                 "both nodes' lines are kept")
        standby = cluster.standby()
        cluster.send_signal(standby, signal.SIGSTOP)
        try:
            done = cluster.cli("logs", "all", "listens", "-o", "json")
        finally:
            cluster.send_signal(standby, signal.SIGCONT)
        self.assertEqual(0, done.code, done)
        self.assertEqual(1, len(texts(done)))
        self.assertIn(standby + ": did not answer", done.err)

    def test_what_was_kept_is_there_after_a_kill(self):
        cluster = self.own_cluster(nodes=2)
        wait_for(lambda: texts(cluster.cli("logs", "node2", "listens", "-o", "json")), "kept")
        cluster.end("node2", signal.SIGKILL)
        cluster.up()
        wait_for(lambda: len(texts(cluster.cli("logs", "node2", "listens", "-o", "json"))) == 2,
                 "of either process one")


if __name__ == "__main__":
    unittest.main()
