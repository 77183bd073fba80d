"""Scripts played: each feature once right, and once wrong at the right line."""

import pytest

# --- packets ---


def test_a_server(play, server):
    play(server + """
+0 < P. 1:101(100) ack 1 win 30000
+0 > . 1:1(0) ack 101
+0 read(4, ..., 1000) = 100
+0 write(4, ..., 50) = 50
+0 > P. 1:51(50) ack 101
+.01 < . 101:101(0) ack 51 win 30000
+0 close(4) = 0
+0 > F. 51:51(0) ack 101
+.01 < F. 101:101(0) ack 52 win 30000
+0 > . 52:52(0) ack 102
""")


def test_a_client(play):
    play("""
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.020 connect(3, ..., ...) = 0
+0 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>
+.02 < S. 0:0(0) ack 1 win 9000 <mss 1000,sackOK,TS val 700 ecr 100,nop,wscale 4>
+0 > . 1:1(0) ack 1 <nop,nop,TS val 120 ecr 700>
+0 write(3, ..., 10) = 10
+0 > P. 1:11(10) ack 1 <nop,nop,TS val 120 ecr 700>
""")


def test_sequence_numbers_of_a_syn_are_the_scripts_own(play, listener):
    play(listener + """
+0 < S 5000:5000(0) win 1000 <mss 1000>
+0 > S. 777:777(0) ack 5001 <mss 1460>
+.01 < . 1:1(0) ack 1 win 1000
+0 accept(3, ..., ...) = 4
+0 < P. 1:4(3) ack 1 win 1000
+0 > . 1:1(0) ack 4
""")


def test_one_script_may_open_several_connections(play, server):
    again = server.replace("0 socket", "+0 close(4) = 0\n+0 close(3) = 0\n+.01 socket", 1)
    again = again.replace("+0 bind", "+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0\n+0 bind")
    play(server.replace("+0 bind", "+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0\n+0 bind") + again)


BAD_PACKETS = [
    ("+0 > P. 1:11(10) ack 2", "expected P. 1:11(10) ack 2, got P. 1:11(10) ack 1"),
    ("+0 > . 1:11(10) ack 1", "expected . 1:11(10) ack 1, got P. 1:11(10) ack 1"),
    ("+0 > P. 2:12(10) ack 1", "got P. 1:11(10) ack 1"),
    ("+0 > P. 1:10(9) ack 1", "got P. 1:11(10) ack 1"),
    ("+0 > P. 1:11(10) ack 1 win 4", "expected P. 1:11(10) ack 1 win 4, got P. 1:11(10) ack 1 win 6"),
    ("+0 > P. 1:11(10) ack 1 urg 9", "got P. 1:11(10) ack 1 urg 0"),
    ("+0 > P. 1:11(10) ack 1 <nop,nop,nop,eol>", "expected P. 1:11(10) ack 1 <nop,nop,nop,eol>, got P. 1:11(10) ack 1"),
    ("+0 > [ce] P. 1:11(10) ack 1", "expected P. 1:11(10) ack 1"),
]


@pytest.mark.parametrize("line, message", BAD_PACKETS)
def test_another_packet_than_expected(fails, server, line, message):
    fails(server + f"+0 write(4, ..., 10) = 10\n{line}\n", 9, message)


def test_no_packet_at_all(fails, server):
    fails(server + "+0 > . 1:1(0) ack 1\n", 8, "expected . 1:1(0) ack 1, got nothing")


def test_options_in_another_order(fails, listener):
    fails(listener + """+0 < S 0:0(0) win 1000 <mss 1000,sackOK,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,nop,nop>
""", 5, "expected S. 0:0(0) ack 1 <mss 1460,sackOK,nop,nop>, got S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>")


def test_any_options_will_do(play, listener):
    play(listener + "+0 < S 0:0(0) win 1000 <mss 1000,sackOK,nop,nop>\n+0 > S. 0:0(0) ack 1 <...>\n")


