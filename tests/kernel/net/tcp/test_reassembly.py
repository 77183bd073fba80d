"""The order of data (RFC 9293 sections 3.4 and 3.10.7.4): holes, overlaps, duplicates, and the FIN among them."""

import random

from harness import mss, sack_ok

from kernel.uapi import errno

STREAM = bytes(random.Random(7).randrange(256) for _ in range(6000))


def piece(start, end):
    """Bytes of the stream by sequence number (the first is 1)."""
    return STREAM[start - 1 : end - 1]


def read_all(t, fd):
    data = b""
    while True:
        part = t.read(fd)
        if isinstance(part, int) or not part:
            return data
        data += part


def test_a_hole_is_kept_back_and_filled(bench):
    """RFC 9293 SHLD-31: what lies behind a hole is kept, and delivered when the hole is filled."""

    def body(t):
        c = t.established()
        c.data(101, piece(101, 201))
        c.expect(".", ack=1)
        assert t.read(c.fd) == -errno.EAGAIN
        c.data(1, piece(1, 101))
        c.expect(".", ack=201)
        assert read_all(t, c.fd) == piece(1, 201)

    bench.run(body)


def test_every_out_of_order_segment_is_acknowledged_at_once(bench):
    """RFC 5681 section 4.2: duplicate ACKs tell the sender quickly, and so does the ACK of a filled gap."""

    def body(t):
        c = t.established()
        for start in (201, 301, 401):
            c.data(start, piece(start, start + 100))
            c.expect(".", ack=1, length=0)
        c.data(1, piece(1, 101))
        c.expect(".", ack=101)
        c.data(101, piece(101, 201))
        c.expect(".", ack=501)
        assert read_all(t, c.fd) == piece(1, 501)

    bench.run(body)


def test_backwards(bench):
    """RFC 9293 section 3.4: the last segment first."""

    def body(t):
        c = t.established()
        for start in range(1901, 0, -100):
            c.data(start, piece(start, start + 100))
        assert c.out()[-1].ack == 2001
        assert read_all(t, c.fd) == piece(1, 2001)

    bench.run(body)


def test_a_duplicate_below_the_window(bench):
    """RFC 9293 section 3.10.7.4: what is here already is acknowledged again and dropped."""

    def body(t):
        c = t.established()
        c.data(1, piece(1, 101))
        c.out()
        c.data(1, b"\xff" * 100)
        c.expect(".", ack=101)
        assert read_all(t, c.fd) == piece(1, 101)

    bench.run(body)


def test_overlap_at_the_left_edge_is_trimmed(bench):
    """RFC 9293 section 3.10.7.4: only the new part of a segment counts."""

    def body(t):
        c = t.established()
        c.data(1, piece(1, 101))
        c.data(51, b"\xff" * 50 + piece(101, 151))
        t.sleep(0.3)
        assert c.out()[-1].ack == 151
        assert read_all(t, c.fd) == piece(1, 151)

    bench.run(body)


def test_a_segment_that_covers_queued_ones(bench):
    """RFC 9293 section 3.4: a large retransmission swallows the small pieces that were queued."""

    def body(t):
        c = t.established()
        for start in (101, 301, 501):
            c.data(start, piece(start, start + 50))
        c.data(51, piece(51, 601))
        c.data(1, piece(1, 51))
        assert c.out()[-1].ack == 601
        assert read_all(t, c.fd) == piece(1, 601)

    bench.run(body)


def test_partial_overlaps_between_queued_segments(bench):
    """RFC 9293 section 3.4: the pieces may overlap each other on both sides."""

    def body(t):
        c = t.established()
        for start, end in ((101, 201), (151, 251), (81, 121), (241, 301), (91, 281)):
            c.data(start, piece(start, end))
        c.data(1, piece(1, 101))
        assert c.out()[-1].ack == 301
        assert read_all(t, c.fd) == piece(1, 301)

    bench.run(body)


def test_overlap_with_what_follows(bench):
    """RFC 9293 section 3.4: in-order data that reaches into the queued part."""

    def body(t):
        c = t.established()
        c.data(101, piece(101, 201))
        c.data(1, piece(1, 151))
        assert c.out()[-1].ack == 201
        assert read_all(t, c.fd) == piece(1, 201)

    bench.run(body)


def test_one_byte_segments_in_random_order(bench):
    """RFC 9293 section 3.4: any order, any number of duplicates, the stream is the stream."""

    def body(t):
        c = t.established(options=mss(1460) + sack_ok())
        order = list(range(1, 301)) * 2
        random.Random(3).shuffle(order)
        for start in order:
            c.data(start, piece(start, start + 1))
        t.sleep(0.5)
        assert c.out()[-1].ack == 301
        assert read_all(t, c.fd) == piece(1, 301)

    bench.run(body)


