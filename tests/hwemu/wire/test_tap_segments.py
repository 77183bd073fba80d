"""The segments of one segmentation cross a TAP with a vnet header as one packet, and nothing else does."""

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
