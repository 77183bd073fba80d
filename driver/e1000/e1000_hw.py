"""The controller itself: reset, initialisation, and the registers that say how it sends and receives.

Sections are those of the 8254x Software Developer's Manual (14: initialisation and reset).
"""

from driver.e1000.e1000_osdep import er32, ew32, ew32_io
from driver.e1000.e1000_phy import e1000_setup_link
from driver.e1000.e1000_regs import (
    E1000_CTRL,
    E1000_CTRL_RST,
    E1000_CTRL_VME,
    E1000_FCAH,
    E1000_FCAL,
    E1000_FCRTH,
    E1000_FCRTL,
    E1000_FCRTL_XONE,
    E1000_FCT,
    E1000_FCTTV,
    E1000_ICR,
    E1000_IMC,
    E1000_ITR,
    E1000_MANC,
    E1000_MC_TBL_SIZE,
    E1000_MTA,
    E1000_PBA,
    E1000_RADV,
    E1000_RAH,
    E1000_RAH_AV,
    E1000_RAL,
    E1000_RAR_ENTRIES,
    E1000_RCTL,
    E1000_RCTL_BAM,
    E1000_RCTL_BSEX,
    E1000_RCTL_EN,
    E1000_RCTL_LPE,
    E1000_RCTL_SBP,
    E1000_RCTL_SECRC,
    E1000_RCTL_SZ_2048,
    E1000_RCTL_SZ_4096,
    E1000_RDBAH,
    E1000_RDBAL,
    E1000_RDH,
    E1000_RDLEN,
    E1000_RDT,
    E1000_RDTR,
    E1000_RXCSUM,
    E1000_RXCSUM_IPOFLD,
    E1000_RXCSUM_TUOFLD,
    E1000_STATUS,
    E1000_TADV,
    E1000_TCTL,
    E1000_TCTL_COLD_SHIFT,
    E1000_TCTL_CT_SHIFT,
    E1000_TCTL_EN,
    E1000_TCTL_PSP,
    E1000_TCTL_RTLC,
    E1000_TDBAH,
    E1000_TDBAL,
    E1000_TDH,
    E1000_TDLEN,
    E1000_TDT,
    E1000_TIDV,
    E1000_TIPG,
    E1000_TIPG_IPGR1,
    E1000_TIPG_IPGR1_SHIFT,
    E1000_TIPG_IPGR2,
    E1000_TIPG_IPGR2_SHIFT,
    E1000_TIPG_IPGT_COPPER,
    E1000_TXDCTL,
    E1000_VET,
    E1000_VFTA,
    E1000_VLAN_FILTER_TBL_SIZE,
    E1000_WUC,
)
from kernel.net.core.netdev_flags import NETIF_F_RXALL, NETIF_F_RXFCS
from kernel.uapi.errno import EIO
from kernel.uapi.if_ether import ETH_FCS_LEN, ETH_HLEN, ETH_P_8021Q, VLAN_HLEN

ALL_INTERRUPTS = 0xFFFFFFFF
POLLS = 1000
# The packet buffer of 64 KiB: what receiving gets, in KiB; sending gets the rest (13.4.16).
PBA_48K = 48
PBA_40K = 40
JUMBO_PBA_ABOVE = 8192
# The PAUSE frame's own address and type (IEEE 802.3 annex 31B).
FLOW_CONTROL_ADDRESS_LOW = 0x00C28001
FLOW_CONTROL_ADDRESS_HIGH = 0x00000100
FLOW_CONTROL_TYPE = 0x8808
FC_PAUSE_TIME = 0xFFFF
COLLISION_THRESHOLD = 15
FDX_COLLISION_DISTANCE = 63
# Prefetch and write back one descriptor at a time: no frame waits for company.
TXDCTL_IMMEDIATE_WRITE_BACK = 0x01010000
NS_PER_ITR_UNIT = 256


