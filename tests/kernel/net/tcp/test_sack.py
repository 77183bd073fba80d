"""Selective acknowledgments (RFC 2018, RFC 2883, RFC 6675): what we report, and what we make of the peer's reports."""

import struct

from flights import SACK, M, at, flight
from harness import timestamp

from kernel.uapi.socket import SOL_TCP
from kernel.uapi.tcp import TCP_QUICKACK


def starts(segments):
    return [s.seq for s in segments]


# --- what we report (RFC 2018) ---


def test_not_without_permission(bench):
    """RFC 2018 section 2: SACK options go only to a peer that has sent SACK-permitted."""

    def body(t):
        c = t.established()
        c.data(1001, bytes(1000))
        assert c.expect(".", ack=1).options == b""

    bench.run(body)


def test_switched_off_by_sysctl(bench):
    """RFC 2018 section 2: we need not offer it."""

    def body(t):
        t.sysctl("tcp_sack", 0)
        assert not t.connect_start(80).first.sack_ok
        c = t.listen(81)
        c.syn(SACK)
        assert not c.expect("S.").sack_ok

    bench.run(body)


def test_the_newest_block_comes_first(bench):
    """RFC 2018 section 4: the first block holds the segment that caused this ACK, the others repeat the most recent."""

    def body(t):
        c = t.established(options=SACK)
        c.data(1001, bytes(500))
        assert c.expect(".", ack=1).sack == [(1001, 1501)]
        c.data(3001, bytes(500))
        assert c.expect(".", ack=1).sack == [(3001, 3501), (1001, 1501)]
        c.data(2001, bytes(500))
        assert c.expect(".", ack=1).sack == [(2001, 2501), (3001, 3501), (1001, 1501)]
        c.data(1501, bytes(100))
        t.sleep(0.05)
        assert c.out()[-1].sack == [(1001, 1601), (2001, 2501), (3001, 3501)]

    bench.run(body)


def test_adjacent_segments_are_one_block(bench):
    """RFC 2018 section 3: a block is a contiguous run of what has been received."""

    def body(t):
        c = t.established(options=SACK)
        c.data(1001, bytes(100))
        c.data(1201, bytes(100))
        c.out()
        c.data(1101, bytes(100))
        assert c.expect(".", ack=1).sack == [(1001, 1301)]

    bench.run(body)


def test_at_most_four_blocks(bench):
    """RFC 2018 section 3: 40 bytes of options hold four blocks."""

    def body(t):
        c = t.established(options=SACK)
        for i in range(1, 8):
            c.data(1000 * i, bytes(100))
        t.sleep(0.05)
        last = c.out()[-1]
        assert last.sack == [(1000 * i, 1000 * i + 100) for i in (7, 6, 5, 4)]

    bench.run(body)


def test_three_blocks_with_timestamps(bench):
    """RFC 2018 section 3: with timestamps only three fit."""

    def body(t):
        c = t.established(timestamps=True)
        for i in range(1, 6):
            c.data(1000 * i, bytes(100))
        t.sleep(0.05)
        last = c.out()[-1]
        assert last.sack == [(1000 * i, 1000 * i + 100) for i in (5, 4, 3)]
        assert last.ts is not None

    bench.run(body)


def test_filled_holes_leave_the_report(bench):
    """RFC 2018 section 4: blocks lie above the cumulative ACK; one that it has reached is gone."""

    def body(t):
        c = t.established(options=SACK)
        c.data(1001, bytes(1000))
        c.data(3001, bytes(1000))
        c.out()
        c.data(1, bytes(1000))
        assert c.out()[-1].sack == [(3001, 4001)]
        c.data(2001, bytes(1000))
        last = c.out()[-1]
        assert last.ack == 4001 and last.sack == []

    bench.run(body)


def test_data_carries_blocks_as_well(bench):
    """RFC 2018 section 4: SACK options should be in every ACK while there are holes; data segments get shorter by them."""

    def body(t):
        c = t.established(options=SACK)
        c.data(1001, bytes(1000))
        c.out()
        t.write(c.fd, bytes(3000))
        segments = c.out()
        assert [len(s.data) for s in segments] == [1448, 1448, 104]
        assert all(s.sack == [(1001, 2001)] for s in segments)

    bench.run(body)


def test_dsack_below_the_ack(bench):
    """RFC 2883 section 4.1.1: a duplicate of acknowledged data is reported in the first block, below the ACK."""

    def body(t):
        c = t.established(options=SACK)
        c.data(1, bytes(1000))
        c.out()
        c.data(1, bytes(1000))
        assert c.expect(".", ack=1001).sack == [(1, 1001)]
        # Each duplicate is reported once.
        c.data(1001, bytes(10))
        t.sleep(0.3)
        assert c.out()[-1].sack == []

    bench.run(body)


