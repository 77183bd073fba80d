"""Groups of sockets that share a port (SO_REUSEPORT), and the program that may choose among them (socket(7)).

`sock_reuseport` is such a group.  A packet for one of them goes to the sock that the group's program names by its number
(SO_ATTACH_REUSEPORT_CBPF), or, without a program or when it names none, to the one that the flow's hash falls on.
"""

from kernel.net.core.filter import read_program
from kernel.net.core.skbuff import pskb_may_pull, skb_pull, skb_push
from kernel.net.core.sock_flags import SOCK_FILTER_LOCKED
from kernel.uapi.errno import EBADF, EINVAL, ENOENT, EPERM
from kernel.uapi.socket import SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF

HASH_BITS = 32


class sock_reuseport:
    """`socks` in the order in which they have joined: a program's numbers."""

    def __init__(self, sk):
        self.socks = [sk]
        self.prog = None

    def detach(self, sk):
        """`sk` leaves: the last one takes its number."""
        at = next(number for number, member in enumerate(self.socks) if member is sk)
        last = self.socks.pop()
        if last is not sk:
            self.socks[at] = last
        sk.sk_reuseport_cb = None

    def select(self, flow_hash, skb, header):
        """The sock for a packet whose payload begins `header` bytes behind the data; without `skb` the hash decides."""
        if self.prog is not None and skb is not None and pskb_may_pull(skb, header):
            skb_pull(skb, header)
            number = self.prog.run(skb)
            skb_push(skb, header)
            if number < len(self.socks):
                return self.socks[number]
        return self.socks[flow_hash * len(self.socks) >> HASH_BITS]


def may_share(sk, other):
    """True when `other`, which has the same port, is of the group that `sk` belongs into."""
    return (
        other is not sk
        and other.sk_reuseport
        and other.sk_reuseport_cb is not None
        and other.sk_uid == sk.sk_uid
        and other.sk_bound_dev_if == sk.sk_bound_dev_if
        and other.inet_rcv_saddr == sk.inet_rcv_saddr
    )


def reuseport_join(sk, others):
    """`sk` has a port now, which `others` have, too: the group that it belongs into, or one of its own.

    A program that it had for itself does not count in a group that was there before.
    """
    for other in others:
        if may_share(sk, other):
            if sk.sk_reuseport_cb is not None:
                sk.sk_reuseport_cb.detach(sk)
            other.sk_reuseport_cb.socks.append(sk)
            sk.sk_reuseport_cb = other.sk_reuseport_cb
            return
    if sk.sk_reuseport_cb is None:
        sk.sk_reuseport_cb = sock_reuseport(sk)


# --- options ---


def reuseport_option(sk, optname, optval):
    """SO_ATTACH_REUSEPORT_CBPF and SO_DETACH_REUSEPORT_BPF: 0 or a negative errno."""
    if optname == SO_ATTACH_REUSEPORT_CBPF:
        return -EPERM if sk.sk_flags & SOCK_FILTER_LOCKED else reuseport_attach(sk, optval)
    assert optname == SO_DETACH_REUSEPORT_BPF
    group = sk.sk_reuseport_cb
    if group is None:
        return -ENOENT if sk.sk_reuseport else -EINVAL
    if group.prog is None:
        return -ENOENT
    group.prog = None
    return 0


def reuseport_attach(sk, optval):
    """Take a program for the whole group; before it has a port a sock is a group of its own."""
    prog = read_program(sk.net, optval)
    if isinstance(prog, int):
        return prog
    if sk.sk_reuseport_cb is None:
        if sk.sk_hashed or not sk.sk_reuseport:
            return -EINVAL
        sk.sk_reuseport_cb = sock_reuseport(sk)
    sk.sk_reuseport_cb.prog = prog
    return 0


def ebpf_option(sk, optval):
    """SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF: no descriptor here is that of a program (bpf(2))."""
    if sk.sk_flags & SOCK_FILTER_LOCKED:
        return -EPERM
    if len(optval) != 4:
        return -EINVAL
    fd = int.from_bytes(optval[:4], "little", signed=True)
    return -EBADF if sk.net.sched.current.files.fget(fd) is None else -EINVAL
