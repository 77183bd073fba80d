"""The card and its driver each have their own names for registers and bits: both agree with the manual.

The tables below are taken from the 8254x Software Developer's Manual (table 13-2 for the offsets, the sections of
chapter 3 and 13 for the bits).  They are the only place where the two sides meet.
"""

import pytest

from driver.e1000 import MODULE_DEVICE_TABLE, e1000_regs
from hwemu.nic.e1000 import bits, registers
from hwemu.nic.e1000.device import DEVICE_82540EM, VENDOR_INTEL

# Register: byte offset.  Both sides use the manual's names, the driver with a prefix.
OFFSETS = {
    "CTRL": 0x0000, "STATUS": 0x0008, "EECD": 0x0010, "EERD": 0x0014, "CTRL_EXT": 0x0018, "MDIC": 0x0020,
    "FCAL": 0x0028, "FCAH": 0x002C, "FCT": 0x0030, "VET": 0x0038, "ICR": 0x00C0, "ITR": 0x00C4, "ICS": 0x00C8,
    "IMS": 0x00D0, "IMC": 0x00D8, "RCTL": 0x0100, "FCTTV": 0x0170, "TCTL": 0x0400, "TIPG": 0x0410, "LEDCTL": 0x0E00,
    "PBA": 0x1000, "FCRTL": 0x2160, "FCRTH": 0x2168, "RDBAL": 0x2800, "RDBAH": 0x2804, "RDLEN": 0x2808, "RDH": 0x2810,
    "RDT": 0x2818, "RDTR": 0x2820, "RXDCTL": 0x2828, "RADV": 0x282C, "TDBAL": 0x3800, "TDBAH": 0x3804, "TDLEN": 0x3808,
    "TDH": 0x3810, "TDT": 0x3818, "TIDV": 0x3820, "TXDCTL": 0x3828, "TADV": 0x382C, "CRCERRS": 0x4000,
    "ALGNERRC": 0x4004, "SYMERRS": 0x4008, "RXERRC": 0x400C, "MPC": 0x4010, "SCC": 0x4014, "ECOL": 0x4018,
    "MCC": 0x401C, "LATECOL": 0x4020, "COLC": 0x4028, "DC": 0x4030, "TNCRS": 0x4034, "SEC": 0x4038, "CEXTERR": 0x403C,
    "RLEC": 0x4040, "XONRXC": 0x4048, "XONTXC": 0x404C, "XOFFRXC": 0x4050, "XOFFTXC": 0x4054, "FCRUC": 0x4058,
    "PRC64": 0x405C, "PRC127": 0x4060, "PRC255": 0x4064, "PRC511": 0x4068, "PRC1023": 0x406C, "PRC1522": 0x4070,
    "GPRC": 0x4074, "BPRC": 0x4078, "MPRC": 0x407C, "GPTC": 0x4080, "GORCL": 0x4088, "GORCH": 0x408C, "GOTCL": 0x4090,
    "GOTCH": 0x4094, "RNBC": 0x40A0, "RUC": 0x40A4, "RFC": 0x40A8, "ROC": 0x40AC, "RJC": 0x40B0, "MGTPRC": 0x40B4,
    "MGTPDC": 0x40B8, "MGTPTC": 0x40BC, "TORL": 0x40C0, "TORH": 0x40C4, "TOTL": 0x40C8, "TOTH": 0x40CC, "TPR": 0x40D0,
    "TPT": 0x40D4, "PTC64": 0x40D8, "PTC127": 0x40DC, "PTC255": 0x40E0, "PTC511": 0x40E4, "PTC1023": 0x40E8,
    "PTC1522": 0x40EC, "MPTC": 0x40F0, "BPTC": 0x40F4, "TSCTC": 0x40F8, "TSCTFC": 0x40FC, "RXCSUM": 0x5000,
    "MTA": 0x5200, "RAL": 0x5400, "RAH": 0x5404, "VFTA": 0x5600, "WUC": 0x5800, "WUFC": 0x5808, "WUS": 0x5810,
    "MANC": 0x5820,
}  # fmt: skip

