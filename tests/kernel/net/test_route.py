"""Addresses, routes, and the interface and route ioctls."""

import pytest
from netbench import MAC, Packet, ip, udp

from kernel.net.ipv4.devinet import in_ifaddr
from kernel.net.ipv4.fib import fib_info, fib_table, inet_mask_len
from kernel.net.ipv4.fib_frontend import fib_add_route
from kernel.net.ipv4.route import ip_route_output
from kernel.uapi import errno, route, sockios
from kernel.uapi.socket import AF_INET, SOCK_DGRAM, SOL_SOCKET


def test_longest_prefix_and_metric():
    table = fib_table(254)
    for dst, plen, metric in ((0, 0, 5), (0, 0, 1), (0x0A000000, 8, 0), (0x0A010000, 16, 0), (0x0A010203, 32, 0)):
        assert table.insert(fib_info(dst, plen, metric=metric)) == (0, None)
    assert table.insert(fib_info(0x0A000000, 8)) == (-errno.EEXIST, None)
    for addr, plen, metric in ((0x0B000000, 0, 1), (0x0A020000, 8, 0), (0x0A01FFFF, 16, 0), (0x0A010203, 32, 0)):
        found = table.lookup(addr, 0)
        assert (found.plen, found.metric) == (plen, metric)
    assert [fi.plen for fi in table.all()] == [32, 16, 8, 0, 0]
    assert inet_mask_len(0xFFFFFF00) == 24 and inet_mask_len(0xFF00FF00) == -1
    assert inet_mask_len(0) == 0 and inet_mask_len(0xFFFFFFFF) == 32


def output(t, address, **more):
    found = ip_route_output(t.net, ip(address), **more)
    return found if isinstance(found, int) else (found.dev.name, found.rt_gateway, found.saddr)


def test_what_addresses_bring_and_take_away(bench):
    def body(t):
        here, gateway = ip("10.0.0.1"), ip("10.0.0.254")
        assert output(t, "10.0.0.9") == ("eth0", 0, here)
        assert output(t, "10.0.0.1") == ("lo", 0, here)
        assert output(t, "127.0.0.5") == ("lo", 0, ip("127.0.0.1"))
        assert output(t, "192.0.2.1") == -errno.ENETUNREACH
        assert fib_add_route(t.net, 0, 0, gateway) == 0
        assert output(t, "192.0.2.1") == ("eth0", gateway, here)
        assert fib_add_route(t.net, ip("172.16.0.0"), 12, ip("192.168.9.9")) == -errno.ENETUNREACH
        assert fib_add_route(t.net, ip("172.16.0.0"), 12, ip("10.0.0.255")) == -errno.EINVAL
        second = in_ifaddr(ip("10.0.0.5"), 24, ip("10.0.0.255"), "eth0")
        assert t.net.devinet.add_address(t.dev, second) == 0 and second.secondary
        assert t.net.devinet.add_address(t.dev, in_ifaddr(ip("10.0.0.5"), 24)) == -errno.EEXIST
        # With promote_secondaries the heir of the first address takes over its subnet.
        t.dev.ip_ptr.cnf.promote_secondaries = 1
        first = t.dev.ip_ptr.ifa_list[0]
        t.net.devinet.delete_address(t.dev, first)
        assert output(t, "10.0.0.9") == ("eth0", 0, ip("10.0.0.5"))
        assert output(t, "10.0.0.1") == ("eth0", 0, ip("10.0.0.5"))
        t.net.devinet.delete_address(t.dev, second)
        assert output(t, "10.0.0.9") == -errno.ENETUNREACH

    bench.run(body)


def test_bad_source_addresses_and_devices(bench):
    def body(t):
        assert output(t, "10.0.0.9", saddr=ip("224.0.0.1")) == -errno.EINVAL
        assert output(t, "10.0.0.9", oif=77) == -errno.ENODEV
        assert output(t, "0.0.0.9") == -errno.ENETUNREACH
        assert output(t, "192.0.2.1", oif=t.dev.ifindex) == ("eth0", 0, ip("10.0.0.1"))
        assert output(t, "255.255.255.255", oif=t.dev.ifindex)[0] == "eth0"
        assert output(t, "0.0.0.0") == ("lo", 0, ip("127.0.0.1"))

    bench.run(body)


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        (route.RTN_UNREACHABLE, -errno.EHOSTUNREACH),
        (route.RTN_BLACKHOLE, -errno.EINVAL),
        (route.RTN_PROHIBIT, -errno.EACCES),
    ],
)
def test_refusing_routes(bench, type, expected):
    def body(t):
        assert fib_add_route(t.net, ip("192.0.2.0"), 24, type=type) == 0
        assert output(t, "192.0.2.1") == expected
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.sendto(fd, b"", "192.0.2.1", 1) == expected
        t.close(fd)

    bench.run(body)


