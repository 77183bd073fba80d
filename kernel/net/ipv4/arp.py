"""ARP (RFC 826, RFC 5227 for announcements): resolves neighbours on Ethernet and answers for our own addresses."""

from kernel.net.core.dev import dev_add_pack, dev_get_by_name, dev_queue_xmit
from kernel.net.core.neighbour import (
    NEIGH_UPDATE_F_ADMIN,
    NEIGH_UPDATE_F_OVERRIDE,
    NEIGH_UPDATE_F_WEAK_OVERRIDE,
    neigh_ops,
    neigh_table,
    neigh_update,
)
from kernel.net.core.netdevice import packet_type
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, pskb_may_pull, skb_put_data, skb_reserve
from kernel.net.core.sock_flags import (
    NUD_FAILED,
    NUD_NOARP,
    NUD_NONE,
    NUD_PERMANENT,
    NUD_REACHABLE,
    NUD_STALE,
    NUD_VALID,
)
from kernel.net.ipv4.fib import ipv4_is_loopback, ipv4_is_multicast
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.igmp import ip_eth_mc_map
from kernel.net.ipv4.route import ip_route_input, ip_route_output
from kernel.uapi.errno import EINVAL, ENODEV, ENXIO, EPFNOSUPPORT
from kernel.uapi.icmp import ICMP_DEST_UNREACH, ICMP_HOST_UNREACH
from kernel.uapi.if_ import IFF_LOOPBACK, IFF_NOARP
from kernel.uapi.if_arp import (
    ARP_ETH_IP_LEN,
    ARPHRD_ETHER,
    ARPHRD_IEEE802,
    ARPOP_REPLY,
    ARPOP_REQUEST,
    ATF_COM,
    ATF_PERM,
)
from kernel.uapi.if_ether import ETH_ALEN, ETH_P_ARP, ETH_P_IP
from kernel.uapi.in_ import inet_ntoa
from kernel.uapi.route import RT_SCOPE_LINK, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
from kernel.uapi.socket import AF_INET
from kernel.uapi.sockios import SIOCDARP, SIOCGARP, SIOCSARP

PACKET_HOST = 0
PACKET_BROADCAST = 1
PACKET_OTHERHOST = 3
PACKET_LOOPBACK = 5
BROADCAST = b"\xff" * ETH_ALEN
HEADROOM = 64


class arp_ops(neigh_ops):
    """Neighbours that ARP finds."""

    def __init__(self, net):
        self.net = net
        # Addresses for which we answer in the place of others: {(address, ifindex or 0 for any): True}.
        self.proxies = {}

    def constructor(self, neigh):
        dev = neigh.dev
        kind = self.net.fib.inet_addr_type(neigh.primary_key)
        if kind == RTN_MULTICAST and not dev.flags & (IFF_NOARP | IFF_LOOPBACK):
            neigh.nud_state = NUD_NOARP
            neigh.ha = ip_eth_mc_map(neigh.primary_key)
        elif dev.flags & (IFF_NOARP | IFF_LOOPBACK) or dev.addr_len == 0:
            neigh.nud_state = NUD_NOARP
            neigh.ha = dev.dev_addr
        elif kind == RTN_BROADCAST:
            neigh.nud_state = NUD_NOARP
            neigh.ha = dev.broadcast
        return 0

    def solicit(self, neigh, skb):
        dev = neigh.dev
        target = neigh.primary_key
        saddr = announced_source(self.net, dev, skb, target)
        if saddr == 0:
            saddr = self.net.devinet.inet_select_addr(dev, target, RT_SCOPE_LINK)
        # The first probes of a stale entry go to the address that we believe in.
        unicast = neigh.nud_state & NUD_VALID and neigh.probes <= neigh.parms.ucast_probes
        arp_send(self.net, dev, ARPOP_REQUEST, saddr, dev.dev_addr, target, bytes(ETH_ALEN),
                 neigh.ha if unicast else BROADCAST)

    def error_report(self, neigh, skb):
        rt = skb.dst
        if rt is not None:
            rt.expires = 1
            if skb.sk is not None and skb.sk.sk_dst_cache is rt:
                skb.sk.sk_dst_cache = None
        icmp_send(self.net, skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0)
        kfree_skb(skb, "NEIGH_FAILED")


