"""NETLINK_ROUTE: links, addresses, routes, rules and neighbours, and what they make of packets."""

from netbench import Packet, arp, ip, udp
from nlbench import Address, Link, Neighbour, Route, Socket, attribute, attributes

from kernel.net.ipv4.route import ip_route_output
from kernel.uapi import errno
from kernel.uapi import route as rt
from kernel.uapi import rtnetlink as r
from kernel.uapi.netlink import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from kernel.uapi.socket import AF_INET, SOCK_DGRAM, SOL_SOCKET

NEW = NLM_F_CREATE | NLM_F_EXCL
SO_MARK = 36


def quad(text):
    return ip(text).to_bytes(4, "big")


def link(index=0, flags=0, change=0, attributes=b""):
    return Link.build({"family": 0, "type": 0, "index": index, "flags": flags, "change": change, "attributes": attributes})


def address(t, text, **more):
    local, length = text.split("/")
    body = {"family": 2, "prefixlen": int(length), "flags": 0, "scope": 0, "index": t.dev.ifindex}
    extra = more.pop("attributes", b"")
    extra = attribute(r.IFA_LOCAL, quad(local)) + attribute(r.IFA_ADDRESS, quad(local)) + extra
    return Address.build({**body, **more, "attributes": extra})


def route(dst, gw=None, oif=None, table=254, type=1, scope=0, metric=0, protocol=3, extra=b""):
    prefix, length = dst.split("/")
    found = attribute(r.RTA_DST, quad(prefix)) if int(length) else b""
    found += attribute(r.RTA_GATEWAY, quad(gw)) if gw else b""
    found += attribute(r.RTA_OIF, oif) if oif else b""
    found += attribute(r.RTA_PRIORITY, metric) if metric else b""
    found += attribute(r.RTA_TABLE, table)
    return Route.build({
        "family": 2, "dst_len": int(length), "src_len": 0, "tos": 0, "table": table if table < 256 else 0,
        "protocol": protocol, "scope": scope, "type": type, "flags": 0, "attributes": found + extra,
    })  # fmt: skip


def rule(action=1, table=0, src=None, dst=None, extra=b""):
    lengths = [0, 0]
    found = attribute(r.FRA_TABLE, table)
    for position, (prefix, kind) in enumerate(((dst, r.FRA_DST), (src, r.FRA_SRC))):
        if prefix:
            text, length = prefix.split("/")
            lengths[position] = int(length)
            found += attribute(kind, quad(text))
    return bytes([2, *lengths, 0, 0, 0, 0, action]) + bytes(4) + found + extra


def way(t, address, **more):
    found = ip_route_output(t.net, ip(address), **more)
    return found if isinstance(found, int) else (found.dev.name, found.rt_gateway)


def test_links_are_shown_and_changed(bench):
    def body(t):
        s = Socket(t)
        shown = [Link.parse(m.payload) for m in s.dump(r.RTM_GETLINK, link())[0]]
        assert [attributes(entry.attributes)[r.IFLA_IFNAME] for entry in shown] == [b"lo\0", b"eth0\0"]
        index = t.dev.ifindex
        change = attribute(r.IFLA_MTU, 1400) + attribute(r.IFLA_TXQLEN, 17)
        assert s.request(r.RTM_SETLINK, link(index, attributes=change))[0] == 0
        assert (t.dev.mtu, t.dev.tx_queue_len) == (1400, 17)
        assert s.request(r.RTM_SETLINK, link(index, attributes=attribute(r.IFLA_MTU, 40)))[0] == -errno.EINVAL
        name = attribute(r.IFLA_IFNAME, b"wan0\0")
        assert s.request(r.RTM_SETLINK, link(index, attributes=attribute(r.IFLA_IFNAME, b"lo\0")))[0] == -errno.EEXIST
        assert s.request(r.RTM_SETLINK, link(index, attributes=name))[0] == 0
        assert t.read_proc("/proc/sys/net/ipv4/conf/wan0/forwarding") == "0\n"
        assert t.dev.ip_ptr.ifa_list[0].ifa_label == "wan0"
        (message,) = s.request(r.RTM_GETLINK, link(index))[1]
        found = attributes(Link.parse(message.payload).attributes)
        assert found[r.IFLA_IFNAME] == b"wan0\0" and len(found[r.IFLA_STATS64]) == 192
        assert s.request(r.RTM_DELLINK, link(index))[0] == -errno.EOPNOTSUPP
        assert s.request(r.RTM_NEWLINK, link(attributes=name), NEW)[0] == -errno.EEXIST
        unknown = attribute(r.IFLA_LINKINFO, attribute(r.IFLA_INFO_KIND, b"nosuch\0"))
        assert s.request(r.RTM_NEWLINK, link(attributes=unknown), NEW)[0] == -errno.EOPNOTSUPP
        s.close()

    bench.run(body)


