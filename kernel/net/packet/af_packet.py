"""Packet sockets (packet(7)): frames as they are on the device, in both directions, and frames of one's own.

SOCK_RAW frames carry their link header, SOCK_DGRAM frames begin behind it.  A socket of protocol ETH_P_ALL is a tap
on every device (or the one that it is bound to); protocol 0 receives nothing.  A filter (SO_ATTACH_FILTER) sees what the
program would read, and says how much of it to keep.  Sockets can share frames (fanout.py).  There are no memory-mapped
rings: PACKET_RX_RING, PACKET_TX_RING and PACKET_VERSION are no options here (ENOPROTOOPT).
"""

from kernel.net.core.datagram import (
    datagram_poll,
    skb_copy_datagram,
    skb_free_datagram,
    skb_recv_datagram,
    sock_recv_cmsgs,
)
from kernel.net.core.dev import (
    dev_add_pack,
    dev_get_by_index,
    dev_mc_add,
    dev_mc_del,
    dev_queue_xmit,
    dev_remove_pack,
    dev_set_allmulti,
    dev_set_promiscuity,
    register_netdevice_notifier,
)
from kernel.net.core.filter import sk_filter_trim_cap
from kernel.net.core.netdev_flags import NETDEV_DOWN, NETDEV_UNREGISTER, NETDEV_UP
from kernel.net.core.netdevice import notifier_block, packet_type
from kernel.net.core.skb_data import skb_add_frags_iter, skb_put_iter
from kernel.net.core.skbuff import alloc_skb, consume_skb, kfree_skb, page_frag, skb_pull, skb_push, skb_reserve
from kernel.net.core.sock import (
    proto,
    proto_ops,
    sk_free,
    skb_set_owner_w,
    sock,
    sock_graft,
    sock_may_send,
    sock_orphan,
    sock_queue_rcv_skb,
)
from kernel.net.core.sockcm import sock_cmsg_send, sockcm_cookie
from kernel.net.packet.fanout import fanout_add, fanout_data, fanout_release, fanout_value
from kernel.uapi.errno import (
    EAGAIN,
    EINVAL,
    EMSGSIZE,
    ENETDOWN,
    ENOBUFS,
    ENODEV,
    ENOIOCTLCMD,
    ENOPROTOOPT,
    ENXIO,
    EOPNOTSUPP,
    EPERM,
    ESOCKTNOSUPPORT,
)
from kernel.uapi.if_ import IFF_LOOPBACK, IFF_UP
from kernel.uapi.if_ether import ETH_P_ALL
from kernel.uapi.if_packet import (
    PACKET_ADD_MEMBERSHIP,
    PACKET_AUXDATA,
    PACKET_DROP_MEMBERSHIP,
    PACKET_FANOUT,
    PACKET_FANOUT_DATA,
    PACKET_IGNORE_OUTGOING,
    PACKET_LOOPBACK,
    PACKET_MR_ALLMULTI,
    PACKET_MR_MULTICAST,
    PACKET_MR_PROMISC,
    PACKET_MREQ_SIZE,
    PACKET_ORIGDEV,
    PACKET_OUTGOING,
    PACKET_STATISTICS,
)
from kernel.uapi.socket import (
    AF_PACKET,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_PEEK,
    MSG_TRUNC,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_PACKET,
)
from kernel.uapi.sockios import SIOCINQ, SIOCOUTQ

HEADROOM = 64
LINEAR_MAX = 16384
SOCKADDR_LL_SIZE = 20
# Where its address begins.
SLL_ADDR = 12
TP_STATUS_USER = 1
TP_STATUS_CSUMNOTREADY = 8
TP_STATUS_VLAN_VALID = 0x10
TP_STATUS_VLAN_TPID_VALID = 0x40
ETH_P_8021Q = 0x8100
VLAN_HLEN = 4
# Where the address of a struct packet_mreq begins.
MREQ_ADDRESS = 8
CHECKSUM_PARTIAL = 3


def swap16(value):
    """htons: the protocol numbers of AF_PACKET cross the interface in network order."""
    return (value & 0xFF) << 8 | value >> 8 & 0xFF


class packet_tap(packet_type):
    """The hook of one packet socket into the device layer."""

    def func(self, skb, dev):
        return packet_rcv(self.sk, skb, dev)


