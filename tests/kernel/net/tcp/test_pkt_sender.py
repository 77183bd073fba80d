"""Faults of the sender and the receiver that packetdrill scripts have shown, each as a small script of its own."""

import pytest

from lab.packetdrill.parser import parse
from lab.packetdrill.runner import Failure, Run
from lab.packetdrill.symbols import symbols

LISTEN = """
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
"""
ESTABLISHED = LISTEN + """
+0 < S 0:0(0) win 65535 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 500
+0 accept(3, ..., ...) = 4
"""


def play(text):
    """Run a script on a fresh machine; a failure fails the test."""
    Run(parse(text, symbols())).play()


def test_a_burst_holds_a_millisecond_but_at_least_two_segments():
    play("--strict_segments\n" + ESTABLISHED + """
+0 write(4, ..., 8000) = 8000
+0 > P. 1:2001(2000) ack 1
+0 > P. 2001:4001(2000) ack 1
+0 > P. 4001:6001(2000) ack 1
+0 > P. 6001:8001(2000) ack 1
""")


def test_tcp_min_tso_segs_makes_bursts_larger_up_to_half_the_window():
    play("--strict_segments\n`sysctl -q net.ipv4.tcp_min_tso_segs=7`\n" + ESTABLISHED + """
+0 write(4, ..., 8000) = 8000
+0 > P. 1:5001(5000) ack 1
+0 > P. 5001:8001(3000) ack 1
""")


DIVISOR = """--strict_segments
`sysctl -q net.ipv4.tcp_tso_win_divisor={} net.ipv4.tcp_min_tso_segs=8`
""" + ESTABLISHED + """
+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [200000], 4) = 0
+0 write(4, ..., 30000) = 30000
+0 > P. 1:5001(5000) ack 1
+0 > P. 5001:10001(5000) ack 1
+.1 < . 1:1(0) ack 2001 win 500
+0 > P. 10001:14001(4000) ack 1
+.0005 < . 1:1(0) ack 3001 win 500
"""


def test_tcp_tso_win_divisor_lets_a_small_burst_go_at_once():
    play(DIVISOR.format(100) + "+0 > P. 14001:16001(2000) ack 1\n")


def test_a_small_burst_waits_for_a_third_of_the_window_by_default():
    with pytest.raises(Failure, match="got nothing"):
        play(DIVISOR.format(3) + "+0 > P. 14001:16001(2000) ack 1\n")


def test_the_reordering_timer_has_a_slack_of_two_ticks():
    play("--tolerance_usecs=1000\n" + ESTABLISHED + """
+0 write(4, ..., 4000) = 4000
+0 > P. 1:4001(4000) ack 1
+.1 < . 1:1(0) ack 1 win 500 <sack 3001:4001,nop,nop>
+.033 > . 1:1001(1000) ack 1
""")


def test_a_retransmission_that_the_device_refused_is_no_reason_to_undo():
    play(ESTABLISHED + """
+0 write(4, ..., 2000) = 2000
+0 > P. 1:2001(2000) ack 1
+0 `tc qdisc replace dev tun0 root pfifo limit 0`
+.1 < . 1:1(0) ack 1 win 500 <sack 1001:2001,nop,nop>
+.05 %{
assert tcpi_ca_state == TCP_CA_Recovery and tcpi_retrans == 0, (tcpi_ca_state, tcpi_retrans)
cwnd = tcpi_snd_cwnd
}%
+0 < . 1:101(100) ack 1 win 500 <sack 1001:2001,nop,nop>
+0 %{ assert tcpi_ca_state == TCP_CA_Recovery and tcpi_snd_cwnd <= cwnd, tcpi_snd_cwnd }%
""")


REORDERED = """
--mss=1000
`sysctl -q net.ipv4.tcp_rmem="4096 131072 8388608"`
""" + LISTEN + """
+0 < S 0:0(0) win 65535 <mss 1000,nop,nop,sackOK,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
"""
HOLE = """
+0 < . 1001:41001(40000) ack 1 win 257
+0 > . 1:1(0) ack 1 <nop,nop,sack 1001:41001>
+0 < . 41001:91001(50000) ack 1 win 257
+0 > . 1:1(0) ack 1 <nop,nop,sack 1001:91001>
"""


def test_reordering_enlarges_the_buffer_of_an_accepted_connection():
    play(REORDERED + "+0 accept(3, ..., ...) = 4\n" + HOLE + "+0 %{ assert SK_MEMINFO_RCVBUF > 131072, SK_MEMINFO_RCVBUF }%\n")


def test_a_connection_nobody_has_accepted_keeps_its_buffer():
    play(REORDERED + HOLE + "+0 accept(3, ..., ...) = 4\n+0 %{ assert SK_MEMINFO_RCVBUF == 131072, SK_MEMINFO_RCVBUF }%\n")


def test_the_window_clamp_follows_what_the_whole_buffer_holds():
    """A burst of most of a fixed buffer is not acknowledged at once: the window that is left is smaller than before."""
    play("--mss=1000\n" + LISTEN.replace("+0 bind", "+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [20000], 4) = 0\n+0 bind") + """
+0 < S 0:0(0) win 32792 <mss 1000,nop,wscale 7>
+0 > S. 0:0(0) ack 1 win 18980 <mss 1460,nop,wscale 0>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
+0 < P. 1:20001(20000) ack 1 win 257
+.04 > . 1:1(0) ack 20001 win 17000
""")


def test_tcp_cm_inq_counts_the_end_of_the_stream():
    play(ESTABLISHED + """
+0 setsockopt(4, SOL_TCP, TCP_INQ, [1], 4) = 0
+0 < F. 1:601(600) ack 1 win 500
+.04 > . 1:1(0) ack 602
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 200}], msg_flags=0,
   msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=400}]}, 0) = 200
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 400}], msg_flags=0,
   msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=1}]}, 0) = 400
+0 read(4, ..., 10) = 0
""")
