"""The pcapng capture: read back with scapy, and byte for byte the same every time."""

import io
import struct

from scapy.utils import RawPcapNgReader

from hwemu.clock import Clock
from hwemu.wire.capture import Capture, PcapngWriter
from hwemu.wire.link import Link
from hwemu.wire.port import FRAME_BAD_FCS
from hwemu.wire.test_end import TestEnd


def blocks(data):
    """(type, body) of every block, lengths checked at both ends."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0 and struct.unpack_from("<I", data, at + length - 4)[0] == length
        yield kind, data[at + 8 : at + length - 4]
        at += length


def options(data):
    found = {}
    while data:
        code, length = struct.unpack_from("<HH", data)
        if code == 0:
            break
        found[code] = data[4 : 4 + length]
        data = data[4 + (length + 3) // 4 * 4 :]
    return found


def packets(data):
    """(interface, time, frame, epb_flags) of every packet block."""
    for kind, body in blocks(data):
        if kind == 6:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            assert captured == original
            rest = body[20 + (captured + 3) // 4 * 4 :]
            yield interface, high << 32 | low, body[20 : 20 + captured], struct.unpack("<I", options(rest)[2])[0]


def captured(lengths=(60, 61, 62, 63, 1514), delay=1500):
    clock, file = Clock(), io.BytesIO()
    link = Link(clock, "cable", delay=delay)
    wire = Capture(link, file, clock, "eth0")
    a, b = TestEnd(clock), TestEnd(clock)
    wire.attach(a)
    link.attach(b)
    for length in lengths:
        a.inject(bytes([length & 255]) * length)
    clock.run()
    b.inject(b"answer" * 10, FRAME_BAD_FCS)
    clock.run()
    return file.getvalue(), a, b


def test_blocks_names_times_and_directions():
    data, a, b = captured()
    headers = list(blocks(data))
    assert headers[0][0] == 0x0A0D0D0A and headers[0][1][:16] == bytes.fromhex("4d3c2b1a01000000ffffffffffffffff")
    assert headers[1][0] == 1 and options(headers[1][1][8:]) == {2: b"eth0", 9: b"\x09"}
    got = list(packets(data))
    assert [packet[2] for packet in got[:5]] == [arrival.frame for arrival in b.frames]
    assert {packet[:2] for packet in got[:5]} == {(0, 0)} and {packet[3] for packet in got[:5]} == {2}
    assert got[5] == (0, 3000, b"answer" * 10, 1 | 1 << 24)
    assert a.frames[0].frame == b"answer" * 10


def test_the_same_traffic_gives_the_same_bytes():
    assert captured()[0] == captured()[0]


def test_two_wires_in_one_file():
    clock, file = Clock(), io.BytesIO()
    writer = PcapngWriter(file)
    link = Link(clock)
    a, b = TestEnd(clock), TestEnd(clock)
    Capture(link, writer, clock, "alice").attach(a)
    Capture(link, writer, clock, "bob").attach(b)
    a.inject(b"\xff" * 60)
    clock.run()
    assert [(packet[0], packet[3]) for packet in packets(file.getvalue())] == [(0, 2), (1, 1)]
    assert writer.packets == 2
    writer.close()
    assert file.closed


def test_two_stations_on_one_capture_are_recorded_once():
    clock, file = Clock(), io.BytesIO()
    wire = Capture(Link(clock, "cable"), file, clock)
    a, b = TestEnd(clock), TestEnd(clock)
    wire.attach(a)
    wire.attach(b)
    a.inject(b"\xff" * 60)
    b.inject(b"\xfe" * 60)
    clock.run()
    assert [packet[2][0] for packet in packets(file.getvalue())] == [255, 254]
    assert options(next(body for kind, body in blocks(file.getvalue()) if kind == 1)[8:])[2] == b"cable"


def test_scapy_reads_it():
    data, _, _ = captured()
    with RawPcapNgReader(io.BytesIO(data)) as reader:
        got = list(reader)
    assert [len(frame) for frame, _ in got] == [60, 61, 62, 63, 1514, 60]
    assert got[5][1].tsresol == 10**9 and got[5][1].tslow == 3000
