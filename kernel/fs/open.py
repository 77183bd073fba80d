"""open and close, and the calls about one file's contents and attributes: truncate, chmod, chown, access, chdir, umask ...

Calls that take a path come in two forms: with a directory's descriptor to start from (openat(2)), and without.
"""

from kernel.arch.uaccess import copy_to_user, strncpy_from_user
from kernel.fs import namei
from kernel.fs.file import file
from kernel.fs.fsnotify import notify_entry
from kernel.fs.inode import MAY_EXEC, MAY_READ, MAY_WRITE, inode_permission
from kernel.fs.pipe import create_pipe_files
from kernel.syscalls import from_user
from kernel.uapi.errno import (
    EACCES,
    EBADF,
    EEXIST,
    EFAULT,
    EINVAL,
    EISDIR,
    ELOOP,
    ENOTDIR,
    EOPNOTSUPP,
    EPERM,
    ERANGE,
    EROFS,
    ESPIPE,
)
from kernel.uapi.fcntl import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    FD_CLOEXEC,
    FMODE_PATH,
    FMODE_WRITE,
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_EXCL,
    O_LARGEFILE,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE_BIT,
    O_TRUNC,
    O_WRONLY,
    PATH_MAX,
)
from kernel.uapi.inotify import IN_ATTRIB, IN_MODIFY, IN_OPEN
from kernel.uapi.stat import S_IFIFO, S_IFMT
from kernel.uapi.syscall import (
    SYS_access,
    SYS_chdir,
    SYS_chmod,
    SYS_chown,
    SYS_chown32,
    SYS_close,
    SYS_close_range,
    SYS_creat,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_fallocate,
    SYS_fchdir,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchown32,
    SYS_fchownat,
    SYS_ftruncate,
    SYS_ftruncate64,
    SYS_getcwd,
    SYS_lchown,
    SYS_lchown32,
    SYS_open,
    SYS_openat,
    SYS_pipe,
    SYS_pipe2,
    SYS_truncate,
    SYS_truncate64,
    SYS_umask,
)

# An address as the memory management unit takes it: 64 bits without sign.
USER_ADDRESS = 0xFFFFFFFFFFFFFFFF
# What stays of the flags in the open file: F_GETFL shows it.
TRANSIENT = O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC
PATH_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
UNCHANGED = 0xFFFFFFFF


# --- paths ---


def get_path(task, address):
    """The path (str) at a user address; Fault for a bad address."""
    raw = from_user(strncpy_from_user(task.mm, address & 0xFFFFFFFFFFFFFFFF, PATH_MAX))
    return raw.decode("utf-8", "surrogateescape")


def fs_at(task, dfd, path):
    """The fs_struct from which `path` is to be resolved: the task's, or one whose directory is the descriptor `dfd`'s.

    -EBADF, -ENOTDIR.
    """
    if dfd == AT_FDCWD or path.startswith("/"):
        return task.fs
    filp = task.files.fget(dfd)
    if filp is None:
        return -EBADF
    if filp.dentry is None or not filp.inode.is_dir():
        return -ENOTDIR
    return namei.fs_struct(task.fs.root, filp.dentry, task.fs.umask)


def lookup_at(task, dfd, address, flags=0):
    """The dentry of a path below `dfd`, with AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH; a negative errno."""
    path = get_path(task, address)
    fs = fs_at(task, dfd, path)
    if path == "" and flags & AT_EMPTY_PATH:
        if dfd == AT_FDCWD:
            return task.fs.pwd
        filp = task.files.fget(dfd)
        if filp is None:
            return -EBADF
        return filp.dentry if filp.dentry is not None else filp
    if isinstance(fs, int):
        return fs
    return namei.path_lookup(fs, path, not flags & AT_SYMLINK_NOFOLLOW)


# --- open ---


