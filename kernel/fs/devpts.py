"""devpts: /dev/pts, where the slaves of pseudo-terminals have their names (pts(4)).  Nobody but the kernel makes them."""

from kernel.fs.ramfs import ramfs, ramfs_inode_operations
from kernel.uapi.errno import EACCES, EPERM

# A slave's inode number is its own plus this; its group is tty, which may write to it.
FIRST_INODE = 3
TTY_GROUP = 5
SLAVE_MODE = 0o620


class devpts_operations(ramfs_inode_operations):
    """A directory that programs can not change."""

    def create(self, parent, name, mode):
        return -EACCES

    def mkdir(self, parent, name, mode):
        return -EPERM

    def mknod(self, parent, name, mode, rdev):
        return -EPERM

    def symlink(self, parent, name, target):
        return -EPERM

    def link(self, node, parent, name):
        return -EPERM

    def unlink(self, parent, name):
        return -EPERM

    def rmdir(self, parent, name):
        return -EPERM

    def rename(self, old_parent, old_name, new_parent, new_name):
        return -EPERM

    def exchange(self, old_parent, old_name, new_parent, new_name):
        return -EPERM

    def tmpfile(self, parent, mode):
        return -EPERM


class devpts(ramfs):
    """The file system; `pty_table` fills it."""

    def __init__(self, device, now, limit):
        super().__init__("devpts", device, now, limit)
        self.operations = devpts_operations()
        self.root.i_op = self.operations

    def add_ptmx(self, fops, rdev):
        self.operations.device(self.root, "ptmx", 0, fops, rdev)

    def add_slave(self, index, fops, rdev, uid):
        node = self.operations.device(self.root, str(index), SLAVE_MODE, fops, rdev)
        node.i_ino = index + FIRST_INODE
        node.i_uid = uid
        node.i_gid = TTY_GROUP

    def remove_slave(self, index):
        ramfs_inode_operations.unlink(self.operations, self.root, str(index))
