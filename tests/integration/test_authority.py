"""Who may do what: every command, for every role, through both faces, at every address.

The commands and the roles that they need are read from the commands' own description, so that a
new command is held to it without a line here.
"""

import asyncio
import re

from cluster_fixture import SharedClusterTest
from foreign_client import ForeignClient, notes_of
from stanzas import refusal_of

ROLES = ["observer", "operator", "admin"]


def read_description(text):
    """{"coordinator" | "node": {verb: (role, {argument: role})}} of `muster docs`."""
    places, verbs, arguments, verb = {}, None, None, None
    for line in text.split("\n"):
        if line.startswith("## "):
            verbs = places.setdefault("node" if "of a node" in line else "coordinator", {})
        elif line.startswith("### "):
            verb = line[4:]
        elif verb and line.startswith("Role: "):
            arguments = {}
            verbs[verb] = (re.match(r"Role: (\w+)", line).group(1), arguments)
        elif verb and line.startswith("| `"):
            needed = re.search(r"Needs the role (\w+)", line)
            if needed:
                arguments[re.match(r"\| `([\w-]+)`", line).group(1)] = needed.group(1)
    return places


def reaches(has, needs):
    return ROLES.index(has) >= ROLES.index(needs)


class Authority(SharedClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        described = read_description(cls.cluster.run("docs").out)
        cls.places = [
            (cls.cluster.coordinator, described["coordinator"]),
            (cls.cluster.group, described["coordinator"]),
            (cls.cluster.node_jid("node1"), described["node"]),
        ]

    def tearDown(self):
        """Nothing of all this was carried out."""
        self.assertEqual(1, self.cluster.status()["epoch"])
        self.assertEqual([], self.cluster.query(
            "SELECT * FROM audit WHERE code = 'begun' AND call NOT IN "
            "(SELECT call FROM audit WHERE code NOT IN ('begun', 'ok'))"))
        self.assertEqual({""}, {logger["by"] for logger
                                in self.cluster.ask("--at", "node1", "log-level")["loggers"]})

    def client(self, account):
        return ForeignClient(self.cluster.info(), account)

    def cases(self):
        for jid, verbs in self.places:
            for verb, (role, arguments) in verbs.items():
                yield jid, verb, role, arguments

    def test_the_description_was_understood(self):
        coordinator, group, node = (verbs for _, verbs in self.places)
        self.assertEqual(coordinator, group)
        self.assertEqual("operator", coordinator["failover"][0])
        self.assertEqual("observer", coordinator["status"][0])
        role, arguments = node["log-level"]
        self.assertEqual(("observer", "operator", "operator"),
                         (role, arguments["level"], arguments["for"]))

    async def test_forms(self):
        for role in ROLES:
            async with self.client(role) as person:
                for jid, verb, needed, _ in self.cases():
                    with self.subTest(role=role, jid=jid, verb=verb):
                        listed = await person.commands_of(jid)
                        if reaches(role, needed):
                            self.assertIn(verb, listed)
                            answer = await person.command(jid, verb)
                            self.assertIn(answer.get("status"), ("executing", "completed"))
                        else:
                            self.assertNotIn(verb, listed)
                            refusal = await refusal_of(person.command(jid, verb))
                            self.assertEqual("forbidden", refusal.condition)
                            self.assertIn("needs the role " + needed, refusal.text)
                            # Nor with a form, nor in a session.
                            refusal = await refusal_of(person.command(
                                jid, verb, fields={"group": "ledger"}))
                            self.assertEqual("forbidden", refusal.condition)
                            refusal = await refusal_of(person.command(
                                jid, verb, action="complete", session="mine", fields={}))
                            self.assertEqual("forbidden", refusal.condition)

    async def test_arguments_in_forms(self):
        for role in ROLES:
            async with self.client(role) as person:
                for jid, verb, needed, arguments in self.cases():
                    if not reaches(role, needed):
                        continue
                    for argument, argument_needs in arguments.items():
                        with self.subTest(role=role, verb=verb, argument=argument):
                            answer = await person.command(
                                jid, verb, fields={argument: "no such value"})
                            [(kind, note)] = notes_of(answer)
                            self.assertEqual("error", kind)
                            self.assertEqual(not reaches(role, argument_needs),
                                             "needs the role " + argument_needs in note, note)

    async def test_chat(self):
        for role in ROLES:
            async with self.client(role) as person:
                for jid, verb, needed, _ in self.cases():
                    with self.subTest(role=role, jid=jid, verb=verb):
                        # What changes something has arguments that it needs, or asks for a code.
                        whole = jid == self.cluster.coordinator and verb == "failover"
                        # Twenty lines at once are welcome, and two a second after that.
                        await asyncio.sleep(0.5)
                        said = await person.chat(jid, verb + (" ledger" if whole else ""))
                        self.assertEqual(not reaches(role, needed),
                                         "needs the role %s; yours is" % needed
                                         in said.split("\n")[0], said)

    async def test_arguments_in_chat(self):
        for role in ROLES:
            async with self.client(role) as person:
                for jid, verb, needed, arguments in self.cases():
                    if not reaches(role, needed):
                        continue
                    for argument, argument_needs in arguments.items():
                        with self.subTest(role=role, verb=verb, argument=argument):
                            said = await person.chat(
                                jid, "%s %s='no such value'" % (verb, argument))
                            self.assertEqual(not reaches(role, argument_needs),
                                             "needs the role " + argument_needs in said, said)

    async def test_help_lists_what_the_role_may_call(self):
        for role in ROLES:
            async with self.client(role) as person:
                for jid, verbs in self.places:
                    with self.subTest(role=role, jid=jid):
                        said = await person.chat(jid, "help")
                        listed = re.findall(r"^  ([\w-]+)", said, re.MULTILINE)
                        self.assertEqual([verb for verb, (needed, _) in verbs.items()
                                          if reaches(role, needed)], listed)

    async def test_a_stranger_gets_nothing_from_a_form(self):
        async with self.client("stranger") as stranger:
            nobody = "nobody@" + self.cluster.coordinator
            blank = (await refusal_of(stranger.command(nobody, "status"))).children
            for jid, verb, _, _ in self.cases():
                requests = [dict(), dict(action="cancel"), dict(action="jump"),
                            dict(action="complete", session="mine", fields={}),
                            dict(fields={"group": "ledger"})]
                for request in requests:
                    with self.subTest(jid=jid, verb=verb, request=request):
                        refusal = await refusal_of(stranger.command(jid, verb, **request))
                        self.assertEqual("service-unavailable", refusal.condition)
                        self.assertEqual(blank, refusal.children)

    async def test_a_stranger_gets_nothing_from_chat(self):
        async with self.client("stranger") as stranger:
            for jid, verbs in self.places:
                for line in ["help", "hello", "123456", *verbs]:
                    with self.subTest(jid=jid, line=line):
                        stranger.send_message(mto=jid, mbody=line, mtype="chat")
                        refusal = await stranger.next_refusal()
                        self.assertEqual(jid, refusal["from"].full)
                        self.assertEqual("service-unavailable", refusal["error"]["condition"])
                        self.assertEqual("", refusal["error"]["text"])
            # No words came besides.
            self.assertTrue(stranger.has_no_messages())

    async def test_the_account_of_the_coordinator_keeps_to_the_same_roles(self):
        account = "muster@" + self.cluster.info()["domain"]
        async with self.client("observer") as observer, self.client("stranger") as stranger:
            self.assertIn("needs the role operator",
                          await observer.chat(account, "failover ledger"))
            self.assertIn("ledger", await observer.chat(account, "status"))
            stranger.send_message(mto=account, mbody="status", mtype="chat")
            refusal = await stranger.next_refusal()
            self.assertEqual("service-unavailable", refusal["error"]["condition"])
            self.assertTrue(stranger.has_no_messages())

    def test_the_command_line_has_exit_code_3(self):
        for account in ("stranger", "observer"):
            with self.subTest(account=account):
                done = self.cluster.cli("--as", account, "failover", "ledger", "--wait")
                self.assertEqual(3, done.code, done)
        done = self.cluster.cli("--as", "observer", "--at", "node1", "log-level", "storage",
                                "debug")
        self.assertEqual(3, done.code, done)
