"""Listening (RFC 9293 section 3.10.1, listen(2)): half-open requests, the accept queue, and what happens when they are full."""

from harness import Connection, mss, sack_ok, wscale

from kernel.uapi import errno
from kernel.uapi.poll import POLLIN
from kernel.uapi.socket import SOL_SOCKET, SOL_TCP
from kernel.uapi.tcp import TCP_DEFER_ACCEPT


def more_peers(t, c, count):
    """Further peers of the listener of `c`."""
    peers = []
    for _ in range(count):
        t.next_port += 1
        other = Connection(t, t.next_port, c.local_port)
        other.listener = c.listener
        peers.append(other)
    return peers


def handshake(c):
    c.syn()
    segments = c.out()
    if segments:
        c.ack(1)
    return segments


def test_children_are_accepted_in_order(bench):
    """accept(2): the first connection that was completed comes first."""

    def body(t):
        first = t.listen(80)
        second, third = more_peers(t, first, 2)
        for c in (first, second, third):
            c.syn()
            c.expect("S.")
        for c in (third, first, second):
            c.ack(1)
        for c in (third, first, second):
            assert t.accept(c) >= 0
            assert t.getname(c.fd, 7) == ("10.0.0.2", c.port)
        assert t.accept(first) == -errno.EAGAIN

    bench.run(body)


def test_a_listener_is_readable_when_a_child_is_complete(bench):
    """poll(2): a half-open request is nothing to accept yet."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        assert t.poll(c.listener, POLLIN) == 0
        c.ack(1)
        assert t.poll(c.listener, POLLIN) == POLLIN
        t.accept(c)
        assert t.poll(c.listener, POLLIN) == 0

    bench.run(body)


def test_the_accept_queue_holds_one_more_than_the_backlog(bench):
    """listen(2): Linux takes backlog + 1 complete connections; then new SYNs are dropped."""

    def body(t):
        first = t.listen(80, backlog=2)
        peers = [first, *more_peers(t, first, 4)]
        answers = [len(handshake(c)) for c in peers]
        assert answers == [1, 1, 1, 0, 0]
        assert t.mib("TcpExtListenOverflows") == 2
        assert t.mib("TcpExtListenDrops") == 2
        t.accept(first)
        assert handshake(peers[3]) != []

    bench.run(body)


def full_queue(t):
    """A listener with backlog 3 whose accept queue is full, and a peer whose request is still half open."""
    first = t.listen(80, backlog=3)
    peers = [first, *more_peers(t, first, 4)]
    handshake(peers[0])
    handshake(peers[1])
    for c in peers[2:]:
        c.syn()
        c.expect("S.")
    peers[2].ack(1)
    peers[3].ack(1)
    return first, peers[4]


def test_an_ack_that_finds_the_accept_queue_full(bench):
    """listen(2), tcp(7): the ACK is dropped, the request stays, and the SYN-ACK is sent again until there is room."""

    def body(t):
        first, late = full_queue(t)
        late.ack(1)
        late.silence()
        assert t.mib("TcpExtListenOverflows") == 1
        t.sleep(1.1)
        late.expect("S.", seq=0, ack=1)
        for _ in range(4):
            assert t.accept(first) >= 0
        assert t.accept(late) == -errno.EAGAIN
        late.ack(1)
        assert t.accept(late) >= 0
        assert t.getname(late.fd, 7) == ("10.0.0.2", late.port)

    bench.run(body)


def test_abort_on_overflow(bench):
    """tcp(7) tcp_abort_on_overflow: the client of a service that is too slow gets a RST instead of silence."""

    def body(t):
        t.sysctl("tcp_abort_on_overflow", 1)
        _, late = full_queue(t)
        late.ack(1)
        late.expect("R", seq=1)
        t.sleep(5)
        late.silence()

    bench.run(body)


def test_the_syn_queue_is_bounded(bench):
    """RFC 4987 section 2: a flood of SYNs that are never completed fills the backlog and no more."""

    def body(t):
        first = t.listen(80, backlog=8)
        peers = [first, *more_peers(t, first, 50)]
        answered = sum(1 for c in peers if c.syn() is None and c.out())
        assert 8 <= answered <= 9
        assert len(t.net.tcp.hashinfo.nodes()) == answered
        assert t.mib("TcpExtTCPReqQFullDrop") == 51 - answered
        # When the requests have timed out there is room again.
        t.sleep(64)
        for c in peers:
            c.out()
        assert t.net.tcp.hashinfo.nodes() == []
        peers[-1].local_isn = None
        peers[-1].syn()
        peers[-1].expect("S.")

    bench.run(body)


def test_a_retransmitted_syn_gets_the_same_answer(bench):
    """RFC 9293 section 3.10.7.4 (SYN-RECEIVED): our SYN-ACK was lost: the same one again, not a second request."""

    def body(t):
        c = t.listen(80)
        c.syn()
        first = c.expect("S.", seq=0, ack=1)
        t.sleep(0.6)
        c.syn()
        again = c.expect("S.", seq=0, ack=1)
        assert again.raw_seq == first.raw_seq
        assert len(t.net.tcp.hashinfo.nodes()) == 1
        c.ack(1)
        assert t.accept(c) >= 0
        assert t.accept(c) == -errno.EAGAIN

    bench.run(body)


def test_a_flood_of_one_syn_is_rationed(bench):
    """tcp(7) tcp_invalid_ratelimit: repeated SYNs are answered twice a second at most."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.out()
        t.sleep(0.6)
        for _ in range(20):
            c.syn()
        assert len(c.out()) == 1

    bench.run(body)


