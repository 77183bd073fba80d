"""The network programs on two machines with network cards on a switch, in virtual time."""

import hashlib
import re

import pytest
from tests_userland_guest import Pair

BIG = bytes(index * 7 & 0xFF for index in range(1 << 20)) * 2
DIGEST = hashlib.sha256(BIG).hexdigest()


def test_ping():
    text, status = Pair("ping -c 3 10.0.0.2").run()
    assert status == 0
    assert text.startswith("PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=")
    assert "3 packets transmitted, 3 received, 0% packet loss, time 20" in text
    assert re.search(r"^rtt min/avg/max/mdev = [\d.]+/[\d.]+/[\d.]+/[\d.]+ ms$", text, re.M)


@pytest.mark.parametrize(
    ("command", "expected", "status"),
    [
        ("ping -c 1 -s 8000 10.0.0.2", "8008 bytes from 10.0.0.2: icmp_seq=1", 0),
        ("ping -c 1 10.0.0.9", "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable", 1),
        ("ping -c 1 9.9.9.9", "ping: connect: Network is unreachable", 2),
        ("ping -c 1 nosuch.", "ping: nosuch.: ", 2),
        ("ping -c 1 localhost", "64 bytes from localhost (127.0.0.1): icmp_seq=1 ttl=64", 0),
        ("ping -q -f -c 300 10.0.0.2", "300 packets transmitted, 300 received, 0% packet loss", 0),
        ("ping -c 5 -i 0.01 -q -w 3 10.0.0.2", "5 packets transmitted, 5 received", 0),
        ("ping -w 1 -c 100 10.0.0.2", "% packet loss", 1),
        ("ping 10.0.0.2 & sleep 2.5; kill -INT $!; wait", "3 packets transmitted, 3 received", 0),
    ],
)
def test_pings(command, expected, status):
    text, got = Pair(command).run()
    assert expected in text and got == status, text


def test_ip_shows_and_changes():
    text, status = Pair(
        "ip -br addr && ip route && ip link set eth0 mtu 1400 && sleep 0.1 && ip link show eth0 && ip -s link show dev eth0;"
        "ip addr add 10.0.1.1/16 dev eth0; ip addr show eth0 | grep inet; ip route add 10.9.0.0/16 via 10.0.0.2;"
        "ip route add default via 10.0.0.2 dev eth0 metric 5; ip route; ip route del 10.9.0.0/16; ip route | wc -l;"
        "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev eth0; ip neigh; ip neigh del 10.0.0.7 dev eth0; ip neigh;"
        "ip link set eth0 down; ip -br link show eth0"
    ).run()
    assert status == 0
    lines = [line.rstrip() for line in text.splitlines()]
    assert "lo               UNKNOWN        127.0.0.1/8" in lines and "eth0             UP             10.0.0.1/24" in lines
    assert "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1" in lines
    assert "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc pfifo state UP mode DEFAULT group default qlen 1000" in (
        lines
    )
    assert "    inet 10.0.1.1/16 scope global eth0" in lines
    assert "default via 10.0.0.2 dev eth0 metric 5" in lines and "10.9.0.0/16 via 10.0.0.2 dev eth0" in lines
    assert "10.0.0.7 dev eth0 lladdr 02:00:00:00:00:07 PERMANENT" in lines
    assert "eth0             DOWN" in lines[-1]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("ip link set nosuch up", 'Cannot find device "nosuch"'),
        ("ip addr add 10.0.0.300/24 dev eth0", "any valid prefix is expected"),
        ("ip route add 1.2.3.0/24 via 9.9.9.9", "Error: Nexthop has invalid gateway."),
        ("ip route del 1.2.3.0/24", "RTNETLINK answers: No such process"),
        ("ip addr show nosuch", 'Device "nosuch" does not exist.'),
    ],
)
def test_ip_says_what_is_wrong(command, message):
    text, status = Pair(command).run()
    assert message in text and status == 2 and text.count("\n") == 1