def do_filp_open(task, fs, path, flags, mode):
    """Open `path` for a task: an open file, or a negative errno."""
    if flags & O_PATH:
        return open_path(fs, path, flags & PATH_FLAGS)
    if flags & O_TMPFILE_BIT:
        return open_tmpfile(task, fs, path, flags, mode)
    if flags & O_CREAT and flags & O_DIRECTORY:
        return -EINVAL
    follow = not flags & O_NOFOLLOW and not (flags & O_CREAT and flags & O_EXCL)
    found = namei.path_lookup(fs, path, follow)
    created = False
    if isinstance(found, int):
        found = namei.create_file(fs, path, mode & ~fs.umask, follow) if flags & O_CREAT else found
        if isinstance(found, int):
            return found
        created = True
    elif flags & O_CREAT and flags & O_EXCL:
        return -EEXIST
    err = may_open(task, found.inode, flags, created)
    if err < 0:
        return err
    node = found.inode
    truncated = flags & O_TRUNC and node.is_regular()
    if truncated:
        result = node.i_op.truncate(node, 0)
        if result < 0:
            return result
    f_op = node.i_sb.fifo_operations if node.i_mode & S_IFMT == S_IFIFO else node.i_fop
    filp = file(f_op, flags & ~TRANSIENT | O_LARGEFILE, node, None, found.path())
    filp.dentry = found
    result = filp.f_op.open(filp)
    if result < 0:
        return result
    if node.is_regular() or node.is_dir():
        notify_entry(found, IN_OPEN)
        if truncated and not created:
            notify_entry(found, IN_MODIFY)
    return filp


def may_open(task, node, flags, created):
    """Whether the file may be opened with these flags: 0 or a negative errno."""
    access = flags & O_ACCMODE
    writing = access != O_RDONLY
    if node.is_symlink():
        return -ELOOP
    if node.is_dir():
        if writing or flags & (O_CREAT | O_TRUNC):
            return -EISDIR
    elif flags & O_DIRECTORY:
        return -ENOTDIR
    mask = MAY_WRITE if access == O_WRONLY else MAY_READ | MAY_WRITE if writing else MAY_READ
    if flags & O_TRUNC:
        mask |= MAY_WRITE
    if mask & MAY_WRITE and node.i_sb.read_only and node.i_mode & S_IFMT not in namei.SPECIAL:
        return -EROFS
    return 0 if created or node.i_op.permission(task, node, mask) else -EACCES


def open_path(fs, path, flags):
    """O_PATH: a place in the tree, with which nothing can be done but name it."""
    found = namei.path_lookup(fs, path, not flags & O_NOFOLLOW)
    if isinstance(found, int):
        return found
    if flags & O_DIRECTORY and not found.inode.is_dir():
        return -ENOTDIR
    filp = file(namei.PATH_OPERATIONS, flags & ~O_CLOEXEC, found.inode, None, found.path())
    filp.dentry = found
    filp.f_mode = FMODE_PATH
    return filp


def open_tmpfile(task, fs, path, flags, mode):
    """O_TMPFILE: a file without a name in the directory `path`."""
    if flags & O_ACCMODE not in (O_WRONLY, O_RDWR) or not flags & O_DIRECTORY:
        return -EINVAL
    found = namei.path_lookup(fs, path)
    if isinstance(found, int):
        return found
    if not found.inode.is_dir():
        return -ENOTDIR
    node = found.inode.i_op.tmpfile(found.inode, mode & ~fs.umask)
    return node if isinstance(node, int) else nameless_file(node, flags & ~TRANSIENT | O_LARGEFILE, found, f"#{node.i_ino}")


def nameless_file(node, flags, parent, name):
    """An open file of an inode that no directory has."""
    entry = namei.dentry(parent, name, node)
    filp = file(node.i_fop, flags, node, None, entry.path())
    filp.dentry = entry
    filp.f_op.open(filp)
    return filp


