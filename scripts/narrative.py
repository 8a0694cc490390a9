"""How the demonstration tells what it does, and how it notices that something did not happen."""

import asyncio


class Failed(Exception):
    """Something that was to be shown did not happen."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def title(text):
    print("\n== " + text + " " + "=" * max(0, 90 - len(text)), flush=True)


def show(text):
    for line in str(text).rstrip("\n").split("\n"):
        print("   " + line, flush=True)


async def hear(client, words, seconds):
    """The first message with all those words that was not heard yet. What comes before it may be
    asked for later: two people's notifications have no order among each other."""
    def wanted(body):
        return all(word in body for word in words)

    async def look():
        for body in client.unheard:
            if wanted(body):
                client.unheard.remove(body)
                return body
        while True:
            body = (await client.next_message(seconds))["body"]
            if wanted(body):
                return body
            client.unheard.append(body)
    return await asyncio.wait_for(look(), seconds)


async def say(client, to, line, words, seconds=15):
    """Says a line, and shows it with the answer that has those words."""
    print("%s -> %s: %s" % (client.boundjid.user, to, line), flush=True)
    client.send_message(mto=to, mbody=line, mtype="chat")
    answer = await hear(client, words, seconds)
    show(answer)
    return answer
