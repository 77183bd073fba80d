"""Reassembly of fragments (RFC 791 section 3.2, RFC 815), with bounded memory and time.

A queue per (source, destination, identification, protocol) collects fragments in order of their offset.  A fragment
that overlaps another drops the whole queue, as Linux does since RFC 5722; an exact repetition is merely dropped.
After net.ipv4.ipfrag_time the sender is told, if its first fragment has arrived.
"""

from kernel.net.core.skb_data import skb_add_frag, skb_append_range, skb_copy_bits, skb_try_coalesce
from kernel.net.core.skbuff import (
    alloc_page,
    alloc_skb,
    consume_skb,
    kfree_skb,
    sk_buff_head,
    skb_copy_header,
    skb_cow,
    skb_pull,
    skb_reserve,
    skb_trim,
)
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_output import ip_send_check
from kernel.time.timer import timer_list
from kernel.uapi.icmp import ICMP_EXC_FRAGTIME, ICMP_TIME_EXCEEDED
from kernel.uapi.ip import IP_HEADER_LEN, IP_MF, IP_OFFSET

INET_ECN_MASK = 3
INET_ECN_CE = 3
IP_MAX_LEN = 65535
FRAG_PAGE_SIZE = 32768
HEADROOM = 128
PACKET_HOST = 0
IPSKB_FRAG_COMPLETE = 8


class ipq_timer(timer_list):
    """Ends a queue that has not been completed in time."""

    def fire(self):
        self.table.expire(self.queue)


class ipq:
    """The fragments of one packet that have arrived so far."""

    def __init__(self, key):
        self.key = key
        self.fragments = sk_buff_head()
        # Payload bytes: up to the end of the last one seen, and how many are here.
        self.len = 0
        self.meat = 0
        self.last_in = False
        self.ecn_seen = 0
        self.mem = 0
        self.max_size = 0
        self.dev = None
        self.timer = ipq_timer()


class frag_table:
    """All packets of a network namespace that are being put together."""

    def __init__(self, net):
        self.net = net
        self.queues = {}
        self.mem = 0

    def ip_defrag(self, skb):
        """Take a fragment, data at the IP header; returns the whole packet when this completes it, otherwise None."""
        net = self.net
        nh = skb.network_header
        net.mib.IpReasmReqds += 1
        if self.mem > net.sysctl_ipfrag_high_thresh:
            self.evict()
        key = (skb.get32(nh + 12), skb.get32(nh + 16), skb.get16(nh + 4), skb.get8(nh + 9))
        queue = self.queues.get(key)
        if queue is None:
            queue = ipq(key)
            queue.timer.table = self
            queue.timer.queue = queue
            self.queues[key] = queue
            net.timers.mod_timer(queue.timer, net.timers.now() + net.sysctl_ipfrag_time)
        reason = self.insert(queue, skb)
        if reason is not None:
            net.mib.IpReasmFails += 1
            kfree_skb(skb, reason)
            return None
        if queue.last_in and queue.meat == queue.len:
            return self.reassemble(queue)
        return None

    def insert(self, queue, skb):
        """Put a fragment in its place: None, or the drop reason of a fragment that is not taken."""
        net = self.net
        nh = skb.network_header
        header_len = (skb.get8(nh) & 15) << 2
        word = skb.get16(nh + 6)
        offset = (word & IP_OFFSET) << 3
        end = offset + skb.len - header_len
        if word & IP_MF:
            if end & 7:
                # All but the last carry multiples of eight bytes: what is over is void.
                end &= ~7
                skb_trim(skb, header_len + end - offset)
            if end > queue.len:
                if queue.last_in:
                    return "FRAG_BAD"
                queue.len = end
        else:
            if end < queue.len or (queue.last_in and end != queue.len):
                return "FRAG_BAD"
            queue.last_in = True
            queue.len = end
        if end <= offset or end + header_len > IP_MAX_LEN:
            return "FRAG_BAD"
        before = queue.fragments.last
        while before is not None and before.cb0 > offset:
            before = before.prev
        after = before.next if before is not None else queue.fragments.first
        if before is not None and before.cb1 > offset:
            if before.cb0 <= offset and before.cb1 >= end:
                return "DUP_FRAG"
            return self.overlap(queue)
        if after is not None and after.cb0 < end:
            return self.overlap(queue)
        skb.cb0 = offset
        skb.cb1 = end
        skb.opt_len = header_len
        queue.dev = skb.dev
        skb.dst = None
        if before is None:
            queue.fragments.queue_head(skb)
        else:
            queue.fragments.insert_after(before, skb)
        queue.meat += end - offset
        queue.mem += skb.truesize
        self.mem += skb.truesize
        queue.ecn_seen |= 1 << (skb.get8(nh + 1) & INET_ECN_MASK)
        if skb.len > queue.max_size:
            queue.max_size = skb.len
        if net.trace.on:
            net.trace.emit("ip_defrag", skb.id, key_text(queue.key), offset, end)
        return None

    def overlap(self, queue):
        self.net.mib.IpExtReasmOverlaps += 1
        self.kill(queue, "FRAG_OVERLAP")
        return "FRAG_OVERLAP"

    def forget(self, queue):
        """Take a queue out of the table; its fragments stay on it."""
        self.net.timers.del_timer(queue.timer)
        queue.timer.queue = None
        self.queues.pop(queue.key, None)
        self.mem -= queue.mem
        queue.mem = 0

    def kill(self, queue, reason):
        """Drop a queue with all that it holds."""
        self.forget(queue)
        queue.fragments.purge(reason)

    def evict(self):
        """Make room: the oldest queues go until memory is below the low threshold."""
        for key in list(self.queues):
            if self.mem <= self.net.sysctl_ipfrag_low_thresh:
                break
            self.net.mib.IpReasmFails += 1
            self.kill(self.queues[key], "FRAG_REASM_MEM")

    def expire(self, queue):
        """The time is up: tell the sender if its first fragment is here (RFC 1122 section 3.3.2)."""
        net = self.net
        net.mib.IpReasmTimeout += 1
        net.mib.IpReasmFails += 1
        self.forget(queue)
        first = queue.fragments.first
        if first is not None and first.cb0 == 0 and first.pkt_type == PACKET_HOST:
            first.dev = queue.dev
            first.opt_len -= IP_HEADER_LEN
            icmp_send(net, first, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0)
        queue.fragments.purge("FRAG_REASM_TIMEOUT")

    def reassemble(self, queue):
        """Make one packet of a complete queue; None when it can not be (too long, contradictory ECN, no RAM)."""
        net = self.net
        self.forget(queue)
        # CE together with not-ECT contradicts itself (RFC 3168 section 5.3).
        if queue.ecn_seen & 1 << INET_ECN_CE and queue.ecn_seen & 1:
            queue.fragments.purge("IP_INHDR")
            net.mib.IpReasmFails += 1
            return None
        head = queue.fragments.dequeue()
        header_len = head.opt_len
        if header_len + queue.len > IP_MAX_LEN:
            head = fail(queue, head, "PKT_TOO_BIG")
        elif queue.fragments.qlen > 40:
            head = join_copied(queue, head, header_len)
        else:
            head = join_shared(queue, head)
        if head is None:
            net.mib.IpReasmFails += 1
            return None
        nh = head.network_header
        head.put16(nh + 2, head.len)
        head.put16(nh + 6, 0)
        if queue.ecn_seen & 1 << INET_ECN_CE:
            head.put8(nh + 1, head.get8(nh + 1) | INET_ECN_CE)
        ip_send_check(head)
        head.dev = queue.dev
        head.ip_summed = 0
        head.ip_flags |= IPSKB_FRAG_COMPLETE
        head.frag_max_size = queue.max_size
        head.transport_header = nh + header_len
        head.opt_len = header_len - 20
        net.mib.IpReasmOKs += 1
        return head

    def purge(self):
        """Drop everything (the kernel goes down)."""
        for key in list(self.queues):
            self.kill(self.queues[key], "QUEUE_PURGE")


