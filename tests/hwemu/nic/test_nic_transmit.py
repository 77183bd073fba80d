"""Sending: write-back, checksum insertion, contexts, segmentation, bounds (FACTS 23 to 30)."""

import struct
import zlib

import pytest
from nic_bench import (
    CMD_EOP,
    CMD_IC,
    CMD_IDE,
    CMD_IFCS,
    CMD_RPS,
    CMD_RS,
    CMD_TSE,
    CMD_VLE,
    RCTL_ON,
    TX_RING,
    Bench,
    checksum,
    frame,
    ipv4,
    pseudo,
    tcp,
    udp,
)

from hwemu.nic.e1000 import registers as r
from hwemu.wire.port import FRAME_BAD_FCS, FRAME_MORE

TXDW, TXQE, TXD_LOW = 0x1, 0x2, 0x8000
TCTL_EN, TCTL_PSP = 0x2, 0x8
TU_TCP, TU_IP, TU_TSE = 1, 2, 4
IXSM, TXSM = 1, 2
VME = 0x40000000


@pytest.fixture
def bench():
    bench = Bench()
    bench.tx_setup()
    return bench


def tcp_frame(payload=b"", **kwargs):
    return frame(ipv4(tcp(payload, **kwargs), 6), length=54)


def test_a_frame_leaves_whole(bench):
    sent = frame(bytes(range(200)))
    index = bench.legacy(sent)
    bench.ring()
    assert bench.sent() == [sent] and bench.done(index) and bench.read(r.TDH) == 1


def test_fact_23_dd_and_txdw_need_rs(bench):
    quiet = bench.legacy(frame(), CMD_EOP | CMD_IFCS)
    bench.ring()
    assert bench.sent() == [frame()] and not bench.done(quiet)
    assert not bench.read(r.ICR) & TXDW
    loud = bench.legacy(frame(), CMD_EOP | CMD_IFCS | CMD_RS)
    bench.ring()
    assert bench.done(loud) and bench.read(r.ICR) & TXDW
    reported = bench.legacy(frame(), CMD_EOP | CMD_IFCS | CMD_RPS)
    bench.ring()
    assert bench.done(reported) and not bench.read(r.ICR) & TXDW


def test_fact_23_a_packet_of_several_descriptors(bench):
    whole = frame(bytes(range(150)))
    bench.legacy(whole[:10], CMD_RS)
    bench.put(0, 5 | CMD_RS << 24)
    bench.legacy(b"", CMD_RS)
    bench.legacy(whole[10:70], 0)
    bench.legacy(whole[70:])
    bench.ring()
    assert bench.sent() == [whole]
    assert [bench.done(i) for i in range(5)] == [1, 1, 1, 0, 1]


def test_fact_24_legacy_checksum_insertion(bench):
    raw = frame(bytes(range(101)), length=115)
    bench.legacy(raw, CMD_EOP | CMD_IFCS | CMD_IC, cso=40, css=14)
    bench.ring()
    [out] = bench.sent()
    assert out[:40] + out[42:] == raw[:40] + raw[42:]
    assert out[40:42] == struct.pack(">H", checksum(raw[14:]))


@pytest.mark.parametrize(("cso", "css"), [(114, 14), (200, 14), (40, 115), (40, 255)])
def test_fact_24_ic_outside_the_packet_is_ignored(bench, cso, css):
    raw = frame(bytes(range(101)), length=115)
    bench.legacy(raw, CMD_EOP | CMD_IFCS | CMD_IC, cso=cso, css=css)
    bench.ring()
    assert bench.sent() == [raw]


def test_fact_24_css_comes_with_the_first_descriptor(bench):
    raw = frame(bytes(range(100)))
    bench.legacy(raw[:30], 0, cso=50, css=20)
    bench.legacy(raw[30:], CMD_EOP | CMD_IFCS | CMD_IC, cso=1, css=1)
    bench.ring()
    [out] = bench.sent()
    assert out[50:52] == struct.pack(">H", checksum(raw[20:]))


