"""A machine between two links: forwarding, what it tells senders, redirects, proxy ARP, source checks, settings."""

import pytest
from netbench import MAC, PEER_MAC, Bench, Packet, arp, icmp, ip, ipv4, udp

from kernel.net.ipv4.fib_frontend import fib_add_route
from kernel.net.ipv4.route import ip_route_output
from kernel.uapi import errno
from kernel.uapi.if_ import IFF_UP
from kernel.uapi.socket import AF_INET, SOCK_DGRAM

MAC1 = bytes.fromhex("020000000101")
FAR_MAC = bytes.fromhex("020000000202")


def router(body, forwarding=1):
    """Run `body(t)` on a machine with eth0 (10.0.0.1/24) and eth1 (10.1.0.1/24), neighbours .2 on both."""

    def run(t):
        t.dev1 = t.add_device("eth1", MAC1, "10.1.0.1/24")
        t.know("10.0.0.2")
        t.know("10.1.0.2", FAR_MAC, t.dev1)
        assert write(t, "ip_forward", forwarding) == 0
        body(t)

    Bench().run(run)


def write(t, name, value):
    return t.kernel.sysctl.write(f"net.ipv4.{name}", str(value))


def test_a_packet_goes_through_with_one_hop_less():
    def body(t):
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b"across", ttl=7))
        (frame,) = t.take(t.dev1)
        packet = Packet(frame)
        assert (packet.ttl, packet.source, packet.data) == (6, "10.0.0.2", b"across")
        assert packet.dst_mac == FAR_MAC and packet.src_mac == MAC1
        assert t.take() == [] and t.net.mib.IpForwDatagrams == 1

    router(body)


def test_what_does_not_go_through_is_told():
    def body(t):
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b"", ttl=1))
        told = Packet(t.take()[0])
        assert told.payload[:2] == b"\x0b\0" and told.source == "10.0.0.1"
        t.dev1.netdev_ops.ndo_change_mtu(t.dev1, 600)
        t.net.fib.changed()
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, bytes(1000), fragment=0x4000))
        told = Packet(t.take()[0])
        assert told.payload[:2] == b"\3\4" and int.from_bytes(told.payload[6:8], "big") == 600
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, bytes(1000)))
        assert [Packet(frame).fragment for frame in t.take(t.dev1)] == [0x2000, 72]
        t.inject_ip(udp("10.0.0.2", 1, "192.0.2.1", 2, b""))
        assert Packet(t.take()[0]).payload[:2] == b"\3\0"
        assert t.take(t.dev1) == []

    router(body)


def test_only_a_router_forwards_and_each_interface_for_itself():
    def body(t):
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b""))
        assert t.take() == [] and t.take(t.dev1) == []
        assert write(t, "conf.eth1.forwarding", 1) == 0
        t.inject_ip(udp("10.0.0.2", 1, "10.1.0.2", 2, b""))
        assert t.take(t.dev1) == []
        t.inject_ip(udp("10.1.0.2", 1, "10.0.0.2", 2, b""), MAC1, t.dev1)
        assert len(t.take()) == 1

    router(body, 0)


def test_a_sender_that_takes_the_longer_way_is_redirected():
    def body(t):
        t.know("10.0.0.3", FAR_MAC)
        fib_add_route(t.net, ip("192.0.2.0"), 24, ip("10.0.0.3"))
        t.inject_ip(udp("10.0.0.2", 1, "192.0.2.1", 2, b""))
        told, passed = (Packet(frame) for frame in t.take())
        assert told.payload[:2] == b"\5\1" and told.payload[4:8] == bytes([10, 0, 0, 3])
        assert passed.dst_mac == FAR_MAC
        # At once again it is not told again.
        t.inject_ip(udp("10.0.0.2", 1, "192.0.2.1", 2, b""))
        assert len(t.take()) == 1
        t.sleep(1)
        t.inject_ip(udp("10.0.0.2", 1, "192.0.2.1", 2, b""))
        assert len(t.take()) == 2
        write(t, "conf.all.send_redirects", 0)
        write(t, "conf.eth0.send_redirects", 0)
        t.sleep(5)
        t.inject_ip(udp("10.0.0.2", 1, "192.0.2.1", 2, b""))
        assert len(t.take()) == 1

    router(body)


