"""The receive path: buffers into the ring, filled buffers out of it as sk_buffs.

Frames up to COPYBREAK bytes are copied, so that their buffer goes back into the ring at once; larger ones are handed
over with the page they lie in.  With a jumbo MTU a frame may span several buffers: they become fragments.
8254x manual, sections 3.2.3 (descriptor), 3.2.6 (ring), 3.2.9 (checksums).
"""

from driver.e1000.e1000_osdep import ew32
from driver.e1000.e1000_regs import (
    E1000_RDT,
    E1000_RXD_ERR_FRAME_ERR_MASK,
    E1000_RXD_ERR_IPE,
    E1000_RXD_ERR_TCPE,
    E1000_RXD_STAT_DD,
    E1000_RXD_STAT_EOP,
    E1000_RXD_STAT_IXSM,
    E1000_RXD_STAT_TCPCS,
    E1000_RXD_STAT_VP,
)
from kernel.dma import DMA_FROM_DEVICE, dma_map_page, dma_unmap_page
from kernel.net.core.gro import napi_gro_receive
from kernel.net.core.netdev_flags import NETIF_F_HW_VLAN_CTAG_RX, NETIF_F_RXALL, NETIF_F_RXCSUM
from kernel.net.core.skb_data import skb_add_frag
from kernel.net.core.skbuff import alloc_page, build_skb, kfree_skb
from kernel.net.ethernet.eth import eth_type_trans

CHECKSUM_UNNECESSARY = 1
PACKET_MULTICAST = 2
COPYBREAK = 256
# Headroom of a copied frame: NET_SKB_PAD and the two bytes that put the IP header on a four-byte boundary.
HEADROOM = 66
ETH_HLEN = 14
# Linear bytes of a frame that spans several buffers: enough for every header.
JUMBO_HEADER = 256
REFILL_BATCH = 16
REFILL_RETRY_NS = 10_000_000


def e1000_alloc_rx_buffers(adapter):
    """Fill the free descriptors; when RAM is full try again a little later."""
    ring = adapter.rx
    pdev = adapter.pdev
    i = ring.next_to_use
    free = ring.unused()
    filled = 0
    while filled < free:
        page = ring.pages[i]
        if page is None:
            page = alloc_page(adapter.skb_cache, adapter.rx_page_size)
            if page is None:
                adapter.alloc_rx_buff_failed += 1
                break
            ring.pages[i] = page
        ring.fill(i, dma_map_page(pdev, page, adapter.rx_offset, adapter.rx_map_length, DMA_FROM_DEVICE))
        filled += 1
        i += 1
        if i == ring.count:
            i = 0
    if filled:
        ring.next_to_use = i
        ring.give(i)
        ew32(adapter.hw, E1000_RDT, i)
    # Nothing would wake the driver while the hardware has no buffer at all.
    if ring.unused() >= ring.count // 2 and not adapter.refill_timer.pending():
        adapter.timers.mod_timer(adapter.refill_timer, adapter.timers.now() + REFILL_RETRY_NS)


def e1000_clean_rx_irq(adapter, budget):
    """Hand up to `budget` received frames to the stack; how many descriptors were done."""
    ring = adapter.rx
    pdev = adapter.pdev
    i = ring.next_to_clean
    work = 0
    bytes_received = 0
    unfilled = ring.unused()
    while work < budget:
        if i == ring.next_to_use:
            break
        status = ring.status(i)
        if not status & E1000_RXD_STAT_DD:
            break
        work += 1
        ring.take(i)
        length = ring.length(i)
        errors = ring.errors(i)
        special = ring.special(i)
        dma_unmap_page(pdev, ring.address(i), adapter.rx_map_length, DMA_FROM_DEVICE)
        skb = None
        if length > adapter.rx_map_length:
            # Hardware that reports more than it was given room for is not to be believed.
            adapter.rx_length_errors += 1
            adapter.rx_discarding = not status & E1000_RXD_STAT_EOP
        elif adapter.rx_jumbo:
            skb = e1000_rx_jumbo(adapter, i, length, status, errors)
        elif adapter.rx_discarding or not status & E1000_RXD_STAT_EOP:
            # Part of a frame that is longer than one buffer: larger than the MTU allows.
            if not adapter.rx_discarding:
                adapter.rx_length_errors += 1
            adapter.rx_discarding = not status & E1000_RXD_STAT_EOP
        elif not e1000_frame_is_bad(adapter, length, errors):
            skb = e1000_rx_single(adapter, i, length)
        i += 1
        if i == ring.count:
            i = 0
        ring.next_to_clean = i
        unfilled += 1
        if unfilled >= REFILL_BATCH:
            e1000_alloc_rx_buffers(adapter)
            unfilled = ring.unused()
        if skb is not None:
            bytes_received += skb.len
            e1000_receive_skb(adapter, skb, status, errors, special)
    if unfilled:
        e1000_alloc_rx_buffers(adapter)
    adapter.itr_packets += work
    adapter.itr_bytes += bytes_received
    return work


