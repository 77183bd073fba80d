"""ramfs: files that live in memory.  It is the root file system, filled from the initramfs; /dev is one, too.

It is bounded as tmpfs(5) is by default: half of the machine's RAM in bytes, and as many inodes as that has pages.  A file's
bytes count until its last name and its last descriptor are gone.  There are no holes: what a seek skips takes room.
"""

from kernel.fs.file import file_operations
from kernel.fs.fsnotify import inode_gone, notify, notify_child, notify_close, notify_entry, notify_move
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
from kernel.uapi.fcntl import F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_WRITE, O_APPEND
from kernel.uapi.inotify import IN_ACCESS, IN_ATTRIB, IN_CREATE, IN_DELETE, IN_MODIFY
from kernel.uapi.stat import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK

PAGE_SIZE = 4096
MAX_FILE_SIZE = 1 << 30


class ramfs_inode(inode):
    """A file of a ramfs; `opens` counts the open files of a regular one."""

    def __init__(self, sb, mode, i_op, i_fop, private=None):
        super().__init__(sb, mode, i_op, i_fop, private)
        self.opens = 0
        # What of F_SEAL_* holds for a memfd; None for other files.
        self.seals = None
        # Who has the file mapped (mm/shmem.py); None for nobody.
        self.i_mapping = None
        sb.inodes += 1

    def touch(self):
        """The contents have changed."""
        self.i_mtime = self.i_ctime = self.i_sb.now()

    def put(self):
        """A name or an open file is gone: the last of them gives the room back."""
        if self.i_nlink == 0 and self.opens == 0:
            inode_gone(self)
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
        notify_close(filp)
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
            notify_entry(filp.dentry, IN_ACCESS)
        return done

    def splice_read(self, filp, to, nonblock):
        return self.read(filp, to)

    def can_splice_write(self):
        return True

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
        if node.seals is not None and sealed(node, max(node.i_size, position + len(chunk)), True):
            return -EPERM
        resize(node, max(node.i_size, position + len(chunk)))
        node.i_private[position : position + len(chunk)] = chunk
        node.touch()
        filp.f_pos = position + len(chunk)
        if chunk:
            notify_entry(filp.dentry, IN_MODIFY)
        return len(chunk)

    def llseek(self, filp, offset, whence):
        return seek(filp, offset, whence, filp.inode.i_size)


class special_file_operations(file_operations):
    """A name that leads to no file which could be opened: a socket's, a device's that does not exist."""

    def open(self, filp):
        return -ENXIO


class ramfs_dir_operations(directory_operations):
    """An open directory: the inode's `i_private` is a dictionary from name to inode."""

    def open(self, filp):
        filp.inode.opens += 1
        return 0

    def release(self, filp):
        notify_close(filp)
        filp.inode.opens -= 1
        filp.inode.put()

    def iterate(self, filp):
        children = filp.inode.i_private.items()
        return dot_entries(filp.dentry) + [(name, node.i_ino, dirent_type(node.i_mode)) for name, node in children]


def resize(node, size):
    """Set a regular file's length; bytes it gains are zero."""
    node.i_sb.used += size - node.i_size
    node.i_size = size
    if node.i_mapping is not None:
        node.i_mapping.resize(size)
        return
    data = node.i_private
    if not isinstance(data, bytearray):
        data = bytearray(data)
        node.i_private = data
    if size < len(data):
        del data[size:]
    elif size > len(data):
        data.extend(bytes(size - len(data)))


def sealed(node, size, writing):
    """Whether the seals of a memfd forbid to write, or to give it that size."""
    seals = node.seals
    if writing and seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
        return True
    return bool(seals & F_SEAL_GROW and size > node.i_size) or bool(seals & F_SEAL_SHRINK and size < node.i_size)