def test_dsack_of_out_of_order_data(bench):
    """RFC 2883 section 4.1.2: the duplicate first, then the block that contains it."""

    def body(t):
        c = t.established(options=SACK)
        c.data(1001, bytes(1000))
        c.out()
        c.data(1201, bytes(300))
        assert c.expect(".", ack=1).sack == [(1201, 1501), (1001, 2001)]

    bench.run(body)


def test_dsack_of_a_part(bench):
    """RFC 2883 section 4.2.1: of a segment that is partly new only the old part is a duplicate."""

    def body(t):
        c = t.established(options=SACK)
        c.data(1, bytes(1000))
        c.out()
        c.data(501, bytes(1000))
        t.sleep(0.3)
        assert c.out()[0].sack == [(501, 1001)]

    bench.run(body)


def test_dsack_off(bench):
    """tcp(7) tcp_dsack 0: duplicates are acknowledged without a report."""

    def body(t):
        t.sysctl("tcp_dsack", 0)
        c = t.established(options=SACK)
        c.data(1, bytes(1000))
        c.out()
        c.data(1, bytes(1000))
        assert c.expect(".", ack=1001).sack == []

    bench.run(body)


def test_acks_are_compressed_after_a_while(bench):
    """Linux tcp_comp_sack_nr: on a long path many SACKs within a millisecond are merged, but the last one comes."""

    def body(t):
        c = t.established(timestamps=True, rtt=0.1)
        t.write(c.fd, b"x")
        c.out()
        t.sleep(0.1)
        assert t.setsockopt(c.fd, SOL_TCP, TCP_QUICKACK, 0) == 0
        # A full segment that echoes our timestamp tells the receiver how long the path is.
        c.data(1, bytes(1000), ack=2, flags=".")
        c.data(1001, bytes(1000), ack=2, flags=".")
        c.out()
        for i in range(3, 33):
            c.data(1 + 1000 * i, bytes(1000), ack=2, flags=".")
        assert len(c.out()) <= 5
        t.sleep(0.003)
        assert c.expect(".", ack=2001).sack == [(3001, 33001)]

    bench.run(body)


# --- what we make of reports (RFC 2018 section 5, RFC 6675) ---


def test_only_the_hole_is_sent_again(bench):
    """RFC 2018 section 5: what was SACKed is not retransmitted."""

    def body(t):
        c = flight(t)
        for n in (1, 2, 3):
            c.sack(1, at(1, n))
        c.expect_data(1)
        c.sack(1, at(1, 9))
        c.silence()
        c.ack(1 + 10 * M)
        t.sleep(5)
        c.silence()
        assert t.info(c.fd)["total_retrans"] == 1

    bench.run(body)


def test_two_holes(bench):
    """RFC 6675 section 5: lost segments go in order, each once."""

    def body(t):
        c = flight(t)
        c.sack(1, at(1, 1))
        c.sack(1, at(1, 2))
        c.silence()
        c.sack(1, at(4, 6), at(1, 2))
        assert starts(c.out()) == [1, 1 + 3 * M]
        c.ack(1 + 10 * M)
        t.sleep(5)
        c.silence()

    bench.run(body)


def test_one_block_of_three_segments_is_enough(bench):
    """RFC 6675 section 5 (4): three segments' worth above a hole mean loss, in however many ACKs they are reported."""

    def body(t):
        c = flight(t)
        c.sack(1, at(3, 3))
        assert starts(c.out())[:1] == [1]
        assert t.info(c.fd)["ca_state"] == 3

    bench.run(body)


def test_a_sack_of_less_than_three_waits(bench):
    """RFC 6675 section 4: fewer than three segments above may be reordering; the timer of RFC 8985 decides."""

    def body(t):
        c = flight(t)
        c.sack(1, at(1, 2))
        c.silence()
        assert t.info(c.fd)["ca_state"] == 1
        # RFC 8985 section 6.2: a quarter of the round trip later it is loss.
        t.sleep(0.04)
        assert starts(c.out()) == [1]

    bench.run(body)


def test_reordering_that_resolves_itself(bench):
    """RFC 8985 section 6.2: the late segment arrives in time, nothing is sent again, no window is reduced."""

    def body(t):
        c = flight(t)
        c.sack(1, at(1, 1))
        t.sleep(0.01)
        c.ack(1 + 2 * M)
        c.silence()
        info = t.info(c.fd)
        assert info["ca_state"] == 0 and info["total_retrans"] == 0 and info["snd_cwnd"] >= 10
        assert info["reord_seen"] == 1

    bench.run(body)


