"""`hwemu strace`: each system call of a program, and of those that it starts, as a line in strace's format.

A line is written when the call returns: `[pid    3] openat(AT_FDCWD, "/etc/hosts", 0x80000) = 3`.  What a call only
fills in is shown as strace shows what it does not take apart: as an address.
"""

from kernel.arch.uaccess import copy_from_user, strncpy_from_user
from kernel.uapi import errno
from userland.libc.crt import strerror

TEXT_SHOWN = 32
ARGUMENTS_SHOWN = 32
INIT_PID = 1
AT_FDCWD = -100
ERRNO_NAMES = {value: name for name, value in sorted(vars(errno).items(), reverse=True) if name.startswith("E")}
ESCAPES = {10: "\\n", 13: "\\r", 9: "\\t", 34: '\\"', 92: "\\\\", 0: "\\0"}

# How to show the arguments: d an int, x in hexadecimal, o octal, s a string, b a buffer that the next argument measures,
# @ a directory descriptor, - nothing.
SHAPES = {
    "read": "dxd", "write": "dbd", "open": "sxo", "openat": "@sxo", "close": "d", "stat64": "sx", "lstat64": "sx",
    "fstat64": "dx", "fstatat64": "@sxx", "lseek": "ddd", "mprotect": "xdx", "munmap": "xd", "brk": "x", "mmap": "xdxxdx",
    "ioctl": "dxx", "access": "so", "faccessat": "@so", "pipe": "x", "pipe2": "xx", "dup": "d", "dup2": "dd", "dup3": "ddx",
    "getpid": "", "gettid": "", "getppid": "", "getuid": "", "geteuid": "", "getgid": "", "getegid": "", "fork": "",
    "kill": "dd", "tgkill": "ddd", "exit": "d", "exit_group": "d", "wait4": "dxxx", "waitpid": "dxx", "chdir": "s",
    "mkdir": "so", "unlink": "s", "rmdir": "s", "readlink": "sxd", "readlinkat": "@sxd", "execve": "sxx",
    "spawn": "sxxxdd", "clone": "xxxxx", "fcntl64": "dxx", "futex": "xxdxxx", "rt_sigaction": "dxxd",
    "rt_sigprocmask": "dxxd", "rt_sigreturn": "", "poll": "xdd", "select": "dxxxx", "epoll_create1": "x",
    "epoll_ctl": "dddx", "epoll_wait": "dxdd", "nanosleep": "xx", "clock_gettime": "dx", "getrandom": "xdx",
    "arch_prctl": "xx", "set_tid_address": "x", "prlimit64": "ddxx", "uname": "x", "getcwd": "xd", "getdents64": "dxd",
    "sched_yield": "", "alarm": "d", "setpgid": "dd", "time": "x", "sendfile64": "ddxd",
}  # fmt: skip
SOCKET_SHAPES = {
    "socket": "ddd", "bind": "dxd", "connect": "dxd", "listen": "dd", "accept": "dxx", "accept4": "dxxx",
    "getsockname": "dxx", "getpeername": "dxx", "socketpair": "dddx", "send": "dbdx", "recv": "dxdx",
    "sendto": "dbdxxd", "recvfrom": "dxdxxx", "shutdown": "dd", "setsockopt": "dddxd", "getsockopt": "dddxx",
    "sendmsg": "dxx", "recvmsg": "dxx", "recvmmsg": "dxdxx", "sendmmsg": "dxdx",
}  # fmt: skip
# socketcall's sub-calls from 1 on.
SOCKET_NAMES = (
    "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv", "sendto",
    "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg",
)  # fmt: skip
DEFAULT_SHAPE = "xxxxxx"


def quoted(raw, limit=TEXT_SHOWN):
    """Bytes as a C string, cut as strace cuts it."""
    shown = "".join(ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:o}") for byte in raw[:limit])
    return f'"{shown}"' + ("..." if len(raw) > limit else "")


