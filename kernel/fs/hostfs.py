"""hostfs: a folder of the host, mounted read-only.

A file is known by its path below the folder, a tuple of names.  Each use opens that path name by name from the folder's
own descriptor, following no symbolic link, so neither `..` nor a link, nor one that is swapped in at the wrong moment,
leads out of the folder.  Links are resolved by the guest's own path walk, inside the guest's tree.
"""

import os
import stat

from kernel.fs.file import file_operations
from kernel.fs.host_io import pread_iter
from kernel.fs.inode import directory_operations, dot_entries, inode, inode_operations, seek, super_block
from kernel.uapi.errno import EACCES, EFBIG, EIO, EROFS
from kernel.uapi.stat import DT_DIR, DT_LNK, DT_REG, S_IFDIR, S_IFLNK, S_IFREG

PATH_ONLY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def refused(error):
    """A host OSError as a negative errno."""
    return -(error.errno or EIO)


class hostfs_file_operations(file_operations):
    """An open regular file: `private_data` is the host's descriptor."""

    def can_poll(self):
        return False

    def open(self, filp):
        fd = filp.inode.i_sb.open(filp.inode.i_private, os.O_RDONLY)
        if fd >= 0:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                return -EACCES
            filp.private_data = fd
        return min(fd, 0)

    def read(self, filp, to):
        done = pread_iter(filp.private_data, to, filp.f_pos)
        if done > 0:
            filp.f_pos += done
        return done

    def splice_read(self, filp, to, nonblock):
        return self.read(filp, to)

    def write(self, filp, source):
        return -EROFS

    def llseek(self, filp, offset, whence):
        return seek(filp, offset, whence, os.fstat(filp.private_data).st_size)

    def release(self, filp):
        if filp.private_data is not None:
            os.close(filp.private_data)
            filp.private_data = None


class hostfs_dir_operations(directory_operations):
    """An open directory; names come sorted, so that two runs see the same order."""

    def iterate(self, filp):
        node = filp.inode
        fd = node.i_sb.open(node.i_private, os.O_RDONLY | os.O_DIRECTORY)
        if fd < 0:
            return fd
        try:
            with os.scandir(fd) as found:
                entries = sorted((entry.name, entry.inode(), entry_type(entry)) for entry in found)
        except OSError as error:
            return refused(error)
        finally:
            os.close(fd)
        return dot_entries(filp.dentry) + [entry for entry in entries if entry[2] >= 0]


def entry_type(entry):
    """The DT_* type of a host directory entry; -1 for what is not shown (devices, sockets, pipes)."""
    if entry.is_symlink():
        return DT_LNK
    if entry.is_dir(follow_symlinks=False):
        return DT_DIR
    return DT_REG if entry.is_file(follow_symlinks=False) else -1


class hostfs_inode_operations(inode_operations):
    """`i_private` is the path below the folder."""

    def lookup(self, parent, name):
        return parent.i_sb.make_inode((*parent.i_private, name))

    def readlink(self, node):
        fd = node.i_sb.open(node.i_private, os.O_PATH)
        if fd < 0:
            return fd
        try:
            return os.readlink("", dir_fd=fd)
        except OSError as error:
            return refused(error)
        finally:
            os.close(fd)

    def getattr(self, node):
        node.i_sb.refresh(node)


class hostfs(super_block):
    """The host folder `folder`; OSError when it can not be opened."""

    def __init__(self, device, folder):
        super().__init__("hostfs", device, read_only=True)
        self.fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.operations = hostfs_inode_operations()
        self.files = hostfs_file_operations()
        self.directories = hostfs_dir_operations()
        self.root = self.make_inode(())

    def close(self):
        """Let go of the folder (power-off)."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def open(self, path, flags):
        """A host descriptor for the path (a tuple of names), or a negative errno; never outside the folder."""
        fd = -1
        try:
            fd = os.open(".", os.O_PATH | os.O_CLOEXEC, dir_fd=self.fd) if path else os.open(
                ".", flags | os.O_CLOEXEC, dir_fd=self.fd
            )
            for position, name in enumerate(path):
                last = position == len(path) - 1
                mode = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC if last else PATH_ONLY
                step = os.open(name, mode, dir_fd=fd)
                os.close(fd)
                fd = step
        except (OSError, ValueError) as error:
            if fd >= 0:
                os.close(fd)
            return refused(error) if isinstance(error, OSError) else -EACCES
        return fd

    def status(self, path):
        """The host's stat of the path, or a negative errno."""
        fd = self.open(path, os.O_PATH)
        if fd < 0:
            return fd
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def contents(self, node, limit):
        """The bytes of a regular file, or a negative errno; -EFBIG beyond `limit`."""
        fd = self.open(node.i_private, os.O_RDONLY)
        if fd < 0:
            return fd
        try:
            with open(fd, "rb") as source:
                data = source.read(limit + 1)
        except OSError as error:
            return refused(error)
        return data if len(data) <= limit else -EFBIG

    def make_inode(self, path):
        """The inode of a path, or a negative errno; what is neither file, directory nor link may not be used."""
        status = self.status(path)
        if isinstance(status, int):
            return status
        if stat.S_ISDIR(status.st_mode):
            node = inode(self, S_IFDIR, self.operations, self.directories, path)
        elif stat.S_ISREG(status.st_mode):
            node = inode(self, S_IFREG, self.operations, self.files, path)
        elif stat.S_ISLNK(status.st_mode):
            node = inode(self, S_IFLNK, self.operations, self.files, path)
        else:
            return -EACCES
        fill(node, status)
        return node

    def refresh(self, node):
        status = self.status(node.i_private)
        if not isinstance(status, int):
            fill(node, status)


def fill(node, status):
    """Copy what stat shows from the host's inode, without write permission."""
    node.i_ino = status.st_ino
    node.i_mode = status.st_mode & ~0o222
    node.i_nlink = status.st_nlink
    node.i_size = status.st_size
    node.i_mtime = status.st_mtime_ns
