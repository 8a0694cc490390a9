"""Log lines as a file behind a link: from the coordinator and from a node, and where there is none."""

import json
import re
import unittest
import urllib.request

from cluster_fixture import SharedClusterTest, wait_for
from foreign_client import ForeignClient
from own_server import OwnServer

LINK = re.compile(r"http://127\.0\.0\.1:\d+/\S+\.txt")


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.headers, answer.read().decode()


class LogFile(SharedClusterTest):
    def on_own_server(self, change):
        """Another configuration until the test ends; everybody is connected again by then."""
        server = OwnServer(self.cluster, change)
        self.addCleanup(self.cluster.all_back)
        self.addCleanup(self.cluster.up)
        self.addCleanup(server.end)
        self.cluster.all_back()

    def test_1_the_file_has_the_lines_that_are_shown(self):
        def all_three():
            found = self.cluster.cli("logs", "all", "logged in", "--all")
            return found if found.out.count("\n") == 3 else None
        shown = wait_for(all_three, "what the nodes wrote at their start is kept")
        done = self.cluster.cli("logs", "all", "logged in", "--file")
        self.assertRegex(done.out, LINK, done)
        headers, text = fetch(done.out.strip())
        self.assertEqual("text/plain", headers.get_content_type())
        self.assertEqual(shown.out, text)
        self.assertIn("%d lines" % text.count("\n"), done.err)
        self.assertRegex(done.out, r"/all-logs-\d{8}T\d{6}Z\.txt\n\Z")

    def test_2_of_one_node_the_oldest_first(self):
        shown = self.cluster.cli("logs", "node1", "--all", "--oldest", "--until", "1s")
        done = self.cluster.cli("logs", "node1", "--file", "--oldest", "-o", "json")
        self.assertEqual(0, done.code, done)
        answer = json.loads(done.out)
        _, text = fetch(answer["url"])
        self.assertTrue(text.startswith(shown.out), (shown.out, text))
        self.assertEqual(text.count("\n") - text.count("\n\t"), answer["lines"])

    async def test_3_by_chat_at_coordinator_group_and_node(self):
        async with ForeignClient(self.cluster.info(), "operator", "phone") as operator:
            for to, words in ((self.cluster.coordinator, "logs all listens file=yes"),
                              (self.cluster.group, "logs listens file=yes"),
                              (self.cluster.node_jid("node2"), "logs listens file=yes")):
                said = await operator.chat(to, words)
                self.assertRegex(said, r"File: +http", to)
                self.assertNotIn("(none)", said)
                text = fetch(LINK.search(said).group())[1]
                self.assertIn(" node2 info ", text)
                self.assertIn(": node2 listens on 127.0.0.1:", text)

    def test_4_nothing_found_is_no_file(self):
        done = self.cluster.cli("logs", "all", "nothingofthekind", "--file")
        self.assertEqual((0, ""), (done.code, done.out))
        self.assertIn("no line matches", done.err)
        followed = self.cluster.cli("logs", "all", "--file", "--follow")
        self.assertEqual(2, followed.code, followed)

    def test_5_a_file_that_is_too_large_is_refused(self):
        self.on_own_server(lambda text: text + "\n  http_file_share_size_limit = 20\n")
        for where in ((), ("--at", "node1")):
            words = ("listens",) if where else ("all", "listens")
            done = self.cluster.cli(*where, "logs", *words, "--file")
            self.assertNotEqual(0, done.code, done)
            self.assertIn("which upload.cluster.localhost does not take; at most 20", done.err)

    def test_6_a_server_without_uploads_is_named(self):
        def without(text):
            head, found, _ = text.partition('\nComponent "upload.cluster.localhost"')
            return head if found else text
        self.on_own_server(without)
        for where in ((), ("--at", "node1")):
            words = ("listens",) if where else ("all", "listens")
            done = self.cluster.cli(*where, "logs", *words, "--file")
            self.assertEqual(4, done.code, done)
            self.assertIn("offers no upload of files (XEP-0363)", done.err)


if __name__ == "__main__":
    unittest.main()
