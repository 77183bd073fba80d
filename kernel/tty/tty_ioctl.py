"""Requests on terminals, ioctl_tty(2).  On a master most of them mean the slave."""

from struct import Struct

from kernel.arch.uaccess import copy_from_user, copy_to_user, get_user, put_user
from kernel.tty import pty_ioctl, tty_jobctrl
from kernel.tty.termios import TERMIO, TERMIOS, TERMIOS2
from kernel.uapi.errno import EFAULT, EINVAL, ENOTTY, EPERM, ESRCH
from kernel.uapi.termios import (
    CLOCAL,
    FIONREAD,
    TCFLSH,
    TCGETA,
    TCGETS,
    TCGETS2,
    TCIFLUSH,
    TCIOFF,
    TCIOFLUSH,
    TCION,
    TCOFLUSH,
    TCOOFF,
    TCOON,
    TCSBRK,
    TCSBRKP,
    TCSETA,
    TCSETAF,
    TCSETAW,
    TCSETS,
    TCSETS2,
    TCSETSF,
    TCSETSF2,
    TCSETSW,
    TCSETSW2,
    TCXONC,
    TIOCCBRK,
    TIOCEXCL,
    TIOCGDEV,
    TIOCGETD,
    TIOCGEXCL,
    TIOCGPGRP,
    TIOCGSID,
    TIOCGSOFTCAR,
    TIOCGWINSZ,
    TIOCNOTTY,
    TIOCNXCL,
    TIOCOUTQ,
    TIOCSBRK,
    TIOCSCTTY,
    TIOCSETD,
    TIOCSPGRP,
    TIOCSTI,
    TIOCSWINSZ,
    TIOCVHANGUP,
    VSTART,
    VSTOP,
)

WINSIZE = Struct("<HHHH")
GETTING = {
    TCGETS: lambda termios: termios.pack(),
    TCGETS2: lambda termios: termios.pack2(),
    TCGETA: lambda termios: termios.pack_termio(),
}
# The size of what is set, how it is taken apart, and whether waiting input is thrown away.
SETTING = {
    **{cmd: (TERMIOS.size, "unpack", cmd == TCSETSF) for cmd in (TCSETS, TCSETSW, TCSETSF)},
    **{cmd: (TERMIOS2.size, "unpack2", cmd == TCSETSF2) for cmd in (TCSETS2, TCSETSW2, TCSETSF2)},
    **{cmd: (TERMIO.size, "unpack_termio", cmd == TCSETAF) for cmd in (TCSETA, TCSETAW, TCSETAF)},
}
# What isatty(3) and programs that draw ask for: a line that changes no byte denies to be a terminal.
TERMINAL_REQUESTS = frozenset((*GETTING, *SETTING, TIOCGWINSZ, TIOCSWINSZ))
# What a process in the background may not do either.
CHANGING = frozenset((*SETTING, TIOCSETD, TIOCSBRK, TIOCCBRK, TCSBRK, TCSBRKP, TCXONC, TCFLSH, TIOCSPGRP))
N_TTY = 0


def tty_ioctl(operations, filp, tty, cmd, arg):
    """A request; counts, 0 or a negative errno."""
    task = operations.sched.current
    real = tty.settings_of()
    if tty.transparent and cmd in TERMINAL_REQUESTS:
        return -ENOTTY
    if cmd in CHANGING:
        # What is asked of a master about its slave is asked of the slave's session.
        refused = tty_jobctrl.check_change(task, real if cmd in SETTING or cmd == TIOCSPGRP else tty)
        if refused < 0:
            return refused
    if cmd in GETTING:
        return 0 if copy_to_user(task.mm, arg, GETTING[cmd](real.termios)) else -EFAULT
    if cmd in SETTING:
        return set_settings(task, real, cmd, arg)
    if cmd in JOB_REQUESTS:
        return JOB_REQUESTS[cmd](operations, task, filp, tty, arg)
    if cmd in REQUESTS:
        return REQUESTS[cmd](task, tty, arg)
    return pty_ioctl.pty_ioctl(operations, task, tty, cmd, arg)


def answer(task, arg, value):
    """Store an int."""
    return 0 if put_user(task.mm, arg, 4, value) else -EFAULT


def set_settings(task, tty, cmd, arg):
    size, form, flush = SETTING[cmd]
    raw = copy_from_user(task.mm, arg, size)
    if raw is None:
        return -EFAULT
    new = tty.termios.copy()
    getattr(new, form)(raw)
    if flush:
        tty.discipline.flush_buffer()
        tty.flip.clear()
    tty.set_termios(new)
    return 0


# --- the line ---


def get_winsize(task, tty, arg):
    return 0 if copy_to_user(task.mm, arg, WINSIZE.pack(*tty.settings_of().winsize)) else -EFAULT


def set_winsize(task, tty, arg):
    raw = copy_from_user(task.mm, arg, WINSIZE.size)
    if raw is None:
        return -EFAULT
    tty.settings_of().resize(WINSIZE.unpack(raw))
    return 0


