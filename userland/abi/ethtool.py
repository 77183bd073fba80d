"""ethtool requests and structures (linux/ethtool.h): what SIOCETHTOOL's pointer points to."""

from struct import Struct

ETHTOOL_GSET = 0x01
ETHTOOL_SSET = 0x02
ETHTOOL_GDRVINFO = 0x03
ETHTOOL_GREGS = 0x04
ETHTOOL_NWAY_RST = 0x09
ETHTOOL_GLINK = 0x0A
ETHTOOL_GCOALESCE = 0x0E
ETHTOOL_SCOALESCE = 0x0F
ETHTOOL_GRINGPARAM = 0x10
ETHTOOL_SRINGPARAM = 0x11
ETHTOOL_GPAUSEPARAM = 0x12
ETHTOOL_SPAUSEPARAM = 0x13
ETHTOOL_GRXCSUM = 0x14
ETHTOOL_SRXCSUM = 0x15
ETHTOOL_GTXCSUM = 0x16
ETHTOOL_STXCSUM = 0x17
ETHTOOL_GSG = 0x18
ETHTOOL_SSG = 0x19
ETHTOOL_GSTRINGS = 0x1B
ETHTOOL_GSTATS = 0x1D
ETHTOOL_GTSO = 0x1E
ETHTOOL_STSO = 0x1F
ETHTOOL_GPERMADDR = 0x20
ETHTOOL_GGSO = 0x23
ETHTOOL_SGSO = 0x24
ETHTOOL_GFLAGS = 0x25
ETHTOOL_GGRO = 0x2B
ETHTOOL_SGRO = 0x2C

ETH_SS_STATS = 1
ETH_GSTRING_LEN = 32
ETH_FLAG_TXVLAN = 1 << 7
ETH_FLAG_RXVLAN = 1 << 8

# cmd, supported, advertising, speed, duplex, port, phy_address, transceiver, autoneg, mdio_support, maxtxpkt,
# maxrxpkt, speed_hi, eth_tp_mdix, eth_tp_mdix_ctrl, lp_advertising, reserved[2]
ETHTOOL_CMD = Struct("<IIIHBBBBBBIIHBBI8x")
# cmd, driver[32], version[32], fw_version[32], bus_info[32], erom_version[32], reserved[12], n_priv_flags, n_stats,
# testinfo_len, eedump_len, regdump_len
ETHTOOL_DRVINFO = Struct("<I32s32s32s32s32s12xIIIII")
# cmd, version, len; the registers follow
ETHTOOL_REGS = Struct("<III")
# cmd, data
ETHTOOL_VALUE = Struct("<II")
# cmd, string_set, len; the strings follow
ETHTOOL_GSTRINGS_HEAD = Struct("<III")
# cmd, n_stats; the 64-bit values follow
ETHTOOL_STATS_HEAD = Struct("<II")
# cmd, then the largest sizes (rx, rx mini, rx jumbo, tx) and the current ones
ETHTOOL_RINGPARAM = Struct("<9I")

# cmd, autoneg, rx_pause, tx_pause
ETHTOOL_PAUSEPARAM = Struct("<4I")
# cmd, rx_coalesce_usecs and 21 more
ETHTOOL_COALESCE = Struct("<23I")

# Bits of supported and advertising.
LINK_MODES = (
    (1 << 0, "10baseT/Half"),
    (1 << 1, "10baseT/Full"),
    (1 << 2, "100baseT/Half"),
    (1 << 3, "100baseT/Full"),
    (1 << 4, "1000baseT/Half"),
    (1 << 5, "1000baseT/Full"),
)
SUPPORTED_AUTONEG = 1 << 6
SPEED_UNKNOWN = 0xFFFFFFFF
DUPLEX_FULL = 1
