"""The transmit path: an sk_buff into descriptors, and descriptors that are done back into free slots.

8254x manual, sections 3.3 (descriptors), 3.4 (the ring), 3.5 (TCP segmentation), 3.6 (checksum offload).
"""

from driver.e1000.e1000_osdep import ew32
from driver.e1000.e1000_regs import (
    E1000_TDT,
    E1000_TXD_CMD_DEXT,
    E1000_TXD_CMD_EOP,
    E1000_TXD_CMD_IDE,
    E1000_TXD_CMD_IFCS,
    E1000_TXD_CMD_IP,
    E1000_TXD_CMD_RS,
    E1000_TXD_CMD_TCP,
    E1000_TXD_CMD_TSE,
    E1000_TXD_CMD_VLE,
    E1000_TXD_DTYP_D,
    E1000_TXD_POPTS_IXSM,
    E1000_TXD_POPTS_TXSM,
)
from kernel.dma import DMA_TO_DEVICE, dma_map_page, dma_map_single, dma_unmap_page, dma_unmap_single
from kernel.lib.checksum import csum_fold, csum_tcpudp_nofold
from kernel.net.core.dev import netif_stop_queue, netif_wake_queue
from kernel.net.core.netdev_flags import NETDEV_TX_BUSY, NETDEV_TX_OK
from kernel.net.core.netdevice import netif_queue_stopped
from kernel.net.core.skbuff import consume_skb, kfree_skb, skb_cow, skb_tx_timestamp

CHECKSUM_PARTIAL = 3
IPPROTO_TCP = 6
TCP_CHECK_OFFSET = 16
# A data descriptor takes up to 16,288 bytes (3.3.7.1.1).
MAX_DATA_PER_TXD = 8192
# Length and header length of a TCP segmentation context are fields of 20 and 8 bits (3.3.6).
MAX_TSO_PAYLOAD = 0xFFFFF
MAX_TSO_HEADER = 255
# Room that stays free, so that the tail never reaches the head: a context and a gap.
TXD_RESERVE = 2
# Wake the queue when so many descriptors are free: a full-size TSO sk_buff fits.
TX_WAKE_THRESHOLD = 32


def e1000_xmit_frame(adapter, skb):
    """Queue `skb` to the hardware: NETDEV_TX_OK (consumed), or NETDEV_TX_BUSY when the ring is full."""
    netdev = adapter.netdev
    ring = adapter.tx
    if adapter.down or skb.len == 0:
        netdev.tx_dropped += 1
        kfree_skb(skb, "DEV_DOWN" if adapter.down else "PKT_TOO_SMALL")
        return NETDEV_TX_OK
    head = skb.len - skb.data_len
    needed = TXD_RESERVE + (head + MAX_DATA_PER_TXD - 1) // MAX_DATA_PER_TXD
    for i in range(skb.nr_frags):
        needed += (skb.frag_size(i) + MAX_DATA_PER_TXD - 1) // MAX_DATA_PER_TXD
    if ring.unused() < needed:
        netif_stop_queue(netdev)
        e1000_ring_doorbell(adapter)
        if ring.count - 1 < needed:
            # It would not even fit into an empty ring.
            netif_wake_queue(netdev)
            netdev.tx_dropped += 1
            kfree_skb(skb, "PKT_TOO_BIG")
            return NETDEV_TX_OK
        return NETDEV_TX_BUSY

    command = E1000_TXD_CMD_DEXT | E1000_TXD_DTYP_D | E1000_TXD_CMD_IFCS
    options = 0
    first = ring.next_to_use
    segments = 1
    wire_bytes = skb.len
    more = skb.xmit_more
    if skb.gso_size:
        header_length = e1000_tso(adapter, skb)
        if header_length == 0:
            netdev.tx_dropped += 1
            kfree_skb(skb, "GSO_SEGMENT")
            return NETDEV_TX_OK
        command |= E1000_TXD_CMD_TSE
        options = E1000_TXD_POPTS_IXSM | E1000_TXD_POPTS_TXSM
        segments = skb.gso_segs if skb.gso_segs else 1
        wire_bytes += (segments - 1) * header_length
    elif skb.ip_summed == CHECKSUM_PARTIAL:
        e1000_tx_csum(adapter, skb)
        options = E1000_TXD_POPTS_TXSM
    upper = options << 8
    if skb.vlan_present:
        command |= E1000_TXD_CMD_VLE
        upper |= skb.vlan_tci << 16
    e1000_tx_map(adapter, skb, command, upper, first)
    skb_tx_timestamp(skb)

    netdev.tx_packets += segments
    netdev.tx_bytes += wire_bytes
    now = adapter.timers.now()
    netdev.trans_start = now
    if ring.next_to_clean == first:
        ring.time_stamp = now
    if not adapter.watchdog.pending():
        adapter.timers.mod_timer(adapter.watchdog, now + adapter.params.watchdog_period)
    if ring.unused() < TX_WAKE_THRESHOLD + TXD_RESERVE:
        netif_stop_queue(netdev)
    adapter.doorbell_pending = True
    if not more or netif_queue_stopped(netdev):
        e1000_ring_doorbell(adapter)
    return NETDEV_TX_OK