class Strace:
    """Listens to the system calls of a kernel and writes them to the text stream `out`.

    With `program`, a path, nothing is shown until init starts that program, and then its calls and those of its descendants;
    without, all calls of all programs.
    """

    def __init__(self, table, out, program=None):
        self.table = table
        self.out = out
        self.program = program
        # What each task has begun: the call as text.
        self.begun = {}
        # Whether a task's calls are shown, by its pid.
        self.shown = {}
        self.starting = False

    def wanted(self, task, name, arguments):
        """Whether the task's calls are shown; the program's first is preceded by the execve that init's spawn is."""
        if self.program is None:
            return True
        if task.pid == INIT_PID:
            # Init starts the program by a call that Linux does not have.
            path = strncpy_from_user(task.mm, arguments[0] & 0xFFFFFFFFFFFFFFFF, 4096) if name == "spawn" else None
            self.starting = self.starting or path == self.program.encode("utf-8", "surrogateescape")
            return False
        if task.pid not in self.shown:
            parent = task.signal.leader.parent
            parent = parent.pid if parent is not None else 0
            first = self.starting and parent == INIT_PID and True not in self.shown.values()
            self.shown[task.pid] = first or self.shown.get(task.tgid, False) or self.shown.get(parent, False)
            if first:
                words = ", ".join(quoted(word.encode("utf-8", "surrogateescape")) for word in task.argv[:ARGUMENTS_SHOWN])
                more = ", ..." if len(task.argv) > ARGUMENTS_SHOWN else ""
                count = f"{len(task.environ)} var{'s' if len(task.environ) != 1 else ''}"
                path = quoted(self.program.encode("utf-8", "surrogateescape"), 4096)
                self.write(task, f"execve({path}, [{words}{more}], /* {count} */)", "0")
        return self.shown[task.pid]

    def enter(self, task, nr, arguments):
        """A call begins: its arguments are read now, for a program that execve replaces has none later."""
        if not self.wanted(task, self.table.name(nr), arguments):
            return
        name = self.table.name(nr)
        if not self.table.knows(nr):
            number = getattr(task.context.thread_pointer, "call", None)
            name = f"syscall_{number if number is not None else nr:#x}"
        if name == "socketcall":
            name, arguments, shape = self.socket_call(task, arguments)
        else:
            shape = SHAPES.get(name) or SOCKET_SHAPES.get(name, DEFAULT_SHAPE)
        shown = [self.show(task, kind, arguments, position) for position, kind in enumerate(shape)]
        self.begun[task.pid] = f"{name}({', '.join(shown)})"

    def socket_call(self, task, arguments):
        """(name, arguments, shape) of what socketcall was asked for."""
        known = 1 <= arguments[0] <= len(SOCKET_NAMES)
        name = SOCKET_NAMES[arguments[0] - 1] if known else f"socketcall_{arguments[0]}"
        shape = SOCKET_SHAPES.get(name, "")
        raw = copy_from_user(task.mm, arguments[1] & 0xFFFFFFFFFFFFFFFF, 8 * len(shape)) if shape else b""
        if raw is None:
            return name, (), ""
        words = [int.from_bytes(raw[start : start + 8], "little", signed=True) for start in range(0, len(raw), 8)]
        return name, words, shape

    def show(self, task, kind, arguments, position):
        value = arguments[position]
        if kind == "d":
            return str(value)
        if kind == "o":
            return f"0{value & 0xFFFFFFFF:o}"
        if kind == "@":
            return "AT_FDCWD" if value == AT_FDCWD or value == AT_FDCWD & 0xFFFFFFFF else str(value)
        address = value & 0xFFFFFFFFFFFFFFFF
        raw = None
        if kind == "s":
            raw = strncpy_from_user(task.mm, address, 4096)
        elif kind == "b":
            raw = copy_from_user(task.mm, address, max(0, min(arguments[position + 1], TEXT_SHOWN + 1)))
        if raw is not None:
            return quoted(raw, len(raw) if kind == "s" else TEXT_SHOWN)
        return "NULL" if address == 0 and kind in "sb" else f"{address:#x}" if address else "0"

    def leave(self, task, nr, result):
        """The call has returned `result`; None: it did not and never will."""
        text = self.begun.pop(task.pid, None)
        if text is None:
            return
        if result is None:
            outcome = "?"
        elif -4096 < result < 0:
            outcome = f"-1 {ERRNO_NAMES.get(-result, -result)} ({strerror(-result)})"
        else:
            outcome = str(result) if result < 1 << 20 else f"{result:#x}"
        self.write(task, text, outcome)

    def write(self, task, text, outcome):
        self.out.write(f"[pid {task.pid:4d}] {text.ljust(39)} = {outcome}\n")
