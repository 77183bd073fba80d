"""The machine's descriptors under `os`, `io` and `fcntl`: by its number a descriptor belongs to the host or to the machine.

A program's files are the host's, its sockets, pipes and epolls the machine's, and 0, 1 and 2 are the machine's console.
The machine's others begin at FIRST, which `reserve` sees to; the host's stay below, for the host limits their number.
"""

import io
import os
import sys

from userland import libc
from userland.python.addresses import index
from userland.python.extension import extension_module, public
from userland.python.interpreter import checked, interpreter, interrupted, os_error
from userland.python.terminals import ON_ONE as ON_TERMINALS
from userland.python.terminals import flags_of, is_machines_path, open_terminal, terminal_functions

FIRST = 1024
LARGEST = 0x7FFFFFFF
LAST_CONSOLE = 2
F_DUPFD = 0
F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032
TCGETS = 0x5401


def is_machines(fd):
    """True for a descriptor number that is the machine's."""
    return type(fd) is int and (FIRST <= fd <= LARGEST or 0 <= fd <= LAST_CONSOLE)


def is_hosts(fd):
    """True for the number of a descriptor that is the host's."""
    return LAST_CONSOLE < fd < FIRST and interpreter().has_hosts


def reserve():
    """Take every number below FIRST, so that whatever the program opens on the machine comes at FIRST or above."""
    interpreter().has_hosts = True
    fd = checked(libc.open("/dev/null", libc.O_RDWR))
    while fd < FIRST - 1:
        fd = checked(libc.dup(fd))


# --- the calls on one descriptor, as the functions of os make them ---


def retried(call, *arguments):
    """A libc call that may block, made again after signals; its result."""
    state = interpreter()
    while True:
        result = call(*arguments)
        if result != -1:
            if state.arrived:
                state.check_signals()
            return result
        interrupted(state)


def read(fd, length, /):
    size = index(length)
    if size < 0:
        raise OSError(libc.EINVAL, libc.strerror(libc.EINVAL))
    return retried(libc.read_bytes, fd, size)


def write(fd, data, /):
    return retried(libc.write, fd, memoryview(data).cast("B"))


def readv(fd, buffers, /):
    return retried(libc.readv, fd, list(buffers))


def writev(fd, buffers, /):
    return retried(libc.writev, fd, list(buffers))


def close(fd):
    if libc.close(fd) < 0:
        raise os_error()


def dup(fd, /):
    return checked(libc.fcntl(fd, libc.F_DUPFD_CLOEXEC, 0))


def dup2(fd, fd2, inheritable=True):
    if not is_machines(fd2):
        raise OSError(libc.EBADF, f"{libc.strerror(libc.EBADF)}: the host's and the machine's descriptors do not mix")
    if fd == fd2:
        return fd2
    return checked(libc.dup3(fd, fd2, 0 if inheritable else libc.O_CLOEXEC))


def pread(fd, length, offset, /):
    buffer = bytearray(index(length))
    return bytes(buffer[: checked(libc.pread(fd, buffer, len(buffer), index(offset)))])


def pwrite(fd, data, offset, /):
    return checked(libc.pwrite(fd, memoryview(data).cast("B"), index(offset)))


def fsync(fd):
    checked(libc.fsync(fd))


def isatty(fd, /):
    return libc.isatty(fd)


def lseek(fd, position, whence, /):
    return checked(libc.lseek(fd, position, whence))


def ftruncate(fd, length, /):
    checked(libc.ftruncate(fd, length))


def get_blocking(fd, /):
    return not checked(libc.fcntl(fd, libc.F_GETFL)) & libc.O_NONBLOCK


def set_blocking(fd, blocking, /):
    checked(libc.set_nonblocking(fd, not blocking))


def get_inheritable(fd, /):
    return not checked(libc.fcntl(fd, libc.F_GETFD)) & libc.FD_CLOEXEC


def set_inheritable(fd, inheritable, /):
    checked(libc.fcntl(fd, libc.F_SETFD, 0 if inheritable else libc.FD_CLOEXEC))


ON_ONE = {
    "read": read, "write": write, "readv": readv, "writev": writev, "close": close, "dup": dup, "dup2": dup2,
    "isatty": isatty, "lseek": lseek, "ftruncate": ftruncate, "get_blocking": get_blocking, "set_blocking": set_blocking,
    "get_inheritable": get_inheritable, "set_inheritable": set_inheritable, "pread": pread, "pwrite": pwrite, "fsync": fsync,
    **ON_TERMINALS,
}  # fmt: skip


# --- io ---