def test_ethtool_and_lspci():
    options = ("", "-i", "-S", "-g", "-k", "-d")
    text, status = Pair(" && ".join(f"ethtool {option} eth0" for option in options) + " && lspci -v").run()
    assert status == 0
    for expected in (
        "\tSpeed: 1000Mb/s", "\tDuplex: Full", "\tLink detected: yes", "driver: e1000", "NIC statistics:", "     rx_packets: ",
        "Ring parameters for eth0:", "tcp-segmentation-offload: on", "0x0000:",
        "Ethernet controller: Intel Corporation 82540EM Gigabit Ethernet Controller (rev 02)",
        "\tKernel driver in use: e1000", "[size=128K]",
    ):  # fmt: skip
        assert expected in text, expected
    assert Pair("ethtool nosuch").run()[1] == 1


def test_ethtool_changes_what_the_driver_lets_be_changed():
    text, status = Pair(
        "ethtool -K eth0 tso off gro off; ethtool -k eth0 | grep -e tcp-seg -e generic-receive; ethtool -K eth0 tso on gro on;"
        "ethtool -G eth0 rx 128; ethtool -g eth0 | tail -n 4 | head -n 1; ethtool -A eth0 rx off tx off;"
        "ethtool -a eth0; ethtool -s eth0 speed 100 duplex full; sleep 3; ethtool eth0 | grep -e Speed -e Auto-neg;"
        "ping -c 1 10.0.0.2 | grep received; ethtool -s eth0 autoneg on; ethtool -r eth0; sleep 4; ethtool eth0 | grep -e Speed;"
        "ethtool -P eth0; ethtool -r lo; ethtool -K eth0 tso maybe; ethtool -K eth0 nosuch on; ethtool -G eth0 rx;"
        "ethtool -G eth0 rx 99999; ethtool -s eth0 speed 7; ethtool -iS eth0; ethtool -s eth0; ethtool -P lo; echo $?"
    ).run()
    assert status == 0
    assert "tcp-segmentation-offload: off\ngeneric-receive-offload: off\nRX:\t\t128\n" in text
    assert "Pause parameters for eth0:\nAutonegotiate:\ton\nRX:\t\toff\nTX:\t\toff\n" in text
    assert "\tSpeed: 100Mb/s\n\tAuto-negotiation: off\n1 packets transmitted, 1 received" in text
    assert "\tSpeed: 1000Mb/s\nPermanent address: 52:54:00:12:34:57\n" in text
    assert "Cannot restart autonegotiation: Operation not supported" in text
    assert "ethtool: invalid argument: 'maybe': on or off is wanted\nethtool: unknown parameter 'nosuch'" in text
    assert "Cannot set device ring parameters: Invalid argument\nCannot set new settings: Invalid argument\n" in text
    assert text.count("ethtool: usage: ") == 3


def test_interrupt_moderation_is_set_by_ethtool():
    """Off by default; every interrupt then waits for the period, and dynamic moderation starts at 20000 a second."""
    text, status = Pair(
        "ping -c 2 -i 0.1 10.0.0.2; ethtool -c eth0; ethtool -C eth0 rx-usecs 5000; ethtool -c eth0;"
        " ping -c 2 -i 0.1 10.0.0.2; ethtool -C eth0 rx-usecs 3; ethtool -c eth0; ethtool -C eth0 rx-usecs 0;"
        " ethtool -C eth0 rx-usecs 2; ethtool -C eth0 tx-usecs 5"
    ).run()
    shown = [line for line in text.splitlines() if line.startswith("rx-usecs")]
    assert shown == ["rx-usecs: 0", "rx-usecs: 5000", "rx-usecs: 3"]
    assert text.count("Cannot set device coalesce parameters: Invalid argument\n") == 1 and status == 2
    assert text.count("ethtool: usage") == 1 and text.count(" 2 received, ") == 2


def test_arping():
    text, status = Pair("arping -c 2 -I eth0 10.0.0.2; arping -D -q -c 1 10.0.0.2; echo $?; arping -D -q -c 1 10.0.0.9").run()
    assert status == 0
    assert text.count("Unicast reply from 10.0.0.2 [52:54:00:12:34:58]  ") == 2 and text.endswith("\n1\n")


