"""tcpdump: shows or records the frames on an interface (tcpdump(1)); the filter expression runs in the kernel as BPF."""

from userland import libc
from userland.abi.layout import PACKET_MREQ
from userland.libc.getopt import size as byte_count
from userland.libc.net_if import if_names
from userland.libc.time import gmtime
from userland.net.bpf import Machine, encode, listing
from userland.net.cooked import Cooked, cook, header_size
from userland.net.filter import FilterError, compile_filter
from userland.net.packet import ETHERNET_SIZE, Packet, ascii_dump, hex_dump
from userland.net.pcap import (
    LINK_TYPES,
    LINKTYPE_ETHERNET,
    LINKTYPE_LINUX_SLL,
    LINKTYPE_LINUX_SLL2,
    SNAPLEN,
    Reader,
    link_text,
)
from userland.net.printer import Printer
from userland.net.savefile import Savefile

USAGE = (
    "tcpdump [-AdDeflLnNpqStUvxX#] [-i INTERFACE] [-y LINKTYPE] [-c COUNT] [-s SNAPLEN] [-Q in|out|inout] "
    "[-r FILE | -w FILE [-C SIZE] [-G SECONDS] [-W COUNT]] [EXPRESSION]"
)
BLOCK = 65536
SECOND = 1000000000
AUXDATA_SIZE = 20
TP_STATUS_VLAN_VALID = 0x10
COOKED_TYPES = (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2)
MILLION = 1000000


class Shown:
    """How packets are shown: what the options say."""

    def __init__(self, options):
        self.printer = Printer(
            options.count("v"), options.has("e"), options.has("S"), options.has("q"), not options.has("n")
        )
        self.times = options.count("t")
        self.hex = max(options.count("x"), options.count("X"))
        self.text = options.has("X")
        self.ascii = options.count("A")
        self.number = options.has("#")
        self.first = self.before = None
        self.names = {}

    def time_text(self, when):
        """The time stamp, as one to five -t ask for it."""
        if self.times == 1:
            return ""
        micro = when % SECOND // 1000
        if self.times == 2:
            return f"{when // SECOND}.{micro:06} "
        if self.times in (3, 5):
            since = self.before if self.times == 3 else self.first
            self.first = when if self.first is None else self.first
            self.before = when
            passed = when - since if since is not None else 0
            seconds = passed // SECOND
            return f" {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{passed % SECOND // 1000:06} "
        year, month, day, hour, minute, second, _ = gmtime(when // SECOND)
        date = f"{year:04}-{month:02}-{day:02} " if self.times == 4 else ""
        return f"{date}{hour:02}:{minute:02}:{second:02}.{micro:06} "

    def interface(self, index):
        if index not in self.names:
            self.names[index] = libc.if_indextoname(index) or "?"
        return self.names[index]

    def packet_text(self, cooked, data, when, count):
        packet = Packet(cooked.frame, cooked.length)
        where = ""
        if cooked.link != LINKTYPE_ETHERNET:
            packet.cooked = cooked
        if cooked.link == LINKTYPE_LINUX_SLL2:
            where = f"{self.interface(cooked.ifindex):<5} {cooked.direction():<3} "
        text = (f"{count:5d}  " if self.number else "") + self.time_text(when) + where + self.printer.line(packet) + "\n"
        if not (self.hex > 1 or self.ascii > 1):
            data = packet.frame[packet.network if packet.ethertype >= 0 else 0 :]
        if self.ascii:
            text += ascii_dump(data) + "\n"
        elif self.hex:
            text += hex_dump(data, self.text) + "\n"
        return text


class Capture:
    """Where the records go: to the terminal or to files, until the count is reached or a signal comes."""

    def __init__(self, options, link):
        self.link = link
        self.file = None
        self.limit = options.integer("c", 0, 1)
        self.snaplen = options.integer("s", SNAPLEN, 0, SNAPLEN) or SNAPLEN
        self.shown = Shown(options)
        self.captured = 0
        self.stopped = False
        self.failed = False

    def take(self, when, data, length):
        """One record of this link type whose frame passed the filter; False when that was the last."""
        self.captured += 1
        if self.file is not None:
            if not self.file.write(when, data[: self.snaplen], length):
                self.failed = not self.file.full
                return False
        elif libc.fputs(self.shown.packet_text(Cooked(self.link, data, length), data, when, self.captured)) < 0:
            self.failed = self.stopped = True
        return not self.stopped and (not self.limit or self.captured < self.limit)


# --- live ---


def open_interface(name, promiscuous, program):
    """A packet socket on `name` ('any': on all) behind the filter, or -1 with the reason printed."""
    index = 0 if name == "any" else libc.if_nametoindex(name)
    if name != "any" and index == 0:
        libc.eputs(f"tcpdump: {name}: No such device exists")
        return -1
    # No frame comes in before the filter is in place: protocol 0 receives nothing.
    fd = libc.socket(libc.AF_PACKET, libc.SOCK_RAW, 0)
    if fd < 0:
        libc.perror("tcpdump: socket")
        return -1
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, 2 << 20)
    libc.setsockopt(fd, libc.SOL_PACKET, libc.PACKET_AUXDATA, 1)
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_TIMESTAMPNS, 1)
    if libc.attach_filter(fd, encode(program)) < 0 or libc.bind(fd, libc.sockaddr_ll(index, libc.ETH_P_ALL)) < 0:
        libc.perror(f"tcpdump: {name}")
        libc.close(fd)
        return -1
    if index and promiscuous:
        membership = PACKET_MREQ.pack(index, libc.PACKET_MR_PROMISC, 0, bytes(8))
        libc.setsockopt(fd, libc.SOL_PACKET, libc.PACKET_ADD_MEMBERSHIP, membership)
    return fd


