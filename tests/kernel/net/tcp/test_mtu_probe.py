"""Packetization layer path MTU discovery (RFC 4821): probes, what becomes of them, and black holes."""

from harness import mss as mss_option
from harness import sack_ok

# A search from 1064 to 1500 bytes: the first probe makes a packet of 1282, a segment of 1242.
LOW, PROBE, HIGH = 1024, 1242, 1460


def probing(t):
    """A connection of ours whose congestion window has room for a probe, and the end of what it has sent."""
    t.sysctl("tcp_mtu_probing", 2)
    t.sysctl("tcp_timestamps", 0)
    c = t.connect_start()
    t.sleep(0.1)
    c.send("S.", 0, 1, options=mss_option(HIGH) + sack_ok())
    c.expect(".", seq=1)
    assert t.info(c.fd)["snd_mss"] == LOW
    # Ten segments acknowledged in slow start: the window is eleven and more.
    t.write(c.fd, bytes(10 * LOW))
    assert sum(len(s.data) for s in c.out()) == 10 * LOW
    end = 1 + 10 * LOW
    t.sleep(0.1)
    c.ack(end)
    assert t.info(c.fd)["snd_cwnd"] >= 11
    return c, end


def send(t, c, size):
    """What leaves at once when the program writes `size` bytes, as (start, length) of segments."""
    t.write(c.fd, bytes(size))
    return [(s.seq, len(s.data)) for s in c.out()]


def deliver(t, c, end, size):
    """Send `size` bytes and acknowledge all that comes, flight by flight; (the first segment's length, the new end)."""
    t.write(c.fd, bytes(size))
    first = None
    target = end + size
    while end < target:
        segments = c.out()
        first = first or len(segments[0].data)
        end = segments[-1].end
        t.sleep(0.1)
        c.ack(end)
    return first, end


def test_segments_begin_at_the_base_and_a_probe_is_half_way_to_the_limit(bench):
    """RFC 4821 sections 5.3 and 7.3: eff_pmtu starts low; the probe carries data of the stream, the rest follows."""

    def body(t):
        c, end = probing(t)
        sent = send(t, c, 8000)
        assert sent[0] == (end, PROBE)
        assert max(length for _, length in sent[1:]) <= LOW * 8 and sum(length for _, length in sent) == 8000
        c.ack(end + 8000)
        assert t.mib("TcpExtTCPMTUPSuccess") == 1
        assert t.info(c.fd)["snd_mss"] == PROBE

    bench.run(body)


def test_the_search_ends_at_the_limit(bench):
    """RFC 4821 section 7.3: by halves, until what is left is less than tcp_probe_threshold."""

    def body(t):
        c, end = probing(t)
        sizes = []
        for _ in range(8):
            first, end = deliver(t, c, end, 16000)
            sizes.append(first)
        assert sizes[:4] == [PROBE, 1351, 1405, 1432]
        assert HIGH - 8 <= t.info(c.fd)["snd_mss"] <= HIGH
        assert t.mib("TcpExtTCPMTUPSuccess") == 6 and t.mib("TcpExtTCPMTUPFail") == 0
        # Nothing more is probed until the interval is over.
        assert send(t, c, 16000)[0][1] % t.info(c.fd)["snd_mss"] == 0

    bench.run(body)


def test_a_lost_probe_does_not_touch_the_window(bench):
    """RFC 4821 section 7.6.2: only the probe is missing: it was too large, and nothing else has happened."""

    def body(t):
        c, end = probing(t)
        before = t.info(c.fd)["snd_cwnd"]
        sent = send(t, c, 8000)
        assert sent[0][1] == PROBE
        c.sack(end, (end + PROBE, end + 8000))
        resent = c.out()
        # The same bytes again, in segments that are known to pass.
        assert resent[0].seq == end and sum(len(s.data) for s in resent) == PROBE
        assert max(len(s.data) for s in resent) == LOW or len(resent) == 1
        assert t.mib("TcpExtTCPMTUPFail") == 1 and t.mib("TcpExtTCPSackRecovery") == 0
        c.ack(end + 8000)
        info = t.info(c.fd)
        assert info["snd_mss"] == LOW and info["snd_cwnd"] >= before
        # The next probe lies below the size that failed.
        end += 8000
        assert LOW < send(t, c, 8000)[0][1] < PROBE

    bench.run(body)


def test_a_timeout_tells_nothing_about_the_probe(bench):
    """RFC 4821 section 7.6.3: when other data is lost, too, the probe's loss is inconclusive."""

    def body(t):
        c, end = probing(t)
        send(t, c, 8000)
        t.sleep(2)
        c.out()
        assert t.mib("TcpExtTCPMTUPFail") == 0 and t.mib("TcpExtTCPTimeouts") >= 1
        c.ack(end + 8000)
        assert t.mib("TcpExtTCPMTUPSuccess") == 0 and t.info(c.fd)["snd_mss"] == LOW

    bench.run(body)


