"""Processes, the environment and the system: <unistd.h>, <spawn.h>, <sys/wait.h>, <stdlib.h>.

There is no fork (a greenlet can not be copied): `spawn` starts a program file, as posix_spawn(3) does.
"""

from hwemu.cpu import trap
from userland.abi.layout import SPAWN_ACTION, SYSINFO, UTSNAME
from userland.abi.process import (
    LINUX_REBOOT_CMD_POWER_OFF,
    LINUX_REBOOT_MAGIC1,
    LINUX_REBOOT_MAGIC2,
    SYSLOG_ACTION_READ_ALL,
    SYSLOG_ACTION_SIZE_BUFFER,
)
from userland.abi.syscall import (
    SYS_alarm,
    SYS_execve,
    SYS_exit_group,
    SYS_getpgid,
    SYS_getpid,
    SYS_getppid,
    SYS_getsid,
    SYS_reboot,
    SYS_sched_yield,
    SYS_setpgid,
    SYS_setsid,
    SYS_spawn,
    SYS_sysinfo,
    SYS_syslog,
    SYS_uname,
    SYS_wait4,
)
from userland.libc.crt import c_string, call_with_buffer, checked, this
from userland.libc.unistd import read_file


def getpid():
    """pid_t getpid(void)"""
    return trap(SYS_getpid)


def getppid():
    """pid_t getppid(void)"""
    return trap(SYS_getppid)


def _exit(status):
    """void _exit(int status): does not return."""
    trap(SYS_exit_group, status & 0xFF)


def setpgid(pid, pgid):
    """int setpgid(pid_t pid, pid_t pgid)"""
    return checked(trap(SYS_setpgid, pid, pgid))


def getpgid(pid=0):
    """pid_t getpgid(pid_t pid)"""
    return checked(trap(SYS_getpgid, pid))


def getpgrp():
    """pid_t getpgrp(void)"""
    return getpgid(0)


def getsid(pid=0):
    """pid_t getsid(pid_t pid)"""
    return checked(trap(SYS_getsid, pid))


def setsid():
    """pid_t setsid(void): a session of one's own, without a terminal; EPERM for the leader of a process group."""
    return checked(trap(SYS_setsid))


def sched_yield():
    """int sched_yield(void)"""
    return checked(trap(SYS_sched_yield))


def alarm(seconds):
    """unsigned int alarm(unsigned int seconds)"""
    return checked(trap(SYS_alarm, seconds))


# --- the environment ---


def environ():
    """char **environ: the program's own dictionary, read from the kernel at the first use."""
    process = this().process
    if process.environ is None:
        raw = read_file("/proc/self/environ")
        entries = b"" if raw == -1 else raw
        process.environ = {}
        for entry in entries.decode("utf-8", "surrogateescape").split("\0"):
            name, equals, value = entry.partition("=")
            if equals:
                process.environ[name] = value
    return process.environ


def getenv(name):
    """char *getenv(const char *name): the value, or None."""
    return environ().get(name)


def setenv(name, value):
    """int setenv(const char *name, const char *value, int overwrite)"""
    environ()[name] = value
    return 0


def unsetenv(name):
    """int unsetenv(const char *name)"""
    environ().pop(name, None)
    return 0


# --- starting programs and waiting for them ---


class StringVector:
    """A char *[] in user memory: the strings and the pointer array, mapped until `unmap`."""

    def __init__(self, space, strings):
        self.space = space
        text = b"".join(c_string(string) for string in strings)
        self.text_address = space.map(text) if text else 0
        pointers = bytearray()
        offset = 0
        for string in strings:
            pointers += (self.text_address + offset).to_bytes(8, "little")
            offset += len(c_string(string))
        self.address = space.map(pointers + bytes(8))

    def unmap(self):
        self.space.unmap(self.address)
        self.space.unmap(self.text_address)


def environment_strings(env):
    return [f"{name}={value}" for name, value in (environ() if env is None else env).items()]


