"""Path resolution: from a string to a dentry, and the calls that change directories."""

from kernel.fs.inode import dentry, lookup_child
from kernel.uapi.errno import (
    EBUSY,
    EEXIST,
    EINVAL,
    EISDIR,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    EROFS,
    EXDEV,
)
from kernel.uapi.fcntl import NAME_MAX, PATH_MAX

MAXSYMLINKS = 40
DEFAULT_UMASK = 0o022


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
    """(dentry of the directory, last name) of a path that is about to be made or removed, or a negative errno."""
    if not path:
        return -ENOENT
    if len(path) >= PATH_MAX:
        return -ENAMETOOLONG
    stripped = path.rstrip("/")
    head, _, name = stripped.rpartition("/")
    if name in ("", ".", ".."):
        return -EBUSY if not name else -EINVAL
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
    return parent, name


def writable_parent(fs, path):
    """lookup_parent on a file system that may be written, else -EROFS."""
    found = lookup_parent(fs, path)
    if isinstance(found, int):
        return found
    return -EROFS if found[0].inode.i_sb.read_only else found


def make_entry(fs, path, operation, *arguments):
    """mkdir, create, mknod or symlink: call the directory's `operation` for a name that is free; the inode, or an errno."""
    found = lookup_parent(fs, path)
    if isinstance(found, int):
        return -EEXIST if found in (-EBUSY, -EINVAL) else found
    parent, name = found
    if not isinstance(lookup_child(parent, name), int):
        return -EEXIST
    if parent.inode.i_sb.read_only:
        return -EROFS
    return getattr(parent.inode.i_op, operation)(parent.inode, name, *arguments)


def remove_entry(fs, path, directory):
    """unlink (`directory` False) or rmdir; 0 or a negative errno."""
    found = writable_parent(fs, path)
    if isinstance(found, int):
        return found
    parent, name = found
    child = lookup_child(parent, name)
    if isinstance(child, int):
        return child
    if child.inode.i_sb is not parent.inode.i_sb:
        return -EBUSY
    if directory:
        return parent.inode.i_op.rmdir(parent.inode, name) if child.inode.is_dir() else -ENOTDIR
    if child.inode.is_dir():
        return -EISDIR
    return parent.inode.i_op.unlink(parent.inode, name)


def rename(fs, old, new):
    """rename(2): 0 or a negative errno."""
    source = writable_parent(fs, old)
    if isinstance(source, int):
        return source
    target = writable_parent(fs, new)
    if isinstance(target, int):
        return target
    old_parent, old_name = source
    new_parent, new_name = target
    moved = lookup_child(old_parent, old_name)
    if isinstance(moved, int):
        return moved
    if old_parent.inode.i_sb is not new_parent.inode.i_sb or moved.inode.i_sb is not old_parent.inode.i_sb:
        return -EXDEV
    above = new_parent
    while above is not None:
        if above.inode is moved.inode:
            return -EINVAL
        above = above.parent
    replaced = lookup_child(new_parent, new_name)
    if not isinstance(replaced, int):
        if replaced.inode is moved.inode:
            return 0
        if replaced.inode.is_dir() != moved.inode.is_dir():
            return -EISDIR if replaced.inode.is_dir() else -ENOTDIR
        result = remove_entry(fs, new, replaced.inode.is_dir())
        if result < 0:
            return result
    return old_parent.inode.i_op.rename(old_parent.inode, old_name, new_parent.inode, new_name)


def root_dentry(node):
    """The dentry of a root directory."""
    return dentry(None, "", node)
