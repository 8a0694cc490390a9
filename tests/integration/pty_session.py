"""A program on a terminal of its own: a pty, and a screen that understands what it paints."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pyte


class PtySession:
    """Runs a program as a person would: keys in, a screen out. Ended by close() at the latest."""

    def __init__(self, argv, rows=24, columns=80, **environment):
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.exit_code = None
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.environ.update({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"})
            os.environ.update(environment)
            # Before the program looks.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            try:
                os.execv(argv[0], argv)
            finally:
                os._exit(127)

    @property
    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def type(self, keys):
        os.write(self._fd, keys.encode())

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number):
        os.kill(self._pid, number)

    def _read(self, seconds):
        """False once the program has closed its terminal."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def until(self, condition, what, seconds=20):
        """Waits for the condition on the screen's text."""
        deadline = time.monotonic() + seconds
        while not condition(self.text):
            if time.monotonic() > deadline or not self._read(0.1):
                raise AssertionError("not on the screen: %s\n%s" % (what, self.text))
        return self.text

    def shows(self, words, seconds=20):
        return self.until(lambda text: words in text, words, seconds)

    def shows_all(self, *patterns, seconds=20):
        """Waits until every regular expression is found on one screen. A screen is painted in
        several pieces, so what must hold together has to be waited for together."""
        def complete(text):
            return all(re.search(pattern, text, re.MULTILINE) for pattern in patterns)
        return self.until(complete, " and ".join(patterns), seconds)

    def wait(self, seconds=20):
        """The exit code, once the program has ended."""
        deadline = time.monotonic() + seconds
        while self._read(0.05):
            if time.monotonic() > deadline:
                raise AssertionError("it has not ended\n" + self.text)
        _, status = os.waitpid(self._pid, 0)
        self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code

    def close(self):
        if self.exit_code is None:
            try:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        os.close(self._fd)
