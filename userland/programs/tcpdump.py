"""tcpdump: shows or records the frames on an interface."""

from userland import libc
from userland.abi.layout import PACKET_MREQ, SOCKADDR_LL
from userland.libc.net_if import if_names
from userland.libc.time import gmtime
from userland.net.filter import FilterError, compile_filter
from userland.net.packet import Packet, Printer, hex_dump
from userland.net.pcap import SNAPLEN, Reader, file_header, record_header

USAGE = "tcpdump [-DenpqSUtvxX] [-i INTERFACE] [-c COUNT] [-s SNAPLEN] [-w FILE | -r FILE] [EXPRESSION]"
BLOCK = 65536
SECOND = 1000000000
# sll_pkttype in struct sockaddr_ll.
PKTTYPE_OFFSET = 10


class Capture:
    """Where the frames go: to the terminal or to a file, until the count is reached or a signal comes."""

    def __init__(self, options, tree, out):
        self.tree = tree
        self.out = out
        self.limit = options.integer("c", 0, 1)
        self.snaplen = options.integer("s", SNAPLEN, 0, SNAPLEN) or SNAPLEN
        self.printer = Printer(options.has("v"), options.has("e"), options.has("S"))
        self.show_time = not options.has("t")
        self.hex = options.has("x") or options.has("X")
        self.text = options.has("X")
        self.captured = 0
        self.received = 0
        self.stopped = False
        self.failed = False

    def take(self, when, frame, length):
        """One frame; False when that was the last."""
        self.received += 1
        packet = Packet(frame, length)
        if not self.tree.matches(packet):
            return True
        self.captured += 1
        shown = frame[: self.snaplen]
        if self.out >= 0:
            data = record_header(when, len(shown), length) + shown
            if libc.write_all(self.out, data) < 0:
                libc.perror("tcpdump: write")
                self.failed = True
                return False
        else:
            self.show(when, packet)
        return not self.stopped and (not self.limit or self.captured < self.limit)

    def show(self, when, packet):
        text = (clock_text(when) + " " if self.show_time else "") + self.printer.line(packet) + "\n"
        if self.hex:
            text += hex_dump(packet.frame[packet.network if packet.ethertype >= 0 else 0 :], self.text) + "\n"
        if libc.fputs(text) < 0:
            self.failed = True
            self.stopped = True


def clock_text(when):
    """The time of day of a time stamp in ns, as tcpdump prints it."""
    _, _, _, hour, minute, second, _ = gmtime(when // SECOND)
    return f"{hour:02}:{minute:02}:{second:02}.{when % SECOND // 1000:06}"


def open_interface(name, promiscuous):
    """A packet socket on `name` ('any': on all), or -1 with the reason printed."""
    index = 0 if name == "any" else libc.if_nametoindex(name)
    if name != "any" and index == 0:
        libc.eputs(f"tcpdump: {name}: No such device exists")
        return -1
    fd = libc.socket(libc.AF_PACKET, libc.SOCK_RAW, libc.htons(libc.ETH_P_ALL))
    if fd < 0:
        libc.perror("tcpdump: socket")
        return -1
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, 2 << 20)
    if index and libc.bind(fd, libc.sockaddr_ll(index, libc.ETH_P_ALL)) < 0:
        libc.perror(f"tcpdump: {name}")
        return -1
    if index and promiscuous:
        membership = PACKET_MREQ.pack(index, libc.PACKET_MR_PROMISC, 0, bytes(8))
        libc.setsockopt(fd, libc.SOL_PACKET, libc.PACKET_ADD_MEMBERSHIP, membership)
    return fd


def capture_live(capture, fd, loopback):
    buffer = bytearray(BLOCK)
    address = bytearray(SOCKADDR_LL.size)
    view = memoryview(buffer)
    while not capture.stopped:
        length = libc.recvfrom(fd, buffer, -1, libc.MSG_TRUNC, address)
        if length < 0:
            if libc.errno == libc.EINTR:
                continue
            if libc.errno == libc.ENETDOWN:
                libc.eputs("tcpdump: The interface disappeared")
            else:
                libc.perror("tcpdump: recv")
            capture.failed = True
            return
        # What leaves by the loopback comes in by it as well: it is shown once.
        if loopback and address[PKTTYPE_OFFSET] == libc.PACKET_OUTGOING:
            continue
        when = libc.clock_gettime_ns(libc.CLOCK_REALTIME)
        if not capture.take(when, bytes(view[: min(length, BLOCK)]), length):
            return


def capture_file(capture, name):
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
        if not all(capture.take(*record) for record in reader.records()) or reader.error:
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


def main(argv):
    try:
        options = libc.getopt(argv, "DenpqSUlti:c:s:w:r:vxX", USAGE, (), True)
        if options.has("D"):
            for number, name in enumerate([*if_names(), "any"], 1):
                libc.puts(f"{number}.{name}")
            return 0
        capture = Capture(options, compile_filter(" ".join(options.operands)), -1)
    except (libc.UsageError, FilterError) as error:
        libc.eputs(f"tcpdump: {error}")
        return 2
    if options.has("w"):
        capture.out = open_output(options.get("w"))
        if capture.out < 0:
            return 1

    def interrupted(signum):
        capture.stopped = True

    libc.signal(libc.SIGINT, interrupted)
    libc.signal(libc.SIGTERM, interrupted)
    if options.has("r"):
        capture_file(capture, options.get("r"))
        return 1 if capture.failed else 0
    name = options.get("i") or default_interface()
    fd = open_interface(name, not options.has("p"))
    if fd < 0:
        return 1
    libc.eputs(f"listening on {name}, link-type EN10MB (Ethernet), snapshot length {capture.snaplen} bytes")
    capture_live(capture, fd, name == "lo")
    statistics = libc.getsockopt(fd, libc.SOL_PACKET, libc.PACKET_STATISTICS, 8)
    dropped = int.from_bytes(statistics[4:8], "little") if statistics != -1 else 0
    libc.close(fd)
    libc.eputs(
        f"\n{capture.captured} packets captured\n{capture.received + dropped} packets received by filter\n"
        f"{dropped} packets dropped by kernel"
    )
    return 1 if capture.failed else 0
