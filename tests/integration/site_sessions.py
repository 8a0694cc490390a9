"""Command sessions (XEP-0050) through a site's own server, as slixmpp's own machinery leads them."""

import asyncio

from foreign_client import ForeignClient, fields_of, form_of, notes_of
from site_server import ADMIN, COORDINATOR, OPERATOR, PASSWORD
from stanzas import Refusal, actions_of, refusal_of

GROUP = "storage@" + COORDINATOR
PATIENCE_S = 30


class Dialogue:
    """One command; slixmpp keeps the session and finds the handlers of each answer by its id."""

    def __init__(self, client, jid, node):
        self._client = client
        self._commands = client["xep_0050"]
        self._answers = asyncio.Queue()
        self._session = {"next": self._on_answer, "error": self._on_answer}
        self._commands.start_command(jid, node, self._session)

    def _on_answer(self, iq, session):
        self._session = session
        self._answers.put_nowait(iq)

    async def _answer(self):
        return await asyncio.wait_for(self._answers.get(), PATIENCE_S)

    async def stage(self):
        """The <command/> of the next answer, which must not be an error."""
        iq = await self._answer()
        if iq["type"] != "result":
            raise AssertionError("refused: %s" % iq)
        return iq["command"].xml

    async def refusal(self):
        iq = await self._answer()
        if iq["type"] != "error":
            raise AssertionError("not refused: %s" % iq)
        return Refusal(iq.xml)

    def submit(self, **values):
        form = self._client["xep_0004"].make_form(ftype="submit")
        for var, value in values.items():
            form.add_field(var=var, value=value)
        self._session["payload"] = form
        self._commands.complete_command(self._session)

    def go(self, direction):
        self._session["payload"] = None
        self._commands.continue_command(self._session, direction)

    def cancel(self):
        self._session["payload"] = None
        self._commands.cancel_command(self._session)


class SessionCases:
    """Mixed into a TestCase beside SiteCases, whose site it uses."""

    def client(self, jid=OPERATOR, resource="phone"):
        server = self.site.server
        return ForeignClient({"accounts": {"who": {"jid": jid, "password": PASSWORD}},
                              "ca_file": str(server.ca_file),
                              "c2s": {"host": "127.0.0.1", "port": server.port}}, "who", resource)

    def node(self):
        return self.site.cli("nodes").json["nodes"][0]["jid"]

    def assertAsksAgain(self, stage, error=None):
        self.assertEqual("executing", stage.get("status"))
        self.assertEqual(("complete", ["complete"]), actions_of(stage))
        self.assertEqual("form", form_of(stage).get("type"))
        notes = notes_of(stage)
        if error is None:
            self.assertEqual([], notes)
        else:
            self.assertEqual(["error"], [kind for kind, _ in notes])
            self.assertIn(error, notes[0][1])

    async def test_session_of_several_stages_with_prev(self):
        async with self.client() as olga:
            talk = Dialogue(olga, self.node(), "log-level")
            first = await talk.stage()
            self.assertAsksAgain(first)
            talk.submit(logger="storage", level="loud")
            second = await talk.stage()
            self.assertAsksAgain(second, "loud")
            self.assertEqual(first.get("sessionid"), second.get("sessionid"))
            self.assertEqual(["storage"], fields_of(form_of(second))["logger"])
            talk.go("prev")
            back = await talk.stage()
            self.assertAsksAgain(back)
            talk.submit(logger="storage")
            done = await talk.stage()
            self.assertEqual("completed", done.get("status"))
            self.assertEqual("result", form_of(done).get("type"))

    async def test_session_that_is_cancelled_is_over(self):
        async with self.client() as olga:
            for jid, verb in ((self.node(), "log-level"), (GROUP, "failover"),
                              (COORDINATOR, "failover")):
                with self.subTest(jid=jid):
                    talk = Dialogue(olga, jid, verb)
                    await talk.stage()
                    talk.cancel()
                    canceled = await talk.stage()
                    self.assertEqual("canceled", canceled.get("status"))
                    self.assertIsNone(form_of(canceled))
                    # Whether the error reaches the handler hangs on what it echoes.
                    talk.submit()
                    refusal = await talk.refusal()
                    self.assertEqual(("bad-request", "bad-sessionid"),
                                     (refusal.condition, refusal.application))

    async def test_session_of_somebody_else_or_of_another_place_is_unknown(self):
        node = self.node()
        async with self.client() as olga, self.client(ADMIN) as ada, \
                self.client(OPERATOR, "laptop") as elsewhere:
            of_node = (await olga.command(node, "log-level")).get("sessionid")
            of_group = (await olga.command(GROUP, "failover")).get("sessionid")
            for who, jid, verb, session in ((ada, node, "log-level", of_node),
                                            (elsewhere, node, "log-level", of_node),
                                            (olga, node, "drain", of_node),
                                            (ada, GROUP, "failover", of_group),
                                            (elsewhere, GROUP, "failover", of_group),
                                            (olga, COORDINATOR, "failover", of_group),
                                            (olga, GROUP, "log-level", of_group)):
                for action in ("complete", "next", "prev"):
                    with self.subTest(who=who.boundjid.full, jid=jid, verb=verb, action=action):
                        refusal = await refusal_of(who.command(jid, verb, action=action,
                                                               session=session, fields={}))
                        self.assertEqual(("bad-request", "bad-sessionid"),
                                         (refusal.condition, refusal.application))
                        self.assertEqual((verb, session), (refusal.command.get("node"),
                                                           refusal.command.get("sessionid")))
            # None of them has done it any harm.
            self.assertAsksAgain(await olga.command(node, "log-level", "prev", of_node))
            self.assertAsksAgain(await olga.command(GROUP, "failover", "prev", of_group))

    async def test_session_takes_no_action_that_was_not_offered(self):
        async with self.client() as olga:
            for jid, verb in ((self.node(), "log-level"), (GROUP, "failover")):
                for action in ("next", "prev", "complete"):
                    with self.subTest(jid=jid, action=action):
                        refusal = await refusal_of(olga.command(jid, verb, action=action))
                        self.assertEqual(("bad-request", "bad-action"),
                                         (refusal.condition, refusal.application))
                with self.subTest(jid=jid):
                    session = (await olga.command(jid, verb)).get("sessionid")
                    refusal = await refusal_of(olga.command(jid, verb, "jump", session))
                    self.assertEqual(("bad-request", "malformed-action"),
                                     (refusal.condition, refusal.application))
                    self.assertEqual(session, refusal.command.get("sessionid"))
                    refusal = await refusal_of(olga.command(jid, verb, "complete", session))
                    self.assertEqual(("bad-request", "bad-payload"),
                                     (refusal.condition, refusal.application))
                    # It goes on after both.
                    self.assertAsksAgain(await olga.command(jid, verb, "prev", session))
