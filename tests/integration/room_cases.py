"""The alert room on a site's own server: who may command from it, and what is posted there."""

import asyncio
import sqlite3
import time
from xml.etree import ElementTree as ET

from cluster_fixture import wait_for
from site_cases import Person
from site_server import ADMIN, COORDINATOR, OBSERVER, OPERATOR, PASSWORD, PEOPLE, Ejabberd, Prosody, Site

ROOMS = "rooms." + PEOPLE
ROOM = "ops@" + ROOMS
STRANGER = "sam@" + PEOPLE
NICKS = {ADMIN: "ada", OPERATOR: "olga", OBSERVER: "otto", STRANGER: "sam"}
PATIENCE_S = 40
# For nothing to come.
SILENCE_S = 3
MUC = "http://jabber.org/protocol/muc"
DELAY = "urn:xmpp:delay"

# A service that is down from the moment at which somebody sets a log level to debug, until it is
# set to info.
RULES = """
[[rule]]
logger = "muster.node"
level = "info"
text = 'set the log level of \\S+ to debug'
effect = "outage-begin"
service = "changes"

[[rule]]
logger = "muster.node"
level = "info"
text = 'set the log level of \\S+ to info'
effect = "outage-end"
service = "changes"

[[service]]
name = "changes"
window = "10s"
"""


class ProsodyWithRooms(Prosody):
    def _prepare(self):
        super()._prepare()
        with open(self.dir / "prosody.cfg.lua", "a", encoding="utf-8") as config:
            config.write('\nComponent "%s" "muc"\n' % ROOMS)


class EjabberdWithRooms(Ejabberd):
    def _prepare(self):
        super()._prepare()
        config = self.dir / "ejabberd.yml"
        config.write_text(config.read_text().replace(
            "  mod_ping: {}\n", '  mod_ping: {}\n  mod_muc:\n    host: "rooms.@HOST@"\n'))


class RoomSite(Site):
    def __init__(self, kind):
        super().__init__(
            lambda accounts, *others: kind({**accounts, STRANGER: PASSWORD}, *others), nodes=2)
        (self.dir / "rules.toml").write_text(RULES)

    def _coordinator_toml(self, name):
        return super()._coordinator_toml(name) + """
[alerts]
recovery = "3s"

[alerts.room]
jid = "%s"
nick = "muster"
""" % ROOM

    def _node_toml(self, node):
        return super()._node_toml(node).replace("\nstate_dir", '\nlog_rules = "rules.toml"\nstate_dir')


class Occupant(Person):
    """Somebody who enters the room on request."""

    def __init__(self, site, jid):
        super().__init__(site, jid)
        self.register_plugin("xep_0045")
        self.register_plugin("xep_0184", {"auto_request": False})
        self.register_plugin("xep_0004")
        self.nick = NICKS[jid]
        self.heard = []  # (nick, id, body) of all that was said in the room
        self.private = []  # bodies that came from its occupants to this one
        self.there = {}  # nick -> real JID, as far as it is shown
        self.add_event_handler("groupchat_message", self._on_groupchat)
        self.add_event_handler("message", self._on_private)
        self.add_event_handler("groupchat_presence", self._on_occupant)

    def _on_groupchat(self, message):
        self.heard.append((message["from"].resource, message["id"], message["body"]))

    def _on_private(self, message):
        if message["from"].bare == ROOM and message["type"] == "chat":
            self.private.append(message["body"])

    def _on_occupant(self, presence):
        if presence["from"].bare != ROOM:
            return
        nick = presence["from"].resource
        if presence["type"] == "unavailable":
            self.there.pop(nick, None)
        elif presence["type"] != "error":
            item = presence.xml.find(".//{%s#user}item" % MUC)
            self.there[nick] = None if item is None else item.get("jid")

    async def enter(self):
        self["xep_0045"].join_muc(ROOM, self.nick, maxhistory="0")
        await self.until(lambda: self.nick in self.there, "%s is in the room" % self.nick)

    async def until(self, condition, what, seconds=PATIENCE_S):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError("still not: %s\nheard: %s\nthere: %s\n%s" % (
                    what, self.heard, self.there, self.site.logs()))
            await asyncio.sleep(0.05)

    def say(self, body, delayed=False):
        message = self.make_message(mto=ROOM, mbody=body, mtype="groupchat")
        if delayed:
            message.xml.append(ET.Element("{%s}delay" % DELAY, stamp="2026-01-01T00:00:00Z"))
        message.send()

    async def hears(self, words, since=0):
        """What the coordinator said with those words."""
        def found():
            return [each for each in self.heard[since:]
                    if each[0] == "muster" and words in each[2]]
        await self.until(found, "the room hears '%s'" % words)
        return found()[0]

    async def asks(self, line, words):
        """Says it in the room; what the coordinator says to that."""
        since = len(self.heard)
        self.say("muster: " + line)
        return (await self.hears(words, since))[2]

    async def hears_nothing(self, *lines, delayed=False):
        since = len(self.heard)
        for line in lines:
            self.say(line, delayed)
        await asyncio.sleep(SILENCE_S)
        said = [each for each in self.heard[since:] if each[0] == "muster"]
        if said:
            raise AssertionError("there should be silence: %s" % said)

    async def configure(self, **fields):
        """As the room's owner."""
        muc = self["xep_0045"]
        submit = self["xep_0004"].make_form("submit")
        submit.add_field(var="FORM_TYPE", ftype="hidden", value=MUC + "#roomconfig")
        for name, value in fields.items():
            submit.add_field(var="muc#roomconfig_" + name, value=value)
        await muc.set_room_config(ROOM, submit)

    async def make_room(self):
        await self.enter()
        await self.configure(persistentroom="1", membersonly="0", whois="moderators")
        for jid in (OPERATOR, OBSERVER, STRANGER, COORDINATOR):
            await self["xep_0045"].set_affiliation(ROOM, "member", jid=jid)

    async def sees_coordinator(self):
        await self.until(lambda: "muster" in self.there, "the coordinator is in the room")


