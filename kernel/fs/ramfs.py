"""ramfs: files that live in memory.  It is the root file system, filled from the initramfs; /dev is one, too.

It is bounded as tmpfs(5) is by default: half of the machine's RAM in bytes, and as many inodes as that has pages.  A file's
bytes count until its last name and its last descriptor are gone.  There are no holes: what a seek skips takes room.
"""

from kernel.fs.file import file_operations
from kernel.fs.inode import (
    directory_operations,
    dirent_type,
    dot_entries,
    inode,
    inode_operations,
    seek,
    super_block,
)
from kernel.uapi.errno import EFAULT, EFBIG, EINVAL, ENOENT, ENOSPC, ENOTEMPTY, ENXIO, EPERM
from kernel.uapi.fcntl import O_APPEND
from kernel.uapi.stat import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK

PAGE_SIZE = 4096
MAX_FILE_SIZE = 1 << 30


class ramfs_inode(inode):
    """A file of a ramfs; `opens` counts the open files of a regular one."""

    def __init__(self, sb, mode, i_op, i_fop, private=None):
        super().__init__(sb, mode, i_op, i_fop, private)
        self.opens = 0
        sb.inodes += 1

    def put(self):
        """A name or an open file is gone: the last of them gives the room back."""
        if self.i_nlink == 0 and self.opens == 0:
            self.i_sb.inodes -= 1
            if self.is_regular():
                self.i_sb.used -= self.i_size


class ramfs_file_operations(file_operations):
    """A regular file: its bytes are the inode's `i_private`."""

    def can_poll(self):
        return False

    def open(self, filp):
        filp.inode.opens += 1
        return 0

    def release(self, filp):
        filp.inode.opens -= 1
        filp.inode.put()

    def read(self, filp, to):
        data = filp.inode.i_private
        left = len(data) - filp.f_pos
        if left <= 0 or to.count == 0:
            return 0
        count = min(left, to.count)
        with memoryview(data) as view:
            done = to.write(view[filp.f_pos : filp.f_pos + count])
        if done > 0:
            filp.f_pos += done
        return done

    def write(self, filp, source):
        node = filp.inode
        sb = node.i_sb
        if filp.f_flags & O_APPEND:
            filp.f_pos = node.i_size
        position = filp.f_pos
        if position + source.count > MAX_FILE_SIZE:
            return -EFBIG
        # What fits is written, as on any full disk.
        count = min(source.count, node.i_size + sb.limit - sb.used - position)
        if count <= 0 and source.count:
            return -ENOSPC
        chunk = source.read(count)
        if chunk is None:
            return -EFAULT
        resize(node, max(node.i_size, position + len(chunk)))
        node.i_private[position : position + len(chunk)] = chunk
        node.i_mtime = sb.now()
        filp.f_pos = position + len(chunk)
        return len(chunk)

    def llseek(self, filp, offset, whence):
        return seek(filp, offset, whence, filp.inode.i_size)


class special_file_operations(file_operations):
    """A name that leads to no file which could be opened: a socket's, a device's that does not exist."""

    def open(self, filp):
        return -ENXIO


class ramfs_dir_operations(directory_operations):
    """An open directory: the inode's `i_private` is a dictionary from name to inode."""

    def iterate(self, filp):
        children = filp.inode.i_private.items()
        return dot_entries(filp.dentry) + [(name, node.i_ino, dirent_type(node.i_mode)) for name, node in children]


def resize(node, size):
    """Set a regular file's length; bytes it gains are zero."""
    data = node.i_private
    if not isinstance(data, bytearray):
        data = bytearray(data)
        node.i_private = data
    if size < len(data):
        del data[size:]
    elif size > len(data):
        data.extend(bytes(size - len(data)))
    node.i_sb.used += size - node.i_size
    node.i_size = size