def test_a_burst_is_one_packet_of_the_script(play, server):
    play(server + "+0 write(4, ..., 5000) = 5000\n+0 > P. 1:5001(5000) ack 1\n")


def test_unless_segments_are_taken_strictly(fails, server):
    fails("--strict_segments\n" + server + "+0 write(4, ..., 5000) = 5000\n+0 > P. 1:5001(5000) ack 1\n", 10,
          "got P. 1:2001(2000) ack 1")


def test_sack_blocks_are_relative(play, server):
    play(server + """
+0 < . 1001:2001(1000) ack 1 win 30000
+0 > . 1:1(0) ack 1 <nop,nop,sack 1001:2001>
""")


def test_a_reset_for_nobody(play, listener):
    play(listener + "+0 < . 0:0(0) ack 0 win 9\n+0 > R 0:0(0)\n")


def test_an_icmp_error_ends_a_connection_attempt(play):
    play("""
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.010 connect(3, ..., ...) = -1 ECONNREFUSED (Connection refused)
+0 > S 0:0(0) <...>
+.01 < icmp unreachable port_unreachable
""")


def test_an_icmp_error_that_quotes_something_else_is_ignored(fails):
    fails("""0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.010 connect(3, ..., ...) = -1 ECONNREFUSED (Connection refused)
+0 > S 0:0(0) <...>
+.01 < icmp unreachable port_unreachable [5000:6000(1000)]
""", 2, "expected connect() to return at 0.010000, got nothing")


def test_the_ecn_bits(play, listener):
    play("`sysctl -q net.ipv4.tcp_ecn=2`\n" + listener + """
+0 < SEW 0:0(0) win 30000 <mss 1000>
+0 > [noecn] SE. 0:0(0) ack 1 <...>
+.01 < . 1:1(0) ack 1 win 30000
+0 accept(3, ..., ...) = 4
+0 < [ce] P. 1:11(10) ack 1 win 30000
+0 > [noecn] E. 1:1(0) ack 11
+0 write(4, ..., 7) = 7
+0 > [ect0] PE. 1:8(7) ack 11
""")


# --- time ---


def test_a_packet_too_late(fails, server):
    fails(server + """+0 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 1
+.1 > P. 1:11(10) ack 1
""", 10, "got nothing")


def test_a_packet_too_early(fails, server):
    fails(server + """+0 write(4, ..., 10) = 10
+.1 > P. 1:11(10) ack 1
""", 9, "expected it at 0.200000, got it early, at 0.100000")


def test_within_a_range(play, server):
    play(server + """
+0 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 1
+.2~+.4 > P. 1:11(10) ack 1
""")


def test_at_any_time(play, server):
    play(server + """
+0 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 1
* > P. 1:11(10) ack 1
""")


def test_tolerance(play, fails, server):
    text = server + "+0 write(4, ..., 10) = 10\n+.05 > P. 1:11(10) ack 1\n"
    fails(text, 9, "early")
    play("--tolerance_usecs=50000\n" + text)
    play(text, tolerance_usecs=50000)
    fails("--tolerance_usecs=50000\n" + text, 10, "early", tolerance_usecs=1)


def test_absolute_times(play, listener):
    played = play(listener + """
0.5 < S 0:0(0) win 1000 <mss 1000>
0.5 > S. 0:0(0) ack 1 <mss 1460>
1.5 > S. 0:0(0) ack 1 <mss 1460>
""")
    assert played.clock.now - played.start == pytest.approx(1.5e9, abs=2e6)