def flow(task, tty, arg):
    """TCXONC, tcflow(3): stop or start the output, or have the other end do so."""
    if arg == TCOOFF:
        tty.flow_stopped = True
        tty.stop()
    elif arg == TCOON:
        tty.flow_stopped = False
        tty.start()
    elif arg in (TCIOFF, TCION):
        character = tty.termios.cc[VSTOP if arg == TCIOFF else VSTART]
        if character:
            tty.put_on_line(bytes((character,)))
    else:
        return -EINVAL
    return 0


def flush(task, tty, arg):
    """TCFLSH, tcflush(3)"""
    if arg not in (TCIFLUSH, TCOFLUSH, TCIOFLUSH):
        return -EINVAL
    if arg != TCOFLUSH:
        tty.flip.clear()
        tty.discipline.flush_buffer()
        tty.read_further()
    if arg != TCIFLUSH:
        tty.flush_output()
    return 0


def nothing_to_do(task, tty, arg):
    """Breaks that nobody sees, and waiting for output that has gone already."""
    return 0


def type_byte(task, tty, arg):
    """TIOCSTI: as if the byte had been typed."""
    if task.uid != 0 and task.tty is not tty:
        return -EPERM
    byte = get_user(task.mm, arg, 1)
    if byte == -EFAULT:
        return -EFAULT
    tty.receive(bytes((byte & 0xFF,)))
    return 0


def set_discipline(task, tty, arg):
    number = copy_from_user(task.mm, arg, 4)
    if number is None:
        return -EFAULT
    return 0 if int.from_bytes(number, "little") == N_TTY else -EINVAL


def set_exclusive(task, tty, arg):
    tty.exclusive = True
    return 0


def set_shared(task, tty, arg):
    tty.exclusive = False
    return 0


REQUESTS = {
    TIOCGWINSZ: get_winsize,
    TIOCSWINSZ: set_winsize,
    TCXONC: flow,
    TCFLSH: flush,
    TCSBRK: nothing_to_do,
    TCSBRKP: nothing_to_do,
    TIOCSBRK: nothing_to_do,
    TIOCCBRK: nothing_to_do,
    TIOCSTI: type_byte,
    TIOCSETD: set_discipline,
    TIOCGETD: lambda task, tty, arg: answer(task, arg, N_TTY),
    TIOCGSOFTCAR: lambda task, tty, arg: answer(task, arg, int(tty.settings_of().termios.cflag & CLOCAL != 0)),
    TIOCEXCL: set_exclusive,
    TIOCNXCL: set_shared,
    TIOCGEXCL: lambda task, tty, arg: answer(task, arg, int(tty.exclusive)),
    TIOCGDEV: lambda task, tty, arg: answer(task, arg, tty.settings_of().device),
    FIONREAD: lambda task, tty, arg: answer(task, arg, tty.discipline.waiting()),
    TIOCOUTQ: lambda task, tty, arg: answer(task, arg, 0),
}


# --- sessions and process groups ---


def get_foreground(operations, task, filp, tty, arg):
    """TIOCGPGRP, tcgetpgrp(3): of one's own terminal, or of a slave by its master."""
    real = tty.settings_of()
    if real is tty and task.tty is not tty:
        return -ENOTTY
    return answer(task, arg, real.foreground)


def set_foreground(operations, task, filp, tty, arg):
    """TIOCSPGRP, tcsetpgrp(3): the group has to be one of the terminal's session."""
    real = tty.settings_of()
    if task.tty is None or task.tty is not real or real.session != task.session:
        return -ENOTTY
    raw = copy_from_user(task.mm, arg, 4)
    if raw is None:
        return -EFAULT
    group = int.from_bytes(raw, "little", signed=True)
    if group < 0:
        return -EINVAL
    members = [other for other in real.tasks() if other.pgrp == group and not other.is_kthread()]
    if not members:
        return -ESRCH
    if all(other.session != task.session for other in members):
        return -EPERM
    real.foreground = group
    return 0


def get_session(operations, task, filp, tty, arg):
    """TIOCGSID, tcgetsid(3)"""
    real = tty.settings_of()
    if (real is tty and task.tty is not tty) or not real.session:
        return -ENOTTY
    return answer(task, arg, real.session)


def make_controlling(operations, task, filp, tty, arg):
    """TIOCSCTTY"""
    return tty_jobctrl.set_controlling(task, filp, tty.settings_of(), arg)


def give_up(operations, task, filp, tty, arg):
    """TIOCNOTTY: a session leader takes the terminal from its whole session."""
    if task.tty is not tty:
        return -ENOTTY
    tty_jobctrl.disassociate(task, operations.hung_up)
    task.tty = None
    return 0


def hang_up(operations, task, filp, tty, arg):
    """TIOCVHANGUP"""
    if task.uid != 0:
        return -EPERM
    tty.hang_up(operations.hung_up)
    return 0


JOB_REQUESTS = {
    TIOCGPGRP: get_foreground,
    TIOCSPGRP: set_foreground,
    TIOCGSID: get_session,
    TIOCSCTTY: make_controlling,
    TIOCNOTTY: give_up,
    TIOCVHANGUP: hang_up,
}
