"""connect(2) and addresses of IPv4 datagram sockets: shared by UDP, raw and ping sockets."""

from kernel.net.core.sock_flags import SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_BROADCAST
from kernel.net.ipv4.route import ip_route_output_key
from kernel.uapi.errno import EACCES, EAFNOSUPPORT, EAGAIN, EINVAL
from kernel.uapi.route import RTN_BROADCAST
from kernel.uapi.socket import AF_INET, AF_UNSPEC
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED

# The first four bits of a multicast address.
MULTICAST_CLASS = 14


def parse_destination(msg):
    """Read msg_name into msg_addr and msg_port: 0, -EINVAL for a short one, -EAFNOSUPPORT for another family.

    AF_UNSPEC is taken for AF_INET, as Linux does for datagrams.
    """
    name = msg.msg_name
    if len(name) < 16:
        return -EINVAL
    family = name[0] | name[1] << 8
    if family != AF_INET and family != AF_UNSPEC:
        return -EAFNOSUPPORT
    msg.msg_port = name[2] << 8 | name[3]
    msg.msg_addr = name[4] << 24 | name[5] << 16 | name[6] << 8 | name[7]
    return 0


def ip4_datagram_connect(sk, daddr, dport):
    """Fix the peer, and with it route and source address; 0 or a negative errno."""
    net = sk.net
    oif = sk.sk_bound_dev_if
    saddr = sk.inet_saddr
    if daddr >> 28 == MULTICAST_CLASS:
        if oif == 0:
            oif = sk.mc_index
        if saddr == 0:
            saddr = sk.mc_addr
    rt = ip_route_output_key(net, daddr, saddr, oif)
    if rt is None:
        net.mib.IpOutNoRoutes += 1
        ip = net.ip
        return ip.route_error
    if rt.rt_type == RTN_BROADCAST and not sk.sk_flags & SOCK_BROADCAST:
        return -EACCES
    if sk.inet_num == 0:
        if sk.sk_prot.get_port(sk, 0) < 0:
            return -EAGAIN
        sk.inet_sport = sk.inet_num
    if sk.inet_saddr == 0:
        sk.inet_saddr = rt.saddr
    if sk.inet_rcv_saddr == 0:
        sk.inet_rcv_saddr = rt.saddr
    # Connecting to the unspecified address means to ourselves.
    sk.inet_daddr = daddr if daddr else rt.saddr
    sk.inet_dport = dport
    sk.sk_state = TCP_ESTABLISHED
    sk.inet_id = net.random.getrandbits(16)
    sk.sk_dst_cache = rt
    return 0


def datagram_disconnect(sk):
    """connect(2) with AF_UNSPEC: forget the peer, and what was bound only for its sake; 0."""
    sk.sk_state = TCP_CLOSE
    sk.inet_daddr = 0
    sk.inet_dport = 0
    sk.sk_dst_cache = None
    if not sk.sk_userlocks & SOCK_BINDADDR_LOCK:
        sk.inet_saddr = 0
        sk.inet_rcv_saddr = 0
    if not sk.sk_userlocks & SOCK_BINDPORT_LOCK:
        sk.sk_prot.put_port(sk)
        sk.inet_num = 0
        sk.inet_sport = 0
    return 0
