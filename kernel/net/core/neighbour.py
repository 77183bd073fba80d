"""The neighbour table: which link address a next hop has, and the state machine of RFC 4861 section 7.3 behind it.

INCOMPLETE asks and queues packets; REACHABLE is known good; STALE may be used, but the first use starts DELAY, and
if nobody confirms the neighbour until then, PROBE asks again; FAILED tells the waiting packets' senders.  What asking
means is up to `neigh_ops` (ARP).  Times are ns since boot.
"""

from kernel.net.core.dev import dev_queue_xmit
from kernel.net.core.skbuff import kfree_skb, sk_buff_head, skb_cow
from kernel.net.core.sock_flags import (
    NUD_CONNECTED,
    NUD_DELAY,
    NUD_FAILED,
    NUD_IN_TIMER,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_NONE,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
    NUD_VALID,
)
from kernel.time.timer import timer_list
from kernel.uapi.errno import EINVAL, ENOBUFS, EPERM

NSEC_PER_SEC = 1000000000
NSEC_PER_TICK = 1000000
NEIGH_HASH_SIZE = 256
# The randomised reachable time is drawn anew this often (RFC 4861 section 6.3.4).
REACHABLE_TIME_REDRAW = 300 * NSEC_PER_SEC
FORCED_GC_INTERVAL = 5 * NSEC_PER_SEC

NEIGH_UPDATE_F_OVERRIDE = 1
NEIGH_UPDATE_F_WEAK_OVERRIDE = 2
NEIGH_UPDATE_F_ADMIN = 0x80000000


class neigh_ops:
    """How a network protocol resolves its neighbours."""

    def constructor(self, neigh):
        """Set the first state (and `ha`, where no asking is needed) of a new entry; 0 or a negative errno."""
        return 0

    def solicit(self, neigh, skb):
        """Ask for the neighbour's link address; `skb` is a packet that waits for it, or None."""

    def error_report(self, neigh, skb):
        """The neighbour does not answer: tell the sender of `skb`.  Consumes it."""
        kfree_skb(skb, "NEIGH_FAILED")


class neigh_listener:
    """Is told about entries of the table."""

    def changed(self, neigh):
        """`neigh` has a new state or link address."""

    def removed(self, neigh):
        """`neigh` is about to go."""


class neigh_parms:
    """What net.ipv4.neigh.<device> says about the neighbours of one device.  Times in ns, the queue in bytes of truesize."""

    def __init__(self):
        self.base_reachable_time = 30 * NSEC_PER_SEC
        self.retrans_time = NSEC_PER_SEC
        self.delay_probe_time = 5 * NSEC_PER_SEC
        self.gc_staletime = 60 * NSEC_PER_SEC
        self.locktime = NSEC_PER_SEC
        self.ucast_probes = 3
        self.mcast_probes = 3
        # Broadcasts that follow when a known neighbour does not answer the questions sent to itself.
        self.mcast_reprobes = 0
        self.queue_len_bytes = 212992
        self.reachable_time = 0
        self.last_rand = 0

    def copy(self):
        """Parameters of another device that begin with these values."""
        other = neigh_parms()
        other.base_reachable_time = self.base_reachable_time
        other.retrans_time = self.retrans_time
        other.delay_probe_time = self.delay_probe_time
        other.gc_staletime = self.gc_staletime
        other.locktime = self.locktime
        other.ucast_probes = self.ucast_probes
        other.mcast_probes = self.mcast_probes
        other.mcast_reprobes = self.mcast_reprobes
        other.queue_len_bytes = self.queue_len_bytes
        return other

    def random_reachable_time(self, net):
        """Between half and one and a half of the base time, redrawn every 300 s and when the base changes."""
        now = net.timers.now()
        if self.reachable_time == 0 or now - self.last_rand > REACHABLE_TIME_REDRAW:
            base = self.base_reachable_time
            self.reachable_time = base // 2 + net.random.randrange(base) if base > 0 else 0
            self.last_rand = now
        return self.reachable_time


