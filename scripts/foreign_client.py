"""A chat client that is not ours: slixmpp with the few moves that people make.

Used by the demonstration and by the integration tests.
"""

import asyncio
import logging
from xml.etree import ElementTree as ET

# Before the import, which would remark on an optional accelerator that Debian doesn't ship.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

import slixmpp  # noqa: E402

COMMANDS = "http://jabber.org/protocol/commands"
DATA = "jabber:x:data"


class ForeignClient(slixmpp.ClientXMPP):
    """Logs in over TLS, trusting only the cluster's own CA; keeps what it is told."""

    def __init__(self, cluster, account, resource="phone"):
        who = cluster["accounts"][account]
        super().__init__(who["jid"] + "/" + resource, who["password"])
        self.register_plugin("xep_0004")
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0050")
        self.register_plugin("xep_0199")
        self.ca_certs = cluster["ca_file"]
        self._address = (cluster["c2s"]["host"], cluster["c2s"]["port"])
        self._messages = asyncio.Queue()
        self._refusals = asyncio.Queue()
        self.auto_authorize = False
        self.auto_subscribe = False
        self.presences = {}  # bare JID -> (show or "", status), or None once unavailable
        self._present = {}  # bare JID -> its full JIDs that are available
        self.requests_refused = set()  # bare JIDs that denied, or ended, a subscription
        self._presence_changed = asyncio.Event()
        self.add_event_handler("message", self._on_message)
        self.add_event_handler("message_error", self._refusals.put_nowait)
        self.add_event_handler("presence_unsubscribed", self._on_unsubscribed)
        # slixmpp names the event after <show/>.
        for show in ("available", "away", "chat", "dnd", "xa"):
            self.add_event_handler("presence_" + show, self._on_available)
        self.add_event_handler("presence_unavailable", self._on_unavailable)

    async def __aenter__(self):
        started = asyncio.get_running_loop().create_future()

        def settle(result):
            if not started.done():
                if isinstance(result, Exception):
                    started.set_exception(result)
                else:
                    started.set_result(True)

        self.add_event_handler("session_start", settle)
        self.add_event_handler(
            "failed_all_auth", lambda _: settle(ConnectionError("login refused")))
        self.add_event_handler(
            "connection_failed", lambda reason: settle(ConnectionError(str(reason))))
        self.connect(self._address)
        await asyncio.wait_for(started, 20)
        await self.get_roster()
        self.send_presence()
        return self

    async def __aexit__(self, *_):
        await self.disconnect(wait=1)

    # --- chat ---------------------------------------------------------------------------------

    def _on_message(self, message):
        self._messages.put_nowait(message)

    async def next_message(self, timeout=15):
        return await asyncio.wait_for(self._messages.get(), timeout)

    def has_no_messages(self):
        """Whether every message so far has been looked at; those of type error don't count."""
        return self._messages.empty()

    async def next_refusal(self, timeout=15):
        """The next message of type error."""
        return await asyncio.wait_for(self._refusals.get(), timeout)

    async def chat(self, to, line, timeout=15):
        """Says a line and returns what comes back for it."""
        self.send_message(mto=to, mbody=line, mtype="chat")
        return (await self.next_message(timeout))["body"]

    # --- presence -----------------------------------------------------------------------------

    def _on_available(self, presence):
        bare = presence["from"].bare
        self._present.setdefault(bare, set()).add(presence["from"].full)
        self.presences[bare] = (
            presence.xml.findtext("{jabber:client}show") or "", presence["status"])
        self._presence_changed.set()

    def _on_unavailable(self, presence):
        bare = presence["from"].bare
        present = self._present.setdefault(bare, set())
        present.discard(presence["from"].full)
        # Of the bare JID itself: no resource is there any more.
        if presence["from"].full == bare:
            present.clear()
        if not present:
            self.presences[bare] = None
        self._presence_changed.set()

    def _on_unsubscribed(self, presence):
        self.requests_refused.add(presence["from"].bare)
        self._presence_changed.set()

    async def refused_by(self, bare, timeout=15):
        """Waits until the contact has denied, or ended, the subscription."""
        async def wait():
            while bare not in self.requests_refused:
                self._presence_changed.clear()
                await self._presence_changed.wait()
        await asyncio.wait_for(wait(), timeout)

    async def presence_of(self, bare, wanted=lambda shown: shown is not None, timeout=15):
        """Waits until the contact shows what is wanted, and returns it."""
        async def wait():
            while True:
                self._presence_changed.clear()
                if bare in self.presences and wanted(self.presences[bare]):
                    return self.presences[bare]
                await self._presence_changed.wait()
        return await asyncio.wait_for(wait(), timeout)

    # --- commands -----------------------------------------------------------------------------

    async def commands_of(self, jid):
        """{node: name} as service discovery lists them."""
        items = await self["xep_0030"].get_items(jid=jid, node=COMMANDS, timeout=15)
        return {node: name for _, node, name in items["disco_items"]["items"]}

    async def command(self, jid, node, action=None, session=None, fields=None, timeout=30):
        """One stage by hand; returns the <command/> element. Raises IqError."""
        iq = self.make_iq_set(ito=jid)
        command = ET.Element("{%s}command" % COMMANDS, node=node)
        if action:
            command.set("action", action)
        if session:
            command.set("sessionid", session)
        if fields is not None:
            form = ET.SubElement(command, "{%s}x" % DATA, type="submit")
            for var, value in fields.items():
                field = ET.SubElement(form, "{%s}field" % DATA, var=var)
                values = value if isinstance(value, list) else [value]
                for one in values:
                    ET.SubElement(field, "{%s}value" % DATA).text = one
        iq.append(command)
        answer = await iq.send(timeout=timeout)
        return answer.xml.find("{%s}command" % COMMANDS)


def form_of(command):
    """The data form in a <command/>, or None."""
    return command.find("{%s}x" % DATA)


def fields_of(form):
    """{var: [values]} of a form."""
    return {
        field.get("var"): [value.text or "" for value in field.findall("{%s}value" % DATA)]
        for field in form.findall("{%s}field" % DATA)
    }


def table_of(form):
    """The rows of a form's table, each as {var: value}."""
    rows = []
    for item in form.findall("{%s}item" % DATA):
        rows.append({var: values[0] if values else ""
                     for var, values in fields_of(item).items()})
    return rows


def notes_of(command):
    return [(note.get("type", "info"), note.text or "")
            for note in command.findall("{%s}note" % COMMANDS)]