def test_a_local_route_makes_any_address_ours(bench):
    def body(t):
        t.know("10.0.0.2")
        assert fib_add_route(t.net, 0, 0, type=route.RTN_LOCAL, dev=t.dev) == 0
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "0.0.0.0", 53)
        t.inject_ip(udp("10.0.0.2", 4000, "93.184.216.34", 53, b"anyone"))
        assert t.recvfrom(fd)[0] == b"anyone"
        spoof = t.socket(AF_INET, SOCK_DGRAM)
        assert t.bind(spoof, "93.184.216.34", 53) == -errno.EADDRINUSE
        assert t.bind(spoof, "93.184.216.34", 54) == 0
        t.take()
        t.sendto(spoof, b"answer", "10.0.0.2", 4000)
        assert Packet(t.take()[0]).source == "93.184.216.34"
        t.close(fd)
        t.close(spoof)

    bench.run(body)


def ifreq(name, address=None, flags=None):
    raw = name.encode().ljust(16, b"\0")
    if address is not None:
        raw += b"\2\0\0\0" + ip(address).to_bytes(4, "big")
    elif flags is not None:
        raw += flags.to_bytes(2, "little")
    return bytearray(raw.ljust(40, b"\0"))


def test_interface_ioctls(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)

        def get(request, name="eth0"):
            buffer = ifreq(name)
            result = t.ioctl(fd, request, buffer)
            return result if result < 0 else ".".join(str(byte) for byte in buffer[20:24])

        assert get(sockios.SIOCGIFADDR) == "10.0.0.1" and get(sockios.SIOCGIFNETMASK) == "255.255.255.0"
        assert get(sockios.SIOCGIFBRDADDR) == "10.0.0.255"
        assert get(sockios.SIOCGIFADDR, "nope") == -errno.ENODEV
        assert t.ioctl(fd, sockios.SIOCSIFADDR, ifreq("eth0", "192.168.7.1")) == 0
        assert get(sockios.SIOCGIFADDR) == "192.168.7.1" and get(sockios.SIOCGIFBRDADDR) == "192.168.7.255"
        assert t.ioctl(fd, sockios.SIOCSIFNETMASK, ifreq("eth0", "255.255.0.0")) == 0
        assert get(sockios.SIOCGIFBRDADDR) == "192.168.255.255"
        assert t.ioctl(fd, sockios.SIOCSIFNETMASK, ifreq("eth0", "255.0.255.0")) == -errno.EINVAL
        assert output(t, "192.168.200.1") == ("eth0", 0, ip("192.168.7.1"))
        assert output(t, "10.0.0.1") == -errno.ENETUNREACH
        assert t.ioctl(fd, sockios.SIOCSIFADDR, ifreq("eth0", "224.0.0.1")) == -errno.EINVAL
        conf = bytearray((120).to_bytes(4, "little") + bytes(12))
        room = bytearray(120)
        address = t.mm.map(room, True)
        conf[8:16] = address.to_bytes(8, "little")
        assert t.ioctl(fd, sockios.SIOCGIFCONF, conf) == 0
        t.mm.unmap(address)
        assert int.from_bytes(conf[:4], "little") == 80
        assert room[:2] == b"lo" and room[40:44] == b"eth0" and room[60:64] == b"\xc0\xa8\7\1"
        assert t.ioctl(fd, sockios.SIOCSIFADDR, ifreq("eth0", "0.0.0.0")) == 0
        assert get(sockios.SIOCGIFADDR) == -errno.EADDRNOTAVAIL
        flags = ifreq("eth0")
        assert t.ioctl(fd, sockios.SIOCGIFFLAGS, flags) == 0 and flags[16] & 1
        assert t.ioctl(fd, sockios.SIOCGIFHWADDR, flags) == 0 and flags[18:24] == MAC
        assert t.ioctl(fd, 0x5401, flags) == -errno.ENOTTY
        t.close(fd)

    bench.run(body)


def rtentry(dst, mask, gateway=None, flags=1, metric=0):
    raw = bytearray(120)
    raw[8:16] = b"\2\0\0\0" + ip(dst).to_bytes(4, "big")
    raw[40:48] = b"\2\0\0\0" + ip(mask).to_bytes(4, "big")
    if gateway:
        raw[24:32] = b"\2\0\0\0" + ip(gateway).to_bytes(4, "big")
        flags |= 2
    raw[56:58] = flags.to_bytes(2, "little")
    raw[80:82] = metric.to_bytes(2, "little")
    return raw


