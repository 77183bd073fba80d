"""The timers of the driver: link watch, hang detection, buffers after a shortage.

The watchdog runs when the hardware reports a link change and, while something is waiting to be sent, every two
seconds.  An idle interface has no timer armed.
"""

from driver.e1000.e1000_control import e1000_print_ring_state, e1000_reinit_locked
from driver.e1000.e1000_osdep import er32
from driver.e1000.e1000_phy import (
    FC_FULL,
    FC_RX_PAUSE,
    FC_TX_PAUSE,
    e1000_config_fc_after_link_up,
    e1000_get_speed_and_duplex,
    e1000_link_up,
)
from driver.e1000.e1000_regs import E1000_STATUS, E1000_STATUS_TXOFF, E1000_TDH
from driver.e1000.e1000_rx import e1000_alloc_rx_buffers
from driver.e1000.e1000_stats import e1000_update_stats
from kernel.net.core.dev import netif_carrier_off, netif_carrier_on
from kernel.net.core.netdevice import netif_carrier_ok
from kernel.time.timer import timer_list

FLOW_CONTROL_NAMES = {FC_FULL: "RX/TX", FC_RX_PAUSE: "RX", FC_TX_PAUSE: "TX"}


class watchdog_timer(timer_list):
    """Looks at the link after a change and at the transmit ring while it is not empty."""

    def __init__(self, adapter):
        timer_list.__init__(self)
        self.adapter = adapter
        self.last_head = -1

    def fire(self):
        adapter = self.adapter
        if adapter.down:
            return
        if adapter.hw.get_link_status:
            self.look_at_link()
        tx = adapter.tx
        if tx.next_to_use == tx.next_to_clean:
            self.last_head = -1
            return
        if self.hung():
            adapter.tx_hang_count += 1
            e1000_print_ring_state(adapter, "Detected Tx Unit Hang")
            self.last_head = -1
            e1000_reinit_locked(adapter)
            return
        adapter.timers.mod_timer(self, adapter.timers.now() + adapter.params.watchdog_period)

    def hung(self):
        """True when the head has not moved since the last look, for too long, and nobody told us to pause."""
        adapter = self.adapter
        head = er32(adapter.hw, E1000_TDH)
        stuck = head == self.last_head
        self.last_head = head
        waited = adapter.timers.now() - adapter.tx.time_stamp
        return stuck and waited > adapter.params.tx_hang_timeout and not (
            er32(adapter.hw, E1000_STATUS) & E1000_STATUS_TXOFF
        )

    def look_at_link(self):
        """Follow the PHY: carrier on or off, speed, flow control."""
        adapter = self.adapter
        hw = adapter.hw
        netdev = adapter.netdev
        hw.get_link_status = False
        e1000_update_stats(adapter)
        if e1000_link_up(hw):
            if not netif_carrier_ok(netdev):
                adapter.link_speed, adapter.link_duplex = e1000_get_speed_and_duplex(hw)
                flow_control = FLOW_CONTROL_NAMES.get(e1000_config_fc_after_link_up(hw), "None")
                adapter.pdev.kernel.printk.printk(
                    f"e1000: {netdev.name} NIC Link is Up {adapter.link_speed} Mbps"
                    f" {'Full' if adapter.link_duplex else 'Half'} Duplex, Flow Control: {flow_control}"
                )
                netif_carrier_on(netdev)
        elif netif_carrier_ok(netdev):
            adapter.link_speed = 0
            adapter.pdev.kernel.printk.printk(f"e1000: {netdev.name} NIC Link is Down")
            netif_carrier_off(netdev)


class refill_timer(timer_list):
    """Tries again to get receive buffers."""

    def __init__(self, adapter):
        timer_list.__init__(self)
        self.adapter = adapter

    def fire(self):
        if not self.adapter.down:
            e1000_alloc_rx_buffers(self.adapter)
