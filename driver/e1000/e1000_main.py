"""The e1000 driver: probe and remove, open and stop, interrupt and poll.

What the device does per packet is in e1000_tx.py and e1000_rx.py, what it does to the chip in e1000_hw.py.
"""

from driver.e1000 import MODULE_DEVICE_TABLE
from driver.e1000.e1000 import e1000_adapter
from driver.e1000.e1000_control import (
    e1000_down,
    e1000_free_resources,
    e1000_print_ring_state,
    e1000_reinit_locked,
    e1000_restart,
    e1000_set_buffer_size,
    e1000_setup_resources,
    e1000_up,
)
from driver.e1000.e1000_eeprom import e1000_init_eeprom_params, e1000_read_mac_addr, e1000_validate_eeprom_checksum
from driver.e1000.e1000_ethtool import e1000_ethtool_ops
from driver.e1000.e1000_filter import (
    e1000_set_rx_mode,
    e1000_vlan_rx_add_vid,
    e1000_vlan_rx_kill_vid,
)
from driver.e1000.e1000_hw import (
    e1000_disable_management,
    e1000_rar_set,
    e1000_reset,
    e1000_reset_hw,
    e1000_vlan_mode,
)
from driver.e1000.e1000_intr import e1000_irqaction, e1000_napi, e1000_xmit_ops
from driver.e1000.e1000_osdep import e1000_hw, er32, ew32
from driver.e1000.e1000_param import e1000_check_options
from driver.e1000.e1000_phy import e1000_detect_gig_phy
from driver.e1000.e1000_regs import (
    E1000_CTRL,
    E1000_CTRL_SLU,
    E1000_ICR_LSC,
    E1000_ICS,
)
from driver.e1000.e1000_stats import e1000_update_stats
from driver.e1000.e1000_watchdog import refill_timer, watchdog_timer
from kernel.irq.irq import IRQF_SHARED
from kernel.net.core.dev import (
    netif_carrier_off,
    register_netdev,
    unregister_netdev,
)
from kernel.net.core.netdev_flags import (
    NETIF_F_GRO,
    NETIF_F_GSO,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_HW_VLAN_CTAG_FILTER,
    NETIF_F_HW_VLAN_CTAG_RX,
    NETIF_F_HW_VLAN_CTAG_TX,
    NETIF_F_RXALL,
    NETIF_F_RXCSUM,
    NETIF_F_RXFCS,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.netdevice import dev_addr_set, net_device
from kernel.net.ethernet.eth import ether_setup
from kernel.pci.device import (
    pci_clear_master,
    pci_disable_device,
    pci_driver,
    pci_enable_device,
    pci_ioport_map_bar,
    pci_ioremap_bar,
    pci_release_regions,
    pci_request_regions,
    pci_set_master,
    pci_set_mwi,
)
from kernel.uapi.errno import EINVAL, EIO
from kernel.uapi.if_ether import ETH_FCS_LEN, ETH_HLEN, ETH_MIN_MTU

DRIVER_NAME = "e1000"
MAX_JUMBO_FRAME_SIZE = 16128
MAX_MTU = MAX_JUMBO_FRAME_SIZE - ETH_HLEN - ETH_FCS_LEN
TX_WATCHDOG_NS = 5_000_000_000
ALL_INTERRUPTS = 0xFFFFFFFF


# --- net_device_ops ---


class e1000_netdev_ops(e1000_xmit_ops):
    """What the stack asks of the driver."""

    def ndo_open(self, dev):
        """Allocate the rings, take the interrupt and start; the link comes up by itself."""
        adapter = self.adapter
        netif_carrier_off(dev)
        err = e1000_setup_resources(adapter)
        if err:
            return err
        err = e1000_reset(adapter)
        if err == 0:
            err = adapter.pdev.kernel.irq.request_irq(adapter.pdev.irq, adapter.irq_action, IRQF_SHARED, dev.name)
        if err:
            e1000_free_resources(adapter)
            return err
        e1000_up(adapter)
        # Nothing has changed yet; ask for a look at the link as if something had.
        ew32(adapter.hw, E1000_ICS, E1000_ICR_LSC)
        return 0

    def ndo_stop(self, dev):
        adapter = self.adapter
        e1000_down(adapter)
        adapter.pdev.kernel.irq.free_irq(adapter.pdev.irq, adapter.irq_action)
        e1000_free_resources(adapter)
        return 0

    def ndo_set_rx_mode(self, dev):
        if not self.adapter.down:
            e1000_set_rx_mode(self.adapter)

    def ndo_set_mac_address(self, dev, address):
        dev_addr_set(dev, address)
        self.adapter.hw.mac_addr = address
        e1000_rar_set(self.adapter.hw, address, 0)
        return 0

    def ndo_change_mtu(self, dev, mtu):
        """Take the device down, choose buffers for the new frame size, and bring it up again."""
        adapter = self.adapter
        running = not adapter.down
        if running:
            e1000_down(adapter)
        dev.mtu = mtu
        e1000_set_buffer_size(adapter)
        if running:
            return e1000_restart(adapter)
        return 0

    def ndo_tx_timeout(self, dev):
        self.adapter.tx_timeout_count += 1
        e1000_print_ring_state(self.adapter, "transmit timeout")
        e1000_reinit_locked(self.adapter)

    def ndo_vlan_rx_add_vid(self, dev, vid):
        return e1000_vlan_rx_add_vid(self.adapter, vid)

    def ndo_vlan_rx_kill_vid(self, dev, vid):
        return e1000_vlan_rx_kill_vid(self.adapter, vid)

    def ndo_get_stats(self, dev):
        e1000_update_stats(self.adapter)

    def ndo_set_features(self, dev, features):
        adapter = self.adapter
        # CTRL.VME is one switch for both directions (8254x manual, 13.4.1): without stripping there is no inserting.
        if features & NETIF_F_HW_VLAN_CTAG_RX:
            features |= NETIF_F_HW_VLAN_CTAG_TX
        else:
            features &= ~NETIF_F_HW_VLAN_CTAG_TX
        changed = dev.features ^ features
        dev.features = features
        if changed & NETIF_F_HW_VLAN_CTAG_RX:
            e1000_vlan_mode(adapter.hw, bool(features & NETIF_F_HW_VLAN_CTAG_RX))
        if changed & (NETIF_F_RXCSUM | NETIF_F_RXALL | NETIF_F_RXFCS):
            adapter.rx_csum = bool(features & NETIF_F_RXCSUM)
            e1000_reinit_locked(adapter)
        if changed & NETIF_F_HW_VLAN_CTAG_FILTER:
            self.ndo_set_rx_mode(dev)
        return 0


# --- probe and remove ---


class e1000_driver(pci_driver):
    """Binds the driver to its devices."""

    def __init__(self):
        pci_driver.__init__(self, DRIVER_NAME, MODULE_DEVICE_TABLE)

    def probe(self, dev, device_id):
        """Map, reset and identify the device and register its interface; 0 or a negative errno, with nothing kept."""
        kernel = dev.kernel
        err = pci_enable_device(dev)
        if err:
            return err
        err = pci_request_regions(dev, DRIVER_NAME)
        if err:
            pci_disable_device(dev)
            return err
        pci_set_master(dev)
        pci_set_mwi(dev)
        adapter = e1000_alloc_adapter(dev)
        err = e1000_identify(adapter)
        if err == 0:
            e1000_setup_netdev(adapter)
            err = register_netdev(adapter.netdev)
        if err:
            pci_clear_master(dev)
            pci_release_regions(dev)
            pci_disable_device(dev)
            return err
        netif_carrier_off(adapter.netdev)
        dev.driver_data = adapter
        kernel.printk.printk(
            f"{DRIVER_NAME} {dev.name} {adapter.netdev.name}: Intel(R) PRO/1000 Network Connection,"
            f" {adapter.netdev.dev_addr.hex(':')}, irq {dev.irq}"
        )
        return 0

    def remove(self, dev):
        adapter = dev.driver_data
        unregister_netdev(adapter.netdev)
        e1000_reset_hw(adapter.hw)
        # A doorbell or a frame that was under way when the device was closed ends here.
        pci_clear_master(dev)
        pci_release_regions(dev)
        pci_disable_device(dev)


def e1000_alloc_adapter(dev):
    """The structures of one controller, its windows mapped."""
    hw = e1000_hw()
    hw.pdev = dev
    hw.hw_addr = pci_ioremap_bar(dev, 0)
    for bar in range(1, len(dev.resource)):
        hw.io_base = pci_ioport_map_bar(dev, bar)
        if hw.io_base is not None:
            break
    params = e1000_check_options(dev.kernel)
    hw.autoneg_advertised = params.autoneg_advertised
    hw.fc_requested = params.flow_control
    adapter = e1000_adapter(dev, net_device(dev.kernel.net, "eth%d"), hw, params)
    adapter.napi = e1000_napi(adapter)
    adapter.irq_action = e1000_irqaction(adapter)
    adapter.watchdog = watchdog_timer(adapter)
    adapter.refill_timer = refill_timer(adapter)
    return adapter


def e1000_identify(adapter):
    """Reset the controller and read who it is; 0, -EIO, or -EINVAL for an address that no station may have."""
    hw = adapter.hw
    printk = adapter.pdev.kernel.printk.printk
    if hw.hw_addr is None:
        return -EIO
    e1000_init_eeprom_params(hw)
    if e1000_reset_hw(hw):
        printk(f"{DRIVER_NAME} {adapter.pdev.name}: the controller does not come out of reset")
        return -EIO
    if not e1000_validate_eeprom_checksum(hw):
        printk(f"{DRIVER_NAME} {adapter.pdev.name}: the EEPROM checksum is not valid")
    address = e1000_read_mac_addr(hw)
    if address is None:
        return -EIO
    if address[0] & 1 or not any(address):
        printk(f"{DRIVER_NAME} {adapter.pdev.name}: {address.hex(':')} is not a station address")
        return -EINVAL
    hw.mac_addr = address
    e1000_disable_management(hw)
    if e1000_detect_gig_phy(hw):
        printk(f"{DRIVER_NAME} {adapter.pdev.name}: no PHY that this driver knows")
        return -EIO
    ew32(hw, E1000_CTRL, er32(hw, E1000_CTRL) | E1000_CTRL_SLU)
    return 0


def e1000_setup_netdev(adapter):
    """Fill in the interface: addresses, limits, offloads and operations."""
    netdev = adapter.netdev
    ether_setup(netdev, adapter.hw.mac_addr)
    netdev.priv = adapter
    netdev.parent = adapter.pdev
    netdev.min_mtu = ETH_MIN_MTU
    netdev.max_mtu = MAX_MTU
    netdev.watchdog_timeo = TX_WATCHDOG_NS
    netdev.netdev_ops = e1000_netdev_ops(adapter)
    netdev.ethtool_ops = e1000_ethtool_ops(adapter)
    netdev.hw_features = (
        NETIF_F_SG
        | NETIF_F_HW_CSUM
        | NETIF_F_TSO
        | NETIF_F_GSO
        | NETIF_F_GRO
        | NETIF_F_RXCSUM
        | NETIF_F_HW_VLAN_CTAG_RX
        | NETIF_F_RXALL
        | NETIF_F_RXFCS
    )
    netdev.features = (
        (netdev.hw_features & ~(NETIF_F_RXALL | NETIF_F_RXFCS))
        | NETIF_F_HW_VLAN_CTAG_TX
        | NETIF_F_HW_VLAN_CTAG_FILTER
        | NETIF_F_HIGHDMA
    )


def module_init(kernel):
    """The driver, for whoever found a device that it is for."""
    return e1000_driver()
