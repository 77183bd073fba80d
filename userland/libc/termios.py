"""Terminals and pseudo-terminals: <termios.h>, <pty.h>, <stdlib.h> (posix_openpt and its kin).  -1 and errno on failure."""

from userland.abi.errno import EINVAL, ENOTTY
from userland.abi.fcntl import O_NOCTTY, O_RDWR
from userland.abi.layout import TERMIOS, WINSIZE
from userland.abi.termios import (
    BRKINT,
    CBAUD,
    CS8,
    CSIZE,
    ECHO,
    ECHONL,
    ICANON,
    ICRNL,
    IEXTEN,
    IGNBRK,
    IGNCR,
    INLCR,
    ISIG,
    ISTRIP,
    IXON,
    OPOST,
    PARENB,
    PARMRK,
    TCFLSH,
    TCGETS,
    TCSANOW,
    TCSBRK,
    TCSBRKP,
    TCSETS,
    TCSETSF,
    TCSETSW,
    TCXONC,
    TIOCGPGRP,
    TIOCGPTN,
    TIOCGSID,
    TIOCGWINSZ,
    TIOCSCTTY,
    TIOCSPGRP,
    TIOCSPTLCK,
    TIOCSWINSZ,
    VMIN,
    VTIME,
)
from userland.libc.crt import set_errno
from userland.libc.process import setsid
from userland.libc.unistd import close, dup2, fstat, ioctl, isatty, open, readlink, stat

ACTIONS = (TCSETS, TCSETSW, TCSETSF)


class termios:
    """struct termios."""

    __slots__ = ("c_cc", "c_cflag", "c_iflag", "c_lflag", "c_line", "c_oflag")

    def __init__(self, raw):
        self.c_iflag, self.c_oflag, self.c_cflag, self.c_lflag, self.c_line, control = TERMIOS.unpack(raw)
        self.c_cc = bytearray(control)

    def pack(self):
        """The structure as TCSETS takes it."""
        return bytearray(TERMIOS.pack(self.c_iflag, self.c_oflag, self.c_cflag, self.c_lflag, self.c_line, bytes(self.c_cc)))


# --- settings ---


def tcgetattr(fd):
    """int tcgetattr(int fd, struct termios *termios_p): the `termios`, or None."""
    raw = bytearray(TERMIOS.size)
    return termios(raw) if ioctl(fd, TCGETS, raw) >= 0 else None


def tcsetattr(fd, actions, settings):
    """int tcsetattr(int fd, int optional_actions, const struct termios *termios_p)"""
    if actions not in range(len(ACTIONS)):
        return set_errno(EINVAL)
    return ioctl(fd, ACTIONS[actions], settings.pack())


def cfmakeraw(settings):
    """void cfmakeraw(struct termios *termios_p)"""
    settings.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    settings.c_oflag &= ~OPOST
    settings.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN)
    settings.c_cflag = settings.c_cflag & ~(CSIZE | PARENB) | CS8
    settings.c_cc[VMIN], settings.c_cc[VTIME] = 1, 0


def cfgetospeed(settings):
    """speed_t cfgetospeed(const struct termios *termios_p): a B* constant."""
    return settings.c_cflag & CBAUD


def cfgetispeed(settings):
    """speed_t cfgetispeed(const struct termios *termios_p): that of the output, as on Linux."""
    return cfgetospeed(settings)


def cfsetspeed(settings, speed):
    """int cfsetspeed(struct termios *termios_p, speed_t speed): a B* constant."""
    if speed & ~CBAUD:
        return set_errno(EINVAL)
    settings.c_cflag = settings.c_cflag & ~CBAUD | speed
    return 0


def tcflush(fd, queue):
    """int tcflush(int fd, int queue_selector): TCIFLUSH, TCOFLUSH or TCIOFLUSH."""
    return ioctl(fd, TCFLSH, queue)


def tcflow(fd, action):
    """int tcflow(int fd, int action): TCOOFF, TCOON, TCIOFF or TCION."""
    return ioctl(fd, TCXONC, action)


