"""Simultaneous open (RFC 9293 section 3.5, figure 8): both ends send a SYN, and one connection comes of it."""

from harness import mss, sack_ok, timestamp, wscale

from kernel.uapi import errno
from kernel.uapi.poll import POLLOUT
from kernel.uapi.socket import SO_ERROR, SOL_SOCKET

ESTABLISHED = 1
SYN_RECV = 3


def test_syns_cross(bench):
    """RFC 9293 MUST-10: a SYN in SYN-SENT is answered with SYN-ACK at our old number; its ACK establishes."""

    def body(t):
        c = t.connect_start(80)
        c.syn()
        c.expect("S.", seq=0, ack=1)
        assert t.info(c.fd)["state"] == SYN_RECV
        assert not t.poll(c.fd, POLLOUT) & POLLOUT
        c.send("S.", 0, 1)
        assert t.info(c.fd)["state"] == ESTABLISHED
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == 0
        c.out()
        assert t.write(c.fd, b"hi") == 2
        c.expect(".", seq=1, ack=1, data=b"hi")

    bench.run(body)


def test_a_bare_ack_establishes_as_well(bench):
    """RFC 9293 section 3.10.7.4 (SYN-RECEIVED): any acceptable ACK of our SYN will do."""

    def body(t):
        c = t.connect_start(80)
        c.syn()
        c.expect("S.", seq=0, ack=1)
        c.ack(1)
        assert t.info(c.fd)["state"] == ESTABLISHED
        c.silence()
        c.data(1, b"data")
        assert t.read(c.fd) == b"data"

    bench.run(body)


def test_options_are_agreed_from_both_syns(bench):
    """RFC 7323 section 2.2, RFC 2018: what both SYNs have offered is on, and the SYN-ACK offers it again."""

    def body(t):
        c = t.connect_start(80)
        c.syn(mss(1000) + sack_ok() + timestamp(5000) + wscale(3))
        synack = c.expect("S.", seq=0, ack=1)
        assert synack.mss == 1460 and synack.sack_ok and synack.wscale == 7 and synack.ts[1] == 5000
        c.ts_on = True
        c.ts_clock = 5001
        c.ack(1, win=100)
        info = t.info(c.fd)
        assert info["state"] == ESTABLISHED and info["snd_mss"] == 988 and info["snd_wnd"] == 800
        assert info["options"] & 7 == 7

    bench.run(body)


def test_options_that_the_peer_did_not_offer_are_off(bench):
    """RFC 7323 section 2.2: without the peer's offer no window scale and no timestamps, in the SYN-ACK either."""

    def body(t):
        c = t.connect_start(80)
        c.syn()
        synack = c.expect("S.", seq=0, ack=1)
        assert synack.wscale is None and synack.ts is None and not synack.sack_ok
        c.ack(1)
        t.write(c.fd, b"x")
        assert c.expect(".", seq=1).options == b""

    bench.run(body)


def test_the_synack_is_sent_again(bench):
    """RFC 6298 section 5.4: in SYN-RECEIVED what is unacknowledged is our SYN, now with an ACK."""

    def body(t):
        c = t.connect_start(80)
        c.syn()
        c.expect("S.")
        t.sleep(1.5)
        c.expect("S.", seq=0, ack=1)
        c.ack(1)
        assert t.info(c.fd)["state"] == ESTABLISHED
        t.sleep(20)
        c.silence()

    bench.run(body)


def test_a_reset_in_syn_received(bench):
    """RFC 9293 MUST-11: after an active open a RST in SYN-RECEIVED is an error to the user, not a return to LISTEN.

    (The RFC calls it "connection refused"; Linux answers ECONNRESET.)
    """

    def body(t):
        c = t.connect_start(80)
        c.syn()
        c.expect("S.")
        c.send("R", 1)
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ECONNRESET
        assert t.info(c.fd)["state"] == 7
        c.silence()

    bench.run(body)


def test_a_wrong_ack_in_syn_received_is_reset(bench):
    """RFC 9293 section 3.10.7.4, fifth: an ACK of what was never sent gets a RST with its number."""

    def body(t):
        c = t.connect_start(80)
        c.syn()
        c.expect("S.")
        c.ack(100)
        c.expect("R", seq=100)
        assert t.info(c.fd)["state"] == SYN_RECV
        c.ack(1)
        assert t.info(c.fd)["state"] == ESTABLISHED

    bench.run(body)


def test_a_socket_connects_to_itself(bench):
    """RFC 9293 section 3.5: with both ends in one socket the SYN crosses itself, and what is sent comes back."""

    def body(t):
        fd = t.stream()
        assert t.bind(fd, "10.0.0.1", 5555) == 0
        assert t.connect(fd, "10.0.0.1", 5555) == 0
        assert t.write(fd, b"echo") == 4
        t.sleep(0.01)
        assert t.read(fd) == b"echo"

    bench.run(body)


def test_giving_up_in_syn_received(bench):
    """RFC 9293 MUST-22: R2 for SYN holds in SYN-RECEIVED too."""

    def body(t):
        t.sysctl("tcp_syn_retries", 2)
        c = t.connect_start(80)
        c.syn()
        c.expect("S.")
        t.sleep(20)
        assert all(s.flags == "S." for s in c.out())
        assert t.getsockopt_int(c.fd, SOL_SOCKET, SO_ERROR) == errno.ETIMEDOUT

    bench.run(body)


def test_closing_in_syn_received_sends_a_fin(bench):
    """RFC 9293 section 3.10.4: CLOSE in SYN-RECEIVED queues a FIN and enters FIN-WAIT-1."""

    def body(t):
        c = t.connect_start(80)
        c.syn()
        c.expect("S.")
        t.close(c.fd)
        c.ack(1)
        fins = [s for s in c.out() if "F" in s.flags]
        assert len(fins) == 1 and fins[0].seq == 1 and fins[0].ack == 1
        c.send("F.", 1, 2)
        c.expect(".", seq=2, ack=2)

    bench.run(body)
