"""Up and down: the rings, the buffers and the controller brought into step, and out of it."""

from driver.e1000.e1000_filter import e1000_restore_vlan, e1000_set_rx_mode
from driver.e1000.e1000_hw import e1000_configure_rx, e1000_configure_tx, e1000_reset, e1000_reset_hw
from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_regs import (
    E1000_CTRL,
    E1000_ICR_LSC,
    E1000_ICS,
    E1000_IMC,
    E1000_IMS,
    E1000_RCTL,
    E1000_RCTL_EN,
    E1000_RDH,
    E1000_RDT,
    E1000_STATUS,
    E1000_TCTL,
    E1000_TCTL_EN,
    E1000_TDH,
    E1000_TDT,
    IMS_ENABLE_MASK,
)
from driver.e1000.e1000_rx import e1000_alloc_rx_buffers, e1000_clean_rx_ring
from driver.e1000.e1000_stats import e1000_update_stats
from driver.e1000.e1000_tx import e1000_clean_tx_ring
from driver.e1000.ring import rx_ring, tx_ring
from kernel.dma import dma_alloc_coherent, dma_free_coherent
from kernel.net.core.dev import netif_carrier_off, netif_start_queue, netif_stop_queue
from kernel.net.core.napi import napi_disable, napi_enable
from kernel.pci.device import pci_set_master
from kernel.uapi.errno import ENOMEM
from kernel.uapi.if_ether import ETH_DATA_LEN, ETH_FCS_LEN, ETH_HLEN, VLAN_HLEN

ALL_INTERRUPTS = 0xFFFFFFFF
DESCRIPTOR_SIZE = 16


def e1000_set_buffer_size(adapter):
    """Choose receive buffers: one per frame with headroom for the standard size, pages that chain for jumbo frames."""
    max_frame = adapter.netdev.mtu + ETH_HLEN + VLAN_HLEN + ETH_FCS_LEN
    adapter.rx_jumbo = max_frame > ETH_DATA_LEN + ETH_HLEN + VLAN_HLEN + ETH_FCS_LEN
    if adapter.rx_jumbo:
        adapter.rx_page_size = 4096
        adapter.rx_offset = 0
        adapter.rx_map_length = 4096
    else:
        adapter.rx_page_size = 2048
        adapter.rx_offset = 66
        adapter.rx_map_length = 1536


def e1000_setup_resources(adapter):
    """Allocate both rings; 0 or -ENOMEM."""
    transmit = dma_alloc_coherent(adapter.pdev, adapter.tx_count * DESCRIPTOR_SIZE)
    if transmit is None:
        return -ENOMEM
    receive = dma_alloc_coherent(adapter.pdev, adapter.rx_count * DESCRIPTOR_SIZE)
    if receive is None:
        dma_free_coherent(adapter.pdev, transmit)
        return -ENOMEM
    adapter.tx_memory = transmit
    adapter.rx_memory = receive
    adapter.tx = tx_ring(transmit.page, adapter.tx_count)
    adapter.rx = rx_ring(receive.page, adapter.rx_count)
    return 0


def e1000_free_resources(adapter):
    """Give the rings back; they are empty."""
    adapter.tx = None
    adapter.rx = None
    dma_free_coherent(adapter.pdev, adapter.tx_memory)
    dma_free_coherent(adapter.pdev, adapter.rx_memory)
    adapter.tx_memory = None
    adapter.rx_memory = None


def e1000_up(adapter):
    """Start a controller that has been reset."""
    pci_set_master(adapter.pdev)
    e1000_configure_tx(adapter)
    e1000_configure_rx(adapter)
    e1000_restore_vlan(adapter)
    adapter.down = False
    e1000_set_rx_mode(adapter)
    e1000_alloc_rx_buffers(adapter)
    napi_enable(adapter.napi)
    netif_start_queue(adapter.netdev)
    ew32(adapter.hw, E1000_IMS, IMS_ENABLE_MASK)


def e1000_down(adapter):
    """Stop sending and receiving and empty both rings; ndo_open or e1000_restart brings it back."""
    hw = adapter.hw
    adapter.down = True
    netif_stop_queue(adapter.netdev)
    ew32(hw, E1000_RCTL, er32(hw, E1000_RCTL) & ~E1000_RCTL_EN)
    ew32(hw, E1000_TCTL, er32(hw, E1000_TCTL) & ~E1000_TCTL_EN)
    ew32(hw, E1000_IMC, ALL_INTERRUPTS)
    napi_disable(adapter.napi)
    adapter.timers.del_timer(adapter.watchdog)
    adapter.timers.del_timer(adapter.refill_timer)
    netif_carrier_off(adapter.netdev)
    adapter.link_speed = 0
    e1000_update_stats(adapter)
    # The reset ends every transfer under way: from here on nobody else touches the buffers.
    e1000_reset_hw(hw)
    e1000_clean_tx_ring(adapter)
    e1000_clean_rx_ring(adapter)


def e1000_restart(adapter):
    """Bring a stopped controller up again; 0 or a negative errno, with the device then down."""
    adapter.hw.get_link_status = True
    err = e1000_reset(adapter)
    if err:
        return err
    e1000_up(adapter)
    ew32(adapter.hw, E1000_ICS, E1000_ICR_LSC)
    return 0


def e1000_reinit_locked(adapter):
    """Reset a running controller: the last resort against a hang."""
    if adapter.down or adapter.resetting:
        return
    adapter.resetting = True
    e1000_down(adapter)
    err = e1000_restart(adapter)
    adapter.resetting = False
    if err:
        adapter.pdev.kernel.printk.printk(f"e1000: {adapter.netdev.name}: reset failed with error {err}")


def e1000_print_ring_state(adapter, what):
    """Log what the driver and the hardware think of the rings."""
    hw = adapter.hw
    tx = adapter.tx
    last = tx.last_of(tx.next_to_clean)
    adapter.pdev.kernel.printk.printk(
        f"e1000 {adapter.netdev.name}: {what}\n"
        f"  TDH {er32(hw, E1000_TDH):x} TDT {er32(hw, E1000_TDT):x} next_to_use {tx.next_to_use:x}"
        f" next_to_clean {tx.next_to_clean:x} time_stamp {tx.time_stamp} now {adapter.timers.now()}\n"
        f"  next_to_watch {last:x} descriptor {tx.dump(last).hex()} STATUS {er32(hw, E1000_STATUS):#x}\n"
        f"  RDH {er32(hw, E1000_RDH):x} RDT {er32(hw, E1000_RDT):x} next_to_use {adapter.rx.next_to_use:x}"
        f" next_to_clean {adapter.rx.next_to_clean:x} CTRL {er32(hw, E1000_CTRL):#x} TCTL {er32(hw, E1000_TCTL):#x}"
        f" RCTL {er32(hw, E1000_RCTL):#x}"
    )