def test_fact_24_without_ifcs_the_last_four_bytes_are_the_fcs(bench):
    raw = frame(b"driver makes the FCS")
    bench.legacy(raw + struct.pack("<I", zlib.crc32(raw)), CMD_EOP)
    bench.legacy(raw + b"oops", CMD_EOP)
    bench.write(r.TDT, bench.tx_tail)
    bench.run()
    assert [(a.frame, a.flags) for a in bench.end.frames] == [(raw, 0), (raw, FRAME_BAD_FCS)]


def test_fact_24_psp_pads_to_64(bench):
    bench.legacy(b"\x02" * 30)
    bench.ring()
    assert bench.sent() == [(b"\x02" * 30).ljust(60, b"\0")]
    assert bench.read(r.PTC64) == 1
    bench.write(r.TCTL, TCTL_EN)
    bench.legacy(b"\x02" * 30)
    bench.ring()
    assert bench.sent() == [b"\x02" * 30]


def test_fact_25_context_checksums(bench):
    packet = frame(ipv4(b"\0" * 20, 6)[:10] + b"\0\0" + ipv4(b"\0" * 20, 6)[12:20], length=0)[:34]
    segment = tcp(b"odd-length payload!", fill=False)
    raw = packet + segment
    head = raw[:16] + struct.pack(">H", len(raw) - 14) + raw[18:24] + b"\0\0" + raw[26:]
    summed = struct.pack(">H", ~checksum(pseudo(6, len(segment))) & 0xFFFF)
    prepared = head[:50] + summed + head[52:]
    bench.context(ip=(14, 24, 33), tu=(34, 50, 0), command=TU_TCP | TU_IP)
    bench.data(prepared, popts=IXSM | TXSM)
    bench.ring()
    [out] = bench.sent()
    assert checksum(out[14:34]) == 0
    assert checksum(pseudo(6, len(segment)) + out[34:]) == 0


def test_fact_25_cse_bounds_the_sum(bench):
    raw = frame(bytes(range(100)))
    bench.context(tu=(20, 60, 40), command=TU_TCP)
    bench.data(raw, popts=TXSM)
    bench.ring()
    assert bench.sent()[0][60:62] == struct.pack(">H", checksum(raw[20:41]))


@pytest.mark.parametrize(("command", "expected"), [(0, b"\xff\xff"), (TU_TCP, b"\x00\x00")])
def test_fact_25_a_udp_checksum_of_zero_is_sent_as_ffff(bench, command, expected):
    raw = frame(b"\xff\xff" + bytes(50), length=64)
    bench.context(tu=(14, 40, 0), command=command)
    bench.data(raw, popts=TXSM)
    bench.ring()
    assert bench.sent()[0][40:42] == expected


def test_fact_26_two_contexts_coexist(bench):
    raw = frame(bytes(range(100)))
    bench.context(tu=(20, 60, 0), command=TU_TCP)
    bench.context(ip=(14, 24, 33), tu=(34, 50, 0), command=TU_TCP | TU_IP | TU_TSE, paylen=50, hdrlen=54, mss=30)
    big = tcp_frame(bytes(50))
    for _ in range(2):
        bench.data(raw, popts=TXSM)
        bench.data(big, CMD_EOP | CMD_IFCS | CMD_TSE | CMD_RS, popts=IXSM | TXSM)
    bench.ring()
    out = bench.sent()
    assert [len(f) for f in out] == [114, 84, 74, 114, 84, 74]
    assert out[0] == out[3] and out[0][60:62] == struct.pack(">H", checksum(raw[20:]))


def test_fact_27_popts_count_from_the_first_data_descriptor(bench):
    raw = frame(bytes(range(100)))
    bench.context(tu=(20, 60, 0), command=TU_TCP)
    bench.data(raw[:40], CMD_IFCS, popts=TXSM)
    bench.data(raw[40:], popts=0)
    bench.data(raw[:40], CMD_IFCS, popts=0)
    bench.data(raw[40:], popts=TXSM)
    bench.ring()
    first, second = bench.sent()
    assert first[60:62] == struct.pack(">H", checksum(raw[20:])) and second == raw


