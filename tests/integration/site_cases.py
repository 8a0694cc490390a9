"""The main path on a site's own server; the modules name the kind of server."""

import asyncio
import json
import signal
import ssl
import urllib.request

import slixmpp

from cluster_fixture import wait_for
from site_server import (COORDINATOR, COORDINATOR_ACCOUNT, OBSERVER, OPERATOR, PASSWORD, Site)

GROUP = "storage@" + COORDINATOR
PATIENCE_S = 30


class Person(slixmpp.ClientXMPP):
    """Somebody with an ordinary client."""

    def __init__(self, site, jid=OPERATOR):
        super().__init__(jid + "/phone", PASSWORD)
        self.site = site
        self.ca_certs = str(site.server.ca_file)
        self.messages = asyncio.Queue()
        self.shown = {}
        self.register_plugin("xep_0050")
        self.register_plugin("xep_0030")
        self.add_event_handler("message", self._on_message)
        self.add_event_handler("presence", self._on_presence)

    def _on_message(self, message):
        if message["type"] != "groupchat":
            self.messages.put_nowait(message)

    def _on_presence(self, presence):
        self.shown[presence["from"].bare] = presence

    async def __aenter__(self):
        begun = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", lambda _: begun.set_result(None))
        self.connect(address=("127.0.0.1", self.site.server.port), disable_starttls=False)
        await asyncio.wait_for(begun, PATIENCE_S)
        self.send_presence()
        return self

    async def __aexit__(self, *_):
        await self.disconnect(wait=2)

    async def chat(self, to, line):
        self.send_message(mto=to, mbody=line, mtype="chat")
        return (await asyncio.wait_for(self.messages.get(), PATIENCE_S))["body"]

    async def sees(self, contact, condition, what):
        async def look():
            while not (contact in self.shown and condition(self.shown[contact])):
                await asyncio.sleep(0.05)
        try:
            await asyncio.wait_for(look(), PATIENCE_S)
        except asyncio.TimeoutError:
            raise AssertionError("%s of %s not seen; last: %s"
                                 % (what, contact, self.shown.get(contact))) from None


class SiteCases:
    """Mixed into a TestCase with `kind`."""

    kind = None

    @classmethod
    def setUpClass(cls):
        cls.site = Site(cls.kind)
        cls.addClassCleanup(cls.site.remove)
        try:
            cls.site.start()
        except BaseException as error:
            raise AssertionError("%s\n%s" % (error, cls.site.logs())) from error

    def setUp(self):
        self.site.all_there()

    async def test_1_presence_chat_and_forms(self):
        async with Person(self.site) as olga:
            olga.send_presence_subscription(pto=GROUP)
            olga.send_presence_subscription(pto=COORDINATOR_ACCOUNT)
            await olga.sees(GROUP, lambda p: p["type"] != "unsubscribed" and p["status"], "the level")
            await olga.sees(COORDINATOR_ACCOUNT, lambda p: p["status"], "the overall level")
            self.assertIn("storage", await olga.chat(GROUP, "status"))
            self.assertIn("code", await olga.chat(GROUP, "failover"))
            items = await olga["xep_0030"].get_items(jid=GROUP, node="http://jabber.org/protocol/commands")
            self.assertIn("status", {item[1] for item in items["disco_items"]["items"]})
            done = await olga["xep_0050"].send_command(GROUP, "status", timeout=PATIENCE_S)
            self.assertEqual(done["command"]["status"], "completed")
            self.assertIsNotNone(done["command"].xml.find("{jabber:x:data}x"))

    async def test_2_who_has_no_right_gets_none(self):
        refused = self.site.cli("failover", "storage", jid=OBSERVER)
        self.assertEqual(refused.code, 3, refused)

    async def test_3_failover(self):
        before = self.site.active()
        moved = self.site.cli("failover", "storage", "--wait")
        self.assertEqual(moved.code, 0, moved)
        after = self.site.active()
        self.assertNotEqual(after["active"], before["active"])
        self.assertGreater(after["epoch"], before["epoch"])

    async def test_3_log_lines_as_a_file(self):
        # By the coordinator's account, and by a node's, whose host is another.
        for words in (("logs", "all", "logged in", "--file"),
                      ("--at", "node1", "logs", "logged in", "--file")):
            done = self.site.cli(*words)
            self.assertEqual(done.code, 0, done)
            trusted = ssl.create_default_context(cafile=self.site.server.ca_file)
            url = json.loads(done.out)["url"]
            with urllib.request.urlopen(url, timeout=PATIENCE_S, context=trusted) as answer:
                text = answer.read().decode()
            self.assertIn(" node1 info muster.node: logged in as node1@", text)
            self.assertEqual(text.count("\n"), json.loads(done.out)["lines"])

    async def test_4_crash(self):
        before = self.site.active()
        self.site.crash(before["active"])
        after = wait_for(lambda: (lambda s: s if s["active"] != before["active"] else None)(
            self.site.active()), "another node is active", 60)
        self.assertGreater(after["epoch"], before["epoch"])
        self.site.restart_daemon(before["active"])
        self.site.all_there()

    async def test_5_the_server_is_restarted(self):
        self.site.server.stop()
        self.site.server.start()
        self.site.all_there()

    async def test_6_the_server_crashes(self):
        self.site.server.kill()
        self.site.server.start()
        self.site.all_there()

    async def test_7_the_nodes_are_back_before_the_coordinator(self):
        # Their presence bounces then: nobody is connected at the address that it is for.
        def logins():
            return [(self.site.dir / (node + ".log")).read_text().count("logged in as")
                    for node in self.site.nodes]
        before = logins()
        coordinator = self.site.processes["coordinator"]
        coordinator.send_signal(signal.SIGSTOP)
        try:
            self.site.server.stop()
            self.site.server.start()
            wait_for(lambda: all(now > then for now, then in zip(logins(), before)),
                     "the nodes have logged in", 60)
            refused = self.site.cli("status")
            self.assertEqual(refused.code, 4, refused)
            self.assertIn("the coordinator at %s is not connected" % COORDINATOR,
                          refused.json["error"]["text"])
        finally:
            coordinator.send_signal(signal.SIGCONT)
        self.site.all_there()
