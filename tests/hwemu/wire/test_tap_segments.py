"""The segments of one segmentation cross a TAP with a vnet header as one packet, out and in, and nothing else does."""

import socket

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from hwemu.wire.tap_io import FrameReader, FrameWriter

PAYLOAD = bytes(range(256)) * 300
PLAIN = bytes(10)


class Host:
    """The host's end: every write as (vnet header, frame)."""

    def __init__(self):
        ours, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.end.setblocking(False)
        self.ours = ours
        self.writer = FrameWriter(ours.fileno(), True)

    def take(self):
        writes = []
        while True:
            try:
                data = self.end.recv(70000)
            except BlockingIOError:
                return writes
            writes.append((data[:10], data[10:]))


@pytest.fixture
def host():
    host = Host()
    yield host
    host.ours.close()
    host.end.close()


def segment(number, size=1000, flags="A", **changes):
    """Segment `number` of a stream of `size`-byte segments, as a card's segmentation makes them."""
    ip = {"src": "10.0.0.1", "dst": "10.0.0.2", "id": 7 + number, "flags": "DF", "ttl": 64, "tos": 0}
    tcp = {
        "sport": 80, "dport": 4000, "seq": 0xFFFFFF00 + number * size, "ack": 99, "window": 500, "flags": flags,
        "options": [("NOP", None), ("NOP", None), ("Timestamp", (1, 2))],
    }
    payload = changes.pop("payload", PAYLOAD[number * size : (number + 1) * size])
    for name, value in changes.items():
        (ip if name in ip else tcp)[name] = value
    tcp["seq"] &= 0xFFFFFFFF
    frame = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(**ip) / TCP(**tcp) / Raw(payload)
    return bytes(frame)


def checksums_are_right(frame):
    parsed = Ether(frame)
    stated = parsed[IP].chksum, parsed[TCP].chksum
    del parsed[IP].chksum
    del parsed[TCP].chksum
    again = Ether(bytes(parsed))
    return stated == (again[IP].chksum, again[TCP].chksum)


@pytest.mark.parametrize("size", [1000, 513, 1448])
def test_a_stream_becomes_one_packet(host, size):
    for number in range(5):
        host.writer.put(segment(number, size), True)
    host.writer.put(segment(5, size, payload=b"end", flags="PA"), False)
    ((header, frame),) = host.take()
    # flags 0, GSO_TCPV4, the length of the headers, the size of a segment.
    assert header == bytes([0, 1]) + (66).to_bytes(2, "little") + size.to_bytes(2, "little") + bytes(4)
    parsed = Ether(frame)
    assert parsed[IP].len == len(frame) - 14 == 52 + 5 * size + 3
    assert parsed[IP].id == 7 and parsed[TCP].seq == 0xFFFFFF00 and parsed[TCP].flags == "PA"
    assert bytes(parsed[TCP].payload) == PAYLOAD[: 5 * size] + b"end"
    assert checksums_are_right(frame)
    assert (host.writer.written, host.writer.held) == (6, 0)


def test_held_until_flushed(host):
    first = segment(0)
    host.writer.put(first, True)
    assert host.take() == [] and host.writer.held == 1
    host.writer.flush()
    assert host.take() == [(PLAIN, first)]
    host.writer.flush()
    assert host.take() == []


def test_segmentations_are_not_joined(host):
    """Two in a row stay two packets, and a frame that is none of a segmentation waits for nothing."""
    frames = [segment(number) for number in range(4)]
    for frame, more in zip(frames, (True, False, False, True), strict=True):
        host.writer.put(frame, more)
    (_, first), (_, second) = host.take()
    assert len(first) == 66 + 2000 and second == frames[2] and host.writer.held == 1
    host.writer.flush()
    assert host.take() == [(PLAIN, frames[3])]