def test_sacked_data_is_sent_again_after_reneging(bench):
    """RFC 2018 section 8: a receiver may take a SACK back; an ACK that stops at SACKed data, then the timeout, resends."""

    def body(t):
        c = flight(t)
        c.sack(1, at(1, 9))
        assert starts(c.out()) == [1]
        # The hole is filled, and the receiver has thrown the rest away.
        c.ack(1 + M)
        t.sleep(2)
        again = c.out()
        assert 1 + M in starts(again)
        acked = 1 + M
        for _ in range(30):
            if acked > 10 * M:
                break
            acked = max(acked, *(s.end for s in again if s.seq <= acked), acked)
            c.ack(acked)
            t.sleep(1)
            again = c.out() or again
        assert acked == 1 + 10 * M

    bench.run(body)


def test_nonsense_blocks_are_ignored(bench):
    """RFC 2018 section 5: blocks above SND.NXT, below SND.UNA, or upside down mark nothing."""

    def body(t):
        c = flight(t)
        c.sack(1, (1 + 20 * M, 1 + 23 * M))
        c.sack(1, (1 + 5 * M, 1 + 2 * M))
        c.sack(1, (-5000, -2000))
        c.sack(1, (5, 5))
        info = t.info(c.fd)
        assert info["sacked"] == 0 and info["state"] == 1
        c.ack(1 + 10 * M)
        assert t.info(c.fd)["unacked"] == 0

    bench.run(body)


def test_a_broken_option_is_ignored(bench):
    """RFC 9293 MUST-7: an option of a wrong length is no SACK and no reason to crash."""

    def body(t):
        c = flight(t)
        edges = struct.pack("!II", c.local_isn + 1 + M, c.local_isn + 1 + 2 * M)
        c.send(".", 1, 1, options=b"\x05\x0a" + edges[:6])
        c.send(".", 1, 1, options=b"\x01\x01\x05\x09" + edges[:7] + b"\0")
        c.send(".", 1, 1, options=b"\x01\x01\x05\x02")
        assert t.info(c.fd)["sacked"] == 0
        c.send(".", 1, 1, options=b"\x01\x01\x05\x0a" + edges)
        assert t.info(c.fd)["sacked"] == 1

    bench.run(body)


def test_a_block_that_cuts_a_segment(bench):
    """RFC 2018 section 5: only whole segments count as received; the rest of a segment is still missing."""

    def body(t):
        c = flight(t)
        c.sack(1, (1 + M, 1 + 4 * M + 700))
        info = t.info(c.fd)
        assert info["sacked"] == 3
        c.ack(1 + 10 * M)

    bench.run(body)


def test_sack_with_timestamps(bench):
    """RFC 2018 with RFC 7323: the option comes behind the timestamp and is found there."""

    def body(t):
        c = t.established(rtt=0.1, timestamps=True)
        size = 1448
        t.write(c.fd, bytes(10 * size))
        c.out()
        t.sleep(0.1)
        c.sack(1, (1 + size, 1 + 4 * size))
        again = c.out()
        assert starts(again)[:1] == [1] and again[0].ts is not None
        assert t.info(c.fd)["sacked"] == 3

    bench.run(body)


def test_a_peer_without_sack_gets_none_of_it(bench):
    """RFC 2018 section 2: blocks of a peer that has not negotiated SACK mean nothing."""

    def body(t):
        c = t.established(rtt=0.1)
        t.write(c.fd, bytes(10 * M))
        c.out()
        c.sack(1, at(1, 5))
        assert t.info(c.fd)["ca_state"] == 1
        c.silence()

    bench.run(body)


def test_the_cumulative_ack_swallows_blocks(bench):
    """RFC 6675 section 4 Update(): what the ACK number covers is out of the scoreboard."""

    def body(t):
        c = flight(t)
        c.sack(1, at(2, 2))
        assert t.info(c.fd)["sacked"] == 2
        c.sack(1 + 3 * M, at(5, 1))
        info = t.info(c.fd)
        # The fourth segment was SACKed before, and a SACK is kept.
        assert info["unacked"] == 7 and info["sacked"] == 2

    bench.run(body)


def test_time_passes_a_timestamp_option(bench):
    """RFC 2018 section 3: the order of options does not matter."""

    def body(t):
        c = t.established(rtt=0.1, timestamps=True)
        t.write(c.fd, bytes(5 * 1448))
        c.out()
        block = b"\x05\x0a" + struct.pack("!II", c.local_isn + 1449, c.local_isn + 2897)
        c.send(".", 1, 1, options=block + timestamp(c.ts_value(), c.ts_echo))
        assert t.info(c.fd)["sacked"] == 1

    bench.run(body)
