"""A scripted TCP peer: segments in and out by relative sequence numbers, system calls, and the virtual clock.

A test boots a machine with a test device, and plays the peer by hand:

    def body(t):
        c = t.listen(80)                 # a listener, and a peer port for it
        c.syn()                          # < S 0:0(0) mss 1460 ...
        c.expect("S.", seq=0, ack=1)     # > S. 0:0(0) ack 1
        c.ack(1)                         # < . 1:1(0) ack 1
        fd = t.accept(c)

Numbers of a direction count from its SYN, as in a packetdrill script.  What is sent in one go (TSO) is cut into segments
by the peer's MSS only where a test asks for it.
"""

import struct

from netbench import SECOND, Bench, Packet, icmp, ip, ipv4, test_ops

from hwemu.cpu import trap
from kernel.lib.checksum import csum_bytes, csum_fold, csum_tcpudp_nofold
from kernel.uapi.socket import AF_INET, MSG_DONTWAIT, SOCK_STREAM, SOL_TCP
from kernel.uapi.tcp import TCP_INFO

MS = 1_000_000
LOCAL = "10.0.0.1"
PEER = "10.0.0.2"
FLAGS = ((0x02, "S"), (0x01, "F"), (0x04, "R"), (0x08, "P"), (0x20, "U"), (0x40, "E"), (0x80, "W"), (0x10, "."))
INFO_FIELDS = (
    "state ca_state retransmits probes backoff options wscale app_limited rto ato snd_mss rcv_mss unacked sacked lost "
    "retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh "
    "snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received "
    "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time rwnd_limited "
    "sndbuf_limited delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd "
    "rehash total_rto total_rto_recoveries total_rto_time"
).split()


def flag_bits(text):
    return sum(bit for bit, letter in FLAGS if letter in text)


def flag_text(bits):
    return "".join(letter for bit, letter in FLAGS if bits & bit)


# --- options ---


def mss(value):
    return struct.pack("!BBH", 2, 4, value)


def wscale(shift):
    return struct.pack("!BBBB", 1, 3, 3, shift)


def sack_ok():
    return b"\x01\x01\x04\x02"


def timestamp(value, echo=0):
    return struct.pack("!BBBBII", 1, 1, 8, 10, value & 0xFFFFFFFF, echo & 0xFFFFFFFF)


class Frame(bytes):
    """A frame that was sent; `time` is when (ns since boot)."""

    time = 0


class timed_ops(test_ops):
    """Notes when each frame was sent."""

    def __init__(self, timers):
        super().__init__()
        self.timers = timers

    def ndo_start_xmit(self, skb, dev):
        result = super().ndo_start_xmit(skb, dev)
        frame = Frame(self.frames[-1])
        frame.time = self.timers.now()
        self.frames[-1] = frame
        return result


