"""The kernel parameter `root`: a folder of the host with a system in it, such as a Debian root, lends the machine its programs.

Its /usr, /lib and their like are mounted read-only under the same names; of its /etc there is a copy in memory, under
what the machine has of its own.  Everything else (/bin, /sbin, /dev, /proc, /tmp, /var ...) stays the machine's, so
nothing that a program writes reaches the host.
"""

import os

from kernel.fs.hostfs import hostfs
from kernel.uapi.fcntl import NAME_MAX

ROOT_DEVICE = 5
SHOWN = ("usr", "lib", "lib32", "lib64", "libx32", "opt")
# What of /etc is copied: so many files, of at most this size, and bytes in all.
MAX_FILES = 4000
MAX_FILE = 1 << 20
MAX_COPY = 32 << 20


def mount_host_root(kernel, folder):
    """Show the parts of `folder` in the machine's root."""
    sb = hostfs(ROOT_DEVICE, folder)
    kernel.add_shutdown(sb.close)
    root = kernel.rootfs.root
    for name in SHOWN:
        node = sb.operations.lookup(sb.root, name)
        if isinstance(node, int):
            continue
        if node.is_dir():
            kernel.rootfs.ensure_dir([name]).i_mount = node
            kernel.mounts.append((f"/{name}", sb))
        elif node.is_symlink() and name not in root.i_private:
            target = sb.operations.readlink(node)
            if isinstance(target, str):
                root.i_op.symlink(root, name, target)
    for name in ("var", "run"):
        kernel.rootfs.ensure_dir([name])
    copier(kernel.rootfs, sb).copy(("etc",))


class copier:
    """Copies a folder into memory, within bounds; what can not be read is left out."""

    def __init__(self, rootfs, sb):
        self.rootfs = rootfs
        self.sb = sb
        self.files = 0
        self.bytes = 0

    def copy(self, path):
        fd = self.sb.open(path, os.O_RDONLY | os.O_DIRECTORY)
        if fd < 0:
            return
        try:
            names = sorted(os.listdir(fd))
        except OSError:
            return
        finally:
            os.close(fd)
        folder = self.rootfs.ensure_dir(list(path))
        for name in names:
            if len(os.fsencode(name)) <= NAME_MAX:
                self.copy_entry(folder, path, name)

    def copy_entry(self, folder, path, name):
        node = self.sb.make_inode((*path, name))
        if isinstance(node, int) or self.files >= MAX_FILES:
            return
        if node.is_dir():
            self.copy((*path, name))
        elif name in folder.i_private:
            return
        elif node.is_symlink():
            target = self.sb.operations.readlink(node)
            if isinstance(target, str):
                folder.i_op.symlink(folder, name, target)
        elif node.i_size <= MAX_FILE and self.bytes + node.i_size <= MAX_COPY:
            content = self.sb.contents(node, MAX_FILE)
            if isinstance(content, bytes):
                self.rootfs.add_file("/" + "/".join((*path, name)), content, node.i_mode & 0o777 | 0o200)
                self.files += 1
                self.bytes += len(content)
