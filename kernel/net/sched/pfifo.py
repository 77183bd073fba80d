"""pfifo: first in, first out, limited in packets.  What every device with a transmit queue starts with."""

from kernel.net.core.netdev_flags import NET_XMIT_DROP, NET_XMIT_SUCCESS
from kernel.net.core.netdevice import Qdisc
from kernel.net.core.skbuff import kfree_skb, sk_buff_head


class pfifo_qdisc(Qdisc):
    """Holds at most `limit` sk_buffs (the device's tx_queue_len); drops what comes when it is full."""

    def __init__(self, dev):
        Qdisc.__init__(self, dev)
        self.queue = sk_buff_head()

    def enqueue(self, skb):
        if self.qlen >= self.limit:
            self.drops += 1
            self.dev.tx_dropped += 1
            kfree_skb(skb, "QDISC_DROP")
            return NET_XMIT_DROP
        self.queue.queue_tail(skb)
        self.qlen += 1
        return NET_XMIT_SUCCESS

    def dequeue(self):
        skb = self.queue.dequeue()
        if skb is not None:
            self.qlen -= 1
        return skb

    def requeue(self, skb):
        self.queue.queue_head(skb)
        self.qlen += 1
        self.requeues += 1

    def reset(self):
        self.queue.purge("QDISC_DROP")
        self.qlen = 0
