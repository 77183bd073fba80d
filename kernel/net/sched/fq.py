"""fq: one queue for each flow, served in turn, and nothing leaves before its time (tc-fq(8)).

A flow is a socket, or what has the same hash.  An sk_buff may carry the time at which it is to leave (`tstamp`, ns since boot:
SO_TXTIME, TCP_TX_DELAY); a datagram socket's others leave no faster than SO_MAX_PACING_RATE says.  Timers tick in
milliseconds: what waits leaves less than one late.
"""

from heapq import heappop, heappush

from kernel.net.core.netdev_flags import NET_XMIT_DROP, NET_XMIT_SUCCESS
from kernel.net.core.netdevice import Qdisc
from kernel.net.core.skbuff import kfree_skb
from kernel.uapi.socket import SOCK_STREAM

NSEC_PER_SEC = 1000000000
# The defaults of tc-fq(8): packets in all and of one flow, how far ahead a time may lie, bytes of a turn in MTUs.
LIMIT = 10000
FLOW_LIMIT = 100
HORIZON = 10 * NSEC_PER_SEC
QUANTUM = 2
INITIAL_QUANTUM = 10


class fq_flow:
    """The queue of a flow: a heap of (time to leave, number, sk_buff).

    `next_time` is when pacing lets the next one go, `waits_until` for what the flow is throttled (0: it is not).
    """

    def __init__(self, key, credit):
        self.key = key
        self.credit = credit
        self.heap = []
        self.next_time = 0
        self.waits_until = 0


class fq_qdisc(Qdisc):
    """`fresh` and `old` are flows whose turn comes, those that have just begun first; `throttled` ones wait for a time."""

    def __init__(self, dev):
        Qdisc.__init__(self, dev)
        self.kind = "fq"
        self.limit = LIMIT
        self.flow_limit = FLOW_LIMIT
        # Nothing goes past it: it has to be looked at first.
        self.can_bypass = False
        self.flows = {}
        self.fresh = []
        self.old = []
        self.throttled = []
        self.returned = []
        self.number = 0

    def enqueue(self, skb):
        now = self.dev.softnet.timers.now()
        key = skb.sk if skb.sk is not None else skb.hash
        flow = self.flows.get(key)
        full = self.qlen >= self.limit or (flow is not None and len(flow.heap) >= self.flow_limit)
        if full or skb.tstamp > now + HORIZON:
            self.drops += 1
            self.dev.tx_dropped += 1
            kfree_skb(skb, "QDISC_DROP")
            return NET_XMIT_DROP
        if flow is None:
            flow = self.flows[key] = fq_flow(key, INITIAL_QUANTUM * self.dev.mtu)
            self.fresh.append(flow)
        self.number += 1
        heappush(flow.heap, (skb.tstamp or now, self.number, skb))
        self.qlen += 1
        if flow.waits_until > max(flow.heap[0][0], flow.next_time):
            # It has waited for a later one.
            self.throttle(flow, max(flow.heap[0][0], flow.next_time))
        return NET_XMIT_SUCCESS

    def throttle(self, flow, when):
        """The flow has its turn again at `when`; an entry that says otherwise does not count any more."""
        self.number += 1
        flow.waits_until = when
        heappush(self.throttled, (when, self.number, flow))

    def dequeue(self):
        if self.returned:
            self.qlen -= 1
            return self.returned.pop()
        now = self.dev.softnet.timers.now()
        while self.throttled and self.throttled[0][0] <= now:
            when, _, flow = heappop(self.throttled)
            if flow.waits_until == when:
                flow.waits_until = 0
                self.old.append(flow)
        while self.fresh or self.old:
            turns = self.fresh if self.fresh else self.old
            flow = turns[0]
            if flow.credit <= 0:
                flow.credit += QUANTUM * self.dev.mtu
                self.old.append(turns.pop(0))
            elif not flow.heap and flow.next_time <= now:
                # Whoever has been served to the end begins anew.
                del self.flows[turns.pop(0).key]
            else:
                when = max(flow.heap[0][0], flow.next_time) if flow.heap else flow.next_time
                if when <= now:
                    return self.take(flow, now)
                self.throttle(turns.pop(0), when)
        if self.throttled:
            self.watch(self.throttled[0][0])
        return None

    def take(self, flow, now):
        """The first sk_buff of a flow; pacing says when the next one may go."""
        skb = heappop(flow.heap)[2]
        self.qlen -= 1
        flow.credit -= skb.len
        owner = skb.sk
        # Connections pace themselves.
        if not skb.tstamp and owner is not None and owner.sk_max_pacing_rate > 0 and owner.sk_type != SOCK_STREAM:
            needed = skb.len * NSEC_PER_SEC // owner.sk_max_pacing_rate
            # What this one has left late counts for the next one, up to a half.
            flow.next_time = now + needed - min(needed // 2, now - flow.next_time)
        return skb

    def watch(self, when):
        """Be run again at `when`."""
        timers = self.dev.softnet.timers
        if not self.watchdog.pending() or self.watchdog.expires > when:
            timers.mod_timer(self.watchdog, when)

    def requeue(self, skb):
        self.returned.append(skb)
        self.qlen += 1
        self.requeues += 1

    def reset(self):
        for flow in self.flows.values():
            while flow.heap:
                kfree_skb(heappop(flow.heap)[2], "QDISC_DROP")
        while self.returned:
            kfree_skb(self.returned.pop(), "QDISC_DROP")
        self.flows = {}
        self.fresh = []
        self.old = []
        self.throttled = []
        self.qlen = 0
        self.dev.softnet.timers.del_timer(self.watchdog)
