"""Running programs by name: system(3), and where execvp(3) would find them."""

from userland.abi.errno import EINTR, ENOENT
from userland.libc.crt import get_errno, strerror
from userland.libc.process import getenv, shell_status, spawn, waitpid
from userland.libc.stdio import eputs
from userland.libc.unistd import stat


def search_path(name):
    """The path that execvp(3) would run for `name`, or None."""
    if "/" in name:
        return name
    for directory in (getenv("PATH") or "/bin").split(":"):
        path = f"{directory or '.'}/{name}"
        found = stat(path)
        if found != -1 and not found.is_directory():
            return path
    return None


def system(argv):
    """int system(const char *command): runs a program by its name and waits: its $?, or 126 or 127 where there is none."""
    path = search_path(argv[0])
    pid = spawn(path, argv) if path is not None else -1
    if pid < 0:
        missing = path is None or get_errno() == ENOENT
        eputs(f"{argv[0]}: {strerror(ENOENT if missing else get_errno())}")
        return 127 if missing else 126
    while True:
        result = waitpid(pid)
        if result != -1:
            return shell_status(result[1])
        if get_errno() != EINTR:
            return 127
