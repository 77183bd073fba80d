"""memfd_create(2): a regular file in memory that has no name."""

from kernel.arch.uaccess import strncpy_from_user
from kernel.fs.open import nameless_file
from kernel.syscalls import from_user
from kernel.uapi.errno import EINVAL
from kernel.uapi.fcntl import (
    F_SEAL_SEAL,
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_EXEC,
    MFD_NOEXEC_SEAL,
    O_LARGEFILE,
    O_RDWR,
)
from kernel.uapi.syscall import SYS_memfd_create

# NAME_MAX without "memfd:".
NAME_LIMIT = 249
FLAGS = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC


class memfd_calls:
    """memfd_create of one kernel; the files take their room from the root file system."""

    def __init__(self, root):
        self.root = root

    def memfd_create(self, task, name, flags, a2, a3, a4, a5):
        """int memfd_create(const char *name, unsigned int flags)"""
        if flags & ~FLAGS or flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL:
            return -EINVAL
        raw = from_user(strncpy_from_user(task.mm, name & 0xFFFFFFFFFFFFFFFF, NAME_LIMIT + 1))
        if len(raw) > NAME_LIMIT:
            return -EINVAL
        fd = task.files.get_unused_fd()
        if fd < 0:
            return fd
        directory = self.root.inode
        node = directory.i_op.tmpfile(directory, 0o666 if flags & MFD_NOEXEC_SEAL else 0o777)
        if isinstance(node, int):
            task.files.put_unused_fd(fd)
            return node
        node.seals = 0 if flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) else F_SEAL_SEAL
        text = raw.decode("utf-8", "surrogateescape")
        filp = nameless_file(node, O_RDWR | O_LARGEFILE, self.root, f"memfd:{text}")
        task.files.fd_install(fd, filp, flags & MFD_CLOEXEC != 0)
        return fd

    def register(self, table):
        """Enter the call into the table."""
        table.register(SYS_memfd_create, "memfd_create", self.memfd_create)
