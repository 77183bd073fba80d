"""open, close and what else works on descriptors and names: dup, fcntl, ioctl, mkdir, unlink, chdir ..."""

from kernel.arch.uaccess import copy_to_user, strncpy_from_user
from kernel.fs import namei
from kernel.fs.file import file
from kernel.fs.pipe import create_pipe_files, pipe_file_operations
from kernel.syscalls import from_user
from kernel.uapi.errno import (
    EACCES,
    EBADF,
    EEXIST,
    EFAULT,
    EINVAL,
    EISDIR,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    ENOTTY,
    ERANGE,
    EROFS,
)
from kernel.uapi.fcntl import (
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_GETOWN,
    F_SETFD,
    F_SETFL,
    F_SETOWN,
    FD_CLOEXEC,
    FMODE_WRITE,
    O_ACCMODE,
    O_APPEND,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_RDONLY,
    O_TRUNC,
    PATH_MAX,
)
from kernel.uapi.syscall import (
    SYS_access,
    SYS_chdir,
    SYS_close,
    SYS_dup,
    SYS_dup2,
    SYS_dup3,
    SYS_fcntl,
    SYS_fcntl64,
    SYS_ftruncate,
    SYS_getcwd,
    SYS_ioctl,
    SYS_mkdir,
    SYS_open,
    SYS_pipe,
    SYS_pipe2,
    SYS_rename,
    SYS_rmdir,
    SYS_symlink,
    SYS_unlink,
)
from kernel.uapi.termios import FIOCLEX, FIONBIO, FIONCLEX

# An address as the memory management unit takes it: 64 bits without sign.
USER_ADDRESS = 0xFFFFFFFFFFFFFFFF
SETFL_MASK = O_APPEND | O_NONBLOCK


def get_path(task, address):
    """The path (str) at a user address; Fault for a bad address."""
    raw = from_user(strncpy_from_user(task.mm, address, PATH_MAX))
    return raw.decode("utf-8", "surrogateescape")


def do_filp_open(fs, path, flags, mode):
    """Open `path`: an open file, or a negative errno."""
    found = namei.path_lookup(fs, path, follow=not flags & O_NOFOLLOW and not (flags & O_CREAT and flags & O_EXCL))
    created = False
    if isinstance(found, int):
        if found != -ENOENT or not flags & O_CREAT:
            return found
        if path.endswith("/"):
            return -EISDIR
        made = namei.make_entry(fs, path, "create", mode)
        if isinstance(made, int):
            return made
        created = True
        found = namei.path_lookup(fs, path)
        if isinstance(found, int):
            return found
    elif flags & O_CREAT and flags & O_EXCL:
        return -EEXIST
    node = found.inode
    if node.is_symlink():
        return -ELOOP
    writing = flags & O_ACCMODE != O_RDONLY
    if node.is_dir():
        if writing or flags & (O_CREAT | O_TRUNC):
            return -EISDIR
    elif flags & O_DIRECTORY:
        return -ENOTDIR
    if writing and node.i_sb.read_only:
        return -EROFS
    if writing and not created and not node.i_mode & 0o222:
        return -EACCES
    if flags & O_TRUNC and writing and node.is_regular():
        result = node.i_op.truncate(node, 0)
        if result < 0:
            return result
    filp = file(node.i_fop, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC), node, None, found.path())
    filp.dentry = found
    result = filp.f_op.open(filp)
    return result if result < 0 else filp


def sys_open(task, path, flags, mode, a3, a4, a5):
    """int open(const char *pathname, int flags, mode_t mode)"""
    filp = do_filp_open(task.fs, get_path(task, path), flags & 0xFFFFFFFF, mode & 0o7777)
    if isinstance(filp, int):
        return filp
    fd = task.files.install_new(filp, flags & O_CLOEXEC != 0)
    if fd < 0:
        filp.f_op.release(filp)
    return fd


def sys_close(task, fd, a1, a2, a3, a4, a5):
    """int close(int fd)"""
    return task.files.close_fd(fd)


def sys_dup(task, fd, a1, a2, a3, a4, a5):
    """int dup(int oldfd)"""
    return dup_from(task, fd, 0, False)


def dup_from(task, fd, start, cloexec):
    """The lowest free descriptor from `start` on becomes another one of `fd`'s file."""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if start < 0 or start >= task.files.limit:
        return -EINVAL
    new = task.files.get_unused_fd(start)
    if new >= 0:
        filp.f_count += 1
        task.files.fd_install(new, filp, cloexec)
    return new


def sys_dup2(task, old, new, a2, a3, a4, a5):
    """int dup2(int oldfd, int newfd)"""
    filp = task.files.fget(old)
    if filp is None:
        return -EBADF
    return new if old == new else task.files.dup_to(filp, new, False)


def sys_dup3(task, old, new, flags, a3, a4, a5):
    """int dup3(int oldfd, int newfd, int flags)"""
    filp = task.files.fget(old)
    if flags & ~O_CLOEXEC or old == new:
        return -EINVAL
    return -EBADF if filp is None else task.files.dup_to(filp, new, flags & O_CLOEXEC != 0)


def sys_fcntl(task, fd, cmd, arg, a3, a4, a5):
    """int fcntl(int fd, int cmd, long arg)"""
    files = task.files
    filp = files.fget(fd)
    if filp is None:
        return -EBADF
    if cmd in (F_DUPFD, F_DUPFD_CLOEXEC):
        return dup_from(task, fd, arg, cmd == F_DUPFD_CLOEXEC)
    if cmd == F_GETFD:
        return files.close_on_exec[fd]
    if cmd == F_SETFD:
        files.close_on_exec[fd] = arg & FD_CLOEXEC
        return 0
    if cmd == F_GETFL:
        return filp.f_flags
    if cmd == F_SETFL:
        filp.f_flags = filp.f_flags & ~SETFL_MASK | arg & SETFL_MASK
        return 0
    return 0 if cmd in (F_SETOWN, F_GETOWN) else -EINVAL


