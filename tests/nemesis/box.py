"""A box for one run: network, mount and process namespaces of its own.

Whatever happens inside stays inside. The first process in the box is killed by the kernel when the
one that made it ends, however that ends, and with it goes every other process in the box; then
nobody holds its networks and mounts any more. Only the folder is left after that, and the next run
removes it.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
MS_REMOUNT = 32
PR_SET_PDEATHSIG = 1

PREFIX = "muster-nemesis-"
# What ctest takes for "skipped".
EXIT_IMPOSSIBLE = 77

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_libc = ctypes.CDLL(None, use_errno=True)


class Impossible(Exception):
    """This machine or account can't make namespaces."""


class Stopped(Exception):
    """A signal told the box to end."""


def take_signals():
    """From now on those that ask for an end raise Stopped in the first process."""
    def stop(*_):
        raise Stopped
    for number in ENDING:
        signal.signal(number, stop)


def _check(result, doing):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, "%s: %s" % (doing, os.strerror(code)))


def mount(kind, target, options="", flags=0):
    """mount(2); the program of that name refuses to work for anybody but root."""
    _check(_libc.mount(kind.encode(), str(target).encode(), kind.encode(), flags, options.encode()),
           "cannot mount %s at %s" % (kind, target))


def new_network():
    """A descriptor of a network namespace that nobody is in yet."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.unshare(CLONE_NEWNET), "cannot make a network namespace")
        made = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _check(_libc.setns(home, CLONE_NEWNET), "cannot return to the network namespace")
        return made
    finally:
        os.close(home)


class Folder:
    """The folder of one run. It is locked while the run lives, so that others know."""

    def __init__(self):
        # One at a time: a folder that is being made is not locked yet.
        above = os.open(tempfile.gettempdir(), os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(above, fcntl.LOCK_EX)
            self._remove_left_behind()
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = open(self.path / "lock", "w", encoding="ascii")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            os.close(above)
        # The server runs as somebody else and has a folder in it.
        self.path.chmod(0o711)

    @staticmethod
    def _remove_left_behind():
        for left in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
            try:
                with open(left / "lock", "r", encoding="ascii") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)
            except OSError:
                continue  # somebody's who is alive

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def become_able():
    """Without root the program is started anew, as the same user in a user namespace."""
    if os.geteuid() == 0 or os.environ.get("NEMESIS_IN_USER_NAMESPACE"):
        return
    words = ["unshare", "--user", "--map-current-user", "--keep-caps"]
    if subprocess.run([*words, "--net", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        raise Impossible("namespaces can be made neither as this user nor in a user namespace; "
                         "run it as root")
    os.environ["NEMESIS_IN_USER_NAMESPACE"] = "1"
    os.execvp(words[0], [*words, sys.executable, *sys.orig_argv[1:]])


def run(inside):
    """Calls inside() as the first process of a new box; returns its exit code. SIGINT, SIGTERM and
    SIGHUP are passed on to it and raise Stopped there."""
    _unshare(CLONE_NEWPID, "cannot make a process namespace")
    alive, death = os.pipe()
    # The first process of a namespace doesn't even notice a signal that it has no handler for.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    child = os.fork()
    if child == 0:
        os.close(death)
        os._exit(_first_process(inside, alive))
    os.close(alive)
    for number in ENDING:
        signal.signal(number, lambda got, _: os.kill(child, got))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    _, status = os.waitpid(child, 0)
    os.close(death)
    return os.waitstatus_to_exitcode(status)


def _unshare(flags, doing):
    try:
        _check(_libc.unshare(flags), doing)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSPC, errno.EINVAL):
            raise
        raise Impossible("%s; run it as root, or allow user namespaces" % error.strerror) from None


def _first_process(inside, alive):
    try:
        take_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        _enter(alive)
        return inside()
    except Stopped:
        print("nemesis: stopped by a signal", file=sys.stderr)
        return 1
    except Impossible as error:
        print("nemesis: %s" % error, file=sys.stderr)
        return EXIT_IMPOSSIBLE
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:  # the last one who could say it
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _enter(alive):
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),
           "cannot tie the box to its maker")
    os.set_blocking(alive, False)
    try:
        if os.read(alive, 1) == b"":
            raise SystemExit(1)  # its maker had ended already
    except BlockingIOError:
        pass
    # So that a terminal's Ctrl-C comes once, from the maker.
    os.setsid()
    # The maker keeps its own mounts: it has to remove the folder afterwards.
    _unshare(CLONE_NEWNET | CLONE_NEWNS, "cannot make a network and a mount namespace")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "cannot detach the mounts")
    mount("proc", "/proc")