def capture_live(capture, fd, direction):
    """Read frames until the last one: with their length on the wire, their VLAN tag and their time."""
    view = memoryview(bytearray(BLOCK))
    loopback = libc.if_nametoindex("lo")
    address = bytearray(20)
    while not capture.stopped:
        message = libc.msghdr([view], address, 256)
        count = libc.recvmsg(fd, message)
        if count < 0:
            if libc.errno == libc.EINTR:
                continue
            if libc.errno == libc.ENETDOWN:
                libc.eputs("tcpdump: The interface disappeared")
            else:
                libc.perror("tcpdump: recv")
            capture.failed = True
            return
        index, _, hatype, pkttype, _ = libc.sockaddr_ll_fields(address)
        outgoing = pkttype == libc.PACKET_OUTGOING
        # What leaves by the loopback comes in by it as well: it is shown once.
        if index == loopback and outgoing or (direction == "in" and outgoing) or (direction == "out" and not outgoing):
            continue
        frame, length, when = described(bytes(view[:count]), count, message.control)
        record = cook(capture.link, frame, index, hatype, pkttype)
        if not capture.take(when, record, length - ETHERNET_SIZE + header_size(capture.link)):
            return


def described(frame, length, control):
    """(the frame with its tag, its length on the wire, its time) of the control messages beside it."""
    when = 0
    for level, kind, data in control:
        if level == libc.SOL_SOCKET and kind == libc.SO_TIMESTAMPNS and len(data) >= 16:
            when = int.from_bytes(data[:8], "little") * SECOND + int.from_bytes(data[8:16], "little")
        elif level == libc.SOL_PACKET and kind == libc.PACKET_AUXDATA and len(data) >= AUXDATA_SIZE:
            length = int.from_bytes(data[4:8], "little")
            if int.from_bytes(data[:4], "little") & TP_STATUS_VLAN_VALID:
                tag = b"\x81\x00" + data[16:18][::-1]
                frame, length = frame[:12] + tag + frame[12:], length + 4
    return frame, length, wall_time(when)


def wall_time(when):
    """A packet's time stamp as a time of day; a kernel may count from its boot."""
    now = libc.clock_gettime_ns(libc.CLOCK_MONOTONIC)
    if when > now:
        return when
    return libc.clock_gettime_ns(libc.CLOCK_REALTIME) - (now - when if when else 0)


# --- files ---


def capture_file(capture, options, expression):
    """-r: the packets of a file that the filter lets pass."""
    name = options.get("r")
    fd = 0 if name == "-" else libc.open(name)
    if fd < 0:
        libc.perror(f"tcpdump: {name}")
        capture.failed = True
        return
    reader = Reader()
    program = None
    while not capture.stopped:
        chunk = libc.read_bytes(fd, BLOCK)
        if chunk == -1 or not chunk:
            if (reader.pending or reader.link is None) and not reader.error:
                reader.error = "truncated dump file"
            break
        reader.feed(chunk)
        records = reader.records()
        if program is None and reader.link is not None and not reader.error:
            program = begin_file(capture, options, reader, name, expression)
            if program is None:
                break
        if not all(capture.take(*record) for record in records if passes(program, reader.link, record)) or reader.error:
            break
    if reader.error:
        libc.eputs(f"tcpdump: {name}: {reader.error}")
        capture.failed = True
    if fd > 0:
        libc.close(fd)


def begin_file(capture, options, reader, name, expression):
    """The header of a file has come: the filter for its link type; None with the reason printed."""
    libc.eputs(f"reading from file {name}, link-type {link_text(reader.link)}, snapshot length {reader.snaplen}")
    if reader.link == LINKTYPE_LINUX_SLL2 and capture.file is None:
        libc.eputs("Warning: interface names might be incorrect")
    capture.link = reader.link
    try:
        program = compile_filter(expression, keep=capture.snaplen, stations=reader.link == LINKTYPE_ETHERNET)
    except FilterError as error:
        libc.eputs(f"tcpdump: {error}")
        capture.failed = True
        return None
    if options.has("w") and not open_output(capture, options):
        return None
    return Machine(program)


def passes(program, link, record):
    _, data, length = record
    cooked = Cooked(link, data, length)
    return program.run(cooked.frame, cooked.length)


