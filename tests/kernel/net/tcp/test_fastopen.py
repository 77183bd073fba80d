"""TCP Fast Open by the sections of RFC 7413, as scripts between our TCP and a peer that is played by hand."""

import pytest

from kernel.lib.siphash import siphash
from lab.packetdrill.parser import parse
from lab.packetdrill.runner import Run
from lab.packetdrill.symbols import symbols

KEY = "`sysctl -q net.ipv4.tcp_fastopen=3 net.ipv4.tcp_fastopen_key=00112233-44556677-8899aabb-ccddeeff`\n"
RAW_KEY = b"".join(int(word, 16).to_bytes(4, "little") for word in ("00112233", "44556677", "8899aabb", "ccddeeff"))
# RFC 7413 section 4.1.2: bound to the addresses of client and server.
COOKIE = siphash(bytes([192, 0, 2, 1, 192, 168, 0, 1]), RAW_KEY).to_bytes(8, "little").hex()
SERVER = KEY + """
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN, [5], 4) = 0
+0 listen(3, 8) = 0
"""
PLAIN = "<mss 1460,nop,nop,sackOK,nop,wscale 7"
# A client with no time stamps; the first connection has brought it a cookie.
CLIENT = """
`sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_fastopen=1`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
"""
LEARNED = CLIENT + f"""
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 sendto(3, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0) {PLAIN},FO,nop,nop>
+.01 < S. 0:0(0) ack 1 win 5000 <mss 1000,nop,nop,sackOK,FO 0123456789ab>
+0 > . 1:1(0) ack 1
+0 close(3) = 0
+0 > F. 1:1(0) ack 1
+.01 < R. 1:1(0) ack 2 win 0
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
"""


def play(text):
    played = Run(parse(text.replace("FO COOKIE", f"FO {COOKIE}").replace("FOEXP COOKIE", f"FOEXP {COOKIE}"), symbols()))
    played.play()
    assert played.kernel.leak_report() == []
    return played


# --- section 4.1: cookies ---


def test_a_server_hands_a_cookie_out_when_asked():
    play(SERVER + """
+0 < S 0:0(0) win 1000 <mss 1000,FO,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 1460,FO COOKIE,nop,nop>
+0 `nstat | grep TcpExtTCPFastOpenCookieReqd`
""")


def test_the_experimental_option_is_answered_in_kind():
    play(SERVER + """
+0 < S 0:0(0) win 1000 <mss 1000,FOEXP>
+0 > S. 0:0(0) ack 1 <mss 1460,FOEXP COOKIE>
""")


@pytest.mark.parametrize("option", ["FO 0011223344556677,nop,nop", "FO 00112233445566778899,nop,nop,nop,nop"])
def test_a_wrong_cookie_gets_a_right_one_and_its_data_is_ignored(option):
    play(SERVER + f"""
+0 < S 0:10(10) win 1000 <mss 1000,{option}>
+0 > S. 0:0(0) ack 1 <mss 1460,FO COOKIE,nop,nop>
+0 `nstat | grep TcpExtTCPFastOpenPassiveFail`
""")


@pytest.mark.parametrize("option", ["FO 001122", "FO 0011,nop,nop", "FO 00112233445566778899aabbccddeeff0011,nop,nop"])
def test_a_malformed_cookie_is_as_none(option):
    play(SERVER + f"""
+0 < S 0:10(10) win 1000 <mss 1000,{option}>
+0 > S. 0:0(0) ack 1 <mss 1460>
""")


def test_an_older_key_holds_once_more():
    play(SERVER.replace("ccddeeff`", "ccddeeff,00112233-44556677-8899aabb-ccddeef0`") + """
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_KEY, "0123456789abcdef", 16) = 0
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 1460,FO 5ea81e9c9d4fb9b2,nop,nop>
""".replace("5ea81e9c9d4fb9b2", siphash(bytes([192, 0, 2, 1, 192, 168, 0, 1]), b"0123456789abcdef").to_bytes(8, "little").hex()))
    swapped = SERVER.replace("=00112233-44556677-8899aabb-ccddeeff`", "=1-2-3-4,00112233-44556677-8899aabb-ccddeeff`")
    newer = siphash(bytes([192, 0, 2, 1, 192, 168, 0, 1]), b"".join(n.to_bytes(4, "little") for n in (1, 2, 3, 4)))
    play(swapped + f"""
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460,FO {newer.to_bytes(8, "little").hex()},nop,nop>
+0 `nstat | grep TcpExtTCPFastOpenPassiveAltKey`
""")


