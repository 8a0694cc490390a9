"""Service discovery: what each address says of itself, and that strangers learn nothing."""

from cluster_fixture import SharedClusterTest
from foreign_client import ForeignClient
from stanzas import COMMANDS, DATA, DISCO_INFO, DISCO_ITEMS, query, refusal_of

OBSERVER_VERBS = {"status", "nodes", "coordinators", "history", "explain", "log-level",
                  "service-level", "report", "subscribe", "unsubscribe", "subscriptions", "incidents"}
OPERATOR_VERBS = OBSERVER_VERBS | {"failover", "drain", "undrain", "pause", "resume", "audit",
                                   "unschedule",
                                   "roles", "ack", "note", "assign", "resolve", "silence",
                                   "unsilence", "logs", "top-errors", "tail", "untail"}
ADMIN_VERBS = OPERATOR_VERBS | {"enroll", "remove", "grant", "approve"}
NODE_VERBS = {"log-level", "service-level", "node-info", "role", "drain", "undrain", "audit",
              "log-rules", "logs", "top-errors", "tail", "untail", "log-store"}


def features_of(info):
    return {feature.get("var") for feature in info.findall("{%s}feature" % DISCO_INFO)}


def identities_of(info):
    return [(identity.get("category"), identity.get("type"))
            for identity in info.findall("{%s}identity" % DISCO_INFO)]


def items_of(answer):
    return answer.findall("{%s}item" % DISCO_ITEMS)


class Discovery(SharedClusterTest):
    def client(self, account):
        return ForeignClient(self.cluster.info(), account)

    def places(self):
        """{address: the verbs that an operator has there}"""
        return {self.cluster.coordinator: OPERATOR_VERBS,
                self.cluster.group: OPERATOR_VERBS,
                self.cluster.node_jid("node1"): NODE_VERBS}

    async def test_every_address_says_that_it_takes_commands(self):
        async with self.client("observer") as observer:
            for jid in self.places():
                with self.subTest(jid=jid):
                    info = await query(observer, jid, DISCO_INFO)
                    self.assertTrue({COMMANDS, DATA, DISCO_INFO, DISCO_ITEMS, "urn:xmpp:ping"}
                                    <= features_of(info))
                    self.assertEqual(1, len(identities_of(info)))

    async def test_the_component_and_its_contacts_tell_apart(self):
        async with self.client("observer") as observer:
            component = await query(observer, self.cluster.coordinator, DISCO_INFO)
            self.assertEqual([("component", "generic")], identities_of(component))
            group = await query(observer, self.cluster.group, DISCO_INFO)
            self.assertEqual([("client", "bot")], identities_of(group))
            contacts = items_of(await query(observer, self.cluster.coordinator, DISCO_ITEMS))
            self.assertEqual([(self.cluster.group, "ledger")],
                             [(item.get("jid"), item.get("name")) for item in contacts])

    async def test_the_list_of_commands_has_jid_node_and_name_and_nothing_else(self):
        async with self.client("operator") as operator:
            for jid, verbs in self.places().items():
                with self.subTest(jid=jid):
                    items = items_of(await query(operator, jid, DISCO_ITEMS, COMMANDS))
                    listed = [item.get("node") for item in items]
                    self.assertEqual(verbs, set(listed))
                    self.assertEqual(len(verbs), len(listed))
                    for item in items:
                        self.assertEqual({"jid", "node", "name"}, set(item.attrib))
                        self.assertEqual(jid, item.get("jid"))
                        self.assertTrue(item.get("name"))
                        self.assertEqual([], list(item))

    async def test_the_list_differs_by_role(self):
        async with self.client("observer") as observer, self.client("admin") as admin:
            for jid in (self.cluster.coordinator, self.cluster.group):
                with self.subTest(jid=jid):
                    self.assertEqual(OBSERVER_VERBS, set(await observer.commands_of(jid)))
                    self.assertEqual(ADMIN_VERBS, set(await admin.commands_of(jid)))

    async def test_the_list_and_each_command_have_their_identity(self):
        async with self.client("operator") as operator:
            for jid, verbs in self.places().items():
                info = await query(operator, jid, DISCO_INFO, COMMANDS)
                self.assertEqual([("automation", "command-list")], identities_of(info))
                self.assertEqual(COMMANDS, info.get("node"))
                names = await operator.commands_of(jid)
                for verb in verbs:
                    with self.subTest(jid=jid, verb=verb):
                        info = await query(operator, jid, DISCO_INFO, verb)
                        self.assertEqual([("automation", "command-node")], identities_of(info))
                        self.assertTrue({COMMANDS, DATA} <= features_of(info))
                        self.assertEqual(verb, info.get("node"))
                        identity = info.find("{%s}identity" % DISCO_INFO)
                        self.assertEqual(names[verb], identity.get("name"))

    async def test_unknown_nodes_are_not_found(self):
        async with self.client("operator") as operator, self.client("observer") as observer:
            for jid in self.places():
                for namespace in (DISCO_INFO, DISCO_ITEMS):
                    with self.subTest(jid=jid, namespace=namespace):
                        refusal = await refusal_of(query(operator, jid, namespace, "nothing"))
                        self.assertEqual("item-not-found", refusal.condition)
            # What is beyond one's role isn't there either.
            refusal = await refusal_of(
                query(observer, self.cluster.coordinator, DISCO_INFO, "failover"))
            self.assertEqual("item-not-found", refusal.condition)

    async def test_a_stranger_learns_nothing(self):
        somewhere = list(self.places())
        nowhere = ["nobody@" + self.cluster.coordinator,
                   self.cluster.node_jid("node1").partition("/")[0] + "/node-00000000"]
        async with self.client("stranger") as stranger:
            blank = (await refusal_of(query(stranger, nowhere[0], DISCO_INFO))).children
            for jid in somewhere + nowhere:
                for namespace in (DISCO_INFO, DISCO_ITEMS):
                    for node in (None, COMMANDS, "status", "log-level", "nothing"):
                        with self.subTest(jid=jid, namespace=namespace, node=node):
                            refusal = await refusal_of(query(stranger, jid, namespace, node))
                            self.assertEqual("service-unavailable", refusal.condition)
                            # Word for word what it is told where nobody is.
                            self.assertEqual(blank, refusal.children)

    async def test_a_stranger_is_not_even_pinged(self):
        async with self.client("stranger") as stranger, self.client("observer") as observer:
            for jid in self.places():
                with self.subTest(jid=jid):
                    await observer["xep_0199"].send_ping(jid, timeout=15)
                    refusal = await refusal_of(stranger["xep_0199"].send_ping(jid, timeout=15))
                    self.assertEqual("service-unavailable", refusal.condition)