class Segment:
    """A segment that the machine has sent, with relative numbers; `time` is in seconds since boot."""

    def __init__(self, connection, packet):
        raw = packet.payload
        self.time = packet.frame.time / SECOND
        self.packet = packet
        self.sport, self.dport, seq, ack, offset, self.bits, self.win, _, self.urg = struct.unpack("!HHIIBBHHH", raw[:20])
        size = (offset >> 4) * 4
        pseudo = csum_tcpudp_nofold(ip(packet.source), ip(packet.destination), len(raw), 6, 0)
        assert csum_fold(csum_bytes(raw, pseudo)) == 0, "wrong TCP checksum"
        assert offset & 0xF == 0
        self.flags = flag_text(self.bits)
        self.raw_seq = seq
        self.raw_ack = ack
        self.data = raw[size:]
        self.mss = self.wscale = self.ts = None
        self.sack_ok = False
        self.sack = []
        self.options = raw[20:size]
        self.parse_options(connection)
        self.seq = (seq - connection.local_isn) & 0xFFFFFFFF if connection.local_isn is not None else seq
        self.ack = (ack - connection.isn) & 0xFFFFFFFF

    def parse_options(self, connection):
        raw = self.options
        position = 0
        while position < len(raw):
            kind = raw[position]
            if kind == 0:
                assert not any(raw[position:])
                return
            if kind == 1:
                position += 1
                continue
            size = raw[position + 1]
            value = raw[position + 2 : position + size]
            assert size >= 2 and len(value) == size - 2
            if kind == 2:
                self.mss = int.from_bytes(value, "big")
            elif kind == 3:
                self.wscale = value[0]
            elif kind == 4:
                self.sack_ok = True
            elif kind == 5:
                edges = struct.unpack(f"!{len(value) // 4}I", value)
                relative = [(edge - connection.isn) & 0xFFFFFFFF for edge in edges]
                self.sack = list(zip(relative[::2], relative[1::2], strict=True))
            elif kind == 8:
                self.ts = struct.unpack("!II", value)
            position += size

    @property
    def end(self):
        return self.seq + len(self.data)

    def __repr__(self):
        sack = f" sack {self.sack}" if self.sack else ""
        return f"<{self.flags} {self.seq}:{self.end}({len(self.data)}) ack {self.ack} win {self.win}{sack}>"


class Connection:
    """The peer's end of one connection."""

    def __init__(self, bench, port, local_port, isn=1000):
        self.bench = bench
        self.port = port
        self.local_port = local_port
        self.isn = isn
        self.local_isn = None
        self.win = 65535
        self.options = b""
        self.listener = None
        self.fd = None
        # With timestamps: the value to send, and the last one received.
        self.ts_on = False
        self.ts_clock = None
        self.ts_echo = 0

    # --- in ---

    def raw(self, flags, seq=0, ack=0, data=b"", win=None, options=b"", urg=0, bad_sum=False):
        """The IP packet of a segment with relative numbers."""
        bits = flag_bits(flags)
        options += b"\0" * (-len(options) % 4)
        size = 20 + len(options)
        acknowledged = ((self.local_isn or 0) + ack) & 0xFFFFFFFF if bits & 0x10 else 0
        head = struct.pack(
            "!HHIIBBHHH", self.port, self.local_port, (self.isn + seq) & 0xFFFFFFFF, acknowledged, size << 2, bits,
            self.win if win is None else win, 0, urg,
        ) + options
        pseudo = csum_tcpudp_nofold(ip(PEER), ip(LOCAL), len(head) + len(data), 6, 0)
        total = csum_fold(csum_bytes(head + data, pseudo)) ^ (0x5555 if bad_sum else 0)
        return ipv4(PEER, LOCAL, 6, head[:16] + total.to_bytes(2, "big") + head[18:] + data)

    def send(self, flags, seq=0, ack=0, data=b"", **more):
        if self.ts_on and "options" not in more:
            more["options"] = timestamp(self.ts_value(), self.ts_echo)
        self.bench.inject_ip(self.raw(flags, seq, ack, data, **more))

    def ts_value(self):
        return self.bench.ms() if self.ts_clock is None else self.ts_clock

    def syn(self, options=None, win=65535, flags="S"):
        """< S 0:0(0) with MSS 1460 unless `options` says otherwise."""
        self.options = mss(1460) if options is None else options
        self.bench.inject_ip(self.raw(flags, 0, 0, options=self.options, win=win))

    def ack(self, ack, seq=1, **more):
        self.send(".", seq, ack, **more)

    def sack(self, ack, *blocks, seq=1, **more):
        """An ACK with SACK blocks of our numbers."""
        edges = b"".join(
            struct.pack("!II", (self.local_isn + start) & 0xFFFFFFFF, (self.local_isn + end) & 0xFFFFFFFF)
            for start, end in blocks
        )
        option = b"\x01\x01\x05" + bytes([2 + len(edges)]) + edges
        if self.ts_on:
            option = timestamp(self.ts_value(), self.ts_echo) + option
        self.bench.inject_ip(self.raw(".", seq, ack, options=option, **more))

    def data(self, seq, payload, ack=1, flags="P.", **more):
        self.send(flags, seq, ack, payload, **more)

    def icmp(self, type, code, info=0, seq=1, length=None, **more):
        """An ICMP error about our segment at `seq`, of which it quotes the IP header and 8 bytes; `info`: the second word."""
        quoted = struct.pack("!HHI", self.local_port, self.port, (self.local_isn + seq) & 0xFFFFFFFF)
        packet = ipv4(LOCAL, PEER, 6, quoted, length=1500 if length is None else length)
        self.bench.inject_ip(icmp(PEER, LOCAL, type, code, info.to_bytes(4, "big") + packet, **more))

    # --- out ---

    def out(self):
        """The segments of this connection that were sent since the last time."""
        mine = []
        rest = []
        for frame in self.bench.take():
            packet = Packet(frame)
            if packet.type == 0x800 and packet.protocol == 6:
                ports = struct.unpack("!HH", packet.payload[:4])
                if ports == (self.local_port, self.port):
                    if self.local_isn is None and packet.payload[13] & 0x02:
                        self.local_isn = int.from_bytes(packet.payload[4:8], "big")
                    segment = Segment(self, packet)
                    if segment.ts is not None:
                        self.ts_echo = segment.ts[0]
                    mine.append(segment)
                    continue
            rest.append(frame)
        self.bench.dev.netdev_ops.frames = rest + self.bench.dev.netdev_ops.frames
        return mine

    def expect(self, flags, **fields):
        """Exactly one segment was sent, with these flags (PSH counts only when asked for) and fields; returns it."""
        segments = self.out()
        assert len(segments) == 1, f"expected one {flags} {fields}, got {segments}"
        segment = segments[0]
        self.check(segment, flags, fields)
        return segment

    def expect_data(self, *starts, size=1460, **fields):
        """Exactly these segments with `size` bytes each were sent; returns them."""
        segments = self.out()
        assert [s.seq for s in segments] == list(starts), f"expected data at {starts}, got {segments}"
        for segment in segments:
            self.check(segment, ".", {"length": size, **fields})
        return segments

    @staticmethod
    def check(segment, flags, fields):
        seen = segment.flags if "P" in flags else segment.flags.replace("P", "")
        assert seen == flag_text(flag_bits(flags)), f"expected {flags} {fields}, got {segment}"
        for name, value in fields.items():
            got = len(segment.data) if name == "length" else getattr(segment, name)
            assert got == value, f"expected {flags} {fields}, got {segment}"

    def silence(self):
        segments = self.out()
        assert segments == [], f"expected silence, got {segments}"


