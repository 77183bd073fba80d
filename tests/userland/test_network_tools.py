"""traceroute, ping's finer points, nc, tftp, telnet and dig between machines in virtual time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_userland_guest import GIGABIT, SECOND, Pair

from hwemu.clock import Clock
from hwemu.wire.switch import Switch
from lab.machine import build_machine
from userland.proto import icmp, telnet, tftp

BIG = bytes(range(256)) * 500
# Machine 2 forwards to machine 3, which is 10.9.0.9 by its loopback device.
# All are on one network, so the router must not send redirects.
CONF = "/proc/sys/net/ipv4/conf"
QUIET = f"echo 0 > {CONF}/all/send_redirects; echo 0 > {CONF}/eth0/send_redirects"
ROUTER = f"echo 1 > /proc/sys/net/ipv4/ip_forward; {QUIET}; ip route add 10.9.0.9 via 10.0.0.3; sleep 1000"
TARGET = "ip addr add 10.9.0.9/32 dev lo; sleep 1000"


def three(command):
    """The console of a machine that reaches 10.9.0.9 through one router."""
    clock = Clock()
    switch = Switch(clock)
    lines = [f"ip route add 10.9.0.9 via 10.0.0.2; sleep 0.5; {command}", ROUTER, TARGET]
    hosts = [
        build_machine(clock, switch.port(f"port{n}", GIGABIT), name=f"host{n}", number=n, seed=n, memory=16 << 20,
                      cmdline={"ip": f"10.0.0.{n}/24", "console": "pipe", "quiet": "", "command": line})
        for n, line in enumerate(lines, 1)
    ]  # fmt: skip
    for host in reversed(hosts):
        host.start()
    assert hosts[0].run(300 * SECOND) is not None, hosts[0].text
    for host in hosts[1:]:
        host.power_off()
    for host in hosts:
        assert host.kernel.oopses == [] and host.kernel.leak_report() == []
    return hosts[0].text


@pytest.mark.parametrize("method", ["", "-I", "-T", "-n -q 1", "-F -w 2"])
def test_traceroute_shows_the_router(method):
    text = three(f"traceroute {method} 10.9.0.9").splitlines()
    assert text[0] == "traceroute to 10.9.0.9 (10.9.0.9), 30 hops max, 60 byte packets"
    name = "10.0.0.2" if "-n" in method else "10.0.0.2 (10.0.0.2)"
    assert text[1].startswith(f" 1  {name}  0.0") and text[1].count(" ms") == (1 if "-q" in method else 3), text
    assert text[2].startswith(" 2  10.9.0.9") and len(text) == 3


def test_traceroute_starts_ends_and_gives_up_where_it_is_told():
    text = three("traceroute -n -f 2 10.9.0.9; traceroute -n -m 1 10.9.0.9; traceroute -n -w 0.5 -m 2 -q 2 10.0.0.77")
    text = text.splitlines()
    assert text[1].startswith(" 2  10.9.0.9") and text[3].startswith(" 1  10.0.0.2") and text[5:] == [" 1  * *", " 2  * *"]


def test_ping_tells_what_routers_say():
    text = three("ping -c 1 -t 1 10.9.0.9; ping -c 2 10.9.0.9; ping -c 1 10.8.0.8")
    assert "From 10.0.0.2 icmp_seq=1 Time to live exceeded\n" in text and "1 packets transmitted, 0 received, +1 errors" in text
    assert "64 bytes from 10.9.0.9: icmp_seq=2 ttl=6" in text
    assert text.endswith("ping: connect: Network is unreachable\n")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ping -c 1 -M do -s 2000 10.0.0.2", "ping: local error: message too long, mtu=1500\n"),
        ("ping -c 1 -I eth0 10.0.0.2", "PING 10.0.0.2 (10.0.0.2) from 10.0.0.1 eth0: 56(84) bytes of data.\n"),
        ("ping -c 1 -I 10.0.0.1 10.0.0.2", "PING 10.0.0.2 (10.0.0.2) from 10.0.0.1 : 56(84) bytes of data.\n"),
        ("ping -c 1 -R 10.0.0.2", "56(124) bytes of data.\n64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.0"),
        ("ping -c 1 -D 10.0.0.2", "] 64 bytes from 10.0.0.2: icmp_seq=1"),
        ("ping -q -f -c 50 10.0.0.2", ", ipg/ewma 0.0"),
        ("ping -M maybe 10.0.0.2", "ping: invalid -M argument: maybe\n"),
        ("ping -I nosuch 10.0.0.2", "ping: nosuch: No such device\n"),
        ("nc -zv 10.0.0.2 7-6", "nc: connect to 10.0.0.2 port 6 (tcp) failed: Connection refused\n"),
        ("nc -zv 10.0.0.2 9", "Connection to 10.0.0.2 9 port [tcp/discard] succeeded!\n"),
        ("nc -zvu 10.0.0.2 7", "Connection to 10.0.0.2 7 port [udp/echo] succeeded!\n"),
        ("nc -zvu 10.0.0.2 5; echo $?", "1\n"),
        ("dig @10.0.0.2 -p 7 a.test +time=1 +tries=1; echo $?", ";; connection timed out; no servers could be reached\n9\n"),
        ("dig +nosuch x", "dig: invalid option: +nosuch (usage: "),
        ("dig x..y", "dig: 'x..y' is not a legal name\n"),
        ("telnet 10.0.0.2 5", "telnet: Unable to connect to remote host: Connection refused\n"),
        ("echo hi | telnet 10.0.0.2 7", "Connected to 10.0.0.2.\nEscape character is '^]'.\nhi\n"),
        ("traceroute -f 9 -m 2 10.0.0.2", "traceroute: first hop out of range\n"),
    ],
)
def test_lines(command, expected):
    text, _ = Pair(f"sleep 0.2; {command}", "inetd").run()
    assert expected in text, text


def test_redirects_are_told():
    quoted = bytes([0x45]) + bytes(8) + bytes([1]) + bytes(10) + bytes([8, 0, 0, 0, 0, 7, 0, 3])
    found = icmp.parse(bytes([5, 1, 0, 0, 10, 0, 0, 3]) + quoted)
    assert (found.ident, found.sequence, found.error_text()) == (7, 3, "Redirect Host(New nexthop: 10.0.0.3)")


def test_recorded_routes():
    option = bytearray(icmp.record_route_option())
    header = bytes([0x4F]) + bytes(19)
    assert icmp.recorded_route(header + bytes(option)) == []
    option[3] = 12
    option[4:12] = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    assert icmp.recorded_route(header + bytes(option)) == ["10.0.0.1", "10.0.0.2"]
    assert icmp.recorded_route(b"\x45" + bytes(19)) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=20, max_size=60))
def test_garbage_from_the_network_is_no_route_and_no_error(raw):
    icmp.recorded_route(raw)
    icmp.parse_quoted(raw)
    found = icmp.parse(raw)
    assert found is None or found.error_text().isprintable()


NAMES = """
from userland import libc