def test_arping_stops_at_the_first_answer_and_keeps_its_interval():
    text, status = Pair(
        "arping -f -w 60 10.0.0.2 | tail -n 2; tcpdump -tt -r /dev/null 2>&-; tcpdump -w /tmp/a -c 3 arp & sleep 0.1;"
        "arping -q -c 3 -i 0.25 10.0.0.9; wait; tcpdump -ttt -n -r /tmp/a | cut -c 1-16; arping -V; arping -i 0 10.0.0.2; echo $?"
    ).run()
    assert status == 0 and "Sent 1 probes (1 broadcast(s))\nReceived 1 response(s)\n" in text
    assert len(re.findall(r"^ 00:00:00\.25", text, re.M)) == 2 and "arping (hwemu)\n" in text
    assert "arping: invalid argument: '0': out of range" in text and text.endswith("\n2\n")


def test_tcpdump_sees_writes_and_reads():
    text, status = Pair(
        "tcpdump -c 4 -w /tmp/file & sleep 0.1; ping -q -c 2 -i 0.1 10.0.0.2; wait;"
        "tcpdump -r /tmp/file icmp; tcpdump -t -r /tmp/file -c 1 arp; head -c 4 /tmp/file | sha256sum"
    ).run()
    assert status == 0 and "4 packets captured\n" in text
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{6} IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id \d+, seq 1, length 64$", text, re.M)
    assert "\nARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n" in text
    assert hashlib.sha256(bytes.fromhex("4d3cb2a1")).hexdigest() in text


def test_tcpdump_rotates_by_size_and_by_time():
    """tcpdump(1): -C with a number behind the name, -W as a ring, -G with the time in the name; nothing is lost in between."""
    text, status = Pair(
        "cd /tmp; tcpdump -C 1k -w all -i lo -c 40 & sleep 0.1; ping -q -c 20 -i 0.01 127.0.0.1; wait; ls all*;"
        "for f in all all1 all2 all3 all4; do tcpdump -n -r $f icmp; done | grep -c echo;"
        "tcpdump -C 1k -W 11 -w ring -i lo -c 200 & sleep 0.1; ping -q -c 100 -i 0.01 127.0.0.1; wait;"
        "ls ring* | wc -l; ls ring00 ring10; tcpdump -G 10 -W 3 -w %H%M%S.pcap -i lo & sleep 0.1;"
        "ping -q -c 100 -i 1 127.0.0.1 & wait %1; echo $?; ls *.pcap | wc -l;"
        "kill %2; tcpdump -G 1 -w nosuch/%S -i lo; echo $?"
    ).run()
    assert status == 0
    lines = text.splitlines()
    assert "all  all1  all2  all3  all4" in " ".join(text.split()).replace(" all", "  all") and "40" in lines, text
    assert "11" in lines and "Maximum file limit reached: 3" in text and lines.count("0") == 1 and "3" in lines
    assert "tcpdump: nosuch/" in text and lines[-1] == "1"


