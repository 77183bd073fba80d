"""Path resolution: from a string to a dentry, and the calls that change directories."""

from kernel.fs.file import file_operations
from kernel.fs.inode import MAY_EXEC, MAY_WRITE, dentry, inode_permission, lookup_child
from kernel.uapi.errno import (
    EACCES,
    EBADF,
    EBUSY,
    EEXIST,
    EINVAL,
    EISDIR,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    ENOTEMPTY,
    EROFS,
    EXDEV,
)
from kernel.uapi.fcntl import NAME_MAX, PATH_MAX, RENAME_EXCHANGE, RENAME_NOREPLACE
from kernel.uapi.stat import S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK

MAXSYMLINKS = 40
DEFAULT_UMASK = 0o022
# Writing to these writes no file system, so one that is read-only does not mind.
SPECIAL = (S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK)


class path_operations(file_operations):
    """A file that was opened with O_PATH."""

    def can_poll(self):
        return False

    def llseek(self, filp, offset, whence):
        return -EBADF


PATH_OPERATIONS = path_operations()


class fs_struct:
    """A task's root and working directory, and the permissions that new files do not get (`umask`)."""

    def __init__(self, root, pwd, umask=DEFAULT_UMASK):
        self.root = root
        self.pwd = pwd
        self.umask = umask

    def copy(self):
        return fs_struct(self.root, self.pwd, self.umask)


def split_path(path):
    """The components of a path, and whether it has to be a directory (it ends in a slash, "." or "..")."""
    parts = [part for part in path.split("/") if part]
    return parts, path.endswith("/") or (bool(parts) and parts[-1] in (".", ".."))


def path_lookup(fs, path, follow=True):
    """The dentry of `path`; the last component's symbolic link is followed when `follow`.  A negative errno else."""
    if not path:
        return -ENOENT
    if len(path) >= PATH_MAX:
        return -ENAMETOOLONG
    return walk(fs, fs.root if path.startswith("/") else fs.pwd, path, follow, [0])


def walk(fs, start, path, follow, links):
    """Resolve `path` from the dentry `start`; `links` counts the symbolic links met so far."""
    parts, directory = split_path(path)
    here = start
    for position, part in enumerate(parts):
        if not here.inode.is_dir():
            return -ENOTDIR
        if part == ".":
            continue
        if part == "..":
            if here is not fs.root and here.parent is not None:
                here = here.parent
            continue
        if len(part.encode("utf-8", "surrogateescape")) > NAME_MAX:
            return -ENAMETOOLONG
        step = lookup_child(here, part)
        if isinstance(step, int):
            return step
        last = position == len(parts) - 1
        if step.inode.is_symlink() and (follow or directory or not last):
            links[0] += 1
            if links[0] > MAXSYMLINKS:
                return -ELOOP
            target = step.inode.i_op.readlink(step.inode)
            if isinstance(target, int):
                return target
            if not target:
                return -ENOENT
            step = walk(fs, fs.root if target.startswith("/") else here, target, True, links)
            if isinstance(step, int):
                return step
        here = step
    if directory and not here.inode.is_dir():
        return -ENOTDIR
    return here


def lookup_parent(fs, path):
    """(dentry of the directory, last name, whether a directory is meant) of a path that is to be made or removed.

    The name is None where the path ends in the root, "." or "..".  A negative errno.
    """
    if not path:
        return -ENOENT
    if len(path) >= PATH_MAX:
        return -ENAMETOOLONG
    stripped = path.rstrip("/")
    head, _, name = stripped.rpartition("/")
    if len(name.encode("utf-8", "surrogateescape")) > NAME_MAX:
        return -ENAMETOOLONG
    if head:
        parent = path_lookup(fs, head)
    else:
        parent = fs.root if path.startswith("/") else fs.pwd
    if isinstance(parent, int):
        return parent
    if not parent.inode.is_dir():
        return -ENOTDIR
    return parent, name if name not in ("", ".", "..") else None, path.endswith("/")


def may_change(task, parent):
    """Whether a task may make and remove names in a directory: 0 or a negative errno."""
    if parent.inode.i_sb.read_only:
        return -EROFS
    allowed = task is None or inode_permission(task, parent.inode, MAY_WRITE | MAY_EXEC)
    return 0 if allowed else -EACCES


def make_entry(fs, path, operation, *arguments, task=None):
    """mkdir, create, mknod or symlink: call the directory's `operation` for a name that is free; the inode, or an errno."""
    found = lookup_parent(fs, path)
    if isinstance(found, int):
        return found
    parent, name, directory = found
    if name is None or not isinstance(lookup_child(parent, name), int):
        return -EEXIST
    if directory and operation != "mkdir":
        return -ENOENT
    err = may_change(task, parent)
    return err if err < 0 else getattr(parent.inode.i_op, operation)(parent.inode, name, *arguments)


