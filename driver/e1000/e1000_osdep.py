"""The hardware handle, and the only two doors to the registers: `er32` and `ew32`."""

from kernel.arch.io import readl, writel


class e1000_hw:
    """One controller: its register window, its I/O window, and what the slow paths know of it."""

    def __init__(self):
        self.hw_addr = None
        self.io_base = None
        self.pdev = None
        self.mac_addr = b""
        self.eeprom_words = 64
        self.eeprom_address_bits = 6
        self.phy_addr = 1
        self.phy_id = 0
        self.get_link_status = True
        self.autoneg = True
        self.autoneg_advertised = 0
        self.forced_bmcr = 0
        self.fc_requested = 3
        self.fc_current = 0
        self.fc_high_water = 0
        self.fc_low_water = 0


def er32(hw, reg):
    """Read a register."""
    return readl(hw.hw_addr, reg)


def ew32(hw, reg, value):
    """Write a register."""
    writel(value, hw.hw_addr, reg)


def ew32_io(hw, reg, value):
    """Write a register through the I/O window (8254x manual, 13.2.2): how an 82540 is reset."""
    writel(reg, hw.io_base, 0)
    writel(value, hw.io_base, 4)