def test_tcpdump_on_all_interfaces():
    """-i any: Linux's cooked headers, in words and in files of both versions; ether addresses are nobody's there."""
    text, status = Pair(
        "cd /tmp; tcpdump -i any -n -c 6 > live & sleep 0.1; ping -q -c 1 10.0.0.2; ping -q -c 1 127.0.0.1; wait; cat live;"
        "tcpdump -i any -y LINUX_SLL -w sll -c 4 icmp & tcpdump -i any -w sll2 -c 4 icmp & sleep 0.1;ping -q -c 1 10.0.0.2;"
        "ping -q -c 1 127.0.0.1; wait; tcpdump -t -n -e -r sll; tcpdump -t -n -r sll2 -w again; cmp() { od $1 | sha256sum; };"
        "cmp sll2; cmp again; tcpdump -r sll2 ether host 1:2:3:4:5:6; echo $?; tcpdump -i any ether broadcast; echo $?;"
        "tcpdump -i eth0 -y LINUX_SLL; echo $?; tcpdump -y nosuch; echo $?; tcpdump -L -i any"
    ).run()
    assert status == 0
    assert re.search(r"^[\d:.]+ eth0  Out IP 10.0.0.1 > 10.0.0.2: ICMP echo request", text, re.M)
    assert re.search(r"^[\d:.]+ eth0  In  ARP, Reply 10.0.0.2 is-at", text, re.M)
    assert re.search(r"^[\d:.]+ lo    In  IP 127.0.0.1 > 127.0.0.1: ICMP echo reply", text, re.M)
    assert "\nOut 52:54:00:12:34:57 ethertype IPv4 (0x0800), length 100: 10.0.0.1 > 10.0.0.2: ICMP echo request" in text
    sums = re.findall(r"^([0-9a-f]{64})  -$", text, re.M)
    assert len(sums) == 2 and sums[0] == sums[1]
    assert "tcpdump: ethernet addresses supported only on Ethernet\n1\n" in text and "tcpdump: not a broadcast link\n2\n" in text
    assert "tcpdump: LINUX_SLL is not one of the DLTs supported by this device\n2\n" in text
    assert "tcpdump: invalid data link type nosuch\n2\n" in text and "\n  LINUX_SLL2 (Linux cooked v2)\n" in text


def test_nc_both_ways_over_udp():
    text, status = Pair("sleep 0.5; echo question | nc -u -q 1 10.0.0.2 99", "echo answer | nc -u -l 99").run()
    assert (text, status) == ("answer\n", 0)


def test_ttcp_over_udp_counts():
    text, status = Pair("sleep 0.5; ttcp -u -c 10.0.0.2 -n 100k -l 1000 -b 50m", "ttcp -s -u").run()
    assert status == 0 and "0/103 (0%)" in text


NAME_SERVER = b"""
from userland import libc
from userland.libc.dns import decode_name

def main(argv):
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    libc.bind(fd, libc.sockaddr_in('0.0.0.0', 53))
    peer = bytearray(16)
    query = bytearray(512)
    while True:
        count = libc.recvfrom(fd, query, -1, 0, peer)
        name, end = decode_name(bytes(query[:count]), 12)
        head = bytes(query[:2])
        question = bytes(query[12:count])
        if name == 'alias.test':
            body = b'\\x81\\x80\\0\\1\\0\\2\\0\\0\\0\\0' + question
            body += b'\\xc0\\x0c\\0\\5\\0\\1\\0\\0\\0\\x05\\0\\x07\\4real\\xc0\\x12'
            body += bytes([0xc0, len(body) + 2 - 7]) + b'\\0\\1\\0\\1\\0\\0\\0\\x05\\0\\4' + bytes([10, 0, 0, 2])
        else:
            body = b'\\x81\\x83\\0\\1\\0\\0\\0\\0\\0\\0' + question
        libc.sendto(fd, head + body, -1, 0, peer)
"""


def test_names_are_looked_up():
    text, status = Pair(
        "sleep 0.5; nslookup alias.test; ping -c 1 -q alias.test | head -n 1; ping -c 1 other.test; nslookup other.test",
        "names",
        second_files={"/bin/names": NAME_SERVER},
        dns="10.0.0.2",
    ).run()
    assert status == 1
    assert "Server:\t\t10.0.0.2\nAddress:\t10.0.0.2#53\n" in text
    assert "alias.test\tcanonical name = real.test.\nName:\treal.test\nAddress: 10.0.0.2\n" in text
    assert "PING alias.test (10.0.0.2) 56(84) bytes of data.\n" in text
    assert "ping: other.test: Name or service not known\n" in text
    assert "** server can't find other.test: NXDOMAIN\n" in text


DHCP_SERVER = b"""
from lab.usernet.dhcp import DHCPServer
from userland import libc

def main(argv):
    server = DHCPServer()
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BROADCAST, 1)
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BINDTODEVICE, b"eth0\\0")
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", 67))
    while True:
        answer = server.answer(libc.recv_bytes(fd, 2048))
        if answer is not None:
            libc.sendto(fd, answer, -1, 0, libc.sockaddr_in("255.255.255.255", 68))
"""