def test_time_stamps_against_the_clock(play, fails, server):
    text = "--tcp_ts_tick_usecs=1000\n" + server.replace("sackOK,nop,nop>\n+0 >", "sackOK,TS val 5 ecr 0>\n+0 >").replace(
        "<mss 1460,nop,nop,sackOK>", "<mss 1460,sackOK,TS val 100 ecr 5>").replace(
        "+.1 < . 1:1(0) ack 1 win 30000", "+.1 < . 1:1(0) ack 1 win 30000 <nop,nop,TS val 6 ecr 100>")
    play(text + "+1 write(4, ..., 1) = 1\n+0 > P. 1:2(1) ack 1 <nop,nop,TS val 1200 ecr 6>\n")
    fails(text + "+1 write(4, ..., 1) = 1\n+0 > P. 1:2(1) ack 1 <nop,nop,TS val 1300 ecr 6>\n", 10, "ecr 6")


# --- system calls ---


def test_a_result(fails):
    fails("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = -1 EMFILE (Too many files)\n", 1, "expected socket() = -1 EMFILE, got 3")


def test_an_errno(play, fails):
    play("0 close(9) = -1 EBADF (Bad file descriptor)\n0 close(9) = -1\n0 close(9) = ...\n")
    fails("0 close(9) = -1 EPERM (Operation not permitted)\n", 1, "expected close() = -1 EPERM, got -1 EBADF")


def test_descriptors_have_the_scripts_numbers(play):
    play("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 17\n+0 fcntl(17, F_GETFL) = 0x2 (flags O_RDWR)\n+0 close(17) = 0\n")


def test_a_call_that_blocks_must_say_so(fails, listener):
    fails(listener + "+0 accept(3, ..., ...) = 4\n", 4, "expected accept() to return, got a call that blocks")


def test_a_call_returns_too_early(fails, server):
    fails(server + "+0...1 write(4, ..., 10) = 10\n", 8, "expected write() to return at 1.100000, got 0.100000")


def test_a_call_returns_too_late(fails, listener):
    fails(listener + """+0...0.1 accept(3, ..., ...) = 4
+.3 < S 0:0(0) win 1000 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 1000
""", 4, "expected accept() to return at 0.100000, got 0.400000")


def test_a_call_never_returns(fails, listener):
    fails(listener + "+0...0.1 accept(3, ..., ...) = 4\n", 4, "expected accept() to return at 0.100000, got nothing")


def test_socket_options(play, fails, server):
    play(server + """
+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0
+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0
+0 getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, [8]) = 0
+0 setsockopt(4, SOL_TCP, TCP_CONGESTION, "reno", 4) = 0
+0 close(4) = 0
+0 > R. 1:1(0) ack 1
""")
    fails(server + "+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNRESET], [4]) = 0\n", 8, "a value of")


def test_messages_and_vectors(play, server):
    play(server + """
+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
+0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 10}, {..., 20}], msg_flags=0}, 0) = 30
+0 > P. 1:31(30) ack 1
+0 writev(4, [{..., 5}, {..., 6}], 2) = 11
+0 > P. 31:42(11) ack 1
+0 < P. 1:9(8) ack 42 win 30000
+0 > . 42:42(0) ack 9
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 3}], msg_flags=0}, 0) = 3
+0 readv(4, [{..., 1}, {..., 100}], 2) = 5
+0 recv(4, ..., 10, MSG_DONTWAIT) = -1 EAGAIN (Resource temporarily unavailable)
""")


def test_readiness(play, server):
    play(server + """
+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1
+0 epoll_create(1) = 9
+0 epoll_ctl(9, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0
+0 epoll_wait(9, {events=0, fd=0}, 1, 0) = 0
+0...0.050 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 1000) = 1
+.05 < P. 1:9(8) ack 1 win 30000
+0 > . 1:1(0) ack 9
+0 epoll_wait(9, {events=EPOLLIN, fd=4}, 1, 0) = 1
+0 ioctl(4, SIOCINQ, [8]) = 0
""")


def test_wrong_readiness(fails, server):
    fails(server + "+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN}], 1, 0) = 1\n", 8, "expected revents 1, got 4")


