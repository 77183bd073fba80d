"""User and group ids.  A process has one user id; its group id is the same number; and supplementary groups, which are kept."""

from struct import pack, unpack

from kernel.arch.uaccess import copy_from_user, copy_to_user, put_user
from kernel.syscalls import as_int, from_user
from kernel.uapi.errno import EFAULT, EINVAL, EPERM
from kernel.uapi.syscall import (
    SYS_getegid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getgroups,
    SYS_getresgid32,
    SYS_getresuid32,
    SYS_setgid,
    SYS_setgroups32,
    SYS_setregid32,
    SYS_setresgid32,
    SYS_setresuid32,
    SYS_setreuid32,
    SYS_setuid,
)

MAX_GROUPS = 65536
UNCHANGED = -1


class id_calls:
    """These calls; the ids are what a task and its process hold."""

    def getgid(self, task, a0, a1, a2, a3, a4, a5):
        """gid_t getgid(void), and the effective ids: a user's group has the user's number"""
        return task.uid

    def may_be(self, task, *wanted):
        """Whether the task may have the ids: root may, everybody else may only ask for what is."""
        ids = [as_int(value) for value in wanted]
        if any(value < UNCHANGED for value in ids):
            return -EINVAL
        return 0 if task.uid == 0 or all(value in (UNCHANGED, task.uid) for value in ids) else -EPERM

    def setgid(self, task, wanted, a1, a2, a3, a4, a5):
        """int setgid(gid_t gid)"""
        return -EINVAL if as_int(wanted) < 0 else self.may_be(task, wanted)

    def setuid(self, task, wanted, a1, a2, a3, a4, a5):
        """int setuid(uid_t uid)"""
        return -EINVAL if as_int(wanted) < 0 else self.become(task, wanted)

    def become(self, task, *wanted):
        """Take on the last of the ids that is to be changed."""
        result = self.may_be(task, *wanted)
        changed = [as_int(value) for value in wanted if as_int(value) != UNCHANGED]
        if result == 0 and changed:
            for thread in task.signal.threads:
                thread.uid = changed[-1]
        return result

    def setreuid(self, task, real, effective, a2, a3, a4, a5):
        """int setreuid(uid_t ruid, uid_t euid)"""
        return self.become(task, real, effective)

    def setregid(self, task, real, effective, a2, a3, a4, a5):
        """int setregid(gid_t rgid, gid_t egid)"""
        return self.may_be(task, real, effective)

    def setresuid(self, task, real, effective, saved, a3, a4, a5):
        """int setresuid(uid_t ruid, uid_t euid, uid_t suid)"""
        result = self.may_be(task, saved)
        return result if result < 0 else self.become(task, real, effective)

    def setresgid(self, task, real, effective, saved, a3, a4, a5):
        """int setresgid(gid_t rgid, gid_t egid, gid_t sgid)"""
        return self.may_be(task, real, effective, saved)

    def getres(self, task, real, effective, saved, a3, a4, a5):
        """int getresuid(uid_t *ruid, uid_t *euid, uid_t *suid), and getresgid"""
        stored = [put_user(task.mm, address, 4, task.uid) for address in (real, effective, saved)]
        return 0 if all(stored) else -EFAULT

    def getgroups(self, task, size, address, a2, a3, a4, a5):
        """int getgroups(int size, gid_t list[])"""
        groups = task.signal.groups
        size = as_int(size)
        if size < 0 or 0 < size < len(groups):
            return -EINVAL
        if size and groups and not copy_to_user(task.mm, address, pack(f"<{len(groups)}I", *groups)):
            return -EFAULT
        return len(groups)

    def setgroups(self, task, size, address, a2, a3, a4, a5):
        """int setgroups(size_t size, const gid_t *list)"""
        if task.uid != 0:
            return -EPERM
        if not 0 <= size <= MAX_GROUPS:
            return -EINVAL
        raw = from_user(copy_from_user(task.mm, address, 4 * size)) if size else b""
        task.signal.groups = tuple(sorted(unpack(f"<{size}I", raw)))
        return 0

    def register(self, table):
        for nr, name, function in (
            (SYS_getgid, "getgid", self.getgid),
            (SYS_getegid, "getegid", self.getgid),
            (SYS_geteuid, "geteuid", self.getgid),
            (SYS_setuid, "setuid", self.setuid),
            (SYS_setgid, "setgid", self.setgid),
            (SYS_setreuid32, "setreuid32", self.setreuid),
            (SYS_setregid32, "setregid32", self.setregid),
            (SYS_setresuid32, "setresuid32", self.setresuid),
            (SYS_setresgid32, "setresgid32", self.setresgid),
            (SYS_getresuid32, "getresuid32", self.getres),
            (SYS_getresgid32, "getresgid32", self.getres),
            (SYS_getgroups, "getgroups", self.getgroups),
            (SYS_setgroups32, "setgroups32", self.setgroups),
        ):
            table.register(nr, name, function)