def test_a_vlan_and_a_pair_are_made_and_removed(bench):
    def body(t):
        s = Socket(t)
        data = attribute(r.IFLA_INFO_DATA, attribute(r.IFLA_VLAN_ID, (7).to_bytes(2, "little")))
        info = attribute(r.IFLA_LINKINFO, attribute(r.IFLA_INFO_KIND, b"vlan\0") + data)
        wanted = attribute(r.IFLA_IFNAME, b"office\0") + attribute(r.IFLA_LINK, t.dev.ifindex) + info
        assert s.request(r.RTM_NEWLINK, link(0, 1, 1, wanted), NEW)[0] == 0
        vlan = t.net.softnet.dev_by_name["office"]
        assert vlan.netdev_ops.vlan_id == 7 and vlan.flags & 1
        (message,) = s.request(r.RTM_GETLINK, link(vlan.ifindex))[1]
        found = attributes(Link.parse(message.payload).attributes)
        assert int.from_bytes(found[r.IFLA_LINK], "little") == t.dev.ifindex
        assert attributes(found[r.IFLA_LINKINFO])[r.IFLA_INFO_KIND] == b"vlan\0"
        assert s.request(r.RTM_DELLINK, link(vlan.ifindex))[0] == 0 and not t.dev.vlan_ids
        peer = attribute(r.VETH_INFO_PEER, bytes(16) + attribute(r.IFLA_IFNAME, b"b\0"))
        info = attribute(r.IFLA_LINKINFO, attribute(1, b"veth\0") + attribute(2, peer))
        assert s.request(r.RTM_NEWLINK, link(attributes=attribute(r.IFLA_IFNAME, b"a\0") + info), NEW)[0] == 0
        names = t.net.softnet.dev_by_name
        for name in ("a", "b"):
            assert s.request(r.RTM_SETLINK, link(names[name].ifindex, 1, 1))[0] == 0
        t.add_address(names["a"], "172.16.0.1/24")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.setsockopt(fd, 0, 32, quad("172.16.0.1"))
        assert t.sendto(fd, b"through the pair", "172.16.0.255", 9) == -errno.EACCES
        t.setsockopt(fd, SOL_SOCKET, 6, 1)
        assert t.sendto(fd, b"through the pair", "172.16.0.255", 9) == 16
        assert names["a"].tx_packets == names["b"].rx_packets == 1
        t.close(fd)
        assert s.request(r.RTM_DELLINK, link(names["b"].ifindex))[0] == 0
        assert "a" not in names and "b" not in names
        s.close()

    bench.run(body)


def test_addresses(bench):
    def body(t):
        s = Socket(t)
        assert s.request(r.RTM_NEWADDR, address(t, "10.0.0.1/24"), NEW)[0] == -errno.EEXIST
        label = attribute(r.IFA_LABEL, b"eth0:1\0")
        assert s.request(r.RTM_NEWADDR, address(t, "10.0.0.9/24", attributes=label), NEW)[0] == 0
        assert s.request(r.RTM_NEWADDR, address(t, "10.5.0.1/33"), NEW)[0] == -errno.EINVAL
        assert s.request(r.RTM_NEWADDR, address(t, "10.5.0.1/24", index=99), NEW)[0] == -errno.ENODEV
        shown = [Address.parse(m.payload) for m in s.dump(r.RTM_GETADDR, bytes(8))[0]]
        found = [(attributes(a.attributes)[r.IFA_LOCAL], a.flags) for a in shown if a.index == t.dev.ifindex]
        assert found == [(quad("10.0.0.1"), 0x80), (quad("10.0.0.9"), 0x81)]
        assert s.request(r.RTM_DELADDR, address(t, "10.0.0.77/24"))[0] == -errno.EADDRNOTAVAIL
        # The primary address takes its secondary ones along.
        assert s.request(r.RTM_DELADDR, address(t, "10.0.0.1/24"))[0] == 0
        assert t.dev.ip_ptr.ifa_list == [] and way(t, "10.0.0.5") == -errno.ENETUNREACH
        s.close()

    bench.run(body)


