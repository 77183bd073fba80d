"""Files and descriptors: <unistd.h>, <fcntl.h>, <sys/stat.h>, <dirent.h>.  -1 and errno on failure."""

from hwemu.cpu import trap
from userland.abi.errno import EINVAL
from userland.abi.fcntl import F_GETFL, F_SETFL, O_DIRECTORY, O_NONBLOCK, O_RDONLY, PATH_MAX, S_IFDIR, S_IFMT, SEEK_SET
from userland.abi.layout import DIRENT64, IOV_MAX, IOVEC, STAT
from userland.abi.syscall import (
    SYS_chdir,
    SYS_close,
    SYS_dup,
    SYS_dup2,
    SYS_dup3,
    SYS_fcntl64,
    SYS_fstat64,
    SYS_ftruncate,
    SYS_getcwd,
    SYS_getdents64,
    SYS_ioctl,
    SYS_lseek,
    SYS_lstat64,
    SYS_mkdir,
    SYS_open,
    SYS_pipe2,
    SYS_readlink,
    SYS_readv,
    SYS_rename,
    SYS_rmdir,
    SYS_sendfile64,
    SYS_stat64,
    SYS_umask,
    SYS_unlink,
    SYS_writev,
)
from userland.abi.termios import TCGETS
from userland.libc.crt import PAIR_OFFSET, c_string, call_with_buffer, call_with_path, checked, set_errno, this
from userland.libc.transfer import read, write

BLOCK = 65536


def open(path, flags=O_RDONLY, mode=0o644):
    """int open(const char *pathname, int flags, mode_t mode)"""
    return call_with_path(SYS_open, path, flags, mode)


def close(fd):
    """int close(int fd)"""
    return checked(trap(SYS_close, fd))


def lseek(fd, offset, whence=SEEK_SET):
    """off_t lseek(int fd, off_t offset, int whence)"""
    return checked(trap(SYS_lseek, fd, offset, whence))


def ftruncate(fd, length):
    """int ftruncate(int fd, off_t length)"""
    return checked(trap(SYS_ftruncate, fd, length))


def sendfile(out_fd, in_fd, offset, count):
    """ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count): `offset` None moves in_fd's own."""
    if offset is None:
        return checked(trap(SYS_sendfile64, out_fd, in_fd, 0, count))
    space = this().space
    address = space.map(bytearray(offset.to_bytes(8, "little")), True)
    result = trap(SYS_sendfile64, out_fd, in_fd, address, count)
    space.unmap(address)
    return checked(result)


def vector_call(nr, fd, buffers, writable):
    if len(buffers) > IOV_MAX:
        return set_errno(EINVAL)
    space = this().space
    vectors = bytearray()
    mapped = []
    for buffer in buffers:
        mapped.append(space.map(buffer, writable))
        vectors += IOVEC.pack(mapped[-1], len(buffer))
    mapped.append(space.map(vectors))
    result = trap(nr, fd, mapped[-1], len(buffers))
    for address in mapped:
        space.unmap(address)
    return checked(result)


def readv(fd, buffers):
    """ssize_t readv(int fd, const struct iovec *iov, int iovcnt): at most IOV_MAX buffers."""
    return vector_call(SYS_readv, fd, buffers, True)


def writev(fd, buffers):
    """ssize_t writev(int fd, const struct iovec *iov, int iovcnt): at most IOV_MAX buffers."""
    return vector_call(SYS_writev, fd, buffers, False)


def dup(fd):
    """int dup(int oldfd)"""
    return checked(trap(SYS_dup, fd))


def dup2(fd, newfd):
    """int dup2(int oldfd, int newfd)"""
    return checked(trap(SYS_dup2, fd, newfd))


def dup3(fd, newfd, flags):
    """int dup3(int oldfd, int newfd, int flags)"""
    return checked(trap(SYS_dup3, fd, newfd, flags))


def pipe(flags=0):
    """int pipe2(int pipefd[2], int flags): returns (read end, write end), or -1."""
    program = this()
    result = trap(SYS_pipe2, program.args_address + PAIR_OFFSET, flags)
    if result < 0:
        return checked(result)
    first = PAIR_OFFSET >> 2
    return program.words[first], program.words[first + 1]


def fcntl(fd, command, argument=0):
    """int fcntl(int fd, int cmd, ... arg)"""
    return checked(trap(SYS_fcntl64, fd, command, argument))


def set_nonblocking(fd, on=True):
    """Set or clear O_NONBLOCK; 0, or -1."""
    flags = fcntl(fd, F_GETFL)
    if flags < 0:
        return -1
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK if on else flags & ~O_NONBLOCK)


def ioctl(fd, request, argument=0):
    """int ioctl(int fd, unsigned long request, ...)

    `argument` is an int, or a bytearray that the kernel may change.
    """
    if isinstance(argument, int):
        return checked(trap(SYS_ioctl, fd, request, argument))
    space = this().space
    address = space.map(argument, True)
    result = trap(SYS_ioctl, fd, request, address)
    space.unmap(address)
    return checked(result)


def isatty(fd):
    """int isatty(int fd): True or False."""
    return ioctl(fd, TCGETS, bytearray(64)) >= 0