def create_file(fs, path, mode, follow):
    """open with O_CREAT of a name that leads to nothing: the dentry of the new file, or a negative errno.

    A symbolic link that leads to nothing says where the file is to be.
    """
    for _ in range(MAXSYMLINKS):
        found = lookup_parent(fs, path)
        if isinstance(found, int):
            return found
        parent, name, directory = found
        if directory or name is None:
            return -EISDIR
        child = lookup_child(parent, name)
        if isinstance(child, int):
            err = may_change(None, parent)
            made = err if err < 0 else parent.inode.i_op.create(parent.inode, name, mode)
            return made if isinstance(made, int) else dentry(parent, name, made)
        if not child.inode.is_symlink() or not follow:
            return -EEXIST if child.inode.is_symlink() else -ENOENT
        path = child.inode.i_op.readlink(child.inode)
        fs = fs_struct(fs.root, parent, fs.umask)
    return -ELOOP


def remove_entry(fs, path, directory, task=None):
    """unlink (`directory` False) or rmdir; 0 or a negative errno."""
    found = lookup_parent(fs, path)
    if isinstance(found, int):
        return found
    parent, name, slash = found
    if name is None:
        if not directory:
            return -EISDIR
        last = path.rstrip("/").rpartition("/")[2]
        return -EBUSY if not last else -EINVAL if last == "." else -ENOTEMPTY
    child = lookup_child(parent, name)
    if isinstance(child, int):
        return child
    if slash and not child.inode.is_dir():
        return -ENOTDIR
    err = may_change(task, parent)
    if err < 0:
        return err
    if directory and not child.inode.is_dir():
        return -ENOTDIR
    if not directory and child.inode.is_dir():
        return -EISDIR
    if child.inode.i_sb is not parent.inode.i_sb:
        return -EBUSY
    operations = parent.inode.i_op
    return operations.rmdir(parent.inode, name) if directory else operations.unlink(parent.inode, name)


def rename(task, old, new, flags):
    """rename(2) between two (fs_struct, path); 0 or a negative errno."""
    source, target = lookup_parent(*old), lookup_parent(*new)
    if isinstance(source, int):
        return source
    if isinstance(target, int):
        return target
    old_parent, old_name, old_slash = source
    new_parent, new_name, new_slash = target
    if old_parent.inode.i_sb is not new_parent.inode.i_sb:
        return -EXDEV
    if old_name is None or new_name is None:
        return -EEXIST if new_name is None and flags & RENAME_NOREPLACE else -EBUSY
    moved = lookup_child(old_parent, old_name)
    if isinstance(moved, int):
        return moved
    replaced = lookup_child(new_parent, new_name)
    exists = not isinstance(replaced, int)
    if exists and flags & RENAME_NOREPLACE:
        return -EEXIST
    if flags & RENAME_EXCHANGE and not exists:
        return replaced
    if not moved.inode.is_dir() and (old_slash or (new_slash and not flags & RENAME_EXCHANGE)):
        return -ENOTDIR
    if flags & RENAME_EXCHANGE and new_slash and not replaced.inode.is_dir():
        return -ENOTDIR
    if is_above(moved, new_parent):
        return -EINVAL
    if exists and is_above(replaced, old_parent):
        return -EINVAL if flags & RENAME_EXCHANGE else -ENOTEMPTY
    for parent in (old_parent, new_parent):
        err = may_change(task, parent)
        if err < 0:
            return err
    if exists and replaced.inode is moved.inode:
        return 0
    if moved.inode.i_sb is not old_parent.inode.i_sb or (exists and replaced.inode.i_sb is not new_parent.inode.i_sb):
        return -EBUSY
    operations = old_parent.inode.i_op
    if flags & RENAME_EXCHANGE:
        return operations.exchange(old_parent.inode, old_name, new_parent.inode, new_name)
    if exists:
        if replaced.inode.is_dir() != moved.inode.is_dir():
            return -EISDIR if replaced.inode.is_dir() else -ENOTDIR
    return operations.rename(old_parent.inode, old_name, new_parent.inode, new_name)


def is_above(entry, below):
    """Whether a dentry is `below` or a directory above it."""
    while below is not None:
        if below.inode is entry.inode:
            return True
        below = below.parent
    return False


def root_dentry(node):
    """The dentry of a root directory."""
    return dentry(None, "", node)
