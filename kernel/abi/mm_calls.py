"""The calls about a machine-code program's memory, and those that only such programs make."""

from kernel.arch.memory import REGISTERS
from kernel.arch.uaccess import kernel_iter, put_user
from kernel.fs.ramfs import MAX_FILE_SIZE, ramfs_inode
from kernel.mm.mmap import PAGE, page_up, user_mm
from kernel.syscalls import as_int
from kernel.uapi.errno import EACCES, EBADF, EFAULT, EINVAL, ENODEV, ENOMEM, ENOSYS, EOVERFLOW, EPERM
from kernel.uapi.fcntl import F_SEAL_FUTURE_WRITE, F_SEAL_WRITE, FMODE_READ, FMODE_WRITE
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
    MCL_ALL,
    MS_ASYNC,
    MS_INVALIDATE,
    MS_SYNC,
    PROT_WRITE,
)
from kernel.uapi.stat import S_IFCHR, S_IFMT
from kernel.uapi.syscall import (
    SYS_arch_prctl,
    SYS_brk,
    SYS_madvise,
    SYS_mlock,
    SYS_mlockall,
    SYS_mmap2,
    SYS_mprotect,
    SYS_mremap,
    SYS_msync,
    SYS_munlock,
    SYS_munlockall,
    SYS_munmap,
    SYS_personality,
)

MASK64 = 0xFFFFFFFFFFFFFFFF
SHARED_VALIDATE = 3
CHUNK = 1 << 16
MAX_FILE = 256 << 20
MAX_SHARED = MAX_FILE_SIZE
DEV_ZERO = 1 << 8 | 5
# What /proc/PID/maps calls shared memory without a name.
SHARED_NAME = "/dev/zero (deleted)"


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
        if not flags & MAP_ANONYMOUS:
            filp = task.files.fget(as_int(fd))
            if filp is None:
                return -EBADF
            if length == 0:
                return -EINVAL
            node = filp.inode
            if node is None or node.i_rdev != DEV_ZERO or node.i_mode & S_IFMT != S_IFCHR:
                return self.map_file(mm, address, length, prot & 7, flags, filp, pages * PAGE)
        if kind == MAP_PRIVATE:
            return mm.do_mmap(address, length, prot & 7, flags)
        if not 0 < length <= MAX_SHARED:
            return -ENOMEM if length else -EINVAL
        node = self.kernel.shm.new(page_up(length))
        return node if isinstance(node, int) else map_shared(mm, address, length, prot & 7, flags, node, SHARED_NAME, 0, True)

    def map_file(self, mm, address, length, prot, flags, filp, offset):
        """mmap of an open file."""
        shared = flags & MAP_TYPE != MAP_PRIVATE
        node = filp.inode
        if not filp.f_mode & FMODE_READ or (shared and prot & PROT_WRITE and not filp.f_mode & FMODE_WRITE):
            return -EACCES
        if node is None or not node.is_regular():
            return -ENODEV
        if shared and isinstance(node, ramfs_inode):
            may_write = filp.f_mode & FMODE_WRITE != 0
            if node.seals and node.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
                if prot & PROT_WRITE:
                    return -EPERM
                may_write = False
            if offset + length > MAX_SHARED:
                return -EOVERFLOW
            return map_shared(mm, address, length, prot, flags, node, filp.path, offset, may_write)
        if length > MAX_FILE:
            return -ENOMEM
        content = file_content(filp, offset, length)
        if isinstance(content, int):
            return content
        return mm.do_mmap(address, length, prot, flags, content, filp.path)

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
                if area.mapping is not None:
                    # What others see stays.
                    continue
                start, end = max(area.start, address), min(area.end, address + length + 4095 & ~4095)
                mm.poke(start, bytes(end - start))
        return 0

    def msync(self, task, address, length, flags, a3, a4, a5):
        """int msync(void *addr, size_t length, int flags): files are what their mappings show; they have been changed now"""
        mm = task.mm
        if not isinstance(mm, user_mm):
            return -ENOSYS
        address, length = address & MASK64, page_up(length & MASK64)
        if address & PAGE - 1 or flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or flags & MS_ASYNC and flags & MS_SYNC:
            return -EINVAL
        if length > mm.limit or address > mm.limit - length:
            return -ENOMEM if length else 0
        position = address
        for area in mm.overlapping(address, address + length):
            if area.start > position:
                return -ENOMEM
            position = area.end
            if flags & MS_SYNC and area.mapping is not None and area.prot & PROT_WRITE:
                area.mapping.node.touch()
        return 0 if position >= address + length else -ENOMEM

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

    def lock(self, task, address, length, a2, a3, a4, a5):
        """int mlock(const void *addr, size_t len), and munlock: nothing is ever swapped"""
        mm = task.mm
        if not isinstance(mm, user_mm):
            return -ENOSYS
        start, end = address & MASK64 & ~(PAGE - 1), page_up((address & MASK64) + (length & MASK64))
        if end > mm.limit:
            return -ENOMEM
        covered = sum(min(area.end, end) - max(area.start, start) for area in mm.overlapping(start, end)) if end > start else 0
        return 0 if covered == max(0, end - start) else -ENOMEM

    def lock_all(self, task, flags, a1, a2, a3, a4, a5):
        """int mlockall(int flags)"""
        return 0 if 0 < flags <= MCL_ALL else -EINVAL

    def unlock_all(self, task, a0, a1, a2, a3, a4, a5):
        """int munlockall(void)"""
        return 0

    def personality(self, task, persona, a1, a2, a3, a4, a5):
        """int personality(unsigned long persona): always Linux's own"""
        return 0

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
            (SYS_mlock, "mlock", self.lock),
            (SYS_munlock, "munlock", self.lock),
            (SYS_mlockall, "mlockall", self.lock_all),
            (SYS_munlockall, "munlockall", self.unlock_all),
            (SYS_personality, "personality", self.personality),
        ):
            table.register(nr, name, function)


def map_shared(mm, address, length, prot, flags, node, name, offset, may_write):
    """Map a ramfs inode's own pages; one that nobody else has goes where that fails."""
    node.opens += 1
    result = mm.do_mmap(address, length, prot, flags, b"", name, node, offset, may_write)
    node.opens -= 1
    node.put()
    return result


def file_content(filp, offset, length):
    """Up to `length` bytes of an open file from `offset`, or a negative errno; the file's own position stays."""
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

