"""Raw IPv4 sockets (raw(7)): see every packet of a protocol, send packets with a header of ours or of their own."""

from kernel.net.core.filter import sk_filter_trim_cap
from kernel.net.core.skbuff import kfree_skb, skb_clone, skb_push
from kernel.net.core.sock import sock_queue_rcv_skb
from kernel.net.ipv4.datagram import (
    datagram_disconnect,
    datagram_err,
    datagram_extend,
    datagram_fits,
    datagram_flow,
    datagram_flow_route,
    datagram_make_skb,
    datagram_mark,
    datagram_proto,
    datagram_recvmsg,
    datagram_send,
    datagram_sent,
    datagram_sock,
)
from kernel.net.ipv4.ip_output import ip_local_out, ip_select_ident
from kernel.net.ipv4.ip_sockglue import ip_local_error
from kernel.net.ipv4.mcast import ip_mc_sf_allow
from kernel.uapi.errno import EFAULT, EINVAL, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP
from kernel.uapi.icmp import ICMP_FILTER
from kernel.uapi.if_ether import ETH_P_IP
from kernel.uapi.in_ import IPPROTO_ICMP, IPPROTO_MAX, IPPROTO_RAW
from kernel.uapi.socket import MSG_MORE, MSG_OOB, MSG_PROBE, SOL_RAW

# The first four bits of a multicast address.
MULTICAST_CLASS = 14
# What is looked at of an ICMP message on its way out.
ICMP_TYPE_AND_CODE = 2
IP_HEADER_LEN = 20


class raw_cork:
    """The packet that MSG_MORE holds back, and where its first send was to go."""

    def __init__(self, skb, flow):
        self.skb = skb
        self.flow = flow


class raw_sock(datagram_sock):
    """A raw socket; `inet_num` is its protocol, `icmp_filter` a bit for each ICMP type that it does not want.

    `cork` is the packet that is being put together.
    """

    def __init__(self, net, family, type, protocol, prot):
        datagram_sock.__init__(self, net, family, type, protocol, prot)
        self.icmp_filter = 0
        self.cork = None
        self.inet_num = protocol
        self.hdrincl = protocol == IPPROTO_RAW


class raw_hash_table:
    """Raw socks by protocol, chained through sk_next."""

    def __init__(self):
        self.buckets = [None] * IPPROTO_MAX
        self.count = 0

    def insert(self, sk):
        sk.sk_next = self.buckets[sk.inet_num]
        self.buckets[sk.inet_num] = sk
        sk.sk_hashed = True
        self.count += 1

    def remove(self, sk):
        if not sk.sk_hashed:
            return
        current = self.buckets[sk.inet_num]
        if current is sk:
            self.buckets[sk.inet_num] = sk.sk_next
        else:
            while current.sk_next is not sk:
                current = current.sk_next
            current.sk_next = sk.sk_next
        sk.sk_next = None
        sk.sk_hashed = False
        self.count -= 1

    def all(self):
        """Every raw sock, by protocol."""
        found = []
        for sk in self.buckets:
            while sk is not None:
                found.append(sk)
                sk = sk.sk_next
        return found


class raw_proto(datagram_proto):
    """Operations of raw sockets."""

    def __init__(self, net):
        datagram_proto.__init__(self, "RAW")
        self.table = net.raw_table

    def sk_alloc(self, net, family, type, protocol):
        return raw_sock(net, family, type, protocol, self)

    def destroy(self, sk):
        raw_flush_pending_frames(sk)
        datagram_proto.destroy(self, sk)

    def hash(self, sk):
        self.table.insert(sk)
        return 0

    def unhash(self, sk):
        self.table.remove(sk)

    def disconnect(self, sk, flags):
        protocol = sk.inet_num
        datagram_disconnect(sk)
        sk.inet_num = protocol
        return 0

    def sendmsg(self, sk, msg, size):
        return raw_sendmsg(sk, msg, size)

    def recvmsg(self, sk, msg, size, flags):
        if flags & MSG_OOB:
            return -EOPNOTSUPP
        return datagram_recvmsg(sk, msg, size, flags)

    def setsockopt(self, sk, level, optname, optval):
        if level != SOL_RAW or optname != ICMP_FILTER:
            return -ENOPROTOOPT
        if sk.inet_num != IPPROTO_ICMP:
            return -EOPNOTSUPP
        rsk = sk
        # A shorter value leaves the other types as they are.
        given = optval[:4]
        rsk.icmp_filter = int.from_bytes(given + int(rsk.icmp_filter).to_bytes(4, "little")[len(given) :], "little")
        return 0

    def getsockopt(self, sk, level, optname, optlen):
        if level != SOL_RAW:
            return -EOPNOTSUPP
        if optname != ICMP_FILTER:
            return -ENOPROTOOPT
        if sk.inet_num != IPPROTO_ICMP:
            return -EOPNOTSUPP
        rsk = sk
        return int(rsk.icmp_filter).to_bytes(4, "little")

    def backlog_rcv(self, sk, skb):
        return raw_queue_rcv_skb(sk, skb)


# --- receive ---


def raw_match(sk, saddr, daddr, iif):
    """True when a packet between these addresses is for `sk`."""
    if sk.inet_daddr and sk.inet_daddr != saddr:
        return False
    if sk.inet_rcv_saddr and sk.inet_rcv_saddr != daddr:
        return False
    return not (sk.sk_bound_dev_if and sk.sk_bound_dev_if != iif)