def e1000_rx_single(adapter, i, length):
    """The frame that fills buffer `i` as an sk_buff, or None: a small one is copied and leaves the buffer."""
    ring = adapter.rx
    page = ring.pages[i]
    if length > COPYBREAK:
        ring.pages[i] = None
        return build_skb(adapter.skb_cache, page, adapter.rx_offset, length)
    skb = ring.copy_out(adapter.skb_cache, page, adapter.rx_offset, length, HEADROOM)
    if skb is None:
        adapter.netdev.rx_dropped += 1
    return skb


def e1000_frame_is_bad(adapter, length, errors):
    """True for a frame that the hardware found broken, or that has not even an Ethernet header."""
    if length < ETH_HLEN:
        adapter.rx_length_errors += 1
        return True
    if errors & E1000_RXD_ERR_FRAME_ERR_MASK and not adapter.netdev.features & NETIF_F_RXALL:
        return True
    return False


def e1000_rx_jumbo(adapter, i, length, status, errors):
    """Add buffer `i` to the frame being assembled; the whole frame at its last buffer, else None."""
    ring = adapter.rx
    page = ring.pages[i]
    top = adapter.rx_top
    if adapter.rx_discarding:
        adapter.rx_discarding = not status & E1000_RXD_STAT_EOP
        return None
    if top is None:
        if length < ETH_HLEN:
            adapter.rx_length_errors += 1
            adapter.rx_discarding = not status & E1000_RXD_STAT_EOP
            return None
        linear = length if length <= JUMBO_HEADER else JUMBO_HEADER
        top = ring.copy_out(adapter.skb_cache, page, adapter.rx_offset, linear, HEADROOM)
        if top is None:
            adapter.netdev.rx_dropped += 1
            adapter.rx_discarding = not status & E1000_RXD_STAT_EOP
            return None
        if length > linear:
            skb_add_frag(top, page, adapter.rx_offset + linear, length - linear)
            ring.pages[i] = None
    elif length:
        if not skb_add_frag(top, page, adapter.rx_offset, length):
            adapter.rx_top = None
            adapter.rx_discarding = not status & E1000_RXD_STAT_EOP
            adapter.rx_length_errors += 1
            kfree_skb(top, "PKT_TOO_BIG")
            return None
        ring.pages[i] = None
    if not status & E1000_RXD_STAT_EOP:
        adapter.rx_top = top
        return None
    adapter.rx_top = None
    if errors & E1000_RXD_ERR_FRAME_ERR_MASK and not adapter.netdev.features & NETIF_F_RXALL:
        kfree_skb(top, "DEV_RX_ERROR")
        return None
    return top


def e1000_receive_skb(adapter, skb, status, errors, special):
    """Note what the hardware says of the frame and send it up."""
    netdev = adapter.netdev
    netdev.rx_packets += 1
    netdev.rx_bytes += skb.len
    if not status & E1000_RXD_STAT_IXSM and netdev.features & NETIF_F_RXCSUM:
        if errors & (E1000_RXD_ERR_TCPE | E1000_RXD_ERR_IPE):
            # The stack sums the packet itself and counts the error where it belongs.
            adapter.hw_csum_err += 1
        elif status & E1000_RXD_STAT_TCPCS:
            skb.ip_summed = CHECKSUM_UNNECESSARY
            adapter.hw_csum_good += 1
    if status & E1000_RXD_STAT_VP and netdev.features & NETIF_F_HW_VLAN_CTAG_RX:
        skb.vlan_tci = special
        skb.vlan_present = True
    skb.protocol = eth_type_trans(skb, netdev)
    if skb.pkt_type == PACKET_MULTICAST:
        netdev.multicast += 1
    napi_gro_receive(adapter.napi, skb)


def e1000_clean_rx_ring(adapter):
    """Take every buffer back: the hardware is stopped."""
    ring = adapter.rx
    i = ring.next_to_clean
    while i != ring.next_to_use:
        dma_unmap_page(adapter.pdev, ring.address(i), adapter.rx_map_length, DMA_FROM_DEVICE)
        i += 1
        if i == ring.count:
            i = 0
    for i in range(ring.count):
        ring.pages[i] = None
    ring.clear()
    if adapter.rx_top is not None:
        kfree_skb(adapter.rx_top, "DEV_DOWN")
        adapter.rx_top = None
    adapter.rx_discarding = False