def test_a_short_segment_ends_the_packet(host):
    host.writer.put(segment(0), True)
    host.writer.put(segment(1, payload=b"y" * 600), True)
    ((_, frame),) = host.take()
    assert len(frame) == 66 + 1600 and checksums_are_right(frame)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 9}, {"seq": 5}, {"ack": 100}, {"window": 501}, {"sport": 81}, {"dst": "10.0.0.3"}, {"ttl": 63}, {"tos": 2},
        {"payload": b"z" * 1001}, {"options": [("NOP", None), ("NOP", None), ("Timestamp", (1, 3))]}, {"options": []},
        {"flags": "SA"}, {"flags": "RA"}, {"flags": "UA"}, {"flags": "EA"}, {"flags": "CA"},
    ],
    ids=str,
)
def test_what_does_not_continue_is_not_merged(host, changes):
    flags = changes.get("flags", "A")
    fields = {name: value for name, value in changes.items() if name != "flags"}
    frames = [segment(0), segment(1, flags=flags, **fields)]
    for frame in frames:
        host.writer.put(frame, True)
    host.writer.flush()
    assert host.take() == [(PLAIN, frame) for frame in frames]


def test_order_is_kept(host):
    frames = [segment(0), bytes(Ether() / IP(dst="10.0.0.2") / UDP() / Raw(b"u" * 900)), segment(1), b"\xff" * 60]
    for frame in frames:
        host.writer.put(frame, True)
    host.writer.flush()
    assert [frame for _, frame in host.take()] == frames


@pytest.mark.parametrize("at", [14 + 8, 14 + 20 + 15, 700])
def test_damage_is_never_repaired(host, at):
    """A frame whose IP or TCP checksum is wrong crosses as it is: TTL, window or data were changed on the wire."""
    good, bad = segment(0), bytearray(segment(1))
    bad[at] ^= 0x10
    host.writer.put(good, True)
    host.writer.put(bytes(bad), True)
    host.writer.put(segment(2), True)
    host.writer.flush()
    assert [frame for _, frame in host.take()] == [good, bytes(bad), segment(2)]


@pytest.mark.parametrize("size", [0, 1, 13, 14, 33, 34, 53, 54])
def test_short_frames_are_not_looked_into(host, size):
    frame = segment(0)[:size]
    host.writer.put(frame, True)
    host.writer.flush()
    assert host.take() == [(PLAIN, frame)]


def test_lengths_that_lie(host):
    frame = bytearray(segment(0))
    for at, value in ((14, 0x46), (16, 0xFF), (20, 0x20), (46, 0xF0), (46, 0x40)):
        lie = bytearray(frame)
        lie[at] = value
        host.writer.put(bytes(lie), True)
        assert host.take() == [(PLAIN, bytes(lie))]


def test_a_packet_ends_at_64_kilobytes(host):
    long = bytes(1448) * 60
    for number in range(60):
        host.writer.put(segment(number, 1448, payload=long[:1448]), True)
    host.writer.flush()
    sizes = [len(frame) - 66 for _, frame in host.take()]
    assert sizes == [45 * 1448, 15 * 1448]


def test_frames_held_at_the_end_are_let_go():
    ours, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    writer = FrameWriter(ours.fileno(), True)
    writer.put(segment(0), True)
    del writer
    ours.close()
    end.close()


def test_reading_skips_the_header(host):
    buffer = FrameReader()
    host.end.send(PLAIN + b"\x05" * 100)
    host.end.send(PLAIN + b"\x06" * 20)
    host.ours.setblocking(False)
    assert buffer.read_frame(host.ours.fileno(), True) == b"\x05" * 100
    assert buffer.read_frame(host.ours.fileno(), True) == b"\x06" * 20 + bytes(40)
    assert buffer.read_frame(host.ours.fileno(), True) is None and buffer.failure == 0


# --- in ---


def large(size, payload, headers=66, network=14, gso=1, flags="A", tag=b"", needs_checksum=1):
    """(vnet header, packet) as the host hands over a large TCP packet; the length in its IP header is the whole packet's."""
    packet = bytearray(segment(0, payload=payload, flags=flags))
    packet[12:12] = tag
    at = network + 20 + len(tag)
    header = bytes([needs_checksum, gso]) + headers.to_bytes(2, "little") + size.to_bytes(2, "little")
    return header + at.to_bytes(2, "little") + (16).to_bytes(2, "little"), bytes(packet)


def read_all(host):
    host.ours.setblocking(False)
    reader = FrameReader()
    frames = []
    while (frame := reader.read_frame(host.ours.fileno(), True)) is not None:
        frames.append(frame)
    assert reader.failure == 0 and not reader.pending
    return frames