def test_random_pieces(bench):
    """RFC 9293 section 3.4: pieces of any size at any place, until everything has come."""

    def body(t):
        rng = random.Random(11)
        for round in range(12):
            c = t.established(port=1000 + round, options=mss(1460) + (sack_ok() if round % 2 else b""))
            got = b""
            ack = 1
            while ack < 6001:
                start = rng.randrange(max(ack - 300, 1), min(ack + 1200, 6000))
                end = min(start + rng.randrange(1, 1461), 6001)
                c.data(start, piece(start, end))
                if rng.random() < 0.3:
                    got += read_all(t, c.fd)
                for s in c.out():
                    assert s.ack >= ack
                    ack = s.ack
                if rng.random() < 0.2:
                    t.sleep(0.2)
                    for s in c.out():
                        ack = s.ack
                # The first missing byte comes too, sooner or later.
                if rng.random() < 0.3:
                    c.data(ack, piece(ack, min(ack + 200, 6001)))
            got += read_all(t, c.fd)
            assert got == STREAM
            t.close(c.fd)
            c.out()

    bench.run(body)


def test_wrapping_around_zero(bench):
    """RFC 9293 section 3.4: sequence numbers are a circle; a hole may lie across its seam."""

    def body(t):
        c = t.listen(80)
        c.isn = 0xFFFFFFFF - 150
        c.syn(mss(1460) + sack_ok())
        c.expect("S.", ack=1)
        c.ack(1)
        t.accept(c)
        for start in (301, 101, 201):
            c.data(start, piece(start, start + 100))
        assert c.out()[-1].sack == [(101, 401)]
        c.data(1, piece(1, 101))
        c.expect(".", ack=401)
        assert read_all(t, c.fd) == piece(1, 401)

    bench.run(body)


def test_a_fin_behind_a_hole(bench):
    """RFC 9293 section 3.10.7.4, eighth: the FIN counts when everything before it has come."""

    def body(t):
        c = t.established()
        c.data(101, piece(101, 201), flags="FP.")
        c.expect(".", ack=1)
        assert t.info(c.fd)["state"] == 1
        c.data(1, piece(1, 101))
        assert c.out()[-1].ack == 202
        assert t.info(c.fd)["state"] == 8
        assert read_all(t, c.fd) == piece(1, 201)
        assert t.read(c.fd) == b""

    bench.run(body)


def test_a_lone_fin_behind_a_hole(bench):
    """RFC 9293 section 3.10.7.4, eighth: a FIN without data waits in the same queue."""

    def body(t):
        c = t.established()
        c.send("F.", 101, 1)
        c.expect(".", ack=1)
        c.data(1, piece(1, 101))
        assert c.out()[-1].ack == 102
        assert read_all(t, c.fd) == piece(1, 101)
        assert t.info(c.fd)["state"] == 8

    bench.run(body)


def test_data_beyond_a_fin_is_nothing(bench):
    """RFC 9293 section 3.10.7.4 (CLOSE-WAIT), seventh: it should not occur, and is ignored."""

    def body(t):
        c = t.established()
        c.data(1, piece(1, 101), flags="FP.")
        t.sleep(0.1)
        c.out()
        c.data(102, b"beyond")
        t.sleep(0.3)
        assert all(s.ack == 102 for s in c.out())
        assert read_all(t, c.fd) == piece(1, 101)
        assert t.read(c.fd) == b""

    bench.run(body)


def test_a_repeated_fin(bench):
    """RFC 9293 section 3.10.7.4 (CLOSE-WAIT): our ACK was lost; acknowledge again, stay in the state."""

    def body(t):
        c = t.established()
        c.send("F.", 1, 1)
        t.sleep(0.1)
        c.expect(".", ack=2)
        c.send("F.", 1, 1)
        c.expect(".", ack=2)
        assert t.info(c.fd)["state"] == 8

    bench.run(body)


def test_many_holes(bench):
    """RFC 9293 SHLD-31: a hundred holes, filled from the middle outwards."""

    def body(t):
        c = t.established(options=mss(1460) + sack_ok())
        for start in range(11, 2001, 20):
            c.data(start, piece(start, start + 10))
        order = sorted(range(1, 2001, 20), key=lambda start: abs(start - 1000))
        for start in order:
            c.data(start, piece(start, start + 10))
        t.sleep(0.3)
        assert c.out()[-1].ack == 2001
        assert read_all(t, c.fd) == piece(1, 2001)

    bench.run(body)


def test_reading_while_holes_remain(bench):
    """RFC 9293 section 3.9.1.3: RECEIVE gives what is in order, no more and no less."""

    def body(t):
        c = t.established()
        c.data(1, piece(1, 101))
        c.data(201, piece(201, 301))
        assert t.read(c.fd) == piece(1, 101)
        assert t.read(c.fd) == -errno.EAGAIN
        c.data(101, piece(101, 201))
        assert read_all(t, c.fd) == piece(101, 301)

    bench.run(body)


def test_out_of_order_data_counts(bench):
    """tcp(7) TCP_INFO: tcpi_rcv_ooopack counts what came out of order, tcpi_rcv_mss learns from it as well."""

    def body(t):
        c = t.established(options=mss(1000) + sack_ok())
        c.data(2001, bytes(1000), flags=".")
        c.data(3001, bytes(1000), flags=".")
        info = t.info(c.fd)
        assert info["rcv_ooopack"] == 2 and info["rcv_mss"] == 1000
        assert t.mib("TcpExtTCPOFOQueue") == 2

    bench.run(body)
