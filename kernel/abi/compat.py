"""i386 structures: calls whose arguments lie differently in a 32-bit program's memory.

Each converter gets the memory and the call's arguments, puts the structures as the kernel wants them into a scratch
mapping of the program's address space, and returns (number, arguments, after): `after(result)` carries the answer back,
and gives another result where that failed.  A scratch mapping lies at addresses that a 32-bit program can not name.
"""

from struct import Struct

from kernel.abi.machine import REFUSED
from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.uapi.errno import EFAULT, EINVAL
from kernel.uapi.sched import CLONE_VFORK, CLONE_VM
from kernel.uapi.signal import SIGCHLD
from kernel.uapi.syscall import (
    SYS_clock_getres,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_clone,
    SYS_fstat64,
    SYS_fstatat64,
    SYS_ftruncate64,
    SYS_futex,
    SYS_getitimer,
    SYS_getrusage,
    SYS_gettimeofday,
    SYS_ioctl,
    SYS_lstat64,
    SYS_mmap2,
    SYS_nanosleep,
    SYS_ppoll,
    SYS_pread64,
    SYS_pselect6,
    SYS_pwrite64,
    SYS_readv,
    SYS_rt_sigaction,
    SYS_select,
    SYS_setitimer,
    SYS_sigaltstack,
    SYS_socketcall,
    SYS_stat64,
    SYS_time,
    SYS_truncate64,
    SYS_wait4,
    SYS_writev,
)

WORDS = Struct("<6I")
TIME32 = Struct("<ii")
TIME64 = Struct("<qq")
IOVEC32 = Struct("<II")
IOVEC64 = Struct("<QQ")
STACK32 = Struct("<IiI")
STACK64 = Struct("<Qi4xQ")
SIGACTION32 = Struct("<IIIQ")
SIGACTION64 = Struct("<QQQQ")
# msghdr: name, namelen, iov, iovlen, control, controllen, flags.
MSGHDR32 = Struct("<7I")
MSGHDR64 = Struct("<QI4xQQQQI4x")
# struct stat of LP64, and struct stat64 of i386: dev, (short) ino, mode, nlink, uid, gid, rdev, size, blksize, blocks,
# atime, mtime, ctime with nanoseconds, ino.
STAT_LP64 = Struct("<QQQIII4xQqqq6q24x")
STAT64_I386 = Struct("<Q4xIIIIIQ4xqIQ6IQ")
IFREQ_SIZE, IFREQ_SIZE_LP64 = 32, 40
IFREQ_FIRST, IFREQ_LAST = 0x8913, 0x8970
MAX_IOV = 1024
FUTEX_TIMED = (0, 9)
SOCKETCALL_ARGUMENTS = (0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4)
SENDMSG, RECVMSG, SETSOCKOPT, RECVMMSG, SENDMMSG = 16, 17, 14, 19, 20
SOL_SOCKET = 1
TIMEOUT_OPTIONS = (20, 21)
# The direct calls of sockets: number of i386 to sub-call.
DIRECT_SOCKET_CALLS = {
    359: 1, 360: 8, 361: 2, 362: 3, 363: 4, 364: 18, 365: 15, 366: 14, 367: 6, 368: 7, 369: 11, 370: 16, 371: 12, 372: 17,
    373: 13,
}  # fmt: skip


class scratch:
    """Mappings that last for one call."""

    def __init__(self, mm):
        self.mm = mm
        self.addresses = []

    def put(self, raw, writable=False):
        """The address at which the bytes are now; 0 for none."""
        if not raw:
            return 0
        address = self.mm.map(raw, writable)
        self.addresses.append(address)
        return address

    def release(self):
        for address in self.addresses:
            self.mm.unmap(address)
        self.addresses.clear()

    def read(self, address, structure):
        """A structure of the program, unpacked; None for a fault."""
        raw = copy_from_user(self.mm, address, structure.size)
        return None if raw is None else structure.unpack(raw)

    def done(self, store=None):
        """What `after` is where only the mappings have to go, or `store(result)` has to be called before."""

        def after(result):
            try:
                return store(result) if store is not None and result is not None and result >= 0 else None
            finally:
                self.release()

        return after


def refused(number):
    """A call that is not made: it answers -`number`."""
    return REFUSED, [0, 0, 0, 0, 0, 0], lambda result: -number


def put_back(mm, address, raw):
    """Store an answer: None, or -EFAULT."""
    return None if not address or copy_to_user(mm, address, raw) else -EFAULT