class packet_sock(sock):
    """A packet socket; `protocol` is in host order."""

    def __init__(self, net, family, type, protocol, prot):
        sock.__init__(self, net, family, type, protocol, prot)
        self.protocol = swap16(protocol)
        self.ifindex = 0
        self.running = False
        self.tap = None
        self.auxdata = False
        self.origdev = False
        self.ignore_outgoing = False
        self.memberships = []
        # The group of sockets that share frames, which then has the hook into the device layer.
        self.fanout = None
        self.tp_packets = 0
        self.tp_drops = 0
        self.frag = page_frag()


    def receive(self, skb, dev):
        """A frame that a group has chosen for this member."""
        return packet_rcv(self, skb, dev)

    def leave_device(self):
        """The socket's own hook goes: the group has one."""
        unregister_hook(self)


class packet_proto(proto):
    """Makes packet socks; `fanout_groups` are those of a network namespace by their number."""

    def __init__(self):
        proto.__init__(self, "PACKET")
        self.fanout_groups = {}

    def sk_alloc(self, net, family, type, protocol):
        return packet_sock(net, family, type, protocol, self)


# --- receive ---


def packet_rcv(sk, skb, dev):
    """A frame of a device, incoming (data behind the link header) or outgoing (data at it); consumes it."""
    if skb.pkt_type == PACKET_LOOPBACK:
        # Multicast to ourselves has been seen on its way out.
        consume_skb(skb)
        return 0
    header = skb.data - skb.mac_header
    if skb.pkt_type == PACKET_OUTGOING:
        if sk.sk_type == SOCK_DGRAM and dev.header_ops is not None:
            if skb.len - skb.data_len < dev.hard_header_len:
                kfree_skb(skb, "PACKET_SOCK_ERROR")
                return 0
            skb_pull(skb, dev.hard_header_len)
    elif sk.sk_type != SOCK_DGRAM and header:
        skb_push(skb, header)
    if not sk.origdev:
        skb.iif = dev.ifindex
    # How long the frame was, whatever the filter leaves of it.
    skb.cb1 = skb.len
    if skb.len == 0 or (sk.sk_filter is not None and sk_filter_trim_cap(sk, skb, 1) < 0):
        # Of a frame without a payload there is nothing to see.
        consume_skb(skb)
        return 0
    if sock_queue_rcv_skb(sk, skb) < 0:
        sk.tp_drops += 1
        kfree_skb(skb, "SOCKET_RCVBUFF")
        return 0
    sk.tp_packets += 1
    return 0


def sockaddr_ll(ifindex, protocol, hatype, pkttype, address):
    """The 20 bytes of a struct sockaddr_ll."""
    return (
        AF_PACKET.to_bytes(2, "little")
        + protocol.to_bytes(2, "big")
        + ifindex.to_bytes(4, "little")
        + hatype.to_bytes(2, "little")
        + bytes([pkttype, len(address)])
        + address.ljust(8, b"\0")[:8]
    )


def packet_recvmsg(sk, msg, size, flags):
    """Receive one frame."""
    if flags & ~(MSG_DONTWAIT | MSG_TRUNC | MSG_PEEK | MSG_ERRQUEUE):
        return -EINVAL
    if flags & MSG_ERRQUEUE:
        # Nobody reports on sent frames.
        return -EAGAIN
    err = skb_recv_datagram(sk, flags)
    if err != 0:
        return err if err < 0 else 0
    skb = sk.sk_receive_queue.first
    result = skb_copy_datagram(skb, msg, size, flags)
    if result < 0:
        skb_free_datagram(sk, skb, flags)
        return result
    dev = dev_get_by_index(sk.net, skb.iif)
    address = b""
    hatype = 0
    if dev is not None:
        hatype = dev.type
        if dev.header_ops is not None:
            address = dev.header_ops.parse(skb)
    msg.msg_name = sockaddr_ll(skb.iif, skb.protocol & 0xFFFF, hatype, skb.pkt_type, address)
    sock_recv_cmsgs(sk, msg, skb)
    if sk.auxdata and msg.msg_control is not None:
        msg.msg_control.append((SOL_PACKET, PACKET_AUXDATA, auxdata(skb, skb.cb1, min(skb.len, size))))
    skb_free_datagram(sk, skb, flags)
    return result


