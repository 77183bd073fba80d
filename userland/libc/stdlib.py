"""Running programs by name: system(3), and where execvp(3) would find them."""

from userland.abi.errno import EINTR, ENOENT
from userland.libc.crt import get_errno, set_errno, strerror
from userland.libc.process import environ, execve, getenv, shell_status, spawn, waitpid
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


def execv(path, argv):
    """int execv(const char *pathname, char *const argv[]): returns -1 when it can not be."""
    return execve(path, argv, environ())


def execvpe(name, argv, env):
    """int execvpe(const char *file, char *const argv[], char *const envp[]): looks in PATH for a name without a slash."""
    path = search_path(name)
    return set_errno(ENOENT) if path is None else execve(path, argv, env)


def execvp(name, argv):
    """int execvp(const char *file, char *const argv[])"""
    return execvpe(name, argv, environ())


def execl(path, *argv):
    """int execl(const char *pathname, const char *arg, ... (char *) NULL)"""
    return execv(path, list(argv))


def execlp(name, *argv):
    """int execlp(const char *file, const char *arg, ... (char *) NULL)"""
    return execvp(name, list(argv))


def execle(path, *argv):
    """int execle(const char *pathname, const char *arg, ... (char *) NULL, char *const envp[])"""
    return execve(path, list(argv[:-1]), argv[-1])


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
