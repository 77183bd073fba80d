"""The calls that change directories: mkdir, mknod, unlink, rmdir, rename, link, symlink, and readlink; their *at forms."""

from kernel.arch.uaccess import copy_to_user
from kernel.fs import namei
from kernel.fs.inode import MAY_EXEC, MAY_WRITE, inode_permission, lookup_child
from kernel.fs.open import fs_at, get_path, lookup_at
from kernel.uapi.errno import (
    EACCES,
    EEXIST,
    EFAULT,
    EINVAL,
    ENAMETOOLONG,
    ENOENT,
    EPERM,
    EROFS,
    EXDEV,
)
from kernel.uapi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
    PATH_MAX,
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
)
from kernel.uapi.stat import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK
from kernel.uapi.syscall import (
    SYS_link,
    SYS_linkat,
    SYS_mkdir,
    SYS_mkdirat,
    SYS_mknod,
    SYS_mknodat,
    SYS_readlink,
    SYS_readlinkat,
    SYS_rename,
    SYS_renameat,
    SYS_renameat2,
    SYS_rmdir,
    SYS_symlink,
    SYS_symlinkat,
    SYS_unlink,
    SYS_unlinkat,
)

NODE_TYPES = (0, S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK)


def make(task, dfd, address, operation, *arguments):
    """Make the name at a user address in the directory `dfd`; 0 or a negative errno."""
    path = get_path(task, address)
    fs = fs_at(task, dfd, path)
    if isinstance(fs, int):
        return fs if path else -ENOENT
    made = namei.make_entry(fs, path, operation, *arguments, task=task)
    return made if isinstance(made, int) else 0


def sys_mkdir(task, path, mode, a2, a3, a4, a5):
    """int mkdir(const char *pathname, mode_t mode)"""
    return make(task, AT_FDCWD, path, "mkdir", mode & 0o1777 & ~task.fs.umask)


def sys_mkdirat(task, dfd, path, mode, a3, a4, a5):
    """int mkdirat(int dirfd, const char *pathname, mode_t mode)"""
    return make(task, dfd, path, "mkdir", mode & 0o1777 & ~task.fs.umask)


def sys_mknod(task, path, mode, device, a3, a4, a5):
    """int mknod(const char *pathname, mode_t mode, dev_t dev)"""
    return sys_mknodat(task, AT_FDCWD, path, mode, device, 0, 0)


def sys_mknodat(task, dfd, path, mode, device, a4, a5):
    """int mknodat(int dirfd, const char *pathname, mode_t mode, dev_t dev)"""
    kind = mode & S_IFMT
    if kind not in NODE_TYPES:
        return -EPERM if kind == S_IFDIR else -EINVAL
    if kind in (S_IFCHR, S_IFBLK) and task.uid != 0:
        return -EPERM
    return make(task, dfd, path, "mknod", mode & (S_IFMT | 0o7777) & ~task.fs.umask, device & 0xFFFFFFFF)


def sys_symlink(task, target, path, a2, a3, a4, a5):
    """int symlink(const char *target, const char *linkpath)"""
    return sys_symlinkat(task, target, AT_FDCWD, path, 0, 0, 0)


def sys_symlinkat(task, target, dfd, path, a3, a4, a5):
    """int symlinkat(const char *target, int newdirfd, const char *linkpath)"""
    text = get_path(task, target)
    if not text:
        return -ENOENT
    return -ENAMETOOLONG if len(text) >= PATH_MAX else make(task, dfd, path, "symlink", text)


def sys_readlink(task, path, address, size, a3, a4, a5):
    """ssize_t readlink(const char *pathname, char *buf, size_t bufsiz)"""
    return sys_readlinkat(task, AT_FDCWD, path, address, size, 0, 0)


