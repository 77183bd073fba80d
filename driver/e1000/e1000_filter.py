"""Which frames the hardware lets in: unicast and multicast addresses, promiscuous mode, VLANs.

8254x manual, 13.5.1 (multicast table), 13.5.2 (receive addresses), 13.5.4 (VLAN filter).
"""

from driver.e1000.e1000_hw import e1000_rar_clear, e1000_rar_set, e1000_vlan_mode
from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_regs import (
    E1000_MC_TBL_SIZE,
    E1000_MTA,
    E1000_RAR_ENTRIES,
    E1000_RCTL,
    E1000_RCTL_CFIEN,
    E1000_RCTL_MPE,
    E1000_RCTL_UPE,
    E1000_RCTL_VFE,
    E1000_VFTA,
)
from kernel.net.core.netdev_flags import NETIF_F_HW_VLAN_CTAG_FILTER, NETIF_F_HW_VLAN_CTAG_RX
from kernel.uapi.if_ import IFF_ALLMULTI, IFF_PROMISC


def e1000_hash_mc_addr(address):
    """The bit of the multicast table for `address`, with RCTL.MO 0: bits 47 to 36 of the address (13.5.1)."""
    return (address[4] >> 4 | address[5] << 4) & 0xFFF


def e1000_set_rx_mode(adapter):
    """Load the device's flags and multicast list into the filters."""
    hw = adapter.hw
    netdev = adapter.netdev
    rctl = er32(hw, E1000_RCTL)
    if netdev.flags & IFF_PROMISC:
        rctl |= E1000_RCTL_UPE | E1000_RCTL_MPE
        rctl &= ~E1000_RCTL_VFE
    else:
        rctl &= ~(E1000_RCTL_UPE | E1000_RCTL_MPE)
        if netdev.flags & IFF_ALLMULTI:
            rctl |= E1000_RCTL_MPE
        if netdev.features & NETIF_F_HW_VLAN_CTAG_FILTER and netdev.vlan_ids:
            rctl |= E1000_RCTL_VFE
        else:
            rctl &= ~E1000_RCTL_VFE
    rctl &= ~E1000_RCTL_CFIEN
    ew32(hw, E1000_RCTL, rctl)
    e1000_rar_set(hw, netdev.dev_addr, 0)
    # The first addresses get exact entries; the hash table, which also lets strangers in, takes the rest.
    addresses = list(netdev.mc_list)
    exact = addresses[: E1000_RAR_ENTRIES - 1]
    for index in range(1, E1000_RAR_ENTRIES):
        if index <= len(exact):
            e1000_rar_set(hw, exact[index - 1], index)
        else:
            e1000_rar_clear(hw, index)
    table = [0] * E1000_MC_TBL_SIZE
    for address in addresses[E1000_RAR_ENTRIES - 1 :]:
        bit = e1000_hash_mc_addr(address)
        table[bit >> 5] |= 1 << (bit & 31)
    for index in range(E1000_MC_TBL_SIZE):
        ew32(hw, E1000_MTA + 4 * index, table[index])


def e1000_restore_vlan(adapter):
    """After a reset: tag stripping and the VLAN table as they were."""
    e1000_vlan_mode(adapter.hw, bool(adapter.netdev.features & NETIF_F_HW_VLAN_CTAG_RX))
    for vid in adapter.netdev.vlan_ids:
        e1000_vfta_set(adapter.hw, vid, True)


def e1000_vfta_set(hw, vid, member):
    """Let frames of VLAN `vid` in, or keep them out."""
    register = E1000_VFTA + 4 * (vid >> 5 & 0x7F)
    word = er32(hw, register)
    bit = 1 << (vid & 31)
    ew32(hw, register, word | bit if member else word & ~bit)


def e1000_vlan_rx_add_vid(adapter, vid):
    adapter.netdev.vlan_ids.setdefault(vid)
    if not adapter.down:
        e1000_vfta_set(adapter.hw, vid, True)
        e1000_set_rx_mode(adapter)
    return 0


def e1000_vlan_rx_kill_vid(adapter, vid):
    adapter.netdev.vlan_ids.pop(vid, None)
    if not adapter.down:
        e1000_vfta_set(adapter.hw, vid, False)
        e1000_set_rx_mode(adapter)
    return 0
