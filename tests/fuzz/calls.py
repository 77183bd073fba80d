"""System calls out of choices: numbers, descriptors, pointers and lengths, sane often enough to get somewhere.

A call's pointers go to three places: a page that can be written, one that can only be read, and nowhere.  Before each
call the input may lay a structure into the writable page.
"""

import struct

from kernel.uapi import sockios, termios
from kernel.uapi import syscall as nr
from userland.abi import layout

PAGE = 4096
STRUCT, PATH, VECTOR, TEXT = 0, 1024, 2048, 3072
PLACES = (STRUCT, STRUCT, PATH, VECTOR, TEXT, PAGE - 8, PAGE)
NUMBERS = (0, 1, 2, 3, 4, 6, 7, 8, 16, 17, 28, 40, 64, 110, 128, 1024, 4096, 65536, 0x7FFFFFFF, 0xFFFFFFFF, -1, -2)
EXTREMES = (1 << 31, 1 << 32, (1 << 63) - 1, -(1 << 63), -(1 << 31), 1 << 40, (1 << 40) + PAGE, 63 << 40, 65 << 40)
PATHS = (
    "/tmp/a", "/tmp/b", "/tmp/d", "/tmp/d/c", "a", ".", "..", "/", "", "/tmp/../tmp/a/..", "/proc/net/tcp", "/proc/self/fd/0",
    "/proc/net/dev", "/dev/null", "/dev/zero", "/dev/tty", "/dev/urandom", "/etc/hosts", "/bin/true", "/bin/none", "x" * 300,
    "/" + "y/" * 400, "/dev/ptmx", "/dev/pts/0", "/dev/console", "/dev/pts",
)  # fmt: skip
ADDRESSES = (0x0A000001, 0x0A000002, 0x7F000001, 0, 0xFFFFFFFF, 0xE0000001, 0x08080808)
PORTS = (7, 80, 0, 5353, 65535, 4444)
FAMILIES = (2, 2, 2, 2, 1, 17, 10, 16, 0)
TYPES = (1, 2, 3, 1 | 0x800, 2 | 0x800, 5, 10)
PROTOCOLS = (0, 6, 17, 1, 255, 768, 2)
LEVELS = (0, 1, 6, 17, 255, 263, 41)
REQUESTS = [value for name, value in sorted(vars(sockios).items()) if name.startswith(("SIO", "FIO", "TIOC"))]
REQUESTS += [value for name, value in sorted(vars(termios).items()) if name.startswith(("TC", "TIOC", "FIO")) and value > 0xFFF]
# Requests that change the machine for the next input, too.
MUTATING = [
    value for name, value in sorted(vars(sockios).items())
    if name.startswith("SIOCS") or name in ("SIOCADDRT", "SIOCDELRT", "SIOCDARP", "SIOCADDMULTI", "SIOCDELMULTI", "SIOCDIFADDR",
                                            "SIOCETHTOOL")
]  # fmt: skip
HARMLESS_REQUEST = sockios.SIOCGIFFLAGS
SIGNALLING = (nr.SYS_kill, nr.SYS_tkill, nr.SYS_tgkill, nr.SYS_rt_sigqueueinfo, nr.SYS_rt_tgsigqueueinfo)
# fcntl: who gets which signal, and how large a pipe is.
OWNERS_AND_SIZES = (8, 9, 10, 11, 15, 16, 1030, 1031, 1032)
FORBIDDEN = (nr.SYS_reboot, nr.SYS_exit, nr.SYS_exit_group)
LONGEST_FILE = 1 << 20
KNOWN = sorted({value for name, value in vars(nr).items() if name.startswith("SYS_")} - set(FORBIDDEN))
SOCKETCALLS = 20
OPEN_FLAGS = (0, 1, 2, 0o100, 0o102, 0o1102, 0o2102, 0o200000, 0o4002, 0o300)


class Machine:
    """What a call can refer to: where the pages are mapped and which descriptors are open."""

    def __init__(self, page, readonly, pid):
        self.page = page
        self.readonly = readonly
        self.pid = pid
        self.fds = [0, 1, 2]


def descriptor(choices, machine):
    if choices.flag(8):
        return choices.pick((-1, 1023, 1024, 99, 1 << 31))
    return machine.fds[-1 - choices.below(len(machine.fds))]


def pointer(choices, machine):
    how = choices.below(8)
    if how == 7:
        return choices.pick((0, 1, -1, 1 << 40, 40 << 40, 1 << 62, -(1 << 63)))
    if how == 6:
        return machine.readonly + choices.pick(PLACES)
    if how == 5:
        return machine.page + choices.number(2) % (PAGE + 8)
    return machine.page + choices.pick(PLACES)


