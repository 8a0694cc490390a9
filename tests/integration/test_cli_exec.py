"""`muster exec`: ad-hoc commands of the server, of the coordinator and of nodes."""

import asyncio
import unittest

from cluster_fixture import MUSTER, Cluster, ClusterTest
from foreign_client import ForeignClient
from own_server import OwnServer
from pty_session import PtySession

ADMIN = "http://jabber.org/protocol/admin#"
MODULES = "http://prosody.im/protocol/modules#"


def with_admin_commands(config):
    config = config.replace('"time" }', '"time", "admin_adhoc", "uptime" }')
    return 'admins = { "admin@cluster.localhost" }\n' + config


class Exec(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=1)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()
        server = OwnServer(cls.cluster, with_admin_commands)
        cls.addClassCleanup(server.end)
        cls.cluster.all_back()
        cls.server = cls.cluster.info()["domain"]

    def exec(self, *words, code=0, account="admin"):
        done = self.cluster.cli("--as", account, "exec", *words)
        self.assertEqual(code, done.code, done)
        return done

    def json(self, *words, code=0):
        return self.exec("-o", "json", *words, code=code).json

    def person(self, *words):
        session = PtySession([MUSTER, "--cluster", str(self.cluster.dir), "--as", "admin", "exec",
                              *words], rows=60, columns=120)
        self.addCleanup(session.close)
        return session

    # --- lists ------------------------------------------------------------------------------

    def test_the_servers_commands_are_listed(self):
        listed = self.json(self.server)["commands"]
        self.assertIn({"node": ADMIN + "add-user", "name": "Add User", "jid": self.server}, listed)
        self.assertIn("Add User", self.exec(self.server).out)
        # Others are offered less.
        nodes = [each["node"] for each in
                 self.cluster.cli("exec", self.server, "-o", "json").json["commands"]]
        self.assertNotIn(ADMIN + "add-user", nodes)
        self.assertIn("uptime", nodes)

    def test_ours_are_listed(self):
        for entity in (self.cluster.coordinator, self.cluster.group):
            with self.subTest(entity=entity):
                nodes = [each["node"] for each in self.json(entity)["commands"]]
                self.assertIn("failover", nodes)
        full = self.cluster.node_jid("node1")
        for entity in ("node1", full, full.partition("/")[0]):
            with self.subTest(entity=entity):
                listed = self.json(entity)["commands"]
                self.assertIn("log-level", [each["node"] for each in listed])
                self.assertEqual({full}, {each["jid"] for each in listed})

    # --- one stage --------------------------------------------------------------------------

    def test_a_command_without_a_form(self):
        self.assertIn("has been running for", self.exec(self.server, "uptime").out)
        done = self.json(self.server, "uptime")
        self.assertEqual(("completed", "info"), (done["status"], done["notes"][0]["type"]))

    def test_values_for_a_command_without_a_form(self):
        # One of ours takes them with the first request.
        group = self.cluster.info()["groups"][0]["name"]
        rows = self.json(self.cluster.coordinator, "status", "group=" + group)["form"]["rows"]
        self.assertEqual(1, len(rows))
        done = self.exec(self.cluster.coordinator, "status", "group=nosuch", code=2)
        self.assertIn("nosuch", done.err)
        done = self.exec("node1", "node-info", "what=x", code=2)
        self.assertIn("what", done.err)
        # Anybody else's has been carried out before they could be given.
        done = self.exec(self.server, "uptime", "since=now", code=1)
        self.assertIn("without since", done.err)

    def test_a_form_is_filled_in_and_checked(self):
        account = "made@" + self.server
        words = [self.server, ADMIN + "add-user"]
        missing = self.exec(*words, code=2)
        self.assertIn("accountjid is missing", missing.err)
        error = self.json(*words, "accountjid=@", code=2)["error"]
        self.assertEqual(("invalid-argument", "accountjid"), (error["code"], error["field"]))
        self.assertIn("did you mean 'password'",
                      self.exec(*words, "accountjid=" + account, "pasword=x", code=2).err)
        shown = self.exec(*words, "--action", "cancel").out
        self.assertIn("(accountjid, jid-single, required)", shown)
        self.assertIn("cancelled", shown)
        made = self.exec(*words, "accountjid=" + account, "password=pencil",
                         "password-verify=pencil")
        self.assertIn("successfully created", made.out)
        # Several values of one field, and the account is gone again.
        gone = self.exec(self.server, ADMIN + "delete-user", "accountjids=" + account,
                         "accountjids=nobody@" + self.server)
        self.assertIn(account, gone.out)

    def test_an_error_of_the_command_is_an_exit_code(self):
        done = self.exec(self.server, ADMIN + "add-user", "accountjid=x@elsewhere.example",
                         "password=a", "password-verify=a", code=1)
        self.assertIn("error:", done.out)

    def test_ours_take_fields(self):
        done = self.exec("node1", "log-level", "logger=root", "level=debug", "for=1m")
        self.assertIn("debug", done.out)
        self.assertEqual(1, done.out.count("Boot level"), "the table is shown once")
        rows = self.json("node1", "log-level", "logger=root", "level=reset")["form"]["rows"]
        self.assertEqual("info", rows[0]["effective"])
        self.assertIn("did you mean",
                      self.exec("node1", "log-level", "logger=root", "level=debg", code=2).err)

    def test_several_stages_by_themselves(self):
        done = self.exec(self.server, MODULES + "global-reload", "module=ping")
        self.assertIn("ping", done.out)

    # --- errors -----------------------------------------------------------------------------

    def test_errors(self):
        self.assertIn("did you mean 'log-level'", self.exec("node1", "loglevel", code=2).err)
        self.assertIn("did you mean 'node1'", self.exec("node2", code=2).err)
        self.assertIn("name=value", self.exec(self.server, "uptime", "now", code=2).err)
        self.assertIn("--action", self.exec(self.server, "uptime", "--action", "go", code=2).err)
        self.exec("nobody.example", code=5)
        self.exec(self.server, "uptime", account="stranger", code=0)
        self.exec(self.cluster.coordinator, "status", account="stranger", code=3)

    # --- at a terminal ----------------------------------------------------------------------

    def test_a_person_fills_in_a_form(self):
        session = self.person("node1", "log-level")
        session.shows("logger:")
        session.type("root\n")
        session.shows("level:")
        session.type("nonsense\n")
        session.shows("level can't be 'nonsense'")
        session.type("debug\n")
        session.shows("for:")
        session.type("1m\n")
        session.shows("complete or cancel [complete]:")
        session.type("\n")
        self.assertEqual(0, session.wait())
        self.assertIn("Logger root is at debug", session.text)
        self.exec("node1", "log-level", "logger=root", "level=reset")

    def test_a_password_is_not_shown(self):
        session = self.person(self.server, ADMIN + "add-user", "accountjid=typed@" + self.server)
        session.shows("password:")
        session.type("s3cret\n")
        session.shows("password-verify:")
        session.type("s3cret\n")
        session.shows("cancel [complete]:")
        self.assertNotIn("s3cret", session.text)
        session.type("complete\n")
        self.assertEqual(0, session.wait())
        self.exec(self.server, ADMIN + "delete-user", "accountjids=typed@" + self.server)

    def test_going_back_and_cancelling(self):
        session = self.person("node1", "log-level")
        session.shows("logger:")
        session.type(":cancel\n")
        self.assertEqual(0, session.wait())
        self.assertIn("cancelled", session.text)

    def test_a_person_who_leaves(self):
        for key, code in (("\x03", 1), ("\x04", 1)):
            with self.subTest(key=key):
                session = self.person("node1", "log-level")
                session.shows("logger:")
                session.type(key)
                self.assertEqual(code, session.wait())
                self.assertIn("cancelled", session.text)