def test_udhcpc_gets_and_applies_a_lease():
    text, status = Pair(
        "ip addr flush dev eth0; sleep 0.5; udhcpc -q && ip -br addr show eth0 && ip route && cat /etc/resolv.conf",
        "dhcpd",
        second_files={"/bin/dhcpd": DHCP_SERVER},
    ).run()
    assert status == 0, text
    assert "udhcpc: lease of 10.0.2.15/24 obtained from 10.0.2.2" in text
    assert "eth0             UP             10.0.2.15/24 \n" in text
    assert "default via 10.0.2.2 dev eth0 \n" in text and "nameserver 10.0.2.3\n" in text


def test_udhcpc_without_a_server():
    text, status = Pair("udhcpc -n -t 2 -T 1").run()
    assert status == 1 and text.endswith("udhcpc: no lease, failing\n")


# --- TCP ---


def test_wget_from_httpd():
    text, status = Pair(
        "sleep 0.2; wget -q -O - http://10.0.0.2/big | sha256sum; wget -q http://10.0.0.2/ -O - | grep -c big;"
        "head -c 1000 /big > /part; wget -q -c -O /part http://10.0.0.2/big; sha256sum /part;"
        "wget -q http://10.0.0.2/nosuch; echo $?; wget -q -O /x http://10.0.0.2:81/; echo $?",
        "httpd -p 80 /www",
        files={"/big": BIG},
        second_files={"/www/big": BIG},
    ).run()
    assert text.count(DIGEST) == 2
    lines = text.splitlines()
    assert lines[1] == "1" and lines[4] == "8" and lines[-1] == "4", text


def test_nc_carries_a_file_each_way():
    command = "sleep 0.2; nc 10.0.0.2 99 < /big | sha256sum"
    text, status = Pair(command, "nc -l 99 < /big > /got", files={"/big": BIG}, second_files={"/big": BIG}).run()
    assert status == 0 and DIGEST in text


@pytest.mark.parametrize("extra", ["", "-R"])
def test_ttcp_over_tcp(extra):
    text, status = Pair(f"sleep 0.2; ttcp -c 10.0.0.2 -n 2m {extra}", "ttcp -s").run()
    assert status == 0 and "2.00 MBytes" in text


def test_inetd_and_ss():
    text, status = Pair(
        "inetd & sleep 0.5; ss -ltn; ss -lu; sleep 5 | nc 10.0.0.1 7 & sleep 0.1; ss -tn; echo hello | nc 127.0.0.1 7;"
        "nc 127.0.0.1 19 < /dev/null | head -c 74; ss -tap | grep 0.0.0.0:echo; nc -zv -w 1 10.0.0.2 99"
    ).run()
    assert status == 1
    assert re.search(r"^LISTEN +0 +\d+ +0\.0\.0\.0:7 +0\.0\.0\.0:\*$", text, re.M), text
    assert "0.0.0.0:chargen" in text and re.search(r"^ESTAB +0 +0 +10\.0\.0\.1:7 +10\.0\.0\.1:\d+$", text, re.M)
    assert "\nhello\n" in text and "\n !\"#$%&" in text and 'users:(("inetd",pid=4,fd=4))' in text
    assert "nc: connect to 10.0.0.2 port 99 (tcp) failed: Connection refused" in text


def test_http_through_a_lossy_program_chain():
    command = "sleep 0.2; wget -q -O - http://10.0.0.2/big | cat | head -c 1500000 | sha256sum"
    text, status = Pair(command, "httpd /www", second_files={"/www/big": BIG}).run()
    assert status == 0 and text.startswith(hashlib.sha256(BIG[:1500000]).hexdigest())


