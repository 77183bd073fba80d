"""Calls on names, with a directory's descriptor and without: each answer is the host's own, too."""

from unix_box import errno_of

from userland import libc

CWD = libc.AT_FDCWD


def make(box, name, text=b"", mode=0o644):
    fd = libc.open(f"{box.folder}/{name}", libc.O_RDWR | libc.O_CREAT, mode)
    assert fd >= 0
    libc.write_all(fd, text)
    box.keep(fd)
    return fd


def directory(box, name=""):
    path = f"{box.folder}/{name}".rstrip("/")
    if name:
        assert libc.mkdir(path) == 0
    fd = libc.open(path, libc.O_RDONLY | libc.O_DIRECTORY)
    box.keep(fd)
    return fd


def test_opening_below_a_directory(both):
    def scenario(box):
        at = directory(box, "d")
        fd = libc.openat(at, "f", libc.O_RDWR | libc.O_CREAT | libc.O_EXCL)
        box.keep(fd)
        assert fd >= 0 and libc.write(fd, b"x") == 1
        assert libc.stat(f"{box.folder}/d/f").st_size == 1
        assert errno_of(libc.openat(at, "f", libc.O_CREAT | libc.O_EXCL)) == libc.EEXIST
        assert errno_of(libc.openat(fd, "f")) == libc.ENOTDIR
        assert errno_of(libc.openat(999, "f")) == libc.EBADF
        assert errno_of(libc.openat(at, "")) == libc.ENOENT
        assert errno_of(libc.openat(at, "none/f", libc.O_CREAT)) == libc.ENOENT
        assert errno_of(libc.openat(at, "f/g", libc.O_CREAT)) == libc.ENOTDIR
        assert errno_of(libc.openat(at, "new/", libc.O_CREAT)) == libc.EISDIR
        assert errno_of(libc.openat(at, ".", libc.O_RDWR)) == libc.EISDIR
        assert errno_of(libc.openat(at, "f", libc.O_DIRECTORY)) == libc.ENOTDIR
        assert errno_of(libc.openat(at, "f", libc.O_DIRECTORY | libc.O_CREAT)) == libc.EINVAL
        box.keep(libc.openat(999, f"{box.folder}/d/f"))

    both(scenario)


def test_symbolic_links(both):
    def scenario(box):
        at = directory(box)
        make(box, "file", b"text")
        assert libc.symlinkat("file", at, "link") == 0
        assert libc.readlinkat(at, "link") == "file"
        assert errno_of(libc.symlinkat("x", at, "link")) == libc.EEXIST
        assert errno_of(libc.symlinkat("", at, "empty")) == libc.ENOENT
        assert errno_of(libc.readlinkat(at, "file")) == libc.EINVAL
        assert errno_of(libc.openat(at, "link", libc.O_NOFOLLOW)) == libc.ELOOP
        assert libc.fstatat(at, "link").st_size == 4
        assert libc.fstatat(at, "link", libc.AT_SYMLINK_NOFOLLOW).st_mode & libc.S_IFMT == libc.S_IFLNK
        libc.symlinkat("circle", at, "circle")
        assert errno_of(libc.openat(at, "circle")) == libc.ELOOP
        # Creating through a link that leads nowhere makes the file there.
        libc.symlinkat("made", at, "dangling")
        box.keep(libc.openat(at, "dangling", libc.O_CREAT | libc.O_WRONLY))
        assert libc.fstatat(at, "made", libc.AT_SYMLINK_NOFOLLOW).st_mode & libc.S_IFMT == libc.S_IFREG
        libc.symlinkat("again", at, "dangling2")
        assert errno_of(libc.openat(at, "dangling2", libc.O_CREAT | libc.O_EXCL)) == libc.EEXIST

    both(scenario)


