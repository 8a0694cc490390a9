"""A TCP relay that delays, stalls and resets what goes through it.

TCP loses nothing that it has accepted, so a bad network is made of these: bytes that come late,
bytes that don't come for a while in one direction, and connections that break. All links of a run
are served by one thread with an event loop; every other method may be called from anywhere.
"""

import asyncio
import random
import socket
import struct
import threading
import time

UP, DOWN = "up", "down"  # towards the server, and back
CHUNK = 16384
# Of one direction of one connection; more is not read from whoever sends it.
MAX_HELD = 64
CONNECT_S = 5


class Weather:
    """How a link is at the moment."""

    def __init__(self):
        self.delay_s = (0.0, 0.0)  # between these, for each chunk
        self.stalled = set()       # directions in which nothing comes through

    @property
    def calm(self):
        return self.delay_s == (0.0, 0.0) and not self.stalled


class Link:
    """A port that leads to another one."""

    def __init__(self, relay, name, listen, target, seed):
        self.name = name
        self.listen = listen
        self.target = target
        self._relay = relay
        self._weather = Weather()
        self._random = random.Random("%s %s" % (seed, name))
        self._changed = asyncio.Condition()
        self._writers = set()
        self._server = None

    # --- what is done to it -------------------------------------------------------------------

    def delay(self, least_s, most_s):
        self._change(lambda weather: setattr(weather, "delay_s", (least_s, most_s)))

    def stall(self, direction):
        self._change(lambda weather: weather.stalled.add(direction))

    def calm(self):
        def clear(weather):
            weather.delay_s = (0.0, 0.0)
            weather.stalled.clear()
        self._change(clear)

    def reset(self):
        """Breaks every connection; both ends get an RST."""
        async def abort():
            for writer in list(self._writers):
                _abort(writer)
        self._relay.call(abort())

    def _change(self, change):
        async def apply():
            change(self._weather)
            async with self._changed:
                self._changed.notify_all()
        self._relay.call(apply())

    # --- its work -----------------------------------------------------------------------------

    async def serve(self):
        self._server = await asyncio.start_server(self._accepted, *self.listen)

    def close(self):
        self._server.close()
        for writer in list(self._writers):
            _abort(writer)

    async def _accepted(self, reader, writer):
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.wait_for(
                asyncio.open_connection(*self.target), CONNECT_S)
        except (OSError, asyncio.TimeoutError):
            # As if nobody listened where this link leads to.
            self._drop(writer)
            return
        self._writers.add(far_writer)
        for one in (writer, far_writer):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.gather(self._pump(reader, far_writer, UP),
                                 self._pump(far_reader, writer, DOWN))
        except OSError:
            pass
        self._drop(writer)
        self._drop(far_writer)

    def _drop(self, writer):
        self._writers.discard(writer)
        _abort(writer)

    async def _pump(self, reader, writer, direction):
        held = asyncio.Queue(MAX_HELD)
        sender = asyncio.create_task(self._send(held, writer, direction))
        try:
            while not sender.done():
                data = await reader.read(CHUNK)
                delay_s = self._random.uniform(*self._weather.delay_s)
                await held.put((time.monotonic() + delay_s, data))
                if not data:
                    break
            await sender
        except OSError:
            # The end that broke tells the other one at once.
            _abort(writer)
            raise
        finally:
            sender.cancel()

    async def _send(self, held, writer, direction):
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            while direction in self._weather.stalled:
                async with self._changed:
                    if direction in self._weather.stalled:
                        await self._changed.wait()
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()


def _abort(writer):
    sock = writer.get_extra_info("socket")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # closed already
    writer.transport.abort()


class Relay:
    """All links of a run."""

    def __init__(self, seed):
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        self.links = {}

    def add(self, name, listen, target):
        async def make():
            link = Link(self, name, listen, target, self._seed)
            await link.serve()
            return link
        self.links[name] = self.call(make())

    def call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def stop(self):
        """Every connection breaks, and nobody listens any more."""
        async def end():
            mine = asyncio.current_task()
            tasks = [task for task in asyncio.all_tasks() if task is not mine]
            for link in self.links.values():
                link.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