def tcdrain(fd):
    """int tcdrain(int fd)"""
    return ioctl(fd, TCSBRK, 1)


def tcsendbreak(fd, duration):
    """int tcsendbreak(int fd, int duration): in tenths of a second, 0 for a break of the usual length."""
    return ioctl(fd, TCSBRK, 0) if duration <= 0 else ioctl(fd, TCSBRKP, duration)


def get_winsize(fd):
    """TIOCGWINSZ: (rows, columns, width, height in pixels), or -1."""
    raw = bytearray(WINSIZE.size)
    return WINSIZE.unpack(raw) if ioctl(fd, TIOCGWINSZ, raw) >= 0 else -1


def set_winsize(fd, rows, columns):
    """TIOCSWINSZ: who is in the foreground gets SIGWINCH."""
    return ioctl(fd, TIOCSWINSZ, bytearray(WINSIZE.pack(rows, columns, 0, 0)))


def window_size(fd):
    """(rows, columns) of a terminal, 24 by 80 where it does not say."""
    size = get_winsize(fd)
    return (24, 80) if size == -1 else (size[0] or 24, size[1] or 80)


# --- whose terminal it is ---


def number_of(fd, request):
    """The int that a request stores, or -1."""
    raw = bytearray(4)
    return int.from_bytes(raw, "little", signed=True) if ioctl(fd, request, raw) >= 0 else -1


def tcgetpgrp(fd):
    """pid_t tcgetpgrp(int fd)"""
    return number_of(fd, TIOCGPGRP)


def tcsetpgrp(fd, pgid):
    """int tcsetpgrp(int fd, pid_t pgrp)"""
    return ioctl(fd, TIOCSPGRP, bytearray((pgid & 0xFFFFFFFF).to_bytes(4, "little")))


def tcgetsid(fd):
    """pid_t tcgetsid(int fd)"""
    return number_of(fd, TIOCGSID)


def ttyname(fd):
    """char *ttyname(int fd): the path, or None."""
    if not isatty(fd):
        return None
    path = readlink(f"/proc/self/fd/{fd}")
    named, here = stat(path) if path != -1 else -1, fstat(fd)
    if -1 in (named, here) or (named.st_dev, named.st_ino, named.st_rdev) != (here.st_dev, here.st_ino, here.st_rdev):
        set_errno(ENOTTY)
        return None
    return path


# --- pseudo-terminals ---


def posix_openpt(flags):
    """int posix_openpt(int flags): a descriptor of a new master; its slave is locked."""
    return open("/dev/ptmx", flags)


def grantpt(fd):
    """int grantpt(int fd): the kernel has done it."""
    return 0 if number_of(fd, TIOCGPTN) >= 0 else -1


def unlockpt(fd):
    """int unlockpt(int fd)"""
    return ioctl(fd, TIOCSPTLCK, bytearray(4))


def ptsname(fd):
    """char *ptsname(int fd): the path of the slave, or None."""
    number = number_of(fd, TIOCGPTN)
    return f"/dev/pts/{number}" if number >= 0 else None


def openpty(settings=None, size=None, flags=0):
    """int openpty(int *amaster, int *aslave, char *name, const struct termios *termp, const struct winsize *winp)

    (master, slave), or -1; `size` is (rows, columns).  `flags` are added to those of both (O_CLOEXEC).
    """
    master = posix_openpt(O_RDWR | O_NOCTTY | flags)
    if master < 0:
        return -1
    if grantpt(master) < 0 or unlockpt(master) < 0:
        close(master)
        return -1
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | flags)
    if slave < 0:
        close(master)
        return -1
    if settings is not None:
        tcsetattr(slave, TCSANOW, settings)
    if size is not None:
        set_winsize(slave, *size)
    return master, slave


def login_tty(fd):
    """int login_tty(int fd): a new session with this terminal, which becomes descriptors 0, 1 and 2."""
    if setsid() < 0 or ioctl(fd, TIOCSCTTY, 0) < 0:
        return -1
    for standard in (0, 1, 2):
        if dup2(fd, standard) < 0:
            return -1
    if fd > 2:
        close(fd)
    return 0