# Bit of a register: the device's name, the driver's name, the manual's value and section.
BITS = [
    ("CTRL_FD", "E1000_CTRL_FD", 1 << 0, "13.4.1"),
    ("CTRL_SLU", "E1000_CTRL_SLU", 1 << 6, "13.4.1"),
    ("CTRL_FRCSPD", "E1000_CTRL_FRCSPD", 1 << 11, "13.4.1"),
    ("CTRL_FRCDPLX", "E1000_CTRL_FRCDPX", 1 << 12, "13.4.1"),
    ("CTRL_RST", "E1000_CTRL_RST", 1 << 26, "13.4.1"),
    ("CTRL_RFCE", "E1000_CTRL_RFCE", 1 << 27, "13.4.1"),
    ("CTRL_TFCE", "E1000_CTRL_TFCE", 1 << 28, "13.4.1"),
    ("CTRL_VME", "E1000_CTRL_VME", 1 << 30, "13.4.1"),
    ("CTRL_PHY_RST", "E1000_CTRL_PHY_RST", 1 << 31, "13.4.1"),
    ("STATUS_FD", "E1000_STATUS_FD", 1 << 0, "13.4.2"),
    ("STATUS_LU", "E1000_STATUS_LU", 1 << 1, "13.4.2"),
    ("STATUS_TXOFF", "E1000_STATUS_TXOFF", 1 << 4, "13.4.2"),
    ("EECD_SK", "E1000_EECD_SK", 1 << 0, "13.4.3"),
    ("EECD_CS", "E1000_EECD_CS", 1 << 1, "13.4.3"),
    ("EECD_DI", "E1000_EECD_DI", 1 << 2, "13.4.3"),
    ("EECD_DO", "E1000_EECD_DO", 1 << 3, "13.4.3"),
    ("EECD_REQ", "E1000_EECD_REQ", 1 << 6, "13.4.3"),
    ("EECD_GNT", "E1000_EECD_GNT", 1 << 7, "13.4.3"),
    ("EECD_PRES", "E1000_EECD_PRES", 1 << 8, "13.4.3"),
    ("EERD_START", "E1000_EERD_START", 1 << 0, "13.4.4"),
    ("EERD_DONE", "E1000_EERD_DONE", 1 << 4, "13.4.4"),
    ("MDIC_DATA", "E1000_MDIC_DATA_MASK", 0xFFFF, "13.4.7"),
    ("MDIC_REG_SHIFT", "E1000_MDIC_REG_SHIFT", 16, "13.4.7"),
    ("MDIC_PHY_SHIFT", "E1000_MDIC_PHY_SHIFT", 21, "13.4.7"),
    ("MDIC_OP_WRITE", "E1000_MDIC_OP_WRITE", 1 << 26, "13.4.7"),
    ("MDIC_OP_READ", "E1000_MDIC_OP_READ", 2 << 26, "13.4.7"),
    ("MDIC_READY", "E1000_MDIC_READY", 1 << 28, "13.4.7"),
    ("MDIC_ERROR", "E1000_MDIC_ERROR", 1 << 30, "13.4.7"),
    ("ICR_TXDW", "E1000_ICR_TXDW", 1 << 0, "13.4.17"),
    ("ICR_TXQE", "E1000_ICR_TXQE", 1 << 1, "13.4.17"),
    ("ICR_LSC", "E1000_ICR_LSC", 1 << 2, "13.4.17"),
    ("ICR_RXSEQ", "E1000_ICR_RXSEQ", 1 << 3, "13.4.17"),
    ("ICR_RXDMT0", "E1000_ICR_RXDMT0", 1 << 4, "13.4.17"),
    ("ICR_RXO", "E1000_ICR_RXO", 1 << 6, "13.4.17"),
    ("ICR_RXT0", "E1000_ICR_RXT0", 1 << 7, "13.4.17"),
    ("ICR_MDAC", "E1000_ICR_MDAC", 1 << 9, "13.4.17"),
    ("ICR_TXD_LOW", "E1000_ICR_TXD_LOW", 1 << 15, "13.4.17"),
    ("ICR_SRPD", "E1000_ICR_SRPD", 1 << 16, "13.4.17"),
    ("RCTL_EN", "E1000_RCTL_EN", 1 << 1, "13.4.22"),
    ("RCTL_SBP", "E1000_RCTL_SBP", 1 << 2, "13.4.22"),
    ("RCTL_UPE", "E1000_RCTL_UPE", 1 << 3, "13.4.22"),
    ("RCTL_MPE", "E1000_RCTL_MPE", 1 << 4, "13.4.22"),
    ("RCTL_LPE", "E1000_RCTL_LPE", 1 << 5, "13.4.22"),
    ("RCTL_LBM_MAC", "E1000_RCTL_LBM_MAC", 1 << 6, "13.4.22"),
    ("RCTL_MO_SHIFT", "E1000_RCTL_MO_SHIFT", 12, "13.4.22"),
    ("RCTL_BAM", "E1000_RCTL_BAM", 1 << 15, "13.4.22"),
    ("RCTL_VFE", "E1000_RCTL_VFE", 1 << 18, "13.4.22"),
    ("RCTL_CFIEN", "E1000_RCTL_CFIEN", 1 << 19, "13.4.22"),
    ("RCTL_BSEX", "E1000_RCTL_BSEX", 1 << 25, "13.4.22"),
    ("RCTL_SECRC", "E1000_RCTL_SECRC", 1 << 26, "13.4.22"),
    ("RXCSUM_IPOFLD", "E1000_RXCSUM_IPOFLD", 1 << 8, "13.4.47"),
    ("RXCSUM_TUOFLD", "E1000_RXCSUM_TUOFLD", 1 << 9, "13.4.47"),
    ("RAH_AV", "E1000_RAH_AV", 1 << 31, "13.5.3"),
    ("FCRTL_XONE", "E1000_FCRTL_XONE", 1 << 31, "13.4.23"),
    ("TCTL_EN", "E1000_TCTL_EN", 1 << 1, "13.4.33"),
    ("TCTL_PSP", "E1000_TCTL_PSP", 1 << 3, "13.4.33"),
    ("RXD_STAT_DD", "E1000_RXD_STAT_DD", 1 << 0, "3.2.3.1"),
    ("RXD_STAT_EOP", "E1000_RXD_STAT_EOP", 1 << 1, "3.2.3.1"),
    ("RXD_STAT_IXSM", "E1000_RXD_STAT_IXSM", 1 << 2, "3.2.3.1"),
    ("RXD_STAT_VP", "E1000_RXD_STAT_VP", 1 << 3, "3.2.3.1"),
    ("RXD_STAT_TCPCS", "E1000_RXD_STAT_TCPCS", 1 << 5, "3.2.3.1"),
    ("RXD_STAT_IPCS", "E1000_RXD_STAT_IPCS", 1 << 6, "3.2.3.1"),
    ("RXD_STAT_PIF", "E1000_RXD_STAT_PIF", 1 << 7, "3.2.3.1"),
    ("RXD_ERR_CE", "E1000_RXD_ERR_CE", 1 << 0, "3.2.3.2"),
    ("RXD_ERR_TCPE", "E1000_RXD_ERR_TCPE", 1 << 5, "3.2.3.2"),
    ("RXD_ERR_IPE", "E1000_RXD_ERR_IPE", 1 << 6, "3.2.3.2"),
    ("TXD_STAT_DD", "E1000_TXD_STAT_DD", 1 << 0, "3.3.3.2"),
    ("TXD_POPTS_IXSM", "E1000_TXD_POPTS_IXSM", 1 << 0, "3.3.7.3"),
    ("TXD_POPTS_TXSM", "E1000_TXD_POPTS_TXSM", 1 << 1, "3.3.7.3"),
]

