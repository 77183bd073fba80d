"""The error queue of a sock (recvmsg with MSG_ERRQUEUE): errors, transmit time stamps and zero-copy completions.

Each is an sk_buff whose `cb` is a `sock_exterr`; its data is the packet that it speaks of, or nothing.
"""

from kernel.net.core.skbuff import alloc_skb, consume_skb
from kernel.uapi.errqueue import SO_EE_CODE_ZEROCOPY_COPIED, SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ZEROCOPY
from kernel.uapi.socket import AF_INET

U32_MASK = 0xFFFFFFFF


class sock_exterr:
    """struct sock_extended_err, and what only some origins have.

    `addr` and `port`: where the packet went, `named` when the reader is told so.  `offender`: who has reported it.
    """

    def __init__(self, errno, origin, type=0, code=0, info=0, data=0):
        self.errno = errno
        self.origin = origin
        self.type = type
        self.code = code
        self.info = info
        self.data = data
        self.named = False
        self.addr = 0
        self.port = 0
        self.offender = 0

    def cmsg(self):
        """The data of the IP_RECVERR control message: the structure, and the sockaddr_in of who reported it."""
        head = self.errno.to_bytes(4, "little") + bytes([self.origin, self.type, self.code, 0])
        head += self.info.to_bytes(4, "little") + self.data.to_bytes(4, "little")
        if self.origin != SO_EE_ORIGIN_ICMP:
            return head + bytes(16)
        return head + AF_INET.to_bytes(2, "little") + bytes(2) + self.offender.to_bytes(4, "big") + bytes(8)


def sock_dequeue_err_skb(sk):
    """The oldest entry, or None.  An ICMP error that is the next one becomes the pending error."""
    skb = sk.sk_error_queue.dequeue()
    if skb is None:
        return None
    following = sk.sk_error_queue.first
    icmp_next = following is not None and following.cb.origin == SO_EE_ORIGIN_ICMP
    if icmp_next:
        sk.sk_err = following.cb.errno
    elif skb.cb.origin == SO_EE_ORIGIN_ICMP:
        sk.sk_err = 0
    if following is not None:
        sk.error_report()
    if skb.cb.origin == SO_EE_ORIGIN_ZEROCOPY:
        sk.sk_omem_alloc -= skb.truesize
    return skb


# --- MSG_ZEROCOPY ---


def msg_zerocopy_alloc(sk):
    """A notification for one send with MSG_ZEROCOPY: an sk_buff; None when too many of them wait to be read (optmem_max).

    A program's memory is in reach only while it is in the call, so the data is copied like any other's, as Linux does for
    devices that can not gather: the notification is due when the call returns, and says so.
    """
    skb = alloc_skb(sk.net.skb_cache, 1)
    if skb is None:
        return None
    if sk.sk_omem_alloc + skb.truesize > sk.net.sysctl_optmem_max:
        consume_skb(skb)
        return None
    sk.sk_omem_alloc += skb.truesize
    return skb


def msg_zerocopy_abort(sk, skb):
    """Nothing was sent: there is nothing to notify of."""
    sk.sk_omem_alloc -= skb.truesize
    consume_skb(skb)


def msg_zerocopy_complete(sk, skb):
    """The program may use its memory again; notifications of consecutive sends become one."""
    number = sk.sk_zckey
    sk.sk_zckey = (number + 1) & U32_MASK
    last = sk.sk_error_queue.last
    if last is not None and last.cb.origin == SO_EE_ORIGIN_ZEROCOPY and (last.cb.data + 1) & U32_MASK == number:
        last.cb.data = number
        msg_zerocopy_abort(sk, skb)
    else:
        skb.cb = sock_exterr(0, SO_EE_ORIGIN_ZEROCOPY, 0, SO_EE_CODE_ZEROCOPY_COPIED, number, number)
        sk.sk_error_queue.queue_tail(skb)
    sk.error_report()