def auxdata(skb, length, copied):
    """struct tpacket_auxdata: among others, the VLAN tag that the device has taken off."""
    status = TP_STATUS_USER
    if skb.ip_summed == CHECKSUM_PARTIAL:
        status |= TP_STATUS_CSUMNOTREADY
    tci = tpid = 0
    if skb.vlan_present:
        status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID
        tci = skb.vlan_tci
        tpid = ETH_P_8021Q
    words = status.to_bytes(4, "little") + length.to_bytes(4, "little") + copied.to_bytes(4, "little")
    network = skb.network_header - skb.data if skb.network_header >= skb.data else 0
    return words + bytes(2) + (network & 0xFFFF).to_bytes(2, "little") + tci.to_bytes(2, "little") + tpid.to_bytes(2, "little")


# --- send ---


def packet_sendmsg(sk, msg, size):
    """Send one frame; `size`, or a negative errno."""
    net = sk.net
    name = msg.msg_name
    protocol = sk.protocol
    ifindex = sk.ifindex
    destination = None
    if name is not None:
        if len(name) < SOCKADDR_LL_SIZE or len(name) < SLL_ADDR + name[11]:
            return -EINVAL
        protocol = int.from_bytes(name[2:4], "big")
        ifindex = int.from_bytes(name[4:8], "little", signed=True)
        destination = name[SLL_ADDR:]
    dev = dev_get_by_index(net, ifindex)
    if dev is None:
        return -ENXIO
    if not dev.flags & IFF_UP:
        return -ENETDOWN
    raw = sk.sk_type == SOCK_RAW
    link = dev.hard_header_len if dev.header_ops is not None else 0
    limit = dev.mtu + (link if raw else 0)
    if size > limit + (VLAN_HLEN if raw else 0):
        return -EMSGSIZE
    cookie = sockcm_cookie(sk)
    err = sock_cmsg_send(sk, msg, cookie)
    if err == 0:
        err = sock_may_send(sk, msg.msg_flags & MSG_DONTWAIT != 0)
    if err < 0:
        return err
    skb = packet_build(sk, msg, size, HEADROOM + dev.hard_header_len + dev.needed_headroom, link if raw else 0)
    if isinstance(skb, int):
        return skb
    if raw and size < link:
        kfree_skb(skb, "PACKET_SOCK_ERROR")
        return -EINVAL
    if size > limit and not (link == 14 and skb.get16(skb.data + 12) == ETH_P_8021Q):
        # Only a VLAN tag makes a frame longer than the MTU says.
        kfree_skb(skb, "PACKET_SOCK_ERROR")
        return -EMSGSIZE
    skb.dev = dev
    skb.network_header = skb.data + (link if raw else 0)
    skb.transport_header = skb.network_header
    if raw and protocol in (0, ETH_P_ALL) and link == 14:
        protocol = skb.get16(skb.data + 12)
    skb.protocol = protocol
    if not raw and dev.header_ops is not None:
        if destination is None and dev.flags & IFF_LOOPBACK:
            destination = bytes(dev.addr_len)
        if destination is None or len(destination) < dev.addr_len:
            kfree_skb(skb, "PACKET_SOCK_ERROR")
            return -EINVAL
        dev.header_ops.create(skb, dev, protocol, destination[: dev.addr_len], None, size)
    skb_set_owner_w(skb, sk)
    skb.priority = cookie.priority
    skb.mark = cookie.mark
    skb.tstamp = cookie.transmit_time
    # What comes back at once (lo) is received before the sender goes on.
    net.softirq.local_bh_disable()
    try:
        err = dev_queue_xmit(skb)
    finally:
        net.softirq.local_bh_enable()
    if err > 0:
        return -ENOBUFS
    return err if err < 0 else size


def packet_build(sk, msg, size, headroom, linear_needed):
    """The user's frame in an sk_buff; a negative errno (an int) on failure."""
    linear = size if size <= LINEAR_MAX else max(linear_needed, 64)
    skb = alloc_skb(sk.net.skb_cache, headroom + linear)
    if skb is None:
        return -ENOBUFS
    skb_reserve(skb, headroom)
    err = skb_put_iter(skb, msg.msg_iter, linear) if linear else 0
    if err == 0 and size > linear:
        added = skb_add_frags_iter(skb, msg.msg_iter, size - linear, sk.frag)
        err = added if added < 0 else 0 if added == size - linear else -ENOBUFS
    if err < 0:
        kfree_skb(skb, "SKB_UCOPY_FAULT")
        return err
    return skb


# --- the socket ---