def segmented(bench, payload, mss, pieces, identification=0x1234, flags=0x19, command=CMD_TSE, special=0, **context):
    """Send one segmentation cut into descriptors at `pieces`; returns what came out."""
    head = frame(ipv4(tcp(b"", sequence=0xFFFFFF00, flags=flags, fill=False), 6, identification), length=54)[:54]
    head = head[:16] + b"\0\0" + head[18:24] + b"\0\0" + head[26:]
    head = head[:50] + struct.pack(">H", ~checksum(pseudo(6, 0)) & 0xFFFF) + head[52:]
    whole = head + payload
    fields = {"paylen": len(payload), "hdrlen": 54, "mss": mss} | context
    bench.context(ip=(14, 24, 33), tu=(34, 50, 0), command=TU_TCP | TU_IP | TU_TSE | CMD_RS, **fields)
    cuts = [0, *pieces, len(whole)]
    last = 0
    for start, end in zip(cuts, cuts[1:], strict=False):
        eop = CMD_EOP if end == len(whole) else 0
        last = bench.data(whole[start:end], command | CMD_IFCS | CMD_RS | eop, popts=IXSM | TXSM, special=special)
    bench.ring()
    return bench.sent(), last


@pytest.mark.parametrize("pieces", [[], [54], [14, 34], [20], [54, 55, 1000], [60, 700], [30, 54, 1554]])
def test_fact_28_segmentation(bench, pieces):
    payload = bytes(i * 7 & 0xFF for i in range(3501))
    out, last = segmented(bench, payload, 1000, pieces, identification=0xFFFE)
    assert bench.done(last)
    assert [len(f) for f in out] == [1054, 1054, 1054, 555]
    assert b"".join(f[54:] for f in out) == payload
    for i, f in enumerate(out):
        assert struct.unpack(">H", f[16:18])[0] == len(f) - 14
        assert struct.unpack(">H", f[18:20])[0] == (0xFFFE + i) & 0xFFFF
        assert checksum(f[14:34]) == 0
        assert struct.unpack(">I", f[38:42])[0] == (0xFFFFFF00 + 1000 * i) & 0xFFFFFFFF
        assert f[47] == (0x19 if i == 3 else 0x10)
        assert checksum(pseudo(6, len(f) - 34) + f[34:]) == 0
    assert bench.read(r.TSCTC) == 1 and bench.read(r.TSCTFC) == 0


def test_a_segment_announces_the_next(bench):
    """A TAP may write the frames of one segmentation in one go: all but the last say that there are more."""
    flags = []
    bench.end.receive = lambda frame, given: flags.append(given)
    segmented(bench, bytes(2500), 1000, [54])
    bench.legacy(frame(bytes(60)), CMD_EOP | CMD_IFCS)
    bench.ring()
    assert flags == [FRAME_MORE, FRAME_MORE, 0, 0]


def test_fact_28_a_payload_of_whole_segments_keeps_fin_for_the_last(bench):
    out, _ = segmented(bench, bytes(3000), 1000, [54])
    assert [len(f) for f in out] == [1054] * 3
    assert [f[47] for f in out] == [0x10, 0x10, 0x19]


def test_fact_28_vle_tags_every_segment(bench):
    bench.set_bits(r.CTRL, VME)
    out, _ = segmented(bench, bytes(2500), 1000, [54], command=CMD_TSE | CMD_VLE, special=0x2064)
    assert [len(f) for f in out] == [1058, 1058, 558]
    for f in out:
        assert f[12:16] == b"\x81\x00\x20\x64"
        untagged = f[:12] + f[16:]
        assert checksum(pseudo(6, len(untagged) - 34) + untagged[34:]) == 0


def test_fact_28_udp_and_ipv6_lengths(bench):
    head = frame(b"\x60" + bytes(39), kind=0x86DD, length=54)[:54] + udp(b"", with_checksum=False)
    bench.context(ip=(14, 0, 0), tu=(54, 60, 0), command=TU_TSE, paylen=250, hdrlen=62, mss=100)
    bench.data(head + bytes(250), CMD_TSE | CMD_EOP | CMD_IFCS)
    bench.ring()
    out = bench.sent()
    assert [len(f) for f in out] == [162, 162, 112]
    assert [struct.unpack(">H", f[18:20])[0] for f in out] == [108, 108, 58]
    assert [struct.unpack(">H", f[58:60])[0] for f in out] == [108, 108, 58]


