"""i386: which calls have structures that lie differently in a 32-bit program's memory, and what converts them.

Those about files and sockets have rooms of their own; here are those about times, signals and processes.
"""

from struct import Struct

from kernel.abi.compat_files import (
    STATFS_CONVERTERS,
    fadvise64,
    fadvise64_64,
    fallocate,
    fcntl,
    old_mmap,
    sendfile,
    utimensat,
    with_offset,
    with_seconds,
    with_stat,
    with_times,
    with_vector,
    with_vector_at,
)
from kernel.abi.compat_memory import (
    IOVEC32,
    IOVEC64,
    TIME32,
    TIME64,
    cut,
    put_back,
    refused,
    scratch,
    with_structures,
)
from kernel.abi.compat_net import (
    DIRECT_SOCKET_CALLS,
    direct_socket_call,
    ioctl,
    many_messages,
    socketcall,
)
from kernel.arch.uaccess import copy_from_user
from kernel.uapi.errno import EFAULT
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
    SYS_futimesat,
    SYS_getegid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getgroups,
    SYS_getitimer,
    SYS_getrusage,
    SYS_gettimeofday,
    SYS_getuid,
    SYS_lstat64,
    SYS_nanosleep,
    SYS_ppoll,
    SYS_pread64,
    SYS_preadv,
    SYS_preadv2,
    SYS_pselect6,
    SYS_pwrite64,
    SYS_pwritev,
    SYS_pwritev2,
    SYS_readv,
    SYS_recvmmsg,
    SYS_rt_sigaction,
    SYS_rt_sigtimedwait,
    SYS_select,
    SYS_sendmmsg,
    SYS_setgid,
    SYS_setitimer,
    SYS_setrlimit,
    SYS_setuid,
    SYS_sigaltstack,
    SYS_stat64,
    SYS_sysinfo,
    SYS_time,
    SYS_timer_create,
    SYS_timer_gettime,
    SYS_timer_settime,
    SYS_timerfd_gettime,
    SYS_timerfd_settime,
    SYS_times,
    SYS_truncate64,
    SYS_ugetrlimit,
    SYS_utime,
    SYS_utimensat,
    SYS_utimes,
    SYS_vmsplice,
    SYS_wait4,
    SYS_waitid,
    SYS_writev,
)

STACK32 = Struct("<IiI")
STACK64 = Struct("<Qi4xQ")
SIGACTION32 = Struct("<IIIQ")
SIGACTION64 = Struct("<QQQQ")
RLIMIT32, RLIMIT64 = Struct("<II"), Struct("<QQ")
INFINITY32, INFINITY64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
OLD_LIMIT = 0x7FFFFFFF
# struct sysinfo: uptime, loads, six sizes, processes, high memory, the sizes' unit.
SYSINFO32, SYSINFO64 = Struct("<i3I6IH2xIII8x"), Struct("<q3Q6QH6xQQI4x")
SYSINFO_SIZES = (*range(4, 10), 11, 12)
PAGE_SHIFT = 12
FUTEX_TIMED = (0, 9)
# struct sigevent: value, signal, how to notify, thread.
SIGEVENT32, SIGEVENT64 = Struct("<Iiii48x"), Struct("<Qiii44x")
OLD_SELECT = Struct("<5I")


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


def old_select(mm, arguments):
    """select of old: all five arguments lie in memory."""
    raw = copy_from_user(mm, arguments[0], OLD_SELECT.size)
    if raw is None:
        return refused(EFAULT)
    return select_like(SYS_select, TIME32, TIME64)(mm, [*OLD_SELECT.unpack(raw), 0])


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
    return with_structures(native, Struct(f"<{count}i"), Struct(f"<{count}q"), source, answer)


def setrlimit(mm, arguments):
    """int setrlimit(int resource, const struct rlimit *rlim)"""
    space = scratch(mm)
    fields = space.read(arguments[1], RLIMIT32)
    if fields is None:
        return refused(EFAULT)
    wide = RLIMIT64.pack(*(INFINITY64 if value == INFINITY32 else value for value in fields))
    return SYS_setrlimit, [arguments[0], space.put(wide), 0, 0, 0, 0], space.done()


def getrlimit(most, infinity):
    """A call that tells a limit, of which 32 bits, or in the older one 31, can be said."""

    def narrow(fields):
        return [infinity if value > most else value for value in fields]

    return with_structures(SYS_ugetrlimit, RLIMIT32, RLIMIT64, answer=1, change=narrow)


