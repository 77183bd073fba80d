"""Linux's e1000 on our card, with a machine of ours at the other end of the wire."""

import hashlib
import re

import pytest

from ..conftest import payload
from .conftest import MAC, linux, served

LENGTH = 100 << 20
SELF_TESTS = ("Register test", "Eeprom test", "Interrupt test", "Loopback test", "Link test")
# The other machine: a web server, and sinks one after the other that say what they got.
PEER = "ip link set eth0 mtu 9000; httpd -p 80 /host & " + "; ".join(["nc -l -p 9000 | sha256sum"] * 4) + "; sleep 100000"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("share")
    (folder / "data").write_bytes(payload(LENGTH))
    return folder


@pytest.fixture(scope="module")
def server(cache, data, tmp_path_factory):
    with served(tmp_path_factory.mktemp("served"), "--net", "machine", "--share", str(data), "-c", PEER) as server:
        yield server


@pytest.fixture(scope="module")
def guest(cache, server):
    with linux(cache, server.socket) as guest:
        guest.run("ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && sleep 1")
        yield guest


@pytest.fixture(scope="module")
def digest(data):
    return hashlib.sha256((data / "data").read_bytes()).hexdigest()


def counters(guest):
    """`ethtool -S eth0` as a dictionary."""
    return {name: int(value) for name, value in re.findall(r"^ +(\w+): (\d+)$", guest.run("ethtool -S eth0"), re.MULTILINE)}


def test_probe(guest):
    log = guest.run("dmesg | grep e1000")
    assert f"(PCI:33MHz:32-bit) {MAC.hex(':')}" in log
    assert "Intel(R) PRO/1000 Network Connection" in log


def test_link_is_up(guest):
    assert "LOWER_UP" in guest.run("ip link show eth0")
    settings = guest.run("ethtool eth0")
    assert "Speed: 1000Mb/s" in settings and "Duplex: Full" in settings and "Link detected: yes" in settings


def test_ping(guest):
    assert "5 packets received, 0% packet loss" in guest.run("ping -c 5 -i 0.2 10.0.2.2")


def test_self_test(guest):
    result = guest.run("ethtool -t eth0 offline", within=60)
    print(result)
    assert "The test result is PASS" in result
    for name in SELF_TESTS:
        assert re.search(rf"^{name} .*\s0$", result, re.MULTILINE), name
    guest.run("sleep 2; ping -c 2 10.0.2.2")


def test_statistics(guest):
    guest.run("ping -c 1 10.0.2.2")
    before = counters(guest)
    guest.run("ping -c 20 -i 0.05 -s 1000 10.0.2.2")
    after = counters(guest)
    for direction in ("rx", "tx"):
        assert 20 <= after[f"{direction}_packets"] - before[f"{direction}_packets"] <= 25
        # 1,000 bytes of data behind 8 of ICMP, 20 of IP, 14 of Ethernet; the part counts the 4 of the FCS, Linux takes them off.
        assert 20 * 1042 <= after[f"{direction}_bytes"] - before[f"{direction}_bytes"] <= 20 * 1046 + 5 * 94
    assert {name for name, value in after.items() if "error" in name and value} == set()


def test_eeprom(guest):
    lines = re.findall(r"^0x([0-9a-f]{4}):\s+((?:[0-9a-f]{2} )+)", guest.run("ethtool -e eth0"), re.MULTILINE)
    image = b"".join(bytes.fromhex(text) for _, text in lines)
    assert image[:6] == MAC
    words = [int.from_bytes(image[at : at + 2], "little") for at in range(0, 128, 2)]
    assert sum(words) & 0xFFFF == 0xBABA


def test_eeprom_write(guest):
    guest.run("ethtool -E eth0 magic 0x100e8086 offset 0x14 value 0x5a")
    assert "5a" in guest.run("ethtool -e eth0 offset 0x14 length 1").split()[-1]
    image = guest.run("ethtool -e eth0 offset 0 length 128")
    octets = bytes.fromhex("".join(re.findall(r":\s+((?:[0-9a-f]{2} )+)", image)))
    assert sum(int.from_bytes(octets[at : at + 2], "little") for at in range(0, 128, 2)) & 0xFFFF == 0xBABA
    guest.run("ethtool -E eth0 magic 0x100e8086 offset 0x14 value 0xff")


def test_receives_100_mib(guest, digest):
    assert digest in guest.run("wget -q -O - http://10.0.2.2/data | sha256sum", within=120)


def test_sends_100_mib(guest, server, digest):
    guest.run("wget -q -O /tmp/data http://10.0.2.2/data", within=120)
    sent = server.output.count(digest)
    segments = counters(guest)["tx_tcp_seg_good"]
    guest.run("nc 10.0.2.2 9000 </tmp/data; sleep 2; rm /tmp/data", within=120)
    assert server.output.count(digest) == sent + 1
    assert counters(guest)["tx_tcp_seg_good"] > segments, "nothing was segmented by the card"


def test_receives_with_checksums_off_and_on(guest, digest):
    for state in ("on", "off"):
        guest.run(f"ethtool -K eth0 rx {state}; sleep 2")
        good = counters(guest)["rx_csum_offload_good"]
        assert digest in guest.run("wget -q -O - http://10.0.2.2/data | sha256sum", within=120)
        assert (counters(guest)["rx_csum_offload_good"] > good) is (state == "on")
    assert counters(guest)["rx_csum_offload_errors"] == 0


def test_jumbo_frames(guest, server, digest):
    guest.run("ip link set eth0 mtu 9000 && sleep 2")
    try:
        before = counters(guest)
        guest.run("ping -c 10 -i 0.1 -s 8000 10.0.2.2")
        after = counters(guest)
        for direction in ("rx", "tx"):
            assert 10 <= after[f"{direction}_packets"] - before[f"{direction}_packets"] <= 14, "fragments"
        assert digest in guest.run("wget -q -O - http://10.0.2.2/data | sha256sum", within=120)
        assert counters(guest)["rx_bytes"] - after["rx_bytes"] > LENGTH
        frames = counters(guest)["rx_packets"] - after["rx_packets"]
        assert frames < LENGTH // 4000, "no jumbo frames"
    finally:
        guest.run("ip link set eth0 mtu 1500 && sleep 2")
    guest.run("ping -c 2 10.0.2.2")


def test_interface_down_and_up_while_data_flows(guest, digest):
    guest.start("wget -q -O - http://10.0.2.2/data | sha256sum")
    guest.run("sleep 1; ip link set eth0 down")
    assert guest.run("cat /tmp/background") == "", "the transfer was over before the first interruption"
    guest.run("sleep 1; ip link set eth0 up")
    for _ in range(2):
        guest.run("sleep 1; ip link set eth0 down; sleep 1; ip link set eth0 up")
    assert digest in guest.run("wait; cat /tmp/background", within=120)


def test_unload_and_reload_20_times(guest):
    for _ in range(20):
        guest.run("rmmod e1000 && insmod /lib/e1000.ko && ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0", within=60)
        guest.run("for i in 1 2 3 4 5; do ping -c 1 -W 1 10.0.2.2 && break; done", within=30)
    log = guest.run("dmesg")
    assert not any(trouble in log for trouble in ("BUG", "Call Trace", "Tx Unit Hang", "nobody cared", "NETDEV WATCHDOG"))
