"""inotify(7), <sys/inotify.h>: hear what happens to files.  -1 and errno on failure."""

from hwemu.cpu import trap
from userland.abi.layout import INOTIFY_EVENT
from userland.abi.syscall import SYS_inotify_add_watch, SYS_inotify_init1, SYS_inotify_rm_watch
from userland.libc.crt import c_string, checked, this
from userland.libc.unistd import read_bytes

BUFFER = 65536


def inotify_init1(flags=0):
    """int inotify_init1(int flags): IN_NONBLOCK, IN_CLOEXEC."""
    return checked(trap(SYS_inotify_init1, flags))


def inotify_add_watch(fd, path, mask):
    """int inotify_add_watch(int fd, const char *pathname, uint32_t mask): the number of the watch, or -1."""
    space = this().space
    name = space.map(c_string(path))
    result = trap(SYS_inotify_add_watch, fd, name, mask)
    space.unmap(name)
    return checked(result)


def inotify_rm_watch(fd, wd):
    """int inotify_rm_watch(int fd, int wd)"""
    return checked(trap(SYS_inotify_rm_watch, fd, wd))


def inotify_read(fd):
    """read(2) of struct inotify_event: a list of (wd, mask, cookie, name), or -1."""
    raw = read_bytes(fd, BUFFER)
    if raw == -1:
        return -1
    events = []
    position = 0
    while position < len(raw):
        wd, mask, cookie, length = INOTIFY_EVENT.unpack_from(raw, position)
        position += INOTIFY_EVENT.size
        name = raw[position : position + length].split(b"\0", 1)[0]
        events.append((wd, mask, cookie, name.decode("utf-8", "surrogateescape")))
        position += length
    return events