def raw_local_deliver(net, skb, protocol):
    """Give every raw socket of `protocol` a clone of the whole packet; True when there was one.  Consumes nothing."""
    table = net.raw_table
    if table.count == 0:
        return False
    sk = table.buckets[protocol]
    if sk is None:
        return False
    nh = skb.network_header
    saddr = skb.get32(nh + 12)
    daddr = skb.get32(nh + 16)
    delivered = False
    while sk is not None:
        following = sk.sk_next
        if raw_match(sk, saddr, daddr, skb.iif):
            delivered = True
            if not raw_filtered(sk, skb) and (
                daddr >> 28 != MULTICAST_CLASS or ip_mc_sf_allow(sk, daddr, saddr, skb.iif)
            ):
                clone = skb_clone(skb)
                skb_push(clone, clone.data - nh)
                raw_queue_rcv_skb(sk, clone)
        sk = following
    return delivered


def raw_filtered(sk, skb):
    """True when the socket's ICMP_FILTER keeps this message away, and for what is no ICMP message at all."""
    if sk.inet_num != IPPROTO_ICMP or skb.len - skb.data_len < 8:
        return sk.inet_num == IPPROTO_ICMP and skb.len < 8
    rsk = sk
    type = skb.get8(skb.data)
    return type < 32 and rsk.icmp_filter >> type & 1 != 0


def raw_queue_rcv_skb(sk, skb):
    if sk.sk_filter is not None and sk_filter_trim_cap(sk, skb, 1) < 0:
        kfree_skb(skb, "SOCKET_FILTER")
        return 0
    if sock_queue_rcv_skb(sk, skb) < 0:
        kfree_skb(skb, "SOCKET_RCVBUFF")
    return 0


def raw_icmp_error(net, skb, protocol, info):
    """An ICMP error quotes a packet of `protocol`: tell the raw sockets that could have sent it."""
    table = net.raw_table
    sk = table.buckets[protocol]
    if sk is None:
        return
    inner = skb.data
    while sk is not None:
        following = sk.sk_next
        if raw_match(sk, skb.get32(inner + 16), skb.get32(inner + 12), skb.iif):
            datagram_err(sk, skb, info, 0, 0)
        sk = following


# --- send ---


def raw_sendmsg(sk, msg, size):
    """Send one packet: `size`, or a negative errno."""
    if size > 0xFFFF:
        return -EMSGSIZE
    if msg.msg_flags & MSG_OOB:
        return -EOPNOTSUPP
    if not msg.msg_name:
        # An address of no length is none.
        msg.msg_name = None
    flow = datagram_flow(sk, msg)
    if isinstance(flow, int):
        return flow
    if sk.inet_num == IPPROTO_ICMP and not sk.hdrincl and size < ICMP_TYPE_AND_CODE:
        # The message is looked at before a route is looked for.
        return -EFAULT
    err = datagram_flow_route(sk, msg, flow)
    if err < 0:
        return err
    if not sk.hdrincl:
        return raw_append_data(sk, msg, flow, size)
    if size > flow.rt.dev.mtu:
        ip_local_error(sk, EMSGSIZE, flow.daddr, sk.inet_dport, flow.rt.dev.mtu)
        return -EMSGSIZE
    if size < IP_HEADER_LEN:
        return -EINVAL
    if msg.msg_flags & MSG_PROBE:
        return size
    skb = datagram_make_skb(sk, msg, size, 0)
    if isinstance(skb, int):
        return skb
    return raw_send_hdrinc(sk, skb, flow, size)


def raw_append_data(sk, msg, flow, size):
    """Begin a packet or add to the one held back, and send it unless there is MSG_MORE: `size`, or a negative errno.

    What is added can still change the addresses; everything else is as the first send has said.  MSG_PROBE adds nothing.
    """
    rsk = sk
    cork = rsk.cork
    held = cork.skb.len if cork is not None else 0
    first = cork.flow if cork is not None else flow
    probing = msg.msg_flags & MSG_PROBE != 0
    if probing and cork is None:
        return size
    err = 0
    if not probing:
        err = datagram_fits(sk, first.rt, IP_HEADER_LEN + len(first.opt) + held + size, flow.daddr, 0)
    if err == 0 and cork is not None:
        err = 0 if probing else datagram_extend(sk, cork.skb, msg, size)
    elif err == 0:
        skb = datagram_make_skb(sk, msg, size, 0)
        if isinstance(skb, int):
            return skb
        cork = rsk.cork = raw_cork(skb, flow)
    if err < 0:
        # A packet that can not be completed is dropped whole.
        raw_flush_pending_frames(sk)
        return err
    if msg.msg_flags & MSG_MORE:
        return size
    rsk.cork = None
    first.addr = flow.addr
    first.daddr = flow.daddr
    return datagram_send(sk, cork.skb, first, sk.inet_num, size)


def raw_flush_pending_frames(sk):
    """Drop the packet that is held back, if there is one."""
    rsk = sk
    cork = rsk.cork
    if cork is not None:
        rsk.cork = None
        kfree_skb(cork.skb, "SOCKET_CLOSE")


def raw_send_hdrinc(sk, skb, flow, size):
    """Send a packet whose IP header the user has written: length and checksum are ours, source and id if he left them 0."""
    rt = flow.rt
    net = sk.net
    nh = skb.data
    header_len = (skb.get8(nh) & 15) << 2
    if header_len < 20 or header_len > size:
        kfree_skb(skb, "IP_INHDR")
        return -EINVAL
    datagram_mark(sk, skb, flow)
    skb.network_header = nh
    skb.transport_header = nh + header_len
    skb.protocol = ETH_P_IP
    if skb.get32(nh + 12) == 0:
        skb.put32(nh + 12, rt.saddr)
    if skb.get16(nh + 4) == 0:
        skb.put16(nh + 4, ip_select_ident(net, 1))
    return datagram_sent(sk, ip_local_out(net, skb), size)
