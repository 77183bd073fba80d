"""Receiving: ring, buffers, sizes, filters, checksums, VLAN (FACTS 10 to 22)."""

import struct
import zlib

import pytest
from nic_bench import (
    BROADCAST,
    BUFFER_STRIDE,
    MAC,
    RCTL_ON,
    RX_BUFFERS,
    RX_RING,
    Bench,
    checksum,
    frame,
    ipv4,
    multicast_frames_hash,
    tcp,
    udp,
)

from hwemu.nic.e1000 import registers as r
from hwemu.wire.port import FRAME_BAD_FCS

RCTL_SBP, RCTL_UPE, RCTL_MPE, RCTL_LPE, RCTL_BAM = 0x4, 0x8, 0x10, 0x20, 0x8000
RCTL_VFE, RCTL_CFIEN, RCTL_CFI, RCTL_BSEX, RCTL_SECRC = 0x40000, 0x80000, 0x100000, 0x02000000, 0x04000000
ICR_RXDMT0, ICR_RXO, ICR_RXT0 = 0x10, 0x40, 0x80


@pytest.fixture
def bench():
    return Bench()


def test_a_frame_arrives_whole_and_is_announced(bench):
    bench.rx_setup()
    bench.write(r.IMS, ICR_RXT0)
    sent = frame(bytes(range(100)))
    bench.inject(sent)
    assert bench.line
    assert bench.read(r.ICR) & ICR_RXT0
    assert not bench.line
    [(data, status, errors, special, _)] = bench.received()
    assert data == sent and status & 3 == 3 and errors == 0 and special == 0
    assert bench.read(r.RDH) == 1


def test_fact_10_a_ring_of_n_holds_n_minus_1(bench):
    bench.rx_setup(count=8)
    for i in range(8):
        bench.inject(frame(bytes([i])))
    assert [data[14] for data in bench.frames()] == list(range(7))
    assert bench.read(r.RDH) == bench.read(r.RDT) == 7


def test_fact_11_no_descriptor_drops_and_counts(bench):
    bench.rx_setup(count=8, free=0)
    bench.inject(frame())
    assert bench.read(r.ICR) & ICR_RXO
    assert bench.read(r.MPC) == 1 and bench.read(r.RNBC) == 1 and bench.read(r.GPRC) == 0
    bench.write(r.RDT, 4)
    bench.run()
    assert bench.frames() == []
    bench.inject(frame())
    assert len(bench.frames()) == 1