def do_sys_open(task, dfd, path, flags, mode):
    flags &= 0xFFFFFFFF
    text = get_path(task, path)
    fs = fs_at(task, dfd, text)
    if isinstance(fs, int):
        return fs if text else -namei.ENOENT
    fd = task.files.get_unused_fd()
    if fd < 0:
        return fd
    filp = do_filp_open(task, fs, text, flags, mode & 0o7777)
    if isinstance(filp, int):
        task.files.put_unused_fd(fd)
        return filp
    task.files.fd_install(fd, filp, flags & O_CLOEXEC != 0)
    return fd


def sys_open(task, path, flags, mode, a3, a4, a5):
    """int open(const char *pathname, int flags, mode_t mode)"""
    return do_sys_open(task, AT_FDCWD, path, flags, mode)


def sys_openat(task, dfd, path, flags, mode, a4, a5):
    """int openat(int dirfd, const char *pathname, int flags, mode_t mode)"""
    return do_sys_open(task, dfd, path, flags, mode)


def sys_creat(task, path, mode, a2, a3, a4, a5):
    """int creat(const char *pathname, mode_t mode)"""
    return do_sys_open(task, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode)


def sys_close(task, fd, a1, a2, a3, a4, a5):
    """int close(int fd)"""
    return task.files.close_fd(fd)


def sys_close_range(task, first, last, flags, a3, a4, a5):
    """int close_range(unsigned int first, unsigned int last, int flags)"""
    first &= 0xFFFFFFFF
    last &= 0xFFFFFFFF
    if flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) or first > last:
        return -EINVAL
    if flags & CLOSE_RANGE_UNSHARE and task.files.users > 1:
        private = task.files.copy()
        task.files.put()
        task.files = private
    files = task.files
    for fd in files.open_fds():
        if first <= fd <= last:
            if flags & CLOSE_RANGE_CLOEXEC:
                files.close_on_exec[fd] = FD_CLOEXEC
            else:
                files.close_fd(fd)
    return 0


# --- size ---


def told(entry, result, event):
    """Who watches the file of a dentry hears of a change, if it has come about; the result."""
    if result == 0:
        notify_entry(entry, event)
    return result


def do_truncate(entry, length):
    node = entry.inode
    if length < 0:
        return -EINVAL
    if node.is_dir():
        return -EISDIR
    if not node.is_regular():
        return -EINVAL
    if node.i_sb.read_only:
        return -EROFS
    return told(entry, node.i_op.truncate(node, length), IN_MODIFY)


def sys_truncate(task, path, length, a2, a3, a4, a5):
    """int truncate(const char *path, off_t length)"""
    if length < 0:
        return -EINVAL
    found = lookup_at(task, AT_FDCWD, path)
    if isinstance(found, int):
        return found
    if found.inode.is_regular() and not found.inode.i_op.permission(task, found.inode, MAY_WRITE):
        return -EACCES
    return do_truncate(found, length)


def sys_ftruncate(task, fd, length, a2, a3, a4, a5):
    """int ftruncate(int fd, off_t length)"""
    if length < 0:
        return -EINVAL
    filp = task.files.fget(fd)
    if filp is None or filp.f_mode & FMODE_PATH:
        return -EBADF
    if not filp.f_mode & FMODE_WRITE or filp.inode is None or not filp.inode.is_regular():
        return -EINVAL
    return do_truncate(filp.dentry, length)


