"""What ethtool shows and changes of the controller: identity, statistics, rings, registers, EEPROM, pause, self-test."""

from driver.e1000 import e1000_regs as regs
from driver.e1000.e1000 import initial_itr
from driver.e1000.e1000_control import (
    e1000_down,
    e1000_free_resources,
    e1000_reinit_locked,
    e1000_restart,
    e1000_setup_resources,
)
from driver.e1000.e1000_eeprom import (
    e1000_read_eeprom,
    e1000_update_eeprom_checksum,
    e1000_validate_eeprom_checksum,
    e1000_write_eeprom,
)
from driver.e1000.e1000_hw import e1000_write_itr
from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_param import (
    ITR_DYNAMIC,
    ITR_DYNAMIC_CONSERVATIVE,
    ITR_OFF,
    MAX_DESCRIPTORS,
    MAX_ITR,
    MIN_ITR,
    align_descriptors,
)
from driver.e1000.e1000_phy import (
    AUTONEG_ADVERTISE_DEFAULT,
    E1000_ADVERTISE_1000_FULL,
    FC_RX_PAUSE,
    FC_TX_PAUSE,
    e1000_link_up,
    e1000_read_phy_reg,
    e1000_setup_link,
)
from driver.e1000.e1000_stats import COUNTERS, OCTET_COUNTERS, e1000_update_stats
from kernel.net.core.ethtool import ethtool_ops
from kernel.uapi import ethtool as uapi
from kernel.uapi.errno import EAGAIN, EFAULT, EINVAL, EIO

DRIVER_VERSION = "1.0"
# The dump's version: 1, revision and device id.
REGS_VERSION_SHIFT = 24
DUMPED_REGISTERS = (
    regs.E1000_CTRL,
    regs.E1000_STATUS,
    regs.E1000_RCTL,
    regs.E1000_RDLEN,
    regs.E1000_RDH,
    regs.E1000_RDT,
    regs.E1000_RDTR,
    regs.E1000_TCTL,
    regs.E1000_TDLEN,
    regs.E1000_TDH,
    regs.E1000_TDT,
    regs.E1000_TIDV,
)
NETDEV_COUNTERS = (
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "multicast",
    "collisions",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "rx_length_errors",
    "rx_over_errors",
    "rx_crc_errors",
    "rx_frame_errors",
    "rx_fifo_errors",
    "rx_missed_errors",
    "tx_aborted_errors",
    "tx_carrier_errors",
    "tx_fifo_errors",
    "tx_heartbeat_errors",
    "tx_window_errors",
)
ADAPTER_COUNTERS = (
    "hw_csum_good",
    "hw_csum_err",
    "alloc_rx_buff_failed",
    "restart_queue",
    "tx_timeout_count",
    "tx_hang_count",
    "doorbells",
    "interrupts",
)
MODE_BITS = (
    (uapi.SUPPORTED_10baseT_Half, regs.ADVERTISE_10HALF),
    (uapi.SUPPORTED_10baseT_Full, regs.ADVERTISE_10FULL),
    (uapi.SUPPORTED_100baseT_Half, regs.ADVERTISE_100HALF),
    (uapi.SUPPORTED_100baseT_Full, regs.ADVERTISE_100FULL),
    (uapi.SUPPORTED_1000baseT_Full, E1000_ADVERTISE_1000_FULL),
)
# (speed, full duplex) to the control register of the PHY
FORCED_MODES = {(10, False): 0x0000, (10, True): 0x0100, (100, False): 0x2000, (100, True): 0x2100}
TEST_NAMES = ("Register test  (offline)", "Eeprom test    (offline)", "Interrupt test (offline)", "Link test   (on/offline)")
# Register, mask of the bits that keep what is written (8254x manual, chapter 13).
REGISTER_TEST = (
    (regs.E1000_FCAL, 0xFFFFFFFF),
    (regs.E1000_FCAH, 0x0000FFFF),
    (regs.E1000_FCT, 0x0000FFFF),
    (regs.E1000_VET, 0x0000FFFF),
    (regs.E1000_RDTR, 0x0000FFFF),
    (regs.E1000_RDBAH, 0xFFFFFFFF),
    (regs.E1000_RDLEN, 0x000FFF80),
    (regs.E1000_RDH, 0x0000FFFF),
    (regs.E1000_RDT, 0x0000FFFF),
    (regs.E1000_FCRTH, 0x0000FFF8),
    (regs.E1000_FCTTV, 0x0000FFFF),
    (regs.E1000_TIPG, 0x3FFFFFFF),
    (regs.E1000_TDBAH, 0xFFFFFFFF),
    (regs.E1000_TDLEN, 0x000FFF80),
    (regs.E1000_RDBAL, 0xFFFFFFF0),
    (regs.E1000_TDBAL, 0xFFFFFFF0),
    (regs.E1000_TIDV, 0x0000FFFF),
)
TEST_PATTERNS = (0x5A5A5A5A, 0xA5A5A5A5, 0x00000000, 0xFFFFFFFF)
TESTED_CAUSES = 10