def announced_source(net, dev, skb, target):
    """The sender's address that a request shows, as arp_announce says; 0: a primary one that suits the target."""
    mode = net.devconf.larger(dev.ip_ptr.cnf, "arp_announce")
    if skb is None or skb.len < 20 or mode >= 2:
        return 0
    candidate = skb.get32(skb.network_header + 12)
    if net.fib.inet_addr_type(candidate) != RTN_LOCAL:
        return 0
    if mode == 1 and not any(
        (target ^ ifa.ifa_address) & ifa.ifa_mask == 0 and (candidate ^ ifa.ifa_address) & ifa.ifa_mask == 0
        for ifa in dev.ip_ptr.ifa_list
    ):
        return 0
    return candidate


def arp_packet(op, sender_ip, sender_ha, target_ip, target_ha):
    """The 28 bytes of an ARP message for Ethernet and IPv4."""
    return (
        ARPHRD_ETHER.to_bytes(2, "big")
        + ETH_P_IP.to_bytes(2, "big")
        + bytes([ETH_ALEN, 4])
        + op.to_bytes(2, "big")
        + sender_ha
        + sender_ip.to_bytes(4, "big")
        + target_ha
        + target_ip.to_bytes(4, "big")
    )


def arp_send(net, dev, op, sender_ip, sender_ha, target_ip, target_ha, link_dest):
    """Send an ARP message to `link_dest`."""
    if dev.flags & IFF_NOARP:
        return
    skb = alloc_skb(net.skb_cache, HEADROOM + dev.hard_header_len + ARP_ETH_IP_LEN)
    if skb is None:
        return
    skb_reserve(skb, HEADROOM)
    skb_put_data(skb, arp_packet(op, sender_ip, sender_ha, target_ip, target_ha))
    skb.network_header = skb.data
    skb.protocol = ETH_P_ARP
    skb.dev = dev
    if dev.header_ops is not None and dev.header_ops.create(skb, dev, ETH_P_ARP, link_dest, None, skb.len) < 0:
        kfree_skb(skb, "NEIGH_HH_FILLFAIL")
        return
    if net.trace.on:
        net.trace.emit("arp_send", skb.id, dev.name, op, inet_ntoa(sender_ip), inet_ntoa(target_ip))
    dev_queue_xmit(skb)


def arp_announce(net, dev, address):
    """Tell the link that `address` is ours now: a gratuitous request (RFC 5227 section 3)."""
    if dev.flags & (IFF_NOARP | IFF_LOOPBACK) or dev.type not in (ARPHRD_ETHER, ARPHRD_IEEE802):
        return
    arp_send(net, dev, ARPOP_REQUEST, address, dev.dev_addr, address, bytes(ETH_ALEN), BROADCAST)


class arp_packet_type(packet_type):
    """The handler of ETH_P_ARP."""

    def __init__(self, net):
        packet_type.__init__(self, ETH_P_ARP, None)
        self.net = net

    def func(self, skb, dev):
        return arp_rcv(self.net, skb, dev)


def arp_rcv(net, skb, dev):
    """An ARP frame, data at the ARP header; consumes it."""
    if dev.flags & IFF_NOARP or skb.pkt_type in (PACKET_OTHERHOST, PACKET_LOOPBACK) or dev.ip_ptr is None:
        kfree_skb(skb, "ARP_IGNORED")
        return 0
    if not pskb_may_pull(skb, ARP_ETH_IP_LEN):
        kfree_skb(skb, "ARP_INHDR")
        return 0
    at = skb.data
    hardware = skb.get16(at)
    op = skb.get16(at + 6)
    if (
        hardware not in (ARPHRD_ETHER, ARPHRD_IEEE802)
        or skb.get16(at + 2) != ETH_P_IP
        or skb.get16(at + 4) != ETH_ALEN << 8 | 4
        or op not in (ARPOP_REQUEST, ARPOP_REPLY)
    ):
        kfree_skb(skb, "ARP_INHDR")
        return 0
    sender_ha = bytes([skb.get8(at + 8 + i) for i in range(ETH_ALEN)])
    sender_ip = skb.get32(at + 14)
    target_ip = skb.get32(at + 24)
    if net.trace.on:
        net.trace.emit("arp_rcv", skb.id, dev.name, op, inet_ntoa(sender_ip), inet_ntoa(target_ip))
    if ipv4_is_multicast(target_ip) or ipv4_is_loopback(target_ip):
        kfree_skb(skb, "ARP_INHDR")
        return 0
    arp_process(net, skb, dev, op, sender_ip, sender_ha, target_ip)
    consume_skb(skb)
    return 0


