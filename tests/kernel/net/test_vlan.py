"""802.1Q interfaces on a device that knows nothing of tags: frames, ioctls, life and death of a parent."""

from netbench import BROADCAST, MAC, PEER_MAC, Packet, arp, icmp, ip, ipv4, udp

from kernel.net.core.dev import dev_close, dev_open, dev_set_mac_address, netif_carrier_off, netif_carrier_on, unregister_netdev
from kernel.net.core.dev import dev_get_by_name as by_name
from kernel.uapi import errno
from kernel.uapi.if_vlan import ADD_VLAN_CMD, DEL_VLAN_CMD, GET_VLAN_REALDEV_NAME_CMD, GET_VLAN_VID_CMD
from kernel.uapi.in_ import IP_ADD_MEMBERSHIP
from kernel.uapi.socket import AF_INET, AF_PACKET, SOCK_DGRAM, SOCK_RAW, SOL_IP
from kernel.uapi.sockios import SIOCGIFVLAN, SIOCSIFVLAN

TAG5 = b"\x81\x00\x00\x05"


def tagged(frame, tag=TAG5):
    return frame[:12] + tag + frame[12:]


def request(t, command, device, value=0):
    """vconfig's ioctl: (result, the union as bytes)."""
    fd = t.socket(AF_INET, SOCK_DGRAM)
    raw = bytearray(command.to_bytes(4, "little") + device.encode().ljust(24, b"\0"))
    raw += value.to_bytes(4, "little", signed=True) + bytes(24)
    result = t.ioctl(fd, SIOCSIFVLAN if command < 2 else SIOCGIFVLAN, raw)
    t.close(fd)
    return result, bytes(raw[28:52])


def make(t, vid=5, address="10.5.0.1/24"):
    assert request(t, ADD_VLAN_CMD, "eth0", vid)[0] == 0
    dev = by_name(t.net, f"eth0.{vid}")
    assert dev_open(dev) == 0
    t.add_address(dev, address)
    t.take()
    return dev


def test_a_vlan_is_a_network_of_its_own(bench):
    def body(t):
        vlan = make(t)
        announced = vlan.tx_packets
        assert vlan.dev_addr == MAC and vlan.ifindex != t.dev.ifindex
        question = arp(1, PEER_MAC, "10.5.0.2", bytes(6), "10.5.0.1")
        # Untagged, it asks on the wrong network; tagged with another VLAN, nobody hears it.
        t.inject(tagged(question, b"\x81\x00\x00\x06"))
        assert t.take() == []
        t.inject(tagged(question))
        (frame,) = t.take()
        assert frame[12:16] == TAG5
        answer = Packet(frame[:12] + frame[16:])
        assert (answer.op, answer.sender, answer.dst_mac) == (2, "10.5.0.1", PEER_MAC)
        # An echo through the VLAN, and one beside it at the same time.
        t.know("10.0.0.2")
        for source, target, wrap in (("10.5.0.2", "10.5.0.1", tagged), ("10.0.0.2", "10.0.0.1", lambda frame: frame)):
            t.inject(wrap(MAC + PEER_MAC + b"\x08\x00" + icmp(source, target, 8, 0, b"\0\1\0\1data")))
            (frame,) = t.take()
            if wrap is tagged:
                assert frame[12:16] == TAG5
                frame = frame[:12] + frame[16:]
            reply = Packet(frame)
            assert (reply.icmp_type, reply.source, reply.destination) == (0, target, source)
        assert (vlan.rx_packets, vlan.tx_packets - announced) == (2, 2)
        # Priority 3 comes in, and goes out again with a socket's own.
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, 1, 12, 3) == 0
        assert t.sendto(fd, b"x", "10.5.0.2", 9) == 1
        assert t.take()[0][12:16] == b"\x81\x00\x60\x05"
        t.close(fd)

    bench.run(body)


def test_priority_tags_and_short_frames(bench):
    def body(t):
        t.know("10.0.0.2")
        echo = MAC + PEER_MAC + b"\x08\x00" + icmp("10.0.0.2", "10.0.0.1", 8, 0, b"\0\1\0\1data")
        # VLAN 0 is no VLAN: the tag says only how urgent the frame is.
        t.inject(tagged(echo, b"\x81\x00\xa0\x00"))
        assert Packet(t.take()[0]).icmp_type == 0
        t.inject(MAC + PEER_MAC + b"\x81\x00\x00")
        t.inject(MAC + PEER_MAC + TAG5 + b"\x08")
        assert t.take() == [] and t.drops()["PKT_TOO_SMALL"] == 2

    bench.run(body)