def register_hook(sk):
    """Begin to receive (protocol 0: nothing)."""
    if sk.running or sk.protocol == 0:
        return
    if sk.fanout is not None:
        sk.fanout.link(sk)
        sk.running = True
        return
    dev = dev_get_by_index(sk.net, sk.ifindex) if sk.ifindex else None
    sk.tap = packet_tap(sk.protocol, dev)
    sk.tap.sk = sk
    sk.tap.ignore_outgoing = sk.ignore_outgoing
    dev_add_pack(sk.net, sk.tap)
    sk.running = True


def unregister_hook(sk):
    if sk.running:
        if sk.fanout is not None:
            sk.fanout.unlink(sk)
        else:
            dev_remove_pack(sk.net, sk.tap)
            sk.tap = None
        sk.running = False


class packet_ops(proto_ops):
    """Operations of packet sockets."""

    def __init__(self):
        proto_ops.__init__(self, AF_PACKET)

    def release(self, sock):
        sk = sock.sk
        if sk is None:
            return 0
        sock.sk = None
        unregister_hook(sk)
        fanout_release(sk)
        for ifindex, type, address in sk.memberships:
            change_membership(sk.net, ifindex, type, address, -1)
        sk.memberships = []
        sk.net.packet_sockets.remove(sk)
        sock_orphan(sk)
        sk_free(sk)
        return 0

    def bind(self, sock, addr):
        sk = sock.sk
        if len(addr) < SOCKADDR_LL_SIZE or int.from_bytes(addr[:2], "little") != AF_PACKET:
            return -EINVAL
        if sk.fanout is not None:
            return -EINVAL
        ifindex = int.from_bytes(addr[4:8], "little", signed=True)
        dev = None
        if ifindex:
            dev = dev_get_by_index(sk.net, ifindex)
            if dev is None:
                return -ENODEV
        unregister_hook(sk)
        protocol = int.from_bytes(addr[2:4], "big")
        if protocol:
            sk.protocol = protocol
        sk.ifindex = ifindex
        if dev is None or dev.flags & IFF_UP:
            register_hook(sk)
        else:
            sk.sk_err = ENETDOWN
            sk.error_report()
        return 0

    def getname(self, sock, peer):
        if peer:
            return -EOPNOTSUPP
        sk = sock.sk
        dev = dev_get_by_index(sk.net, sk.ifindex)
        if dev is None:
            return sockaddr_ll(sk.ifindex, sk.protocol, 0, 0, b"")[:SLL_ADDR]
        return sockaddr_ll(sk.ifindex, sk.protocol, dev.type, 0, dev.dev_addr)[: SLL_ADDR + dev.addr_len]

    def poll(self, file, sock, table):
        return datagram_poll(sock.sk, file, table)

    def ioctl(self, sock, cmd, arg):
        sk = sock.sk
        user = sk.net.sockfs
        if cmd == SIOCOUTQ:
            return user.put_int(arg, sk.sk_wmem_alloc)
        if cmd == SIOCINQ:
            skb = sk.sk_receive_queue.first
            return user.put_int(arg, skb.len if skb is not None else 0)
        inet = sk.net.inetsw.get(SOCK_DGRAM)
        # Requests about IP addresses and routes work on any socket, as in Linux.
        return inet[0].ops.ioctl(sock, cmd, arg) if inet else -ENOIOCTLCMD

    def sendmsg(self, sock, msg, size):
        return packet_sendmsg(sock.sk, msg, size)

    def recvmsg(self, sock, msg, size, flags):
        return packet_recvmsg(sock.sk, msg, size, flags)

    def setsockopt(self, sock, level, optname, optval):
        sk = sock.sk
        if level != SOL_PACKET:
            return -ENOPROTOOPT
        if optname in (PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP):
            return packet_membership(sk, optname, optval)
        if optname == PACKET_FANOUT_DATA:
            return fanout_data(sk, optval)
        if len(optval) < 4:
            return -EINVAL
        if optname == PACKET_FANOUT:
            return fanout_add(sk, optval) if len(optval) in (4, 8) else -EINVAL
        value = int.from_bytes(optval[:4], "little")
        if optname == PACKET_AUXDATA:
            sk.auxdata = value != 0
            return 0
        if optname == PACKET_ORIGDEV:
            sk.origdev = value != 0
            return 0
        if optname == PACKET_IGNORE_OUTGOING:
            if value > 1:
                return -EINVAL
            sk.ignore_outgoing = value != 0
            if sk.tap is not None:
                sk.tap.ignore_outgoing = sk.ignore_outgoing
            return 0
        return -ENOPROTOOPT

    def getsockopt(self, sock, level, optname, optlen):
        sk = sock.sk
        if level != SOL_PACKET:
            return -ENOPROTOOPT
        if optname == PACKET_STATISTICS:
            # tp_packets counts the dropped ones, too; reading starts anew.
            value = (sk.tp_packets + sk.tp_drops).to_bytes(4, "little") + sk.tp_drops.to_bytes(4, "little")
            sk.tp_packets = 0
            sk.tp_drops = 0
            return value
        if optname == PACKET_AUXDATA:
            return int(sk.auxdata).to_bytes(4, "little")
        if optname == PACKET_FANOUT:
            return fanout_value(sk).to_bytes(4, "little")
        if optname == PACKET_ORIGDEV:
            return int(sk.origdev).to_bytes(4, "little")
        if optname == PACKET_IGNORE_OUTGOING:
            return int(sk.ignore_outgoing).to_bytes(4, "little")
        return -ENOPROTOOPT