def arp_process(net, skb, dev, op, sender_ip, sender_ha, target_ip):
    """Answer a request for an address that is ours, or that we speak for; learn from what concerns us."""
    if sender_ip == 0:
        # Duplicate address detection (RFC 5227 section 2.1): answer, but learn nothing.
        if op == ARPOP_REQUEST and net.fib.inet_addr_type(target_ip) == RTN_LOCAL and not arp_ignore(net, dev, 0, target_ip):
            arp_send(net, dev, ARPOP_REPLY, target_ip, dev.dev_addr, 0, sender_ha, sender_ha)
        return
    if op == ARPOP_REQUEST:
        # A sender that can not be is no sender: the route says so.
        if ip_route_input(skb, target_ip, sender_ip, dev) < 0:
            return
        kind = skb.dst.rt_type
        answer = kind == RTN_LOCAL and not arp_ignore(net, dev, sender_ip, target_ip)
        if answer and net.devconf.either(dev.ip_ptr.cnf, "arp_filter"):
            answer = not arp_filter(net, dev, sender_ip, target_ip)
        if kind != RTN_LOCAL:
            answer = kind == RTN_UNICAST and dev.ip_ptr.cnf.forwarding and arp_proxies(net, dev, skb.dst, target_ip)
        if answer:
            learn(net, dev, sender_ip, sender_ha, NUD_STALE, NEIGH_UPDATE_F_OVERRIDE, True)
            arp_send(net, dev, ARPOP_REPLY, target_ip, dev.dev_addr, sender_ip, sender_ha, sender_ha)
        if answer or kind == RTN_LOCAL:
            return
    gratuitous = sender_ip == target_ip
    if gratuitous and net.devconf.either(dev.ip_ptr.cnf, "drop_gratuitous_arp"):
        return
    solicited = op == ARPOP_REPLY and skb.pkt_type == PACKET_HOST and not gratuitous
    neigh = net.arp_tbl.lookup(sender_ip, dev)
    if neigh is None and net.devconf.either(dev.ip_ptr.cnf, "arp_accept") and (gratuitous or solicited):
        if net.fib.inet_addr_type(sender_ip) == RTN_UNICAST:
            neigh = net.arp_tbl.create(sender_ip, dev)
    if neigh is None:
        return
    # Within the locktime the first answer wins.
    override = net.timers.now() > neigh.updated + neigh.parms.locktime or gratuitous
    state = NUD_REACHABLE if solicited else NUD_STALE
    neigh_update(neigh, sender_ha, state, NEIGH_UPDATE_F_OVERRIDE if override else NEIGH_UPDATE_F_WEAK_OVERRIDE)


def arp_ignore(net, dev, sender_ip, target_ip):
    """True when arp_ignore forbids to answer for one of our addresses on this interface."""
    mode = net.devconf.larger(dev.ip_ptr.cnf, "arp_ignore")
    if mode in (1, 2):
        # Only for an address of the interface itself; in mode 2 only to senders of its subnet.
        return not any(
            ifa.ifa_local == target_ip and (mode == 1 or sender_ip == 0 or (sender_ip ^ ifa.ifa_address) & ifa.ifa_mask == 0)
            for ifa in dev.ip_ptr.ifa_list
        )
    if mode == 3:
        return not any(
            ifa.ifa_local == target_ip and ifa.ifa_scope <= RT_SCOPE_LINK for ifa, _ in net.devinet.all_addresses()
        )
    return mode == 8


def arp_filter(net, dev, sender_ip, target_ip):
    """True when our own packets to the sender would leave by another interface."""
    rt = ip_route_output(net, sender_ip, target_ip)
    if not isinstance(rt, int) and rt.dev is dev:
        return False
    net.mib.TcpExtArpFilter += 1
    return True