def main(argv):
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", 53))
    block = bytearray(512)
    while True:
        peer = bytearray(16)
        count = libc.recvfrom(fd, block, -1, 0, peer)
        query = bytes(block[:count])
        end = query.index(b"\\0", 12) + 5
        kind = query[end - 4 : end - 2]
        data = {b"\\0\\1": b"\\x0a\\0\\0\\2", b"\\0\\x0f": b"\\0\\5\\4mail\\xc0\\x0c", b"\\0\\x0c": b"\\3two\\4test\\0"}.get(kind)
        records = b"" if data is None else b"\\xc0\\x0c" + kind + b"\\0\\1\\0\\0\\0\\x3c" + len(data).to_bytes(2, "big") + data
        count = b"\\0\\1" if records else b"\\0\\0"
        libc.sendto(fd, query[:2] + b"\\x85\\x80\\0\\1" + count + bytes(4) + query[12:end] + records, -1, 0, peer)
"""


def test_dig_and_nslookup_show_answers():
    text, status = Pair(
        "sleep 0.2; dig two.test; dig +short two.test MX; dig +short -x 10.0.0.2 @10.0.0.2; dig +noall +answer two.test;"
        "nslookup -type=mx two.test; nslookup 10.0.0.2; nslookup -type=txt two.test",
        "names", second_files={"/bin/names": NAMES.encode()}, dns="10.0.0.2",
    ).run()  # fmt: skip
    assert ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: " in text
    assert ";; flags: qr aa rd ra; QUERY: 1, ANSWER: 1," in text
    assert ";; QUESTION SECTION:\n;two.test.\t\t\tIN\tA\n\n;; ANSWER SECTION:\ntwo.test.\t\t60\tIN\tA\t10.0.0.2\n" in text
    assert ";; SERVER: 10.0.0.2#53(10.0.0.2) (UDP)\n" in text
    assert "\n5 mail.two.test.\ntwo.test.\ntwo.test.\t\t60\tIN\tA\t10.0.0.2\nServer:" in text
    assert "two.test\tmail exchanger = 5 mail.two.test.\n" in text and "2.0.0.10.in-addr.arpa\tname = two.test.\n" in text
    assert "** server can't find two.test: No answer\n" in text and status == 1


def test_tftp_there_and_back():
    command = (
        "sleep 0.2; tftp -g -r big 10.0.0.2; sha256sum big /big; tftp -g -r edge -l - 10.0.0.2 | wc -c;"
        "tftp -g -r nosuch 10.0.0.2;"
        "tftp -p -l /big -r copy 10.0.0.2; tftp -g -b 8192 -r copy -l - 10.0.0.2 | sha256sum; tftp -g -r ../etc/hosts 10.0.0.2;"
        "tftp -g -r sub/../../x 10.0.0.2; tftp -g -r none -b 8 10.0.0.1"
    )
    files = {"/srv/big": BIG, "/srv/edge": bytes(1024), "/srv/sub/x": b""}
    text, status = Pair(command, "tftpd -c /srv", files={"/big": BIG}, second_files=files).run()
    sums = [line.split()[0] for line in text.splitlines() if line.endswith(("big", "-"))]
    assert len(sums) == 3 and len(set(sums)) == 1, text
    assert "\n1024\ntftp: server error: (1) File not found\n" in text
    assert text.count("tftp: server error: (2) Access violation\n") == 2 and text.endswith("tftp: timeout\n") and status == 1


def test_tftp_survives_a_bad_wire():
    text, _ = Pair(
        "sleep 0.5; tftp -g -r big -b 1400 10.0.0.2; tftp -p -l big -r big -b 1024 10.0.0.2; sha256sum big /big", "tftpd /srv",
        files={"/big": BIG}, second_files={"/srv/big": BIG}, impair="loss=10%,duplicate=10%,delay=2ms,jitter=1ms",
    ).run(600)  # fmt: skip
    assert len({line.split()[0] for line in text.splitlines()}) == 1 and text.count("big") == 2, text


def test_tftpd_creates_nothing_unasked():
    text, _ = Pair(
        "sleep 0.2; tftp -p -l /big -r new 10.0.0.2", "tftpd /srv", files={"/big": BIG}, second_files={"/srv/x": b""}
    ).run()  # fmt: skip
    assert text == "tftp: server error: (1) File not found\n"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_tftp_packets_of_any_bytes(raw):
    request = tftp.parse_request(raw)
    if request is not None:
        assert request.name and request.opcode in (tftp.RRQ, tftp.WRQ)
    tftp.parse_oack(raw)
    if len(raw) >= 4:
        assert "\n" not in tftp.parse_error(raw)[1]


def test_tftp_requests_and_options():
    packet = tftp.request(tftp.RRQ, "a b", {"tsize": "0", "BLKSIZE": "1428"})
    found = tftp.parse_request(packet)
    assert (found.name, found.mode, found.options) == ("a b", "octet", {"tsize": "0", "blksize": "1428"})
    assert tftp.parse_request(packet[:-1]) is None and tftp.parse_request(packet + b"x\0") is None
    assert tftp.parse_oack(tftp.oack({"blksize": "8"})) == {"blksize": "8"} and tftp.data(65537, b"x") == b"\0\3\0\1x"


def test_telnet_options_are_answered_once():
    decoder = telnet.Decoder("vt100", (24, 80))
    assert decoder.feed(b"a\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18\xff\xfd\x1f\xff\xfd\x22b\r\0c\xff\xff") == b"ab\rc\xff"
    assert decoder.echoes()
    assert decoder.reply == (
        b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfc\x22"
    )
    decoder.reply.clear()
    decoder.feed(b"\xff\xfb\x01\xff\xfd\x22\xff\xfa\x18\x01\xff\xf0")
    assert decoder.reply == b"\xff\xfa\x18\0vt100\xff\xf0"
    assert telnet.typed(b"a\xff\n") == b"a\xff\xff\r\n"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.integers(1, 9))
def test_telnet_reads_any_stream_however_it_is_cut(raw, step):
    whole, pieces = telnet.Decoder("x", (1, 1)), telnet.Decoder("x", (1, 1))
    out = b"".join(pieces.feed(raw[at : at + step]) for at in range(0, len(raw), step))
    assert whole.feed(raw) == out and whole.reply == pieces.reply
    # No answer is longer than what asked for it: there is nothing to amplify.
    assert len(whole.reply) <= 8 * len(raw)


def test_tc_shows_and_changes_disciplines():
    commands = (
        "tc qdisc", "tc qdisc add dev eth0 root fq limit 50", "tc qdisc show dev eth0", "tc qdisc add dev eth0 root pfifo",
        "tc qdisc change dev eth0 root fq flow_limit 7", "tc qdisc replace dev eth0 root handle 7: pfifo limit 9",
        "tc qdisc show dev eth0", "ip -o link show eth0", "ping -q -c 1 10.0.0.2", "tc qdisc del dev eth0 root",
        "tc qdisc del dev eth0 root", "tc qdisc show dev eth0", "tc qdisc add dev lo root fq", "ping -q -c 1 127.0.0.1",
        "tc qdisc del dev lo root", "tc qdisc show dev lo",
        "tc qdisc add dev eth0 root tbf", "tc qdisc add dev nosuch root fq", "tc qdisc add dev eth0 root pfifo flow_limit 3",
    )  # fmt: skip
    text = three("; ".join(commands))
    lines = text.splitlines()
    assert lines[:2] == ["qdisc noqueue 0: dev lo root refcnt 2", "qdisc pfifo 0: dev eth0 root refcnt 2 limit 1000p"]
    assert lines[2] == "qdisc fq 8001: dev eth0 root refcnt 2 limit 50p flow_limit 100p"
    assert lines[3] == "Error: Exclusivity flag on, cannot modify."
    assert lines[4] == "qdisc pfifo 7: dev eth0 root refcnt 2 limit 9p"
    assert " qdisc pfifo " in lines[5] and text.count("1 packets transmitted, 1 received") == 2
    assert "Error: Cannot delete qdisc with handle of zero.\nqdisc pfifo 0: dev eth0 root refcnt 2 limit 1000p\n" in text
    assert lines[-4:] == [
        "qdisc noqueue 0: dev lo root refcnt 2", 'Unknown qdisc "tbf", hence option is unparsable', 'Cannot find device "nosuch"',
        'What is "flow_limit"?',
    ]  # fmt: skip