@pytest.mark.parametrize("accepting", [0, 1])
def test_a_host_believes_the_router_that_it_uses(accepting):
    def body(t):
        write(t, "conf.all.accept_redirects", 0)
        write(t, "conf.eth0.accept_redirects", accepting)
        fib_add_route(t.net, 0, 0, ip("10.0.0.2"))
        quoted = udp("10.0.0.1", 1, "192.0.2.1", 2, b"")

        def redirect(router, gateway):
            t.inject_ip(icmp(router, "10.0.0.1", 5, 1, ip(gateway).to_bytes(4, "big") + quoted))
            return ip_route_output(t.net, ip("192.0.2.1")).rt_gateway

        assert redirect("10.0.0.9", "10.0.0.3") == ip("10.0.0.2")
        assert redirect("10.0.0.2", "10.7.0.3") == ip("10.0.0.2")
        assert redirect("10.0.0.2", "10.0.0.3") == ip("10.0.0.3" if accepting else "10.0.0.2")
        assert ip_route_output(t.net, ip("192.0.2.2")).rt_gateway == ip("10.0.0.2")
        t.sleep(301)
        assert ip_route_output(t.net, ip("192.0.2.1")).rt_gateway == ip("10.0.0.2")

    router(body, 0)


@pytest.mark.parametrize(("mode", "wrong_way", "unknown"), [(0, True, True), (1, False, False), (2, True, False)])
def test_rp_filter(mode, wrong_way, unknown):
    def body(t):
        write(t, "conf.eth0.rp_filter", mode)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 9)
        # From a network behind the other interface, and from one to which there is no way back.
        for source, passes in (("10.0.0.2", True), ("10.1.0.2", wrong_way), ("192.0.2.1", unknown)):
            t.inject_ip(udp(source, 1, "10.0.0.1", 9, b"x"))
            assert isinstance(t.recvfrom(fd), tuple) == passes, source
        t.close(fd)
        assert t.net.mib.TcpExtIPReversePathFilter == (not wrong_way) + (not unknown)

    router(body, 0)


def test_martians_are_dropped_and_told_where_asked_for():
    def body(t):
        t.inject_ip(udp("10.1.0.1", 1, "10.0.0.1", 9, b"x"))
        assert t.drops()["IP_MARTIAN"] == 1
        assert not any("martian" in line for line in t.kernel.printk.lines())
        write(t, "conf.eth0.log_martians", 1)
        t.inject_ip(udp("127.0.0.1", 1, "10.0.0.1", 9, b"x"))
        assert any("martian source 10.0.0.1 from 127.0.0.1, on dev eth0" in line for line in t.kernel.printk.lines())
        # accept_local lets our own addresses in, route_localnet those of the loopback network.
        before = t.drops()["IP_MARTIAN"]
        write(t, "conf.eth0.accept_local", 1)
        t.inject_ip(udp("10.1.0.1", 1, "10.0.0.1", 9, b"x"))
        assert t.drops()["IP_MARTIAN"] == before

    router(body)


def asked(t, target, sender="10.0.0.2", dev=None):
    """The hardware address that answers a question for `target`, or None."""
    t.take()
    t.take(t.dev1)
    t.inject(arp(1, PEER_MAC, sender, bytes(6), target), dev)
    answers = [Packet(frame) for frame in t.take(dev)]
    return next((answer.sender_mac for answer in answers if answer.type == 0x806 and answer.op == 2), None)


def test_whose_questions_are_answered():
    def body(t):
        assert asked(t, "10.0.0.1") == MAC
        # The weak host model: an address of the other interface, too, unless arp_ignore or arp_filter says no.
        assert asked(t, "10.1.0.1") == MAC
        write(t, "conf.eth0.arp_ignore", 1)
        assert asked(t, "10.1.0.1") is None and asked(t, "10.0.0.1") == MAC
        write(t, "conf.eth0.arp_ignore", 2)
        fib_add_route(t.net, ip("172.16.0.0"), 16, dev=t.dev)
        assert asked(t, "10.0.0.1", "172.16.0.5") is None and asked(t, "10.0.0.1") == MAC
        write(t, "conf.eth0.arp_ignore", 8)
        assert asked(t, "10.0.0.1") is None
        write(t, "conf.eth0.arp_ignore", 0)
        write(t, "conf.all.arp_filter", 1)
        assert asked(t, "10.0.0.1", "10.1.0.2") is None
        assert t.net.mib.TcpExtArpFilter == 1
        # Nobody answers for others, until proxy_arp asks for it or one address is named.
        assert asked(t, "10.1.0.2") is None
        t.net.arp_tbl.ops.proxies[ip("10.1.0.7"), t.dev.ifindex] = True
        assert asked(t, "10.1.0.7") == MAC and asked(t, "10.1.0.8") is None
        write(t, "conf.eth0.proxy_arp", 1)
        assert asked(t, "10.1.0.2") == MAC and asked(t, "10.0.0.77") is None

    router(body)