def test_hard_links(both):
    def scenario(box):
        at = directory(box)
        fd = make(box, "one", b"data")
        assert libc.linkat(at, "one", at, "two") == 0
        assert libc.fstat(fd).st_nlink == 2
        assert libc.fstatat(at, "two").st_ino == libc.fstat(fd).st_ino
        assert errno_of(libc.linkat(at, "one", at, "two")) == libc.EEXIST
        assert errno_of(libc.linkat(at, "none", at, "x")) == libc.ENOENT
        assert errno_of(libc.linkat(CWD, box.folder, at, "x")) == libc.EPERM
        assert errno_of(libc.linkat(at, "one", at, "x", 1)) == libc.EINVAL
        libc.symlinkat("one", at, "link")
        assert libc.linkat(at, "link", at, "link2") == 0
        assert libc.readlinkat(at, "link2") == "one"
        assert libc.linkat(at, "link", at, "three", libc.AT_SYMLINK_FOLLOW) == 0
        assert libc.fstat(fd).st_nlink == 3
        for name in ("one", "two", "three"):
            assert libc.unlinkat(at, name) == 0
        assert libc.fstat(fd).st_nlink == 0 and libc.pread(fd, bytearray(4), 0) == 4

    both(scenario)


def test_removing(both):
    def scenario(box):
        at = directory(box)
        make(box, "f")
        libc.mkdirat(at, "d")
        libc.mkdirat(at, "d/inner")
        assert errno_of(libc.unlinkat(at, "d")) == libc.EISDIR
        assert errno_of(libc.unlinkat(at, "f", libc.AT_REMOVEDIR)) == libc.ENOTDIR
        assert errno_of(libc.unlinkat(at, "d", libc.AT_REMOVEDIR)) == libc.ENOTEMPTY
        assert errno_of(libc.unlinkat(at, "d", 1)) == libc.EINVAL
        assert errno_of(libc.unlinkat(at, "f/")) == libc.ENOTDIR
        assert errno_of(libc.unlinkat(at, "d/.", libc.AT_REMOVEDIR)) == libc.EINVAL
        assert errno_of(libc.unlinkat(at, "d/inner/..", libc.AT_REMOVEDIR)) == libc.ENOTEMPTY
        assert errno_of(libc.unlinkat(at, ".")) == libc.EISDIR
        assert errno_of(libc.rmdir("/")) == libc.EBUSY
        assert errno_of(libc.mkdir("/")) == libc.EEXIST
        assert errno_of(libc.mkdirat(at, "d")) == libc.EEXIST
        assert errno_of(libc.mkdirat(at, "x/y")) == libc.ENOENT
        assert libc.unlinkat(at, "d/inner/", libc.AT_REMOVEDIR) == 0

    both(scenario)


def test_renaming(both):
    def scenario(box):
        at = directory(box)
        make(box, "a", b"a")
        make(box, "b", b"bb")
        libc.mkdirat(at, "d")
        libc.mkdirat(at, "e")
        libc.mkdirat(at, "e/sub")

        def size(name):
            return libc.fstatat(at, name).st_size

        assert errno_of(libc.renameat2(at, "a", at, "b", libc.RENAME_NOREPLACE)) == libc.EEXIST
        assert libc.renameat2(at, "a", at, "b", libc.RENAME_EXCHANGE) == 0
        assert (size("a"), size("b")) == (2, 1)
        assert errno_of(libc.renameat2(at, "a", at, "none", libc.RENAME_EXCHANGE)) == libc.ENOENT
        assert errno_of(libc.renameat2(at, "a", at, "b", 3)) == libc.EINVAL
        assert libc.renameat2(at, "a", at, "b") == 0 and size("b") == 2
        assert errno_of(libc.renameat2(at, "b", at, "d")) == libc.EISDIR
        assert errno_of(libc.renameat2(at, "d", at, "b")) == libc.ENOTDIR
        assert errno_of(libc.renameat2(at, "d", at, "e")) == libc.ENOTEMPTY
        assert errno_of(libc.renameat2(at, "e", at, "e/sub/x")) == libc.EINVAL
        assert errno_of(libc.renameat2(at, "e/sub", at, "e")) == libc.ENOTEMPTY
        assert errno_of(libc.renameat2(at, ".", at, "x")) == libc.EBUSY
        assert errno_of(libc.renameat2(at, "b/", at, "x")) == libc.ENOTDIR
        assert libc.renameat2(at, "e", at, "d/") == 0
        assert libc.fstatat(at, "d/sub").is_directory()
        assert errno_of(libc.renameat2(at, "none", at, "x")) == libc.ENOENT
        libc.linkat(at, "b", at, "b2")
        assert libc.renameat2(at, "b", at, "b2") == 0 and size("b") == 2

    both(scenario)


