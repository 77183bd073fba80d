"""i386 structures of sockets: socketcall's words, message headers, options with pointers, interface requests."""

from struct import Struct

from kernel.abi.compat_memory import TIME32, TIME64, cut, put_back, refused, scratch, vector
from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.uapi.errno import EFAULT
from kernel.uapi.sockios import SIOCADDRT, SIOCDELRT, SIOCGIFCONF, SIOCGSTAMP, SIOCGSTAMPNS
from kernel.uapi.syscall import SYS_ioctl, SYS_recvmmsg, SYS_sendmmsg, SYS_socketcall

# msghdr: name, namelen, iov, iovlen, control, controllen, flags; behind it mmsghdr has the length of what went.
MSGHDR32 = Struct("<7I")
MSGHDR64 = Struct("<QI4xQQQQI4x")
MMSGHDR32_SIZE, MMSGHDR64_SIZE = 32, 64
MAX_MESSAGES = 1024
IFREQ_SIZE, IFREQ_SIZE_LP64 = 32, 40
IFREQ_FIRST, IFREQ_LAST = 0x8913, 0x8970
# struct arpreq lies there as it does everywhere.
ARPREQ_FIRST, ARPREQ_LAST = 0x8953, 0x8962
IFCONF32, IFCONF64 = Struct("<iI"), Struct("<i4xQ")
MAX_IFCONF = 1 << 16
# struct rtentry: destination, gateway, mask, flags, metric, device, MTU, window, initial round trip.
RTENTRY32 = Struct("<4x16s16s16sH2x8xh2xIIIH2x")
RTENTRY64 = Struct("<8x16s16s16sH6x16xh6xQQQH6x")
# struct sock_fprog: length, instructions.
FPROG32, FPROG64 = Struct("<H2xI"), Struct("<H6xQ")
SOCKETCALL_ARGUMENTS = (0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4)
SENDMSG, RECVMSG, SETSOCKOPT, GETSOCKOPT, RECVMMSG, SENDMMSG = 16, 17, 14, 15, 19, 20
SOL_SOCKET = 1
TIMEOUT_OPTIONS = (20, 21)
FILTER_OPTIONS = (26, 51)
# The direct calls of sockets: number of i386 to sub-call.
DIRECT_SOCKET_CALLS = {
    359: 1, 360: 8, 361: 2, 362: 3, 363: 4, 364: 18, 365: 15, 366: 14, 367: 6, 368: 7, 369: 11, 370: 16, 371: 12, 372: 17,
    373: 13,
}  # fmt: skip


def ioctl(mm, arguments):
    """Interface requests: struct ifreq is eight bytes shorter."""
    request, address = arguments[1:3]
    if request == SIOCGIFCONF:
        return ifconf(mm, arguments)
    if request in (SIOCADDRT, SIOCDELRT):
        return with_words(mm, arguments, RTENTRY32, RTENTRY64)
    if request in (SIOCGSTAMP, SIOCGSTAMPNS):
        return stamp(mm, arguments)
    if not IFREQ_FIRST <= request <= IFREQ_LAST or ARPREQ_FIRST <= request <= ARPREQ_LAST:
        return SYS_ioctl, arguments, None
    space = scratch(mm)
    raw = copy_from_user(mm, address, IFREQ_SIZE)
    if raw is None:
        return refused(EFAULT)
    wide = bytearray(raw.ljust(IFREQ_SIZE_LP64, b"\0"))

    def store(result):
        return put_back(mm, address, bytes(wide[:IFREQ_SIZE]))

    return SYS_ioctl, [*arguments[:2], space.put(wide, True), 0, 0, 0], space.done(store)


def with_words(mm, arguments, narrow, wide):
    """A request with a structure that the kernel only reads."""
    space = scratch(mm)
    fields = space.read(arguments[2], narrow)
    if fields is None:
        return refused(EFAULT)
    return SYS_ioctl, [*arguments[:2], space.put(wide.pack(*fields)), 0, 0, 0], space.done()


def stamp(mm, arguments):
    """When the last packet came, as a timeval or a timespec."""
    space = scratch(mm)
    answer = bytearray(TIME64.size)

    def store(result):
        seconds, rest = TIME64.unpack(answer)
        return put_back(mm, arguments[2], TIME32.pack(cut(seconds), rest))

    return SYS_ioctl, [*arguments[:2], space.put(answer, True), 0, 0, 0], space.done(store)