def key_text(key):
    """How a trace line names a queue."""
    return f"{key[0]:#010x} > {key[1]:#010x} id {key[2]} proto {key[3]}"


def fail(queue, head, reason):
    kfree_skb(head, reason)
    queue.fragments.purge(reason)


def join_shared(queue, head):
    """Hang the later fragments' memory on the first; None when RAM is full."""
    if skb_cow(head, 0) < 0:
        return fail(queue, head, "NOMEM")
    while queue.fragments.first is not None:
        skb = queue.fragments.dequeue()
        skb_pull(skb, skb.opt_len)
        if not skb_try_coalesce(head, skb):
            kfree_skb(skb, "NOMEM")
            return fail(queue, head, "NOMEM")
        consume_skb(skb)
    return head


def join_copied(queue, head, header_len):
    """Copy many small fragments into pages of a fresh sk_buff; None when RAM is full."""
    whole = alloc_skb(head.cache, HEADROOM + header_len)
    if whole is None:
        return fail(queue, head, "NOMEM")
    skb_reserve(whole, HEADROOM)
    offset_of_data = whole.data
    skb_append_range(whole, head, 0, header_len)
    skb_copy_header(whole, head)
    whole.network_header = offset_of_data
    whole.mac_header = offset_of_data
    skb_pull(head, header_len)
    store = None
    used = 0
    while head is not None:
        position = 0
        while position < head.len:
            if store is None or used == store.size:
                store = alloc_page(head.cache, FRAG_PAGE_SIZE)
                used = 0
            if store is None:
                kfree_skb(whole, "NOMEM")
                return fail(queue, head, "NOMEM")
            piece = min(head.len - position, store.size - used)
            store.write(used, skb_copy_bits(head, position, piece))
            if not skb_add_frag(whole, store, used, piece):
                kfree_skb(whole, "NOMEM")
                return fail(queue, head, "NOMEM")
            used += piece
            position += piece
        consume_skb(head)
        head = queue.fragments.dequeue()
        if head is not None:
            skb_pull(head, head.opt_len)
    return whole