class Wizard:
    """A command of two stages with a way back, at a client that is not ours."""

    def __init__(self, client):
        self._client = client
        self.cancelled = 0
        self.submitted = []
        client["xep_0050"].add_command(node="wizard", name="Wizard", handler=self._first)

    def _form(self, title, name):
        form = self._client["xep_0004"].make_form("form", title)
        form.add_field(var=name, ftype="text-single", label=title, required=True)
        return form

    def _first(self, _, session):
        session.update(payload=self._form("Who", "name"), next=self._second, has_next=True,
                       allow_complete=False, allow_prev=False, cancel=self._cancel)
        return session

    def _second(self, form, session):
        self.submitted.append(form["values"]["name"])
        session.update(payload=self._form("How many", "count"), next=self._done, has_next=True,
                       allow_complete=True, allow_prev=True, prev=self._first,
                       notes=[("info", "Nearly there.")])
        return session

    def _done(self, form, session):
        self.submitted.append(form["values"]["count"])
        session.update(payload=None, next=None, notes=[("info", "Made.")])
        return session

    def _cancel(self, *_):
        self.cancelled += 1


class Stages(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=1)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.up()

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.bot = await self.enterAsyncContext(
            ForeignClient(self.cluster.info(), "admin", resource="bot"))
        self.wizard = Wizard(self.bot)
        self.jid = self.bot.boundjid.full

    async def exec(self, *words, code=0):
        done = await asyncio.to_thread(self.cluster.cli, "--as", "admin", "exec", self.jid, *words)
        self.assertEqual(code, done.code, done)
        return done

    def person(self, *words):
        session = PtySession([MUSTER, "--cluster", str(self.cluster.dir), "--as", "admin", "exec",
                              self.jid, "wizard", *words], rows=40, columns=120)
        self.addCleanup(session.close)
        return session

    async def test_all_stages_without_a_question(self):
        self.assertIn("Wizard", (await self.exec()).out)
        done = await self.exec("wizard", "name=Ann", "count=3", "--action", "next", "--action",
                               "complete")
        self.assertIn("Made.", done.out)
        self.assertEqual(["Ann", "3"], self.wizard.submitted)

    async def test_what_a_later_stage_lacks_ends_the_session(self):
        done = await self.exec("wizard", "name=Ann", code=2)
        self.assertIn("count is missing (How many)", done.err)
        self.assertEqual(1, self.wizard.cancelled)
        done = await self.exec("wizard", "name=Ann", "--action", "complete", code=2)
        self.assertIn("there are next and cancel", done.err)
        self.assertEqual(2, self.wizard.cancelled)

    async def test_a_person_goes_forth_and_back(self):
        session = self.person()
        steps = ((("name:", "Ann\n"), ("next or cancel [next]:", "\n"), ("Nearly there.", ""),
                  ("count:", "3\n"), ("prev", "prev\n"), ("Who (name", "")))
        for words, keys in steps:
            await asyncio.to_thread(session.shows, words)
            session.type(keys)
        await asyncio.to_thread(session.until, lambda t: t.count("  name:") == 2, "name again")
        session.type("Bea\n")
        await asyncio.to_thread(session.until, lambda t: t.count("[next]:") == 2, "what to do")
        session.type("n\n")
        await asyncio.to_thread(session.until, lambda t: t.count("  count:") == 2, "count again")
        session.type("4\n")
        await asyncio.to_thread(session.until,
                                lambda t: t.count("prev or cancel") == 2, "what to do")
        session.type("complete\n")
        self.assertEqual(0, await asyncio.to_thread(session.wait))
        self.assertIn("Made.", session.text)
        self.assertEqual(["Ann", "Bea", "4"], self.wizard.submitted)

    async def test_control_c_cancels_the_session(self):
        session = self.person("name=Ann")
        await asyncio.to_thread(session.shows, "[next]:")
        session.type("\x03")
        self.assertEqual(1, await asyncio.to_thread(session.wait))
        self.assertEqual(1, self.wizard.cancelled)

    async def test_control_c_while_nobody_answers(self):
        never = asyncio.Event()

        async def silent(_, session):
            await never.wait()
            return session
        self.bot["xep_0050"].add_command(node="silent", name="Silent", handler=silent)
        session = PtySession([MUSTER, "--cluster", str(self.cluster.dir), "--as", "admin", "exec",
                              self.jid, "silent"])
        self.addCleanup(session.close)
        await asyncio.sleep(1)
        session.type("\x03")
        self.assertEqual(1, await asyncio.to_thread(session.wait, 5))
        never.set()


if __name__ == "__main__":
    unittest.main()