def sys_ioctl(task, fd, cmd, arg, a3, a4, a5):
    """int ioctl(int fd, unsigned long request, void *arg)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    cmd &= 0xFFFFFFFF
    if cmd in (FIOCLEX, FIONCLEX):
        task.files.close_on_exec[fd] = FD_CLOEXEC if cmd == FIOCLEX else 0
        return 0
    if cmd == FIONBIO:
        raw = task.mm.read(arg & 0xFFFFFFFFFFFFFFFF, 4)
        if raw is None:
            return -EFAULT
        filp.f_flags = filp.f_flags | O_NONBLOCK if any(raw) else filp.f_flags & ~O_NONBLOCK
        return 0
    if filp.inode is not None and (filp.inode.is_dir() or filp.inode.is_regular()):
        return -ENOTTY
    return filp.f_op.ioctl(filp, cmd, arg & 0xFFFFFFFFFFFFFFFF)


def sys_mkdir(task, path, mode, a2, a3, a4, a5):
    """int mkdir(const char *pathname, mode_t mode)"""
    made = namei.make_entry(task.fs, get_path(task, path), "mkdir", mode & 0o777)
    return made if isinstance(made, int) else 0


def sys_symlink(task, target, path, a2, a3, a4, a5):
    """int symlink(const char *target, const char *linkpath)"""
    text = get_path(task, target)
    if not text:
        return -ENOENT
    if len(text) >= PATH_MAX:
        return -ENAMETOOLONG
    made = namei.make_entry(task.fs, get_path(task, path), "symlink", text)
    return made if isinstance(made, int) else 0


def sys_rmdir(task, path, a1, a2, a3, a4, a5):
    """int rmdir(const char *pathname)"""
    return namei.remove_entry(task.fs, get_path(task, path), True)


def sys_unlink(task, path, a1, a2, a3, a4, a5):
    """int unlink(const char *pathname)"""
    return namei.remove_entry(task.fs, get_path(task, path), False)


def sys_rename(task, old, new, a2, a3, a4, a5):
    """int rename(const char *oldpath, const char *newpath)"""
    return namei.rename(task.fs, get_path(task, old), get_path(task, new))


def sys_chdir(task, path, a1, a2, a3, a4, a5):
    """int chdir(const char *path)"""
    found = namei.path_lookup(task.fs, get_path(task, path))
    if isinstance(found, int):
        return found
    if not found.inode.is_dir():
        return -ENOTDIR
    task.fs.pwd = found
    return 0


def sys_getcwd(task, address, size, a2, a3, a4, a5):
    """int getcwd(char *buf, size_t size): the length with the NUL"""
    raw = task.fs.pwd.path().encode("utf-8", "surrogateescape") + b"\0"
    if len(raw) > size:
        return -ERANGE
    return len(raw) if copy_to_user(task.mm, address, raw) else -EFAULT


def sys_access(task, path, mode, a2, a3, a4, a5):
    """int access(const char *pathname, int mode)"""
    found = namei.path_lookup(task.fs, get_path(task, path))
    if isinstance(found, int):
        return found
    if mode & ~7:
        return -EINVAL
    return -EROFS if mode & 2 and found.inode.i_sb.read_only else 0


def sys_ftruncate(task, fd, length, a2, a3, a4, a5):
    """int ftruncate(int fd, off_t length)"""
    filp = task.files.fget(fd)
    if filp is None:
        return -EBADF
    if not filp.f_mode & FMODE_WRITE or filp.inode is None or not filp.inode.is_regular():
        return -EINVAL
    return filp.inode.i_op.truncate(filp.inode, length)


class pipe_calls:
    """pipe and pipe2 of one kernel."""

    def __init__(self, sched):
        self.operations = pipe_file_operations(sched)
        self.created = 0

    def pipe(self, task, address, a1, a2, a3, a4, a5):
        """int pipe(int pipefd[2])"""
        return self.pipe2(task, address, 0, a2, a3, a4, a5)

    def pipe2(self, task, address, flags, a2, a3, a4, a5):
        """int pipe2(int pipefd[2], int flags)"""
        if flags & ~(O_CLOEXEC | O_NONBLOCK):
            return -EINVAL
        self.created += 1
        reader, writer = create_pipe_files(self.operations, flags & O_NONBLOCK, self.created)
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


def register(table, sched):
    """Enter this room's calls into the table."""
    pipes = pipe_calls(sched)
    for nr, name, function in (
        (SYS_open, "open", sys_open),
        (SYS_mkdir, "mkdir", sys_mkdir),
        (SYS_rmdir, "rmdir", sys_rmdir),
        (SYS_unlink, "unlink", sys_unlink),
        (SYS_rename, "rename", sys_rename),
        (SYS_symlink, "symlink", sys_symlink),
        (SYS_chdir, "chdir", sys_chdir),
        (SYS_access, "access", sys_access),
        (SYS_close, "close", sys_close),
        (SYS_dup, "dup", sys_dup),
        (SYS_dup2, "dup2", sys_dup2),
        (SYS_dup3, "dup3", sys_dup3),
        (SYS_fcntl, "fcntl", sys_fcntl),
        (SYS_fcntl64, "fcntl64", sys_fcntl),
        (SYS_ioctl, "ioctl", sys_ioctl),
        (SYS_getcwd, "getcwd", sys_getcwd),
        (SYS_ftruncate, "ftruncate", sys_ftruncate),
        (SYS_pipe, "pipe", pipes.pipe),
        (SYS_pipe2, "pipe2", pipes.pipe2),
    ):
        table.register(nr, name, function)