# The command byte: the device sees it as a byte, the driver writes it as bits 31:24 of a double word.
COMMANDS = [
    ("TXD_CMD_EOP", "E1000_TXD_CMD_EOP", 1 << 0, "3.3.7.1"),
    ("TXD_CMD_IFCS", "E1000_TXD_CMD_IFCS", 1 << 1, "3.3.7.1"),
    ("TXD_CMD_TSE", "E1000_TXD_CMD_TSE", 1 << 2, "3.3.7.1"),
    ("TXD_CMD_RS", "E1000_TXD_CMD_RS", 1 << 3, "3.3.7.1"),
    ("TXD_CMD_DEXT", "E1000_TXD_CMD_DEXT", 1 << 5, "3.3.7.1"),
    ("TXD_CMD_VLE", "E1000_TXD_CMD_VLE", 1 << 6, "3.3.7.1"),
    ("TXD_CMD_IDE", "E1000_TXD_CMD_IDE", 1 << 7, "3.3.7.1"),
    ("TXD_TUCMD_TCP", "E1000_TXD_CMD_TCP", 1 << 0, "3.3.6.1"),
    ("TXD_TUCMD_IP", "E1000_TXD_CMD_IP", 1 << 1, "3.3.6.1"),
]


@pytest.mark.parametrize("name", OFFSETS)
def test_register_offset(name):
    assert getattr(e1000_regs, f"E1000_{name}") == OFFSETS[name]
    assert getattr(registers, name) == OFFSETS[name]


def test_every_register_of_the_driver_is_in_the_table():
    offsets = set(OFFSETS.values())
    own = {
        name: value
        for name, value in vars(e1000_regs).items()
        if name.startswith("E1000_") and name.removeprefix("E1000_") in vars(registers)
    }
    assert {name for name, value in own.items() if value not in offsets} == set()


@pytest.mark.parametrize(("device", "driver", "value", "section"), BITS)
def test_bit(device, driver, value, section):
    assert getattr(bits, device) == value
    assert getattr(e1000_regs, driver) == value


@pytest.mark.parametrize(("device", "driver", "value", "section"), COMMANDS)
def test_command_bit(device, driver, value, section):
    assert getattr(bits, device) == value
    assert getattr(e1000_regs, driver) == value << 24


def test_descriptor_types():
    assert bits.TXD_DTYP_CONTEXT << 20 == e1000_regs.E1000_TXD_DTYP_C
    assert bits.TXD_DTYP_DATA << 20 == e1000_regs.E1000_TXD_DTYP_D


def test_speed_field():
    assert e1000_regs.E1000_STATUS_SPEED_100 == 1 << bits.STATUS_SPEED_SHIFT
    assert e1000_regs.E1000_STATUS_SPEED_1000 == 2 << bits.STATUS_SPEED_SHIFT
    assert bits.STATUS_SPEED == 3 << bits.STATUS_SPEED_SHIFT


def test_the_driver_is_for_the_card():
    assert (VENDOR_INTEL, DEVICE_82540EM) in MODULE_DEVICE_TABLE