def test_route_ioctls_and_proc(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)

        def change(request, entry, dev=b"eth0\0"):
            address = t.mm.map(dev)
            entry[88:96] = address.to_bytes(8, "little")
            result = t.ioctl(fd, request, entry)
            t.mm.unmap(address)
            return result

        add, delete = sockios.SIOCADDRT, sockios.SIOCDELRT
        assert change(add, rtentry("0.0.0.0", "0.0.0.0", "10.0.0.254")) == 0
        assert change(add, rtentry("0.0.0.0", "0.0.0.0", "10.0.0.254")) == -errno.EEXIST
        assert change(add, rtentry("0.0.0.0", "0.0.0.0", "10.0.0.253", metric=10)) == 0
        assert change(add, rtentry("172.16.0.0", "255.240.0.0")) == 0
        assert change(add, rtentry("172.16.0.1", "255.240.0.0")) == -errno.EINVAL
        assert change(add, rtentry("1.0.0.0", "255.0.0.0", "9.9.9.9")) in (0, -errno.ENETUNREACH)
        assert t.ioctl(fd, add, rtentry("192.0.2.0", "255.255.255.0", flags=0x201)) == 0
        assert output(t, "192.0.2.1") == -errno.EHOSTUNREACH
        lines = [line.split("\t") for line in t.read_proc("/proc/net/route").splitlines()]
        assert lines[0][:8] == ["Iface", "Destination", "Gateway ", "Flags", "RefCnt", "Use", "Metric", "Mask"]
        defaults = [line for line in lines if line[1] == "00000000"]
        assert [(line[0], line[2], line[3], line[6]) for line in defaults] == [
            ("eth0", "FE00000A", "0003", "0"), ("eth0", "FD00000A", "0003", "9")
        ]
        assert [line for line in lines if line[1] == "0000000A"][0][7] == "00FFFFFF"
        assert change(delete, rtentry("0.0.0.0", "0.0.0.0", "10.0.0.254")) == 0
        assert output(t, "8.8.8.8") == ("eth0", ip("10.0.0.253"), ip("10.0.0.1"))
        assert change(delete, rtentry("9.0.0.0", "255.0.0.0")) == -errno.ESRCH
        assert change(add, rtentry("9.0.0.0", "255.0.0.0"), b"nope\0") == -errno.ENODEV
        t.close(fd)

    bench.run(body)


def test_a_bound_device_decides(bench):
    def body(t):
        other = t.add_device("eth1", bytes.fromhex("020000000011"), "10.0.0.2/24")
        t.know("10.0.0.9", dev=other)
        t.take(other)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.setsockopt(fd, SOL_SOCKET, 25, b"eth1") == 0
        assert t.sendto(fd, b"x", "10.0.0.9", 7) == 1
        assert Packet(t.take(other)[0]).source == "10.0.0.2" and t.take() == []
        assert t.setsockopt(fd, SOL_SOCKET, 25, b"eth7") == -errno.ENODEV
        t.close(fd)

    bench.run(body)


def test_the_cache_forgets_when_routes_change(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.connect(fd, "10.0.0.2", 7) == 0
        lookups = t.net.ip.output_lookups
        for _ in range(10):
            t.sendto(fd, b"x")
            t.sendto(fd, b"x", "10.0.0.2", 7)
        assert t.net.ip.output_lookups <= lookups + 1
        t.take()
        fib_add_route(t.net, ip("10.0.0.2"), 32, type=route.RTN_UNREACHABLE)
        assert t.sendto(fd, b"x") == -errno.EHOSTUNREACH
        t.close(fd)

    bench.run(body)


def test_only_root_changes_interfaces_and_routes(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        name = b"eth0".ljust(16, b"\0")
        ethtool_test = bytearray((0x1A).to_bytes(4, "little") + bytes(60))
        at = t.mm.map(ethtool_test, True)
        t.kernel.sched.current.uid = 1000
        for cmd in (
            sockios.SIOCSIFFLAGS, sockios.SIOCSIFADDR, sockios.SIOCSIFMTU, sockios.SIOCSIFHWADDR, sockios.SIOCSIFNAME,
            sockios.SIOCSIFTXQLEN, sockios.SIOCADDMULTI, sockios.SIOCADDRT, sockios.SIOCDELRT, sockios.SIOCSARP,
            sockios.SIOCDARP,
        ):  # fmt: skip
            assert t.ioctl(fd, cmd, bytearray(name + bytes(120))) == -errno.EPERM, hex(cmd)
        # Looking is free, but not at everything.
        for cmd in (sockios.SIOCGIFFLAGS, sockios.SIOCGIFADDR, sockios.SIOCGIFMTU):
            assert t.ioctl(fd, cmd, bytearray(name + bytes(24))) == 0
        request = bytearray(name + at.to_bytes(8, "little") + bytes(16))
        assert t.ioctl(fd, sockios.SIOCETHTOOL, request) == -errno.EPERM
        t.mm.write(at, (0x0A).to_bytes(4, "little"))
        assert t.ioctl(fd, sockios.SIOCETHTOOL, request) == 0
        t.kernel.sched.current.uid = 0
        assert t.ioctl(fd, sockios.SIOCSIFFLAGS, bytearray(name + (0x1043).to_bytes(2, "little") + bytes(22))) == 0
        t.mm.unmap(at)
        t.close(fd)

    bench.run(body)
