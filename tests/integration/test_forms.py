"""Commands as XEP-0050 sessions with XEP-0004 forms, step by step."""

from xml.etree import ElementTree as ET

from cluster_fixture import SharedClusterTest
from foreign_client import ForeignClient, fields_of, form_of, notes_of, table_of
from stanzas import COMMANDS, DATA, actions_of, child, form_fields, options_of, refusal_of

LEVELS = ["trace", "debug", "info", "warn", "error", "critical", "off", "reset"]
# As one of ours, but made up here.
UNKNOWN_SESSION = "0123456789abcdef0123456789abcdef"


class Forms(SharedClusterTest):
    def client(self, account, resource="phone"):
        return ForeignClient(self.cluster.info(), account, resource)

    def assertStage(self, stage, verb):
        """A whole executing stage, as all clients need it."""
        self.assertEqual("executing", stage.get("status"))
        self.assertEqual(verb, stage.get("node"))
        self.assertTrue(stage.get("sessionid"))
        self.assertEqual(("complete", ["complete"]), actions_of(stage))
        self.assertEqual(1, len(stage.findall("{%s}x" % DATA)))
        self.assertEqual("form", form_of(stage).get("type"))

    def assertCompleted(self, done, verb):
        """Completed, with one note that clients may print as a format string."""
        self.assertEqual("completed", done.get("status"))
        self.assertEqual(verb, done.get("node"))
        self.assertIsNone(actions_of(done))
        notes = notes_of(done)
        self.assertEqual(1, len(notes), notes)
        self.assertNotIn("%", notes[0][1])
        self.assertNotIn("\n", notes[0][1])
        self.assertEqual("result", form_of(done).get("type"))
        return notes[0]

    async def test_the_form_of_log_level(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("operator") as operator:
            stage = await operator.command(jid, "log-level")
            self.assertStage(stage, "log-level")
            form = form_of(stage)
            self.assertEqual("Log levels", child(form, "title", DATA).text)
            self.assertTrue(child(form, "instructions", DATA).text)
            fields = form_fields(form)
            self.assertEqual(["FORM_TYPE", "logger", "level", "for"], list(fields))
            self.assertEqual("hidden", fields["FORM_TYPE"].get("type"))
            self.assertEqual(["urn:muster:command:log-level"], fields_of(form)["FORM_TYPE"])
            self.assertEqual("text-single", fields["logger"].get("type"))
            self.assertIn("storage", child(fields["logger"], "desc", DATA).text)
            self.assertEqual("list-single", fields["level"].get("type"))
            self.assertEqual([("(not set)", "")] + [(level, level) for level in LEVELS],
                             options_of(fields["level"]))
            self.assertEqual("text-single", fields["for"].get("type"))
            for var in ("logger", "level", "for"):
                self.assertTrue(fields[var].get("label"))
                self.assertIsNone(child(fields[var], "required", DATA))

    async def test_an_observers_form_has_only_what_an_observer_may_give(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("observer") as observer:
            stage = await observer.command(jid, "log-level")
            self.assertEqual(["FORM_TYPE", "logger"], list(form_fields(form_of(stage))))

    async def test_the_form_of_failover_and_where_the_group_is_implied(self):
        async with self.client("operator") as operator:
            stage = await operator.command(self.cluster.coordinator, "failover")
            self.assertStage(stage, "failover")
            fields = form_fields(form_of(stage))
            self.assertEqual(["FORM_TYPE", "group", "to", "expect-epoch", "wait", "dry-run",
                              "force", "at"], list(fields))
            self.assertIsNotNone(child(fields["group"], "required", DATA))
            self.assertEqual([("ledger", "ledger")], options_of(fields["group"]))
            self.assertEqual(["", "node1", "node2", "node3"],
                             [value for _, value in options_of(fields["to"])])
            self.assertEqual("boolean", fields["wait"].get("type"))
            self.assertEqual(["false"], fields_of(form_of(stage))["wait"])

            stage = await operator.command(self.cluster.group, "failover")
            self.assertEqual(["FORM_TYPE", "to", "expect-epoch", "wait", "dry-run", "force",
                              "at"],
                             list(form_fields(form_of(stage))))

    async def test_a_submitted_form_completes(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("operator") as operator:
            stage = await operator.command(jid, "log-level")
            done = await operator.command(
                jid, "log-level", action="complete", session=stage.get("sessionid"),
                fields={"FORM_TYPE": "urn:muster:command:log-level", "logger": "user",
                        "level": "", "for": ""})
            self.assertEqual(stage.get("sessionid"), done.get("sessionid"))
            kind, _ = self.assertCompleted(done, "log-level")
            self.assertEqual("info", kind)
            rows = table_of(form_of(done))
            self.assertEqual([("user", "info")],
                             [(row["name"], row["effective"]) for row in rows])
            # Clients that can't show a table have it as text.
            self.assertIn("text-multi",
                          [field.get("type") for field in form_fields(form_of(done)).values()])
            # The session is over.
            refusal = await refusal_of(operator.command(
                jid, "log-level", action="complete", session=stage.get("sessionid"), fields={}))
            self.assertEqual(("bad-request", "bad-sessionid"),
                             (refusal.condition, refusal.application))

    async def test_next_and_a_missing_action_complete_as_well(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("operator") as operator:
            for action in ("next", None, "execute"):
                with self.subTest(action=action):
                    stage = await operator.command(jid, "log-level", action=None)
                    done = await operator.command(
                        jid, "log-level", action=action, session=stage.get("sessionid"),
                        fields={"logger": "storage"})
                    self.assertCompleted(done, "log-level")

    async def test_a_first_request_with_a_form_is_carried_out_at_once(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("operator") as operator:
            done = await operator.command(jid, "log-level", fields={"logger": "storage"})
            self.assertCompleted(done, "log-level")

    async def test_prev_shows_the_stage_again_and_keeps_the_session(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("operator") as operator:
            stage = await operator.command(jid, "log-level")
            session = stage.get("sessionid")
            # What comes with it is not looked at.
            again = await operator.command(jid, "log-level", action="prev", session=session,
                                           fields={"level": "nonsense"})
            self.assertStage(again, "log-level")
            self.assertEqual(session, again.get("sessionid"))
            self.assertEqual([], notes_of(again))
            done = await operator.command(jid, "log-level", action="complete", session=session,
                                          fields={"logger": "user"})
            self.assertCompleted(done, "log-level")

    async def test_cancel_ends_the_session(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("operator") as operator:
            stage = await operator.command(jid, "log-level")
            session = stage.get("sessionid")
            canceled = await operator.command(jid, "log-level", action="cancel", session=session)
            self.assertEqual("canceled", canceled.get("status"))
            self.assertEqual(session, canceled.get("sessionid"))
            self.assertIsNone(form_of(canceled))
            refusal = await refusal_of(operator.command(
                jid, "log-level", action="complete", session=session, fields={}))
            self.assertEqual("bad-sessionid", refusal.application)

    async def test_an_unknown_session_is_refused_and_echoed(self):
        async with self.client("operator") as operator:
            for jid, verb in ((self.cluster.node_jid("node1"), "log-level"),
                              (self.cluster.coordinator, "failover"),
                              (self.cluster.group, "failover")):
                for action in ("complete", "next", "prev"):
                    with self.subTest(jid=jid, action=action):
                        refusal = await refusal_of(operator.command(
                            jid, verb, action=action, session=UNKNOWN_SESSION, fields={}))
                        self.assertEqual(("bad-request", "bad-sessionid"),
                                         (refusal.condition, refusal.application))
                        self.assertEqual(verb, refusal.command.get("node"))
                        self.assertEqual(UNKNOWN_SESSION, refusal.command.get("sessionid"))

    async def test_a_session_belongs_to_one_full_jid_one_address_and_one_command(self):
        group, coordinator = self.cluster.group, self.cluster.coordinator
        begun = "SELECT count(*) AS n FROM audit WHERE code = 'begun'"
        [before] = self.cluster.query(begun)
        async with self.client("operator") as operator, self.client("admin") as admin, \
                self.client("operator", "laptop") as elsewhere:
            stage = await operator.command(group, "failover")
            session = stage.get("sessionid")
            thieves = [(admin, group), (elsewhere, group), (operator, coordinator)]
            for thief, place in thieves:
                for action in ("complete", "prev"):
                    with self.subTest(thief=thief.boundjid.full, place=place, action=action):
                        refusal = await refusal_of(thief.command(
                            place, "failover", action=action, session=session, fields={}))
                        self.assertEqual("bad-sessionid", refusal.application)
            # None of them has done it any harm.
            canceled = await operator.command(group, "failover", action="cancel", session=session)
            self.assertEqual("canceled", canceled.get("status"))
        self.assertEqual([before], self.cluster.query(begun))

    async def test_a_malformed_action_is_refused(self):
        async with self.client("operator") as operator:
            for jid, verb in ((self.cluster.node_jid("node1"), "log-level"),
                              (self.cluster.coordinator, "failover")):
                with self.subTest(jid=jid):
                    refusal = await refusal_of(operator.command(jid, verb, action="jump"))
                    self.assertEqual(("bad-request", "malformed-action"),
                                     (refusal.condition, refusal.application))
                    self.assertIn("jump", refusal.text)

    async def test_a_first_request_can_only_execute(self):
        async with self.client("operator") as operator:
            for action in ("next", "prev", "complete"):
                with self.subTest(action=action):
                    refusal = await refusal_of(operator.command(
                        self.cluster.coordinator, "failover", action=action))
                    self.assertEqual(("bad-request", "bad-action"),
                                     (refusal.condition, refusal.application))

    async def test_an_unknown_command_is_not_found_and_the_right_one_suggested(self):
        async with self.client("operator") as operator:
            for jid, verb, meant in ((self.cluster.node_jid("node1"), "log-levle", "log-level"),
                                     (self.cluster.coordinator, "failovr", "failover"),
                                     (self.cluster.group, "staus", "status")):
                with self.subTest(jid=jid):
                    refusal = await refusal_of(operator.command(jid, verb))
                    self.assertEqual("item-not-found", refusal.condition)
                    self.assertIn("'%s'" % meant, refusal.text)

    async def test_a_bad_value_brings_the_same_stage_again_with_the_error(self):
        jid = self.cluster.node_jid("node1")
        bad = [({"logger": "storage", "level": "loud"}, "level", "loud"),
               ({"logger": "storage", "level": "debug", "for": "soon"}, "for", "soon"),
               ({"logger": "storage", "level": "debug", "for": "10ms"}, "for", "10ms"),
               ({"logger": "nosuchlogger"}, "logger", "nosuchlogger"),
               ({"logger": "storage", "what": "x"}, "what", "what")]
        async with self.client("operator") as operator:
            stage = await operator.command(jid, "log-level")
            session = stage.get("sessionid")
            for fields, wrong, said in bad:
                with self.subTest(fields=fields):
                    again = await operator.command(jid, "log-level", action="complete",
                                                   session=session, fields=fields)
                    self.assertStage(again, "log-level")
                    self.assertEqual(session, again.get("sessionid"))
                    # In a note, in the instructions and in a field, since clients show one.
                    [(kind, note)] = notes_of(again)
                    self.assertEqual("error", kind)
                    for text in (wrong, said):
                        self.assertIn(text, note)
                    form = form_of(again)
                    self.assertIn(said, child(form, "instructions", DATA).text)
                    fixed = [field for field in form_fields(form).values()
                             if field.get("type") == "fixed"]
                    self.assertEqual(1, len(fixed))
                    self.assertTrue(fixed[0].get("var"))
                    # Filled in with what was right.
                    if wrong != "logger":
                        self.assertEqual(["storage"], fields_of(form)["logger"])
            done = await operator.command(jid, "log-level", action="complete", session=session,
                                          fields={"logger": "storage"})
            self.assertCompleted(done, "log-level")

    async def test_a_missing_required_value_is_asked_for(self):
        async with self.client("operator") as operator:
            again = await operator.command(self.cluster.coordinator, "failover",
                                           fields={"group": ""})
            self.assertStage(again, "failover")
            self.assertIn("group is missing", notes_of(again)[0][1])

    async def test_a_form_of_another_command_is_not_taken(self):
        async with self.client("operator") as operator:
            again = await operator.command(
                self.cluster.group, "failover",
                fields={"FORM_TYPE": "urn:muster:command:log-level"})
            self.assertEqual("executing", again.get("status"))
            self.assertIn("urn:muster:command:failover", notes_of(again)[0][1])

    async def test_two_values_for_one_field_are_refused(self):
        async with self.client("operator") as operator:
            again = await operator.command(self.cluster.node_jid("node1"), "log-level",
                                           fields={"logger": ["storage", "user"]})
            self.assertStage(again, "log-level")
            self.assertIn("2 values", notes_of(again)[0][1])

    async def test_two_forms_or_a_form_of_the_wrong_type_are_bad_payload(self):
        jid = self.cluster.node_jid("node1")
        async with self.client("operator") as operator:
            for types in (("submit", "submit"), ("form",), ("result",), ("nonsense",)):
                with self.subTest(types=types):
                    iq = operator.make_iq_set(ito=jid)
                    command = ET.Element("{%s}command" % COMMANDS, node="log-level")
                    for each in types:
                        ET.SubElement(command, "{%s}x" % DATA, type=each)
                    iq.append(command)
                    refusal = await refusal_of(iq.send(timeout=15))
                    self.assertEqual(("bad-request", "bad-payload"),
                                     (refusal.condition, refusal.application))

    async def test_immediate_commands_complete_at_once(self):
        async with self.client("observer") as observer:
            for jid, verb in ((self.cluster.coordinator, "status"),
                              (self.cluster.coordinator, "nodes"),
                              (self.cluster.group, "status"),
                              (self.cluster.group, "nodes"),
                              (self.cluster.node_jid("node1"), "service-level"),
                              (self.cluster.node_jid("node1"), "node-info")):
                with self.subTest(jid=jid, verb=verb):
                    done = await observer.command(jid, verb)
                    self.assertCompleted(done, verb)

    async def test_the_tables_say_what_the_command_line_says(self):
        async with self.client("observer") as observer:
            rows = table_of(form_of(await observer.command(self.cluster.coordinator, "nodes")))
            wanted = self.cluster.nodes()
            self.assertEqual([(node["name"], node["jid"], node["role"]) for node in wanted],
                             [(row["name"], row["jid"], row["role"]) for row in rows])
            [row] = table_of(form_of(await observer.command(self.cluster.group, "status")))
            group = self.cluster.status()
            self.assertEqual((group["active"], str(group["epoch"]), "ACTIVE"),
                             (row["active"], row["epoch"], row["phase"]))

    async def test_a_failure_is_completed_with_an_error_note(self):
        epoch = self.cluster.status()["epoch"]
        async with self.client("operator") as operator:
            done = await operator.command(self.cluster.group, "failover",
                                          fields={"expect-epoch": str(epoch + 1000)})
            kind, text = self.assertCompleted(done, "failover")
            self.assertEqual("error", kind)
            self.assertIn("nothing was moved", text)
        self.assertEqual(epoch, self.cluster.status()["epoch"])

    async def test_many_open_sessions_push_out_ones_own_oldest_and_nobody_elses(self):
        jid = self.cluster.node_jid("node2")
        async with self.client("operator") as operator, self.client("admin") as admin:
            others = (await admin.command(jid, "log-level")).get("sessionid")
            sessions = []
            for _ in range(20):
                stage = await operator.command(jid, "log-level")
                self.assertStage(stage, "log-level")
                sessions.append(stage.get("sessionid"))
            refusal = await refusal_of(operator.command(jid, "log-level", action="prev",
                                                        session=sessions[0]))
            self.assertEqual("bad-sessionid", refusal.application)
            for person, session in ((operator, sessions[-1]), (admin, others)):
                self.assertStage(await person.command(jid, "log-level", action="prev",
                                                      session=session), "log-level")