def test_no_probe_without_enough_data_or_window(bench):
    """RFC 4821 section 7.4: a probe whose loss would only be seen by a timeout is not sent."""

    def body(t):
        c, end = probing(t)
        assert send(t, c, 3000)[0][1] % LOW == 0
        c.ack(end + 3000, win=4000)
        assert send(t, c, 20000)[0] != (end + 3000, PROBE)

    bench.run(body)


def test_off_by_default(bench):
    """ip-sysctl: tcp_mtu_probing is 0."""

    def body(t):
        c = t.established(options=mss_option(HIGH) + sack_ok(), rtt=0.1)
        assert t.info(c.fd)["snd_mss"] == HIGH
        t.write(c.fd, bytes(100_000))
        assert all(len(s.data) % HIGH == 0 for s in c.out())

    bench.run(body)


def test_the_threshold_ends_the_search(bench):
    """ip-sysctl tcp_probe_threshold: bounds that are nearer to each other are near enough."""

    def body(t):
        c, end = probing(t)
        t.sysctl("tcp_probe_threshold", 400)
        _, end = deliver(t, c, end, 16000)
        # 1282 to 1500: less than the threshold apart, so the search is over.
        assert [deliver(t, c, end + 16000 * n, 16000)[0] % PROBE for n in range(3)] == [0, 0, 0]
        end += 3 * 16000
        t.sysctl("tcp_probe_threshold", 8)
        assert deliver(t, c, end, 16000)[0] == 1351
        assert t.mib("TcpExtTCPMTUPSuccess") == 2

    bench.run(body)


def test_the_search_begins_again_after_the_interval(bench):
    """ip-sysctl tcp_probe_interval: the path may have become a better one."""

    def body(t):
        t.sysctl("tcp_probe_interval", 60)
        t.sysctl("tcp_slow_start_after_idle", 0)
        c, end = probing(t)
        # Every probe is lost: the search ends near where it began.
        for _ in range(10):
            segments = send(t, c, 16000)
            if segments[0][1] % LOW:
                c.sack(end, (end + segments[0][1], end + sum(length for _, length in segments)))
                c.out()
            end += 16000
            t.sleep(0.1)
            c.ack(end)
        failed = t.mib("TcpExtTCPMTUPFail")
        assert failed >= 5 and t.info(c.fd)["snd_mss"] == LOW
        t.sleep(60)
        deliver(t, c, end, 16000)
        assert t.mib("TcpExtTCPMTUPSuccess") == 1 and t.info(c.fd)["snd_mss"] == PROBE

    bench.run(body)


def test_a_black_hole_is_got_out_of(bench):
    """RFC 4821 section 7.7: large segments vanish without a word; after R1 they shrink to tcp_base_mss."""

    def body(t):
        t.sysctl("tcp_mtu_probing", 1)
        c = t.established(options=mss_option(HIGH) + sack_ok(), rtt=0.1)
        assert t.info(c.fd)["snd_mss"] == HIGH
        t.write(c.fd, bytes(1, ) * 3 * HIGH)
        c.out()
        for _ in range(12):
            t.sleep(1)
            resent = c.out()
            if resent and max(len(s.data) for s in resent) <= LOW:
                break
        assert resent[0].seq == 1 and len(resent[0].data) == LOW
        assert t.info(c.fd)["snd_mss"] == LOW
        c.ack(1 + LOW)
        following = c.out()
        assert following and all(len(s.data) <= 2 * LOW for s in following)

    bench.run(body)


def test_a_black_hole_of_less_than_the_base(bench):
    """RFC 4821 section 7.7: by half each time that R1 is passed again, down to tcp_mtu_probe_floor."""

    def body(t):
        t.sysctl("tcp_mtu_probing", 1)
        t.sysctl("tcp_mtu_probe_floor", 300)
        c = t.established(options=mss_option(HIGH) + sack_ok(), rtt=0.1)
        t.write(c.fd, bytes(HIGH))
        sizes = []
        for _ in range(400):
            sizes += [len(s.data) for s in c.out()]
            t.sleep(1)
        assert sorted({size for size in sizes if size != HIGH}, reverse=True)[:3] == [1024, 512, 300]

    bench.run(body)


def test_without_probing_a_black_hole_stays_one(bench):
    def body(t):
        c = t.established(options=mss_option(HIGH) + sack_ok(), rtt=0.1)
        t.write(c.fd, bytes(HIGH))
        sizes = []
        for _ in range(100):
            sizes += [len(s.data) for s in c.out()]
            t.sleep(1)
        assert set(sizes) == {HIGH}

    bench.run(body)