# --- section 4.2: the server's data before the end of the handshake ---


def test_data_is_accepted_read_and_answered_before_the_ack():
    play(SERVER + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460>
+0 poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, 0) = 1
+0 accept(3, ..., ...) = 4
+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN|POLLOUT}], 1, 0) = 1
+0 read(4, ..., 100) = 10
+0 write(4, ..., 500) = 500
+0 > P. 1:501(500) ack 11
+.01 < . 11:11(0) ack 501 win 1000
+0 %{ assert tcpi_state == TCP_ESTABLISHED and tcpi_options & TCPI_OPT_SYN_DATA, tcpi_options }%
+0 close(4) = 0
+0 > F. 501:501(0) ack 11
""")


def test_a_fin_right_behind_the_syn():
    play(SERVER + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460>
+0 < F. 11:11(0) ack 1 win 1000
+0 > . 1:1(0) ack 12
+0 accept(3, ..., ...) = 4
+0 read(4, ..., 100) = 10
+0 read(4, ..., 100) = 0
""")


def test_the_syn_ack_is_sent_again_and_nothing_else_until_it_is_acknowledged():
    play(SERVER + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460>
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 100) = 100
+0 > P. 1:101(100) ack 11
+1 > S. 0:0(0) ack 11 <mss 1460>
+2 > S. 0:0(0) ack 11 <mss 1460>
+.1 < . 11:11(0) ack 1 win 1000
+.3~+3 > P. 1:101(100) ack 11
""")


def test_a_server_gives_up_after_its_retries():
    play("`sysctl -q net.ipv4.tcp_synack_retries=1`\n" + SERVER + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460>
+0 accept(3, ..., ...) = 4
+1 > S. 0:0(0) ack 11 <mss 1460>
+2 > S. 0:0(0) ack 11 <mss 1460>
+4.1 read(4, ..., 100) = 10
+0 read(4, ..., 100) = -1 ETIMEDOUT
""")


def test_without_the_option_or_the_setting_data_waits():
    for change in ("TCP_FASTOPEN, [5], 4", "tcp_fastopen=3"):
        replacement = "TCP_NODELAY, [1], 4" if "5" in change else "tcp_fastopen=1"
        play(SERVER.replace(change, replacement) + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 1460>
""")
    # 0x400 is for everybody; 0x200 asks for no cookie.
    play(SERVER.replace("TCP_FASTOPEN, [5], 4", "TCP_NODELAY, [1], 4").replace("tcp_fastopen=3", "tcp_fastopen=0x602") + """
+0 < S 0:10(10) win 1000 <mss 1000>
+0 > S. 0:0(0) ack 11 <mss 1460>
""")


# --- section 5: what forged SYNs can do ---


def test_children_without_a_handshake_are_limited():
    play(SERVER.replace("[5]", "[1]") + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460>
+0 listen(3, 8) = 0
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 1460>
+0 `nstat | grep TcpExtTCPFastOpenListenOverflow`
""")


def test_a_reset_child_counts_for_another_minute():
    script = SERVER.replace("[5]", "[1]") + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460>
+0 accept(3, ..., ...) = 4
+0 < R. 11:11(0) ack 1 win 0
+0 close(4) = 0
+0 listen(3, 8) = 0
+{} < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack {} <mss 1460>
"""
    play(script.format("59.9", 1))
    play(script.format("60.1", 11))


def test_a_listener_that_closes_resets_its_children():
    play(SERVER + """
+0 < S 0:10(10) win 1000 <mss 1000,FO COOKIE,nop,nop>
+0 > S. 0:0(0) ack 11 <mss 1460>
+0 close(3) = 0
+0 > R. 1:1(0) ack 11
""")


# --- section 4.2.1: clients ---


def test_a_cookie_is_asked_for_and_used():
    play(LEARNED + f"""
+0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = 100
+0 > S 0:100(100) {PLAIN},FO 0123456789ab>
+.01 < S. 0:0(0) ack 101 win 5000 <mss 1000,nop,nop,sackOK>
+0 > . 101:101(0) ack 1
+0 %{{ assert tcpi_options & TCPI_OPT_SYN_DATA, tcpi_options }}%
""")


def test_data_that_is_not_acknowledged_goes_again_at_once():
    play(LEARNED + f"""