def test_a_different_syn_for_a_request(bench):
    """RFC 9293 section 3.10.7.4 (SYN-RECEIVED): another sequence number outside the window is answered with an ACK."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.", seq=0, ack=1)
        c.send("S", 200_000, options=mss(1460))
        c.expect(".", seq=1, ack=1)
        c.ack(1)
        assert t.accept(c) >= 0

    bench.run(body)


def test_data_with_the_handshakes_ack(bench):
    """RFC 9293 section 3.5: data may come with the ACK, and is there when accept(2) returns."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.data(1, b"GET /")
        assert t.accept(c) >= 0
        assert t.read(c.fd) == b"GET /"

    bench.run(body)


def test_data_and_fin_before_accept(bench):
    """RFC 9293 section 3.10.7.4: a connection lives before anybody accepts it."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.ack(1)
        c.data(1, b"bye", flags="FP.")
        t.sleep(0.05)
        assert c.out()[-1].ack == 5
        assert t.accept(c) >= 0
        assert t.read(c.fd) == b"bye" and t.read(c.fd) == b""

    bench.run(body)


def test_a_connection_that_is_reset_before_accept(bench):
    """accept(2): Linux still hands it out; the first read tells."""

    def body(t):
        c = t.listen(80)
        c.syn()
        c.expect("S.")
        c.ack(1)
        c.send("R", 1)
        assert t.accept(c) >= 0
        assert t.read(c.fd) == -errno.ECONNRESET

    bench.run(body)


def test_defer_accept(bench):
    """tcp(7) TCP_DEFER_ACCEPT: the listener wakes only when data has come."""

    def body(t):
        c = t.listen(80, setup=lambda fd: t.setsockopt(fd, SOL_TCP, TCP_DEFER_ACCEPT, 5))
        c.syn()
        c.expect("S.")
        c.ack(1)
        assert t.poll(c.listener, POLLIN) == 0
        assert t.accept(c) == -errno.EAGAIN
        c.data(1, b"now")
        assert t.poll(c.listener, POLLIN) == POLLIN
        assert t.accept(c) >= 0
        assert t.read(c.fd) == b"now"

    bench.run(body)


def test_the_backlog_can_be_changed(bench):
    """listen(2): a second call changes the backlog."""

    def body(t):
        first = t.listen(80, backlog=0)
        second, third = more_peers(t, first, 2)
        handshake(first)
        assert handshake(second) == []
        assert t.socketcall(4, first.listener, 5) == 0
        assert handshake(second) != []
        assert handshake(third) != []

    bench.run(body)


def test_a_syn_without_options(bench):
    """RFC 9293 MUST-15: no MSS option means 536; nothing that was not offered is in the SYN-ACK (RFC 7323 section 2.2)."""

    def body(t):
        c = t.established(options=b"")
        assert t.info(c.fd)["snd_mss"] == 536
        t.write(c.fd, bytes(1072))
        c.expect_data(1, 537, size=536)

    bench.run(body)


def test_strange_options_survive(bench):
    """RFC 9293 MUST-6, MUST-7: unknown options are skipped, illegal lengths end the parsing, and nothing crashes."""

    def body(t):
        c = t.listen(80)
        c.syn(b"\xfd\x04\0\0" + mss(600))
        c.expect("S.")
        c.ack(1)
        t.accept(c)
        assert t.info(c.fd)["snd_mss"] == 600
        for options in (b"\xfd\0\0\0", b"\xfd\1\0\0", b"\xfd\x28\0\0", b"\2\2\0\0", b"\x03\xff\x01\x01", b"\x08\x0a\0\0"):
            (other,) = more_peers(t, c, 1)
            other.syn(options)
            other.expect("S.", seq=0, ack=1)

    bench.run(body)


def test_options_at_odd_offsets(bench):
    """RFC 9293 MUST-64: options need not be aligned."""

    def body(t):
        c = t.listen(80)
        c.syn(b"\x01" + mss(900) + b"\x04\x02" + b"\x03\x03\x05")
        synack = c.expect("S.")
        assert synack.sack_ok and synack.wscale is not None
        c.ack(1, win=100)
        t.accept(c)
        info = t.info(c.fd)
        assert info["snd_mss"] == 900 and info["snd_wnd"] == 3200

    bench.run(body)


def test_a_listener_on_one_address(bench):
    """RFC 9293 MUST-43: a listener that is bound to an address takes nothing for another one."""

    def body(t):
        t.add_address(t.dev, "10.0.0.9/24")
        fd = t.stream()
        assert t.bind(fd, "10.0.0.9", 80) == 0
        assert t.socketcall(4, fd, 5) == 0
        c = t.peer(80)
        c.send("S", 0, options=mss(1460) + sack_ok() + wscale(2))
        c.expect("R.", ack=1)

    bench.run(body)


def test_listening_twice_on_a_port(bench):
    """bind(2), listen(2): a port that somebody listens on is in use, SO_REUSEADDR or not."""

    def body(t):
        c = t.listen(80)
        fd = t.stream()
        t.setsockopt(fd, SOL_SOCKET, 2, 1)
        assert t.bind(fd, "0.0.0.0", 80) == -errno.EADDRINUSE
        t.close(c.listener)
        assert t.bind(fd, "0.0.0.0", 80) == 0

    bench.run(body)
