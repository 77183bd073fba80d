"""The PHY behind MDIC: identity, auto-negotiation, the speed and flow control that it settled on.

8254x manual, 13.4.7 and chapter 11; IEEE 802.3 clause 22 and annex 28B (the PAUSE resolution table).
"""

from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_regs import (
    ADVERTISE_10FULL,
    ADVERTISE_10HALF,
    ADVERTISE_100FULL,
    ADVERTISE_100HALF,
    ADVERTISE_1000FULL,
    ADVERTISE_CSMA,
    ADVERTISE_PAUSE,
    ADVERTISE_PAUSE_ASYM,
    BMCR_ANENABLE,
    BMCR_ANRESTART,
    BMSR_ANEGCOMPLETE,
    BMSR_LSTATUS,
    E1000_CTRL,
    E1000_CTRL_FRCDPX,
    E1000_CTRL_FRCSPD,
    E1000_CTRL_RFCE,
    E1000_CTRL_SLU,
    E1000_CTRL_TFCE,
    E1000_MDIC,
    E1000_MDIC_DATA_MASK,
    E1000_MDIC_ERROR,
    E1000_MDIC_OP_READ,
    E1000_MDIC_OP_WRITE,
    E1000_MDIC_PHY_SHIFT,
    E1000_MDIC_READY,
    E1000_MDIC_REG_SHIFT,
    E1000_STATUS,
    E1000_STATUS_FD,
    E1000_STATUS_LU,
    E1000_STATUS_SPEED_100,
    E1000_STATUS_SPEED_1000,
    M88E1011_I_PHY_ID,
    MII_ADVERTISE,
    MII_BMCR,
    MII_BMSR,
    MII_CTRL1000,
    MII_LPA,
    MII_PHYSID1,
    MII_PHYSID2,
    PHY_ID_MASK,
)
from kernel.uapi.errno import EIO

POLLS = 1000
FC_NONE = 0
FC_RX_PAUSE = 1
FC_TX_PAUSE = 2
FC_FULL = 3
# hw.autoneg_advertised is MII_ADVERTISE's bits with one more for gigabit.
E1000_ADVERTISE_1000_FULL = 0x10000
AUTONEG_ADVERTISE_DEFAULT = (
    ADVERTISE_10HALF | ADVERTISE_10FULL | ADVERTISE_100HALF | ADVERTISE_100FULL | E1000_ADVERTISE_1000_FULL
)


def e1000_read_phy_reg(hw, register):
    """The 16 bits of a PHY register, or -EIO."""
    ew32(hw, E1000_MDIC, register << E1000_MDIC_REG_SHIFT | hw.phy_addr << E1000_MDIC_PHY_SHIFT | E1000_MDIC_OP_READ)
    for _ in range(POLLS):
        mdic = er32(hw, E1000_MDIC)
        if mdic & E1000_MDIC_READY:
            return -EIO if mdic & E1000_MDIC_ERROR else mdic & E1000_MDIC_DATA_MASK
    return -EIO


def e1000_write_phy_reg(hw, register, value):
    """Write a PHY register; 0 or -EIO."""
    address = register << E1000_MDIC_REG_SHIFT | hw.phy_addr << E1000_MDIC_PHY_SHIFT
    ew32(hw, E1000_MDIC, address | E1000_MDIC_OP_WRITE | (value & E1000_MDIC_DATA_MASK))
    for _ in range(POLLS):
        mdic = er32(hw, E1000_MDIC)
        if mdic & E1000_MDIC_READY:
            return -EIO if mdic & E1000_MDIC_ERROR else 0
    return -EIO


def e1000_detect_gig_phy(hw):
    """Read who the PHY is; 0, or -EIO when it is not the one that this controller has."""
    high = e1000_read_phy_reg(hw, MII_PHYSID1)
    low = e1000_read_phy_reg(hw, MII_PHYSID2)
    if high < 0 or low < 0:
        return -EIO
    hw.phy_id = high << 16 | low
    return 0 if hw.phy_id & PHY_ID_MASK == M88E1011_I_PHY_ID & PHY_ID_MASK else -EIO


