"""The shell's descriptors: redirections made and taken back, and those that it keeps for itself."""

from userland import libc
from userland.shell.expand import ExpansionError

CREATE_MODE = 0o666
# Where the shell keeps its own descriptors: above those that scripts use by number.
FIRST_OWN = 10
PIPE_ROOM = 65536
OPEN_FLAGS = {
    "<": libc.O_RDONLY,
    ">": libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC,
    "&>": libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC,
    ">|": libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC,
    ">>": libc.O_WRONLY | libc.O_CREAT | libc.O_APPEND,
    "<>": libc.O_RDWR | libc.O_CREAT,
}


class RedirectError(Exception):
    """A redirection that can not be made; its text is the message."""


class Descriptors:
    """Redirections of one shell."""

    def __init__(self, shell):
        self.shell = shell

    def own_number(self):
        """A free descriptor number for a subshell to be told its state by."""
        fd = libc.fcntl(0, libc.F_DUPFD, FIRST_OWN)
        if fd < 0:
            return FIRST_OWN + 50
        libc.close(fd)
        return fd

    def own(self, fd):
        """The descriptor moved to where the shell keeps its own, closed at exec."""
        if fd >= FIRST_OWN:
            return fd
        moved = libc.fcntl(fd, libc.F_DUPFD_CLOEXEC, FIRST_OWN)
        if moved < 0:
            return fd
        libc.close(fd)
        return moved

    def redirect_to(self, pairs):
        """Put each (descriptor, number) in place; what was there before, for `restore`."""
        saved = []
        for fd, number in pairs:
            saved.append((number, libc.fcntl(number, libc.F_DUPFD_CLOEXEC, FIRST_OWN)))
            libc.dup2(fd, number)
        return saved

    def restore(self, saved):
        for number, parked in reversed(saved):
            if parked >= 0:
                libc.dup2(parked, number)
                libc.close(parked)
            else:
                libc.close(number)

    def forget(self, saved):
        for _, parked in saved:
            if parked >= 0:
                libc.close(parked)

    def apply_redirects(self, redirects):
        """Make the redirections in order; what they replaced.  RedirectError, with everything as it was."""
        saved = []
        try:
            for redirect in redirects:
                self.apply_redirect(redirect, saved)
        except (RedirectError, ExpansionError) as error:
            self.restore(saved)
            raise RedirectError(str(error)) from None
        return saved

    def apply_redirect(self, redirect, saved):
        number = redirect.fd
        if redirect.kind in ("<<", "<<<"):
            text = self.shell.expander.single(redirect.target) + ("\n" if redirect.kind == "<<<" else "")
            fd = self.text_descriptor(text.encode("utf-8", "surrogateescape"))
        else:
            target = self.shell.expander.single(redirect.target)
            if redirect.kind in ("<&", ">&"):
                self.duplicate(target, number, saved)
                return
            fd = self.open_target(redirect.kind, target)
        fd = self.own(fd)
        saved += self.redirect_to([(fd, number), (fd, 2)] if redirect.kind == "&>" else [(fd, number)])
        libc.close(fd)

    def duplicate(self, target, number, saved):
        """n<&m, n>&m and n>&-."""
        if target == "-":
            saved.append((number, libc.fcntl(number, libc.F_DUPFD_CLOEXEC, FIRST_OWN)))
            libc.close(number)
            return
        if not target.isascii() or not target.isdigit() or len(target) > 5:
            raise RedirectError(f"{target}: bad descriptor")
        if libc.fcntl(int(target), libc.F_GETFD) < 0:
            raise RedirectError(f"{target}: {libc.strerror(libc.errno)}")
        if int(target) != number:
            saved += self.redirect_to([(int(target), number)])

    def open_target(self, kind, target):
        flags = OPEN_FLAGS[kind] | libc.O_CLOEXEC
        if kind == ">" and self.shell.option("C"):
            found = libc.stat(target)
            if found != -1 and found.st_mode & libc.S_IFMT == libc.S_IFREG:
                raise RedirectError(f"{target}: {libc.strerror(libc.EEXIST)}")
        while True:
            fd = libc.open(target, flags, CREATE_MODE)
            if fd >= 0:
                return fd
            if libc.errno != libc.EINTR or self.shell.interrupted:
                raise RedirectError(f"{target}: {libc.strerror(libc.errno)}")

    def names_fifo(self, redirect):
        """True for a redirection to or from a FIFO that exists; one whose name takes commands to find out is not asked for."""
        if redirect.kind not in OPEN_FLAGS or redirect.kind == "<>" or any(part[0] == "command" for part in redirect.target):
            return False
        try:
            found = libc.stat(self.shell.expander.single(redirect.target))
        except ExpansionError:
            return False
        return found != -1 and found.st_mode & libc.S_IFMT == libc.S_IFIFO

    def text_descriptor(self, raw):
        """A descriptor that gives the bytes: a pipe when they fit into one, else a file without a name."""
        if len(raw) < PIPE_ROOM:
            ends = libc.pipe(libc.O_CLOEXEC)
            if ends == -1:
                raise RedirectError(f"here-document: {libc.strerror(libc.errno)}")
            libc.write_all(ends[1], raw)
            libc.close(ends[1])
            return ends[0]
        path = f"/tmp/sh-{libc.getpid()}-{libc.random_bits(48):x}"
        fd = libc.open(path, libc.O_RDWR | libc.O_CREAT | libc.O_EXCL | libc.O_CLOEXEC, 0o600)
        if fd < 0 or libc.write_all(fd, raw) < 0:
            raise RedirectError(f"here-document: {libc.strerror(libc.errno)}")
        libc.unlink(path)
        libc.lseek(fd, 0)
        return fd
