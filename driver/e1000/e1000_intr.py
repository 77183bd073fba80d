"""The interrupt handler, the poll, and the transmit entry: what runs for every packet or every burst of them."""

from driver.e1000.e1000_hw import e1000_write_itr
from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_param import ITR_DYNAMIC
from driver.e1000.e1000_regs import (
    E1000_ICR,
    E1000_ICR_LSC,
    E1000_ICR_RXSEQ,
    E1000_IMC,
    E1000_IMS,
    IMS_ENABLE_MASK,
)
from driver.e1000.e1000_rx import e1000_clean_rx_irq
from driver.e1000.e1000_tx import e1000_clean_tx_irq, e1000_xmit_frame
from kernel.irq.irq import IRQ_HANDLED, IRQ_NONE, irqaction
from kernel.net.core.napi import napi_complete_done, napi_schedule
from kernel.net.core.netdevice import napi_struct, net_device_ops

ALL_INTERRUPTS = 0xFFFFFFFF
ALL_ONES = 0xFFFFFFFF
# Interrupts per second for traffic of three kinds.
ITR_LOWEST_LATENCY = 70000
ITR_LOW_LATENCY = 20000
ITR_BULK_LATENCY = 4000


class e1000_irqaction(irqaction):
    """The hard interrupt: find out why, mask the device, leave the rest to the poll."""

    def __init__(self, adapter):
        irqaction.__init__(self)
        self.adapter = adapter

    def handler(self, irq):
        adapter = self.adapter
        hw = adapter.hw
        icr = er32(hw, E1000_ICR)
        # All ones: the device no longer answers.
        if icr == 0 or icr == ALL_ONES:
            return IRQ_NONE
        adapter.interrupts += 1
        # The read has cleared the causes; for a device that is down nothing is to be done about them.
        if adapter.down:
            return IRQ_HANDLED
        if icr & (E1000_ICR_LSC | E1000_ICR_RXSEQ):
            hw.get_link_status = True
            adapter.timers.mod_timer(adapter.watchdog, adapter.timers.now())
        ew32(hw, E1000_IMC, ALL_INTERRUPTS)
        napi_schedule(adapter.napi)
        return IRQ_HANDLED


class e1000_napi(napi_struct):
    """The poll: free what was sent, hand up what was received, unmask the device when both are done."""

    def __init__(self, adapter):
        napi_struct.__init__(self, adapter.netdev)
        self.adapter = adapter

    def poll(self, budget):
        adapter = self.adapter
        e1000_clean_tx_irq(adapter)
        work = e1000_clean_rx_irq(adapter, budget)
        if work < budget and napi_complete_done(self, work):
            if adapter.dynamic_itr:
                e1000_set_itr(adapter)
            if not adapter.down:
                ew32(adapter.hw, E1000_IMS, IMS_ENABLE_MASK)
        return work


class e1000_xmit_ops(net_device_ops):
    """The one operation that is on the packet path; the driver's others are added in e1000_main."""

    def __init__(self, adapter):
        self.adapter = adapter

    def ndo_start_xmit(self, skb, dev):
        return e1000_xmit_frame(self.adapter, skb)


def e1000_set_itr(adapter):
    """Choose the interrupt rate by what the last poll saw: few small frames want none of it, bulk wants much."""
    packets = adapter.itr_packets
    octets = adapter.itr_bytes
    adapter.itr_packets = 0
    adapter.itr_bytes = 0
    if packets == 0:
        return
    if packets > 35 and octets // packets > 1200 or octets > 50000:
        chosen = ITR_BULK_LATENCY
    elif packets < 5 and octets < 1024 and adapter.params.interrupt_throttle_rate == ITR_DYNAMIC:
        chosen = ITR_LOWEST_LATENCY
    else:
        chosen = ITR_LOW_LATENCY
    if chosen != adapter.itr:
        # Slow down at once, speed up in steps.
        if chosen > adapter.itr:
            chosen = min(adapter.itr + (chosen >> 2), chosen)
        e1000_write_itr(adapter, chosen)