@pytest.mark.parametrize(
    "context",
    [{"mss": 0}, {"hdrlen": 0}, {"hdrlen": 255}, {"mss": 65535}, {"paylen": 3}, {"paylen": 0xFFFFF}],
    ids=str,
)
def test_fact_28_contexts_that_lie_do_no_harm(bench, context):
    out, last = segmented(bench, bytes(150), **({"mss": 100, "pieces": [54]} | context))
    assert bench.done(last) and bench.read(r.TSCTFC) == 1
    assert all(len(f) <= 16384 for f in out)
    bench.legacy(frame(b"and on it goes"))
    bench.ring()
    assert bench.sent() == [frame(b"and on it goes")]


def test_fact_28_header_offsets_that_lie_do_no_harm(bench):
    for offsets in ((255, 255, 0xFFFF), (0, 53, 0), (200, 0, 5)):
        bench.context(ip=offsets, tu=offsets, command=TU_TCP | TU_IP | TU_TSE, paylen=100, hdrlen=54, mss=60)
        bench.data(tcp_frame(bytes(100)), CMD_TSE | CMD_EOP | CMD_IFCS, popts=3)
        bench.ring()
        assert [len(f) for f in bench.sent()] == [114, 94]


def test_fact_28_a_context_in_the_middle_of_its_packet_ends_it(bench):
    bench.context(ip=(14, 24, 33), tu=(34, 50, 0), command=TU_TCP | TU_IP | TU_TSE, paylen=999, hdrlen=54, mss=500)
    bench.data(tcp_frame(bytes(300)), CMD_TSE)
    bench.context(ip=(14, 24, 33), tu=(34, 50, 0), command=TU_TCP | TU_IP | TU_TSE, paylen=9, hdrlen=10, mss=1)
    bench.data(bytes(900), CMD_TSE | CMD_EOP | CMD_IFCS)
    bench.ring()
    assert bench.sent() == [] and bench.read(r.TSCTFC) == 1


def test_fact_29_the_tail_does_nothing_until_enabled(bench):
    bench.write(r.TCTL, 0)
    bench.legacy(frame(b"patience"))
    bench.ring()
    assert bench.sent() == [] and bench.read(r.TDH) == 0
    bench.write(r.TCTL, TCTL_EN)
    bench.run()
    assert bench.sent() == [frame(b"patience")]


def test_fact_29_a_doorbell_never_sends_inside_the_register_write(bench):
    bench.legacy(frame())
    bench.write(r.TDT, bench.tx_tail)
    assert bench.read(r.TDH) == 0 and not bench.done(0)


def test_fact_29_the_head_wraps_by_tdlen(bench):
    bench.tx_setup(count=8)
    for i in range(30):
        bench.legacy(frame(bytes([i])))
        bench.ring()
        assert bench.sent() == [frame(bytes([i]))]
    assert bench.read(r.TDH) == 30 % 8


def test_fact_29_a_full_ring_and_many_rounds(bench):
    bench.tx_setup(count=256)
    frames = [frame(struct.pack(">H", i)) for i in range(255)]
    for f in frames:
        bench.legacy(f)
    bench.ring()
    assert bench.sent() == frames


def test_fact_29_garbage_rings_cost_bounded_work(bench):
    for base, length, head, tail in (
        (TX_RING, 0, 0, 5),
        (TX_RING, 256, 0xFFFF, 3),
        (TX_RING, 256, 3, 0xFFFF),
        (0x7FFFF0, 0xFFF80, 0, 9),
        (0xFFFFFFF0, 256, 0, 9),
    ):
        bench.write(r.TDBAL, base)
        bench.write(r.TDBAH, 0xFFFFFFFF if base == 0xFFFFFFF0 else 0)
        bench.write(r.TDLEN, length)
        bench.write(r.TDH, head)
        bench.write(r.TDT, tail)
        bench.run()
        assert bench.clock.next_time() < 0
        bench.sent()