class RoomCases:
    """Mixed into a TestCase with `kind`. The tests build on each other, in their order."""

    kind = None

    @classmethod
    def setUpClass(cls):
        cls.site = RoomSite(cls.kind)
        cls.addClassCleanup(cls.site.remove)
        try:
            cls.site.start()
        except BaseException as error:
            raise AssertionError("%s\n%s" % (error, cls.site.logs())) from error

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)

    def room_log(self):
        return (self.site.dir / "coordinator.log").read_text()

    def messages_to(self, jid):
        """How many wait, and what became of the others."""
        database = sqlite3.connect("file:%s?mode=ro" % (self.site.dir / "coordinator.sqlite"),
                                   uri=True)
        try:
            return (database.execute("SELECT count(*) FROM outbox WHERE to_jid = ?",
                                     (jid,)).fetchone()[0],
                    [row[0] for row in database.execute(
                        "SELECT outcome FROM deliveries WHERE to_jid = ?", (jid,))])
        finally:
            database.close()

    async def test_1_it_waits_for_a_room_and_takes_no_commands_where_anybody_may_be(self):
        self.assertIn("there is no such room", self.room_log())
        async with Occupant(self.site, ADMIN) as ada, Occupant(self.site, OPERATOR) as olga:
            await ada.make_room()
            await ada.sees_coordinator()
            await olga.enter()
            said = await olga.asks("status", "No commands are taken in this room")
            self.assertTrue(said.startswith("olga: "), said)
            # Said once a minute; and nothing is answered in private.
            await olga.hears_nothing("muster: status", "status", "hello muster")
            olga.send_message(mto=ROOM + "/muster", mbody="status", mtype="chat")
            await asyncio.sleep(SILENCE_S)
            self.assertEqual([], olga.private)

    async def test_2_among_members_whom_everybody_sees_each_has_their_own_role(self):
        async with Occupant(self.site, ADMIN) as ada, Occupant(self.site, OPERATOR) as olga, \
                Occupant(self.site, OBSERVER) as otto, Occupant(self.site, STRANGER) as sam:
            await ada.enter()
            await ada.sees_coordinator()
            await ada.configure(membersonly="1", whois="anyone")
            for person in (olga, otto, sam):
                await person.enter()
            await asyncio.sleep(2)

            said = await olga.asks("status", "storage")
            self.assertTrue(said.startswith("olga:\n"), said)
            await otto.asks("drain node1", "operator")
            await sam.asks("status", STRANGER + " has no role here")
            # Nobody else's code, nor in a chat; and what is old, or not for us, is no command.
            active = self.site.cli("status").json["groups"][0]["active"]
            asked = await olga.asks("drain %s reason=works" % active, "muster: ")
            code = asked.split("Send 'muster: ")[1].split("'")[0]
            await otto.asks(code, "no command awaits a code")
            self.assertIn("no command awaits a code", await olga.chat(COORDINATOR, code))
            await olga.hears_nothing(code, "> muster: " + code)
            await olga.hears_nothing("muster: " + code, delayed=True)
            since = len(otto.heard)
            await olga.asks(code, "the outcome follows")
            await otto.hears(OPERATOR + ": ", since)
            self.assertTrue(any(node["name"] == active and node["drain"]["drained"]
                                for node in self.site.cli("nodes").json["nodes"]))
            await olga.asks("undrain " + active, active)
            trail = self.site.cli("audit", jid=ADMIN).json["records"]
            drained = [entry for entry in trail if entry["verb"] == "drain"]
            self.assertEqual((OPERATOR, COORDINATOR + "/" + ROOM),
                             (drained[0]["who"], drained[0]["place"]))

            # A nick is not a person.
            olga["xep_0045"].leave_muc(ROOM, "olga")
            await sam.until(lambda: "olga" not in sam.there, "olga has left")
            sam.send_presence(pto=ROOM + "/olga")
            await sam.until(lambda: "olga" in sam.there, "sam is called olga")
            await sam.hears_nothing("muster: status")

            # Nor is anything taken once anybody may come.
            await ada.configure(membersonly="0")
            await asyncio.sleep(2)
            await otto.asks("status", "No commands are taken in this room")
            await ada.configure(membersonly="1", whois="anyone")

    async def test_3_an_incident_is_posted_once_whatever_happens(self):
        async with Occupant(self.site, ADMIN) as ada, Occupant(self.site, OPERATOR) as olga, \
                Occupant(self.site, OBSERVER) as otto:
            for person in (ada, olga, otto):
                await person.enter()
            await ada.sees_coordinator()
            said = await olga.chat(COORDINATOR, "subscribe changes.storage below=99 for=0s")
            self.assertIn("You hear when", said)
            await asyncio.sleep(12)

            done = self.site.cli("log-level", "storage", "storage", "debug")
            self.assertEqual(0, done.code, done)
            _, alert_id, alert = await otto.hears("Incident 1 (page)")
            self.assertIn("In this room: muster: ack 1", alert)
            self.assertRegex(alert, r"> \S+ node[12] muster.node: \S+ set the log level of storage")
            said = await olga.asks("ack 1 'on it'", "is looking into incident 1")
            self.assertIn("on it", said)
            wait_for(lambda: self.messages_to(ROOM)[0] == 0, "nothing waits for the room")
            self.assertEqual({"delivered"}, set(self.messages_to(ROOM)[1]))

            self.site.crash("coordinator")
            self.site.restart_daemon("coordinator")
            entries = self.room_log().count("in the room " + ROOM)
            wait_for(lambda: self.room_log().count("in the room " + ROOM) > entries,
                     "the coordinator is in the room again")
            self.site.all_there()
            await asyncio.sleep(12)
            ids = {each[1] for each in otto.heard if "Incident 1 (page)" in each[2]}
            self.assertEqual({alert_id}, ids)

            # What is noted while it is kept out comes later, as one.
            await ada["xep_0045"].set_role(ROOM, "muster", "none")
            await ada.until(lambda: "muster" not in ada.there, "the coordinator is kicked")
            for text in ("disk full", "disk swapped"):
                self.assertEqual(0, self.site.cli("note", "1", text).code)
            _, _, summary = await otto.hears("While I was not in this room")
            self.assertIn("disk swapped", summary)

            self.assertEqual(0, self.site.cli("log-level", "storage", "storage", "info").code)
            await otto.hears("Incident 1, changes.storage, is over")
            await olga.until(lambda: self.messages_to(ROOM)[0] + self.messages_to(OPERATOR)[0] == 0,
                             "nothing waits for the room, nor for her")

    async def test_4_who_was_not_there_is_told_at_the_return(self):
        waiting, done = self.messages_to(OPERATOR)
        self.assertEqual(0, waiting)
        self.assertEqual(0, self.site.cli("log-level", "storage", "storage", "debug").code)
        wait_for(lambda: self.messages_to(OPERATOR)[0] == 1, "a message waits for the subscriber")
        self.site.crash("coordinator")
        self.site.restart_daemon("coordinator")
        self.site.all_there()
        async with Occupant(self.site, OPERATOR) as olga:
            alert = (await asyncio.wait_for(olga.messages.get(), PATIENCE_S))["body"]
            self.assertIn("Incident 2", alert)
            # A page stays until somebody takes it.
            self.assertIn("is yours", await olga.chat(COORDINATOR, "ack 2"))
            await olga.until(lambda: self.messages_to(OPERATOR)[0] == 0, "it is delivered")
            self.assertEqual({"acknowledged"}, set(self.messages_to(OPERATOR)[1][len(done):]))
            self.assertTrue(olga.messages.empty(), "it came once")
            self.assertEqual(0, self.site.cli("log-level", "storage", "storage", "info").code)
            ended = (await asyncio.wait_for(olga.messages.get(), PATIENCE_S))["body"]
            self.assertIn("Incident 2, changes.storage, is over", ended)
