"""Network devices at work: transmit, receive, taps, registration, up and down.

Transmit: `dev_queue_xmit` -> queueing discipline (bypassed while it is empty) -> `validate_xmit_skb` (what the
device can not do is done here: segmentation, checksums, tags) -> taps -> the driver.
Receive: the driver -> `napi_gro_receive` (napi.py, gro.py) -> `netif_receive_skb` -> taps -> the protocol.
"""

from kernel.net.core.gso import skb_gso_segment
from kernel.net.core.netdev_flags import (
    LINK_STATE_NOCARRIER,
    LINK_STATE_PRESENT,
    LINK_STATE_QDISC_RUNNING,
    LINK_STATE_QDISC_SCHED,
    LINK_STATE_REGISTERED,
    LINK_STATE_START,
    LINK_STATE_XOFF,
    NET_RX_DROP,
    NET_XMIT_CN,
    NET_XMIT_SUCCESS,
    NETDEV_CHANGE,
    NETDEV_CHANGEADDR,
    NETDEV_CHANGEMTU,
    NETDEV_CHANGENAME,
    NETDEV_DOWN,
    NETDEV_GOING_DOWN,
    NETDEV_REGISTER,
    NETDEV_TX_OK,
    NETDEV_UNREGISTER,
    NETDEV_UP,
    NETIF_F_HW_CSUM,
    NETIF_F_HW_VLAN_CTAG_TX,
    NETIF_F_IP_CSUM,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.skb_data import skb_checksum_help, skb_linearize
from kernel.net.core.skbuff import consume_skb, kfree_skb, skb_clone, skb_cow, skb_push
from kernel.net.core.sock_flags import SKBTX_SCHED_TSTAMP
from kernel.net.core.vlan_core import skb_vlan_untag, vlan_do_receive
from kernel.net.sched.fq import fq_qdisc
from kernel.net.sched.pfifo import pfifo_qdisc
from kernel.softirq import NET_TX_SOFTIRQ, softirq_action
from kernel.time.timer import timer_list
from kernel.uapi.errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENETDOWN, ENODEV
from kernel.uapi.errqueue import SCM_TSTAMP_SCHED
from kernel.uapi.if_ import (
    IFF_ALLMULTI,
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_PROMISC,
    IFF_RUNNING,
    IFF_SETTABLE,
    IFF_UP,
    IFNAMSIZ,
)
from kernel.uapi.if_ether import ETH_HLEN, ETH_P_8021Q, ETH_P_ALL, VLAN_HLEN

CHECKSUM_PARTIAL = 3
PACKET_OTHERHOST = 3
PACKET_OUTGOING = 4
PTYPE_HASH_MASK = 15
# A transmit function that ends up in a transmit function, and so on, is stopped at this depth.
XMIT_RECURSION_LIMIT = 8
# Sk_buffs that one run of a queueing discipline sends before it leaves the rest to NET_TX_SOFTIRQ.
QDISC_QUOTA = 64


# --- transmit ---


def dev_queue_xmit(skb):
    """Send `skb`, whose data starts at the link header, through `skb.dev`; consumes it.

    0, NET_XMIT_DROP or NET_XMIT_CN when it was dropped for congestion, -ENETDOWN when the device is down.
    """
    dev = skb.dev
    skb.mac_header = skb.data
    if skb.tx_flags & SKBTX_SCHED_TSTAMP and skb.sk is not None:
        skb.sk.tx_timestamp(skb, SCM_TSTAMP_SCHED)
    state = dev.state
    if not state & LINK_STATE_START:
        kfree_skb(skb, "DEV_DOWN")
        return -ENETDOWN
    if state & LINK_STATE_NOCARRIER:
        kfree_skb(skb, "NO_CARRIER")
        return NET_XMIT_CN
    softnet = dev.softnet
    if softnet.trace.on:
        softnet.trace.emit("net_dev_queue", skb.id, dev.name, skb.len)
    qdisc = dev.qdisc
    if qdisc is None:
        # A device without a queue (loopback): its transmit function never refuses.
        xmit_validated(skb, dev, False)
        return NET_XMIT_SUCCESS
    if qdisc.qlen == 0 and qdisc.can_bypass and not state & (LINK_STATE_XOFF | LINK_STATE_QDISC_RUNNING):
        dev.state |= LINK_STATE_QDISC_RUNNING
        sent = xmit_validated(skb, dev, False)
        dev.state &= ~LINK_STATE_QDISC_RUNNING
        if sent and qdisc.qlen:
            qdisc_run(qdisc)
        elif not sent and not dev.state & LINK_STATE_XOFF:
            netif_schedule(qdisc)
        return NET_XMIT_SUCCESS
    result = qdisc.enqueue(skb)
    if not dev.state & LINK_STATE_QDISC_RUNNING:
        qdisc_run(qdisc)
    return result


def qdisc_run(qdisc):
    """Send what is queued, as long as the driver takes it; ring the doorbell once for all of it."""
    dev = qdisc.dev
    if dev.state & (LINK_STATE_QDISC_RUNNING | LINK_STATE_XOFF) or not dev.state & LINK_STATE_START:
        return
    dev.state |= LINK_STATE_QDISC_RUNNING
    quota = QDISC_QUOTA
    while quota > 0:
        skb = qdisc.dequeue()
        if skb is None:
            # What it holds, if anything, waits for its time: the watchdog comes back then.
            dev.state &= ~LINK_STATE_QDISC_RUNNING
            return
        quota -= 1
        # Of what has to wait for its time nobody knows whether more follows at once.
        more = qdisc.can_bypass and qdisc.qlen > 0 and quota > 0
        if not xmit_validated(skb, dev, more) or dev.state & LINK_STATE_XOFF:
            break
    dev.state &= ~LINK_STATE_QDISC_RUNNING
    if qdisc.qlen and not dev.state & LINK_STATE_XOFF:
        netif_schedule(qdisc)


def xmit_validated(skb, dev, more):
    """Bring `skb` into a form that the device takes and send it; False when it had to go back into the queue.

    `more`: another sk_buff follows at once, so the doorbell can wait.
    """
    features = dev.features
    if skb.vlan_present and not features & NETIF_F_HW_VLAN_CTAG_TX:
        if not vlan_insert_tag(skb):
            dev.tx_dropped += 1
            kfree_skb(skb, "NOMEM")
            return True
    if skb.gso_size and not features & NETIF_F_TSO:
        return xmit_segments(skb, dev, more)
    if skb.data_len and not features & NETIF_F_SG and skb_linearize(skb) < 0:
        dev.tx_dropped += 1
        kfree_skb(skb, "NOMEM")
        return True
    if skb.ip_summed == CHECKSUM_PARTIAL and not features & (NETIF_F_IP_CSUM | NETIF_F_HW_CSUM):
        if skb_checksum_help(skb) < 0:
            dev.tx_dropped += 1
            kfree_skb(skb, "NOMEM")
            return True
    if dev_hard_start_xmit(skb, dev, more):
        return True
    requeue_list(skb, dev)
    return False


def xmit_segments(skb, dev, more):
    """Cut `skb` into segments in software and send each; False when some had to go back into the queue."""
    segment = skb_gso_segment(skb, dev.features)
    if segment is None:
        dev.tx_dropped += 1
        kfree_skb(skb, "GSO_SEGMENT")
        return True
    consume_skb(skb)
    while segment is not None:
        following = segment.next
        if dev.state & LINK_STATE_XOFF or not dev_hard_start_xmit(segment, dev, more or following is not None):
            requeue_list(segment, dev)
            return False
        segment = following
    return True


def requeue_list(skb, dev):
    """Put `skb` and those linked behind it back to the front of the queue, in their order."""
    turned = None
    while skb is not None:
        following = skb.next
        skb.next = turned
        turned = skb
        skb = following
    while turned is not None:
        following = turned.next
        turned.next = None
        if dev.qdisc is None:
            dev.tx_dropped += 1
            kfree_skb(turned, "QDISC_DROP")
        else:
            dev.qdisc.requeue(turned)
        turned = following


def dev_hard_start_xmit(skb, dev, more):
    """Show `skb` to the taps and hand it to the driver; False when the driver refused it."""
    softnet = dev.softnet
    following = skb.next
    skb.next = None
    if softnet.ptype_all is not None:
        dev_queue_xmit_nit(skb, dev)
    if softnet.xmit_recursion >= XMIT_RECURSION_LIMIT:
        dev.tx_dropped += 1
        kfree_skb(skb, "RECURSION_LIMIT")
        return True
    skb.xmit_more = more
    length = skb.len
    skb_id = skb.id
    softnet.xmit_recursion += 1
    status = dev.netdev_ops.ndo_start_xmit(skb, dev)
    softnet.xmit_recursion -= 1
    if softnet.trace.on:
        softnet.trace.emit("net_dev_xmit", skb_id, dev.name, length, status)
    if status == NETDEV_TX_OK:
        return True
    skb.next = following
    return False


def dev_queue_xmit_nit(skb, dev):
    """Give every tap a clone of an outgoing sk_buff."""
    softnet = dev.softnet
    tap = softnet.ptype_all
    while tap is not None:
        following = tap.next
        if (tap.dev is None or tap.dev is dev) and not tap.ignore_outgoing and not tap.has_sent(skb.sk):
            clone = skb_clone(skb)
            clone.mac_header = skb.data
            clone.pkt_type = PACKET_OUTGOING
            clone.tstamp = softnet.timers.now()
            tap.func(clone, dev)
        tap = following


def vlan_insert_tag(skb):
    """Write the tag beside the data into the frame (IEEE 802.1Q); False when RAM is full."""
    if skb_cow(skb, VLAN_HLEN) < 0:
        return False
    skb_push(skb, VLAN_HLEN)
    start = skb.data
    for i in range(ETH_HLEN - 2):
        skb.put8(start + i, skb.get8(start + VLAN_HLEN + i))
    skb.put16(start + ETH_HLEN - 2, ETH_P_8021Q)
    skb.put16(start + ETH_HLEN, skb.vlan_tci)
    skb.mac_header = start
    skb.vlan_present = False
    return True


def netif_schedule(qdisc):
    """Let NET_TX_SOFTIRQ run `qdisc`."""
    dev = qdisc.dev
    softnet = dev.softnet
    if dev.state & LINK_STATE_QDISC_SCHED:
        return
    dev.state |= LINK_STATE_QDISC_SCHED
    qdisc.next_sched = None
    if softnet.output_tail is None:
        softnet.output_head = qdisc
    else:
        softnet.output_tail.next_sched = qdisc
    softnet.output_tail = qdisc
    softnet.softirq.raise_softirq(NET_TX_SOFTIRQ)


class net_tx_action(softirq_action):
    """NET_TX_SOFTIRQ: runs the scheduled queueing disciplines."""

    def __init__(self, softnet):
        self.softnet = softnet

    def run(self):
        softnet = self.softnet
        qdisc = softnet.output_head
        softnet.output_head = None
        softnet.output_tail = None
        while qdisc is not None:
            following = qdisc.next_sched
            qdisc.next_sched = None
            qdisc.dev.state &= ~LINK_STATE_QDISC_SCHED
            qdisc_run(qdisc)
            qdisc = following


class qdisc_watchdog(timer_list):
    """Runs a queueing discipline again when its time has come."""

    def __init__(self, qdisc):
        timer_list.__init__(self)
        self.qdisc = qdisc

    def fire(self):
        netif_schedule(self.qdisc)


def dev_attach_qdisc(dev, kind):
    """Give a device the queueing discipline `kind` ("pfifo", "fq", "noqueue"); what the old one holds is dropped."""
    if dev.qdisc is not None:
        dev.qdisc.reset()
    if kind == "noqueue":
        dev.qdisc = None
        return
    qdisc = fq_qdisc(dev) if kind == "fq" else pfifo_qdisc(dev)
    qdisc.watchdog = qdisc_watchdog(qdisc)
    dev.qdisc = qdisc


def netif_start_queue(dev):
    """The driver takes sk_buffs."""
    dev.state &= ~LINK_STATE_XOFF


def netif_stop_queue(dev):
    """The driver has no room; whoever empties its ring calls netif_wake_queue."""
    dev.state |= LINK_STATE_XOFF
    timer = dev.watchdog_timer
    if timer is not None and dev.state & LINK_STATE_START and not timer.pending():
        dev.softnet.timers.mod_timer(timer, dev.softnet.timers.now() + dev.watchdog_timeo)


def netif_wake_queue(dev):
    """The driver has room again: send what was queued meanwhile."""
    if dev.state & LINK_STATE_XOFF:
        dev.state &= ~LINK_STATE_XOFF
        if dev.qdisc is not None and dev.qdisc.qlen:
            netif_schedule(dev.qdisc)


def netif_carrier_on(dev):
    """The link came up."""
    if dev.state & LINK_STATE_NOCARRIER:
        dev.state &= ~LINK_STATE_NOCARRIER
        dev.carrier_changes += 1
        if dev.state & LINK_STATE_REGISTERED:
            call_netdevice_notifiers(NETDEV_CHANGE, dev)
            if dev.qdisc is not None and dev.qdisc.qlen:
                netif_schedule(dev.qdisc)


def netif_carrier_off(dev):
    """The link went down: nothing is queued for it until it is back."""
    if not dev.state & LINK_STATE_NOCARRIER:
        dev.state |= LINK_STATE_NOCARRIER
        dev.carrier_changes += 1
        if dev.state & LINK_STATE_REGISTERED:
            if dev.qdisc is not None:
                dev.qdisc.reset()
            call_netdevice_notifiers(NETDEV_CHANGE, dev)


# --- receive ---


def netif_receive_skb(skb):
    """Deliver a received sk_buff, `data` behind the link header, to the taps and its protocol; consumes it."""
    dev = skb.dev
    softnet = dev.softnet
    skb.network_header = skb.data
    skb.iif = dev.ifindex
    softnet.processed += 1
    if softnet.netstamp_needed and skb.tstamp == 0:
        skb.tstamp = softnet.timers.now()
    if skb.protocol == ETH_P_8021Q and not skb.vlan_present and not skb_vlan_untag(skb):
        dev.rx_dropped += 1
        kfree_skb(skb, "PKT_TOO_SMALL")
        return NET_RX_DROP
    if softnet.trace.on:
        softnet.trace.emit("netif_receive_skb", skb.id, dev.name, skb.len, skb.protocol)
    tap = softnet.ptype_all
    while tap is not None:
        following = tap.next
        if tap.dev is None or tap.dev is dev:
            clone = skb_clone(skb)
            if clone.tstamp == 0:
                clone.tstamp = softnet.timers.now()
            tap.func(clone, dev)
        tap = following
    if skb.vlan_present:
        if vlan_do_receive(skb):
            return netif_receive_skb(skb)
        if skb.vlan_tci & 0xFFF:
            # No interface of ours is on that VLAN; a tap may still have asked for the frame.
            skb.pkt_type = PACKET_OTHERHOST
        skb.vlan_present = False
    protocol = skb.protocol
    chosen = None
    ptype = softnet.ptype_base[protocol & PTYPE_HASH_MASK]
    while ptype is not None:
        if ptype.type == protocol and (ptype.dev is None or ptype.dev is dev):
            if chosen is not None:
                chosen.func(skb_clone(skb), dev)
            chosen = ptype
        ptype = ptype.next
    if chosen is None:
        dev.rx_dropped += 1
        kfree_skb(skb, "UNHANDLED_PROTO")
        return NET_RX_DROP
    return chosen.func(skb, dev)


def dev_add_pack(net, ptype):
    """Register a protocol handler or a tap (ETH_P_ALL)."""
    softnet = net.softnet
    if ptype.type == ETH_P_ALL:
        ptype.next = softnet.ptype_all
        softnet.ptype_all = ptype
    else:
        bucket = ptype.type & PTYPE_HASH_MASK
        ptype.next = softnet.ptype_base[bucket]
        softnet.ptype_base[bucket] = ptype


def dev_remove_pack(net, ptype):
    """Take a handler out again; one that is not registered is left alone."""
    softnet = net.softnet
    bucket = ptype.type & PTYPE_HASH_MASK
    current = softnet.ptype_all if ptype.type == ETH_P_ALL else softnet.ptype_base[bucket]
    before = None
    while current is not None and current is not ptype:
        before = current
        current = current.next
    if current is None:
        return
    # `ptype.next` stays: whoever walks the list at this moment goes on from here.
    if before is not None:
        before.next = ptype.next
    elif ptype.type == ETH_P_ALL:
        softnet.ptype_all = ptype.next
    else:
        softnet.ptype_base[bucket] = ptype.next


# --- notification ---


def register_netdevice_notifier(net, block):
    """Tell `block` about every later event."""
    net.softnet.notifiers.append(block)


def unregister_netdevice_notifier(net, block):
    net.softnet.notifiers.remove(block)


def call_netdevice_notifiers(event, dev):
    """Tell every registered notifier_block, in the order of registration."""
    for block in list(dev.softnet.notifiers):
        block.notifier_call(event, dev)


# --- registration ---


def register_netdev(dev):
    """Make `dev` known: gives it an index, resolves a name such as "eth%d"; 0, -EEXIST or -EINVAL."""
    softnet = dev.softnet
    if "%d" in dev.name:
        number = 0
        while dev.name.replace("%d", str(number)) in softnet.dev_by_name:
            number += 1
        dev.name = dev.name.replace("%d", str(number))
    if not dev_valid_name(dev.name):
        return -EINVAL
    if dev.name in softnet.dev_by_name:
        return -EEXIST
    softnet.last_ifindex += 1
    dev.ifindex = softnet.last_ifindex
    dev.state |= LINK_STATE_REGISTERED
    softnet.dev_by_name[dev.name] = dev
    softnet.dev_by_index[dev.ifindex] = dev
    if dev.tx_queue_len and dev.qdisc is None and not dev.flags & IFF_LOOPBACK:
        dev_attach_qdisc(dev, dev.net.sysctl_default_qdisc)
    call_netdevice_notifiers(NETDEV_REGISTER, dev)
    return 0


def unregister_netdev(dev):
    """Close `dev` and forget it."""
    softnet = dev.softnet
    if not dev.state & LINK_STATE_REGISTERED:
        return
    dev_close(dev)
    call_netdevice_notifiers(NETDEV_UNREGISTER, dev)
    dev.state &= ~LINK_STATE_REGISTERED
    del softnet.dev_by_name[dev.name]
    del softnet.dev_by_index[dev.ifindex]


def dev_valid_name(name):
    """True for 1 to 15 characters without slash, colon or space that are not "." or ".."."""
    if not name or len(name) >= IFNAMSIZ or name in (".", ".."):
        return False
    return not any(character in "/:" or character.isspace() for character in name)


def dev_get_by_name(net, name):
    """The registered device `name`, or None."""
    return net.softnet.dev_by_name.get(name)


def dev_get_by_index(net, ifindex):
    """The registered device with index `ifindex`, or None."""
    return net.softnet.dev_by_index.get(ifindex)


def for_each_netdev(net):
    """All registered devices, in the order of their index."""
    return list(net.softnet.dev_by_index.values())


# --- up, down, settings ---


class dev_watchdog(timer_list):
    """Tells the driver when its stopped queue has not moved for `watchdog_timeo` ns; armed while it is stopped."""

    def __init__(self, dev):
        timer_list.__init__(self)
        self.dev = dev

    def fire(self):
        dev = self.dev
        if not dev.state & LINK_STATE_XOFF or not dev.state & LINK_STATE_START:
            return
        now = dev.softnet.timers.now()
        due = dev.trans_start + dev.watchdog_timeo
        if now >= due and not dev.state & LINK_STATE_NOCARRIER:
            waited = (now - dev.trans_start) // 1000000
            dev.softnet.kernel.printk.printk(f"{dev.name}: transmit queue timed out after {waited} ms")
            dev.netdev_ops.ndo_tx_timeout(dev)
            dev.trans_start = now
        if dev.state & LINK_STATE_XOFF:
            dev.softnet.timers.mod_timer(self, max(now, dev.trans_start) + dev.watchdog_timeo)


def dev_open(dev):
    """Bring `dev` up: 0 (also when it is up already), -ENODEV or what the driver says."""
    if dev.flags & IFF_UP:
        return 0
    if not dev.state & LINK_STATE_PRESENT:
        return -ENODEV
    dev.state |= LINK_STATE_START
    err = dev.netdev_ops.ndo_open(dev)
    if err:
        dev.state &= ~LINK_STATE_START
        return err
    dev.flags |= IFF_UP
    if dev.watchdog_timeo and dev.watchdog_timer is None:
        dev.watchdog_timer = dev_watchdog(dev)
    dev.trans_start = dev.softnet.timers.now()
    dev_set_rx_mode(dev)
    call_netdevice_notifiers(NETDEV_UP, dev)
    return 0


def dev_close(dev):
    """Take `dev` down; what is queued is dropped."""
    if not dev.flags & IFF_UP:
        return
    call_netdevice_notifiers(NETDEV_GOING_DOWN, dev)
    dev.state &= ~LINK_STATE_START
    if dev.qdisc is not None:
        dev.qdisc.reset()
    if dev.watchdog_timer is not None:
        dev.softnet.timers.del_timer(dev.watchdog_timer)
    dev.netdev_ops.ndo_stop(dev)
    dev.flags &= ~IFF_UP
    call_netdevice_notifiers(NETDEV_DOWN, dev)


def dev_get_flags(dev):
    """The flags as user space sees them: IFF_RUNNING and IFF_LOWER_UP follow the carrier."""
    flags = dev.flags & ~(IFF_PROMISC | IFF_ALLMULTI | IFF_RUNNING | IFF_LOWER_UP)
    flags |= dev.gflags & (IFF_PROMISC | IFF_ALLMULTI)
    if dev.flags & IFF_UP and not dev.state & LINK_STATE_NOCARRIER:
        flags |= IFF_RUNNING | IFF_LOWER_UP
    return flags


def dev_change_flags(dev, flags):
    """SIOCSIFFLAGS: take what user space may set from `flags`; 0 or a negative errno."""
    changed = (dev_get_flags(dev) ^ flags) & IFF_SETTABLE
    quiet = IFF_SETTABLE & ~(IFF_UP | IFF_PROMISC | IFF_ALLMULTI)
    dev.flags = (dev.flags & ~quiet) | (flags & quiet)
    if changed & IFF_PROMISC:
        dev.gflags ^= IFF_PROMISC
        dev_set_promiscuity(dev, 1 if flags & IFF_PROMISC else -1)
    if changed & IFF_ALLMULTI:
        dev.gflags ^= IFF_ALLMULTI
        dev_set_allmulti(dev, 1 if flags & IFF_ALLMULTI else -1)
    if changed & IFF_UP:
        if flags & IFF_UP:
            return dev_open(dev)
        dev_close(dev)
    elif changed & ~(IFF_PROMISC | IFF_ALLMULTI):
        dev_set_rx_mode(dev)
    return 0


def dev_set_rx_mode(dev):
    """Let the driver load its receive filters."""
    if dev.state & LINK_STATE_START and dev.netdev_ops is not None:
        dev.netdev_ops.ndo_set_rx_mode(dev)


def dev_set_promiscuity(dev, increment):
    """Count one more (or less) who wants every frame."""
    dev.promiscuity += increment
    before = dev.flags
    dev.flags = before | IFF_PROMISC if dev.promiscuity > 0 else before & ~IFF_PROMISC
    if dev.flags != before:
        dev.softnet.kernel.printk.printk(f"{dev.name}: {'entered' if dev.promiscuity > 0 else 'left'} promiscuous mode")
        dev_set_rx_mode(dev)


def dev_set_allmulti(dev, increment):
    """Count one more (or less) who wants every multicast frame."""
    dev.allmulti += increment
    before = dev.flags
    dev.flags = before | IFF_ALLMULTI if dev.allmulti > 0 else before & ~IFF_ALLMULTI
    if dev.flags != before:
        dev_set_rx_mode(dev)


def dev_mc_add(dev, address):
    """Receive frames for the multicast link address `address` (bytes); counted, so that two may ask."""
    users = dev.mc_list.get(address, 0)
    dev.mc_list[address] = users + 1
    if users == 0:
        dev_set_rx_mode(dev)


def dev_mc_del(dev, address):
    """Undo one dev_mc_add; an address that nobody added is left alone."""
    users = dev.mc_list.get(address, 0)
    if users == 1:
        del dev.mc_list[address]
        dev_set_rx_mode(dev)
    elif users > 1:
        dev.mc_list[address] = users - 1


def dev_set_mtu(dev, mtu):
    """Change the MTU: 0, -EINVAL outside what the device can do, or what the driver says."""
    if mtu == dev.mtu:
        return 0
    if mtu < dev.min_mtu or mtu > dev.max_mtu:
        return -EINVAL
    err = dev.netdev_ops.ndo_change_mtu(dev, mtu)
    if err == 0:
        call_netdevice_notifiers(NETDEV_CHANGEMTU, dev)
    return err


def dev_set_mac_address(dev, address):
    """Change the link address: 0, -EINVAL for a wrong length, -EADDRNOTAVAIL for a multicast or zero address."""
    if len(address) != dev.addr_len:
        return -EINVAL
    if address[0] & 1 or not any(address):
        return -EADDRNOTAVAIL
    err = dev.netdev_ops.ndo_set_mac_address(dev, address)
    if err == 0:
        call_netdevice_notifiers(NETDEV_CHANGEADDR, dev)
    return err


def dev_change_name(dev, name):
    """Rename `dev`: 0, -EINVAL for no name, -EEXIST for a taken one."""
    softnet = dev.softnet
    if not dev_valid_name(name):
        return -EINVAL
    if name in softnet.dev_by_name:
        return -EEXIST
    del softnet.dev_by_name[dev.name]
    dev.name = name
    softnet.dev_by_name[name] = dev
    call_netdevice_notifiers(NETDEV_CHANGENAME, dev)
    return 0
