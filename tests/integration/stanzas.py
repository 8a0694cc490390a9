"""What comes over the wire, as tests look at it."""

from xml.etree import ElementTree as ET

from slixmpp.exceptions import IqError

COMMANDS = "http://jabber.org/protocol/commands"
DATA = "jabber:x:data"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
CLIENT = "jabber:client"


class Refusal:
    """An error stanza: its condition, the command's own condition, its words, what it echoes."""

    def __init__(self, stanza):
        error = stanza.find("{%s}error" % CLIENT)
        self.type = error.get("type")
        self.condition = ""
        self.application = ""
        self.text = ""
        for child in error:
            namespace, _, name = child.tag[1:].partition("}")
            if namespace == COMMANDS:
                self.application = name
            elif name == "text":
                self.text = child.text or ""
            elif namespace == STANZAS:
                self.condition = name
        self.command = stanza.find("{%s}command" % COMMANDS)
        # All that is told besides who speaks to whom.
        self.children = [ET.tostring(child) for child in stanza]

    def __repr__(self):
        return "%s/%s '%s'" % (self.condition, self.application, self.text)


async def refusal_of(request):
    """The error with which a request is answered."""
    try:
        answer = await request
    except IqError as error:
        return Refusal(error.iq.xml)
    raise AssertionError("not refused: %s" % answer)


async def query(client, jid, namespace, node=None):
    """The <query/> with which disco answers."""
    iq = client.make_iq_get(ito=jid)
    element = ET.Element("{%s}query" % namespace)
    if node:
        element.set("node", node)
    iq.append(element)
    answer = await iq.send(timeout=15)
    return answer.xml.find("{%s}query" % namespace)


def child(element, name, namespace=COMMANDS):
    return element.find("{%s}%s" % (namespace, name))


def actions_of(command):
    """(the default, [those listed]) of a stage."""
    actions = child(command, "actions")
    if actions is None:
        return None
    return actions.get("execute"), [each.tag.rpartition("}")[2] for each in actions]


def form_fields(form):
    """{var: <field/>}, in the form's order."""
    return {field.get("var"): field for field in form.findall("{%s}field" % DATA)}


def options_of(field):
    """[(label, value)] of a list."""
    return [(option.get("label"), option.findtext("{%s}value" % DATA) or "")
            for option in field.findall("{%s}option" % DATA)]