def e1000_reset_hw(hw):
    """Reset the MAC through the I/O window, with every interrupt masked (14.3); 0, or -EIO when it stays dead."""
    ew32(hw, E1000_IMC, ALL_INTERRUPTS)
    ew32(hw, E1000_RCTL, 0)
    ew32(hw, E1000_TCTL, E1000_TCTL_PSP)
    er32(hw, E1000_STATUS)
    ctrl = er32(hw, E1000_CTRL)
    if hw.io_base is not None:
        ew32_io(hw, E1000_CTRL, ctrl | E1000_CTRL_RST)
    else:
        ew32(hw, E1000_CTRL, ctrl | E1000_CTRL_RST)
    for _ in range(POLLS):
        if not er32(hw, E1000_CTRL) & E1000_CTRL_RST:
            break
    else:
        return -EIO
    ew32(hw, E1000_IMC, ALL_INTERRUPTS)
    er32(hw, E1000_ICR)
    return 0


def e1000_init_hw(hw):
    """Bring a reset controller into a defined state: filters, flow control, link (14.4, 14.5); 0 or -EIO."""
    ew32(hw, E1000_VET, ETH_P_8021Q)
    for index in range(E1000_VLAN_FILTER_TBL_SIZE):
        ew32(hw, E1000_VFTA + 4 * index, 0)
    e1000_init_rx_addrs(hw)
    for index in range(E1000_MC_TBL_SIZE):
        ew32(hw, E1000_MTA + 4 * index, 0)
    ew32(hw, E1000_FCAL, FLOW_CONTROL_ADDRESS_LOW)
    ew32(hw, E1000_FCAH, FLOW_CONTROL_ADDRESS_HIGH)
    ew32(hw, E1000_FCT, FLOW_CONTROL_TYPE)
    ew32(hw, E1000_FCTTV, FC_PAUSE_TIME)
    if hw.fc_requested & 2:
        ew32(hw, E1000_FCRTL, hw.fc_low_water | E1000_FCRTL_XONE)
        ew32(hw, E1000_FCRTH, hw.fc_high_water)
    else:
        ew32(hw, E1000_FCRTL, 0)
        ew32(hw, E1000_FCRTH, 0)
    ew32(hw, E1000_TXDCTL, TXDCTL_IMMEDIATE_WRITE_BACK)
    return e1000_setup_link(hw)


def e1000_init_rx_addrs(hw):
    """Receive address 0 is the station's; the others are empty."""
    e1000_rar_set(hw, hw.mac_addr, 0)
    for index in range(1, E1000_RAR_ENTRIES):
        e1000_rar_clear(hw, index)


def e1000_rar_set(hw, address, index):
    """Accept frames for `address` (6 bytes) by receive address register `index`."""
    ew32(hw, E1000_RAL + 8 * index, int.from_bytes(address[:4], "little"))
    ew32(hw, E1000_RAH + 8 * index, int.from_bytes(address[4:], "little") | E1000_RAH_AV)


def e1000_rar_clear(hw, index):
    ew32(hw, E1000_RAH + 8 * index, 0)
    ew32(hw, E1000_RAL + 8 * index, 0)


