"""Inodes, the operations on them, and dentries: the names by which a path reaches an inode."""

from kernel.fs.file import file_operations
from kernel.uapi.errno import EACCES, EINVAL, EISDIR, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM, EROFS
from kernel.uapi.fcntl import SEEK_CUR, SEEK_END, SEEK_SET
from kernel.uapi.stat import (
    DT_CHR,
    DT_DIR,
    DT_FIFO,
    DT_LNK,
    DT_REG,
    DT_SOCK,
    DT_UNKNOWN,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
)

DT_OF_MODE = {
    S_IFIFO: DT_FIFO,
    S_IFCHR: DT_CHR,
    S_IFDIR: DT_DIR,
    S_IFREG: DT_REG,
    S_IFLNK: DT_LNK,
    S_IFSOCK: DT_SOCK,
}


MAY_EXEC = 1
MAY_WRITE = 2
MAY_READ = 4


class inode_operations:
    """What can be done with a file that is not open: override.  Errors are negative errno values."""

    def lookup(self, parent, name):
        """The inode that `name` has in the directory, or a negative errno."""
        return -ENOTDIR

    def create(self, parent, name, mode):
        """Make a regular file; its inode, or a negative errno."""
        return -EROFS

    def mkdir(self, parent, name, mode):
        return -EROFS

    def mknod(self, parent, name, mode, rdev):
        """Make a file of the type in `mode`: a FIFO, a socket's name, a device; its inode, or a negative errno."""
        return -EROFS

    def symlink(self, parent, name, target):
        return -EROFS

    def link(self, node, parent, name):
        """Give a file one more name."""
        return -EPERM

    def tmpfile(self, parent, mode):
        """Make a regular file that has no name yet."""
        return -EOPNOTSUPP

    def unlink(self, parent, name):
        return -EROFS

    def rmdir(self, parent, name):
        return -EROFS

    def rename(self, old_parent, old_name, new_parent, new_name):
        return -EROFS

    def exchange(self, old_parent, old_name, new_parent, new_name):
        """Let two names change places."""
        return -EINVAL

    def truncate(self, node, size):
        return -EACCES

    def setattr(self, node, mode=None, uid=None, gid=None, atime=None, mtime=None):
        """Set what is not None; times are ns since the epoch."""
        return -EPERM

    def permission(self, task, node, mask):
        """Whether a task may do what `mask` (MAY_*) says."""
        return inode_permission(task, node, mask)

    def readlink(self, node):
        """The target of a symbolic link (str), or a negative errno."""
        return -EINVAL

    def getattr(self, node):
        """Refresh what `stat` is about to read (size, times, links)."""

    def open(self, node, flags):
        """Something private for an open file of this inode, or a negative errno."""
        return


def seek(filp, offset, whence, size):
    """The common part of llseek: sets and returns the position, or -EINVAL."""
    if whence == SEEK_SET:
        position = offset
    elif whence == SEEK_CUR:
        position = filp.f_pos + offset
    elif whence == SEEK_END:
        position = size + offset
    else:
        return -EINVAL
    if position < 0 or position > 1 << 62:
        return -EINVAL
    filp.f_pos = position
    return position


class directory_operations(file_operations):
    """An open directory: override `iterate`."""

    def can_poll(self):
        return False

    def read(self, filp, to):
        return -EISDIR

    def write(self, filp, source):
        return -EISDIR

    def llseek(self, filp, offset, whence):
        return seek(filp, offset, whence, 0)


def dot_entries(here):
    """The entries "." and ".." of the directory dentry `here`."""
    above = here.parent if here.parent is not None else here
    return [(".", here.inode.i_ino, DT_DIR), ("..", above.inode.i_ino, DT_DIR)]


class super_block:
    """A mounted file system: its name, device number and root inode."""

    def __init__(self, name, device, read_only=False):
        self.name = name
        self.device = device
        self.read_only = read_only
        self.root = None
        self.last_ino = 0
        # What joins the two events of the last rename (fs/fsnotify.py).
        self.move_cookie = 0
        # What an open FIFO of this file system does.
        self.fifo_operations = None

    def usage(self):
        """(blocks of 4096 bytes, free ones, inodes, free ones); zeros where that is unknown."""
        return 0, 0, 0, 0

    def new_ino(self):
        self.last_ino += 1
        return self.last_ino


class inode:
    """A file.  Times are nanoseconds since the epoch; `i_fop` is what an open file of it does."""

    def __init__(self, sb, mode, i_op, i_fop, private=None):
        self.i_sb = sb
        self.i_ino = sb.new_ino()
        self.i_mode = mode
        self.i_op = i_op
        self.i_fop = i_fop
        self.i_nlink = 1
        self.i_uid = 0
        self.i_gid = 0
        self.i_size = 0
        self.i_rdev = 0
        self.i_atime = 0
        self.i_mtime = 0
        self.i_ctime = 0
        # The locks on the file, once there has been one (fs/locks.py).
        self.i_flctx = None
        self.i_private = private
        # Who watches the file (fs/fsnotify.py), None when nobody has yet.
        self.i_fsnotify_marks = None
        # The root inode of a file system that is mounted here.
        self.i_mount = None

    def is_dir(self):
        return self.i_mode & S_IFMT == S_IFDIR

    def is_symlink(self):
        return self.i_mode & S_IFMT == S_IFLNK

    def is_regular(self):
        return self.i_mode & S_IFMT == S_IFREG


class dentry:
    """One step of a path: a name in a parent (None for the root) and the inode that it leads to."""

    def __init__(self, parent, name, node):
        self.parent = parent
        self.name = name
        self.inode = node

    def path(self):
        """The absolute path."""
        names = []
        step = self
        while step.parent is not None:
            names.append(step.name)
            step = step.parent
        return "/" + "/".join(reversed(names))


def inode_permission(task, node, mask):
    """Whether a task may do what `mask` (MAY_*) says with a file; the superuser may all but execute what nobody may."""
    mode = node.i_mode
    if task.uid == 0:
        return not mask & MAY_EXEC or node.is_dir() or mode & 0o111 != 0
    granted = mode >> 6 if task.uid == node.i_uid else mode
    return mask & ~granted & 7 == 0


def dirent_type(mode):
    """The DT_* type of a mode."""
    return DT_OF_MODE.get(mode & S_IFMT, DT_UNKNOWN)


def lookup_child(parent, name):
    """The dentry of `name` in the directory dentry `parent`, across mount points; or a negative errno."""
    if not parent.inode.is_dir():
        return -ENOTDIR
    node = parent.inode.i_op.lookup(parent.inode, name)
    if isinstance(node, int):
        return node
    if node is None:
        return -ENOENT
    while node.i_mount is not None:
        node = node.i_mount
    return dentry(parent, name, node)
