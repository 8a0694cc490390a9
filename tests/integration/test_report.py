"""A month's report: what was promised and what was kept, and that it outlives the coordinator."""

import csv
import datetime
import io
import signal
import socket
import time

from cluster_fixture import ClusterTest, wait_for
from foreign_client import ForeignClient, fields_of, form_of

DROPPED = 60
OUTAGE_S = 3


def this_month():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")


def next_month():
    now = datetime.datetime.now(datetime.timezone.utc)
    return "%04d-%02d" % (now.year + now.month // 12, now.month % 12 + 1)


class Report(ClusterTest):
    def setUp(self):
        super().setUp()
        self.own_cluster(nodes=2)
        self.node = self.cluster.active()["active"]

    def tell_ledger(self, line):
        port = next(n["port"] for n in self.cluster.info()["nodes"] if n["name"] == self.node)
        with socket.create_connection(("127.0.0.1", port), 10) as ledger:
            ledger.sendall((line + "\n").encode())
            return ledger.makefile().readline()

    def report(self, target, *words):
        return self.cluster.ask("report", target, *words)

    def group_row(self, report):
        """The first row, which is the group's own."""
        row = report["services"][0]
        self.assertEqual(("ledger", ""), (row["group"], row["node"]))
        return row

    def harm(self):
        """Drops requests, and has the journal fail for a while; the reports that show it."""
        self.cluster.start_load()
        wait_for(lambda: (self.report("user.ledger")["services"] or [{}])[0].get("good"),
                 "requests are recorded", 90)
        self.tell_ledger("fault drop %d" % DROPPED)
        self.tell_ledger("fault outage on")
        time.sleep(OUTAGE_S)
        self.tell_ledger("fault outage off")

        def users():
            report = self.report("user.ledger")
            return report if self.group_row(report)["bad"] >= DROPPED else None

        def storage():
            report = self.report("storage.ledger")
            over = [o for o in report["outages"] if o["state"] == "over" and not o["node"]]
            return report if over else None
        return (wait_for(users, "the dropped requests are in the report", 90),
                wait_for(storage, "the outage is in the report", 60))

    async def test_what_was_kept_and_that_it_stays(self):
        users, storage = self.harm()
        self.faces_agree(users)
        self.an_outage_has_its_length(storage)
        await self.people_see_it()
        before = self.group_row(self.report("user.ledger"))
        self.cluster.end("coordinator", signal.SIGKILL)
        time.sleep(2)
        self.cluster.up()
        self.cluster.active()
        after = self.report("user.ledger")
        row = self.group_row(after)
        self.assertGreaterEqual(row["bad"], before["bad"])
        self.assertGreaterEqual(row["good"], before["good"])
        self.assertGreaterEqual(row["unknown_ms"], before["unknown_ms"] + 2000)
        self.assertIn("nothing is known", after["summary"])
        outage = self.report("storage.ledger")["outages"][0]
        self.assertEqual(storage["outages"][0]["begin"], outage["begin"])
        # What went on when it was killed nobody saw end.
        self.assertIn("end not seen", [o["state"] for o in after["outages"]])

    def faces_agree(self, users):
        row = self.group_row(users)
        self.assertEqual("user", row["service"])
        self.assertEqual(this_month(), users["month"])
        self.assertLess(row["kept_percent"], 100)
        self.assertIn(row["outcome"], ("below so far", "missed"))
        self.assertGreater(row["budget_spent_percent"], 0)
        self.assertGreater(row["unknown_ms"], 0)
        self.assertTrue(users["outages"])
        today = [d for d in users["days"] if not d["node"]][-1]
        self.assertEqual(row["bad"], sum(d["bad"] for d in users["days"] if not d["node"]))
        self.assertEqual(datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
                         today["day"])

        text = self.cluster.cli("report", "user.ledger").out
        for words in ("By day:", "user.ledger  ", "█ nothing bad", "Promised and kept:",
                      "Outages:", "Incidents:"):
            self.assertIn(words, text)

        done = self.cluster.cli("report", "user.ledger", "-o", "csv")
        self.assertEqual((0, ""), (done.code, done.err))
        lines = list(csv.DictReader(io.StringIO(done.out, newline="")))
        self.assertEqual({"services", "outages", "days"}, {line["list"] for line in lines})
        service = next(line for line in lines if line["list"] == "services")
        self.assertEqual(("user.ledger", this_month(), "user", "ledger", ""),
                         tuple(service[c] for c in ("reply.target", "reply.month", "service",
                                                    "group", "node")))
        self.assertGreaterEqual(int(service["bad"]), row["bad"])

    def an_outage_has_its_length(self, storage):
        outage = next(o for o in storage["outages"] if not o["node"])
        self.assertGreater(outage["length_ms"], 1000 * (OUTAGE_S - 2))
        self.assertLess(outage["length_ms"], 1000 * (OUTAGE_S + 10))
        self.assertLess(outage["begin"], outage["end"])
        self.assertGreater(outage["budget_spent_percent"], 0)

    async def people_see_it(self):
        async with ForeignClient(self.cluster.info(), "observer") as observer:
            said = await observer.chat(self.cluster.group, "report user.ledger")
            self.assertIn("By day:", said)
            self.assertIn("objective kept", said)
            done = await observer.command(self.cluster.group, "report",
                                          fields={"target": "overall", "month": this_month()})
            self.assertEqual([this_month()], fields_of(form_of(done))["month"])

    def test_what_is_wrong_is_named(self):
        def refused(*words):
            done = self.cluster.cli("report", *words)
            self.assertEqual((2, ""), (done.code, done.out))
            return done.err
        self.assertIn("'2026-13' is no month; write year and month with a hyphen, such as %s"
                      % this_month(), refused("ledger", "--month", "2026-13"))
        self.assertIn("%s has not begun yet; the latest month is %s (UTC)"
                      % (next_month(), this_month()), refused("ledger", next_month()))
        self.assertIn("did you mean 'ledger'?", refused("ledgr"))
        self.assertIn("say of what", refused())
        self.assertIn("csv is for the commands", self.cluster.cli("version", "-o", "csv").err)
        old = self.cluster.ask("report", "ledger", "2020-02")
        self.assertIn("Nothing is recorded of ledger in February 2020", old["summary"])
        self.assertTrue(all(row["kept_percent"] is None for row in old["services"]))
        self.assertEqual([], old["chart"])