def spawn(path, argv, env=None, actions=(), pgid=-1):
    """int posix_spawn(pid_t *pid, const char *path, ...): returns the pid, or -1.

    `actions` is a list of (SPAWN_DUP2, fd, newfd) and (SPAWN_CLOSE, fd, 0), carried out in order in the child.
    `pgid` 0 makes the child a process group of its own, -1 leaves it in the caller's.
    """
    space = this().space
    name = space.map(c_string(path))
    arguments = StringVector(space, argv)
    environment = StringVector(space, environment_strings(env))
    raw = b"".join(SPAWN_ACTION.pack(*action) for action in actions)
    actions_address = space.map(raw) if raw else 0
    result = trap(SYS_spawn, name, arguments.address, environment.address, actions_address, len(actions), pgid)
    space.unmap(actions_address)
    environment.unmap()
    arguments.unmap()
    space.unmap(name)
    return checked(result)


def execve(path, argv, env=None):
    """int execve(const char *pathname, char *const argv[], char *const envp[]): returns only on failure, -1."""
    space = this().space
    name = space.map(c_string(path))
    arguments = StringVector(space, argv)
    environment = StringVector(space, environment_strings(env))
    result = trap(SYS_execve, name, arguments.address, environment.address)
    environment.unmap()
    arguments.unmap()
    space.unmap(name)
    return checked(result)


def waitpid(pid=-1, options=0):
    """pid_t waitpid(pid_t pid, int *wstatus, int options): (pid, wait status), or -1."""
    raw = bytearray(4)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_wait4, pid, address, options, 0)
    space.unmap(address)
    return (result, int.from_bytes(raw, "little")) if checked(result) >= 0 else -1


def WIFEXITED(status):
    """True when the child ended by itself."""
    return status & 0x7F == 0


def WEXITSTATUS(status):
    """The low eight bits of what the child exited with."""
    return status >> 8 & 0xFF


def WIFSIGNALED(status):
    """True when a signal killed the child."""
    return status & 0x7F not in (0, 0x7F)


def WTERMSIG(status):
    """The signal that killed the child."""
    return status & 0x7F


def WIFSTOPPED(status):
    """True when the child is stopped (waitpid with WUNTRACED)."""
    return status & 0xFF == 0x7F


def WSTOPSIG(status):
    """The signal that stopped the child."""
    return status >> 8 & 0xFF


def WIFCONTINUED(status):
    """True when the child goes on after SIGCONT (waitpid with WCONTINUED)."""
    return status == 0xFFFF


def shell_status(status):
    """A wait status as $? shows it: the exit status, or 128 and the signal."""
    return WEXITSTATUS(status) if WIFEXITED(status) else 128 + WTERMSIG(status)


# --- the system ---


def uname():
    """int uname(struct utsname *buf): (sysname, nodename, release, version, machine, domainname), or -1."""
    raw = bytearray(UTSNAME.size)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_uname, address)
    space.unmap(address)
    if checked(result) < 0:
        return -1
    return tuple(field.split(b"\0", 1)[0].decode("utf-8", "replace") for field in UTSNAME.unpack(raw))


def uptime():
    """Seconds since boot, from sysinfo(2), or -1."""
    raw = bytearray(SYSINFO.size)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_sysinfo, address)
    space.unmap(address)
    return SYSINFO.unpack(raw)[0] if checked(result) >= 0 else -1


def klogctl():
    """int klogctl(int type, char *bufp, int len): the whole kernel log as bytes, or -1."""
    size = checked(trap(SYS_syslog, SYSLOG_ACTION_SIZE_BUFFER, 0, 0))
    if size < 0:
        return -1
    raw = bytearray(size)
    count = call_with_buffer(SYS_syslog, SYSLOG_ACTION_READ_ALL, raw, True, size)
    return bytes(raw[:count]) if count >= 0 else -1


def reboot(command=LINUX_REBOOT_CMD_POWER_OFF, status=0):
    """int reboot(int cmd): with POWER_OFF the machine's exit status is `status`; returns only on failure, -1."""
    return checked(trap(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, status))