def test_files(play, server):
    play("`dd bs=1 count=12 if=/dev/zero of=zeros status=none`\n" + server + """
+0 open("zeros", O_RDONLY) = 5
+0 sendfile(4, 5, [2], 10) = 10
+0 > P. 1:11(10) ack 1
+0 pipe([6, 7]) = 0
+0 write(7, ..., 3) = 3
+0 read(6, ..., 9) = 3
""")


def test_a_call_that_nobody_knows(fails):
    fails("0 close(9) = -1\n+0 fork() = 0\n", 2, "fork: no such system call here")


def test_arguments_that_a_call_has_not(fails):
    fails("0 listen(3) = 0\n", 1, "listen: these are not its arguments")


# --- assertions ---


def test_tcp_info(play, fails, server):
    play(server + "+0 %{ assert tcpi_snd_cwnd == 10 and tcpi_state == TCP_ESTABLISHED, tcpi_snd_cwnd }%\n")
    fails(server + "+0 %{ assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd }%\n", 8, "assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd, got 10")


def test_names_stay_from_block_to_block(play, server):
    play(server + """
+0 %{ ten = tcpi_snd_cwnd }%
+0 %{
    # Indented as the script pleases.
    if ten != 10:
        assert False
}%
""")


def test_code_that_is_no_python(fails, server):
    fails(server + "+0 %{ assert unknown }%\n", 8, "NameError: name 'unknown' is not defined")
    fails(server + "+0 %{ this is }%\n", 8, "SyntaxError")


# --- commands ---


def test_settings(play, fails, listener):
    play("`sysctl -q net.ipv4.tcp_sack=0\n set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0`\n" + listener + """
+0 < S 0:0(0) win 1000 <mss 1000,sackOK,TS val 3 ecr 0>
+0 > S. 0:0(0) ack 1 <mss 1460>
""")
    fails("`sysctl -q net.ipv4.no_such_thing=1`\n0 close(9) = -1\n", 1, "net.ipv4.no_such_thing")


def test_arithmetic_and_continued_lines(play, listener):
    played = play('`sysctl -q net.ipv4.tcp_rmem="4096 131072 $((16*1024*1024))" \\\n net.ipv4.tcp_ecn=1`\n' + listener)
    assert played.kernel.sysctl.read("net.ipv4.tcp_rmem").split() == ["4096", "131072", "16777216"]
    assert played.kernel.sysctl.read("net.ipv4.tcp_ecn") == 1


def test_the_usual_settings(play, listener):
    played = play("`../common/defaults.sh`\n" + listener + "`./sysctl_restore.sh`\n")
    assert played.kernel.sysctl.read("net.ipv4.tcp_early_retrans") == 4


def test_counters_and_files(play, fails, server):
    text = server + "+0 `nstat > /dev/null`\n+0 < . 1:1(0) ack 9 win 5\n+0 > . 1:1(0) ack 1\n"
    play(text + "+0 `nstat | grep TcpExtTCPChallengeACK > /dev/null`\n+0 `grep ' 0A ' /proc/net/tcp | grep ':1F90'`\n")
    fails(text + "+0 `nstat | grep TcpExtTCPTimeouts`\n", 11, "a line from nstat | grep TcpExtTCPTimeouts")


def test_ss(play, fails, server):
    play(server + "+0 `ss -4 -n | grep 192.168.0.1:8080 > /dev/null`\n")
    fails(server + "+0 `ss -4 -n state SYN-RECV | grep 192.168.0.1:8080`\n", 8, "got none")


def test_a_device_without_segmentation(play, server):
    play("--strict_segments\n`ethtool -K tun0 tso off gso off`\n" + server + """
+0 write(4, ..., 2000) = 2000
+0 > . 1:1001(1000) ack 1
+0 > P. 1001:2001(1000) ack 1
""")


def test_a_device_that_drops(fails, server):
    closed = "+0 `tc qdisc replace dev tun0 root pfifo limit 0`\n"
    fails(server + closed + "+0 write(4, ..., 5) = 5\n+0 > P. 1:6(5) ack 1\n", 10, "got nothing")