def test_two_machines_on_a_vlan():
    def setup(number):
        return (
            f"ip link add link eth0 name eth0.5 type vlan id 5 && ip addr add 10.5.0.{number}/24 dev eth0.5"
            " && ip link set eth0.5 up"
        )

    text, status = Pair(
        f"{setup(1)}; ip link show dev eth0.5; ip -br addr; ping -c 2 10.5.0.2; ping -c 1 10.5.0.9;"
        " ip link add link eth0 name eth0.5 type vlan id 5; ip link add link eth0 name x type vlan id 5;"
        " ip link del eth0; ip link del eth0.5; ping -c 1 10.0.0.2; ping -c 1 10.5.0.2",
        f"{setup(2)}; sleep 1000",
    ).run()
    for expected in (
        ": eth0.5@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP",
        "eth0.5@eth0      UP             10.5.0.1/24 \n",
        "64 bytes from 10.5.0.2: icmp_seq=2",
        "From 10.5.0.1 icmp_seq=1 Destination Host Unreachable",
        "RTNETLINK answers: File exists\nRTNETLINK answers: File exists\nRTNETLINK answers: Operation not supported\n",
        "64 bytes from 10.0.0.2: icmp_seq=1",
        "ping: connect: Network is unreachable",
    ):
        assert expected in text, text
    assert status == 2


RENEWING_SERVER = b"""
from userland import libc
from userland.proto.dhcp import ACK, DISCOVER, NAK, OFFER, REQUEST, encode_options, parse_options

def quad(text):
    return libc.inet_aton(text)

def main(argv):
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BROADCAST, 1)
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BINDTODEVICE, b"eth0\\0")
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", 67))
    renewals = 0
    while True:
        peer = bytearray(16)
        block = bytearray(2048)
        count = libc.recvfrom(fd, block, -1, 0, peer)
        options = parse_options(block[240:count])
        kind = options[53][0]
        client = libc.inet_ntoa(bytes(block[12:16]))
        libc.eputs(f"{kind} from {libc.peer_text(peer)} ciaddr {client}")
        if kind == 7:
            continue
        renewing = kind == REQUEST and client != "0.0.0.0"
        renewals += renewing
        answer = OFFER if kind == DISCOVER else NAK if renewals > 2 and renewing else ACK
        head = b"\\2\\1\\6\\0" + block[4:16] + quad("10.0.0.50") + bytes(8) + block[28:236]
        lease = (40).to_bytes(4, "big")
        more = [(53, bytes([answer])), (54, quad("10.0.0.2")), (51, lease), (1, quad("255.255.255.0"))]
        target = libc.sockaddr_in(client if renewing else "255.255.255.255", 68)
        libc.sendto(fd, head + encode_options(more), -1, 0, target)
"""


def test_udhcpc_renews_by_unicast_and_begins_again_when_refused():
    pair = Pair(
        "ip addr flush dev eth0; sleep 0.5; udhcpc -R & sleep 75; kill $!; wait $!; echo $?; ip -br addr show eth0",
        "dhcpd",
        second_files={"/bin/dhcpd": RENEWING_SERVER},
    )
    text, _ = pair.run(300)
    served = pair.hosts[1].text
    assert text.count("udhcpc: sending renew to server 10.0.0.2\n") >= 3 and text.count("lease of 10.0.0.50/24 obtained") >= 3
    assert "udhcpc: lease lost, entering init state\n" in text
    assert "3 from 10.0.0.50:68 ciaddr 10.0.0.50\n" in served
    # At the end the lease is given back.
    assert "udhcpc: unicasting a release of 10.0.0.50 to 10.0.0.2\n0\n" in text and "7 from 10.0.0.50:68" in served


def test_httpd_gives_a_request_twenty_seconds_and_a_number_of_connections():
    text, status = Pair(
        "sleep 0.5; (while sleep 2; do echo x; done) | nc 10.0.0.2 80 & sleep 0.1; curl -s -m 1 10.0.0.2/f; echo $?; sleep 30;"
        "curl -s 10.0.0.2/f; wait $!; echo over",
        "httpd -p 80 -m 1 /srv",
        second_files={"/srv/f": b"content\n"},
    ).run(300)
    assert status == 0 and text.endswith("28\ncontent\nover\n"), text
