"""The calls about tasks and the system: ids, signals, uname, sysinfo, syslog, reboot, getrandom."""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.signal import SIG_BITS, do_sigaction, kill, set_blocked, sigaction, sigreturn
from kernel.uapi.errno import EFAULT, EINVAL, EPERM, ESRCH
from kernel.uapi.reboot import (
    LINUX_REBOOT_CMD_HALT,
    LINUX_REBOOT_CMD_POWER_OFF,
    LINUX_REBOOT_CMD_RESTART,
    LINUX_REBOOT_MAGIC1,
    LINUX_REBOOT_MAGIC2,
)
from kernel.uapi.signal import SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SIGSET_SIZE
from kernel.uapi.syscall import (
    SYS_getpgid,
    SYS_getpgrp,
    SYS_getpid,
    SYS_getppid,
    SYS_getrandom,
    SYS_getsid,
    SYS_gettid,
    SYS_getuid,
    SYS_kill,
    SYS_reboot,
    SYS_rt_sigaction,
    SYS_rt_sigpending,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_setpgid,
    SYS_setsid,
    SYS_sysinfo,
    SYS_syslog,
    SYS_uname,
)

# struct sigaction: handler, flags, restorer, mask.
SIGACTION = Struct("<QQQQ")
UTSNAME = Struct("65s65s65s65s65s65s")
SYSINFO = Struct("<q3Q6QHH4xQQI4x")
SYSLOG_READ_ALL = 3
SYSLOG_READ_CLEAR = 4
SYSLOG_CLEAR = 5
SYSLOG_CONSOLE_OFF = 6
SYSLOG_CONSOLE_ON = 7
SYSLOG_CONSOLE_LEVEL = 8
SYSLOG_SIZE_UNREAD = 9
SYSLOG_SIZE_BUFFER = 10
RANDOM_LIMIT = 1 << 20