def e1000_ring_doorbell(adapter):
    """Tell the hardware about the descriptors filled since the last time: one register write for all of them."""
    if adapter.doorbell_pending:
        adapter.doorbell_pending = False
        adapter.doorbells += 1
        adapter.tx.give(adapter.tx.next_to_use)
        ew32(adapter.hw, E1000_TDT, adapter.tx.next_to_use)


def e1000_tso(adapter, skb):
    """Write the context for segmentation and prepare the headers for it (3.5).

    Returns the length of the headers that every segment gets, 0 for what can not be done.
    The hardware wants the IP length and checksum as zero and the TCP checksum over the pseudo header without length.
    """
    ip_offset = skb.network_header - skb.data
    tcp_offset = skb.csum_start - skb.data
    tcp = skb.csum_start
    if skb.ip_summed != CHECKSUM_PARTIAL or skb.network_header < skb.data or tcp_offset < ip_offset + 20:
        return 0
    header_length = tcp_offset + (skb.get8(tcp + 12) >> 4) * 4
    payload = skb.len - header_length
    if header_length > skb.len - skb.data_len or header_length > MAX_TSO_HEADER or header_length >= skb.len:
        return 0
    if payload > MAX_TSO_PAYLOAD or header_length < tcp_offset + 20 or skb.csum_offset != TCP_CHECK_OFFSET:
        return 0
    # A tap may hold a clone that shares these headers; what TCP itself keeps of them is only the data behind.
    if adapter.netdev.softnet.ptype_all is not None:
        if skb_cow(skb, 0) < 0:
            return 0
    ip = skb.network_header
    tcp = skb.csum_start
    skb.put16(ip + 2, 0)
    skb.put16(ip + 10, 0)
    pseudo = csum_tcpudp_nofold(skb.get32(ip + 12), skb.get32(ip + 16), 0, IPPROTO_TCP, 0)
    skb.put16(tcp + TCP_CHECK_OFFSET, csum_fold(pseudo) ^ 0xFFFF)
    ring = adapter.tx
    i = ring.next_to_use
    ring.context(
        i,
        ip_offset | (ip_offset + 10) << 8 | (tcp_offset - 1) << 16,
        tcp_offset | (tcp_offset + TCP_CHECK_OFFSET) << 8,
        E1000_TXD_CMD_DEXT | E1000_TXD_CMD_TSE | E1000_TXD_CMD_IP | E1000_TXD_CMD_TCP | payload,
        header_length << 8 | skb.gso_size << 16,
    )
    ring.next_to_use = i + 1 if i + 1 < ring.count else 0
    return header_length


