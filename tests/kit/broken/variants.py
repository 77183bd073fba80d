"""The bugs: what is changed in which room, and which check of the kit has to find it by which rule.

`rule` is a rule of the sanitizer or the protocol checker, or "" where the scenario itself sees the harm.
"""

from typing import NamedTuple


class Variant(NamedTuple):
    """One bug.  `edits` are (room, old text, new text)."""

    name: str
    bug: str
    check: str
    rule: str
    edits: tuple

    def by_room(self):
        rooms = {}
        for room, old, new in self.edits:
            rooms.setdefault(room, []).append((old, new))
        return rooms


BELL = "        ew32(adapter.hw, E1000_TDT, adapter.tx.next_to_use)\n"
TX_WRAP = "            last = i\n            i += 1\n            if i == ring.count:\n"
RX_WRAP = "        filled += 1\n        i += 1\n        if i == ring.count:\n"
ICR = "        icr = er32(hw, E1000_ICR)\n"
MAPPED = "            ring.mapped(last, address, length, piece_index > 0)\n"
RX_UNMAP = "        ring.take(i)\n        length = ring.length(i)\n"
FILL = "dma_map_page(pdev, page, adapter.rx_offset, adapter.rx_map_length, DMA_FROM_DEVICE)"
UNMAP_SLOT = "    length = ring.map_length(i)\n    if length:\n"