class ramfs_inode_operations(inode_operations):
    """Directories are dictionaries from name to inode."""

    def lookup(self, parent, name):
        return parent.i_private.get(name)

    def add(self, parent, name, mode, fops, private):
        """A new inode; `name` None: without a name."""
        if parent.i_sb.inodes >= parent.i_sb.max_inodes:
            return -ENOSPC
        node = ramfs_inode(parent.i_sb, mode, self, fops, private)
        node.i_atime = node.i_mtime = node.i_ctime = parent.i_sb.now()
        if name is not None:
            parent.i_private[name] = node
            parent.touch()
            notify_child(parent, node, IN_CREATE, name)
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

    def tmpfile(self, parent, mode):
        node = self.add(parent, None, S_IFREG | mode & 0o7777, parent.i_sb.regular, b"")
        if not isinstance(node, int):
            node.i_nlink = 0
        return node

    def link(self, node, parent, name):
        parent.i_private[name] = node
        node.i_nlink += 1
        node.i_ctime = node.i_sb.now()
        parent.touch()
        notify(node, IN_ATTRIB)
        notify_child(parent, node, IN_CREATE, name)
        return 0

    def unlink(self, parent, name):
        node = parent.i_private.pop(name)
        node.i_nlink -= 1
        node.i_ctime = node.i_sb.now()
        parent.touch()
        notify(node, IN_ATTRIB)
        notify_child(parent, node, IN_DELETE, name)
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
        parent.touch()
        node.i_nlink = 0
        notify_child(parent, node, IN_DELETE, name)
        node.put()
        return 0

    def rename(self, old_parent, old_name, new_parent, new_name):
        replaced = new_parent.i_private.get(new_name)
        if replaced is not None and replaced.is_dir():
            if replaced.i_private:
                return -ENOTEMPTY
            new_parent.i_nlink -= 1
        node = old_parent.i_private.pop(old_name)
        new_parent.i_private[new_name] = node
        if node.is_dir():
            old_parent.i_nlink -= 1
            new_parent.i_nlink += 1
        node.i_ctime = node.i_sb.now()
        old_parent.touch()
        new_parent.touch()
        notify_move(old_parent, old_name, new_parent, new_name, node)
        if replaced is not None:
            replaced.i_nlink = 0 if replaced.is_dir() else replaced.i_nlink - 1
            replaced.i_ctime = node.i_sb.now()
            notify(replaced, IN_ATTRIB)
            replaced.put()
        return 0

    def exchange(self, old_parent, old_name, new_parent, new_name):
        one, other = old_parent.i_private[old_name], new_parent.i_private[new_name]
        old_parent.i_private[old_name] = other
        new_parent.i_private[new_name] = one
        moved = int(one.is_dir()) - int(other.is_dir())
        old_parent.i_nlink -= moved
        new_parent.i_nlink += moved
        for node in (one, other):
            node.i_ctime = node.i_sb.now()
        old_parent.touch()
        new_parent.touch()
        notify_move(old_parent, old_name, new_parent, new_name, one)
        notify_move(new_parent, new_name, old_parent, old_name, other)
        return 0

    def setattr(self, node, mode=None, uid=None, gid=None, atime=None, mtime=None):
        if mode is not None:
            node.i_mode = node.i_mode & S_IFMT | mode
        if uid is not None:
            node.i_uid = uid
        if gid is not None:
            node.i_gid = gid
        if atime is not None:
            node.i_atime = atime
        if mtime is not None:
            node.i_mtime = mtime
        node.i_ctime = node.i_sb.now()
        return 0

    def truncate(self, node, size):
        if size < 0:
            return -EINVAL
        if size > MAX_FILE_SIZE:
            return -EFBIG
        if node.i_sb.used + size - node.i_size > node.i_sb.limit:
            return -ENOSPC
        if node.seals is not None and sealed(node, size, False):
            return -EPERM
        resize(node, size)
        node.touch()
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
        self.root.i_atime = self.root.i_mtime = self.root.i_ctime = now()

    def usage(self):
        free = max(0, self.limit - self.used) // PAGE_SIZE
        return self.limit // PAGE_SIZE, free, self.max_inodes, max(0, self.max_inodes - self.inodes)

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