class MachineFile(io.RawIOBase):
    """A raw file over one of the machine's descriptors: what FileIO is for the host's."""

    def __init__(self, fd, mode, closefd=True):
        super().__init__()
        self._fd = fd
        self._closefd = closefd
        self.mode = mode
        self.name = fd

    def __repr__(self):
        return f"<userland.python.MachineFile name={self.name} mode={self.mode!r}>"

    def fileno(self):
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self._fd

    def readable(self):
        return "r" in self.mode or "+" in self.mode

    def writable(self):
        return "r" not in self.mode or "+" in self.mode

    def isatty(self):
        return libc.isatty(self.fileno())

    def readinto(self, buffer):
        """The number of bytes that came; None where none can come now."""
        try:
            return retried(libc.read, self.fileno(), memoryview(buffer).cast("B"))
        except BlockingIOError:
            return None

    def write(self, data):
        try:
            return retried(libc.write, self.fileno(), memoryview(data).cast("B"))
        except BlockingIOError:
            return None

    def close(self):
        if self.closed:
            return
        try:
            super().close()
        finally:
            if self._closefd and not libc.ended():
                close(self._fd)


def open_machine(fd, mode, buffering, encoding, errors, newline, closefd):
    """io.open for a descriptor of the machine."""
    kinds = set(mode)
    if len(kinds & set("rwxa")) != 1 or kinds - set("rwxabt+") or len(mode) > len(kinds) or {"b", "t"} <= kinds:
        raise ValueError(f"invalid mode: {mode!r}")
    binary = "b" in kinds
    if binary and (encoding is not None or errors is not None or newline is not None):
        raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
    checked(libc.fcntl(fd, libc.F_GETFL))
    raw = MachineFile(fd, mode.replace("t", ""), closefd)
    if buffering == 0:
        if not binary:
            raise ValueError("can't have unbuffered text I/O")
        return raw
    lines = buffering == 1 or (buffering < 0 and raw.isatty())
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    if raw.readable() and raw.writable():
        stream = io.BufferedRWPair(raw, raw, size)
    else:
        stream = io.BufferedReader(raw, size) if raw.readable() else io.BufferedWriter(raw, size)
    return stream if binary else io.TextIOWrapper(stream, encoding, errors, newline, line_buffering=lines)


def opener(host_open):
    """`open` that takes the machine's descriptors, too."""

    def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if is_machines(file):
            return open_machine(file, mode, buffering, encoding, errors, newline, closefd)
        if is_machines_path(file):
            fd = open_terminal(file, flags_of(mode))
            return open_machine(fd, mode, buffering, encoding, errors, newline, True)
        return host_open(file, mode, buffering, encoding, errors, newline, closefd, opener)

    open.__doc__ = host_open.__doc__
    return open


# --- fcntl ---


def fcntl_module(host):
    """A new `fcntl` module: `host`'s with the machine's descriptors."""

    def number(fd):
        return fd if isinstance(fd, int) else fd.fileno()

    def fcntl(fd, cmd, arg=0, /):
        """fcntl(fd, cmd, arg=0) -> int"""
        if not is_machines(number(fd)):
            return host.fcntl(fd, cmd, arg)
        return checked(libc.fcntl(number(fd), cmd, arg))

    def ioctl(fd, request, arg=0, mutate_flag=True, /):
        """ioctl(fd, request, arg=0, mutate_flag=True) -> int or bytes"""
        if not is_machines(number(fd)):
            return host.ioctl(fd, request, arg, mutate_flag)
        if isinstance(arg, int):
            return checked(libc.ioctl(number(fd), request, arg))
        raw = arg if isinstance(arg, bytearray) and mutate_flag else bytearray(arg)
        result = checked(libc.ioctl(number(fd), request, raw))
        if isinstance(arg, bytes) or not mutate_flag:
            return bytes(raw)
        if raw is not arg:
            memoryview(arg).cast("B")[:] = raw
        return result

    return extension_module("fcntl", host.__doc__, {**public(host), "fcntl": fcntl, "ioctl": ioctl})


# --- os ---


def machine_socket(path):
    """The stat_result of a Unix socket that lies at `path` on the machine, or None."""
    try:
        found = libc.lstat(os.fsencode(path))
    except (TypeError, ValueError):
        return None
    return found if found != -1 and found.st_mode & libc.S_IFMT == libc.S_IFSOCK else None


def taken_on_host(path):
    """True when a file of the host has the name that a Unix socket is to have."""
    return interpreter().has_hosts and os.path.lexists(path)


