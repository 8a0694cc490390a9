"""`muster watch` on a terminal."""

import os
import re
import signal
import unittest

from cluster_fixture import MUSTER, ClusterTest, SharedClusterTest
from pty_session import PtySession

LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"
SHOWS_CURSOR = b"\x1b[?25h"


class Watching:
    def watch(self, rows=24, columns=80, **environment):
        session = PtySession([MUSTER, "--cluster", str(self.cluster.dir), "watch"], rows, columns,
                             **environment)
        self.addCleanup(session.close)
        return session

    def assertClean(self, session, code=0):
        self.assertEqual(code, session.wait(), session.text)
        self.assertIn(LEAVES_ALTERNATE_SCREEN, session.raw)
        self.assertGreater(session.raw.rfind(SHOWS_CURSOR), session.raw.rfind(b"\x1b[?25l"))


class Watch(Watching, SharedClusterTest):
    def test_groups_nodes_and_the_way_out(self):
        session = self.watch()
        active = self.cluster.active()["active"]
        session.shows_all("node1", "node2", "node3", r"ledger +%s" % active,
                          r"%s +ledger +active" % active, "^q quit")
        session.type("q")
        self.assertClean(session)

    def test_a_move_is_seen(self):
        session = self.watch()
        session.shows("node3")
        target = self.cluster.standby()
        self.cluster.ask("failover", "ledger", "--to", target, "--wait")
        session.shows_all(r"ledger +%s" % target, r"%s +ledger +active" % target,
                          r"(?s)Last events.*active")
        session.type("q")
        self.assertClean(session)

    def test_a_node_is_opened_and_closed(self):
        session = self.watch(rows=50)
        session.shows("node2")
        session.type("j\r")
        session.shows_all("Node node2", "About this node", "storage.journal", "Service levels",
                          re.escape(self.cluster.node_jid("node2")))
        session.type("\x1b")
        session.shows("Last events")
        session.type("?")
        session.shows("turn their order round")
        session.type("?")
        session.shows("Last events")
        session.type("q")
        self.assertClean(session)

    def test_sorting(self):
        session = self.watch()
        session.shows("s sort: name")
        session.type("s")
        session.shows("s sort: group")
        session.type("ss")
        session.shows("s sort: level")
        session.type("S")
        session.shows("(turned)")
        session.type("q")
        self.assertClean(session)

    def test_a_phone_and_a_resize(self):
        session = self.watch(rows=20, columns=40)
        session.shows_all("node1", "node2", "node3", r"node\d +(ledger +)?active")
        session.resize(30, 120)
        session.until(lambda t: "In words" in t and t.split("\n")[-1].startswith("q quit"),
                      "the wide page")
        session.resize(6, 30)
        session.until(lambda t: "q quit" in t.split("\n")[-1], "the small page")
        session.type("q")
        self.assertClean(session)

    def test_signals_leave_the_terminal_clean(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                session = self.watch()
                session.shows("node1")
                session.signal(number)
                self.assertClean(session)

    def test_colours(self):
        colour = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")
        session = self.watch()
        session.shows_all("node3", r"node\d +ledger +active")
        session.type("q")
        self.assertClean(session)
        self.assertRegex(session.raw, colour)
        for environment in ({"NO_COLOR": "1"}, {"TERM": "vt100"}):
            with self.subTest(environment=environment):
                session = self.watch(**environment)
                session.shows("node3")
                session.type("q")
                self.assertEqual(0, session.wait())
                self.assertNotRegex(session.raw, colour)

    def test_a_terminal_without_utf8(self):
        session = self.watch(LC_ALL="C", LANG="C")
        session.shows("node3")
        session.type("q")
        self.assertClean(session)
        self.assertEqual([], [byte for byte in session.raw if byte >= 0x80])

    def test_terminals_that_can_not_do_it(self):
        for term in ("dumb", "", "no-such-terminal"):
            with self.subTest(term=term):
                session = self.watch(TERM=term)
                self.assertEqual(2, session.wait())
                self.assertIn("muster status", session.text.replace("\n", ""))
        done = self.cluster.cli("watch")
        self.assertEqual(2, done.code, done)
        self.assertIn("terminal", done.err)

    def test_a_stranger_is_told(self):
        done = PtySession([MUSTER, "--cluster", str(self.cluster.dir), "--as", "stranger",
                           "watch"])
        self.addCleanup(done.close)
        self.assertEqual(3, done.wait())
        self.assertIn("no answer for", done.text)
        self.assertNotIn(LEAVES_ALTERNATE_SCREEN, done.raw)


class LostConnection(Watching, ClusterTest):
    def test_it_is_shown_and_made_again(self):
        self.own_cluster(nodes=1)
        session = self.watch()
        session.shows("node1")
        server = self.cluster.pid("server")
        os.kill(server, signal.SIGKILL)
        text = session.shows("NOT CONNECTED")
        self.assertIn("node1", text, "what was known stays")
        self.cluster.up()
        session.until(lambda t: "NOT CONNECTED" not in t and re.search(r"node1 +ledger +active", t),
                      "connected again", 60)
        session.type("q")
        self.assertClean(session)


if __name__ == "__main__":
    unittest.main()