def number(choices):
    if choices.flag(8):
        return choices.pick(EXTREMES)
    return choices.signed(8) if choices.flag(16) else choices.pick(NUMBERS)


def argument(choices, machine):
    how = choices.below(3)
    if how == 0:
        return descriptor(choices, machine)
    return pointer(choices, machine) if how == 1 else number(choices)


# --- structures ---


def address_structure(choices, machine):
    if choices.flag(8):
        return struct.pack("<H", 1) + choices.pick((b"\0name", b"/tmp/s\0", b"", choices.piece(20)))
    port = choices.pick(PORTS).to_bytes(2, "big")
    return struct.pack("<H", choices.pick(FAMILIES)) + port + choices.pick(ADDRESSES).to_bytes(4, "big") + bytes(8)


def vector_structure(choices, machine):
    entries = [(pointer(choices, machine), choices.pick(NUMBERS) & 0xFFFFFFFF) for _ in range(choices.below(4) + 1)]
    return b"".join(layout.IOVEC.pack(address & (1 << 64) - 1, length) for address, length in entries)


def message_structure(choices, machine):
    control = choices.pick((0, 0, machine.page + TEXT))
    return layout.MSGHDR.pack(
        choices.pick((0, machine.page + PATH)), choices.pick((0, 16, 128, 0xFFFFFFFF)),
        machine.page + VECTOR, choices.pick((0, 1, 2, 1025)), control, choices.pick((0, 16, 24, 64, 1 << 40)), choices.byte(),
    )  # fmt: skip


def poll_structure(choices, machine):
    return b"".join(
        layout.POLLFD.pack(descriptor(choices, machine) & 0x7FFFFFFF, choices.byte(), 0) for _ in range(choices.below(4) + 1)
    )


def interface_structure(choices, machine):
    name = choices.pick((b"eth0", b"lo", b"eth0:1", b"none", b"x" * 16, b"", b"lo:255"))
    address = b"\2\0\0\0\x0a\0\0\x05"
    value = choices.pick((b"", address, choices.piece(24), struct.pack("<Q", machine.page + PATH)))
    return name.ljust(16, b"\0") + value.ljust(24, b"\0")


def control_structure(choices, machine):
    length = choices.pick((16, 20, 28, 0, 15, 1 << 63, 64))
    return layout.CMSGHDR.pack(length, choices.pick(LEVELS), choices.below(64)) + choices.piece(16)


def plain_structure(choices, machine):
    return struct.pack("<qq", choices.pick(NUMBERS), choices.pick(NUMBERS)) + choices.piece(48)


def path_structure(choices, machine):
    return (choices.pick(PATHS).encode() if not choices.flag(8) else choices.piece(30)) + b"\0"


STRUCTURES = (
    (address_structure, STRUCT), (address_structure, PATH), (vector_structure, VECTOR), (message_structure, STRUCT),
    (poll_structure, STRUCT), (interface_structure, STRUCT), (control_structure, TEXT), (plain_structure, STRUCT),
    (path_structure, PATH), (path_structure, PATH),
)  # fmt: skip


def lay_out(choices, machine, memory):
    """Put up to two structures into the writable page."""
    for _ in range(choices.pick((0, 1, 1, 2))):
        make, place = choices.pick(STRUCTURES)
        data = make(choices, machine)[: PAGE - place]
        memory[place : place + len(data)] = data


# --- calls ---


def socket_arguments(choices, machine):
    """(sub-call, its arguments): those that make sense, one or the other replaced by any."""
    call = choices.below(SOCKETCALLS + 2)
    fd = descriptor(choices, machine)
    page = machine.page
    if call in (1, 8):
        values = [choices.pick(FAMILIES), choices.pick(TYPES), choices.pick(PROTOCOLS), page + STRUCT]
    elif call in (2, 3):
        values = [fd, page + choices.pick((STRUCT, PATH)), choices.pick((16, 16, 16, 8, 20, 110, 128, 129, -1))]
    elif call in (5, 6, 7, 18):
        memory = page + choices.pick((STRUCT, PATH))
        values = [fd, memory, choices.pick((page + TEXT, 0, page + VECTOR)), choices.pick((0, 0x800, -1))]
    elif call in (9, 10, 11, 12):
        flags = choices.pick((0, 0x40, 0x42, 0x2040, 0x4040, 0x8040, choices.number(2)))
        values = [fd, pointer(choices, machine), number(choices), flags]
        values += [choices.pick((0, page + STRUCT, page + PATH)), choices.pick((16, page + TEXT, 0, 128))]
    elif call in (14, 15):
        size = choices.pick((4, 4, 1, 8, 16, page + TEXT, -1))
        values = [fd, choices.pick(LEVELS), choices.below(80), pointer(choices, machine), size]
    else:
        values = [fd, page + STRUCT, choices.pick((0, 1, 2, 5, 0x40)), choices.pick((0x40, 0)), choices.pick((0, page + TEXT))]
    if choices.flag(4):
        values[choices.below(len(values))] = argument(choices, machine)
    return call, values