@pytest.mark.parametrize(
    ("bits", "size"),
    [
        (0x00000, 2048), (0x10000, 1024), (0x20000, 512), (0x30000, 256),
        (RCTL_BSEX | 0x10000, 16384), (RCTL_BSEX | 0x20000, 8192), (RCTL_BSEX | 0x30000, 4096),
    ],
)  # fmt: skip
def test_fact_12_buffer_sizes(bench, bits, size):
    bench.rx_setup(count=64, rctl=RCTL_ON | RCTL_LPE | bits, addresses=[RX_BUFFERS + i * 0x8000 for i in range(64)])
    sent = frame(bytes(i & 0xFF for i in range(9000)))
    bench.inject(sent)
    pieces = [bench.rx_descriptor(i) for i in range(64) if bench.rx_descriptor(i)[3] & 1]
    assert [p[1] for p in pieces] == [size] * (len(sent) // size) + ([len(sent) % size] if len(sent) % size else [])
    assert [p[3] & 2 for p in pieces] == [0] * (len(pieces) - 1) + [2]
    assert bench.frames() == [sent]


def test_fact_12_a_frame_that_does_not_fit_the_free_descriptors_is_dropped_whole(bench):
    bench.rx_setup(count=8, free=3, rctl=RCTL_ON | 0x30000)
    bench.inject(frame(b"x" * 1000))
    assert bench.frames() == [] and bench.read(r.RDH) == 0 and bench.read(r.MPC) == 1
    bench.inject(frame(b"y" * 600))
    assert [len(data) for data in bench.frames()] == [614]


@pytest.mark.parametrize(("length", "passes"), [(1518, True), (1522, True), (1523, False)])
def test_fact_13_long_frames_without_lpe(bench, length, passes):
    bench.rx_setup()
    bench.inject(frame(length=length - 4))
    assert len(bench.frames()) == passes
    assert bench.read(r.ROC) == (not passes) and bench.read(r.RLEC) == (not passes)


def test_fact_13_jumbo_frames_with_lpe(bench):
    bench.rx_setup(count=64, rctl=RCTL_ON | RCTL_LPE)
    for length in (1523, 9000, 16384, 16385, 20000):
        bench.inject(frame(length=length - 4))
    assert [len(data) for data in bench.frames()] == [1519, 8996, 16380]
    assert bench.read(r.ROC) == 2


def test_fact_14_fcs_follows_unless_stripped(bench):
    sent = frame(b"payload")
    bench.rx_setup(rctl=RCTL_ON & ~RCTL_SECRC)
    bench.inject(sent)
    [data] = bench.frames()
    assert data == sent + struct.pack("<I", zlib.crc32(sent))
    bench.write(r.RCTL, RCTL_ON)
    bench.inject(sent)
    assert bench.frames() == [sent]


def test_fact_14_fcs_that_straddles_two_buffers(bench):
    bench.rx_setup(rctl=RCTL_ON & ~RCTL_SECRC | 0x30000)
    sent = frame(length=254)
    bench.inject(sent)
    assert bench.frames() == [sent + struct.pack("<I", zlib.crc32(sent))]


def test_fact_15_runts_are_counted_never_padded(bench):
    bench.rx_setup()
    bench.inject(frame(length=59))
    bench.inject(frame(length=59), FRAME_BAD_FCS)
    bench.inject(b"")
    assert bench.frames() == []
    assert (bench.read(r.RUC), bench.read(r.RFC), bench.read(r.GPRC)) == (1, 1, 0)
    bench.write(r.RCTL, RCTL_ON | RCTL_SBP)
    bench.inject(frame(length=40))
    assert [len(data) for data in bench.frames()] == [40]
    assert bench.read(r.RUC) == 1


def test_fact_15_bad_fcs_is_dropped_or_marked(bench):
    bench.rx_setup()
    bench.inject(frame(), FRAME_BAD_FCS)
    assert bench.frames() == [] and bench.read(r.CRCERRS) == 1
    bench.write(r.RCTL, (RCTL_ON | RCTL_SBP) & ~RCTL_SECRC)
    bench.inject(frame(), FRAME_BAD_FCS)
    [(data, _, errors, _, _)] = bench.received()
    assert errors & 1 and data[:60] == frame() and data[60:] != struct.pack("<I", zlib.crc32(frame()))
    assert bench.read(r.GPRC) == 0


def test_fact_16_a_zero_address_skips_the_descriptor(bench):
    addresses = [0, RX_BUFFERS, 0, RX_BUFFERS + BUFFER_STRIDE] + [RX_BUFFERS + 2 * BUFFER_STRIDE] * 4
    bench.rx_setup(count=8, addresses=addresses, rctl=RCTL_ON | 0x30000)
    sent = frame(bytes(range(256)), length=400)
    bench.inject(sent)
    assert [bench.rx_descriptor(i)[1] for i in range(4)] == [0, 256, 0, 144]
    assert [bench.rx_descriptor(i)[3] & 3 for i in range(4)] == [1, 1, 1, 3]
    assert bench.frames() == [sent] and bench.read(r.RDH) == 4


def test_fact_16_a_ring_of_zero_addresses_stores_nothing(bench):
    bench.rx_setup(count=8, addresses=[0] * 8)
    bench.inject(frame())
    assert bench.read(r.RDH) == 0 and bench.read(r.MPC) == 1


RXCSUM_IP, RXCSUM_TU = 0x100, 0x200
IXSM, VP, TCPCS, IPCS = 0x04, 0x08, 0x20, 0x40
TCPE, IPE = 0x20, 0x40


def checked(bench, packet, kind=0x0800, head=b"", enable=RXCSUM_IP | RXCSUM_TU):
    """(status, errors) that a packet gets, without DD and EOP."""
    bench.write(r.RXCSUM, enable)
    bench.inject(frame(head + packet, kind=kind))
    [(_, status, errors, _, _)] = bench.received()
    bench.set_bits(r.RDT, 0)
    bench.write(r.RDT, (bench.rx_next - 1) % bench.rx_count)
    return status & ~3, errors


def test_fact_17_receive_checksum_offload(bench):
    bench.rx_setup()
    good_tcp, good_udp = ipv4(tcp(b"data!"), 6), ipv4(udp(b"datagram"), 17)
    assert checked(bench, good_tcp) == (TCPCS | IPCS, 0)
    assert checked(bench, good_udp) == (TCPCS | IPCS, 0)
    assert checked(bench, ipv4(tcp(b"data", wrong=True), 6)) == (TCPCS | IPCS, TCPE)
    assert checked(bench, ipv4(udp(b"data", wrong=True), 17)) == (TCPCS | IPCS, TCPE)
    assert checked(bench, ipv4(tcp(b"data"), 6, wrong=True)) == (TCPCS | IPCS, IPE)
    assert checked(bench, ipv4(tcp(b"x"), 6, options=b"\x01" * 8)) == (TCPCS | IPCS, 0)
    assert checked(bench, ipv4(udp(b"no sum", with_checksum=False), 17)) == (IPCS, 0)
    assert checked(bench, ipv4(b"ping" * 4, 1)) == (IPCS, 0)
    assert checked(bench, ipv4(tcp(b"piece"), 6, fragment=0x2000)) == (IPCS, 0)
    assert checked(bench, ipv4(tcp(b"piece"), 6, fragment=0x0010)) == (IPCS, 0)
    assert checked(bench, b"\x60" + bytes(60), kind=0x86DD) == (IXSM, 0)
    assert checked(bench, bytes(46), kind=0x0806) == (IXSM, 0)


def test_fact_17_the_enables_work_alone(bench):
    bench.rx_setup()
    wrong = ipv4(tcp(b"data", wrong=True), 6, wrong=True)
    assert checked(bench, wrong, enable=RXCSUM_TU) == (TCPCS, TCPE)
    assert checked(bench, wrong, enable=RXCSUM_IP) == (IPCS, IPE)
    assert checked(bench, wrong, enable=0) == (IXSM, 0)


def test_fact_17_tagged_and_snap_frames_are_checked(bench):
    bench.rx_setup()
    packet = ipv4(tcp(b"tagged", wrong=True), 6)
    assert checked(bench, packet, kind=0x8100, head=b"\x00\x05\x08\x00") == (TCPCS | IPCS, TCPE)
    snap = b"\xaa\xaa\x03\x00\x00\x00\x08\x00"
    assert checked(bench, packet, kind=8 + len(packet), head=snap) == (TCPCS | IPCS, TCPE)


@pytest.mark.parametrize(
    "packet",
    [
        b"\x45", b"\x44" + ipv4(tcp(), 6)[1:], b"\x4f" + ipv4(tcp(), 6)[1:], ipv4(b"", 6), ipv4(b"12345", 17),
        ipv4(tcp(), 6)[:2] + b"\xff\xff" + ipv4(tcp(), 6)[4:], ipv4(udp(b"abc")[:4] + b"\xff\xff\x12\x34abc", 17),
        ipv4(udp(b"abc")[:4] + b"\x00\x02\x12\x34abc", 17),
    ],
)  # fmt: skip
def test_fact_17_malformed_packets_are_never_reported_good(bench, packet):
    bench.rx_setup()
    status, errors = checked(bench, packet)
    assert not status & TCPCS or errors & TCPE


@pytest.mark.parametrize("start", [0, 1, 11, 12, 13, 14, 15, 34, 59, 60, 200])
@pytest.mark.parametrize("keep_fcs", [False, True])
@pytest.mark.parametrize("strip", [False, True])
def test_fact_17_packet_checksum_field(bench, start, keep_fcs, strip):
    bench.rx_setup(rctl=RCTL_ON & ~RCTL_SECRC if keep_fcs else RCTL_ON)
    if strip:
        bench.set_bits(r.CTRL, 0x40000000)
    bench.write(r.RXCSUM, start)
    bench.inject(frame(b"\x00\x07\x08\x00" + bytes(range(1, 60)), kind=0x8100))
    [(data, _, _, _, value)] = bench.received()
    assert value == checksum(data[start:])


def test_fact_18_vlan_filter_as_well_as_address_filter(bench):
    bench.rx_setup(rctl=RCTL_ON | RCTL_VFE)
    tagged = frame(struct.pack(">HH", 0x6005, 0x0800), kind=0x8100)
    bench.inject(tagged)
    assert bench.frames() == []
    bench.write(r.VFTA, 1 << 5)
    bench.inject(tagged)
    bench.inject(frame(struct.pack(">HH", 0x0006, 0x0800), kind=0x8100))
    bench.inject(frame(struct.pack(">HH", 0x0005, 0x0800), kind=0x8100, destination=b"\x02\x09\x09\x09\x09\x09"))
    assert bench.frames() == [tagged]
    bench.inject(frame())
    assert len(bench.frames()) == 1
    bench.write(r.VFTA + 4 * 127, 1 << 31)
    bench.inject(frame(struct.pack(">HH", 0x0FFF, 0x0800), kind=0x8100))
    assert len(bench.frames()) == 1


def test_fact_18_cfi_filter(bench):
    bench.rx_setup(rctl=RCTL_ON | RCTL_VFE | RCTL_CFIEN)
    bench.write(r.VFTA, 0xFFFFFFFF)
    plain, marked = (frame(struct.pack(">HH", tag, 0x0800), kind=0x8100) for tag in (0x0001, 0x1001))
    bench.inject(plain)
    bench.inject(marked)
    assert bench.frames() == [plain]
    bench.write(r.RCTL, RCTL_ON | RCTL_VFE | RCTL_CFIEN | RCTL_CFI)
    bench.inject(plain)
    bench.inject(marked)
    assert bench.frames() == [marked]


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_fact_19_multicast_hash(bench, offset):
    group = b"\x01\x00\x5e\x12\x34\x56"
    bench.rx_setup(rctl=RCTL_ON | offset << 12)
    bench.inject(frame(destination=group))
    assert bench.frames() == []
    index = multicast_frames_hash(group, offset)
    bench.write(r.MTA + 4 * (index >> 5), 1 << (index & 31))
    bench.inject(frame(destination=group))
    [(_, status, _, _, _)] = bench.received()
    assert status & 0x80
    # The table never lets unicast in.
    bench.inject(frame(destination=b"\x02\x00\x5e\x12\x34\x56"))
    assert bench.frames() == []


def test_fact_20_av_gates_each_of_16_entries(bench):
    bench.rx_setup(count=32)
    for i in range(1, 16):
        bench.write(r.RAL + 8 * i, 0x44332202)
        bench.write(r.RAH + 8 * i, 0x00000055 | i << 8)
        address = bytes([0x02, 0x22, 0x33, 0x44, 0x55, i])
        bench.inject(frame(destination=address))
        assert bench.frames() == [], i
        bench.write(r.RAH + 8 * i, 0x80000055 | i << 8)
        bench.inject(frame(destination=address))
        assert len(bench.frames()) == 1, i
    bench.write(r.RAH, 0x5634)
    bench.inject(frame())
    assert bench.frames() == []


def test_fact_20_address_reloads_from_the_eeprom_on_reset(bench):
    bench.write(r.RAL, 0)
    bench.write(r.RAH, 0)
    bench.write(r.CTRL, 0x04000000)
    assert bench.read(r.RAL) == int.from_bytes(MAC[:4], "little")
    assert bench.read(r.RAH) == 0x80000000 | int.from_bytes(MAC[4:], "little")


def test_fact_20_source_address_select(bench):
    bench.rx_setup()
    bench.write(r.RAL + 8, 0x03020102)
    bench.write(r.RAH + 8, 0x80010504)
    bench.inject(frame(destination=b"\x02\x99\x99\x99\x99\x99", source=b"\x02\x01\x02\x03\x04\x05"))
    assert len(bench.frames()) == 1


def test_fact_21_promiscuous_bits_do_not_imply_each_other(bench):
    other, group = frame(destination=b"\x02\x99\x99\x99\x99\x99"), frame(destination=b"\x01\x00\x5e\x00\x00\x01")
    everyone = frame(destination=BROADCAST)
    for bits, expected in (
        (0, []),
        (RCTL_UPE, [other]),
        (RCTL_MPE, [group]),
        (RCTL_BAM, [everyone]),
        (RCTL_UPE | RCTL_MPE | RCTL_BAM, [other, group, everyone]),
    ):
        bench.rx_setup(rctl=(RCTL_ON & ~RCTL_BAM) | bits)
        for sent in (other, group, everyone):
            bench.inject(sent)
        assert bench.frames() == expected


def test_fact_22_vlan_strip_needs_vme_and_the_type(bench):
    bench.rx_setup()
    tagged = frame(struct.pack(">HH", 0xA123, 0x0800) + b"inner" * 10, kind=0x8100)
    bench.inject(tagged)
    [(data, status, _, special, _)] = bench.received()
    assert data == tagged and not status & VP and special == 0
    bench.set_bits(r.CTRL, 0x40000000)
    bench.inject(tagged)
    [(data, status, _, special, _)] = bench.received()
    assert data == tagged[:12] + tagged[16:] and status & VP and special == 0xA123
    bench.write(r.VET, 0x88A8)
    bench.inject(tagged)
    [(data, status, _, _, _)] = bench.received()
    assert data == tagged and not status & VP
    bench.write(r.VET, 0x8100)
    bench.inject(tagged[:60])
    assert [len(data) for data in bench.frames()] == [56]
    assert bench.read(r.PRC64) == 1


def test_receiver_off_or_without_link_takes_nothing(bench):
    bench.rx_setup(rctl=RCTL_ON & ~2)
    bench.inject(frame())
    assert bench.frames() == [] and bench.read(r.TPR) == 0
    bench.write(r.RCTL, RCTL_ON)
    bench.nic.phy.set_carrier(False)
    bench.inject(frame())
    assert bench.frames() == [] and bench.read(r.TPR) == 0


def test_fact_10_garbage_ring_registers_do_no_harm(bench):
    bench.rx_setup()
    for head, tail, length in ((0xFFFF, 5, 256), (3, 0xFFFF, 256), (0, 5, 0), (0xFFFF, 0xFFFE, 0xFFF80)):
        bench.write(r.RDLEN, length)
        bench.write(r.RDH, head)
        bench.write(r.RDT, tail)
        for _ in range(3):
            bench.inject(frame())
    bench.write(r.RDLEN, 256)
    bench.write(r.RDBAL, 0xFFFF0000)
    bench.write(r.RDBAH, 0xFFFFFFFF)
    bench.inject(frame())
    assert bench.ram.read(0, 0x1000) == bytes(0x1000)


def test_fact_12_wraps_around_the_ring(bench):
    bench.rx_setup(count=8, rctl=RCTL_ON | 0x30000)
    for i in range(20):
        sent = frame(bytes([i]) * 700)
        bench.inject(sent)
        assert bench.frames() == [sent]
        bench.write(r.RDT, (bench.rx_next - 1) % 8)
    assert bench.read(r.RDH) == 20 * 3 % 8
    assert bench.nic.receiver.base == RX_RING
