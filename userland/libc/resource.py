"""Limits of resources: <sys/resource.h>.  -1 and errno on failure."""

from hwemu.cpu import trap
from userland.abi.layout import RLIMIT
from userland.abi.syscall import SYS_prlimit64
from userland.libc.crt import checked, this


def prlimit(pid, resource, new=None):
    """int prlimit(pid_t pid, int resource, const struct rlimit *new, struct rlimit *old): the old (soft, hard), or -1."""
    old = bytearray(RLIMIT.size)
    space = this().space
    new_address = 0 if new is None else space.map(RLIMIT.pack(*new))
    old_address = space.map(old, True)
    result = trap(SYS_prlimit64, pid, resource, new_address, old_address)
    space.unmap(old_address)
    space.unmap(new_address)
    return RLIMIT.unpack(old) if result >= 0 else checked(result)


def getrlimit(resource):
    """int getrlimit(int resource, struct rlimit *rlim): (soft, hard), or -1."""
    return prlimit(0, resource)


def setrlimit(resource, soft, hard):
    """int setrlimit(int resource, const struct rlimit *rlim): 0, or -1."""
    return 0 if prlimit(0, resource, (soft, hard)) != -1 else -1