def make_folders(path):
    """Make the folder for a Unix socket at `path` on the machine, where it exists on the host; True if it was missing."""
    folder = os.path.dirname(path)
    if not interpreter().has_hosts or not os.path.isabs(path) or not os.path.isdir(folder):
        return False
    made = False
    for end in [position for position, letter in enumerate(path) if position and letter == 0x2F]:
        made = libc.mkdir(path[:end], 0o755) == 0 or made
    return made


def dispatching(name, ours, hosts):
    """The function of os that asks the descriptor's number whose call it is."""

    def call(fd, *arguments, **keywords):
        return (ours if is_machines(fd) else hosts)(fd, *arguments, **keywords)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = hosts.__doc__
    return call


def machine_functions(host):
    """{name: function} of what `os` does otherwise than the host's: descriptors, the process itself, sendfile."""
    functions = {name: dispatching(name, ours, getattr(host, name)) for name, ours in ON_ONE.items() if hasattr(host, name)}

    def fstat(fd):
        """fstat(fd) -> stat_result"""
        if not is_machines(fd):
            return host.fstat(fd)
        return result(checked(libc.fstat(fd)))

    def result(found):
        basic = (
            found.st_mode, found.st_ino, found.st_dev, found.st_nlink, 0, 0, found.st_size, found.st_mtime,
            found.st_mtime, found.st_mtime,
        )  # fmt: skip
        # The type looks the state of its module up by the module's name (Python 3.13).
        ours, sys.modules["posix"] = sys.modules["posix"], host
        try:
            return host.stat_result(basic, {"st_rdev": found.st_rdev})
        finally:
            sys.modules["posix"] = ours

    def stat(path, *, dir_fd=None, follow_symlinks=True):
        """stat(path) -> stat_result"""
        if is_machines(path):
            return fstat(path)
        if is_machines_path(path):
            return result(checked((libc.stat if follow_symlinks else libc.lstat)(os.fsencode(path))))
        try:
            return host.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        except FileNotFoundError:
            found = machine_socket(path) if dir_fd is None else None
            if found is None:
                raise
            return result(found)

    def lstat(path, *, dir_fd=None):
        """lstat(path) -> stat_result"""
        return stat(path, dir_fd=dir_fd, follow_symlinks=False)

    def unlink(path, *, dir_fd=None):
        """unlink(path)"""
        try:
            host.unlink(path, dir_fd=dir_fd)
        except FileNotFoundError:
            if dir_fd is not None or machine_socket(path) is None:
                raise
            checked(libc.unlink(os.fsencode(path)))

    def pipe():
        """pipe() -> (read_fd, write_fd)"""
        return checked(libc.pipe(libc.O_CLOEXEC))

    def pipe2(flags, /):
        """pipe2(flags) -> (read_fd, write_fd)"""
        return checked(libc.pipe(flags))

    def sendfile(out_fd, in_fd, offset, count, **more):
        """sendfile(out_fd, in_fd, offset, count) -> byteswritten"""
        if not is_machines(out_fd):
            return host.sendfile(out_fd, in_fd, offset, count, **more)
        if is_machines(in_fd):
            return checked(libc.sendfile(out_fd, in_fd, offset, count))
        # From a file of the host: what the kernel copies between its own files is read here.
        data = host.pread(in_fd, min(count, 1 << 18), offset) if offset is not None else host.read(in_fd, min(count, 1 << 18))
        return retried(libc.write, out_fd, data) if data else 0

    def getpid():
        """getpid() -> int"""
        return libc.getpid()

    def getppid():
        """getppid() -> int"""
        return libc.getppid()

    def kill(pid, signal, /):
        """kill(pid, signal)"""
        checked(libc.kill(index(pid), index(signal)))
        interpreter().check_signals()

    def _exit(status):
        """_exit(status): end at once."""
        libc._exit(index(status))

    def uname():
        """uname() -> uname_result"""
        return host.uname_result(checked(libc.uname())[:5])

    functions.update(terminal_functions(host, is_machines))
    functions.update(
        fstat=fstat, stat=stat, lstat=lstat, unlink=unlink, remove=unlink,
        pipe=pipe, pipe2=pipe2, sendfile=sendfile, getpid=getpid, getppid=getppid, kill=kill,
        _exit=_exit, uname=uname,
    )  # fmt: skip
    return functions


# What would copy or replace the whole machine.
WITHOUT = ("fork", "forkpty", "register_at_fork", "execv", "execve", "posix_spawn", "posix_spawnp", "splice", "eventfd")


def posix_module(host, environ):
    """A new `posix` module: `host`'s functions with the machine's descriptors and process."""
    names = {name: value for name, value in public(host).items() if name not in WITHOUT}
    names.update(machine_functions(host), environ=environ)
    return extension_module("posix", host.__doc__, names)