def ifconf(mm, arguments):
    """SIOCGIFCONF: an array of ifreqs, or without a buffer its size."""
    space = scratch(mm)
    fields = space.read(arguments[2], IFCONF32)
    if fields is None:
        return refused(EFAULT)
    room, buffer = fields
    found = bytearray(min(max(0, room), MAX_IFCONF) // IFREQ_SIZE * IFREQ_SIZE_LP64)
    # An address tells the kernel that there is a buffer, even where nothing fits.
    place = (space.put(found, True) or buffer) if buffer else 0
    head = bytearray(IFCONF64.pack(len(found), place))

    def store(result):
        length = IFCONF64.unpack(head)[0] // IFREQ_SIZE_LP64
        if buffer:
            requests = (found[start : start + IFREQ_SIZE] for start in range(0, length * IFREQ_SIZE_LP64, IFREQ_SIZE_LP64))
            if length and not copy_to_user(mm, buffer, b"".join(requests)):
                return -EFAULT
        return put_back(mm, arguments[2], IFCONF32.pack(length * IFREQ_SIZE, buffer))

    return SYS_ioctl, [*arguments[:2], space.put(head, True), 0, 0, 0], space.done(store)


def message(space, address):
    """A program's msghdr as the kernel wants it, and its own fields: (bytes, fields); None for a fault."""
    fields = space.read(address, MSGHDR32)
    if fields is None:
        return None
    name, name_length, iov, count, control, control_length, flags = fields
    place = vector(space, iov, count)
    if place is None:
        return None
    # Ancillary data stays as it is: the kernel builds its headers with the program's words.
    return MSGHDR64.pack(name, name_length, place if count else 0, count, control, control_length, flags), fields


def put_message(mm, address, fields, header):
    """What recvmsg has changed in a msghdr: None, or -EFAULT."""
    _, length, _, _, _, control_length, flags = MSGHDR64.unpack(header)
    return put_back(mm, address, MSGHDR32.pack(fields[0], length, *fields[2:5], control_length, flags))


def one_message(space, call, words):
    """sendmsg and recvmsg: (`words` changed, what stores the answer), or None for a fault."""
    place = words[1]
    found = message(space, place)
    if found is None:
        return None
    header, fields = bytearray(found[0]), found[1]

    def store(result):
        return put_message(space.mm, place, fields, header) if call == RECVMSG else None

    return [words[0], space.put(header, True), words[2]], store


def many_messages(native, narrow_time):
    """sendmmsg and recvmmsg: an array of headers; of those behind a bad one the kernel never hears."""

    def convert(mm, arguments):
        space = scratch(mm)
        headers = bytearray()
        kept = []
        wanted = min(arguments[2], MAX_MESSAGES)
        while len(kept) < wanted:
            found = message(space, arguments[1] + len(kept) * MMSGHDR32_SIZE)
            if found is None:
                break
            headers += found[0].ljust(MMSGHDR64_SIZE, b"\0")
            kept.append(found[1])
        if wanted and not kept:
            return space.refuse(EFAULT)
        changed = [arguments[0], space.put(headers, True), len(kept), *arguments[3:]]
        limit = None
        if native == SYS_recvmmsg and arguments[4] and narrow_time:
            fields = space.read(arguments[4], TIME32)
            if fields is None:
                return space.refuse(EFAULT)
            limit = bytearray(TIME64.pack(*fields))
            changed[4] = space.put(limit, True)

        def store(result):
            for number in range(result):
                address = arguments[1] + number * MMSGHDR32_SIZE
                start = number * MMSGHDR64_SIZE
                if native == SYS_recvmmsg:
                    header = headers[start : start + MSGHDR64.size]
                    if put_message(mm, address, kept[number], header) is not None:
                        return number or -EFAULT
                length = headers[start + MSGHDR64.size : start + MSGHDR64.size + 4]
                if not copy_to_user(mm, address + MSGHDR32.size, bytes(length)):
                    return number or -EFAULT
            if limit is not None:
                return put_back(mm, arguments[4], TIME32.pack(*TIME64.unpack(limit)))
            return None

        return native, changed, space.done(store)

    return convert


def set_option(space, words):
    """setsockopt's words where the option's value lies differently; None for a fault."""
    level, option, place, length = words[1:5]
    if level != SOL_SOCKET or option not in TIMEOUT_OPTIONS + FILTER_OPTIONS:
        return words
    narrow, wide = (TIME32, TIME64) if option in TIMEOUT_OPTIONS else (FPROG32, FPROG64)
    if length < narrow.size:
        return words
    fields = space.read(place, narrow)
    return None if fields is None else [*words[:3], space.put(wide.pack(*fields)), wide.size]


def get_timeout(space, words):
    """getsockopt of a timeout: (`words` changed, what stores the answer), or None for a fault."""
    raw = copy_from_user(space.mm, words[4], 4)
    if raw is None:
        return None
    room = int.from_bytes(raw, "little", signed=True)
    value, length = bytearray(TIME64.size), bytearray(TIME64.size.to_bytes(4, "little"))
    place, size_place = words[3:5]

    def store(result):
        answer = TIME32.pack(*TIME64.unpack(value))[: max(0, room)]
        if answer and not copy_to_user(space.mm, place, answer):
            return -EFAULT
        return put_back(space.mm, size_place, len(answer).to_bytes(4, "little"))

    return [*words[:3], space.put(value, True), space.put(length, True)], store


def socket_call(mm, call, words):
    """A sub-call of socketcall with its arguments as 32-bit words."""
    if call == RECVMMSG:
        return RECVMMSG_CONVERTER(mm, [*words, 0])
    if call == SENDMMSG:
        return SENDMMSG_CONVERTER(mm, [*words, 0, 0])
    space = scratch(mm)
    changed = list(words)
    store = None
    if call in (SENDMSG, RECVMSG):
        found = one_message(space, call, changed)
        changed, store = found if found is not None else (None, None)
    elif call == SETSOCKOPT:
        changed = set_option(space, changed)
    elif call == GETSOCKOPT and changed[1] == SOL_SOCKET and changed[2] in TIMEOUT_OPTIONS:
        found = get_timeout(space, changed)
        changed, store = found if found is not None else (None, None)
    if changed is None:
        return space.refuse(EFAULT)
    address = space.put(b"".join(word.to_bytes(8, "little") for word in changed))
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


RECVMMSG_CONVERTER = many_messages(SYS_recvmmsg, True)
SENDMMSG_CONVERTER = many_messages(SYS_sendmmsg, True)