VARIANTS = [
    # --- tails and rings ---
    Variant("tail-one-short", "the tail stops one descriptor early", "transmit-sizes", "missing-doorbell", (
        ("e1000_tx", BELL, BELL.replace("adapter.tx.next_to_use)", "(adapter.tx.next_to_use or adapter.tx.count) - 1)")),)),
    Variant("tail-one-far", "the tail goes one descriptor too far", "transmit-sizes", "unfilled-descriptor", (
        ("e1000_tx", BELL, BELL.replace("adapter.tx.next_to_use)", "(adapter.tx.next_to_use + 1) % adapter.tx.count)")),)),
    Variant("tail-outside", "the tail is a count of bytes, not an index", "transmit-wrap", "out-of-ring-index", (
        ("e1000_tx", BELL, BELL.replace("next_to_use)", "next_to_use * 16)")),
        ("e1000_param", "DEFAULT_DESCRIPTORS = 256", "DEFAULT_DESCRIPTORS = 80"))),
    Variant("no-doorbell", "the last frame of a batch rings no doorbell", "transmit-sizes", "missing-doorbell", (
        ("e1000_tx", "    if not more or netif_queue_stopped(netdev):\n", "    if more or netif_queue_stopped(netdev):\n"),)),
    Variant("no-barrier", "the doorbell comes before the descriptor has been written", "transmit-sizes",
            "unfilled-descriptor", (
        ("e1000_tx", "    head = skb.len - skb.data_len\n    piece_index = 0\n",
         "    head = skb.len - skb.data_len\n    piece_index = 0\n    ew32(adapter.hw, E1000_TDT, (i + 1) % ring.count)\n"),)),
    Variant("bell-per-frame", "every frame of a batch rings the doorbell", "transmit-batch", "", (
        ("e1000_tx", "    more = skb.xmit_more\n", "    more = False\n"),)),
    Variant("touch-after-bell", "a descriptor is changed after the doorbell", "transmit-sizes", "descriptor-changed", (
        ("e1000_tx", "        adapter.tx.give(adapter.tx.next_to_use)\n", ""),
        ("e1000_tx", BELL, BELL + "        adapter.tx.add_command((adapter.tx.next_to_use or adapter.tx.count) - 1,"
         " E1000_TXD_CMD_VLE)\n"))),
    Variant("transmit-wrap", "the transmit ring wraps one descriptor early", "transmit-wrap", "unfilled-descriptor", (
        ("e1000_tx", TX_WRAP, TX_WRAP.replace("ring.count", "ring.count - 1")),)),
    Variant("receive-wrap", "the receive ring wraps one descriptor early", "receive-wrap", "double-map", (
        ("e1000_rx", RX_WRAP, RX_WRAP.replace("ring.count", "ring.count - 1")),)),
    Variant("no-refill", "taken buffers are never replaced", "receive-wrap", "", (
        ("e1000_rx", "REFILL_BATCH = 16", "REFILL_BATCH = 1 << 30"),
        ("e1000_rx", "    if unfilled:\n", "    if unfilled > ring.count:\n"))),
    Variant("refill-without-tail", "new buffers are filled in and never given to the card", "receive-wrap",
            "missing-doorbell", (
        ("e1000_rx", "        ew32(adapter.hw, E1000_RDT, i)\n",
         "        if ring.next_to_clean == 0:\n            ew32(adapter.hw, E1000_RDT, i)\n"),)),
    Variant("refill-after-tail", "the receive tail is moved first, the buffers are filled in afterwards", "open-close",
            "unfilled-descriptor", (
        ("e1000_rx", "    free = ring.unused()\n    filled = 0\n",
         "    free = ring.unused()\n    filled = 0\n    ew32(adapter.hw, E1000_RDT, (i + free) % ring.count)\n"),)),
    Variant("refill-after-enable", "receiving is enabled with the whole ring given, buffers follow", "open-close",
            "unfilled-descriptor", (
        ("e1000_hw", "    ew32(hw, E1000_RCTL, rctl)\n\n\ndef e1000_write_itr(",
         "    ew32(hw, E1000_RCTL, rctl)\n    ew32(hw, E1000_RDT, ring.count - 1)\n\n\ndef e1000_write_itr("),)),
    Variant("blind-clean", "receive descriptors are taken without a look at DD", "late-write-back", "unmap-too-early", (
        ("e1000_rx", "        if not status & E1000_RXD_STAT_DD:\n", "        if not status & E1000_RXD_STAT_DD and work:\n"),)),
    # --- mappings ---
    Variant("unmap-early", "a transmit buffer is unmapped as soon as it is in the ring", "transmit-sizes",
            "use-after-unmap", (
        ("e1000_tx", MAPPED, "            dma_unmap_single(pdev, address, length, DMA_TO_DEVICE)\n"),)),
    Variant("never-unmap", "transmit buffers are never unmapped", "transmit-sizes", "leak", (
        ("e1000_tx", UNMAP_SLOT, UNMAP_SLOT.replace("if length:", "if length > 1 << 20:")),)),
    Variant("double-unmap", "a receive buffer is unmapped twice", "receive-sizes", "double-unmap", (
        ("e1000_rx", RX_UNMAP, RX_UNMAP
         + "        dma_unmap_page(pdev, ring.address(i), adapter.rx_map_length, DMA_FROM_DEVICE)\n"),)),
    Variant("double-map", "each receive buffer is mapped twice", "receive-sizes", "double-map", (
        ("e1000_rx", f"        ring.fill(i, {FILL})\n", f"        {FILL}\n        ring.fill(i, {FILL})\n"),)),
    Variant("wrong-direction", "receive buffers are mapped for reading by the card", "receive-sizes", "wrong-direction", (
        ("e1000_rx", "from kernel.dma import DMA_FROM_DEVICE,", "from kernel.dma import DMA_TO_DEVICE as DMA_FROM_DEVICE,"),)),
    Variant("unmap-direction", "transmit buffers are unmapped with the wrong direction", "transmit-sizes",
            "wrong-direction", (
        ("e1000_tx", "            dma_unmap_single(adapter.pdev, ring.map_address(i), length, DMA_TO_DEVICE)\n",
         "            dma_unmap_single(adapter.pdev, ring.map_address(i), length, 2)\n"),)),
    Variant("small-mapping", "less is mapped than the card may write", "receive-sizes", "outside-mapping", (
        ("e1000_rx", FILL, FILL.replace("adapter.rx_map_length", "1024")),
        ("e1000_rx", "        dma_unmap_page(pdev, ring.address(i), adapter.rx_map_length, DMA_FROM_DEVICE)\n",
         "        dma_unmap_page(pdev, ring.address(i), 1024, DMA_FROM_DEVICE)\n"),
        ("e1000_rx", "        dma_unmap_page(adapter.pdev, ring.address(i), adapter.rx_map_length, DMA_FROM_DEVICE)\n",
         "        dma_unmap_page(adapter.pdev, ring.address(i), 1024, DMA_FROM_DEVICE)\n"))),
    Variant("jumbo-buffer-size", "RCTL says 16 KiB per buffer, the buffers have 4", "jumbo", "outside-mapping", (
        ("e1000_hw", "E1000_RCTL_LPE | E1000_RCTL_BSEX | E1000_RCTL_SZ_4096",
         "E1000_RCTL_LPE | E1000_RCTL_BSEX | 0x00010000"),)),
    Variant("close-running", "closing frees the buffers of a card that still receives", "close-under-load",
            "unmap-too-early", (
        ("e1000_control", "    ew32(hw, E1000_RCTL, er32(hw, E1000_RCTL) & ~E1000_RCTL_EN)\n", ""),
        ("e1000_control", "    e1000_reset_hw(hw)\n    e1000_clean_tx_ring(adapter)\n    e1000_clean_rx_ring(adapter)\n",
         "    e1000_clean_tx_ring(adapter)\n    e1000_clean_rx_ring(adapter)\n    e1000_reset_hw(hw)\n"))),
    Variant("skb-forgotten", "sent sk_buffs are not freed", "transmit-sizes", "", (
        ("e1000_tx", "        ring.skbs[i] = None\n        consume_skb(skb)\n", "        ring.skbs[i] = None\n"),)),
    # --- interrupts ---
    Variant("icr-twice", "the handler reads ICR twice", "interrupts", "icr-read-twice", (
        ("e1000_intr", ICR, ICR + "        icr |= er32(hw, E1000_ICR)\n"),)),
    Variant("icr-unread", "the handler takes the mask for the cause", "interrupts", "interrupt-without-icr", (
        ("e1000_intr", ICR, "        icr = er32(hw, E1000_IMS)\n"),)),
    Variant("mask-forgotten", "the poll does not unmask the card again", "interrupts", "", (
        ("e1000_intr", "                ew32(adapter.hw, E1000_IMS, IMS_ENABLE_MASK)\n", "                pass\n"),)),
    Variant("claims-everything", "every interrupt on the shared line is claimed", "shared-interrupt", "", (
        ("e1000_intr", "            return IRQ_NONE\n", "            return IRQ_HANDLED\n"),)),
    Variant("all-ones-taken", "an ICR of all ones is taken for causes", "all-ones", "", (
        ("e1000_intr", "        if icr == 0 or icr == ALL_ONES:\n", "        if icr == 0:\n"),)),
    Variant("lost-wake-up", "a ring that has emptied does not wake the queue", "transmit-full", "", (
        ("e1000_tx", "                adapter.restart_queue += 1\n                netif_wake_queue(adapter.netdev)\n",
         "                adapter.restart_queue += 1\n"),)),
    Variant("irq-kept", "closing does not free the interrupt", "open-close", "", (
        ("e1000_main", "        adapter.pdev.kernel.irq.free_irq(adapter.pdev.irq, adapter.irq_action)\n", ""),)),
    # --- registers ---
    Variant("ring-length", "TDLEN is no multiple of 128", "open-close", "ring-length", (
        ("e1000_hw", "    ew32(hw, E1000_TDLEN, ring.size)\n", "    ew32(hw, E1000_TDLEN, ring.size - 16)\n"),)),
    Variant("ring-alignment", "RDBAL is not aligned to 16 bytes", "open-close", "ring-alignment", (
        ("e1000_hw", "    ew32(hw, E1000_RDBAL, ring.dma & 0xFFFFFFFF)\n",
         "    ew32(hw, E1000_RDBAL, ring.dma + 8 & 0xFFFFFFFF)\n"),)),
    Variant("tail-before-ring", "the receive tail is written before base and length", "open-close", "ring-not-set-up", (
        ("e1000_hw", "    ew32(hw, E1000_RDLEN, ring.size)\n",
         "    ew32(hw, E1000_RDT, ring.count - 1)\n    ew32(hw, E1000_RDLEN, ring.size)\n"),)),
    Variant("enable-first", "transmission is enabled before the ring is set up", "open-close", "ring-not-set-up", (
        ("e1000_hw", "    ew32(hw, E1000_TDLEN, ring.size)\n",
         "    ew32(hw, E1000_TCTL, E1000_TCTL_EN)\n    ew32(hw, E1000_TDLEN, ring.size)\n"),)),
    Variant("read-only", "STATUS is written", "probe", "read-only", (
        ("e1000_hw", "    er32(hw, E1000_STATUS)\n", "    ew32(hw, E1000_STATUS, 0)\n"),)),
    Variant("reserved-bit", "a reserved bit of RCTL is set", "open-close", "reserved-bits", (
        ("e1000_hw", "        rctl |= E1000_RCTL_SZ_2048\n    ew32(hw, E1000_RCTL, rctl)\n",
         "        rctl |= E1000_RCTL_SZ_2048\n    ew32(hw, E1000_RCTL, rctl | 1)\n"),)),
    Variant("counter-order", "a 64-bit counter is read high half first", "statistics", "counter-order", (
        ("e1000_stats",
         "        value = er32(hw, low)\n        stats[name] = stats.get(name, 0) + (er32(hw, high) << 32 | value)\n",
         "        value = er32(hw, high) << 32\n        stats[name] = stats.get(name, 0) + (er32(hw, low) | value)\n"),)),
    # --- what a frame needs ---
    Variant("no-report", "the last descriptor does not ask for a write-back (RS)", "transmit-sizes", "", (
        ("e1000_tx", "    report = E1000_TXD_CMD_EOP | E1000_TXD_CMD_RS\n", "    report = E1000_TXD_CMD_EOP\n"),)),
    Variant("no-end", "the last descriptor is not marked as the end (EOP)", "transmit-sizes", "", (
        ("e1000_tx", "    report = E1000_TXD_CMD_EOP | E1000_TXD_CMD_RS\n", "    report = E1000_TXD_CMD_RS\n"),)),
    Variant("fcs-kept", "the FCS is taken for payload", "receive-sizes", "", (
        ("e1000_hw", "        rctl |= E1000_RCTL_SECRC\n", "        rctl |= 0\n"),)),
    Variant("stale-context", "a checksum context is taken for any other", "transmit-checksum", "", (
        ("e1000_tx", "    if adapter.context_valid and adapter.context_tcp == tcp_config:\n",
         "    if adapter.context_valid:\n"),)),
    Variant("multicast-hash", "the multicast hash takes the wrong bits", "filters", "", (
        ("e1000_filter", "    return (address[4] >> 4 | address[5] << 4) & 0xFFF\n",
         "    return (address[5] >> 4 | address[4] << 4) & 0xFFF\n"),)),
    Variant("statistics-twice", "the sum of a counter is added again each time", "statistics", "", (
        ("e1000_stats", '    netdev.rx_missed_errors = stats["mpc"]\n', '    netdev.rx_missed_errors += stats["mpc"]\n'),)),
    Variant("carrier-kept", "the carrier stays on when the link goes", "link-flap", "", (
        ("e1000_watchdog", '{netdev.name} NIC Link is Down")\n            netif_carrier_off(netdev)\n',
         '{netdev.name} NIC Link is Down")\n'),)),
    Variant("no-recovery", "a transmit hang is noticed and nothing done", "transmit-hang", "", (
        ("e1000_control", "    if adapter.down or adapter.resetting:\n        return\n    adapter.resetting = True\n",
         "    return\n    adapter.resetting = True\n"),)),
    Variant("any-address", "the address from the EEPROM is not looked at", "rotten-eeprom", "", (
        ("e1000_main", "    if address[0] & 1 or not any(address):\n", "    if not any(address):\n"),)),
]  # fmt: skip
