"""The part of the demonstration that is about a program that was never changed."""

import asyncio
import shlex

from foreign_client import ForeignClient
from narrative import expect, hear, say, show, title
from unchanged_program import NAME, UnchangedProgram

# The level looks back on 10 s (examples/unchanged/rules.toml), and all must be well for 30 s.
OVER_S = 90


class Unchanged:
    """A node more, and the operator who looks after it. As a context: enrolled and under the agent
    within, and nothing is left of it behind."""

    def __init__(self, cluster, binaries):
        self.cluster = cluster
        self.info = cluster.info()
        self.coordinator = self.info["coordinator"]
        self.program = UnchangedProgram(cluster.dir, self.info, binaries)
        self.node = None  # full JID
        self.operator = None

    async def __aenter__(self):
        title("A program that was never changed, under muster-agent")
        self.cluster.muster("--as", "admin", "enroll", self.program.jid)
        print("$ " + shlex.join(self.program.command()).replace(str(self.cluster.dir), "DIR"))
        self.program.start()
        self.operator = ForeignClient(self.info, "operator", "desk")
        self.operator.auto_authorize = True
        self.operator.unheard = []
        self.operator.register_plugin("xep_0184", {"auto_request": False})
        await self.operator.__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.operator.__aexit__()
        self.program.stop()

    async def show_presence(self):
        jid = self.program.jid
        self.operator.send_presence_subscription(pto=jid)
        shown, status = await self.operator.presence_of(
            jid, lambda s: s is not None and "Stock service level: 100%" in s[1], 90)
        show("%s  [%s]\n    %s" % (jid, shown or "available", status.replace("\n", "\n    ")))
        self.node = next(n["jid"] for n in self.cluster.nodes() if n["name"] == NAME)

    async def fall(self):
        """From the message that something is wrong to the person who has found out what."""
        operator = self.operator
        await say(operator, self.coordinator, "subscribe %s for=2s" % NAME, ["Target"])
        print("$ mv stock.txt stock.txt.old      (somebody's mistake)")
        self.program.lose_the_list()
        message = await hear(operator, ["Incident", "(page), " + NAME, "Logs: "], 60)
        show("to the operator:\n  " + message.replace("\n", "\n  "))
        expect("> " in message, "the message has no log lines")
        number = message.split()[1]
        search = next(line for line in message.split("\n") if line.startswith("Logs: "))[6:]
        await say(operator, self.coordinator, search + " limit=3",
                  ["No such file", "Older lines"])
        await say(operator, self.coordinator, "top-errors " + NAME, ["can't say how many"])
        return number

    async def find_out(self, number):
        operator = self.operator
        await say(operator, self.node, "log-level stock debug for=1m", ["debug"])
        await say(operator, self.node, "tail logger=stock.* -/^can't/ for=1m", ["untail"])
        followed = await hear(operator, ["looking for", "Authorization: ***"], 30)
        show("\n".join(followed.split("\n")[:4]))
        await say(operator, self.node, "untail", ["Ended"])
        await say(operator, self.node, "log-level stock reset", ["own level again"])
        await say(operator, self.coordinator,
                  "ack %s 'stock.txt is gone; putting it back'" % number, ["is yours"])
        print("$ mv stock.txt.old stock.txt")
        self.program.bring_it_back()

    async def is_over(self):
        title("Meanwhile, with the program that was never changed")
        show("to the operator: " + await hear(self.operator, [NAME, "is over"], OVER_S))
        await say(self.operator, self.coordinator, "unsubscribe " + NAME, ["no more of " + NAME])
        self.cluster.muster("logs", NAME, "level>=error", "--limit", "1", "-o", "raw")


async def show_unchanged(cluster, binaries, meanwhile):
    async with Unchanged(cluster, binaries) as shown:
        await shown.show_presence()
        number = await shown.fall()
        await shown.find_out(number)
        await asyncio.to_thread(meanwhile)
        await shown.is_over()