class Receiver:
    """The peer as an orderly receiver: keeps what arrives, acknowledges each segment, with SACK where that was agreed."""

    def __init__(self, connection, acked=1, sack=True):
        self.connection = connection
        self.acked = acked
        self.use_sack = sack
        self.held = {}
        self.stream = bytearray()

    def take(self, segments):
        """Receive `segments`, one ACK for each one with data."""
        for segment in segments:
            if segment.data:
                self.held[segment.seq] = segment.data
                while self.acked in self.held:
                    data = self.held.pop(self.acked)
                    self.stream += data
                    self.acked += len(data)
                self.held = {seq: data for seq, data in self.held.items() if seq >= self.acked}
                self.answer(segment.seq)

    def answer(self, newest):
        """One ACK; the block of `newest` comes first."""
        blocks = []
        for seq in sorted(self.held):
            if blocks and blocks[-1][1] == seq:
                blocks[-1] = (blocks[-1][0], seq + len(self.held[seq]))
            else:
                blocks.append((seq, seq + len(self.held[seq])))
        blocks.sort(key=lambda block: not block[0] <= newest < block[1])
        if blocks and self.use_sack:
            self.connection.sack(self.acked, *blocks[:3])
        else:
            self.connection.ack(self.acked)


class TcpBench(Bench):
    """The machine with a scripted TCP peer at 10.0.0.2."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.next_port = 40000

    def main(self, argv):
        body = self.body

        def with_neighbour(bench):
            bench.know(PEER)
            bench.dev.netdev_ops = timed_ops(bench.kernel.timers)
            body(bench)

        self.body = with_neighbour
        return super().main(argv)

    def ms(self):
        return self.kernel.timers.now() // MS

    def now(self):
        """Seconds since boot."""
        return self.kernel.timers.now() / SECOND

    def sysctl(self, name, value):
        setattr(self.net, "sysctl_" + name, value)

    # --- sockets ---

    def stream(self):
        fd = self.socket(AF_INET, SOCK_STREAM)
        assert fd >= 0
        return fd

    def listen(self, port, backlog=10, setup=None):
        """A listener on `port` and the peer's end of a connection to it."""
        fd = self.stream()
        if setup is not None:
            setup(fd)
        assert self.bind(fd, "0.0.0.0", port) == 0
        assert self.socketcall(4, fd, backlog) == 0
        self.nonblock(fd)
        connection = self.peer(port)
        connection.listener = fd
        return connection

    def peer(self, local_port, isn=1000):
        self.next_port += 1
        return Connection(self, self.next_port, local_port, isn)

    def accept(self, connection):
        """accept(2); the descriptor, or a negative errno."""
        fd = self.socketcall(18, connection.listener, 0, 0, 0)
        if fd >= 0:
            connection.fd = fd
        return fd

    def established(self, port=80, options=None, win=65535, setup=None, timestamps=False, rtt=0):
        """A passive connection, accepted: returns the peer's end (`.fd` is the socket).

        `rtt`: the round trip of the handshake in seconds, the stack's first sample.
        """
        c = self.listen(port, setup=setup)
        if timestamps:
            options = mss(1460) + sack_ok() + timestamp(self.ms()) + wscale(7) if options is None else options
            c.ts_on = True
        c.syn(options, win=win)
        c.expect("S.", seq=0, ack=1)
        c.win = win
        if rtt:
            self.sleep(rtt)
        c.ack(1)
        assert self.accept(c) >= 0
        self.close(c.listener)
        c.silence()
        return c

    def connect_start(self, port=80, address=PEER, local_port=None):
        """connect(2) without blocking; returns the peer's end, with the SYN in `.first`."""
        fd = self.stream()
        self.nonblock(fd)
        if local_port:
            assert self.bind(fd, "0.0.0.0", local_port) == 0
        result = self.connect(fd, address, port)
        assert result == -115, result
        _, local = self.getname(fd)
        c = Connection(self, port, local)
        c.fd = fd
        (c.first,) = c.out()
        return c

    def nonblock(self, fd):
        from kernel.uapi.fcntl import F_SETFL, O_NONBLOCK
        from kernel.uapi.syscall import SYS_fcntl

        assert trap(SYS_fcntl, fd, F_SETFL, O_NONBLOCK) == 0

    def write(self, fd, data, flags=MSG_DONTWAIT):
        return self.sendto(fd, data, flags=flags)

    def read(self, fd, size=65536, flags=MSG_DONTWAIT):
        result = self.recvfrom(fd, size, flags)
        return result if isinstance(result, int) else result[0]

    def shutdown(self, fd, how):
        return self.socketcall(13, fd, how)

    def info(self, fd):
        """TCP_INFO as a dict."""
        raw = self.getsockopt(fd, SOL_TCP, TCP_INFO, 248)
        return dict(zip(INFO_FIELDS, struct.unpack("<8B24I4Q6I4Q2I2Q6I2HI", raw), strict=True))

    def sk(self, fd):
        """The kernel's own tcp_sock behind a descriptor."""
        return self.kernel.sched.current.files.fget(fd).private_data.sk

    def mib(self, name):
        return self.net.mib.get(name)
