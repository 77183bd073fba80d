"""tcpdump: shows or records the frames on an interface (tcpdump(1)); the filter expression runs in the kernel as BPF."""

from userland import libc
from userland.abi.layout import PACKET_MREQ
from userland.libc.net_if import if_names
from userland.libc.time import gmtime
from userland.net.bpf import Machine, encode, listing
from userland.net.filter import FilterError, compile_filter
from userland.net.packet import Packet, ascii_dump, hex_dump
from userland.net.pcap import SNAPLEN, Reader, file_header, record_header
from userland.net.printer import Printer

USAGE = "tcpdump [-AdDeflLnNpqStUvxX#] [-i INTERFACE] [-c COUNT] [-s SNAPLEN] [-Q in|out|inout] [-w FILE | -r FILE] [EXPRESSION]"
BLOCK = 65536
SECOND = 1000000000
AUXDATA_SIZE = 20
TP_STATUS_VLAN_VALID = 0x10
DIRECTIONS = {0: "In", 1: "B", 2: "M", 3: "P", 4: "Out"}


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

    def packet_text(self, packet, when, count, where):
        text = (f"{count:5d}  " if self.number else "") + self.time_text(when) + where + self.printer.line(packet) + "\n"
        data = packet.frame if self.hex > 1 or self.ascii > 1 else packet.frame[packet.network if packet.ethertype >= 0 else 0 :]
        if self.ascii:
            text += ascii_dump(data) + "\n"
        elif self.hex:
            text += hex_dump(data, self.text) + "\n"
        return text


class Capture:
    """Where the frames go: to the terminal or to a file, until the count is reached or a signal comes."""

    def __init__(self, options):
        self.out = -1
        self.limit = options.integer("c", 0, 1)
        self.snaplen = options.integer("s", SNAPLEN, 0, SNAPLEN) or SNAPLEN
        self.shown = Shown(options)
        self.captured = 0
        self.stopped = False
        self.failed = False

    def take(self, when, frame, length, where=""):
        """One frame that passed the filter; False when that was the last."""
        self.captured += 1
        if self.out >= 0:
            kept = frame[: self.snaplen]
            if libc.write_all(self.out, record_header(when, len(kept), length) + kept) < 0:
                libc.perror("tcpdump: write")
                self.failed = True
                return False
        elif libc.fputs(self.shown.packet_text(Packet(frame, length), when, self.captured, where)) < 0:
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


def capture_live(capture, fd, name, direction):
    """Read frames until the last one: with their length on the wire, their VLAN tag and their time."""
    view = memoryview(bytearray(BLOCK))
    names = {}
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
        index, _, _, pkttype, _ = libc.sockaddr_ll_fields(address)
        outgoing = pkttype == libc.PACKET_OUTGOING
        if index not in names:
            names[index] = libc.if_indextoname(index) or f"if{index}"
        # What leaves by the loopback comes in by it as well: it is shown once.
        if names[index] == "lo" and outgoing or (direction == "in" and outgoing) or (direction == "out" and not outgoing):
            continue
        frame, length, when = described(bytes(view[:count]), count, message.control)
        where = f"{names[index]:<5} {DIRECTIONS.get(pkttype, '?'):<3} " if name == "any" else ""
        if not capture.take(when, frame, length, where):
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


def capture_file(capture, name, program):
    fd = 0 if name == "-" else libc.open(name)
    if fd < 0:
        libc.perror(f"tcpdump: {name}")
        capture.failed = True
        return
    reader = Reader()
    while not capture.stopped:
        chunk = libc.read_bytes(fd, BLOCK)
        if chunk == -1 or not chunk:
            if reader.pending and not reader.error:
                reader.error = "truncated dump file"
            break
        reader.feed(chunk)
        records = [record for record in reader.records() if program.run(record[1], record[2])]
        if not all(capture.take(*record) for record in records) or reader.error:
            break
    if reader.error:
        libc.eputs(f"tcpdump: {name}: {reader.error}")
        capture.failed = True
    if fd > 0:
        libc.close(fd)


def default_interface():
    """The first interface that is up and no loopback."""
    for name in if_names():
        flags = max(0, libc.get_flags(name))
        if flags & libc.IFF_UP and not flags & libc.IFF_LOOPBACK:
            return name
    return "lo"


def open_output(name):
    """The descriptor of -w's file with its header written, or -1 with the reason printed."""
    out = 1 if name == "-" else libc.open(name, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC)
    if out < 0 or libc.write_all(out, file_header()) < 0:
        libc.perror(f"tcpdump: {name}")
        return -1
    return out


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
        options = libc.getopt(argv, "ADdenNpqSUlLfti:c:s:w:r:vxX#Q:", USAGE, (), True)
        if options.has("D"):
            for number, name in enumerate([*if_names(), "any"], 1):
                libc.puts(f"{number}.{name}")
            return 0
        direction = options.get("Q", "inout")
        if direction not in ("in", "out", "inout"):
            raise libc.UsageError(f"unknown capture direction '{direction}'")
        capture = Capture(options)
        expression = " ".join(options.operands)
        program = compile_filter(expression, live=not options.has("r"), keep=capture.snaplen)
    except (libc.UsageError, FilterError) as error:
        libc.eputs(f"tcpdump: {error}")
        return 2
    if options.has("d"):
        show_program(program, options.count("d"))
        return 0
    if options.has("w"):
        capture.out = open_output(options.get("w"))
        if capture.out < 0:
            return 1

    def interrupted(signum):
        capture.stopped = True

    libc.signal(libc.SIGINT, interrupted)
    libc.signal(libc.SIGTERM, interrupted)
    if options.has("r"):
        capture_file(capture, options.get("r"), Machine(program))
        return 1 if capture.failed else 0
    return live(capture, options, program, direction)


def live(capture, options, program, direction):
    name = options.get("i") or default_interface()
    fd = open_interface(name, not options.has("p"), program)
    if fd < 0:
        return 1
    libc.eputs(f"listening on {name}, link-type EN10MB (Ethernet), snapshot length {capture.snaplen} bytes")
    capture_live(capture, fd, name, direction)
    statistics = libc.getsockopt(fd, libc.SOL_PACKET, libc.PACKET_STATISTICS, 8)
    received, dropped = (int.from_bytes(statistics[at : at + 4], "little") if statistics != -1 else 0 for at in (0, 4))
    libc.close(fd)
    libc.eputs(
        f"\n{capture.captured} packet{'' if capture.captured == 1 else 's'} captured\n"
        f"{received} packet{'' if received == 1 else 's'} received by filter\n"
        f"{dropped} packet{'' if dropped == 1 else 's'} dropped by kernel"
    )
    return 1 if capture.failed else 0