def e1000_reset(adapter):
    """Reset and initialise the controller for the present MTU; 0 or -EIO."""
    hw = adapter.hw
    max_frame = adapter.netdev.mtu + ETH_HLEN + VLAN_HLEN + ETH_FCS_LEN
    pba = PBA_40K if max_frame > JUMBO_PBA_ABOVE else PBA_48K
    # XOFF while a full frame each way still fits, XON as soon as there is room for one more.
    hw.fc_high_water = ((pba << 10) * 9 // 10 if max_frame <= 1522 else (pba << 10) - max_frame) & 0xFFF8
    hw.fc_low_water = max(hw.fc_high_water - 8, 0) & 0xFFF8
    err = e1000_reset_hw(hw)
    if err:
        return err
    ew32(hw, E1000_PBA, pba)
    ew32(hw, E1000_WUC, 0)
    adapter.context_valid = False
    return e1000_init_hw(hw)


def e1000_configure_tx(adapter):
    """Ring, delays and transmit control (14.5)."""
    hw = adapter.hw
    ring = adapter.tx
    ew32(hw, E1000_TDLEN, ring.size)
    ew32(hw, E1000_TDBAH, ring.dma >> 32)
    ew32(hw, E1000_TDBAL, ring.dma & 0xFFFFFFFF)
    ew32(hw, E1000_TDT, 0)
    ew32(hw, E1000_TDH, 0)
    ew32(
        hw,
        E1000_TIPG,
        E1000_TIPG_IPGT_COPPER
        | E1000_TIPG_IPGR1 << E1000_TIPG_IPGR1_SHIFT
        | E1000_TIPG_IPGR2 << E1000_TIPG_IPGR2_SHIFT,
    )
    ew32(hw, E1000_TIDV, adapter.params.tx_int_delay)
    ew32(hw, E1000_TADV, adapter.params.tx_abs_int_delay)
    ew32(
        hw,
        E1000_TCTL,
        E1000_TCTL_EN
        | E1000_TCTL_PSP
        | E1000_TCTL_RTLC
        | COLLISION_THRESHOLD << E1000_TCTL_CT_SHIFT
        | FDX_COLLISION_DISTANCE << E1000_TCTL_COLD_SHIFT,
    )


def e1000_configure_rx(adapter):
    """Ring, delays, buffer size and receive control (14.4)."""
    hw = adapter.hw
    ring = adapter.rx
    ew32(hw, E1000_RCTL, er32(hw, E1000_RCTL) & ~E1000_RCTL_EN)
    ew32(hw, E1000_RDTR, adapter.params.rx_int_delay)
    ew32(hw, E1000_RADV, adapter.params.rx_abs_int_delay)
    e1000_write_itr(adapter, adapter.itr)
    ew32(hw, E1000_RDLEN, ring.size)
    ew32(hw, E1000_RDBAH, ring.dma >> 32)
    ew32(hw, E1000_RDBAL, ring.dma & 0xFFFFFFFF)
    ew32(hw, E1000_RDT, 0)
    ew32(hw, E1000_RDH, 0)
    ew32(hw, E1000_RXCSUM, E1000_RXCSUM_TUOFLD | E1000_RXCSUM_IPOFLD if adapter.rx_csum else 0)
    rctl = er32(hw, E1000_RCTL) & (3 << 3 | 1 << 18)
    rctl |= E1000_RCTL_EN | E1000_RCTL_BAM
    if not adapter.netdev.features & NETIF_F_RXFCS:
        rctl |= E1000_RCTL_SECRC
    if adapter.netdev.features & NETIF_F_RXALL:
        rctl |= E1000_RCTL_SBP
    if adapter.rx_jumbo:
        rctl |= E1000_RCTL_LPE | E1000_RCTL_BSEX | E1000_RCTL_SZ_4096
    else:
        rctl |= E1000_RCTL_SZ_2048
    ew32(hw, E1000_RCTL, rctl)


def e1000_write_itr(adapter, rate):
    """Limit interrupts to `rate` per second; 0: no limit (13.4.18, 256 ns units)."""
    adapter.itr = rate
    ew32(adapter.hw, E1000_ITR, 1_000_000_000 // (rate * NS_PER_ITR_UNIT) if rate else 0)


def e1000_vlan_mode(hw, strip):
    """Let the hardware strip the 802.1Q tag from received frames, or leave it in."""
    ctrl = er32(hw, E1000_CTRL)
    ew32(hw, E1000_CTRL, ctrl | E1000_CTRL_VME if strip else ctrl & ~E1000_CTRL_VME)


def e1000_disable_management(hw):
    """Nobody but the driver answers ARP: there is no management controller behind this part."""
    ew32(hw, E1000_MANC, 0)