def arp_proxies(net, dev, rt, target_ip):
    """True when we speak for `target_ip`, which lies behind another interface (RFC 1027)."""
    cnf = dev.ip_ptr.cnf
    if rt.dev is dev:
        return net.devconf.either(cnf, "proxy_arp_pvlan")
    proxies = net.arp_tbl.ops.proxies
    return net.devconf.either(cnf, "proxy_arp") or (target_ip, dev.ifindex) in proxies or (target_ip, 0) in proxies


def learn(net, dev, address, ha, state, flags, create):
    """Take in a neighbour's link address, making an entry when told to."""
    neigh = net.arp_tbl.get(address, dev) if create else net.arp_tbl.lookup(address, dev)
    if neigh is not None:
        neigh_update(neigh, ha, state, flags)


def arp_init(net):
    """Make the neighbour table of `net` and take ETH_P_ARP."""
    net.arp_tbl = neigh_table(net, arp_ops(net))
    dev_add_pack(net, arp_packet_type(net))


# --- ioctl and /proc ---


def arp_ioctl(net, cmd, arpreq):
    """SIOCGARP, SIOCSARP, SIOCDARP on the bytes of a struct arpreq: (0 or a negative errno, the struct to give back)."""
    if int.from_bytes(arpreq[:2], "little") != AF_INET:
        return (-EPFNOSUPPORT if cmd == SIOCGARP else -EINVAL), arpreq
    address = int.from_bytes(arpreq[4:8], "big")
    flags = int.from_bytes(arpreq[32:36], "little")
    name = arpreq[52:68].split(b"\0")[0].decode("latin-1")
    dev = dev_get_by_name(net, name) if name else arp_device(net, address)
    if dev is None:
        return -ENODEV, arpreq
    if cmd == SIOCGARP:
        neigh = net.arp_tbl.lookup(address, dev)
        if neigh is None or neigh.nud_state & NUD_NOARP:
            return -ENXIO, arpreq
        state = arp_state_to_flags(neigh)
        hardware = dev.type.to_bytes(2, "little") + (neigh.ha or b"").ljust(14, b"\0")
        device = dev.name.encode("latin-1").ljust(16, b"\0")
        return 0, arpreq[:16] + hardware + state.to_bytes(4, "little") + arpreq[36:52] + device
    if cmd == SIOCSARP:
        if int.from_bytes(arpreq[16:18], "little") not in (dev.type, 0) or dev.flags & IFF_NOARP:
            return -EINVAL, arpreq
        neigh = net.arp_tbl.get(address, dev)
        if neigh is None:
            return -EINVAL, arpreq
        state = NUD_PERMANENT if flags & ATF_PERM else NUD_STALE
        ha = arpreq[18 : 18 + dev.addr_len] if flags & ATF_COM else None
        return neigh_update(neigh, ha, state, NEIGH_UPDATE_F_OVERRIDE | NEIGH_UPDATE_F_ADMIN), arpreq
    if cmd == SIOCDARP:
        neigh = net.arp_tbl.lookup(address, dev)
        if neigh is None:
            return -ENXIO, arpreq
        neigh_update(neigh, None, NUD_FAILED, NEIGH_UPDATE_F_OVERRIDE | NEIGH_UPDATE_F_ADMIN)
        net.arp_tbl.remove(neigh)
        return 0, arpreq
    return -EINVAL, arpreq


def arp_device(net, address):
    """The device on whose link an address is, or None."""
    fi = net.fib.lookup(address)
    return fi.dev if fi is not None and fi.type not in (RTN_LOCAL, RTN_BROADCAST) else None


def arp_state_to_flags(neigh):
    if neigh.nud_state & NUD_PERMANENT:
        return ATF_PERM | ATF_COM
    return ATF_COM if neigh.nud_state & NUD_VALID else 0


def proc_net_arp(net):
    """The text of /proc/net/arp."""
    lines = ["IP address       HW type     Flags       HW address            Mask     Device\n"]
    for neigh in net.arp_tbl.all():
        if neigh.nud_state & NUD_NOARP or neigh.nud_state == NUD_NONE:
            continue
        ha = ":".join(f"{byte:02x}" for byte in neigh.ha or bytes(ETH_ALEN))
        lines.append(
            f"{inet_ntoa(neigh.primary_key):<16} 0x{neigh.dev.type:<10x}0x{arp_state_to_flags(neigh):<10x}"
            f"{ha:<17}     *        {neigh.dev.name}\n"
        )
    return "".join(lines)
