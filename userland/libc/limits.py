"""The system as programs see it: names and limits of <unistd.h> (gethostname(2), sysconf(3), pathconf(3))."""

from hwemu.cpu import trap
from userland.abi.errno import EINVAL, EIO
from userland.abi.layout import IOV_MAX
from userland.abi.process import RLIMIT_NOFILE
from userland.abi.syscall import SYS_getrandom
from userland.libc.crt import checked, set_errno, this
from userland.libc.process import uname
from userland.libc.resource import getrlimit
from userland.libc.unistd import close as close_fd
from userland.libc.unistd import fstat, read_text, stat, write_all
from userland.libc.unistd import open as open_file

PAGE_SIZE = 4096
HOST_NAME_MAX = 64
# <unistd.h> of Linux: the names that sysconf and pathconf know here.
_SC_ARG_MAX, _SC_CLK_TCK, _SC_OPEN_MAX, _SC_PAGESIZE, _SC_IOV_MAX = 0, 2, 4, 30, 60
_SC_NPROCESSORS_CONF, _SC_NPROCESSORS_ONLN, _SC_HOST_NAME_MAX = 83, 84, 180
_PC_LINK_MAX, _PC_NAME_MAX, _PC_PATH_MAX, _PC_PIPE_BUF = 0, 3, 4, 5
SYSTEM_LIMITS = {
    _SC_ARG_MAX: 131072, _SC_CLK_TCK: 100, _SC_PAGESIZE: PAGE_SIZE, _SC_IOV_MAX: IOV_MAX, _SC_NPROCESSORS_CONF: 1,
    _SC_NPROCESSORS_ONLN: 1, _SC_HOST_NAME_MAX: HOST_NAME_MAX,
}  # fmt: skip
PATH_LIMITS = {_PC_LINK_MAX: 127, _PC_NAME_MAX: 255, _PC_PATH_MAX: 4096, _PC_PIPE_BUF: 4096}
HOSTNAME_FILE, DOMAINNAME_FILE = "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"


def gethostname():
    """int gethostname(char *name, size_t len): the name, or -1."""
    found = uname()
    return found[1] if found != -1 else -1


def sethostname(name):
    """int sethostname(const char *name, size_t len): 0, or -1; EINVAL for a name of more than 64 bytes."""
    raw = name.encode("utf-8", "surrogateescape")
    if len(raw) > HOST_NAME_MAX:
        return set_errno(EINVAL)
    fd = open_file(HOSTNAME_FILE, 1)
    if fd < 0:
        return -1
    result = write_all(fd, raw + b"\n")
    close_fd(fd)
    return -1 if result < 0 else 0


def getdomainname():
    """int getdomainname(char *name, size_t len): the NIS domain, `(none)` where nobody has set one."""
    text = read_text(DOMAINNAME_FILE)
    return "(none)" if text == -1 else text.strip()


def getpagesize():
    """int getpagesize(void)"""
    return PAGE_SIZE


def getdtablesize():
    """int getdtablesize(void): how many descriptors the process may have."""
    return getrlimit(RLIMIT_NOFILE)[0]


def sysconf(name):
    """long sysconf(int name): a limit by its _SC_* name, or -1 with EINVAL."""
    if name == _SC_OPEN_MAX:
        return getdtablesize()
    return SYSTEM_LIMITS[name] if name in SYSTEM_LIMITS else set_errno(EINVAL)


def pathconf(path, name):
    """long pathconf(const char *path, int name): a limit by its _PC_* name, or -1."""
    return limit_of(name) if stat(path) != -1 else -1


def fpathconf(fd, name):
    """long fpathconf(int fd, int name): a limit by its _PC_* name, or -1."""
    return limit_of(name) if fstat(fd) != -1 else -1


def limit_of(name):
    return PATH_LIMITS[name] if name in PATH_LIMITS else set_errno(EINVAL)


def getrandom(length, flags=0):
    """ssize_t getrandom(void *buf, size_t buflen, unsigned int flags): the bytes, or -1."""
    raw = bytearray(length)
    space = this().space
    address = space.map(raw, True) if length else 0
    result = trap(SYS_getrandom, address, length, flags)
    space.unmap(address)
    return bytes(raw[:result]) if result >= 0 else checked(result)


def getentropy(length):
    """int getentropy(void *buffer, size_t length): so many random bytes, at most 256, or -1 with EIO."""
    return set_errno(EIO) if length > 256 else getrandom(length)