def test_modes_owners_and_times(both):
    def scenario(box):
        fd = make(box, "f", b"x", 0o666)
        path = f"{box.folder}/f"
        old = libc.umask(0o077)
        make(box, "private", b"", 0o666)
        libc.mkdir(f"{box.folder}/dir", 0o777)
        assert libc.umask(old) == 0o077
        assert libc.stat(f"{box.folder}/private").st_mode & 0o7777 == 0o600
        assert libc.stat(f"{box.folder}/dir").st_mode & 0o7777 == 0o700
        assert libc.chmod(path, 0o4711) == 0 and libc.fstat(fd).st_mode & 0o7777 == 0o4711
        assert libc.fchmod(fd, 0o640) == 0 and libc.stat(path).st_mode & 0o7777 == 0o640
        assert libc.chown(path, 5, 6) == 0 and libc.fchown(fd, -1, 7) == 0
        fields = libc.statx(CWD, path)
        assert fields[4:6] == (5, 7)
        day = 86400 * 1_000_000_000
        assert libc.utimensat(CWD, path, (3 * day, 5 * day + 17)) == 0
        fields = libc.statx(CWD, path)
        assert (fields[11], fields[17], fields[18]) == (3 * 86400, 5 * 86400, 17)
        assert libc.futimens(fd, (None, 7 * day)) == 0
        fields = libc.statx(fd, "", libc.AT_EMPTY_PATH)
        assert (fields[11], fields[17]) == (3 * 86400, 7 * 86400)
        assert libc.futimens(fd, ("now", None)) == 0
        assert libc.statx(CWD, path)[11] > 10 * 86400
        assert errno_of(libc.utimensat(CWD, f"{box.folder}/none")) == libc.ENOENT
        assert libc.access(path, libc.R_OK | libc.W_OK) == 0
        assert errno_of(libc.access(path, libc.X_OK)) == libc.EACCES
        assert errno_of(libc.access(path, 8)) == libc.EINVAL
        assert libc.truncate(path, 10) == 0 and libc.fstat(fd).st_size == 10
        assert errno_of(libc.truncate(box.folder, 1)) == libc.EISDIR
        assert errno_of(libc.truncate(path, -1)) == libc.EINVAL

    both(scenario)


def test_a_place_in_the_tree_and_a_file_without_name(both):
    def scenario(box):
        make(box, "f", b"text")
        place = libc.open(f"{box.folder}/f", libc.O_PATH)
        box.keep(place)
        assert errno_of(libc.read(place, bytearray(1))) == libc.EBADF
        assert errno_of(libc.fchmod(place, 0o600)) == libc.EBADF
        assert errno_of(libc.ioctl(place, 0x541B, bytearray(4))) == libc.EBADF
        assert libc.fstat(place).st_size == 4
        at = libc.open(box.folder, libc.O_PATH | libc.O_DIRECTORY)
        box.keep(at)
        assert libc.fstatat(at, "f").st_size == 4
        temporary = libc.open(box.folder, libc.O_TMPFILE | libc.O_RDWR)
        box.keep(temporary)
        assert libc.write(temporary, b"abc") == 3 and libc.fstat(temporary).st_nlink == 0
        assert errno_of(libc.open(box.folder, libc.O_TMPFILE)) == libc.EINVAL

    both(scenario)


def test_statfs_and_fsync(both):
    def scenario(box):
        fd = make(box, "f")
        fields = libc.statfs(box.folder)
        assert fields[1] == 4096 and fields[8] == 255
        assert libc.fstatfs(fd)[0] == fields[0]
        assert libc.fsync(fd) == 0 == libc.fdatasync(fd)
        source, sink = libc.pipe()
        box.keep(source, sink)
        assert errno_of(libc.fsync(source)) == libc.EINVAL
        assert errno_of(libc.fsync(999)) == libc.EBADF

    both(scenario)