@pytest.mark.parametrize(("mode", "sender"), [(0, "10.1.0.1"), (1, "10.0.0.1"), (2, "10.0.0.1")])
def test_who_we_say_that_we_are(mode, sender):
    def body(t):
        write(t, "conf.eth0.arp_announce", mode)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.1.0.1", 5)
        t.take()
        t.sendto(fd, b"x", "10.0.0.50", 9)
        assert Packet(t.take()[0]).sender == sender
        t.close(fd)

    router(body)


def test_gratuitous_announcements_and_unasked_answers():
    def body(t):
        announced = arp(1, FAR_MAC, "10.0.0.44", bytes(6), "10.0.0.44")
        t.inject(announced)
        assert t.net.arp_tbl.lookup(ip("10.0.0.44"), t.dev) is None
        write(t, "conf.eth0.arp_accept", 1)
        t.inject(announced)
        assert t.net.arp_tbl.lookup(ip("10.0.0.44"), t.dev).ha == FAR_MAC
        write(t, "conf.eth0.drop_gratuitous_arp", 1)
        t.inject(arp(1, PEER_MAC, "10.0.0.44", bytes(6), "10.0.0.44"))
        assert t.net.arp_tbl.lookup(ip("10.0.0.44"), t.dev).ha == FAR_MAC

    router(body)


def test_settings_of_interfaces():
    def body(t):
        base = "/proc/sys/net/ipv4/conf"
        assert t.read_proc(f"{base}/eth1/forwarding") == "1\n" and t.read_proc(f"{base}/all/accept_redirects") == "0\n"
        assert write(t, "conf.default.rp_filter", 2) == 0
        assert t.read_proc(f"{base}/eth1/rp_filter") == "2\n"
        assert write(t, "conf.eth1.rp_filter", 1) == 0 and write(t, "conf.default.rp_filter", 0) == 0
        assert t.read_proc(f"{base}/eth1/rp_filter") == "1\n" and t.read_proc(f"{base}/eth0/rp_filter") == "0\n"
        assert write(t, "conf.eth0.rp_filter", 3) == -errno.EINVAL
        from kernel.net.vlan import register_vlan_device

        assert register_vlan_device(t.net, t.dev, 5) == 0
        assert t.read_proc(f"{base}/eth0.5/rp_filter") == "0\n"
        assert write(t, "conf.eth0/5.rp_filter", 1) == 0 and t.read_proc(f"{base}/eth0.5/rp_filter") == "1\n"
        assert write(t, "ip_forward", 0) == 0 and t.read_proc(f"{base}/eth1/forwarding") == "0\n"
        assert t.dev1.flags & IFF_UP

    router(body)


def test_secondary_addresses_are_promoted_where_asked_for():
    def body(t):
        t.add_address(t.dev, "10.0.0.8/24")
        t.add_address(t.dev, "10.0.0.9/24")
        write(t, "conf.eth0.promote_secondaries", 1)
        t.net.devinet.delete_address(t.dev, t.dev.ip_ptr.ifa_list[0])
        assert [(ifa.ifa_local & 255, ifa.secondary) for ifa in t.dev.ip_ptr.ifa_list] == [(8, False), (9, True)]
        assert ip_route_output(t.net, ip("10.0.0.77")).saddr == ip("10.0.0.8")
        write(t, "conf.eth0.promote_secondaries", 0)
        t.net.devinet.delete_address(t.dev, t.dev.ip_ptr.ifa_list[0])
        assert t.dev.ip_ptr.ifa_list == []

    router(body)


def test_other_protocols_are_forwarded_as_they_are():
    def body(t):
        t.inject_ip(ipv4("10.0.0.2", "10.1.0.2", 99, b"whatever"))
        assert Packet(t.take(t.dev1)[0]).payload == b"whatever"

    router(body)