def time_in(native):
    """A call whose argument `position` points to a timespec, and that may store one at `back`."""

    def convert(mm, arguments, position, back=None):
        space = scratch(mm)
        changed = list(arguments)
        if arguments[position]:
            fields = space.read(arguments[position], TIME32)
            if fields is None:
                return refused(EFAULT)
            changed[position] = space.put(TIME64.pack(*fields))
        answer = bytearray(TIME64.size)
        if back is not None and arguments[back]:
            changed[back] = space.put(answer, True)

        def after(result):
            left = TIME64.unpack(answer)
            space.release()
            if result is not None and result < 0 and back is not None and arguments[back] and left != (0, 0):
                put_back(mm, arguments[back], TIME32.pack(*left))

        return native, changed, after

    return convert


def time_out(native, position):
    """A call that stores a timespec or a timeval at argument `position`."""

    def convert(mm, arguments):
        space = scratch(mm)
        answer = bytearray(TIME64.size)
        changed = list(arguments)
        changed[position] = space.put(answer, True) if arguments[position] else 0

        def store(result):
            seconds, rest = TIME64.unpack(answer)
            return put_back(mm, arguments[position], TIME32.pack(cut(seconds), rest))

        return native, changed, space.done(store)

    return convert


def cut(seconds):
    """Seconds in a signed 32-bit word: the year 2038 is this program's own affair."""
    return ((seconds & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def clock_nanosleep(mm, arguments):
    return time_in(SYS_clock_nanosleep)(mm, arguments, 2, 3)


def nanosleep(mm, arguments):
    return time_in(SYS_nanosleep)(mm, arguments, 0, 1)


def ppoll(mm, arguments):
    return time_in(SYS_ppoll)(mm, arguments, 2)


def futex(mm, arguments):
    if arguments[1] & 0x7F not in FUTEX_TIMED or not arguments[3]:
        return SYS_futex, arguments, None
    return time_in(SYS_futex)(mm, arguments, 3)


def time(mm, arguments):
    def store(result):
        return put_back(mm, arguments[0], (result & 0xFFFFFFFF).to_bytes(4, "little"))

    return SYS_time, [0, 0, 0, 0, 0, 0], scratch(mm).done(store)


def select_like(native, narrow, wide):
    """select, with a timeval, and pselect6, with a timespec, as `narrow` in the program's memory.

    On a little-endian machine a set of 32-bit words is one of 64-bit words, but for its size.
    """

    def convert(mm, arguments):
        count = max(0, min(arguments[0], 1 << 16))
        size, padded = (count + 31) // 32 * 4, (count + 63) // 64 * 8
        space = scratch(mm)
        changed = list(arguments)
        sets = {}
        for position in (1, 2, 3):
            if arguments[position] and size:
                raw = copy_from_user(mm, arguments[position], size)
                if raw is None:
                    space.release()
                    return refused(EFAULT)
                sets[position] = bytearray(raw.ljust(padded, b"\0"))
                changed[position] = space.put(sets[position], True)
        limit = None
        if arguments[4]:
            fields = space.read(arguments[4], narrow)
            if fields is None:
                space.release()
                return refused(EFAULT)
            limit = bytearray(wide.pack(*fields))
            changed[4] = space.put(limit, True)
        if native == SYS_pselect6 and arguments[5]:
            # The mask's address and size.
            fields = space.read(arguments[5], IOVEC32)
            if fields is None:
                space.release()
                return refused(EFAULT)
            changed[5] = space.put(IOVEC64.pack(*fields))

        def store(result):
            for position, bits in sets.items():
                if put_back(mm, arguments[position], bytes(bits[:size])) is not None:
                    return -EFAULT
            if limit is not None:
                put_back(mm, arguments[4], narrow.pack(*wide.unpack(limit)))
            return None

        return native, changed, space.done(store)

    return convert


def vector(space, address, count):
    """The address of a program's iovec array as the kernel wants it, or None for a fault."""
    if not 0 < count <= MAX_IOV:
        return space.put(bytes(IOVEC64.size))
    raw = copy_from_user(space.mm, address, count * IOVEC32.size)
    return None if raw is None else space.put(b"".join(IOVEC64.pack(*pair) for pair in IOVEC32.iter_unpack(raw)))


def with_vector(native):
    def convert(mm, arguments):
        space = scratch(mm)
        address = vector(space, arguments[1], arguments[2])
        if address is None:
            return refused(EFAULT)
        return native, [arguments[0], address, *arguments[2:]], space.done()

    return convert


def sigaction(mm, arguments):
    space = scratch(mm)
    changed = list(arguments)
    before = bytearray(SIGACTION64.size)
    if arguments[1]:
        fields = space.read(arguments[1], SIGACTION32)
        if fields is None:
            return refused(EFAULT)
        changed[1] = space.put(SIGACTION64.pack(*fields))
    if arguments[2]:
        changed[2] = space.put(before, True)

    def store(result):
        handler, flags, restorer, mask = SIGACTION64.unpack(before)
        return put_back(mm, arguments[2], SIGACTION32.pack(handler, flags & 0xFFFFFFFF, restorer, mask))

    return SYS_rt_sigaction, changed, space.done(store)


def fstatat(mm, arguments):
    return with_stat(SYS_fstatat64, 2)(mm, arguments)


def with_stat(native, position=1):
    """A call that stores a struct stat64 at argument `position`."""

    def convert(mm, arguments):
        space = scratch(mm)
        raw = bytearray(STAT_LP64.size)

        def store(result):
            dev, ino, links, mode, uid, gid, rdev, size, block, blocks, *times = STAT_LP64.unpack(raw)
            answer = STAT64_I386.pack(
                dev, ino & 0xFFFFFFFF, mode, links, uid, gid, rdev, size, block, blocks, *(part & 0xFFFFFFFF for part in times),
                ino,
            )  # fmt: skip
            return put_back(mm, arguments[position], answer)

        changed = list(arguments)
        changed[position] = space.put(raw, True)
        return native, changed, space.done(store)

    return convert


def ioctl(mm, arguments):
    """Interface requests: struct ifreq is eight bytes shorter."""
    if not IFREQ_FIRST <= arguments[1] <= IFREQ_LAST:
        return SYS_ioctl, arguments, None
    space = scratch(mm)
    raw = copy_from_user(mm, arguments[2], IFREQ_SIZE)
    if raw is None:
        return refused(EFAULT)
    request = bytearray(raw.ljust(IFREQ_SIZE_LP64, b"\0"))

    def store(result):
        return put_back(mm, arguments[2], bytes(request[:IFREQ_SIZE]))

    return SYS_ioctl, [*arguments[:2], space.put(request, True), 0, 0, 0], space.done(store)


def message(space, words):
    """sendmsg's and recvmsg's header as the kernel wants it: (its address, the buffer, the program's fields)."""
    fields = space.read(words[1], MSGHDR32)
    if fields is None:
        return None
    name, name_length, iov, count, control, control_length, flags = fields
    address = vector(space, iov, count)
    if address is None:
        return None
    # Ancillary data stays as it is: the kernel builds its headers with the program's words.
    header = bytearray(MSGHDR64.pack(name, name_length, address if count else 0, count, control, control_length, flags))
    return space.put(header, True), header, fields


def socket_call(mm, call, words):
    """A sub-call of socketcall with its arguments as 32-bit words."""
    space = scratch(mm)
    words = list(words)
    store = None
    if call in (SENDMSG, RECVMSG):
        place = words[1]
        found = message(space, words)
        if found is None:
            space.release()
            return refused(EFAULT)
        words[1], header, fields = found

        def store(result):
            if call != RECVMSG:
                return None
            _, length, _, _, _, control_length, flags = MSGHDR64.unpack(header)
            return put_back(mm, place, MSGHDR32.pack(fields[0], length, *fields[2:5], control_length, flags))

    elif call == SETSOCKOPT and words[1] == SOL_SOCKET and words[2] in TIMEOUT_OPTIONS:
        fields = space.read(words[3], TIME32)
        if fields is None:
            return refused(EFAULT)
        words[3:] = [space.put(TIME64.pack(*fields)), TIME64.size]
    elif call in (RECVMMSG, SENDMMSG):
        return refused(EINVAL)
    address = space.put(b"".join(word.to_bytes(8, "little") for word in words))
    return SYS_socketcall, [call, address, 0, 0, 0, 0], space.done(store)


def socketcall(mm, arguments):
    call = arguments[0]
    count = SOCKETCALL_ARGUMENTS[call] if 0 < call < len(SOCKETCALL_ARGUMENTS) else 0
    if count == 0:
        return SYS_socketcall, [call, 0, 0, 0, 0, 0], None
    raw = copy_from_user(mm, arguments[1], 4 * count)
    if raw is None:
        return SYS_socketcall, [call, 0, 0, 0, 0, 0], None
    return socket_call(mm, call, [int.from_bytes(raw[start : start + 4], "little") for start in range(0, 4 * count, 4)])


def direct_socket_call(number):
    call = DIRECT_SOCKET_CALLS[number]
    count = SOCKETCALL_ARGUMENTS[call]

    def convert(mm, arguments):
        return socket_call(mm, call, arguments[:count])

    return convert


def old_mmap(mm, arguments):
    """mmap of old: all six arguments lie in memory, and the offset is in bytes."""
    raw = copy_from_user(mm, arguments[0], WORDS.size)
    if raw is None:
        return refused(EFAULT)
    address, length, prot, flags, fd, offset = WORDS.unpack(raw)
    return SYS_mmap2, [address, length, prot, 0 if offset & 4095 else flags, fd, offset >> 12], None


def fork(mm, arguments):
    return SYS_clone, [SIGCHLD, 0, 0, 0, 0, 0], None


def vfork(mm, arguments):
    return SYS_clone, [CLONE_VFORK | CLONE_VM | SIGCHLD, 0, 0, 0, 0, 0], None


def sigaltstack(mm, arguments):
    space = scratch(mm)
    changed = list(arguments)
    before = bytearray(STACK64.size)
    if arguments[0]:
        fields = space.read(arguments[0], STACK32)
        if fields is None:
            return refused(EFAULT)
        changed[0] = space.put(STACK64.pack(*fields))
    if arguments[1]:
        changed[1] = space.put(before, True)

    def store(result):
        return put_back(mm, arguments[1], STACK32.pack(*STACK64.unpack(before)))

    return SYS_sigaltstack, changed, space.done(store)


def with_longs(native, source, answer, count):
    """A call that takes `count` longs at argument `source` (None: none) and stores as many at `answer`."""
    narrow, wide = Struct(f"<{count}i"), Struct(f"<{count}q")

    def convert(mm, arguments):
        space = scratch(mm)
        changed = list(arguments)
        if source is not None and arguments[source]:
            fields = space.read(arguments[source], narrow)
            if fields is None:
                return refused(EFAULT)
            changed[source] = space.put(wide.pack(*fields))
        raw = bytearray(wide.size)
        changed[answer] = space.put(raw, True) if arguments[answer] else 0

        def store(result):
            return put_back(mm, arguments[answer], narrow.pack(*(cut(value) for value in wide.unpack(raw))))

        return native, changed, space.done(store)

    return convert


def with_offset(native, position):
    """A call with a 64-bit offset, which takes two registers: the low half first."""

    def convert(mm, arguments):
        offset = arguments[position] | arguments[position + 1] << 32
        offset -= offset >> 63 << 64
        rest = arguments[position + 2 :]
        return native, [*arguments[:position], offset, *rest, 0], None

    return convert


CONVERTERS = {
    2: fork, 13: time, 54: ioctl, 78: time_out(SYS_gettimeofday, 0), 90: old_mmap, 102: socketcall,
    142: select_like(SYS_select, TIME32, TIME64),
    145: with_vector(SYS_readv), 146: with_vector(SYS_writev), 162: nanosleep, 174: sigaction, 190: vfork,
    195: with_stat(SYS_stat64), 196: with_stat(SYS_lstat64), 197: with_stat(SYS_fstat64), 240: futex,
    265: time_out(SYS_clock_gettime, 1), 266: time_out(SYS_clock_getres, 1), 267: clock_nanosleep,
    77: with_longs(SYS_getrusage, None, 1, 18), 104: with_longs(SYS_setitimer, 1, 2, 4),
    105: with_longs(SYS_getitimer, None, 1, 4), 114: with_longs(SYS_wait4, None, 3, 18), 186: sigaltstack,
    180: with_offset(SYS_pread64, 3), 181: with_offset(SYS_pwrite64, 3), 193: with_offset(SYS_truncate64, 1),
    194: with_offset(SYS_ftruncate64, 1), 300: fstatat,
    308: select_like(SYS_pselect6, TIME32, TIME64), 309: ppoll, 413: select_like(SYS_pselect6, TIME64, TIME64),
    **{number: direct_socket_call(number) for number in DIRECT_SOCKET_CALLS},
}  # fmt: skip

# Calls of 2038: their times have 64 bits, as the kernel's own.
SAME_LAYOUT = {403: SYS_clock_gettime, 406: SYS_clock_getres, 407: SYS_clock_nanosleep, 414: SYS_ppoll, 422: SYS_futex}

# Numbers that mean a call here, with structures or arguments that nothing above converts: a program is told ENOSYS.
NOT_CONVERTED = frozenset((
    30, 43, 75, 76, 99, 100, 116, 177, 178, 191, 259, 260, 261, 262, 263, 268, 269, 271, 284, 299, 316, 320, 324, 325, 326,
    333, 334, 335, 378, 379, 500,
))  # fmt: skip