class ramfs_inode_operations(inode_operations):
    """Directories are dictionaries from name to inode."""

    def lookup(self, parent, name):
        return parent.i_private.get(name)

    def add(self, parent, name, mode, fops, private):
        if parent.i_sb.inodes >= parent.i_sb.max_inodes:
            return -ENOSPC
        node = ramfs_inode(parent.i_sb, mode, self, fops, private)
        node.i_mtime = parent.i_sb.now()
        parent.i_private[name] = node
        parent.i_mtime = node.i_mtime
        return node

    def create(self, parent, name, mode):
        return self.add(parent, name, S_IFREG | mode & 0o7777, parent.i_sb.regular, b"")

    def mkdir(self, parent, name, mode):
        node = self.add(parent, name, S_IFDIR | mode & 0o7777, parent.i_sb.directory, {})
        if isinstance(node, int):
            return node
        node.i_nlink = 2
        parent.i_nlink += 1
        return node

    def symlink(self, parent, name, target):
        node = self.add(parent, name, S_IFLNK | 0o777, file_operations(), target)
        if isinstance(node, int):
            return node
        node.i_size = len(target.encode("utf-8", "surrogateescape"))
        return node

    def mknod(self, parent, name, mode, rdev):
        kind = mode & S_IFMT
        if kind in (0, S_IFREG):
            return self.create(parent, name, mode)
        if kind == S_IFDIR:
            return -EPERM
        if kind not in (S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK):
            return -EINVAL
        node = self.add(parent, name, mode & (S_IFMT | 0o7777), parent.i_sb.special, None)
        if not isinstance(node, int):
            node.i_rdev = rdev
        return node

    def device(self, parent, name, mode, fops, rdev):
        """A character device whose open files use `fops`."""
        node = self.add(parent, name, S_IFCHR | mode & 0o7777, fops, None)
        node.i_rdev = rdev
        return node

    def unlink(self, parent, name):
        node = parent.i_private.pop(name)
        node.i_nlink -= 1
        parent.i_mtime = parent.i_sb.now()
        node.put()
        return 0

    def rmdir(self, parent, name):
        node = parent.i_private.get(name)
        if node is None:
            return -ENOENT
        if node.i_private:
            return -ENOTEMPTY
        del parent.i_private[name]
        parent.i_nlink -= 1
        node.i_nlink = 0
        node.put()
        return 0

    def rename(self, old_parent, old_name, new_parent, new_name):
        node = old_parent.i_private.pop(old_name)
        new_parent.i_private[new_name] = node
        if node.is_dir():
            old_parent.i_nlink -= 1
            new_parent.i_nlink += 1
        return 0

    def truncate(self, node, size):
        if size < 0:
            return -EINVAL
        if size > MAX_FILE_SIZE:
            return -EFBIG
        if node.i_sb.used + size - node.i_size > node.i_sb.limit:
            return -ENOSPC
        resize(node, size)
        node.i_mtime = node.i_sb.now()
        return 0

    def readlink(self, node):
        return node.i_private


class ramfs(super_block):
    """An empty file system; `now()` gives the time for its inodes, `limit` bounds the bytes in its files.

    `used` and `inodes` say what is taken of `limit` and `max_inodes`.
    """

    def __init__(self, name, device, now, limit):
        super().__init__(name, device)
        self.now = now
        self.limit = limit
        self.max_inodes = limit // PAGE_SIZE
        self.used = 0
        self.inodes = 0
        self.regular = ramfs_file_operations()
        self.directory = ramfs_dir_operations()
        self.special = special_file_operations()
        self.operations = ramfs_inode_operations()
        self.root = ramfs_inode(self, S_IFDIR | 0o755, self.operations, self.directory, {})
        self.root.i_nlink = 2

    def ensure_dir(self, path):
        """The inode of a directory (a list of names), made where it is missing."""
        node = self.root
        for name in path:
            child = node.i_private.get(name)
            node = child if child is not None else self.operations.mkdir(node, name, 0o755)
        return node

    def add_file(self, path, content, mode=0o644):
        """Put a regular file with `content` (bytes) at the absolute path; missing directories are made."""
        *above, name = [part for part in path.split("/") if part]
        parent = self.ensure_dir(above)
        node = self.operations.create(parent, name, mode)
        node.i_private = content
        node.i_size = len(content)
        self.used += len(content)
        return node