+0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = 100
+0 > S 0:100(100) {PLAIN},FO 0123456789ab>
+.01 < S. 0:0(0) ack 1 win 5000 <mss 1000,nop,nop,sackOK>
+0 > P. 1:101(100) ack 1
+0 `nstat | grep TcpExtTCPFastOpenActiveFail`
""")


def test_the_syn_takes_what_the_servers_mss_allows():
    play(LEARNED + f"""
+0 sendto(4, ..., 5000, MSG_FASTOPEN, ..., ...) = 960
+0 > S 0:960(960) {PLAIN},FO 0123456789ab>
""")


def test_a_lost_syn_goes_again_without_data_and_option():
    play(LEARNED + f"""
+0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = 100
+0 > S 0:100(100) {PLAIN},FO 0123456789ab>
+1 > S 0:0(0) {PLAIN}>
+.01 < S. 0:0(0) ack 1 win 5000 <mss 1000,nop,nop,sackOK>
+0 > P. 1:101(100) ack 1
""")


def test_connect_may_wait_for_the_first_write():
    play(LEARNED + f"""
+0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0
+0 connect(4, ..., ...) = 0
+0 poll([{{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}}], 1, 0) = 1
+0 connect(4, ..., ...) = -1 EISCONN
+0 write(4, ..., 100) = 100
+0 > S 0:100(100) {PLAIN},FO 0123456789ab>
+0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EALREADY
+.01 < S. 0:0(0) ack 101 win 5000 <mss 1000,nop,nop,sackOK>
+0 > . 101:101(0) ack 1
""")


def test_the_setting_is_asked_for():
    play(CLIENT.replace("tcp_fastopen=1", "tcp_fastopen=2") + """
+0 sendto(3, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EOPNOTSUPP
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = -1 EOPNOTSUPP
""")
    # 4: without a cookie.
    play(CLIENT.replace("tcp_fastopen=1", "tcp_fastopen=5") + f"""
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 sendto(3, ..., 100, MSG_FASTOPEN, ..., ...) = 100
+0 > S 0:100(100) {PLAIN}>
""")


def test_options_that_come_too_late():
    play(SERVER + """
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN, [-1], 4) = -1 EINVAL
+0 getsockopt(3, SOL_TCP, TCP_FASTOPEN, [5], [4]) = 0
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_CONNECT, [2], 4) = -1 EINVAL
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = -1 EINVAL
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_KEY, "0123456789abcde", 15) = -1 EINVAL
+0 < S 0:0(0) win 1000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+0 < . 1:1(0) ack 1 win 1000
+0 accept(3, ..., ...) = 4
+0 setsockopt(4, SOL_TCP, TCP_FASTOPEN, [1], 4) = -1 EINVAL
+0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_NO_COOKIE, [1], 4) = -1 EINVAL
""")


# --- section 7.1 and the black holes of section 7.4 ---


def test_a_black_hole_pauses_fast_open():
    play("`sysctl -q net.ipv4.tcp_fastopen_blackhole_timeout_sec=60 net.ipv4.tcp_syn_retries=6`\n" + LEARNED + f"""
+0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = 100
+0 > S 0:100(100) {PLAIN},FO 0123456789ab>
+1 > S 0:0(0) {PLAIN}>
+2 > S 0:0(0) {PLAIN}>
+4 > S 0:0(0) {PLAIN}>
+0 `nstat | grep TcpExtTCPFastOpenBlackhole`
+0 close(4) = 0
+1 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
+0 fcntl(5, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 sendto(5, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0) {PLAIN}>
+0 close(5) = 0
+60 socket(..., SOCK_STREAM, IPPROTO_TCP) = 6
+0 fcntl(6, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 sendto(6, ..., 100, MSG_FASTOPEN, ..., ...) = 100
+0 > S 0:100(100) {PLAIN},FO 0123456789ab>
""")


def test_the_other_form_of_the_option_is_tried_once():
    again = """
+0 close({0}) = 0
+0 > F. 1:1(0) ack 1
+.01 < R. 1:1(0) ack 2 win 0
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = {1}
+0 fcntl({1}, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 sendto({1}, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS
"""
    answer = "+.01 < S. 0:0(0) ack 1 win 5000 <mss 1000,nop,nop,sackOK>\n+0 > . 1:1(0) ack 1\n"
    play(CLIENT + "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
         "+0 sendto(3, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS\n"
         f"+0 > S 0:0(0) {PLAIN},FO,nop,nop>\n" + answer + again.format(3, 4) + f"+0 > S 0:0(0) {PLAIN},FOEXP>\n" + answer
         + again.format(4, 5) + f"+0 > S 0:0(0) {PLAIN},FO,nop,nop>\n")  # fmt: skip