def sys_fallocate(task, fd, mode, offset, length, a4, a5):
    """int fallocate(int fd, int mode, off_t offset, off_t len): makes room; holes can not be punched"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if offset < 0 or length <= 0:
        return -EINVAL
    if mode & ~1:
        return -EOPNOTSUPP
    if not filp.f_mode & FMODE_WRITE:
        return -EBADF
    if filp.inode is None or not filp.inode.is_regular():
        return -ESPIPE
    node = filp.inode
    return 0 if mode & 1 or offset + length <= node.i_size else node.i_op.truncate(node, offset + length)


# --- owner and mode ---


def change_mode(task, entry, mode):
    node = entry.inode
    if node.i_sb.read_only:
        return -EROFS
    if task.uid not in (0, node.i_uid):
        return -EPERM
    return told(entry, node.i_op.setattr(node, mode=mode & 0o7777), IN_ATTRIB)


def sys_chmod(task, path, mode, a2, a3, a4, a5):
    """int chmod(const char *pathname, mode_t mode)"""
    return sys_fchmodat(task, AT_FDCWD, path, mode, 0, 0, 0)


def sys_fchmodat(task, dfd, path, mode, a3, a4, a5):
    """int fchmodat(int dirfd, const char *pathname, mode_t mode): symbolic links are followed"""
    found = lookup_at(task, dfd, path)
    return found if isinstance(found, int) else change_mode(task, found, mode)


def sys_fchmod(task, fd, mode, a2, a3, a4, a5):
    """int fchmod(int fd, mode_t mode)"""
    filp = task.files.fget(fd)
    if filp is None or filp.f_mode & FMODE_PATH:
        return -EBADF
    return change_mode(task, filp.dentry, mode) if filp.dentry is not None else 0


def change_owner(task, entry, uid, gid):
    node = entry.inode
    if node.i_sb.read_only:
        return -EROFS
    uid &= 0xFFFFFFFF
    gid &= 0xFFFFFFFF
    if task.uid != 0 and (task.uid != node.i_uid or uid not in (UNCHANGED, node.i_uid)):
        return -EPERM
    uid, gid = (None if number == UNCHANGED else number for number in (uid, gid))
    return told(entry, node.i_op.setattr(node, uid=uid, gid=gid), IN_ATTRIB)


def sys_chown(task, path, uid, gid, a3, a4, a5):
    """int chown(const char *pathname, uid_t owner, gid_t group)"""
    return sys_fchownat(task, AT_FDCWD, path, uid, gid, 0, 0)


def sys_lchown(task, path, uid, gid, a3, a4, a5):
    """int lchown(const char *pathname, uid_t owner, gid_t group)"""
    return sys_fchownat(task, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW, 0)


def sys_fchownat(task, dfd, path, uid, gid, flags, a5):
    """int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags)"""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -EINVAL
    found = lookup_at(task, dfd, path, flags)
    return found if isinstance(found, int) else change_owner(task, found, uid, gid)


def sys_fchown(task, fd, uid, gid, a3, a4, a5):
    """int fchown(int fd, uid_t owner, gid_t group)"""
    filp = task.files.fget(fd)
    if filp is None or filp.f_mode & FMODE_PATH:
        return -EBADF
    return change_owner(task, filp.dentry, uid, gid) if filp.dentry is not None else 0


def sys_umask(task, mask, a1, a2, a3, a4, a5):
    """mode_t umask(mode_t mask)"""
    old = task.fs.umask
    task.fs.umask = mask & 0o777
    return old


# --- access and directories ---


def sys_access(task, path, mode, a2, a3, a4, a5):
    """int access(const char *pathname, int mode)"""
    return sys_faccessat2(task, AT_FDCWD, path, mode, 0, 0, 0)


def sys_faccessat(task, dfd, path, mode, a3, a4, a5):
    """int faccessat(int dirfd, const char *pathname, int mode)"""
    return sys_faccessat2(task, dfd, path, mode, 0, 0, 0)


def sys_faccessat2(task, dfd, path, mode, flags, a4, a5):
    """int faccessat2(int dirfd, const char *pathname, int mode, int flags)"""
    if mode & ~7 or flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -EINVAL
    found = lookup_at(task, dfd, path, flags)
    if isinstance(found, int):
        return found
    node = found.inode
    if mode & MAY_WRITE and node.i_sb.read_only and node.i_mode & S_IFMT not in namei.SPECIAL:
        return -EROFS
    return 0 if node.i_op.permission(task, node, mode) else -EACCES


def change_directory(task, found):
    if isinstance(found, int):
        return found
    if found.inode is None or not found.inode.is_dir():
        return -ENOTDIR
    if not inode_permission(task, found.inode, MAY_EXEC):
        return -EACCES
    task.fs.pwd = found
    return 0


def sys_chdir(task, path, a1, a2, a3, a4, a5):
    """int chdir(const char *path)"""
    return change_directory(task, namei.path_lookup(task.fs, get_path(task, path)))


def sys_fchdir(task, fd, a1, a2, a3, a4, a5):
    """int fchdir(int fd)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    return change_directory(task, filp.dentry) if filp.dentry is not None else -ENOTDIR