def narrow_sysinfo(fields):
    """Sizes that do not fit are counted in pages."""
    fields = list(fields)
    fields[1:4] = (value & INFINITY32 for value in fields[1:4])
    if any(fields[place] * fields[13] > INFINITY32 for place in SYSINFO_SIZES):
        for place in SYSINFO_SIZES:
            fields[place] = fields[place] * fields[13] >> PAGE_SHIFT
        fields[13] = 1 << PAGE_SHIFT
    return fields


def waitid(mm, arguments):
    """int waitid(...): the siginfo is the program's own, the usage has 18 longs"""
    return with_longs(SYS_waitid, None, 4, 18)(mm, arguments)


def timer_create(mm, arguments):
    """int timer_create(clockid_t clockid, struct sigevent *sevp, timer_t *timerid)"""
    return with_structures(SYS_timer_create, SIGEVENT32, SIGEVENT64, source=1)(mm, arguments)


def rt_sigtimedwait(mm, arguments):
    return time_in(SYS_rt_sigtimedwait)(mm, arguments, 2)


CONVERTERS = {
    2: fork, 13: time, 30: with_seconds(SYS_utime, 1), 43: with_structures(SYS_times, Struct("<4i"), Struct("<4q"), answer=0),
    54: ioctl, 55: fcntl, 75: setrlimit, 76: getrlimit(OLD_LIMIT, OLD_LIMIT), 77: with_longs(SYS_getrusage, None, 1, 18),
    78: time_out(SYS_gettimeofday, 0), 82: old_select, 90: old_mmap, 102: socketcall,
    104: with_longs(SYS_setitimer, 1, 2, 4), 105: with_longs(SYS_getitimer, None, 1, 4), 114: with_longs(SYS_wait4, None, 3, 18),
    116: with_structures(SYS_sysinfo, SYSINFO32, SYSINFO64, answer=0, change=narrow_sysinfo),
    142: select_like(SYS_select, TIME32, TIME64), 145: with_vector(SYS_readv), 146: with_vector(SYS_writev), 162: nanosleep,
    174: sigaction, 177: rt_sigtimedwait, 180: with_offset(SYS_pread64, 3), 181: with_offset(SYS_pwrite64, 3), 186: sigaltstack,
    187: sendfile, 190: vfork, 191: getrlimit(INFINITY32, INFINITY32), 193: with_offset(SYS_truncate64, 1),
    194: with_offset(SYS_ftruncate64, 1), 195: with_stat(SYS_stat64), 196: with_stat(SYS_lstat64), 197: with_stat(SYS_fstat64),
    221: fcntl, 250: fadvise64, 259: timer_create, 260: with_longs(SYS_timer_settime, 2, 3, 4),
    261: with_longs(SYS_timer_gettime, None, 1, 4), 272: fadvise64_64, 240: futex, 265: time_out(SYS_clock_gettime, 1),
    266: time_out(SYS_clock_getres, 1), 267: clock_nanosleep,
    271: with_times(SYS_utimes, 1), 284: waitid, 299: with_times(SYS_futimesat, 2), 300: with_stat(SYS_fstatat64, 2),
    308: select_like(SYS_pselect6, TIME32, TIME64), 309: ppoll, 316: with_vector(SYS_vmsplice), 320: utimensat, 324: fallocate,
    325: with_longs(SYS_timerfd_settime, 2, 3, 4), 326: with_longs(SYS_timerfd_gettime, None, 1, 4),
    333: with_vector_at(SYS_preadv), 334: with_vector_at(SYS_pwritev), 337: many_messages(SYS_recvmmsg, True),
    345: many_messages(SYS_sendmmsg, True), 378: with_vector_at(SYS_preadv2), 379: with_vector_at(SYS_pwritev2),
    413: select_like(SYS_pselect6, TIME64, TIME64), 417: many_messages(SYS_recvmmsg, False),
    **STATFS_CONVERTERS, **{number: direct_socket_call(number) for number in DIRECT_SOCKET_CALLS},
}  # fmt: skip

# Calls of 2038, whose times have 64 bits as the kernel's own, and calls of 32-bit user ids.
SAME_LAYOUT = {
    403: SYS_clock_gettime, 406: SYS_clock_getres, 407: SYS_clock_nanosleep, 408: SYS_timer_gettime,
    409: SYS_timer_settime, 410: SYS_timerfd_gettime, 411: SYS_timerfd_settime, 412: SYS_utimensat, 414: SYS_ppoll,
    421: SYS_rt_sigtimedwait, 422: SYS_futex,
    199: SYS_getuid, 200: SYS_getgid, 201: SYS_geteuid, 202: SYS_getegid, 205: SYS_getgroups, 213: SYS_setuid, 214: SYS_setgid,
}  # fmt: skip

# Numbers that mean another call here than in the kernel's own table: a program is told ENOSYS.
NOT_CONVERTED = frozenset((500,))