def test_routes(bench):
    def body(t):
        s = Socket(t)
        assert s.request(r.RTM_NEWROUTE, route("192.0.2.0/24", "10.0.0.254"), NEW)[0] == 0
        assert s.request(r.RTM_NEWROUTE, route("192.0.2.0/24", "10.0.0.253"), NEW)[0] == -errno.EEXIST
        assert s.request(r.RTM_NEWROUTE, route("192.0.2.0/24", "10.0.0.253", metric=5), NLM_F_CREATE | NLM_F_APPEND)[0] == 0
        assert way(t, "192.0.2.1") == ("eth0", ip("10.0.0.254"))
        assert s.request(r.RTM_NEWROUTE, route("192.0.2.0/24", "10.0.0.252"), NLM_F_CREATE | NLM_F_REPLACE)[0] == 0
        assert way(t, "192.0.2.1") == ("eth0", ip("10.0.0.252"))
        assert s.request(r.RTM_NEWROUTE, route("198.51.100.0/24", "10.0.0.255"), NLM_F_REPLACE)[0] == -errno.EINVAL
        assert s.request(r.RTM_NEWROUTE, route("198.51.100.0/24", "10.0.0.2"), NLM_F_REPLACE)[0] == -errno.ENOENT
        metrics = attribute(r.RTA_METRICS, attribute(r.RTAX_MTU, 1300))
        assert s.request(r.RTM_NEWROUTE, route("0.0.0.0/0", "10.0.0.254", extra=metrics), NEW)[0] == 0
        assert ip_route_output(t.net, ip("8.8.8.8")).mtu == 1300
        (message,) = s.request(r.RTM_GETROUTE, route("192.0.2.9/32", table=0, protocol=0, type=0))[1]
        got = Route.parse(message.payload)
        assert attributes(got.attributes)[r.RTA_GATEWAY] == quad("10.0.0.252") and got.flags & r.RTM_F_CLONED
        listed = [Route.parse(m.payload) for m in s.dump(r.RTM_GETROUTE, route("0.0.0.0/0", table=254, protocol=0, type=0))[0]]
        assert [(entry.dst_len, entry.protocol) for entry in listed] == [(0, 3), (24, 2), (24, 3), (24, 3)]
        assert s.request(r.RTM_DELROUTE, route("192.0.2.0/24", protocol=0, scope=255, type=0))[0] == 0
        assert way(t, "192.0.2.1") == ("eth0", ip("10.0.0.253"))
        assert s.request(r.RTM_DELROUTE, route("203.0.113.0/24", protocol=0, scope=255, type=0))[0] == -errno.ESRCH
        multipath = attribute(r.RTA_MULTIPATH, bytes(8))
        assert s.request(r.RTM_NEWROUTE, route("203.0.113.0/24", extra=multipath), NEW)[0] == -errno.EOPNOTSUPP
        s.close()

    bench.run(body)