def packet_membership(sk, optname, optval):
    """PACKET_ADD_MEMBERSHIP and PACKET_DROP_MEMBERSHIP with a struct packet_mreq."""
    if len(optval) < PACKET_MREQ_SIZE:
        return -EINVAL
    ifindex = int.from_bytes(optval[:4], "little", signed=True)
    type = int.from_bytes(optval[4:6], "little")
    length = int.from_bytes(optval[6:8], "little")
    if len(optval) < MREQ_ADDRESS + length:
        return -EINVAL
    address = optval[MREQ_ADDRESS : MREQ_ADDRESS + length]
    entry = (ifindex, type, address)
    if optname == PACKET_ADD_MEMBERSHIP:
        err = change_membership(sk.net, ifindex, type, address, 1)
        if err == 0:
            sk.memberships.append(entry)
        return err
    if entry not in sk.memberships:
        return 0
    sk.memberships.remove(entry)
    return change_membership(sk.net, ifindex, type, address, -1)


def change_membership(net, ifindex, type, address, step):
    """One user more or less of a device's promiscuous mode, all-multicast mode or multicast address."""
    dev = dev_get_by_index(net, ifindex)
    if dev is None:
        return -ENODEV
    if len(address) > dev.addr_len:
        return -EINVAL
    if type == PACKET_MR_PROMISC:
        dev_set_promiscuity(dev, step)
    elif type == PACKET_MR_ALLMULTI:
        dev_set_allmulti(dev, step)
    elif type == PACKET_MR_MULTICAST:
        if len(address) != dev.addr_len:
            return -EINVAL
        if step > 0:
            dev_mc_add(dev, address)
        else:
            dev_mc_del(dev, address)
    return 0


class packet_notifier(notifier_block):
    """Tells sockets bound to a device when it goes down, and hooks them in again when it is back."""

    def __init__(self, net):
        self.net = net

    def notifier_call(self, event, dev):
        for sk in list(self.net.packet_sockets):
            if sk.ifindex != dev.ifindex:
                continue
            if event in (NETDEV_DOWN, NETDEV_UNREGISTER):
                if sk.running:
                    unregister_hook(sk)
                    sk.sk_err = ENETDOWN
                    sk.error_report()
                if event == NETDEV_UNREGISTER:
                    sk.ifindex = -1
            elif event == NETDEV_UP:
                register_hook(sk)


def packet_create(net, sock, protocol, uid):
    """socket(2) for AF_PACKET: only for the superuser."""
    if uid != 0:
        return -EPERM
    if sock.type not in (SOCK_RAW, SOCK_DGRAM):
        return -ESOCKTNOSUPPORT
    ops, prot = net.packet_family
    sk = prot.sk_alloc(net, AF_PACKET, sock.type, protocol & 0xFFFF)
    sk.sk_uid = uid
    sock.ops = ops
    sock_graft(sk, sock)
    net.packet_sockets.append(sk)
    register_hook(sk)
    return 0


def packet_init(net):
    """Register AF_PACKET."""
    net.packet_family = (packet_ops(), packet_proto())
    net.families[AF_PACKET] = packet_create
    register_netdevice_notifier(net, packet_notifier(net))