def test_taps_see_a_tagged_frame_below_and_above(bench):
    def body(t):
        make(t)
        vlan = by_name(t.net, "eth0.5")
        below, above = (t.socket(AF_PACKET, SOCK_RAW, 0x0300) for _ in range(2))
        for fd, dev in ((below, t.dev), (above, vlan)):
            name = (17).to_bytes(2, "little") + b"\0\3" + dev.ifindex.to_bytes(4, "little") + bytes(12)
            assert t.socketcall(2, fd, name, 20) == 0
        assert t.setsockopt(below, 263, 8, 1) == 0
        frame = MAC + PEER_MAC + b"\x08\x00" + ipv4("10.5.0.2", "10.5.0.77", 253, b"x" * 30)
        t.inject(tagged(frame))
        data, control, _ = t.recvmsg(below)
        assert data == frame and int.from_bytes(control[263, 8][16:18], "little") == 5
        assert t.recvfrom(above)[0] == frame
        t.close(below)
        t.close(above)

    bench.run(body)


def test_ioctls(bench):
    def body(t):
        make(t)
        assert request(t, ADD_VLAN_CMD, "eth0", 5)[0] == -errno.EEXIST
        for vid in (-1, 4095, 5000):
            assert request(t, ADD_VLAN_CMD, "eth0", vid)[0] == -errno.ERANGE
        assert request(t, ADD_VLAN_CMD, "eth9", 5)[0] == -errno.ENODEV
        assert request(t, ADD_VLAN_CMD, "lo", 5)[0] == -errno.EOPNOTSUPP
        assert request(t, GET_VLAN_VID_CMD, "eth0.5") == (0, (5).to_bytes(24, "little"))
        assert request(t, GET_VLAN_REALDEV_NAME_CMD, "eth0.5") == (0, b"eth0".ljust(24, b"\0"))
        assert request(t, GET_VLAN_VID_CMD, "eth0")[0] == -errno.EINVAL
        assert request(t, DEL_VLAN_CMD, "eth0")[0] == -errno.EINVAL
        assert request(t, 2, "eth0.5")[0] == -errno.EOPNOTSUPP
        lines = t.read_proc("/proc/net/vlan/config").splitlines()
        assert [field.strip() for field in lines[2].split("|")] == ["eth0.5", "5", "eth0"]
        t.kernel.sched.current.uid = 1000
        assert request(t, ADD_VLAN_CMD, "eth0", 7)[0] == -errno.EPERM
        assert request(t, DEL_VLAN_CMD, "eth0.5")[0] == -errno.EPERM
        assert request(t, GET_VLAN_VID_CMD, "eth0.5")[0] == 0
        t.kernel.sched.current.uid = 0
        assert request(t, DEL_VLAN_CMD, "eth0.5")[0] == 0
        assert by_name(t.net, "eth0.5") is None and t.dev.vlan_ids == {}
        t.inject(tagged(arp(1, PEER_MAC, "10.5.0.2", bytes(6), "10.5.0.1")))
        assert t.take() == []

    bench.run(body)


def test_an_interface_follows_its_parent(bench):
    def body(t):
        vlan = make(t)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        membership = ip("224.5.5.5").to_bytes(4, "big") + ip("10.5.0.1").to_bytes(4, "big")
        assert t.setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, membership) == 0
        group = bytes.fromhex("01005e050505")
        assert group in vlan.mc_list and group in t.dev.mc_list
        netif_carrier_off(t.dev)
        assert vlan.state & 4
        netif_carrier_on(t.dev)
        assert not vlan.state & 4
        assert dev_set_mac_address(t.dev, MAC) == -errno.EOPNOTSUPP
        dev_close(t.dev)
        assert not vlan.flags & 1 and group not in t.dev.mc_list
        assert dev_open(vlan) == -errno.ENETDOWN
        dev_open(t.dev)
        assert vlan.flags & 1 and group in t.dev.mc_list
        t.close(fd)
        assert group not in t.dev.mc_list
        unregister_netdev(t.dev)
        assert by_name(t.net, "eth0.5") is None

    bench.run(body)


def test_vlans_stack(bench):
    def body(t):
        make(t)
        assert request(t, ADD_VLAN_CMD, "eth0.5", 9)[0] == 0
        inner = by_name(t.net, "eth0.5.9")
        dev_open(inner)
        t.add_address(inner, "10.9.0.1/24")
        t.take()
        question = arp(1, PEER_MAC, "10.9.0.2", bytes(6), "10.9.0.1", dst_mac=BROADCAST)
        t.inject(tagged(tagged(question, b"\x81\x00\x00\x09")))
        (frame,) = t.take()
        assert frame[12:20] == TAG5 + b"\x81\x00\x00\x09"
        t.inject(tagged(tagged(MAC + PEER_MAC + b"\x08\x00" + udp("10.9.0.2", 5, "10.9.0.1", 9, b"x"), b"\x81\x00\x00\x09")))
        (frame,) = t.take()
        assert Packet(frame[:12] + frame[20:]).icmp_type == 3

    bench.run(body)