def file_arguments(choices, machine):
    """(number, arguments) of a call on files that makes sense."""
    page, fd = machine.page, descriptor(choices, machine)
    path = page + PATH
    options = (
        (nr.SYS_open, path, choices.pick(OPEN_FLAGS), 0o644),
        (nr.SYS_read, fd, pointer(choices, machine), number(choices)),
        (nr.SYS_write, fd, pointer(choices, machine), choices.pick(NUMBERS)),
        (nr.SYS_close, fd),
        (nr.SYS_dup2, fd, choices.pick((3, 10, 1023, -1))),
        (nr.SYS_fcntl64, fd, choices.below(16), number(choices)),
        (nr.SYS_ioctl, fd, choices.pick(REQUESTS), page + STRUCT),
        (nr.SYS_poll, page + STRUCT, choices.pick((0, 1, 2, 4, 1025)), choices.pick((0, 1, 10, -1))),
        (nr.SYS_epoll_create1, choices.pick((0, 0o2000000, 5))),
        (nr.SYS_epoll_ctl, fd, choices.below(5), descriptor(choices, machine), page + STRUCT),
        (nr.SYS_epoll_wait, fd, page + STRUCT, choices.pick((1, 4, 0, -1, 1 << 30)), choices.pick((0, 1, -1))),
        (nr.SYS_pipe2, page + STRUCT, choices.pick((0, 0x800, -1))),
        (nr.SYS_readv, fd, page + VECTOR, choices.below(5)),
        (nr.SYS_writev, fd, page + VECTOR, choices.below(5)),
        (nr.SYS_sendfile64, fd, descriptor(choices, machine), choices.pick((0, page + STRUCT)), choices.pick(NUMBERS)),
        (nr.SYS_mkdir, path, 0o755),
        (nr.SYS_unlink, path),
        (nr.SYS_rename, path, page + TEXT),
        (nr.SYS_getdents64, fd, page + STRUCT, choices.pick((16, 24, 100, 4096))),
        (nr.SYS_chdir, path),
        (nr.SYS_select, choices.pick((0, 4, 64, 1024, -1)), page, page + 128, page + 256, page + TEXT),
        (nr.SYS_stat64, path, page + VECTOR),
        (nr.SYS_lseek, fd, number(choices), choices.below(5)),
        (nr.SYS_ftruncate, fd, number(choices)),
        (nr.SYS_spawn, path, page + VECTOR, 0, choices.pick((0, page + STRUCT)), choices.below(3), -1),
        (nr.SYS_rt_sigaction, choices.below(70), page + STRUCT, choices.pick((0, page + VECTOR)), 8),
        (nr.SYS_rt_sigprocmask, choices.below(4), page + STRUCT, 0, 8),
        (nr.SYS_nanosleep, page + STRUCT, 0),
        (nr.SYS_wait4, choices.pick((-1, 0, machine.pid, 99)), page + STRUCT, choices.below(8), 0),
    )
    return choices.pick(options)