def sys_readlinkat(task, dfd, path, address, size, a4, a5):
    """ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz)"""
    if size <= 0:
        return -EINVAL
    found = lookup_at(task, dfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
    if isinstance(found, int):
        return found
    if found.inode is None or not found.inode.is_symlink():
        return -EINVAL if get_path(task, path) else -ENOENT
    target = found.inode.i_op.readlink(found.inode)
    if isinstance(target, int):
        return target
    raw = target.encode("utf-8", "surrogateescape")[:size]
    return len(raw) if copy_to_user(task.mm, address, raw) else -EFAULT


# --- taking names away ---


def remove(task, dfd, address, directory):
    path = get_path(task, address)
    fs = fs_at(task, dfd, path)
    return fs if isinstance(fs, int) else namei.remove_entry(fs, path, directory, task=task)


def sys_rmdir(task, path, a1, a2, a3, a4, a5):
    """int rmdir(const char *pathname)"""
    return remove(task, AT_FDCWD, path, True)


def sys_unlink(task, path, a1, a2, a3, a4, a5):
    """int unlink(const char *pathname)"""
    return remove(task, AT_FDCWD, path, False)


def sys_unlinkat(task, dfd, path, flags, a3, a4, a5):
    """int unlinkat(int dirfd, const char *pathname, int flags)"""
    if flags & ~AT_REMOVEDIR:
        return -EINVAL
    return remove(task, dfd, path, flags & AT_REMOVEDIR != 0)


# --- rename and link ---


def sys_rename(task, old, new, a2, a3, a4, a5):
    """int rename(const char *oldpath, const char *newpath)"""
    return sys_renameat2(task, AT_FDCWD, old, AT_FDCWD, new, 0, 0)


def sys_renameat(task, olddfd, old, newdfd, new, a4, a5):
    """int renameat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath)"""
    return sys_renameat2(task, olddfd, old, newdfd, new, 0, 0)


def sys_renameat2(task, olddfd, old, newdfd, new, flags, a5):
    """int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags)"""
    if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) or flags == RENAME_NOREPLACE | RENAME_EXCHANGE:
        return -EINVAL
    old_path, new_path = get_path(task, old), get_path(task, new)
    old_fs = fs_at(task, olddfd, old_path)
    new_fs = fs_at(task, newdfd, new_path)
    if isinstance(old_fs, int):
        return old_fs
    if isinstance(new_fs, int):
        return new_fs
    return namei.rename(task, (old_fs, old_path), (new_fs, new_path), flags)


def sys_link(task, old, new, a2, a3, a4, a5):
    """int link(const char *oldpath, const char *newpath)"""
    return sys_linkat(task, AT_FDCWD, old, AT_FDCWD, new, 0, 0)


def sys_linkat(task, olddfd, old, newdfd, new, flags, a5):
    """int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)"""
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        return -EINVAL
    how = (0 if flags & AT_SYMLINK_FOLLOW else AT_SYMLINK_NOFOLLOW) | flags & AT_EMPTY_PATH
    source = lookup_at(task, olddfd, old, how)
    if isinstance(source, int):
        return source
    path = get_path(task, new)
    fs = fs_at(task, newdfd, path)
    if isinstance(fs, int):
        return fs
    found = namei.lookup_parent(fs, path)
    if isinstance(found, int):
        return found
    parent, name, directory = found
    if name is None or not isinstance(lookup_child(parent, name), int):
        return -EEXIST
    node = source.inode
    if directory:
        return -ENOENT
    if node is None or parent.inode.i_sb is not node.i_sb:
        return -EXDEV
    if parent.inode.i_sb.read_only:
        return -EROFS
    if node.is_dir():
        return -EPERM
    if not inode_permission(task, parent.inode, MAY_WRITE | MAY_EXEC):
        return -EACCES
    return node.i_op.link(node, parent.inode, name)


def register(table):
    """Enter this room's calls into the table."""
    for nr, name, function in (
        (SYS_mkdir, "mkdir", sys_mkdir),
        (SYS_mkdirat, "mkdirat", sys_mkdirat),
        (SYS_mknod, "mknod", sys_mknod),
        (SYS_mknodat, "mknodat", sys_mknodat),
        (SYS_symlink, "symlink", sys_symlink),
        (SYS_symlinkat, "symlinkat", sys_symlinkat),
        (SYS_readlink, "readlink", sys_readlink),
        (SYS_readlinkat, "readlinkat", sys_readlinkat),
        (SYS_rmdir, "rmdir", sys_rmdir),
        (SYS_unlink, "unlink", sys_unlink),
        (SYS_unlinkat, "unlinkat", sys_unlinkat),
        (SYS_rename, "rename", sys_rename),
        (SYS_renameat, "renameat", sys_renameat),
        (SYS_renameat2, "renameat2", sys_renameat2),
        (SYS_link, "link", sys_link),
        (SYS_linkat, "linkat", sys_linkat),
    ):
        table.register(nr, name, function)
