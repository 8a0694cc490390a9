"""What is forced waits for a second admin, whatever face it was asked at."""

import asyncio
import re
import unittest

from cluster_fixture import wait_for
from foreign_client import ForeignClient, notes_of
from site_server import ADMIN, COORDINATOR, OPERATOR, PASSWORD, Prosody, Site

SECOND = "olga@people.localhost"
THIRD = "otto@people.localhost"


class FourEyesSite(Site):
    """Olga is an admin as well, and Otto an operator."""

    def __init__(self):
        super().__init__(Prosody)

    def _coordinator_toml(self, name):
        text = super()._coordinator_toml(name)
        text = text.replace('admins = ["%s"]' % ADMIN, 'admins = ["%s", "%s"]' % (ADMIN, SECOND))
        text = text.replace('operators = ["%s"]' % OPERATOR, 'operators = ["%s"]' % THIRD)
        text = text.replace('observers = ["%s"]' % THIRD, "observers = []")
        return text + "\n[policy]\nfour_eyes = true\n"


def error_of(refused):
    return refused.json["error"]["text"]


def code_in(text):
    return re.search(r"approve (\d{6})", text).group(1)


async def heard(client, what):
    """The next message with it; others may come before, also from an earlier test."""
    while True:
        body = (await client.next_message())["body"]
        if what in body:
            return body


async def ask(client, line, what):
    client.send_message(mto=COORDINATOR, mbody=line, mtype="chat")
    return await heard(client, what)


class FourEyes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = FourEyesSite()
        cls.addClassCleanup(cls.site.remove)
        cls.site.start()

    def force(self, jid=ADMIN):
        return self.site.cli("failover", "storage", "--force", jid=jid)

    def client(self, jid):
        server = self.site.server
        return ForeignClient({"accounts": {"who": {"jid": jid, "password": PASSWORD}},
                              "ca_file": str(server.ca_file),
                              "c2s": {"host": "127.0.0.1", "port": server.port}}, "who")

    def epoch(self):
        return self.site.active()["epoch"]

    def test_a_second_admin_carries_it_out(self):
        before = self.epoch()
        asked = self.force()
        self.assertNotEqual(0, asked.code)
        self.assertIn("nothing is done yet", error_of(asked))
        self.assertEqual(before, self.epoch())
        code = code_in(error_of(asked))
        own = self.site.cli("approve", code, jid=ADMIN)
        self.assertIn("you have asked for it yourself", error_of(own))
        operator = self.site.cli("approve", code, jid=THIRD)
        self.assertNotEqual(0, operator.code)
        self.assertEqual(before, self.epoch())
        approved = self.site.cli("approve", code, jid=SECOND)
        self.assertEqual(0, approved.code, approved)
        self.assertEqual(ADMIN, approved.json["by"])
        wait_for(lambda: self.epoch() == before + 1, "the role has moved")
        again = self.site.cli("approve", code, jid=SECOND)
        self.assertIn("no forced command waits under the code", error_of(again))
        trail = self.site.cli("audit", "--verb", "failover", jid=SECOND).json["records"]
        self.assertTrue(any(ADMIN in entry["who"] and "approved by " + SECOND in entry["text"]
                            for entry in trail), trail)

    def test_only_an_admin_forces(self):
        refused = self.force(jid=THIRD)
        self.assertIn("only an admin may force something here", error_of(refused))

    def test_what_is_not_forced_and_a_dry_run_need_nobody(self):
        planned = self.site.cli("failover", "storage", "--force", "--dry-run", jid=THIRD)
        self.assertEqual(0, planned.code, planned)
        moved = self.site.cli("failover", "storage", "--wait", jid=THIRD)
        self.assertEqual(0, moved.code, moved)

    def test_a_restart_voids_what_waits(self):
        code = code_in(error_of(self.force()))
        self.site.crash("coordinator")
        self.site.restart_daemon("coordinator")
        self.site.all_there()
        void = self.site.cli("approve", code, jid=SECOND)
        self.assertIn("no forced command waits under the code", error_of(void))

    def test_by_form(self):
        async def submit():
            async with self.client(ADMIN) as ada, self.client(SECOND) as olga:
                asked = await ada.command(COORDINATOR, "failover",
                                          fields={"group": "storage", "force": "1"})
                code = code_in(notes_of(asked)[0][1])
                done = await olga.command(COORDINATOR, "approve", fields={"code": code})
                return done.get("status"), notes_of(done)
        before = self.epoch()
        status, notes = asyncio.run(asyncio.wait_for(submit(), 60))
        self.assertEqual("completed", status)
        self.assertIn("is approved", notes[0][1])
        wait_for(lambda: self.epoch() == before + 1, "the role has moved")

    def test_exec_is_no_way_round(self):
        asked = self.site.cli("exec", COORDINATOR, "failover", "group=storage", "force=true",
                              jid=ADMIN)
        self.assertIn("nothing is done yet", asked.out)

    def test_in_chat(self):
        before = self.epoch()

        async def talk():
            async with self.client(ADMIN) as ada, self.client(SECOND) as olga:
                asked = await ask(ada, "failover storage force=yes", "This would carry out")
                own_code = re.search(r"code (\d{6})", asked).group(1)
                # The code that chat wants back is none of a second admin's.
                await ask(olga, "approve " + own_code, "no forced command waits under the code")
                code = code_in(await ask(ada, own_code, "nothing is done yet"))
                told = await heard(olga, code)
                self.assertIn(ADMIN + " wants: failover storage force=true", told)
                await ask(ada, code, "no command awaits a code")
                await ask(ada, "approve " + code, "another admin has to approve it")
                done = await ask(olga, "approve " + code, "is approved")
                self.assertIn(ADMIN, done)
                await heard(ada, SECOND + " has approved: failover storage force=true")
        asyncio.run(asyncio.wait_for(talk(), 60))
        wait_for(lambda: self.epoch() == before + 1, "the role has moved")


if __name__ == "__main__":
    unittest.main()
