"""The calls about a machine-code program's memory, and those that only such programs make."""

from kernel.arch.memory import REGISTERS
from kernel.arch.uaccess import copy_to_user, kernel_iter, put_user
from kernel.mm.mmap import user_mm
from kernel.syscalls import as_int
from kernel.uapi.errno import EBADF, EFAULT, EINVAL, ENODEV, ENOMEM, ENOSYS, EPERM, ESRCH
from kernel.uapi.mman import (
    ARCH_GET_FS,
    ARCH_GET_GS,
    ARCH_SET_FS,
    ARCH_SET_GS,
    MADV_DONTNEED,
    MAP_ANONYMOUS,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_TYPE,
    PROT_WRITE,
)
from kernel.uapi.syscall import (
    SYS_arch_prctl,
    SYS_brk,
    SYS_getegid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getgroups,
    SYS_madvise,
    SYS_mmap2,
    SYS_mprotect,
    SYS_mremap,
    SYS_msync,
    SYS_munmap,
    SYS_sched_getaffinity,
    SYS_setgid,
    SYS_setuid,
)

MASK64 = 0xFFFFFFFFFFFFFFFF
SHARED_VALIDATE = 3
CHUNK = 1 << 16
MAX_FILE = 256 << 20


class mm_calls:
    """These calls of one kernel.  A program that is not in machine code has no such memory: ENOSYS."""

    def __init__(self, kernel):
        self.kernel = kernel

    def mmap(self, task, address, length, prot, flags, fd, pages):
        """void *mmap2(void *addr, size_t length, int prot, int flags, int fd, off_t pgoffset)"""
        mm = task.mm
        if not isinstance(mm, user_mm):
            return -ENOSYS
        kind = flags & MAP_TYPE
        if kind not in (MAP_PRIVATE, MAP_SHARED, SHARED_VALIDATE):
            return -EINVAL
        address, length = address & MASK64, length & MASK64
        content = b""
        name = ""
        if not flags & MAP_ANONYMOUS:
            filp = task.files.fget(as_int(fd))
            if filp is None:
                return -EBADF
            if kind != MAP_PRIVATE and prot & PROT_WRITE:
                # Nobody would write the pages back.
                return -ENODEV
            if length > MAX_FILE:
                return -ENOMEM
            content = file_content(filp, pages * 4096, length)
            if isinstance(content, int):
                return content
            name = filp.path
        return mm.do_mmap(address, length, prot & 7, flags, content, name)

    def munmap(self, task, address, length, a2, a3, a4, a5):
        """int munmap(void *addr, size_t length)"""
        return task.mm.do_munmap(address & MASK64, length & MASK64) if isinstance(task.mm, user_mm) else -ENOSYS

    def mprotect(self, task, address, length, prot, a3, a4, a5):
        """int mprotect(void *addr, size_t len, int prot)"""
        if not isinstance(task.mm, user_mm):
            return -ENOSYS
        return task.mm.do_mprotect(address & MASK64, length & MASK64, prot & 7)

    def mremap(self, task, old, old_length, new_length, flags, target, a5):
        """void *mremap(void *old_address, size_t old_size, size_t new_size, int flags, void *new_address)"""
        if not isinstance(task.mm, user_mm):
            return -ENOSYS
        return task.mm.do_mremap(old & MASK64, old_length & MASK64, new_length & MASK64, flags, target & MASK64)

    def brk(self, task, address, a1, a2, a3, a4, a5):
        """void *brk(void *addr): the break, moved or not"""
        return task.mm.do_brk(address & MASK64) if isinstance(task.mm, user_mm) else -ENOSYS

    def madvise(self, task, address, length, advice, a3, a4, a5):
        """int madvise(void *addr, size_t length, int advice): MADV_DONTNEED zeroes, the rest are hints"""
        mm = task.mm
        if not isinstance(mm, user_mm):
            return -ENOSYS
        if address & 4095 or length < 0:
            return -EINVAL
        if advice == MADV_DONTNEED:
            for area in mm.overlapping(address, address + length):
                start, end = max(area.start, address), min(area.end, address + length + 4095 & ~4095)
                mm.poke(start, bytes(end - start))
        return 0

    def msync(self, task, address, length, flags, a3, a4, a5):
        """int msync(void *addr, size_t length, int flags): no mapping is written back"""
        return -EINVAL if address & 4095 else 0

    def arch_prctl(self, task, code, address, a2, a3, a4, a5):
        """int arch_prctl(int code, unsigned long addr): the bases of FS and GS"""
        mm = task.mm
        if not isinstance(mm, user_mm) or not mm.wide:
            return -EINVAL
        name = "fs_base" if code in (ARCH_SET_FS, ARCH_GET_FS) else "gs_base"
        mm.load(task.context.thread_pointer.registers)
        if code in (ARCH_SET_FS, ARCH_SET_GS):
            if address < 0 or address >= 1 << 47:
                return -EPERM
            mm.put(REGISTERS[name], address)
            return 0
        if code in (ARCH_GET_FS, ARCH_GET_GS):
            return 0 if put_user(mm, address, 8, mm.get(REGISTERS[name])) else -EFAULT
        return -EINVAL

    def getgid(self, task, a0, a1, a2, a3, a4, a5):
        """gid_t getgid(void), and the effective ids: a user's group has the user's number"""
        return task.uid

    def setid(self, task, wanted, a1, a2, a3, a4, a5):
        """int setuid(uid_t uid) and its kin: root may, everybody else may only ask for what is"""
        if wanted < 0:
            return -EINVAL
        if task.uid not in (0, wanted):
            return -EPERM
        return 0

    def setuid(self, task, wanted, a1, a2, a3, a4, a5):
        """int setuid(uid_t uid)"""
        result = self.setid(task, wanted, a1, a2, a3, a4, a5)
        if result == 0:
            task.uid = wanted
        return result

    def getgroups(self, task, size, address, a2, a3, a4, a5):
        """int getgroups(int size, gid_t list[]): no supplementary groups"""
        return -EINVAL if size < 0 else 0

    def sched_getaffinity(self, task, pid, size, address, a3, a4, a5):
        """int sched_getaffinity(pid_t pid, size_t cpusetsize, cpu_set_t *mask): the one CPU"""
        if size < 8 or size % 8:
            return -EINVAL
        if pid and self.kernel.pids.find(pid) is None:
            return -ESRCH
        return 8 if copy_to_user(task.mm, address, (1).to_bytes(8, "little")) else -EFAULT

    def register(self, table):
        for nr, name, function in (
            (SYS_mmap2, "mmap", self.mmap),
            (SYS_munmap, "munmap", self.munmap),
            (SYS_mprotect, "mprotect", self.mprotect),
            (SYS_mremap, "mremap", self.mremap),
            (SYS_brk, "brk", self.brk),
            (SYS_madvise, "madvise", self.madvise),
            (SYS_msync, "msync", self.msync),
            (SYS_arch_prctl, "arch_prctl", self.arch_prctl),
            (SYS_getgid, "getgid", self.getgid),
            (SYS_getegid, "getegid", self.getgid),
            (SYS_geteuid, "geteuid", self.getgid),
            (SYS_setuid, "setuid", self.setuid),
            (SYS_setgid, "setgid", self.setid),
            (SYS_getgroups, "getgroups", self.getgroups),
            (SYS_sched_getaffinity, "sched_getaffinity", self.sched_getaffinity),
        ):
            table.register(nr, name, function)


def file_content(filp, offset, length):
    """Up to `length` bytes of an open file from `offset`, or a negative errno; the file's own position stays."""
    if filp.inode is None or not filp.inode.is_regular():
        return -ENODEV
    position = filp.f_pos
    filp.f_pos = offset
    pieces = []
    left = length
    try:
        while left > 0:
            buffer = bytearray(min(left, CHUNK))
            count = filp.f_op.read(filp, kernel_iter(buffer, True))
            if count < 0:
                return count
            if count == 0:
                break
            pieces.append(bytes(buffer[:count]))
            left -= count
    finally:
        filp.f_pos = position
    return b"".join(pieces)