class e1000_ethtool_ops(ethtool_ops):
    """The driver's answers to ethtool."""

    def __init__(self, adapter):
        self.adapter = adapter

    def get_drvinfo(self, dev):
        return "e1000", DRIVER_VERSION, "N/A", self.adapter.pdev.name

    def get_link_settings(self, dev):
        adapter = self.adapter
        supported = uapi.SUPPORTED_Autoneg | uapi.SUPPORTED_TP | uapi.SUPPORTED_Pause
        advertised = uapi.SUPPORTED_TP | (uapi.SUPPORTED_Autoneg if adapter.hw.autoneg else 0)
        for mode, bit in MODE_BITS:
            supported |= mode
            if adapter.hw.autoneg and adapter.hw.autoneg_advertised & bit:
                advertised |= mode
        return adapter.link_speed, adapter.link_duplex, adapter.hw.autoneg, supported, advertised

    def set_link_settings(self, dev, speed, full_duplex, negotiate, advertised):
        hw = self.adapter.hw
        if negotiate:
            wanted = sum(bit for mode, bit in MODE_BITS if advertised & mode)
            hw.autoneg = True
            hw.autoneg_advertised = wanted if wanted else AUTONEG_ADVERTISE_DEFAULT
        else:
            # IEEE 802.3 clause 40 has no gigabit over copper without negotiation.
            if (speed, full_duplex) not in FORCED_MODES:
                return -EINVAL
            hw.autoneg = False
            hw.forced_bmcr = FORCED_MODES[speed, full_duplex]
        if not self.adapter.down:
            e1000_reinit_locked(self.adapter)
        return 0

    def nway_reset(self, dev):
        if self.adapter.down:
            return -EAGAIN
        e1000_reinit_locked(self.adapter)
        return 0

    def get_regs(self, dev):
        adapter = self.adapter
        words = [er32(adapter.hw, register) for register in DUMPED_REGISTERS]
        words.append(adapter.hw.phy_id)
        words += [max(e1000_read_phy_reg(adapter.hw, register), 0) for register in (regs.MII_BMCR, regs.MII_BMSR)]
        version = 1 << REGS_VERSION_SHIFT | adapter.pdev.revision << 16 | adapter.pdev.device
        return version, b"".join(word.to_bytes(4, "little") for word in words)

    def get_eeprom_len(self, dev):
        return self.adapter.hw.eeprom_words * 2

    def get_eeprom(self, dev, offset, length):
        first, last = offset // 2, (offset + length + 1) // 2
        words = e1000_read_eeprom(self.adapter.hw, first, last - first)
        if words is None:
            return None
        data = b"".join(word.to_bytes(2, "little") for word in words)
        return self.eeprom_magic(), data[offset & 1 : (offset & 1) + length]

    def set_eeprom(self, dev, magic, offset, data):
        """`magic` must be the device's ids, so that nobody writes to the wrong card; -EFAULT otherwise."""
        hw = self.adapter.hw
        if magic != self.eeprom_magic():
            return -EFAULT
        first, last = offset // 2, (offset + len(data) + 1) // 2
        words = e1000_read_eeprom(hw, first, last - first)
        if words is None:
            return -EIO
        image = bytearray(b"".join(word.to_bytes(2, "little") for word in words))
        image[offset & 1 : (offset & 1) + len(data)] = data
        err = e1000_write_eeprom(
            hw, first, [int.from_bytes(image[at : at + 2], "little") for at in range(0, len(image), 2)]
        )
        if err == 0 and first <= regs.EEPROM_CHECKSUM_REG:
            err = e1000_update_eeprom_checksum(hw)
        return err

    def eeprom_magic(self):
        return self.adapter.pdev.device << 16 | self.adapter.pdev.vendor

    def get_ringparam(self, dev):
        return MAX_DESCRIPTORS, MAX_DESCRIPTORS, self.adapter.rx_count, self.adapter.tx_count

    def set_ringparam(self, dev, receive, transmit):
        """Change the rings' sizes; when RAM does not suffice for the new ones the old ones come back."""
        adapter = self.adapter
        old = adapter.rx_count, adapter.tx_count
        new = align_descriptors(receive), align_descriptors(transmit)
        if new == old:
            return 0
        if adapter.down:
            adapter.rx_count, adapter.tx_count = new
            return 0
        e1000_down(adapter)
        e1000_free_resources(adapter)
        adapter.rx_count, adapter.tx_count = new
        err = e1000_setup_resources(adapter)
        if err:
            adapter.rx_count, adapter.tx_count = old
            e1000_setup_resources(adapter)
        return e1000_restart(adapter) or err

    def get_coalesce(self, dev):
        rate = self.adapter.params.interrupt_throttle_rate
        return rate if rate <= ITR_DYNAMIC_CONSERVATIVE else 1_000_000 // rate

    def set_coalesce(self, dev, microseconds):
        adapter = self.adapter
        if microseconds in (ITR_OFF, ITR_DYNAMIC, ITR_DYNAMIC_CONSERVATIVE):
            rate = microseconds
        else:
            rate = 1_000_000 // microseconds
            if not MIN_ITR <= rate <= MAX_ITR:
                return -EINVAL
        adapter.params.interrupt_throttle_rate = rate
        adapter.dynamic_itr = rate in (ITR_DYNAMIC, ITR_DYNAMIC_CONSERVATIVE)
        e1000_write_itr(adapter, initial_itr(rate))
        return 0

    def get_pauseparam(self, dev):
        hw = self.adapter.hw
        return hw.autoneg, bool(hw.fc_current & FC_RX_PAUSE), bool(hw.fc_current & FC_TX_PAUSE)

    def set_pauseparam(self, dev, negotiate, receive, transmit):
        hw = self.adapter.hw
        hw.fc_requested = (FC_RX_PAUSE if receive else 0) | (FC_TX_PAUSE if transmit else 0)
        if self.adapter.down:
            return 0
        e1000_reinit_locked(self.adapter)
        return 0

    def get_statistics(self, dev):
        adapter = self.adapter
        e1000_update_stats(adapter)
        found = [(name, getattr(dev, name)) for name in NETDEV_COUNTERS]
        found += [(name, getattr(adapter, name)) for name in ADAPTER_COUNTERS]
        found += [(f"hw_{name}", adapter.stats[name]) for name in (*COUNTERS, *OCTET_COUNTERS)]
        return found

    # --- self-test ---

    def test_names(self, dev):
        return list(TEST_NAMES)

    def self_test(self, dev, offline):
        """Results in the order of `test_names`; the offline tests take the interface down for a moment."""
        adapter = self.adapter
        link = 0 if adapter.down or e1000_link_up(adapter.hw) else 1
        results = [0, 0, 0]
        if offline:
            running = not adapter.down
            if running:
                e1000_down(adapter)
            results = [
                register_test(adapter.hw),
                0 if e1000_validate_eeprom_checksum(adapter.hw) else 1,
                interrupt_test(adapter.hw),
            ]
            if running:
                e1000_restart(adapter)
            else:
                e1000_setup_link(adapter.hw)
        return list(zip(TEST_NAMES, [*results, link], strict=True))


def register_test(hw):
    """0, or the offset plus one of the first register that does not keep what is written to it."""
    for register, mask in REGISTER_TEST:
        before = er32(hw, register)
        for pattern in TEST_PATTERNS:
            ew32(hw, register, pattern & mask)
            if er32(hw, register) & mask != pattern & mask:
                ew32(hw, register, before)
                return register + 1
        ew32(hw, register, before)
    return 0


def interrupt_test(hw):
    """0, or the number plus one of the first cause that ICS, IMS, IMC and ICR do not treat as they should."""
    ew32(hw, regs.E1000_IMC, 0xFFFFFFFF)
    er32(hw, regs.E1000_ICR)
    for number in range(TESTED_CAUSES):
        cause = 1 << number
        ew32(hw, regs.E1000_ICS, cause)
        if er32(hw, regs.E1000_ICR) & cause != cause or er32(hw, regs.E1000_ICR) & cause:
            return number + 1
        ew32(hw, regs.E1000_IMS, cause)
        if er32(hw, regs.E1000_IMS) & cause != cause:
            return number + 1
        ew32(hw, regs.E1000_IMC, cause)
        if er32(hw, regs.E1000_IMS) & cause:
            return number + 1
    er32(hw, regs.E1000_ICR)
    return 0
