"""PACKET_FANOUT (packet(7)): packet sockets that share the frames of a device, each frame going to one of them.

A group has one hook in the device layer; which member gets a frame is up to the group's mode.
"""

from kernel.net.core.dev import dev_add_pack, dev_get_by_index, dev_remove_pack
from kernel.net.core.filter import read_program
from kernel.net.core.netdevice import packet_type
from kernel.uapi.errno import EALREADY, EINVAL, ENOMEM, ENOSPC
from kernel.uapi.if_ether import ETH_P_IP
from kernel.uapi.if_packet import (
    PACKET_FANOUT_CBPF,
    PACKET_FANOUT_CPU,
    PACKET_FANOUT_FLAG_IGNORE_OUTGOING,
    PACKET_FANOUT_FLAG_ROLLOVER,
    PACKET_FANOUT_FLAG_UNIQUEID,
    PACKET_FANOUT_HASH,
    PACKET_FANOUT_LB,
    PACKET_FANOUT_QM,
    PACKET_FANOUT_RND,
    PACKET_FANOUT_ROLLOVER,
)
from kernel.uapi.in_ import IPPROTO_TCP, IPPROTO_UDP

MODES = (
    PACKET_FANOUT_HASH, PACKET_FANOUT_LB, PACKET_FANOUT_CPU, PACKET_FANOUT_ROLLOVER, PACKET_FANOUT_RND, PACKET_FANOUT_QM,
    PACKET_FANOUT_CBPF,
)  # fmt: skip
FLAGS = PACKET_FANOUT_FLAG_ROLLOVER | PACKET_FANOUT_FLAG_UNIQUEID | PACKET_FANOUT_FLAG_IGNORE_OUTGOING
WITH_PORTS = (IPPROTO_TCP, IPPROTO_UDP)
DEFAULT_MEMBERS = 256
MAX_MEMBERS = 1 << 16
FRAGMENT = 0x3FFF


class fanout_tap(packet_type):
    """The hook of a group into the device layer."""

    def has_sent(self, sk):
        """What a member sends comes back to none of them."""
        return sk is not None and sk in self.group.members

    def func(self, skb, dev):
        return self.group.receive(skb, dev)


class fanout_group:
    """Sockets that share frames; `key` is the number by which they find each other."""

    def __init__(self, net, key, mode, flags, limit, sk):
        self.net = net
        self.key = key
        self.mode = mode
        self.flags = flags
        self.limit = limit
        self.protocol = sk.protocol
        self.ifindex = sk.ifindex
        self.members = []
        self.turn = 0
        self.program = None
        self.tap = None

    # --- members ---

    def fits(self, sk, mode):
        return (self.mode, self.protocol, self.ifindex) == (mode, sk.protocol, sk.ifindex)

    def add(self, sk):
        sk.fanout = self
        self.link(sk)

    def link(self, sk):
        """A member begins to receive."""
        self.members.append(sk)
        if self.tap is None:
            dev = dev_get_by_index(self.net, self.ifindex) if self.ifindex else None
            self.tap = fanout_tap(self.protocol, dev)
            self.tap.group = self
            self.tap.ignore_outgoing = self.flags & PACKET_FANOUT_FLAG_IGNORE_OUTGOING != 0
            dev_add_pack(self.net, self.tap)

    def unlink(self, sk):
        """A member stops to receive; the last one takes the hook away."""
        self.members.remove(sk)
        if not self.members:
            dev_remove_pack(self.net, self.tap)
            self.tap = None

    # --- frames ---

    def receive(self, skb, dev):
        index = self.choose(skb) % len(self.members)
        if self.flags & PACKET_FANOUT_FLAG_ROLLOVER or self.mode == PACKET_FANOUT_ROLLOVER:
            index = self.with_room(index)
        return self.members[index].receive(skb, dev)

    def choose(self, skb):
        """Any number: what remains of it after division by the count of members is the member."""
        if self.mode == PACKET_FANOUT_HASH:
            return self.flow_hash(skb)
        if self.mode == PACKET_FANOUT_LB:
            self.turn = (self.turn + 1) & 0xFFFFFFFF
            return self.turn
        if self.mode == PACKET_FANOUT_RND:
            return self.net.random.randrange(len(self.members))
        if self.mode == PACKET_FANOUT_CBPF:
            return self.program.run(skb) if self.program is not None else 0
        # There is one CPU, a device has one queue, and rolling over begins with the first.
        return 0

    def with_room(self, index):
        """The first member from `index` on whose receive buffer is not full; `index` itself when all are."""
        count = len(self.members)
        for step in range(count):
            sk = self.members[(index + step) % count]
            if sk.sk_rmem_alloc < sk.sk_rcvbuf:
                return (index + step) % count
        return index

    def flow_hash(self, skb):
        """A number that both directions of a flow share: of addresses and ports, or of addresses alone for fragments."""
        at = skb.network_header
        if skb.protocol != ETH_P_IP or skb.data + skb.len - skb.data_len < at + 20:
            return self.net.hash2(skb.protocol & 0xFFFF, 0)
        source, target = skb.get32(at + 12), skb.get32(at + 16)
        protocol = skb.get8(at + 9)
        ports = at + ((skb.get8(at) & 15) << 2)
        low, high = 0, 0
        if protocol in WITH_PORTS and not skb.get16(at + 6) & FRAGMENT and skb.data + skb.len - skb.data_len >= ports + 4:
            low, high = skb.get16(ports), skb.get16(ports + 2)
        if (source, low) > (target, high):
            source, target, low, high = target, source, high, low
        return self.net.hash2(self.net.hash2(source, target), self.net.hash2(low << 16 | high, protocol))


