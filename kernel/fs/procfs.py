"""procfs: files whose text is made when it is read.

`create("net/dev", show)` adds a file; its text is rendered by the first read at offset 0.  `store(text)` makes it
writable (sysctls).  A directory may be dynamic: `mount_dynamic` gives it a node that lists and looks up by itself.
"""

from kernel.fs.file import file_operations
from kernel.fs.inode import (
    MAY_WRITE,
    directory_operations,
    dirent_type,
    dot_entries,
    inode,
    inode_operations,
    inode_permission,
    seek,
    super_block,
)
from kernel.uapi.errno import EACCES, EFAULT, EINVAL, ENOENT
from kernel.uapi.stat import S_IFDIR, S_IFLNK, S_IFREG

MAX_STORE = 4096


class proc_file_operations(file_operations):
    """An open proc file; what was rendered stays the same until it is read from the start again."""

    def read(self, filp, to):
        if filp.private_data is None or filp.f_pos == 0:
            text = filp.inode.i_private.show()
            filp.private_data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        data = filp.private_data[filp.f_pos : filp.f_pos + to.count]
        if not data:
            return 0
        done = to.write(data)
        if done > 0:
            filp.f_pos += done
        return done

    def splice_read(self, filp, to, nonblock):
        return self.read(filp, to)

    def write(self, filp, source):
        entry = filp.inode.i_private
        if entry.store is None:
            return -EACCES
        if source.count > MAX_STORE:
            return -EINVAL
        text = source.read(source.count)
        if text is None:
            return -EFAULT
        result = entry.store(text.decode("utf-8", "replace"))
        return result if isinstance(result, int) and result < 0 else len(text)

    def llseek(self, filp, offset, whence):
        return seek(filp, offset, whence, 0)


class proc_dir_operations(directory_operations):
    """An open proc directory."""

    def iterate(self, filp):
        children = filp.inode.i_private.list()
        return dot_entries(filp.dentry) + [(name, node.i_ino, dirent_type(node.i_mode)) for name, node in children]


class proc_file:
    """What a proc file shows and stores."""

    def __init__(self, show, store=None):
        self.show = show
        self.store = store


class proc_dir:
    """The children of a proc directory; `dynamic` adds children that come and go."""

    def __init__(self):
        self.children = {}
        self.dynamic = None

    def list(self):
        """(name, inode) of every child, in order."""
        entries = list(self.children.items())
        return entries + self.dynamic.list() if self.dynamic is not None else entries

    def get(self, name):
        node = self.children.get(name)
        if node is None and self.dynamic is not None:
            node = self.dynamic.get(name)
        return node


class proc_inode_operations(inode_operations):
    """Directories hold a proc_dir, symbolic links a function that makes their target."""

    def lookup(self, parent, name):
        node = parent.i_private.get(name)
        return node if node is not None else -ENOENT

    def readlink(self, node):
        return node.i_private()

    def permission(self, task, node, mask):
        """What no entry offers, not even the superuser gets."""
        if mask & MAY_WRITE and not node.i_mode & 0o222:
            return False
        return inode_permission(task, node, mask)

    def truncate(self, node, size):
        # Opening a sysctl with O_TRUNC is what a shell's `echo 1 > file` does.
        return 0 if node.i_private.store is not None else -EACCES


class procfs(super_block):
    """A kernel's /proc."""

    def __init__(self, device):
        super().__init__("proc", device)
        self.operations = proc_inode_operations()
        self.files = proc_file_operations()
        self.directories = proc_dir_operations()
        self.root = self.new_dir(proc_dir())

    def new_dir(self, children):
        """A directory inode over a proc_dir or anything with `list()` and `get(name)`."""
        return inode(self, S_IFDIR | 0o555, self.operations, self.directories, children)

    def new_file(self, show, store=None):
        mode = 0o644 if store is not None else 0o444
        return inode(self, S_IFREG | mode, self.operations, self.files, proc_file(show, store))

    def new_link(self, target):
        """A symbolic link whose target `target()` makes."""
        return inode(self, S_IFLNK | 0o777, self.operations, file_operations(), target)

    def directory(self, path):
        """The proc_dir at `path`, made with its parents where it is missing."""
        node = self.root
        for name in [part for part in path.split("/") if part]:
            child = node.i_private.children.get(name)
            if child is None:
                child = self.new_dir(proc_dir())
                node.i_private.children[name] = child
            node = child
        return node.i_private

    def create(self, path, show, store=None):
        """Add the file `path` (relative to /proc): `show()` makes its text, `store(text)` takes what is written."""
        head, _, name = path.rpartition("/")
        self.directory(head).children[name] = self.new_file(show, store)

    def symlink(self, path, target):
        """Add a symbolic link: `target` is a string or a function that makes one."""
        head, _, name = path.rpartition("/")
        self.directory(head).children[name] = self.new_link(target if callable(target) else lambda: target)

    def remove(self, path):
        """Take a file away; one that is not there is no error."""
        head, _, name = path.rpartition("/")
        self.directory(head).children.pop(name, None)
