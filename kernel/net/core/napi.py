"""NAPI: received frames are polled out of the devices in NET_RX_SOFTIRQ, a budget at a time.

A driver's interrupt handler masks the device and calls `napi_schedule`; `net_rx_action` then calls `napi.poll`.
A poll that stays under its budget ends with `napi_complete_done` and unmasks the device.  Devices without NAPI
hand in frames with `netif_rx`, which queues them for the backlog's own napi_struct.
"""

from kernel.net.core.dev import netif_receive_skb
from kernel.net.core.gro import napi_gro_flush
from kernel.net.core.netdev_flags import (
    NAPI_POLL_WEIGHT,
    NAPI_STATE_DISABLE,
    NAPI_STATE_SCHED,
    NET_RX_DROP,
    NET_RX_SUCCESS,
    NETDEV_BUDGET,
)
from kernel.net.core.netdevice import napi_struct
from kernel.net.core.skbuff import kfree_skb, sk_buff_head
from kernel.softirq import NET_RX_SOFTIRQ, softirq_action


def napi_schedule(napi):
    """Put `napi` on the poll list; False when it is there already or disabled."""
    if napi.state & (NAPI_STATE_SCHED | NAPI_STATE_DISABLE):
        return False
    napi.state |= NAPI_STATE_SCHED
    napi_list_add(napi)
    napi.softnet.softirq.raise_softirq(NET_RX_SOFTIRQ)
    return True


def napi_list_add(napi):
    softnet = napi.softnet
    napi.poll_next = None
    if softnet.poll_tail is None:
        softnet.poll_head = napi
    else:
        softnet.poll_tail.poll_next = napi
    softnet.poll_tail = napi


def napi_complete_done(napi, work_done):
    """The poll found no more work: deliver what GRO holds; True when the driver may unmask its interrupt."""
    if napi.gro_list is not None:
        napi_gro_flush(napi)
    if napi.state & NAPI_STATE_DISABLE:
        return False
    napi.state &= ~NAPI_STATE_SCHED
    return True


def napi_enable(napi):
    """Let `napi` be scheduled."""
    napi.state &= ~(NAPI_STATE_DISABLE | NAPI_STATE_SCHED)


def napi_disable(napi):
    """Take `napi` off the poll list and drop what GRO holds; called outside its poll."""
    softnet = napi.softnet
    napi.state |= NAPI_STATE_DISABLE
    napi.state &= ~NAPI_STATE_SCHED
    before = None
    current = softnet.poll_head
    while current is not None and current is not napi:
        before = current
        current = current.poll_next
    if current is not None:
        if before is None:
            softnet.poll_head = napi.poll_next
        else:
            before.poll_next = napi.poll_next
        if softnet.poll_tail is napi:
            softnet.poll_tail = before
        napi.poll_next = None
    skb = napi.gro_list
    napi.gro_list = None
    napi.gro_count = 0
    while skb is not None:
        following = skb.next
        skb.next = None
        kfree_skb(skb, "DEV_DOWN")
        skb = following


class net_rx_action(softirq_action):
    """NET_RX_SOFTIRQ: polls every scheduled napi_struct in turn, NETDEV_BUDGET packets per run."""

    def __init__(self, softnet):
        self.softnet = softnet

    def run(self):
        softnet = self.softnet
        budget = NETDEV_BUDGET
        while softnet.poll_head is not None:
            if budget <= 0:
                softnet.time_squeeze += 1
                softnet.softirq.raise_softirq(NET_RX_SOFTIRQ)
                return
            napi = softnet.poll_head
            softnet.poll_head = napi.poll_next
            if softnet.poll_head is None:
                softnet.poll_tail = None
            napi.poll_next = None
            weight = napi.weight
            work = napi.poll(weight)
            budget -= work
            if softnet.trace.on:
                softnet.trace.emit("napi_poll", napi.dev.name if napi.dev is not None else "backlog", work, weight)
            # A poll that used its whole weight stays scheduled and takes its turn behind the others.
            if work >= weight and napi.state & NAPI_STATE_SCHED:
                if napi.gro_list is not None:
                    napi_gro_flush(napi)
                napi_list_add(napi)


class backlog_napi(napi_struct):
    """The receive queue of devices that have none of their own."""

    def __init__(self, softnet):
        napi_struct.__init__(self, None, NAPI_POLL_WEIGHT)
        self.softnet = softnet
        self.queue = sk_buff_head()

    def poll(self, budget):
        work = 0
        while work < budget:
            skb = self.queue.dequeue()
            if skb is None:
                napi_complete_done(self, work)
                break
            work += 1
            netif_receive_skb(skb)
        return work


def netif_rx(skb):
    """Queue a received sk_buff for NET_RX_SOFTIRQ: for devices without NAPI; consumes it."""
    dev = skb.dev
    softnet = dev.softnet
    backlog = softnet.backlog
    if softnet.trace.on:
        softnet.trace.emit("netif_rx", skb.id, dev.name, skb.len)
    if backlog.queue.qlen >= softnet.max_backlog:
        softnet.dropped += 1
        dev.rx_dropped += 1
        kfree_skb(skb, "CPU_BACKLOG")
        return NET_RX_DROP
    backlog.queue.queue_tail(skb)
    napi_schedule(backlog)
    return NET_RX_SUCCESS