class neigh_gc_timer(timer_list):
    """Collection of entries that nobody uses, while there are more than gc_thresh1."""

    def fire(self):
        self.tbl.periodic_gc()


class neigh_timer(timer_list):
    """The one timer of an entry."""

    def fire(self):
        neigh_timer_handler(self.neigh)


class neighbour:
    """One next hop on one device.  `primary_key` is its network address, `ha` its link address."""

    def __init__(self, tbl, primary_key, dev):
        self.tbl = tbl
        self.primary_key = primary_key
        self.dev = dev
        self.parms = tbl.parms_of(dev)
        self.ha = b""
        self.nud_state = NUD_NONE
        self.connected = False
        self.dead = False
        self.probes = 0
        self.created = tbl.net.timers.now()
        self.confirmed = self.created
        self.updated = self.created
        self.used = self.created
        self.arp_queue = sk_buff_head()
        self.arp_queue_len_bytes = 0
        self.timer = neigh_timer()
        self.timer.neigh = self
        self.next = None

    def output(self, skb):
        """Send `skb` (data at the network header) to this neighbour, or queue it until its address is known."""
        if not self.connected and neigh_event_send(self, skb) != 0:
            return 0
        return neigh_xmit(self, skb)


def neigh_xmit(neigh, skb):
    """Put the link header in front and hand the frame to the device."""
    dev = neigh.dev
    headroom = dev.hard_header_len + dev.needed_headroom
    # The headroom of a clone is its own: only a lack of it calls for a copy.
    if skb.data < headroom and skb_cow(skb, headroom) < 0:
        kfree_skb(skb, "NOMEM")
        return -ENOBUFS
    if dev.header_ops is not None:
        if dev.header_ops.create(skb, dev, skb.protocol, neigh.ha, None, skb.len) < 0:
            kfree_skb(skb, "NEIGH_HH_FILLFAIL")
            return -EINVAL
    skb.dev = dev
    return dev_queue_xmit(skb)


