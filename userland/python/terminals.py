"""Terminals under Python: the `termios` module, and what `os` does with terminals, sessions and the names below /dev.

The terminals are the machine's: /dev/tty, /dev/console, /dev/ptmx and /dev/pts lead there, whoever opens them.
"""

import os

from userland import libc
from userland.python.addresses import index
from userland.python.extension import extension_module, public
from userland.python.interpreter import checked, interpreter, os_error

DEVICES = ("/dev/tty", "/dev/console", "/dev/ptmx", "/dev/pts")
DESCRIPTORS = "/proc/self/fd/"
IFLAG, OFLAG, CFLAG, LFLAG, ISPEED, OSPEED, CC = range(7)


def is_machines_path(path):
    """True for a path that leads to a terminal."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    text = os.fsdecode(path)
    return text in DEVICES or text.startswith("/dev/pts/")


def open_terminal(path, flags, mode=0o777):
    """os.open for such a path."""
    return checked(libc.open(os.fsencode(path), flags | libc.O_CLOEXEC, mode))


def flags_of(mode):
    """open's mode as flags: terminals are neither truncated nor made."""
    if "+" in mode:
        return libc.O_RDWR
    return libc.O_RDONLY if "r" in mode else libc.O_WRONLY


# --- termios ---


def termios_module(host, is_machines):
    """A new `termios` module: `host`'s with the machine's descriptors."""
    error = host.error
    characters = host.NCCS

    def number(fd):
        found = fd if isinstance(fd, int) else fd.fileno()
        if not isinstance(found, int):
            raise TypeError("argument must be an int, or have a fileno() method.")
        return found

    def done(result):
        """The result of a libc call; termios.error where it failed."""
        if result in (-1, None):
            code = libc.get_errno()
            raise error(code, libc.strerror(code))

    def tcgetattr(fd, /):
        """tcgetattr(fd) -> [iflag, oflag, cflag, lflag, ispeed, ospeed, cc]"""
        fd = number(fd)
        if not is_machines(fd):
            return host.tcgetattr(fd)
        settings = libc.tcgetattr(fd)
        done(settings)
        cc = [bytes((byte,)) for byte in settings.c_cc.ljust(characters, b"\0")]
        if not settings.c_lflag & libc.ICANON:
            for position in (libc.VMIN, libc.VTIME):
                cc[position] = cc[position][0]
        speeds = [libc.cfgetispeed(settings), libc.cfgetospeed(settings)]
        return [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag, *speeds, cc]

    def tcsetattr(fd, when, attributes, /):
        """tcsetattr(fd, when, attributes)"""
        fd = number(fd)
        if not is_machines(fd):
            host.tcsetattr(fd, when, attributes)
            return
        if not isinstance(attributes, list) or len(attributes) != 7:
            raise TypeError("tcsetattr, arg 3: must be 7 element list")
        cc = attributes[CC]
        if not isinstance(cc, list) or len(cc) != characters:
            raise TypeError(f"tcsetattr: attributes[6] must be {characters} element list")
        settings = libc.tcgetattr(fd)
        done(settings)
        settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag = (
            index(word) & 0xFFFFFFFF for word in attributes[:4]
        )
        for position in range(len(settings.c_cc)):
            value = cc[position]
            if isinstance(value, bytes) and len(value) == 1:
                settings.c_cc[position] = value[0]
            elif isinstance(value, int):
                settings.c_cc[position] = value & 0xFF
            else:
                raise TypeError("tcsetattr: elements of attributes must be characters or integers")
        done(libc.cfsetspeed(settings, index(attributes[OSPEED])))
        done(libc.tcsetattr(fd, index(when), settings))

    def tcgetwinsize(fd, /):
        """tcgetwinsize(fd) -> (rows, columns)"""
        fd = number(fd)
        if not is_machines(fd):
            return host.tcgetwinsize(fd)
        size = libc.get_winsize(fd)
        done(size)
        return size[:2]

    def tcsetwinsize(fd, winsize, /):
        """tcsetwinsize(fd, (rows, columns))"""
        fd = number(fd)
        if not is_machines(fd):
            host.tcsetwinsize(fd, winsize)
            return
        if len(winsize) != 2:
            raise TypeError("tcsetwinsize, arg 2: must be a two-item sequence")
        rows, columns = (index(part) for part in winsize)
        if not (0 <= rows <= 0xFFFF and 0 <= columns <= 0xFFFF):
            raise OverflowError("winsize value(s) out of range.")
        done(libc.set_winsize(fd, rows, columns))

    def requesting(name, call):
        """A function of a descriptor and a number."""
        of_host = getattr(host, name)

        def request(fd, argument, /):
            fd = number(fd)
            if not is_machines(fd):
                return of_host(fd, argument)
            return done(call(fd, index(argument)))

        request.__name__ = request.__qualname__ = name
        request.__doc__ = of_host.__doc__
        return request

    def tcdrain(fd, /):
        """tcdrain(fd)"""
        fd = number(fd)
        if not is_machines(fd):
            return host.tcdrain(fd)
        return done(libc.tcdrain(fd))

    ours = {name: requesting(name, getattr(libc, name)) for name in ("tcflush", "tcflow", "tcsendbreak")}
    ours.update(tcgetattr=tcgetattr, tcsetattr=tcsetattr, tcdrain=tcdrain)
    if hasattr(host, "tcgetwinsize"):
        ours.update(tcgetwinsize=tcgetwinsize, tcsetwinsize=tcsetwinsize)
    return extension_module("termios", host.__doc__, {**public(host), **ours})