def default_interface():
    """The first interface that is up and no loopback."""
    for name in if_names():
        flags = max(0, libc.get_flags(name))
        if flags & libc.IFF_UP and not flags & libc.IFF_LOOPBACK:
            return name
    return "lo"


def open_output(capture, options):
    """Begin what -w, -C, -G and -W ask for; False with the reason printed."""
    seconds, files = options.integer("G", 0, 1), options.integer("W", 0, 1)
    capture.file = Savefile(options.get("w"), capture.link, capture.snaplen, file_size(options), seconds, files)
    capture.failed = not capture.file.open()
    return not capture.failed


def file_size(options):
    """-C: millions of bytes, or with a letter k, m or g behind it units of 1024 and its powers; UsageError."""
    text = options.get("C")
    if text is None:
        return 0
    size = byte_count(text) if text[-1:].lower() in ("k", "m", "g") else libc.integer(text, 1, 1 << 40) * MILLION
    if size == 0:
        raise libc.UsageError(f"invalid file size '{text}'")
    return size


def chosen_link(options, name):
    """The link type of a live capture: -y's, or the usual one of the interface; UsageError."""
    possible = COOKED_TYPES if name == "any" else (LINKTYPE_ETHERNET,)
    text = options.get("y")
    if text is None:
        return possible[-1]
    wanted = next((link for link, (known, _) in LINK_TYPES.items() if known == text.upper().removeprefix("DLT_")), None)
    if wanted is None:
        raise libc.UsageError(f"invalid data link type {text}")
    if wanted not in possible:
        raise libc.UsageError(f"{text} is not one of the DLTs supported by this device")
    return wanted


def list_links(name):
    """-L"""
    libc.puts(f"Data link types for {name} (use option -y to set):")
    for link in COOKED_TYPES if name == "any" else (LINKTYPE_ETHERNET,):
        libc.puts(f"  {link_text(link)}")


def show_program(program, form):
    """-d, -dd, -ddd: the program in words, as C, as numbers."""
    if form == 1:
        libc.puts(listing(program))
    elif form == 2:
        libc.puts("\n".join(f"{{ {code:#x}, {jt}, {jf}, 0x{k:08x} }}," for code, jt, jf, k in program))
    else:
        libc.puts("\n".join([str(len(program)), *(f"{code} {jt} {jf} {k}" for code, jt, jf, k in program)]))


def main(argv):
    try:
        options = libc.getopt(argv, "ADdenNpqSUlLfti:y:c:s:w:r:C:G:W:vxX#Q:", USAGE, (), True)
        if options.has("D"):
            for number, name in enumerate([*if_names(), "any"], 1):
                libc.puts(f"{number}.{name}")
            return 0
        name = options.get("i") or default_interface()
        if options.has("L"):
            list_links(name)
            return 0
        direction = options.get("Q", "inout")
        if direction not in ("in", "out", "inout"):
            raise libc.UsageError(f"unknown capture direction '{direction}'")
        if not options.has("w") and any(options.has(letter) for letter in "CGW"):
            raise libc.UsageError("-C, -G and -W need -w")
        file_size(options)
        capture = Capture(options, chosen_link(options, name))
        expression = " ".join(options.operands)
        live = not options.has("r")
        stations = not live or capture.link == LINKTYPE_ETHERNET
        program = compile_filter(expression, live=live, keep=capture.snaplen, stations=stations)
    except (libc.UsageError, FilterError) as error:
        libc.eputs(f"tcpdump: {error}")
        return 2
    if options.has("d"):
        show_program(program, options.count("d"))
        return 0
    if live and options.has("w") and not open_output(capture, options):
        return 1

    def interrupted(signum):
        capture.stopped = True

    libc.signal(libc.SIGINT, interrupted)
    libc.signal(libc.SIGTERM, interrupted)
    if live:
        capture_interface(capture, name, program, direction, not options.has("p"))
    else:
        capture_file(capture, options, expression)
    if capture.file is not None:
        capture.file.close()
    return 1 if capture.failed else 0


def capture_interface(capture, name, program, direction, promiscuous):
    fd = open_interface(name, promiscuous, program)
    if fd < 0:
        capture.failed = True
        return
    who = "tcpdump: " if capture.file is not None else ""
    libc.eputs(f"{who}listening on {name}, link-type {link_text(capture.link)}, snapshot length {capture.snaplen} bytes")
    capture_live(capture, fd, direction)
    statistics = libc.getsockopt(fd, libc.SOL_PACKET, libc.PACKET_STATISTICS, 8)
    received, dropped = (int.from_bytes(statistics[at : at + 4], "little") if statistics != -1 else 0 for at in (0, 4))
    libc.close(fd)
    libc.eputs(
        f"\n{capture.captured} packet{'' if capture.captured == 1 else 's'} captured\n"
        f"{received} packet{'' if received == 1 else 's'} received by filter\n"
        f"{dropped} packet{'' if dropped == 1 else 's'} dropped by kernel"
    )