def e1000_tx_csum(adapter, skb):
    """Write the context for one checksum, unless the hardware holds exactly that one already."""
    ring = adapter.tx
    start = skb.csum_start - skb.data
    tcp_config = start | (start + skb.csum_offset) << 8
    if adapter.context_valid and adapter.context_tcp == tcp_config:
        return
    i = ring.next_to_use
    command = E1000_TXD_CMD_DEXT
    if skb.csum_offset == TCP_CHECK_OFFSET:
        command |= E1000_TXD_CMD_TCP
    ring.context(i, 0, tcp_config, command, 0)
    ring.next_to_use = i + 1 if i + 1 < ring.count else 0
    adapter.context_tcp = tcp_config
    adapter.context_valid = True


def e1000_tx_map(adapter, skb, command, upper, first):
    """Map the data of `skb` and write its data descriptors; the last one asks for a report."""
    ring = adapter.tx
    pdev = adapter.pdev
    i = ring.next_to_use
    last = i
    head = skb.len - skb.data_len
    piece_index = 0
    pieces = skb.nr_frags + 1
    while piece_index < pieces:
        if piece_index == 0:
            length = head
            address = 0
            if length:
                address = dma_map_single(pdev, skb.dma_address(), length, DMA_TO_DEVICE)
        else:
            length = skb.frag_size(piece_index - 1)
            address = skb.frag_address(piece_index - 1)
            if length:
                page = skb.frag(piece_index - 1)
                address = dma_map_page(pdev, page, address - page.address, length, DMA_TO_DEVICE)
        offset = 0
        while offset < length:
            size = length - offset
            if size > MAX_DATA_PER_TXD:
                size = MAX_DATA_PER_TXD
            ring.data(i, address + offset, size, command, upper)
            offset += size
            last = i
            i += 1
            if i == ring.count:
                i = 0
        if length:
            ring.mapped(last, address, length, piece_index > 0)
        piece_index += 1
    report = E1000_TXD_CMD_EOP | E1000_TXD_CMD_RS
    if adapter.params.tx_int_delay:
        report |= E1000_TXD_CMD_IDE
    ring.add_command(last, report)
    ring.skbs[last] = skb
    ring.set_last(first, last)
    ring.next_to_use = i


def e1000_unmap_slot(adapter, i):
    """Undo the mapping that ends with descriptor `i`, free its sk_buff, and forget the slot."""
    ring = adapter.tx
    length = ring.map_length(i)
    if length:
        if ring.map_as_page(i):
            dma_unmap_page(adapter.pdev, ring.map_address(i), length, DMA_TO_DEVICE)
        else:
            dma_unmap_single(adapter.pdev, ring.map_address(i), length, DMA_TO_DEVICE)
    skb = ring.skbs[i]
    ring.release(i)
    if skb is not None:
        ring.skbs[i] = None
        consume_skb(skb)


def e1000_clean_tx_irq(adapter):
    """Take back every packet that the hardware reports as sent; how many."""
    ring = adapter.tx
    i = ring.next_to_clean
    cleaned = 0
    while i != ring.next_to_use:
        last = ring.last_of(i)
        if not ring.done(last):
            break
        while True:
            e1000_unmap_slot(adapter, i)
            at_end = i == last
            i += 1
            if i == ring.count:
                i = 0
            if at_end:
                break
        ring.next_to_clean = i
        cleaned += 1
    if cleaned:
        ring.time_stamp = adapter.timers.now()
        if netif_queue_stopped(adapter.netdev) and not adapter.down:
            if ring.unused() >= min(2 * TX_WAKE_THRESHOLD, ring.count // 2):
                adapter.restart_queue += 1
                netif_wake_queue(adapter.netdev)
    return cleaned


def e1000_clean_tx_ring(adapter):
    """Drop everything that is in the ring: the hardware is stopped."""
    ring = adapter.tx
    i = ring.next_to_clean
    while i != ring.next_to_use:
        e1000_unmap_slot(adapter, i)
        i += 1
        if i == ring.count:
            i = 0
    ring.clear()
    adapter.context_valid = False
    adapter.doorbell_pending = False
