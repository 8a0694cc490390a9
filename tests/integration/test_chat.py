"""Commands as chat lines, from a client that knows nothing of Muster."""

import re
from xml.etree import ElementTree as ET

from cluster_fixture import SharedClusterTest
from foreign_client import ForeignClient

CLIENT = "jabber:client"


def code_in(said):
    """The one-time code that the answer asks to be sent."""
    found = re.search(r"\b(\d{6})\b", said)
    if not found:
        raise AssertionError("no code in: " + said)
    return found.group(1)


def other_than(code):
    return "%06d" % ((int(code) + 1) % 1000000)


def element(text):
    return ET.fromstring(text)


DELAY = element("<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>")
OLD_DELAY = element("<x xmlns='jabber:x:delay' stamp='20260101T00:00:00'/>")
CORRECTION = element("<replace xmlns='urn:xmpp:message-correct:0' id='before'/>")
ROOM = element("<x xmlns='http://jabber.org/protocol/muc#user'/>")


def forwarded(line):
    return element("<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' "
                   "type='chat'><body>%s</body></message></forwarded>" % line)


def carbon(kind, line):
    out = element("<%s xmlns='urn:xmpp:carbons:2'/>" % kind)
    out.append(forwarded(line))
    return out


class Chat(SharedClusterTest):
    def client(self, account, resource="phone"):
        return ForeignClient(self.cluster.info(), account, resource)

    def node(self):
        return self.cluster.node_jid("node1")

    def level_of(self, logger):
        return next(each for each in self.cluster.ask("--at", "node1", "log-level")["loggers"]
                    if each["name"] == logger)

    # --- help -------------------------------------------------------------------------------

    async def test_help(self):
        async with self.client("operator") as operator:
            said = await operator.chat(self.cluster.coordinator, "help")
            for words in ("status [GROUP]", "nodes [GROUP]", "failover GROUP"):
                self.assertIn(words, said)
            said = await operator.chat(self.cluster.group, "help")
            self.assertIn("failover [to=TO]", said)
            self.assertNotIn("GROUP", said)
            # Phones begin lines with capitals.
            self.assertEqual(said, await operator.chat(self.cluster.group, " Help "))
            said = await operator.chat(self.node(), "help")
            self.assertIn("log-level [LOGGER] [LEVEL] [for=DURATION|forever]", said)

    async def test_help_for_a_verb(self):
        async with self.client("operator") as operator:
            said = await operator.chat(self.node(), "help log-level")
            for words in ("Usage: log-level", "trace, debug", "from 1s to 30d",
                          "log-level storage debug for=10m"):
                self.assertIn(words, said)
            said = await operator.chat(self.cluster.group, "help failover")
            self.assertIn("It asks back", said)
            said = await operator.chat(self.cluster.group, "help failovr")
            self.assertIn("did you mean 'failover'?", said)

    async def test_a_mistyped_verb_argument_or_name_is_suggested(self):
        cases = [(self.cluster.coordinator, "staus", "did you mean 'status'?"),
                 (self.cluster.coordinator, "status ledgr", "ledger"),
                 (self.cluster.group, "failover to=nod2", "did you mean 'node"),
                 (self.cluster.group, "failover too=node2", "did you mean 'to'?"),
                 (self.node(), "log-levels storage", "did you mean 'log-level'?"),
                 (self.node(), "log-level storag debug", "did you mean 'storage'?"),
                 (self.node(), "log-level storage debgu", "did you mean 'debug'?")]
        async with self.client("operator") as operator:
            for jid, line, meant in cases:
                with self.subTest(line=line):
                    said = await operator.chat(jid, line)
                    self.assertIn(meant, said)
            said = await operator.chat(self.cluster.group, "staus")
            self.assertIn("'help' lists the commands", said)
            said = await operator.chat(self.cluster.group, "failover to=nod2")
            self.assertIn("'help failover'", said)

    # --- lines ------------------------------------------------------------------------------

    async def test_status_and_nodes(self):
        async with self.client("observer") as observer:
            for jid in (self.cluster.coordinator, self.cluster.group,
                        "muster@" + self.cluster.info()["domain"]):
                with self.subTest(jid=jid):
                    said = await observer.chat(jid, "status")
                    self.assertIn("ACTIVE", said)
                    self.assertIn(self.cluster.status()["active"], said)
                    said = await observer.chat(jid, "nodes ledger")
                    for name in ("node1", "node2", "node3"):
                        self.assertIn(name, said)

    async def test_log_level_with_the_quotes_that_phones_make(self):
        async with self.client("operator") as operator:
            said = await operator.chat(self.node(), "Log-level “storage” ‘debug’ for=10m")
            self.assertIn("storage is at debug until ", said)
            state = self.level_of("storage")
            self.assertEqual(("debug", "operator@" + self.cluster.info()["domain"]),
                             (state["effective"], state["by"]))
            said = await operator.chat(self.node(), "log-level storage reset")
            self.assertIn("storage is at info.", said)
        self.assertEqual(("info", ""), (self.level_of("storage")["effective"],
                                        self.level_of("storage")["until"]))

    async def test_the_answer_keeps_the_thread(self):
        async with self.client("operator") as operator:
            message = operator.make_message(mto=self.node(), mbody="node-info", mtype="chat")
            message["thread"] = "a-thread"
            message.send()
            answer = await operator.next_message()
            self.assertEqual(("a-thread", "chat", self.node()),
                             (answer["thread"], answer["type"], answer["from"].full))

    # --- the one-time code ------------------------------------------------------------------

    async def test_failover_wants_its_code(self):
        before = self.cluster.status()
        target = self.cluster.standby()
        group = self.cluster.group
        async with self.client("operator") as operator, self.client("admin") as admin, \
                self.client("operator", "laptop") as elsewhere:
            said = await operator.chat(group, "failover to=%s wait=yes" % target)
            self.assertIn("%s would be told to stop" % before["active"], said)
            self.assertIn("%s would be offered the role" % target, said)
            code = code_in(said)
            # Nobody else's, no other device's, no other address's, and no other code.
            for person, place in ((admin, group), (elsewhere, group),
                                  (operator, self.cluster.coordinator)):
                with self.subTest(person=person.boundjid.full, place=place):
                    self.assertIn("no command awaits a code", await person.chat(place, code))
            self.assertIn("that is not the code", await operator.chat(group, other_than(code)))
            self.assertEqual(before["epoch"], self.cluster.status()["epoch"])
            # Other lines in between leave it standing.
            self.assertIn("ACTIVE", await operator.chat(group, "status"))

            said = await operator.chat(group, code, 30)
            self.assertIn("%s is active in place of %s" % (target, before["active"]), said)
            # Once is enough.
            self.assertIn("no command awaits a code", await operator.chat(group, code))
        after = self.cluster.status()
        self.assertEqual(target, after["active"])
        self.assertEqual(before["epoch"] + 1, after["epoch"])
        # What was asked back, wrongly answered or tried by others has not even begun.
        rows = self.cluster.query("SELECT * FROM audit WHERE face = 'chat' AND arguments LIKE ? "
                                  "ORDER BY seq", "%%to=%s wait=true" % target)
        self.assertEqual(["begun", "ok"], [row["code"] for row in rows])
        self.assertEqual({("operator@cluster.localhost", group)},
                         {(row["who"], row["place"]) for row in rows})

    async def test_without_wait_the_outcome_follows(self):
        before = self.cluster.status()
        async with self.client("operator") as operator:
            code = code_in(await operator.chat(self.cluster.coordinator, "failover ledger"))
            said = await operator.chat(self.cluster.coordinator, code, 30)
            self.assertIn("the outcome follows", said)
            said = (await operator.next_message(30))["body"]
            self.assertIn("is active in place of " + before["active"], said)
        self.assertGreater(self.cluster.status()["epoch"], before["epoch"])

    async def test_three_wrong_codes_end_it(self):
        epoch = self.cluster.status()["epoch"]
        async with self.client("admin") as admin:
            code = code_in(await admin.chat(self.cluster.group, "failover"))
            for _ in range(3):
                self.assertIn("that is not the code",
                              await admin.chat(self.cluster.group, other_than(code)))
            self.assertIn("no command awaits a code", await admin.chat(self.cluster.group, code))
        self.assertEqual(epoch, self.cluster.status()["epoch"])

    async def test_a_code_that_arrives_late_is_not_taken(self):
        epoch = self.cluster.status()["epoch"]
        async with self.client("operator") as operator:
            code = code_in(await operator.chat(self.cluster.group, "failover"))
            self.say(operator, self.cluster.group, code, "chat", DELAY)
            self.say(operator, self.cluster.group, code, "groupchat")
            said = await self.said_before(operator, self.cluster.group, "nodes", "Node ")
            self.assertFalse([body for body in said if "is active" in body], said)
        self.assertEqual(epoch, self.cluster.status()["epoch"])

    # --- what is no command -----------------------------------------------------------------

    def say(self, client, to, line, kind, *extra):
        message = client.make_message(mto=to, mbody=line, mtype=kind)
        for each in extra:
            message.append(each)
        message.send()

    async def said_before(self, client, to, marker, begins):
        """Bodies that come before the answer to the marker, a line that is a command."""
        client.send_message(mto=to, mbody=marker, mtype="chat")
        said = []
        while True:
            body = (await client.next_message())["body"]
            if body.startswith(begins):
                return said
            said.append(body)

    async def test_old_copied_and_corrected_messages_are_not_carried_out(self):
        line = "log-level storage debug for=1h"
        cases = {
            "delayed": ("chat", DELAY),
            "delayed, the old way": ("chat", OLD_DELAY),
            "corrected": ("chat", CORRECTION),
            "forwarded": ("chat", forwarded(line)),
            "carbon, received": ("chat", carbon("received", line)),
            "carbon, sent": ("chat", carbon("sent", line)),
            "from a room's member": ("chat", ROOM),
            "groupchat": ("groupchat",),
            "error": ("error",),
            "headline": ("headline",),
        }
        jid = self.node()
        async with self.client("operator") as operator:
            for name, (kind, *extra) in cases.items():
                with self.subTest(name):
                    self.say(operator, jid, line, kind, *extra)
                    said = await self.said_before(operator, jid, "node-info", "Name: ")
                    # At most a hint why nothing was done.
                    for body in said:
                        self.assertIn("not carried out", body)
                    self.assertEqual("", self.level_of("storage")["until"])
            # The same line by itself is one.
            self.assertIn("storage is at debug", await operator.chat(jid, line))
            await operator.chat(jid, "log-level storage reset")

    async def test_the_same_at_the_coordinators_addresses(self):
        # Somebody who has said little so far: one person may say so much at once and no more.
        async with self.client("admin") as admin:
            for jid in (self.cluster.coordinator, self.cluster.group):
                for name, (kind, *extra) in {"delayed": ("chat", DELAY),
                                             "corrected": ("chat", CORRECTION),
                                             "forwarded": ("chat", forwarded("failover ledger")),
                                             "groupchat": ("groupchat",),
                                             "error": ("error",)}.items():
                    with self.subTest(name, jid=jid):
                        self.say(admin, jid, "failover ledger", kind, *extra)
                        said = await self.said_before(admin, jid, "nodes", "Node ")
                        for body in said:
                            self.assertIn("not carried out", body)

    async def test_a_line_that_is_too_long_is_refused_in_words(self):
        async with self.client("operator") as operator:
            said = await operator.chat(self.node(), "log-level " + "x" * 5000)
            self.assertIn("too long", said)
            said = await operator.chat(self.node(), 'log-level "storage')
            self.assertIn("not closed", said)
