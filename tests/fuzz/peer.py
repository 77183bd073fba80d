"""The host at the other end of the wire: answers ARP, keeps track of TCP flows, and judges every frame it gets."""

import struct

from hwemu.wire.test_end import TestEnd

PEER_MAC = bytes.fromhex("020000000001")
PEER_IP = 0x0A000001
GUEST_IP = 0x0A000002
SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
MASK = 0xFFFFFFFF
ETH_P_IP, ETH_P_ARP = 0x0800, 0x0806
ICMP, TCP, UDP = 1, 6, 17
NEWEST = 4


def checksum(data, total=0):
    """The Internet checksum of `data`, on top of the sum `total`."""
    if len(data) & 1:
        data += b"\0"
    total += sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_sum(packet, length):
    """The sum of the pseudo header for an IPv4 packet with `length` bytes of transport."""
    return sum(struct.unpack(">4H", packet[12:20])) + packet[9] + length


class Flow:
    """A TCP connection as its frames show it: the next sequence numbers both ways and the timestamp to echo."""

    def __init__(self, local, remote):
        self.local = local
        self.remote = remote
        self.ours = 0x1000
        self.theirs = 0
        self.echo = 0
        self.stamps = False
        self.scale = 0
        self.state = "new"

    def saw(self, flags, sequence, acknowledgment, length, options):
        """A segment of the guest's."""
        if flags & RST:
            self.state = "reset"
            return
        if flags & SYN:
            self.theirs = (sequence + 1) & MASK
            self.state = "synack" if flags & ACK else "syn"
        else:
            end = (sequence + length + (flags & FIN)) & MASK
            if ((end - self.theirs) & MASK) < 0x80000000:
                self.theirs = end
            self.state = "established"
        if flags & ACK and ((acknowledgment - self.ours) & MASK) < 0x80000000:
            self.ours = acknowledgment
        stamp = find_option(options, 8)
        if stamp is not None and len(stamp) == 8:
            self.echo = int.from_bytes(stamp[:4], "big")
            self.stamps = True


def find_option(options, kind):
    """The body of a TCP option in what the guest sent, or None."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        assert at + 1 < len(options) and options[at + 1] >= 2, f"the guest sent malformed options {options.hex()}"
        if options[at] == kind:
            return options[at + 2 : at + options[at + 1]]
        at += options[at + 1]
    return None


class Peer(TestEnd):
    """`flows` are the TCP connections by (our port, its port); `problems` what was wrong with the guest's frames."""

    def __init__(self, clock):
        TestEnd.__init__(self, clock)
        self.begin()

    def begin(self):
        """Forget everything."""
        self.frames = []
        self.flows = {}
        self.problems = []
        self.recent = []
        self.replies = []

    def receive(self, frame, flags):
        try:
            self.judge(frame)
        except (AssertionError, struct.error, IndexError) as error:
            self.problems.append(f"{type(error).__name__} {error}: {frame.hex()}")

    def flow(self, local, remote):
        key = (local, remote)
        if key not in self.flows:
            self.flows[key] = Flow(local, remote)
        return self.flows[key]

    def newest(self):
        """The flows that answer, the newest last."""
        return [flow for flow in self.flows.values() if flow.state not in ("new", "reset")][-NEWEST:]

    def judge(self, frame):
        """Whatever the guest was sent, what it sends must be well-formed."""
        assert len(frame) >= 60 and frame[6] & 1 == 0
        kind = int.from_bytes(frame[12:14], "big")
        if kind == ETH_P_ARP:
            self.answer_arp(frame)
            return
        assert kind == ETH_P_IP, f"type {kind:#x}"
        length = int.from_bytes(frame[16:18], "big")
        header = (frame[14] & 15) * 4
        packet = frame[14 : 14 + length]
        assert frame[14] >> 4 == 4 and header >= 20 and len(packet) == length >= header, "lengths"
        assert checksum(packet[:header]) == 0, "IP header checksum"
        self.recent = [*self.recent[1 - NEWEST :], packet]
        if int.from_bytes(packet[6:8], "big") & 0x3FFF:
            return
        body = packet[header:]
        if packet[9] == TCP:
            self.judge_tcp(packet, body)
        elif packet[9] == UDP:
            size = int.from_bytes(body[4:6], "big")
            assert size == len(body), "UDP length"
            assert body[6:8] == b"\0\0" or checksum(body, pseudo_sum(packet, size)) == 0, "UDP checksum"
        elif packet[9] == ICMP:
            assert checksum(body) == 0, "ICMP checksum"
            if body[0] == 0:
                self.replies.append(body[4:])

    def judge_tcp(self, packet, body):
        assert checksum(body, pseudo_sum(packet, len(body))) == 0, "TCP checksum"
        remote, local, sequence, acknowledgment, offset, flags = struct.unpack(">HHIIBB", body[:14])
        size = (offset >> 4) * 4
        assert 20 <= size <= len(body), "TCP header length"
        assert not (flags & SYN and flags & (FIN | RST)), f"TCP flags {flags:#x}"
        self.flow(local, remote).saw(flags, sequence, acknowledgment, len(body) - size, body[20:size])

    def answer_arp(self, frame):
        operation = int.from_bytes(frame[20:22], "big")
        assert frame[14:20] == bytes.fromhex("000108000604") and operation in (1, 2), "ARP header"
        assert frame[22:28] == frame[6:12], "ARP sender"
        if operation == 1 and int.from_bytes(frame[38:42], "big") == PEER_IP:
            body = bytes.fromhex("0001080006040002") + PEER_MAC + PEER_IP.to_bytes(4, "big") + frame[22:32]
            self.inject((frame[6:12] + PEER_MAC + b"\x08\x06" + body).ljust(60, b"\0"))