def fanout_add(sk, optval):
    """PACKET_FANOUT: join the group of this number, or found it; 0 or a negative errno."""
    number = int.from_bytes(optval[:2], "little")
    type_flags = int.from_bytes(optval[2:4], "little")
    limit = int.from_bytes(optval[4:8], "little") if len(optval) >= 8 else 0
    mode, flags = type_flags & 0xFF, type_flags & 0xFF00
    if mode not in MODES or flags & ~FLAGS or (mode == PACKET_FANOUT_ROLLOVER and flags & PACKET_FANOUT_FLAG_ROLLOVER):
        return -EINVAL
    if sk.fanout is not None:
        return -EALREADY
    groups = sk.sk_prot.fanout_groups
    if flags & PACKET_FANOUT_FLAG_UNIQUEID:
        if number:
            return -EINVAL
        number = next((free for free in range(1 << 16) if free not in groups), -1)
        if number < 0:
            return -ENOMEM
        flags &= ~PACKET_FANOUT_FLAG_UNIQUEID
    group = groups.get(number)
    if group is None:
        if limit > MAX_MEMBERS or not sk.running:
            return -EINVAL
        group = fanout_group(sk.net, number, mode, flags, limit or DEFAULT_MEMBERS, sk)
    elif group.flags != flags or (limit and group.limit != limit) or not sk.running or not group.fits(sk, mode):
        return -EINVAL
    if len(group.members) >= group.limit:
        return -ENOSPC
    groups[number] = group
    sk.leave_device()
    group.add(sk)
    sk.running = True
    return 0


def fanout_release(sk):
    """The socket is closed: the last one of a group ends it."""
    group = sk.fanout
    if group is None:
        return
    sk.fanout = None
    if not any(other.fanout is group for other in sk.net.packet_sockets if other is not sk):
        del sk.sk_prot.fanout_groups[group.key]


def fanout_data(sk, optval):
    """PACKET_FANOUT_DATA: the program of PACKET_FANOUT_CBPF as a struct sock_fprog."""
    if sk.fanout is None or sk.fanout.mode != PACKET_FANOUT_CBPF:
        return -EINVAL
    program = read_program(sk.net, optval)
    if isinstance(program, int):
        return program
    sk.fanout.program = program
    return 0


def fanout_value(sk):
    """What getsockopt tells: number, mode and flags."""
    group = sk.fanout
    return 0 if group is None else group.key | group.mode << 16 | group.flags << 16