def e1000_setup_link(hw):
    """Set the link up: advertise what is asked for and restart negotiation, or force speed and duplex; 0 or -EIO."""
    ctrl = er32(hw, E1000_CTRL)
    ctrl |= E1000_CTRL_SLU
    ctrl &= ~(E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPX)
    ew32(hw, E1000_CTRL, ctrl)
    if not hw.autoneg:
        return e1000_write_phy_reg(hw, MII_BMCR, hw.forced_bmcr)
    advertise = hw.autoneg_advertised & (ADVERTISE_10HALF | ADVERTISE_10FULL | ADVERTISE_100HALF | ADVERTISE_100FULL)
    advertise |= ADVERTISE_CSMA
    if hw.fc_requested in (FC_RX_PAUSE, FC_FULL):
        advertise |= ADVERTISE_PAUSE | ADVERTISE_PAUSE_ASYM
    elif hw.fc_requested == FC_TX_PAUSE:
        advertise |= ADVERTISE_PAUSE_ASYM
    gigabit = ADVERTISE_1000FULL if hw.autoneg_advertised & E1000_ADVERTISE_1000_FULL else 0
    err = e1000_write_phy_reg(hw, MII_ADVERTISE, advertise)
    err = err or e1000_write_phy_reg(hw, MII_CTRL1000, gigabit)
    control = e1000_read_phy_reg(hw, MII_BMCR)
    if err or control < 0:
        return -EIO
    return e1000_write_phy_reg(hw, MII_BMCR, control | BMCR_ANENABLE | BMCR_ANRESTART)


def e1000_link_up(hw):
    """True when the PHY has a link and has finished negotiating.  The link bit latches low, so it is read twice."""
    e1000_read_phy_reg(hw, MII_BMSR)
    status = e1000_read_phy_reg(hw, MII_BMSR)
    if status < 0 or not status & BMSR_LSTATUS:
        return False
    if hw.autoneg and not status & BMSR_ANEGCOMPLETE:
        return False
    return bool(er32(hw, E1000_STATUS) & E1000_STATUS_LU)


def e1000_get_speed_and_duplex(hw):
    """(megabits per second, full duplex) as the MAC resolved them."""
    status = er32(hw, E1000_STATUS)
    if status & E1000_STATUS_SPEED_1000:
        speed = 1000
    elif status & E1000_STATUS_SPEED_100:
        speed = 100
    else:
        speed = 10
    return speed, bool(status & E1000_STATUS_FD)


def e1000_config_fc_after_link_up(hw):
    """Settle flow control from what both ends advertise and tell the MAC; returns an FC_ value."""
    ours = e1000_read_phy_reg(hw, MII_ADVERTISE)
    theirs = e1000_read_phy_reg(hw, MII_LPA)
    full_duplex = er32(hw, E1000_STATUS) & E1000_STATUS_FD
    hw.fc_current = FC_NONE
    if not hw.autoneg:
        hw.fc_current = hw.fc_requested
    elif ours >= 0 and theirs >= 0 and full_duplex:
        both = ADVERTISE_PAUSE | ADVERTISE_PAUSE_ASYM
        if ours & theirs & ADVERTISE_PAUSE:
            hw.fc_current = FC_FULL if hw.fc_requested == FC_FULL else FC_RX_PAUSE
        elif ours & both == ADVERTISE_PAUSE_ASYM and theirs & both == both:
            hw.fc_current = FC_TX_PAUSE
        elif ours & both == both and theirs & both == ADVERTISE_PAUSE_ASYM:
            hw.fc_current = FC_RX_PAUSE
    ctrl = er32(hw, E1000_CTRL) & ~(E1000_CTRL_RFCE | E1000_CTRL_TFCE)
    if hw.fc_current & FC_RX_PAUSE:
        ctrl |= E1000_CTRL_RFCE
    if hw.fc_current & FC_TX_PAUSE:
        ctrl |= E1000_CTRL_TFCE
    ew32(hw, E1000_CTRL, ctrl)
    return hw.fc_current