# --- os ---


def ttyname(fd, /):
    name = libc.ttyname(fd)
    if name is None:
        raise os_error()
    return name


def tcgetpgrp(fd, /):
    return checked(libc.tcgetpgrp(fd))


def tcsetpgrp(fd, pgid, /):
    checked(libc.tcsetpgrp(fd, index(pgid)))


def login_tty(fd, /):
    checked(libc.login_tty(fd))


# The functions of os on one descriptor.
ON_ONE = {"ttyname": ttyname, "tcgetpgrp": tcgetpgrp, "tcsetpgrp": tcsetpgrp, "login_tty": login_tty}


def terminal_functions(host, is_machines):
    """{name: function} of what `os` does otherwise than the host's."""

    def openpty():
        """openpty() -> (master_fd, slave_fd)"""
        return checked(libc.openpty(flags=libc.O_CLOEXEC))

    def open(path, flags, mode=0o777, *, dir_fd=None):
        """open(path, flags) -> fd"""
        return open_terminal(path, flags, mode) if is_machines_path(path) else host.open(path, flags, mode, dir_fd=dir_fd)

    def listdir(path=None):
        """listdir(path=None) -> list"""
        if not is_machines_path(path):
            return host.listdir(path)
        names = checked(libc.listdir(os.fsencode(path)))
        return [os.fsencode(name) for name in names] if isinstance(path, bytes) else names

    def access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True):
        """access(path, mode) -> bool"""
        if is_machines_path(path):
            return libc.access(os.fsencode(path), mode) == 0
        return host.access(path, mode, dir_fd=dir_fd, effective_ids=effective_ids, follow_symlinks=follow_symlinks)

    def readlink(path, *, dir_fd=None):
        """readlink(path) -> str"""
        text = os.fsdecode(path)
        fd = text.removeprefix(DESCRIPTORS)
        if text == fd or not fd.isdecimal() or not is_machines(int(fd)):
            return host.readlink(path, dir_fd=dir_fd)
        target = checked(libc.readlink(text))
        return os.fsencode(target) if isinstance(path, bytes) else target

    def get_terminal_size(fd=1, /):
        """get_terminal_size(fd=STDOUT_FILENO) -> terminal_size"""
        if not is_machines(fd):
            return host.get_terminal_size(fd)
        rows, columns, *_ = checked(libc.get_winsize(fd))
        return host.terminal_size((columns, rows))

    def setsid():
        """setsid()"""
        checked(libc.setsid())

    def getsid(pid, /):
        """getsid(pid) -> int"""
        return checked(libc.getsid(index(pid)))

    def getpgid(pid):
        """getpgid(pid) -> int"""
        return checked(libc.getpgid(index(pid)))

    def getpgrp():
        """getpgrp() -> int"""
        return checked(libc.getpgid())

    def setpgid(pid, pgrp, /):
        """setpgid(pid, pgrp)"""
        checked(libc.setpgid(index(pid), index(pgrp)))

    def killpg(pgid, signal, /):
        """killpg(pgid, signal)"""
        group = index(pgid)
        if group < 0:
            raise OSError(libc.EINVAL, libc.strerror(libc.EINVAL))
        checked(libc.kill(-group, index(signal)))
        interpreter().check_signals()

    return {
        function.__name__: function
        for function in (
            openpty, open, listdir, access, readlink, get_terminal_size, setsid, getsid, getpgid, getpgrp, setpgid, killpg,
        )
    }  # fmt: skip