@pytest.mark.parametrize("size", [536, 1001, 1448])
@pytest.mark.parametrize("length", [1449, 7 * 1448, 40_000])
def test_a_large_packet_is_cut(host, size, length):
    payload = PAYLOAD[:length]
    header, packet = large(size, payload, flags="PA")
    host.end.send(header + packet)
    host.end.send(PLAIN + b"\x05" * 100)
    *frames, after = read_all(host)
    assert after == b"\x05" * 100
    parsed = [Ether(frame) for frame in frames]
    assert len(frames) == -(-length // size)
    assert all(checksums_are_right(frame) for frame in frames)
    assert b"".join(bytes(one[TCP].payload)[: one[IP].len - 52] for one in parsed) == payload
    assert [one[IP].id for one in parsed] == [7 + number for number in range(len(frames))]
    assert [one[TCP].seq for one in parsed] == [(0xFFFFFF00 + number * size) & 0xFFFFFFFF for number in range(len(frames))]
    assert [str(one[TCP].flags) for one in parsed] == ["A"] * (len(frames) - 1) + ["PA"]
    assert {len(frame) for frame in frames[:-1]} <= {66 + size}


def test_cwr_is_on_the_first_segment_alone(host):
    """RFC 3168 section 6.1.2: it answers one congestion event."""
    header, packet = large(1000, PAYLOAD[:2500], gso=0x81, flags="FAC")
    host.end.send(header + packet)
    assert [str(Ether(frame)[TCP].flags) for frame in read_all(host)] == ["AC", "A", "FA"]


def test_a_tagged_packet_keeps_its_tag(host):
    header, packet = large(1000, PAYLOAD[:1500], headers=70, tag=bytes.fromhex("8100002a"))
    host.end.send(header + packet)
    frames = read_all(host)
    assert [len(frame) for frame in frames] == [1070, 570]
    assert all(Ether(frame).vlan == 42 and checksums_are_right(frame) for frame in frames)


@pytest.mark.parametrize(("protocol", "at"), [(TCP, 16), (UDP, 6)])
def test_a_checksum_that_the_host_left_to_us_is_made(host, protocol, at):
    whole = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / protocol(sport=7, dport=9) / Raw(b"odd" * 33))
    packet = bytearray(whole)
    start = 34
    pseudo = sum(int.from_bytes(whole[i : i + 2], "big") for i in range(26, 34, 2)) + whole[23] + len(whole) - start
    while pseudo >> 16:
        pseudo = (pseudo & 0xFFFF) + (pseudo >> 16)
    packet[start + at : start + at + 2] = pseudo.to_bytes(2, "big")
    host.end.send(bytes([1, 0, 0, 0, 0, 0]) + start.to_bytes(2, "little") + at.to_bytes(2, "little") + packet)
    assert read_all(host) == [whole]


@pytest.mark.parametrize(
    "header",
    [
        bytes([1, 1, 66, 0, 0, 0, 34, 0, 16, 0]),  # segments of no size
        bytes([1, 1, 66, 0, 232, 3, 255, 255, 16, 0]),  # a transport header behind the end
        bytes([1, 1, 66, 0, 232, 3, 10, 0, 16, 0]),  # in the Ethernet header
        bytes([1, 0, 0, 0, 0, 0, 34, 0, 255, 255]),  # a checksum behind the end
        bytes([0, 4, 66, 0, 232, 3, 34, 0, 16, 0]),  # IPv6, which we did not ask for
    ],
)
def test_a_header_that_makes_no_sense_leaves_the_frame_whole(host, header):
    frame = segment(0, size=200)
    host.end.send(header + frame)
    (read,) = read_all(host)
    assert len(read) == len(frame)


def test_forgotten_segments_do_not_come(host):
    host.ours.setblocking(False)
    header, packet = large(1000, PAYLOAD[:5000])
    host.end.send(header + packet)
    reader = FrameReader()
    assert reader.read_frame(host.ours.fileno(), True) is not None and reader.pending
    reader.forget()
    assert reader.read_frame(host.ours.fileno(), True) is None