class system_calls:
    """These calls of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel

    # --- ids ---

    def getpid(self, task, a0, a1, a2, a3, a4, a5):
        return task.pid

    def getppid(self, task, a0, a1, a2, a3, a4, a5):
        return task.parent.pid if task.parent is not None else 0

    def getuid(self, task, a0, a1, a2, a3, a4, a5):
        return task.uid

    def getpgrp(self, task, a0, a1, a2, a3, a4, a5):
        return task.pgrp

    def getpgid(self, task, pid, a1, a2, a3, a4, a5):
        target = task if pid == 0 else self.kernel.pids.find(pid)
        return target.pgrp if target is not None else -ESRCH

    def getsid(self, task, pid, a1, a2, a3, a4, a5):
        target = task if pid == 0 else self.kernel.pids.find(pid)
        return target.session if target is not None else -ESRCH

    def setsid(self, task, a0, a1, a2, a3, a4, a5):
        """pid_t setsid(void)"""
        if any(other.pgrp == task.pid for other in self.kernel.pids.tasks()):
            return -EPERM
        task.session = task.pgrp = task.pid
        task.tty = None
        return task.pid

    def setpgid(self, task, pid, pgid, a2, a3, a4, a5):
        """int setpgid(pid_t pid, pid_t pgid)"""
        target = task if pid in (0, task.pid) else self.kernel.pids.find(pid)
        if target is None or (target is not task and target.parent is not task):
            return -ESRCH
        if pgid < 0:
            return -EINVAL
        if target.session != task.session or target.session == target.pid:
            return -EPERM
        group = pgid or target.pid
        if group != target.pid and not self.kernel.group_exists(group, task.session):
            return -EPERM
        target.pgrp = group
        return 0

    # --- signals ---

    def kill(self, task, pid, sig, a2, a3, a4, a5):
        """int kill(pid_t pid, int sig)"""
        return kill(self.kernel.pids.tasks(), task, pid, sig)

    def rt_sigaction(self, task, sig, new, old, size, a4, a5):
        """int rt_sigaction(int sig, const struct sigaction *act, struct sigaction *oact, size_t sigsetsize)"""
        if size != SIGSET_SIZE:
            return -EINVAL
        wanted = None
        if new:
            raw = copy_from_user(task.mm, new, SIGACTION.size)
            if raw is None:
                return -EFAULT
            handler, flags, _, mask = SIGACTION.unpack(raw)
            wanted = sigaction(handler, flags, mask << 1 & SIG_BITS)
        before = do_sigaction(task, sig, wanted)
        if isinstance(before, int):
            return before
        if old and not copy_to_user(task.mm, old, SIGACTION.pack(before.handler, before.flags, 0, before.mask >> 1)):
            return -EFAULT
        return 0

    def rt_sigprocmask(self, task, how, new, old, size, a4, a5):
        """int rt_sigprocmask(int how, const sigset_t *set, sigset_t *oldset, size_t sigsetsize)"""
        if size != SIGSET_SIZE:
            return -EINVAL
        before = task.signal.blocked
        if new:
            raw = copy_from_user(task.mm, new, SIGSET_SIZE)
            if raw is None:
                return -EFAULT
            mask = int.from_bytes(raw, "little") << 1 & SIG_BITS
            if how == SIG_BLOCK:
                mask |= before
            elif how == SIG_UNBLOCK:
                mask = before & ~mask
            elif how != SIG_SETMASK:
                return -EINVAL
            set_blocked(task, mask)
        if old and not copy_to_user(task.mm, old, (before >> 1).to_bytes(8, "little")):
            return -EFAULT
        return 0

    def rt_sigreturn(self, task, a0, a1, a2, a3, a4, a5):
        """What a signal entry calls when its handler has returned."""
        return sigreturn(task)

    def rt_sigpending(self, task, address, size, a2, a3, a4, a5):
        """int rt_sigpending(sigset_t *set, size_t sigsetsize)"""
        waiting = task.signal.pending & task.signal.blocked
        return 0 if copy_to_user(task.mm, address, (waiting >> 1).to_bytes(8, "little")) else -EFAULT

    # --- the system ---

    def uname(self, task, address, a1, a2, a3, a4, a5):
        """int uname(struct utsname *buf)"""
        kernel = self.kernel
        fields = ("Linux", kernel.hostname, kernel.release, kernel.version, kernel.machine_name, "(none)")
        raw = UTSNAME.pack(*(field.encode("utf-8", "surrogateescape")[:64] for field in fields))
        return 0 if copy_to_user(task.mm, address, raw) else -EFAULT

    def sysinfo(self, task, address, a1, a2, a3, a4, a5):
        """int sysinfo(struct sysinfo *info)"""
        kernel = self.kernel
        total = kernel.arch.memory.size
        free = total - kernel.slab.bytes_in_use
        count = len(kernel.pids.tasks())
        raw = SYSINFO.pack(kernel.timers.now() // 1000000000, 0, 0, 0, total, free, 0, 0, 0, 0, count, 0, 0, 0, 1)
        return 0 if copy_to_user(task.mm, address, raw) else -EFAULT

    def syslog(self, task, action, address, size, a3, a4, a5):
        """int syslog(int type, char *bufp, int len): read all, clear, sizes and the console level"""
        log = self.kernel.printk
        if action in (SYSLOG_READ_ALL, SYSLOG_READ_CLEAR):
            if size < 0:
                return -EINVAL
            raw = log.text().encode("utf-8", "replace")
            raw = raw[max(0, len(raw) - size) :]
            if raw and not copy_to_user(task.mm, address, raw):
                return -EFAULT
            if action == SYSLOG_READ_CLEAR:
                log.clear()
            return len(raw)
        if action in (SYSLOG_SIZE_UNREAD, SYSLOG_SIZE_BUFFER):
            return len(log.text().encode("utf-8", "replace"))
        if action == SYSLOG_CLEAR:
            log.clear()
        elif action == SYSLOG_CONSOLE_LEVEL and 1 <= size <= 8:
            log.console_loglevel = size
        elif action in (SYSLOG_CONSOLE_OFF, SYSLOG_CONSOLE_ON):
            log.console_loglevel = 1 if action == SYSLOG_CONSOLE_OFF else 7
        else:
            return -EINVAL
        return 0

    def reboot(self, task, magic1, magic2, command, status, a4, a5):
        """int reboot(int magic, int magic2, int cmd, int status): does not return on success"""
        if magic1 & 0xFFFFFFFF != LINUX_REBOOT_MAGIC1 or magic2 & 0xFFFFFFFF != LINUX_REBOOT_MAGIC2:
            return -EINVAL
        if task.uid != 0:
            return -EPERM
        command &= 0xFFFFFFFF
        if command not in (LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_RESTART):
            return -EINVAL
        self.kernel.power_off(status & 0xFF)
        return 0

    def getrandom(self, task, address, size, flags, a3, a4, a5):
        """ssize_t getrandom(void *buf, size_t buflen, unsigned int flags): from the machine's seeded generator"""
        if size < 0 or flags & ~3:
            return -EINVAL
        raw = self.kernel.random.randbytes(min(size, RANDOM_LIMIT))
        return len(raw) if not raw or copy_to_user(task.mm, address, raw) else -EFAULT

    def register(self, table):
        """Enter this room's calls into the table."""
        for nr, function in (
            (SYS_getpid, self.getpid),
            (SYS_gettid, self.getpid),
            (SYS_getppid, self.getppid),
            (SYS_getuid, self.getuid),
            (SYS_getpgrp, self.getpgrp),
            (SYS_getpgid, self.getpgid),
            (SYS_getsid, self.getsid),
            (SYS_setsid, self.setsid),
            (SYS_setpgid, self.setpgid),
            (SYS_kill, self.kill),
            (SYS_rt_sigaction, self.rt_sigaction),
            (SYS_rt_sigprocmask, self.rt_sigprocmask),
            (SYS_rt_sigpending, self.rt_sigpending),
            (SYS_rt_sigreturn, self.rt_sigreturn),
            (SYS_uname, self.uname),
            (SYS_sysinfo, self.sysinfo),
            (SYS_syslog, self.syslog),
            (SYS_reboot, self.reboot),
            (SYS_getrandom, self.getrandom),
        ):
            table.register(nr, function.__name__, function)