def event_arguments(choices, machine):
    """(number, arguments) of a call that makes, fills or waits for files that are events, or moves bytes between files."""
    page, fd, other = machine.page, descriptor(choices, machine), descriptor(choices, machine)
    offset = choices.pick((0, 0, page + STRUCT, page + PAGE))
    limit = choices.pick((0, page + PATH))
    options = (
        (nr.SYS_eventfd2, choices.pick(NUMBERS), choices.pick((0, 0x800, 0x801, 0x80000, -1))),
        (nr.SYS_timerfd_create, choices.below(9), choices.pick((0, 0x800, 0x80000, 1))),
        (nr.SYS_timerfd_settime, fd, choices.below(5), page + STRUCT, choices.pick((0, page + PATH))),
        (nr.SYS_timerfd_gettime, fd, pointer(choices, machine)),
        (nr.SYS_ppoll, page + STRUCT, choices.pick((0, 1, 2, 4)), limit, choices.pick((0, page + TEXT)), 8),
        (nr.SYS_pselect6, choices.pick((0, 4, 64, -1)), page, page + 128, page + 256, page + TEXT, limit),
        (nr.SYS_epoll_pwait, fd, page + STRUCT, choices.pick((1, 4, 0, -1)), choices.pick((0, 1, -1)), limit, 8),
        (nr.SYS_epoll_pwait2, fd, page + STRUCT, choices.pick((1, 4)), choices.pick((0, page + PATH)), 0, 8),
        (nr.SYS_dup3, fd, choices.pick((3, 10, -1)), choices.pick((0, 0x80000, 1))),
        (nr.SYS_splice, fd, offset, other, offset, choices.pick(NUMBERS), choices.below(32)),
        (nr.SYS_tee, fd, other, choices.pick(NUMBERS), choices.below(32)),
        (nr.SYS_vmsplice, fd, page + VECTOR, choices.below(5), choices.below(32)),
        (nr.SYS_pread64, fd, pointer(choices, machine), number(choices), number(choices)),
        (nr.SYS_pwrite64, fd, pointer(choices, machine), choices.pick(NUMBERS), choices.pick((0, 1, 100, -1))),
        (nr.SYS_preadv, fd, page + VECTOR, choices.below(5), choices.pick((0, 1, -1))),
        (nr.SYS_pwritev, fd, page + VECTOR, choices.below(5), choices.pick((0, 1, -1))),
        (nr.SYS_fcntl64, fd, choices.pick(OWNERS_AND_SIZES), choices.pick((machine.pid, page + STRUCT, 4096, 0))),
        (nr.SYS_futex, page + STRUCT, choices.below(16), choices.pick((0, 1)), choices.pick((0, page + PATH)), page + TEXT, 0),
        (nr.SYS_sigaltstack, page + STRUCT, choices.pick((0, page + PATH))),
        (nr.SYS_rt_sigtimedwait, page + STRUCT, choices.pick((0, page + PATH)), page + TEXT, choices.pick((8, 4))),
        (nr.SYS_setitimer, choices.below(4), page + STRUCT, choices.pick((0, page + PATH))),
        (nr.SYS_waitid, choices.below(4), choices.pick((0, machine.pid)), page + STRUCT, choices.below(16), 0),
        (nr.SYS_inotify_init1, choices.pick((0, 0x800, 0x80000, 1))),
        (nr.SYS_inotify_add_watch, fd, page + PATH, choices.pick((0xFFF, 0x100, 0x80000FFF, 0x20000002, 0, number(choices)))),
        (nr.SYS_inotify_rm_watch, fd, choices.pick((1, 2, 0, -1))),
        (nr.SYS_ioctl, fd, choices.pick(REQUESTS), choices.pick((0, 1, 2, 3, page + STRUCT, page + PAGE, page + PAGE - 2))),
    )
    return choices.pick(options)


def call_of(choices, machine, memory):
    """(number, arguments) of the next call; socketcall's own arguments are laid into the page."""
    lay_out(choices, machine, memory)
    how = choices.below(4)
    if how < 2:
        call, values = socket_arguments(choices, machine)
        place = VECTOR + 512
        for index, value in enumerate(values):
            memory[place + 8 * index : place + 8 * index + 8] = (value & (1 << 64) - 1).to_bytes(8, "little")
        return nr.SYS_socketcall, [call, machine.page + place]
    if how == 2:
        found, *values = (event_arguments if choices.flag(3) else file_arguments)(choices, machine)
    else:
        found = choices.pick(KNOWN) if not choices.flag(8) else choices.signed(2)
        values = [argument(choices, machine) for _ in range(choices.below(7))]
    return restrained(choices, machine, found, values)


def restrained(choices, machine, found, values):
    """Without what ends the machine in good order, or takes all the memory of ours."""
    values = list(values) + [0] * (3 - len(values))
    if found in FORBIDDEN:
        found = nr.SYS_getpid
    if found in SIGNALLING:
        # Itself, or nobody; an argument that is a thread's number is one of these as well.
        values[0] = choices.pick((machine.pid, 0x7FFFFFF, -0x7FFFFFF))
        if found in (nr.SYS_tgkill, nr.SYS_rt_tgsigqueueinfo):
            values[1] = choices.pick((machine.pid, 0x7FFFFFF))
    if found == nr.SYS_ftruncate:
        values[1] = values[1] if values[1] < 0 or values[1] >= 1 << 31 else values[1] % LONGEST_FILE
    if found == nr.SYS_ioctl and values[1] & 0xFFFFFFFF in MUTATING and not choices.flag(16):
        values[1] = HARMLESS_REQUEST
    return found, values


def mutates(found, values):
    """True for a call after which the machine is not what it was."""
    return found == nr.SYS_ioctl and values[1] & 0xFFFFFFFF in MUTATING