def test_fact_30_wthresh_delays_write_backs(bench):
    bench.write(r.TXDCTL, 0x01040000)
    indices = [bench.legacy(frame()) for _ in range(3)]
    bench.ring()
    assert len(bench.sent()) == 3
    assert [bench.done(i) for i in indices] == [0, 0, 0] and not bench.read(r.ICR) & TXDW
    indices.append(bench.legacy(frame()))
    bench.ring()
    assert [bench.done(i) for i in indices] == [1] * 4 and bench.read(r.ICR) & TXDW


def test_fact_30_gran_0_counts_cache_lines(bench):
    bench.write(r.TXDCTL, 0x00020000)
    indices = [bench.legacy(frame()) for _ in range(3)]
    bench.ring()
    assert not any(bench.done(i) for i in indices)
    indices.append(bench.legacy(frame()))
    bench.ring()
    assert all(bench.done(i) for i in indices)


def test_fact_30_the_delay_timer_flushes_write_backs(bench):
    bench.write(r.TXDCTL, 0x01080000)
    bench.write(r.TIDV, 1000)
    index = bench.legacy(frame(), CMD_EOP | CMD_IFCS | CMD_RS | CMD_IDE)
    bench.write(r.TDT, bench.tx_tail)
    bench.run(1_000_000)
    assert not bench.done(index)
    bench.run(100_000)
    assert bench.done(index) and bench.read(r.ICR) & TXDW


def test_vlan_insertion_needs_vle_and_vme(bench):
    raw = frame(b"to be tagged")
    bench.legacy(raw, CMD_EOP | CMD_IFCS | CMD_VLE, special=0x3007)
    bench.ring()
    assert bench.sent() == [raw]
    bench.set_bits(r.CTRL, VME)
    bench.write(r.VET, 0x88A8)
    # VLE inserts the FCS too.
    bench.legacy(raw, CMD_EOP | CMD_VLE, special=0x3007)
    bench.ring()
    assert bench.sent() == [raw[:12] + b"\x88\xa8\x30\x07" + raw[12:]]


def test_oversize_and_unreachable_packets_are_dropped_whole(bench):
    for _ in range(3):
        bench.put(0x200000, 6000 | 0)
    bench.put(0x200000, 100 | (CMD_EOP | CMD_IFCS) << 24)
    bench.put(0xFFFFFFFFFFFF, 100 | (CMD_EOP | CMD_IFCS) << 24)
    bench.legacy(frame(b"next"))
    bench.ring()
    assert bench.sent() == [frame(b"next")]


def test_the_wire_rate_paces_the_engine():
    bench = Bench(rate=1_000_000_000)
    bench.tx_setup()
    for _ in range(5):
        bench.legacy(frame(length=1514))
    start = bench.clock.now
    bench.ring()
    times = [arrival.time - start for arrival in bench.end.frames]
    # 1514 bytes, FCS, preamble and gap at 1 Gb/s: 12.304 us each.
    assert times == [12304 * i for i in range(1, 6)]


def test_no_link_holds_the_engine_back(bench):
    bench.link.set_up(False)
    bench.legacy(frame(b"later"))
    bench.ring()
    assert bench.read(r.TDH) == 0
    bench.link.set_up(True)
    bench.run()
    assert bench.sent() == [frame(b"later")]


def test_a_looped_frame_takes_its_time_at_the_links_speed(bench):
    """A loop that feeds itself must not hold virtual time still."""
    bench.rx_setup(rctl=RCTL_ON | 0x40, count=64)
    bench.tx_setup(count=64)
    for speed, byte_time in ((2, 8), (1, 80), (0, 800)):
        bench.write(r.CTRL, bench.read(r.CTRL) & ~0x300 | 0x800 | speed << 8)
        bench.run()
        for length, charged in ((60, 84), (1000, 1024)):
            for _ in range(3):
                bench.legacy(frame(length=length))
            bench.write(r.TDT, bench.tx_tail)
            bench.settle()
            assert len(bench.frames()) == 1
            for _ in range(2):
                bench.run(charged * byte_time - 1)
                assert bench.frames() == []
                bench.run(1)
                assert len(bench.frames()) == 1
            bench.run()
