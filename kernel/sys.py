"""The calls about tasks and the system: ids, prctl, uname, sysinfo, syslog, reboot, getrandom."""

from struct import Struct

from kernel.arch.uaccess import copy_to_user, put_user, strncpy_from_user
from kernel.uapi.errno import EFAULT, EINVAL, EPERM, ESRCH
from kernel.uapi.reboot import (
    LINUX_REBOOT_CMD_HALT,
    LINUX_REBOOT_CMD_POWER_OFF,
    LINUX_REBOOT_CMD_RESTART,
    LINUX_REBOOT_MAGIC1,
    LINUX_REBOOT_MAGIC2,
)
from kernel.uapi.sched import (
    PR_GET_DUMPABLE,
    PR_GET_NAME,
    PR_GET_PDEATHSIG,
    PR_SET_DUMPABLE,
    PR_SET_NAME,
    PR_SET_PDEATHSIG,
)
from kernel.uapi.signal import NSIG
from kernel.uapi.syscall import (
    SYS_getpgid,
    SYS_getpgrp,
    SYS_getpid,
    SYS_getppid,
    SYS_getrandom,
    SYS_getsid,
    SYS_gettid,
    SYS_getuid,
    SYS_prctl,
    SYS_reboot,
    SYS_setpgid,
    SYS_setsid,
    SYS_sysinfo,
    SYS_syslog,
    SYS_uname,
    SYS_vhangup,
)

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
COMM_LENGTH = 15


class system_calls:
    """These calls of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel

    # --- ids ---

    def getpid(self, task, a0, a1, a2, a3, a4, a5):
        return task.tgid

    def gettid(self, task, a0, a1, a2, a3, a4, a5):
        return task.pid

    def getppid(self, task, a0, a1, a2, a3, a4, a5):
        return task.parent.tgid if task.parent is not None else 0

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
        if any(other.pgrp == task.tgid for other in self.kernel.pids.tasks()):
            return -EPERM
        task.session = task.pgrp = task.tgid
        task.tty = None
        return task.tgid

    def setpgid(self, task, pid, pgid, a2, a3, a4, a5):
        """int setpgid(pid_t pid, pid_t pgid)"""
        if pgid < 0:
            return -EINVAL
        leader = task.signal.leader
        target = leader if pid in (0, task.tgid) else self.kernel.pids.find(pid)
        if target is None or (target is not leader and target.parent is not leader):
            return -ESRCH
        if not target.is_leader():
            return -EINVAL
        if target.session != task.session or target.session == target.pid:
            return -EPERM
        group = pgid or target.pid
        if group != target.pid and not self.kernel.group_exists(group, task.session):
            return -EPERM
        target.pgrp = group
        return 0

    def prctl(self, task, option, argument, a2, a3, a4, a5):
        """int prctl(int option, ...): the thread's name, and the signal that it gets when its parent ends"""
        result = 0
        if option == PR_SET_NAME:
            raw = strncpy_from_user(task.mm, argument, COMM_LENGTH)
            if raw is None:
                return -EFAULT
            task.comm = raw.decode("utf-8", "replace")
        elif option == PR_GET_NAME:
            raw = task.comm.encode("utf-8", "replace")[:COMM_LENGTH].ljust(COMM_LENGTH + 1, b"\0")
            result = 0 if copy_to_user(task.mm, argument, raw) else -EFAULT
        elif option == PR_SET_PDEATHSIG:
            if not 0 <= argument <= NSIG:
                return -EINVAL
            task.pdeath_signal = argument
        elif option == PR_GET_PDEATHSIG:
            result = 0 if put_user(task.mm, argument, 4, task.pdeath_signal) else -EFAULT
        elif option == PR_GET_DUMPABLE:
            result = 1
        elif option != PR_SET_DUMPABLE or argument not in (0, 1):
            result = -EINVAL
        return result

    def vhangup(self, task, a0, a1, a2, a3, a4, a5):
        """int vhangup(void): the controlling terminal is cut off from whoever has it open"""
        if task.uid != 0:
            return -EPERM
        if task.tty is not None:
            task.tty.hang_up(self.kernel.tty_operations.hung_up)
        return 0

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
            (SYS_gettid, self.gettid),
            (SYS_getppid, self.getppid),
            (SYS_getuid, self.getuid),
            (SYS_getpgrp, self.getpgrp),
            (SYS_getpgid, self.getpgid),
            (SYS_getsid, self.getsid),
            (SYS_setsid, self.setsid),
            (SYS_setpgid, self.setpgid),
            (SYS_vhangup, self.vhangup),
            (SYS_prctl, self.prctl),
            (SYS_uname, self.uname),
            (SYS_sysinfo, self.sysinfo),
            (SYS_syslog, self.syslog),
            (SYS_reboot, self.reboot),
            (SYS_getrandom, self.getrandom),
        ):
            table.register(nr, function.__name__, function)
