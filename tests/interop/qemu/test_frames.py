"""Linux's e1000 on our card, frame by frame: VLAN, promiscuous and multicast reception, a cable that is pulled under traffic."""

import pytest

from hwemu.wire.port import FRAME_BAD_FCS

from .conftest import MAC

HERE = bytes.fromhex("020000000001")
BROADCAST = b"\xff" * 6
GUEST, PEER = bytes((10, 0, 2, 15)), bytes((10, 0, 2, 2))
TAGGED_GUEST, TAGGED_PEER = bytes((10, 0, 5, 15)), bytes((10, 0, 5, 2))
ARP, VLAN, EXPERIMENT = b"\x08\x06", b"\x81\x00", b"\x88\xb5"
TAG = (5).to_bytes(2, "big")


def arp_request(sender, target, tag=b""):
    """Who has `target`?  Tell `sender`, whose hardware address is HERE."""
    body = b"\0\1\x08\0\6\4\0\1" + HERE + sender + bytes(6) + target
    return (BROADCAST + HERE + tag + ARP + body).ljust(60 + len(tag), b"\0")


def is_arp_reply(sender, tag=b""):
    def matches(frame):
        at = 12 + len(tag)
        return frame[6:at] == MAC + tag and frame[at : at + 2] == ARP and frame[at + 8 : at + 10] == b"\0\2" and sender in frame
    return matches


def received(guest):
    return int(guest.run("cat /sys/class/net/eth0/statistics/rx_packets"))


def reaches(bench, guest, frame, flags=0):
    """How many of five copies of `frame` the driver takes."""
    guest.run("ethtool -S eth0 >/dev/null")
    before = int(guest.run("ethtool -S eth0 | grep -w rx_packets").split()[-1])
    for _ in range(5):
        bench.end.inject(frame, flags)
    bench.run(0.3)
    return int(guest.run("ethtool -S eth0 | grep -w rx_packets").split()[-1]) - before


def experiment(destination):
    return (destination + HERE + EXPERIMENT).ljust(60, b"\0")


@pytest.fixture(autouse=True)
def quiet(bench):
    bench[0].end.take()


def test_answers_arp(bench):
    end = bench[0].end
    end.inject(arp_request(PEER, GUEST))
    end.expect(is_arp_reply(GUEST))


def test_vlan_on_and_off(bench):
    bench, guest = bench
    end, tag = bench.end, VLAN + TAG
    request = arp_request(TAGGED_PEER, TAGGED_GUEST, tag)
    guest.run("ip link add link eth0 name eth0.5 type vlan id 5 && ip link set eth0.5 up && ip addr add 10.0.5.15/24 dev eth0.5")
    bench.run(0.5)
    end.take()
    for offload in ("on", "off", "on"):
        # Off: Linux takes the tags off and puts them on; on: the card does.
        guest.run(f"ethtool -K eth0 rxvlan {offload} txvlan {offload}; sleep 1", within=30)
        end.take()
        end.inject(request)
        end.expect(is_arp_reply(TAGGED_GUEST, tag))
    other = arp_request(TAGGED_PEER, TAGGED_GUEST, VLAN + (6).to_bytes(2, "big"))
    assert reaches(bench, guest, other) == 0, "the VLAN filter lets a foreign VLAN through"
    guest.run("ip link del eth0.5; sleep 1")
    end.take()
    end.inject(arp_request(PEER, GUEST))
    end.expect(is_arp_reply(GUEST))


def test_unicast_filter_and_promiscuous(bench):
    bench, guest = bench
    stranger = experiment(bytes.fromhex("020000000099"))
    assert reaches(bench, guest, stranger) == 0
    assert reaches(bench, guest, experiment(MAC)) == 5
    guest.run("ip link set eth0 promisc on")
    assert reaches(bench, guest, stranger) == 5
    guest.run("ip link set eth0 promisc off")
    assert reaches(bench, guest, stranger) == 0


def test_multicast_list(bench):
    bench, guest = bench
    group = experiment(bytes.fromhex("01005e010203"))
    assert reaches(bench, guest, group) == 0
    # As many groups as do not fit into the 16 address registers: the hash table has to take the rest.
    guest.run("maddr add eth0 01:00:5e:01 40")
    try:
        assert reaches(bench, guest, group) == 5
        assert reaches(bench, guest, experiment(bytes.fromhex("01005e012703"))) == 5
    finally:
        guest.run("maddr del eth0 01:00:5e:01 40")
    assert reaches(bench, guest, group) == 0
    guest.run("ifconfig eth0 allmulti")
    assert reaches(bench, guest, group) == 5
    guest.run("ifconfig eth0 -allmulti")


def test_bad_fcs_is_counted_and_dropped(bench):
    bench, guest = bench
    before = int(guest.run("ethtool -S eth0 | grep -w rx_crc_errors").split()[-1])
    assert reaches(bench, guest, experiment(MAC), FRAME_BAD_FCS) == 0
    guest.run("sleep 2")
    assert int(guest.run("ethtool -S eth0 | grep -w rx_crc_errors").split()[-1]) - before == 5


def test_cable_pulled_while_frames_flow(bench):
    bench, guest = bench
    guest.start("ping -c 2000 -i 0.01 -W 1 10.0.2.2")
    for _ in range(4):
        for _ in range(20):
            bench.end.inject(arp_request(PEER, GUEST))
            bench.run(0.01)
        bench.link.set_up(False)
        bench.run(0.3)
        # The driver looks every two seconds; its handler does not hasten a look that is planned already.
        assert "NO-CARRIER" in guest.run("sleep 3; ip link show eth0")
        bench.link.set_up(True)
        assert "LOWER_UP" in guest.run("sleep 3; ip link show eth0")
    bench.end.take()
    bench.end.inject(arp_request(PEER, GUEST))
    bench.end.expect(is_arp_reply(GUEST))
    log = guest.run("killall ping; dmesg | tail -n 20")
    assert log.count("NIC Link is Down") >= 4 and "Tx Unit Hang" not in log
