"""Files of the host in SCM_RIGHTS messages: between two sockets of one program they travel as sockets that stand for them.

The kernel passes descriptors of its own.  For each descriptor of the host a socket is made and sent in its place, and
`Interpreter.passed` knows by its inode what it stands for; the receiver gets the host's descriptor back.
"""

import os

from userland import libc
from userland.python.descriptors import is_hosts
from userland.python.interpreter import checked

INT = 4


def numbers(data):
    """The descriptors of a message, and what is left of its bytes."""
    whole = len(data) // INT * INT
    return [int.from_bytes(data[at : at + INT], "little", signed=True) for at in range(0, whole, INT)], data[whole:]


def joined(fds, rest):
    return b"".join(fd.to_bytes(INT, "little", signed=True) for fd in fds) + rest


def is_rights(level, kind):
    return level == libc.SOL_SOCKET and kind == libc.SCM_RIGHTS


def outgoing(state, control):
    """(control, stand-ins): the messages as the kernel takes them, and what is to be closed when they are sent."""
    if not state.has_hosts or not any(is_rights(level, kind) for level, kind, _ in control):
        return control, []
    changed, made = [], []
    for level, kind, data in control:
        if is_rights(level, kind):
            fds, rest = numbers(data)
            data = joined([stand_in(state, fd, made) if is_hosts(fd) else fd for fd in fds], rest)
        changed.append((level, kind, data))
    return changed, made


def stand_in(state, fd, made):
    """A socket for a descriptor of the host, which is kept open until somebody has received it."""
    kept = os.dup(fd)
    made.append(checked(libc.socket(libc.AF_UNIX, libc.SOCK_DGRAM)))
    state.passed[checked(libc.fstat(made[-1])).st_ino] = kept
    return made[-1]


def incoming(state, control, flags):
    """The messages with the host's descriptors in the place of their stand-ins."""
    if not state.passed:
        return control
    changed = []
    for level, kind, data in control:
        if is_rights(level, kind):
            fds, rest = numbers(data)
            data = joined([received(state, fd, flags & libc.MSG_PEEK) for fd in fds], rest)
        changed.append((level, kind, data))
    return changed


def received(state, fd, peeked):
    """What a descriptor that came stands for, or itself."""
    found = libc.fstat(fd)
    kept = state.passed.get(found.st_ino) if found != -1 and found.st_mode & libc.S_IFMT == libc.S_IFSOCK else None
    if kept is None:
        return fd
    libc.close(fd)
    return os.dup(kept) if peeked else state.passed.pop(found.st_ino)