class neigh_table:
    """All neighbours of one network protocol in one network namespace."""

    def __init__(self, net, ops):
        self.net = net
        self.ops = ops
        self.listener = neigh_listener()
        self.hash_buckets = [None] * NEIGH_HASH_SIZE
        self.entries = 0
        # The parameters that new devices begin with, and those of each device by its index.
        self.parms = neigh_parms()
        self.device_parms = {}
        self.gc_timer = neigh_gc_timer()
        self.gc_timer.tbl = self
        self.last_flush = 0
        # Counters of /proc/net/stat/arp_cache.
        self.allocs = 0
        self.destroys = 0
        self.lookups = 0
        self.hits = 0
        self.res_failed = 0
        self.unres_discards = 0
        self.forced_gc_runs = 0
        self.table_fulls = 0

    def parms_of(self, dev):
        """The parameters of a device: a copy of the default ones when it is met first."""
        parms = self.device_parms.get(dev.ifindex)
        if parms is None:
            parms = self.device_parms[dev.ifindex] = self.parms.copy()
        return parms

    def forget_parms(self, dev):
        """The device is gone."""
        self.device_parms.pop(dev.ifindex, None)

    def bucket(self, key, dev):
        return self.net.hash2(key, dev.ifindex) & (NEIGH_HASH_SIZE - 1)

    def lookup(self, key, dev):
        """The entry of `key` on `dev`, or None."""
        self.lookups += 1
        neigh = self.hash_buckets[self.bucket(key, dev)]
        while neigh is not None:
            if neigh.primary_key == key and neigh.dev is dev:
                self.hits += 1
                return neigh
            neigh = neigh.next
        return None

    def create(self, key, dev):
        """A new entry, or None when the table is full."""
        net = self.net
        if self.entries >= net.sysctl_neigh_gc_thresh3 or (
            self.entries >= net.sysctl_neigh_gc_thresh2
            and net.timers.now() - self.last_flush > FORCED_GC_INTERVAL
        ):
            if self.forced_gc() == 0 and self.entries >= net.sysctl_neigh_gc_thresh3:
                self.table_fulls += 1
                return None
        neigh = neighbour(self, key, dev)
        if self.ops.constructor(neigh) < 0:
            return None
        neigh.connected = neigh.nud_state & NUD_CONNECTED != 0
        slot = self.bucket(key, dev)
        neigh.next = self.hash_buckets[slot]
        self.hash_buckets[slot] = neigh
        self.entries += 1
        self.allocs += 1
        if self.entries > net.sysctl_neigh_gc_thresh1 and not self.gc_timer.pending():
            net.timers.mod_timer(self.gc_timer, net.timers.now() + self.parms.base_reachable_time // 2)
        return neigh

    def get(self, key, dev):
        """The entry of `key` on `dev`, made when there is none; None when the table is full."""
        neigh = self.lookup(key, dev)
        return neigh if neigh is not None else self.create(key, dev)

    def all(self):
        """Every entry, in table order."""
        found = []
        for neigh in self.hash_buckets:
            while neigh is not None:
                found.append(neigh)
                neigh = neigh.next
        return found

    def remove(self, neigh):
        """Take an entry out of the table; routes that still point to it look again."""
        slot = self.bucket(neigh.primary_key, neigh.dev)
        entry = self.hash_buckets[slot]
        if entry is neigh:
            self.hash_buckets[slot] = neigh.next
        else:
            while entry is not None and entry.next is not neigh:
                entry = entry.next
            if entry is None:
                return
            entry.next = neigh.next
        neigh.next = None
        neigh.dead = True
        self.listener.removed(neigh)
        neigh.connected = False
        neigh.nud_state = NUD_NONE
        self.net.timers.del_timer(neigh.timer)
        neigh.arp_queue.purge("NEIGH_DEAD")
        neigh.arp_queue_len_bytes = 0
        self.entries -= 1
        self.destroys += 1

    def forced_gc(self):
        """Remove entries that nobody has used lately, the oldest half at most; returns how many went."""
        net = self.net
        now = net.timers.now()
        self.forced_gc_runs += 1
        self.last_flush = now
        removed = 0
        surplus = self.entries - net.sysctl_neigh_gc_thresh2 + 1
        for neigh in sorted(self.all(), key=last_use):
            if removed >= surplus:
                break
            if neigh.nud_state == NUD_FAILED or (
                not neigh.nud_state & (NUD_PERMANENT | NUD_IN_TIMER) and now - neigh.updated > FORCED_GC_INTERVAL
            ):
                self.remove(neigh)
                removed += 1
        return removed

    def periodic_gc(self):
        """Above gc_thresh1, forget what has failed or was not used for its device's gc_stale_time."""
        net = self.net
        now = net.timers.now()
        for neigh in self.all():
            if self.entries <= net.sysctl_neigh_gc_thresh1:
                return
            if not neigh.nud_state & (NUD_PERMANENT | NUD_IN_TIMER) and (
                neigh.nud_state == NUD_FAILED or now - last_use(neigh) > neigh.parms.gc_staletime
            ):
                self.remove(neigh)
        if self.entries > net.sysctl_neigh_gc_thresh1:
            net.timers.mod_timer(self.gc_timer, now + max(self.parms.base_reachable_time // 2, NSEC_PER_SEC))

    def ifdown(self, dev, permanent):
        """Forget the neighbours on a device that goes down (permanent ones only when told)."""
        for neigh in self.all():
            if neigh.dev is dev and (permanent or not neigh.nud_state & NUD_PERMANENT):
                self.remove(neigh)

    def changeaddr(self, dev):
        """The device has a new link address: what neighbours know of us, and we of them, is void."""
        self.ifdown(dev, False)


def last_use(neigh):
    """When an entry was last of use: the order in which collection takes them."""
    return max(neigh.used, neigh.updated)


def neigh_probe(neigh):
    """Ask once more, on behalf of the newest packet that waits."""
    skb = neigh.arp_queue.peek_tail()
    neigh.probes += 1
    neigh.tbl.ops.solicit(neigh, skb)


def neigh_event_send(neigh, skb):
    """A packet wants to go to a neighbour that is not connected: 0 send it now, 1 it is queued or dropped."""
    net = neigh.tbl.net
    now = net.timers.now()
    neigh.used = now
    if neigh.nud_state & (NUD_CONNECTED | NUD_DELAY | NUD_PROBE):
        return 0
    if neigh.dead:
        kfree_skb(skb, "NEIGH_DEAD")
        return 1
    probe = False
    if neigh.nud_state & NUD_STALE:
        neigh.nud_state = NUD_DELAY
        neigh.updated = now
        net.timers.mod_timer(neigh.timer, now + neigh.parms.delay_probe_time)
        return 0
    if not neigh.nud_state & NUD_INCOMPLETE:
        if neigh.parms.mcast_probes == 0:
            # Nobody may be asked.
            neigh.nud_state = NUD_FAILED
            neigh.updated = now
            kfree_skb(skb, "NEIGH_FAILED")
            return 1
        neigh.probes = neigh.parms.ucast_probes
        neigh.nud_state = NUD_INCOMPLETE
        neigh.updated = now
        net.timers.mod_timer(neigh.timer, now + neigh.parms.retrans_time)
        probe = True
    if skb is not None:
        while neigh.arp_queue_len_bytes + skb.truesize > neigh.parms.queue_len_bytes:
            oldest = neigh.arp_queue.dequeue()
            if oldest is None:
                break
            neigh.arp_queue_len_bytes -= oldest.truesize
            neigh.tbl.unres_discards += 1
            kfree_skb(oldest, "NEIGH_QUEUEFULL")
        # The device of a queued packet is the neighbour's: nothing may keep another alive.
        skb.dev = neigh.dev
        neigh.arp_queue.queue_tail(skb)
        neigh.arp_queue_len_bytes += skb.truesize
    if probe:
        neigh_probe(neigh)
    return 1


def neigh_timer_handler(neigh):
    """An entry's time has come: grow stale, probe, or give up."""
    net = neigh.tbl.net
    now = net.timers.now()
    state = neigh.nud_state
    if neigh.dead or not state & NUD_IN_TIMER:
        return
    delay_time = neigh.parms.delay_probe_time
    following = now + neigh.parms.retrans_time
    if state & NUD_REACHABLE:
        reachable_until = neigh.confirmed + neigh.parms.random_reachable_time(net)
        if now < reachable_until:
            following = reachable_until
        elif now < neigh.used + delay_time:
            neigh.nud_state = NUD_DELAY
            neigh.updated = now
            neigh.connected = False
            following = now + delay_time
        else:
            neigh.nud_state = NUD_STALE
            neigh.updated = now
            neigh.connected = False
    elif state & NUD_DELAY:
        # A timer is up to one tick late: a confirmation in the moment of the first use still counts.
        if now <= neigh.confirmed + delay_time + NSEC_PER_TICK:
            neigh.nud_state = NUD_REACHABLE
            neigh.updated = now
            neigh.connected = True
            following = neigh.confirmed + neigh.parms.random_reachable_time(net)
        else:
            neigh.nud_state = NUD_PROBE
            neigh.updated = now
            neigh.probes = 0
    if neigh.nud_state != state:
        neigh.tbl.listener.changed(neigh)
    state = neigh.nud_state
    if state & (NUD_INCOMPLETE | NUD_PROBE):
        limit = neigh.parms.ucast_probes
        limit += neigh.parms.mcast_probes if state & NUD_INCOMPLETE else neigh.parms.mcast_reprobes
        if neigh.probes >= limit:
            neigh.nud_state = NUD_FAILED
            neigh.updated = now
            neigh_invalidate(neigh)
            neigh.tbl.listener.changed(neigh)
            return
    if state & NUD_IN_TIMER:
        net.timers.mod_timer(neigh.timer, following)
    if state & (NUD_INCOMPLETE | NUD_PROBE):
        neigh_probe(neigh)


def neigh_invalidate(neigh):
    """Tell the senders of all waiting packets that the neighbour can not be reached."""
    neigh.tbl.res_failed += 1
    neigh.connected = False
    # An error report may send, and so queue, again: only what waits now is served.
    waiting = neigh.arp_queue.qlen
    while waiting > 0 and neigh.nud_state == NUD_FAILED:
        waiting -= 1
        skb = neigh.arp_queue.dequeue()
        if skb is None:
            break
        neigh.arp_queue_len_bytes -= skb.truesize
        neigh.tbl.ops.error_report(neigh, skb)


def neigh_update(neigh, lladdr, new, flags):
    """Take in what somebody says about a neighbour: link address `lladdr` (None: unchanged), state `new`.

    0, -EPERM for a permanent entry without NEIGH_UPDATE_F_ADMIN, -EINVAL when a valid state has no address.
    """
    net = neigh.tbl.net
    now = net.timers.now()
    old = neigh.nud_state
    admin = flags & NEIGH_UPDATE_F_ADMIN != 0
    if neigh.dead:
        return -EINVAL
    if not admin and old & (NUD_NOARP | NUD_PERMANENT):
        return -EPERM
    if not new & NUD_VALID:
        net.timers.del_timer(neigh.timer)
        neigh.connected = False
        neigh.nud_state = new
        neigh.updated = now
        if old & (NUD_INCOMPLETE | NUD_PROBE) and new & NUD_FAILED:
            neigh_invalidate(neigh)
        neigh.tbl.listener.changed(neigh)
        return 0
    if neigh.dev.addr_len == 0:
        lladdr = neigh.ha
    elif lladdr is None:
        if not old & NUD_VALID:
            return -EINVAL
        lladdr = neigh.ha
    changed = lladdr != neigh.ha
    if new & NUD_CONNECTED:
        neigh.confirmed = now
    if old & NUD_VALID:
        if changed and not flags & NEIGH_UPDATE_F_OVERRIDE:
            if not (flags & NEIGH_UPDATE_F_WEAK_OVERRIDE and old & NUD_CONNECTED):
                return 0
            changed = False
            new = NUD_STALE
        elif not changed and new == NUD_STALE and not admin:
            new = old
    if changed or new != old:
        neigh.updated = now
    if new != old:
        net.timers.del_timer(neigh.timer)
        neigh.probes = 0
        if new & NUD_IN_TIMER:
            net.timers.mod_timer(
                neigh.timer, now + (neigh.parms.random_reachable_time(net) if new & NUD_REACHABLE else 0)
            )
        neigh.nud_state = new
    if changed:
        neigh.ha = lladdr
        if not new & NUD_CONNECTED:
            neigh.confirmed = now - 2 * neigh.parms.base_reachable_time
    neigh.connected = new & NUD_CONNECTED != 0
    if not old & NUD_VALID:
        while neigh.nud_state & NUD_VALID:
            skb = neigh.arp_queue.dequeue()
            if skb is None:
                break
            neigh.arp_queue_len_bytes -= skb.truesize
            neigh.output(skb)
        neigh.arp_queue.purge("NEIGH_QUEUEFULL")
        neigh.arp_queue_len_bytes = 0
    if changed or new != old:
        neigh.tbl.listener.changed(neigh)
    return 0


def neigh_confirm(neigh):
    """An upper layer has proof that the neighbour is there."""
    if neigh.nud_state & NUD_VALID:
        neigh.confirmed = neigh.tbl.net.timers.now()