def test_routes_and_their_metrics(play, fails, listener):
    change = "`ip route change 192.0.2.1 via 192.168.0.2 dev tun0 advmss 600 mtu lock 700 initcwnd 3 initrwnd 5`\n"
    play(change + listener + """
+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop>
+0 > S. 0:0(0) ack 1 win 3000 <mss 600,nop,nop,sackOK>
+.1 < . 1:1(0) ack 1 win 30000
+0 accept(3, ..., ...) = 4
+0 %{ assert (tcpi_snd_cwnd, tcpi_snd_mss, tcpi_advmss, tcpi_pmtu) == (3, 660, 600, 700), tcpi_snd_mss }%
""")
    fails("`ip route change 192.0.2.1 via 192.168.0.2 dev tun0 rtt 5`\n0 close(9) = -1\n", 1, "a metric")
    fails("`ip route change 192.0.2.1 via 10.9.9.9 dev tun0`\n0 close(9) = -1\n", 1, "Nexthop has invalid gateway")


def test_a_probe_of_the_paths_mtu(play, listener):
    play("`sysctl -q net.ipv4.tcp_mtu_probing=2 net.ipv4.tcp_base_mss=512`\n"
         "`ip route change 192.0.2.1 via 192.168.0.2 dev tun0 mtu lock 552 initcwnd 11`\n" + listener + """
+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 512,nop,nop,sackOK>
+.1 < . 1:1(0) ack 1 win 30000
+0 accept(3, ..., ...) = 4
+0 `ip route change 192.0.2.1 via 192.168.0.2 dev tun0`
+0 write(4, ..., 4000) = 4000
+0 > . 1:757(756) ack 1
+0 > P. 757:4001(3244) ack 1
+.1 < . 1:1(0) ack 4001 win 30000
+0 `nstat | grep TcpExtTCPMTUPSuccess`
""")


def test_splice_stops_at_the_urgent_mark(play, server):
    play(server + """
+0 pipe([5, 6]) = 0
+0 < U. 1:101(100) ack 1 win 30000 urg 50
+0 > . 1:1(0) ack 101
+0 splice(4, NULL, 6, NULL, 100, 0) = 49
+0 splice(4, NULL, 6, NULL, 100, 0) = 0
+0 recv(4, ..., 1, MSG_OOB) = 1
+0 splice(4, NULL, 6, NULL, 100, 0) = 0
+0 read(4, ..., 100) = 50
+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 splice(4, NULL, 6, NULL, 100, 0) = -1 EAGAIN (Resource temporarily unavailable)
+0 splice(4, [7], 6, NULL, 100, 0) = -1 EINVAL (Invalid argument)
+0 splice(5, NULL, 4, NULL, 10, 0) = 10
+0 > P. 1:11(10) ack 101
""")


def test_a_command_that_nobody_knows(fails):
    fails("`make coffee`\n0 close(9) = -1\n", 1, "make: nobody knows it here")


# --- the machine ---


def test_large_packets_of_the_peer_may_stand_for_segments(play, server):
    text = server + "+0 < P. 1:5001(5000) ack 1 win 30000\n+0 > . 1:1(0) ack 5001\n"
    play("--mss=1000\n" + text + "+0 %{ assert tcpi_rcv_mss == 1000, tcpi_rcv_mss }%\n")
    play(text + "+0 %{ assert tcpi_rcv_mss == 1460, tcpi_rcv_mss }%\n")


def test_the_mtu(play, listener):
    play("--mtu=9000\n" + listener + "+0 < S 0:0(0) win 1000 <mss 8000>\n+0 > S. 0:0(0) ack 1 <mss 8960>\n")


def test_two_runs_are_the_same(play, server):
    text = server + "+0 write(4, ..., 3000) = 3000\n+0 > P. 1:3001(3000) ack 1\n+.208 > P. 2001:3001(1000) ack 1\n"
    assert play(text).clock.now == play(text).clock.now