def test_rules_choose_the_table(bench):
    def body(t):
        s = Socket(t)
        t.add_address(t.dev, "10.8.0.1/24")
        for table, gw in ((100, "10.0.0.100"), (300, "10.8.0.200")):
            assert s.request(r.RTM_NEWROUTE, route("0.0.0.0/0", gw, table=table), NEW)[0] == 0
        assert way(t, "192.0.2.1") == -errno.ENETUNREACH
        mark = attribute(r.FRA_FWMARK, 7)
        assert s.request(r.RTM_NEWRULE, rule(table=100, extra=mark), NEW)[0] == 0
        assert s.request(r.RTM_NEWRULE, rule(table=100, extra=mark), NEW)[0] == 0
        priority = attribute(r.FRA_PRIORITY, 500)
        assert s.request(r.RTM_NEWRULE, rule(table=300, src="10.8.0.0/24", extra=priority), NEW)[0] == 0
        assert s.request(r.RTM_NEWRULE, rule(table=300, src="10.8.0.0/24", extra=priority), NEW)[0] == -errno.EEXIST
        assert way(t, "192.0.2.1", mark=7) == ("eth0", ip("10.0.0.100"))
        assert way(t, "192.0.2.1", saddr=ip("10.8.0.1")) == ("eth0", ip("10.8.0.200"))
        assert way(t, "192.0.2.1") == -errno.ENETUNREACH
        # A socket's mark, too.
        t.know("10.0.0.100")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.sendto(fd, b"", "192.0.2.1", 9) == -errno.ENETUNREACH
        assert t.setsockopt(fd, SOL_SOCKET, SO_MARK, 7) == 0
        t.take()
        assert t.sendto(fd, b"", "192.0.2.1", 9) == 0
        assert Packet(t.take()[0]).destination == "192.0.2.1"
        t.close(fd)
        for action, error in ((6, -errno.EINVAL), (7, -errno.ENETUNREACH), (8, -errno.EACCES)):
            refusing = rule(action, dst="203.0.113.0/24", extra=attribute(r.FRA_PRIORITY, 10))
            assert s.request(r.RTM_NEWRULE, refusing, NEW)[0] == 0
            assert way(t, "203.0.113.5") == error
            assert s.request(r.RTM_DELRULE, refusing)[0] == 0
        shown = s.dump(r.RTM_GETRULE, bytes([2]) + bytes(11))[0]
        assert len(shown) == 6
        assert s.request(r.RTM_DELRULE, rule(0, extra=attribute(r.FRA_PRIORITY, 0)))[0] == -errno.EPERM
        assert s.request(r.RTM_DELRULE, rule(0, extra=attribute(r.FRA_PRIORITY, 4000)))[0] == -errno.ENOENT
        s.close()

    bench.run(body)


def test_neighbours(bench):
    def body(t):
        s = Socket(t)
        ear = Socket(t, groups=1 << r.RTNLGRP_NEIGH - 1)

        def neighbour(address, state=0x80, mac=None, **more):
            found = attribute(r.NDA_DST, quad(address)) + (attribute(r.NDA_LLADDR, mac) if mac else b"")
            return Neighbour.build({
                "family": 2, "index": t.dev.ifindex, "state": state, "flags": 0, "type": 0, "attributes": found, **more
            })  # fmt: skip

        mac = bytes.fromhex("020000000077")
        assert s.request(r.RTM_NEWNEIGH, neighbour("10.0.0.7", mac=mac), NEW)[0] == 0
        assert s.request(r.RTM_NEWNEIGH, neighbour("10.0.0.7", mac=mac), NEW)[0] == -errno.EEXIST
        assert s.request(r.RTM_NEWNEIGH, neighbour("10.0.0.8", mac=mac), NLM_F_REPLACE)[0] == -errno.ENOENT
        told = [Neighbour.parse(m.payload) for m in ear.receive()]
        assert [(entry.state, attributes(entry.attributes)[r.NDA_LLADDR]) for entry in told] == [(0x80, mac)]
        shown = [Neighbour.parse(m.payload) for m in s.dump(r.RTM_GETNEIGH, neighbour("0.0.0.0", 0, index=0))[0]]
        assert [attributes(entry.attributes)[r.NDA_DST] for entry in shown] == [quad("10.0.0.7")]
        assert s.request(r.RTM_DELNEIGH, neighbour("10.0.0.7"))[0] == 0
        assert s.request(r.RTM_DELNEIGH, neighbour("10.0.0.7"))[0] == -errno.ENOENT
        # A question of somebody else makes a stale entry, and news.
        while isinstance(ear.receive(), list):
            pass
        t.inject(arp(1, mac, "10.0.0.7", bytes(6), "10.0.0.1"))
        (message,) = ear.receive()
        assert Neighbour.parse(message.payload).state == 4
        s.close()
        ear.close()

    bench.run(body)


def test_a_label_and_a_datagram_for_a_second_address(bench):
    def body(t):
        t.know("10.0.0.2")
        t.add_address(t.dev, "10.0.0.9/24")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.9", 99)
        t.inject_ip(udp("10.0.0.2", 5, "10.0.0.9", 99, b"second"))
        assert t.recvfrom(fd)[0] == b"second"
        assert rt.RT_TABLE_MAIN == 254
        t.close(fd)

    bench.run(body)