class stat_result:
    """struct stat."""

    __slots__ = ("st_dev", "st_ino", "st_nlink", "st_mode", "st_rdev", "st_size", "st_blocks", "st_mtime")

    def __init__(self, raw):
        fields = STAT.unpack(raw)
        self.st_dev, self.st_ino, self.st_nlink, self.st_mode = fields[:4]
        self.st_rdev, self.st_size, _, self.st_blocks = fields[6:10]
        self.st_mtime = fields[12]

    def is_directory(self):
        """S_ISDIR(st_mode)"""
        return self.st_mode & S_IFMT == S_IFDIR


def path_stat(nr, path):
    raw = bytearray(STAT.size)
    space = this().space
    name = space.map(c_string(path))
    address = space.map(raw, True)
    result = trap(nr, name, address)
    space.unmap(address)
    space.unmap(name)
    return stat_result(raw) if result >= 0 else checked(result)


def stat(path):
    """int stat(const char *pathname, struct stat *statbuf): returns a `stat_result`, or -1."""
    return path_stat(SYS_stat64, path)


def lstat(path):
    """int lstat(const char *pathname, struct stat *statbuf): returns a `stat_result`, or -1."""
    return path_stat(SYS_lstat64, path)


def fstat(fd):
    """int fstat(int fd, struct stat *statbuf): returns a `stat_result`, or -1."""
    raw = bytearray(STAT.size)
    return stat_result(raw) if call_with_buffer(SYS_fstat64, fd, raw, True) >= 0 else -1


def parse_dirents(raw):
    """[(name, d_type)] of the struct linux_dirent64 records in `raw`."""
    entries = []
    offset = 0
    while offset + DIRENT64.size <= len(raw):
        _, _, length, kind = DIRENT64.unpack_from(raw, offset)
        if length < DIRENT64.size or offset + length > len(raw):
            break
        name = bytes(raw[offset + DIRENT64.size : offset + length]).split(b"\0", 1)[0]
        entries.append((name.decode("utf-8", "surrogateescape"), kind))
        offset += length
    return entries


def getdents(fd, size=BLOCK):
    """ssize_t getdents64(int fd, void *dirp, size_t count): the next [(name, d_type)], empty at the end, or -1."""
    raw = bytearray(size)
    count = call_with_buffer(SYS_getdents64, fd, raw, True, size)
    return parse_dirents(memoryview(raw)[:count]) if count >= 0 else -1


def listdir(path):
    """opendir, readdir, closedir: the names in `path` without . and .., sorted, or -1."""
    fd = open(path, O_RDONLY | O_DIRECTORY)
    if fd < 0:
        return -1
    names = []
    while True:
        entries = getdents(fd)
        if entries == -1:
            close(fd)
            return -1
        if not entries:
            break
        names += [name for name, _ in entries if name not in (".", "..")]
    close(fd)
    return sorted(names)


def unlink(path):
    """int unlink(const char *pathname)"""
    return call_with_path(SYS_unlink, path)


def mkdir(path, mode=0o755):
    """int mkdir(const char *pathname, mode_t mode)"""
    return call_with_path(SYS_mkdir, path, mode)


def umask(mask):
    """mode_t umask(mode_t mask): the mask before."""
    return checked(trap(SYS_umask, mask))


def rmdir(path):
    """int rmdir(const char *pathname)"""
    return call_with_path(SYS_rmdir, path)


def rename(old, new):
    """int rename(const char *oldpath, const char *newpath)"""
    space = this().space
    source = space.map(c_string(old))
    target = space.map(c_string(new))
    result = trap(SYS_rename, source, target)
    space.unmap(target)
    space.unmap(source)
    return checked(result)


def readlink(path):
    """ssize_t readlink(const char *pathname, char *buf, size_t bufsiz): the target, or None."""
    raw = bytearray(PATH_MAX)
    space = this().space
    name = space.map(c_string(path))
    address = space.map(raw, True)
    result = trap(SYS_readlink, name, address, len(raw))
    space.unmap(address)
    space.unmap(name)
    return raw[:result].decode("utf-8", "surrogateescape") if checked(result) >= 0 else None


def chdir(path):
    """int chdir(const char *path)"""
    return call_with_path(SYS_chdir, path)


def getcwd():
    """char *getcwd(char *buf, size_t size): the path, or None."""
    raw = bytearray(PATH_MAX)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_getcwd, address, len(raw))
    space.unmap(address)
    if checked(result) < 0:
        return None
    return bytes(raw).split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def read_bytes(fd, length):
    """read into a fresh buffer: the bytes that came (empty at the end), or -1."""
    buffer = bytearray(length)
    count = read(fd, buffer)
    if count < 0:
        return -1
    del buffer[count:]
    return bytes(buffer)


def write_all(fd, data):
    """write until all of `data` is gone; 0, or -1 with errno as the failing write left it."""
    view = memoryview(data)
    written = 0
    while written < len(view):
        count = write(fd, view[written:])
        if count < 0:
            return -1
        written += count
    return 0


def read_file(path, limit=1 << 24):
    """All of a file (at most `limit` bytes), or -1."""
    fd = open(path)
    if fd < 0:
        return -1
    parts = []
    size = 0
    while size < limit:
        chunk = read_bytes(fd, min(BLOCK, limit - size))
        if chunk == -1:
            close(fd)
            return -1
        if not chunk:
            break
        parts.append(chunk)
        size += len(chunk)
    close(fd)
    return b"".join(parts)


def read_text(path):
    """All of a text file, undecodable bytes replaced, or -1."""
    raw = read_file(path)
    return -1 if raw == -1 else raw.decode("utf-8", "replace")