def sys_getcwd(task, address, size, a2, a3, a4, a5):
    """int getcwd(char *buf, size_t size): the length with the NUL"""
    raw = task.fs.pwd.path().encode("utf-8", "surrogateescape") + b"\0"
    if len(raw) > size:
        return -ERANGE
    return len(raw) if copy_to_user(task.mm, address, raw) else -EFAULT


class pipe_calls:
    """pipe and pipe2 of one kernel."""

    def __init__(self, operations):
        self.operations = operations
        self.created = 0

    def pipe(self, task, address, a1, a2, a3, a4, a5):
        """int pipe(int pipefd[2])"""
        return self.pipe2(task, address, 0, a2, a3, a4, a5)

    def pipe2(self, task, address, flags, a2, a3, a4, a5):
        """int pipe2(int pipefd[2], int flags)"""
        if flags & ~(O_CLOEXEC | O_DIRECT | O_NONBLOCK):
            return -EINVAL
        self.created += 1
        reader, writer = create_pipe_files(self.operations, flags & (O_DIRECT | O_NONBLOCK), self.created)
        cloexec = flags & O_CLOEXEC != 0
        first = task.files.install_new(reader, cloexec)
        if first < 0:
            return first
        second = task.files.install_new(writer, cloexec)
        if second < 0:
            task.files.close_fd(first)
            return second
        if not copy_to_user(task.mm, address & USER_ADDRESS, first.to_bytes(4, "little") + second.to_bytes(4, "little")):
            task.files.close_fd(first)
            task.files.close_fd(second)
            return -EFAULT
        return 0


def register(table, pipe_operations):
    """Enter this room's calls into the table."""
    pipes = pipe_calls(pipe_operations)
    for nr, name, function in (
        (SYS_open, "open", sys_open),
        (SYS_openat, "openat", sys_openat),
        (SYS_creat, "creat", sys_creat),
        (SYS_close, "close", sys_close),
        (SYS_close_range, "close_range", sys_close_range),
        (SYS_truncate, "truncate", sys_truncate),
        (SYS_truncate64, "truncate64", sys_truncate),
        (SYS_ftruncate, "ftruncate", sys_ftruncate),
        (SYS_ftruncate64, "ftruncate64", sys_ftruncate),
        (SYS_fallocate, "fallocate", sys_fallocate),
        (SYS_chmod, "chmod", sys_chmod),
        (SYS_fchmod, "fchmod", sys_fchmod),
        (SYS_fchmodat, "fchmodat", sys_fchmodat),
        (SYS_chown, "chown", sys_chown),
        (SYS_chown32, "chown32", sys_chown),
        (SYS_lchown, "lchown", sys_lchown),
        (SYS_lchown32, "lchown32", sys_lchown),
        (SYS_fchown, "fchown", sys_fchown),
        (SYS_fchown32, "fchown32", sys_fchown),
        (SYS_fchownat, "fchownat", sys_fchownat),
        (SYS_umask, "umask", sys_umask),
        (SYS_access, "access", sys_access),
        (SYS_faccessat, "faccessat", sys_faccessat),
        (SYS_faccessat2, "faccessat2", sys_faccessat2),
        (SYS_chdir, "chdir", sys_chdir),
        (SYS_fchdir, "fchdir", sys_fchdir),
        (SYS_getcwd, "getcwd", sys_getcwd),
        (SYS_pipe, "pipe", pipes.pipe),
        (SYS_pipe2, "pipe2", pipes.pipe2),
    ):
        table.register(nr, name, function)
