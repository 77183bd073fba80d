"""ethtool: what a driver tells about its device and lets be changed, and the SIOCETHTOOL ioctl that carries it.

A driver subclasses `ethtool_ops`; every method that it leaves out makes its command say EOPNOTSUPP.  `dev_ethtool`
decodes the structures of <linux/ethtool.h> from user memory and encodes the answers.
"""

import struct

from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.net.core.netdev_flags import (
    NETIF_F_GRO,
    NETIF_F_GSO,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_HW_VLAN_CTAG_FILTER,
    NETIF_F_HW_VLAN_CTAG_RX,
    NETIF_F_HW_VLAN_CTAG_TX,
    NETIF_F_IP_CSUM,
    NETIF_F_LOOPBACK,
    NETIF_F_RXALL,
    NETIF_F_RXCSUM,
    NETIF_F_RXFCS,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.netdevice import netif_carrier_ok
from kernel.uapi import ethtool as uapi
from kernel.uapi.errno import EFAULT, EINVAL, EOPNOTSUPP, EPERM

# Bit number and name of every offload, as `ethtool -k` shows them.
FEATURE_NAMES = (
    (NETIF_F_SG, "tx-scatter-gather"),
    (NETIF_F_IP_CSUM, "tx-checksum-ipv4"),
    (NETIF_F_HW_CSUM, "tx-checksum-ip-generic"),
    (NETIF_F_HIGHDMA, "highdma"),
    (NETIF_F_HW_VLAN_CTAG_TX, "tx-vlan-hw-insert"),
    (NETIF_F_HW_VLAN_CTAG_RX, "rx-vlan-hw-parse"),
    (NETIF_F_HW_VLAN_CTAG_FILTER, "rx-vlan-filter"),
    (NETIF_F_GSO, "tx-generic-segmentation"),
    (NETIF_F_GRO, "rx-gro"),
    (NETIF_F_TSO, "tx-tcp-segmentation"),
    (NETIF_F_RXCSUM, "rx-checksum"),
    (NETIF_F_LOOPBACK, "loopback"),
    (NETIF_F_RXFCS, "rx-fcs"),
    (NETIF_F_RXALL, "rx-all"),
)
# Offloads that the stack itself does, so that every device may have them.
SOFTWARE_FEATURES = NETIF_F_GSO | NETIF_F_GRO
# ETHTOOL_GFLAGS
FLAG_FEATURES = (
    (uapi.ETH_FLAG_TXVLAN, NETIF_F_HW_VLAN_CTAG_TX),
    (uapi.ETH_FLAG_RXVLAN, NETIF_F_HW_VLAN_CTAG_RX),
)
# Old single-feature commands: get, set -> feature.
GET_FEATURE = {
    uapi.ETHTOOL_GRXCSUM: NETIF_F_RXCSUM,
    uapi.ETHTOOL_GTXCSUM: NETIF_F_HW_CSUM | NETIF_F_IP_CSUM,
    uapi.ETHTOOL_GSG: NETIF_F_SG,
    uapi.ETHTOOL_GTSO: NETIF_F_TSO,
    uapi.ETHTOOL_GGSO: NETIF_F_GSO,
    uapi.ETHTOOL_GGRO: NETIF_F_GRO,
}
SET_FEATURE = {
    uapi.ETHTOOL_SRXCSUM: NETIF_F_RXCSUM,
    uapi.ETHTOOL_STXCSUM: NETIF_F_HW_CSUM | NETIF_F_IP_CSUM,
    uapi.ETHTOOL_SSG: NETIF_F_SG,
    uapi.ETHTOOL_STSO: NETIF_F_TSO,
    uapi.ETHTOOL_SGSO: NETIF_F_GSO,
    uapi.ETHTOOL_SGRO: NETIF_F_GRO,
}


class ethtool_ops:
    """A driver's answers.  A getter returns None and a setter -EOPNOTSUPP where the device has nothing of the kind."""

    def get_drvinfo(self, dev):
        """(driver, version, firmware version, bus address)."""
        return

    def get_link_settings(self, dev):
        """(speed in Mb/s, full duplex, negotiated, supported bits, advertised bits)."""
        return

    def set_link_settings(self, dev, speed, full_duplex, negotiate, advertised):
        return -EOPNOTSUPP

    def nway_reset(self, dev):
        return -EOPNOTSUPP

    def get_regs(self, dev):
        """(version, register dump as bytes)."""
        return

    def get_eeprom(self, dev, offset, length):
        """(magic, bytes), or None."""
        return

    def get_eeprom_len(self, dev):
        return 0

    def set_eeprom(self, dev, magic, offset, data):
        return -EOPNOTSUPP

    def get_ringparam(self, dev):
        """(receive maximum, transmit maximum, receive, transmit) in descriptors."""
        return

    def set_ringparam(self, dev, receive, transmit):
        return -EOPNOTSUPP

    def get_coalesce(self, dev):
        """Microseconds between receive interrupts; 0 to 3 are modes of the driver."""
        return

    def set_coalesce(self, dev, microseconds):
        return -EOPNOTSUPP

    def get_pauseparam(self, dev):
        """(negotiated, receive, transmit)."""
        return

    def set_pauseparam(self, dev, negotiate, receive, transmit):
        return -EOPNOTSUPP

    def get_statistics(self, dev):
        """[(name, value)] in the driver's order."""
        return

    def self_test(self, dev, offline):
        """[(name, result)], 0 for passed."""
        return

    def test_names(self, dev):
        return []


def dev_ethtool(dev, mm, address, privileged=True):
    """SIOCETHTOOL: the structure at `address` of the program `mm` is read, carried out and answered; 0 or -errno.

    Without `privileged` only what shows and discloses nothing but the device's state is allowed (-EPERM).
    """
    head = copy_from_user(mm, address, 4)
    if head is None:
        return -EFAULT
    command = int.from_bytes(head, "little")
    if not privileged and command not in GET_FEATURE and command not in UNPRIVILEGED:
        return -EPERM
    handler = HANDLERS.get(command)
    if handler is None:
        if command in GET_FEATURE:
            answer = struct.pack(uapi.ETHTOOL_VALUE, command, 1 if dev.features & GET_FEATURE[command] else 0)
            return 0 if copy_to_user(mm, address, answer) else -EFAULT
        if command in SET_FEATURE:
            raw = copy_from_user(mm, address, 8)
            if raw is None:
                return -EFAULT
            mask = SET_FEATURE[command] & (dev.hw_features | SOFTWARE_FEATURES)
            return netdev_change_features(dev, mask, mask if int.from_bytes(raw[4:], "little") else 0)
        return -EOPNOTSUPP
    ops = dev.ethtool_ops if dev.ethtool_ops is not None else ethtool_ops()
    size, function = handler
    raw = copy_from_user(mm, address, size)
    if raw is None:
        return -EFAULT
    answer = function(dev, ops, raw, lambda offset, length: copy_from_user(mm, address + offset, length))
    if isinstance(answer, int):
        return answer
    return 0 if copy_to_user(mm, address, answer) else -EFAULT


def netdev_change_features(dev, mask, wanted):
    """Switch the features in `mask` to `wanted`; 0, or -EINVAL for one that the device can not change."""
    if mask & ~(dev.hw_features | SOFTWARE_FEATURES):
        return -EINVAL
    features = (dev.features & ~mask) | (wanted & mask)
    # Cutting segments needs their checksums and their pieces.
    if not features & (NETIF_F_HW_CSUM | NETIF_F_IP_CSUM) or not features & NETIF_F_SG:
        features &= ~NETIF_F_TSO
    if features == dev.features:
        return 0
    return dev.netdev_ops.ndo_set_features(dev, features)


# --- one function per command: (dev, ops, raw structure, fetch(offset, length)) -> bytes to write back, or an errno ---


def get_drvinfo(dev, ops, raw, fetch):
    info = ops.get_drvinfo(dev)
    if info is None:
        return -EOPNOTSUPP
    driver, version, firmware, bus = (field.encode() for field in info)
    statistics = ops.get_statistics(dev) or []
    registers = ops.get_regs(dev)
    return struct.pack(
        uapi.ETHTOOL_DRVINFO,
        uapi.ETHTOOL_GDRVINFO,
        driver,
        version,
        firmware,
        bus,
        b"",
        b"",
        0,
        len(statistics),
        len(ops.test_names(dev)),
        ops.get_eeprom_len(dev),
        len(registers[1]) if registers is not None else 0,
    )


def get_settings(dev, ops, raw, fetch):
    settings = ops.get_link_settings(dev)
    if settings is None:
        return -EOPNOTSUPP
    speed, full_duplex, negotiated, supported, advertised = settings
    speed_high = 0
    if speed:
        duplex = uapi.DUPLEX_FULL if full_duplex else uapi.DUPLEX_HALF
    else:
        speed = speed_high = uapi.SPEED_UNKNOWN & 0xFFFF
        duplex = uapi.DUPLEX_UNKNOWN
    return struct.pack(
        uapi.ETHTOOL_CMD,
        uapi.ETHTOOL_GSET,
        supported,
        advertised,
        speed,
        duplex,
        uapi.PORT_TP,
        0,
        uapi.XCVR_INTERNAL,
        uapi.AUTONEG_ENABLE if negotiated else uapi.AUTONEG_DISABLE,
        0,
        0,
        0,
        speed_high,
        0,
        0,
        0,
        0,
        0,
    )


def set_settings(dev, ops, raw, fetch):
    fields = struct.unpack(uapi.ETHTOOL_CMD, raw)
    advertised, speed, duplex, negotiate = fields[2], fields[3], fields[4], fields[8]
    return ops.set_link_settings(
        dev, speed, duplex == uapi.DUPLEX_FULL, negotiate == uapi.AUTONEG_ENABLE, advertised
    )


def get_link(dev, ops, raw, fetch):
    return struct.pack(uapi.ETHTOOL_VALUE, uapi.ETHTOOL_GLINK, 1 if netif_carrier_ok(dev) else 0)


def nway_reset(dev, ops, raw, fetch):
    return ops.nway_reset(dev)


def get_regs(dev, ops, raw, fetch):
    dump = ops.get_regs(dev)
    if dump is None:
        return -EOPNOTSUPP
    version, data = dump
    data = data[: struct.unpack(uapi.ETHTOOL_REGS, raw)[2]]
    return struct.pack(uapi.ETHTOOL_REGS, uapi.ETHTOOL_GREGS, version, len(data)) + data


def get_eeprom(dev, ops, raw, fetch):
    _, _, offset, length = struct.unpack(uapi.ETHTOOL_EEPROM, raw)
    if offset + length > ops.get_eeprom_len(dev):
        return -EINVAL if ops.get_eeprom_len(dev) else -EOPNOTSUPP
    found = ops.get_eeprom(dev, offset, length)
    if found is None:
        return -EOPNOTSUPP
    magic, data = found
    return struct.pack(uapi.ETHTOOL_EEPROM, uapi.ETHTOOL_GEEPROM, magic, offset, length) + data


def set_eeprom(dev, ops, raw, fetch):
    _, magic, offset, length = struct.unpack(uapi.ETHTOOL_EEPROM, raw)
    if length == 0 or offset + length > ops.get_eeprom_len(dev):
        return -EINVAL if ops.get_eeprom_len(dev) else -EOPNOTSUPP
    data = fetch(struct.calcsize(uapi.ETHTOOL_EEPROM), length)
    if data is None:
        return -EFAULT
    return ops.set_eeprom(dev, magic, offset, data)


def get_coalesce(dev, ops, raw, fetch):
    microseconds = ops.get_coalesce(dev)
    if microseconds is None:
        return -EOPNOTSUPP
    return struct.pack(uapi.ETHTOOL_COALESCE, uapi.ETHTOOL_GCOALESCE, microseconds, *([0] * 21))


def set_coalesce(dev, ops, raw, fetch):
    return ops.set_coalesce(dev, struct.unpack(uapi.ETHTOOL_COALESCE, raw)[1])


def get_ringparam(dev, ops, raw, fetch):
    sizes = ops.get_ringparam(dev)
    if sizes is None:
        return -EOPNOTSUPP
    receive_max, transmit_max, receive, transmit = sizes
    return struct.pack(
        uapi.ETHTOOL_RINGPARAM, uapi.ETHTOOL_GRINGPARAM, receive_max, 0, 0, transmit_max, receive, 0, 0, transmit
    )


def set_ringparam(dev, ops, raw, fetch):
    fields = struct.unpack(uapi.ETHTOOL_RINGPARAM, raw)
    receive, mini, jumbo, transmit = fields[5:9]
    sizes = ops.get_ringparam(dev)
    if sizes is None:
        return -EOPNOTSUPP
    if mini or jumbo or receive > sizes[0] or transmit > sizes[1]:
        return -EINVAL
    return ops.set_ringparam(dev, receive, transmit)


def get_pauseparam(dev, ops, raw, fetch):
    pause = ops.get_pauseparam(dev)
    if pause is None:
        return -EOPNOTSUPP
    return struct.pack(uapi.ETHTOOL_PAUSEPARAM, uapi.ETHTOOL_GPAUSEPARAM, *(1 if flag else 0 for flag in pause))


def set_pauseparam(dev, ops, raw, fetch):
    _, negotiate, receive, transmit = struct.unpack(uapi.ETHTOOL_PAUSEPARAM, raw)
    return ops.set_pauseparam(dev, bool(negotiate), bool(receive), bool(transmit))


def string_set(dev, ops, which):
    """The names of a string set, or None for one that the device does not have."""
    if which == uapi.ETH_SS_STATS:
        return [name for name, _ in ops.get_statistics(dev) or []]
    if which == uapi.ETH_SS_TEST:
        return ops.test_names(dev)
    if which == uapi.ETH_SS_FEATURES:
        return [name for _, name in FEATURE_NAMES]
    return None


def get_strings(dev, ops, raw, fetch):
    _, which, room = struct.unpack(uapi.ETHTOOL_GSTRINGS_HEAD, raw)
    names = string_set(dev, ops, which)
    if names is None:
        return -EOPNOTSUPP
    # A program that asked for the count first has room for as many; zero asks for all, as old programs do.
    if room:
        names = names[:room]
    body = b"".join(name.encode()[: uapi.ETH_GSTRING_LEN - 1].ljust(uapi.ETH_GSTRING_LEN, b"\0") for name in names)
    return struct.pack(uapi.ETHTOOL_GSTRINGS_HEAD, uapi.ETHTOOL_GSTRINGS, which, len(names)) + body


def get_stats(dev, ops, raw, fetch):
    values = ops.get_statistics(dev)
    if values is None:
        return -EOPNOTSUPP
    room = struct.unpack(uapi.ETHTOOL_STATS_HEAD, raw)[1]
    if room:
        values = values[:room]
    body = b"".join((value & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little") for _, value in values)
    return struct.pack(uapi.ETHTOOL_STATS_HEAD, uapi.ETHTOOL_GSTATS, len(values)) + body


def get_sset_info(dev, ops, raw, fetch):
    _, _, mask = struct.unpack(uapi.ETHTOOL_SSET_INFO, raw)
    answered = 0
    counts = b""
    for which in range(64):
        if mask >> which & 1:
            names = string_set(dev, ops, which)
            if names is not None:
                answered |= 1 << which
                counts += len(names).to_bytes(4, "little")
    return struct.pack(uapi.ETHTOOL_SSET_INFO, uapi.ETHTOOL_GSSET_INFO, 0, answered) + counts


def run_test(dev, ops, raw, fetch):
    flags = struct.unpack(uapi.ETHTOOL_TEST_HEAD, raw)[1]
    results = ops.self_test(dev, bool(flags & uapi.ETH_TEST_FL_OFFLINE))
    if results is None:
        return -EOPNOTSUPP
    if any(value for _, value in results):
        flags |= uapi.ETH_TEST_FL_FAILED
    body = b"".join(value.to_bytes(8, "little") for _, value in results)
    return struct.pack(uapi.ETHTOOL_TEST_HEAD, uapi.ETHTOOL_TEST, flags, 0, len(results)) + body


def get_perm_addr(dev, ops, raw, fetch):
    room = struct.unpack(uapi.ETHTOOL_PERM_ADDR, raw)[1]
    if room < len(dev.perm_addr):
        return -EINVAL
    return struct.pack(uapi.ETHTOOL_PERM_ADDR, uapi.ETHTOOL_GPERMADDR, len(dev.perm_addr)) + dev.perm_addr


def feature_word(features):
    """The bits of `features` in the order of FEATURE_NAMES."""
    return sum(1 << index for index, (feature, _) in enumerate(FEATURE_NAMES) if features & feature)


def get_features(dev, ops, raw, fetch):
    blocks = struct.unpack(uapi.ETHTOOL_FEATURES_HEAD, raw)[1]
    if blocks == 0:
        return struct.pack(uapi.ETHTOOL_FEATURES_HEAD, uapi.ETHTOOL_GFEATURES, 1)
    changeable = dev.hw_features | SOFTWARE_FEATURES
    fixed = ((1 << len(FEATURE_NAMES)) - 1) & ~feature_word(changeable)
    return struct.pack(
        "<IIIIII",
        uapi.ETHTOOL_GFEATURES,
        1,
        feature_word(changeable),
        feature_word(dev.features),
        feature_word(dev.features),
        fixed,
    )


def get_flags(dev, ops, raw, fetch):
    flags = sum(bit for bit, feature in FLAG_FEATURES if dev.features & feature)
    return struct.pack(uapi.ETHTOOL_VALUE, uapi.ETHTOOL_GFLAGS, flags)


def set_features(dev, ops, raw, fetch):
    if struct.unpack(uapi.ETHTOOL_FEATURES_HEAD, raw)[1] != 1:
        return -EINVAL
    block = fetch(struct.calcsize(uapi.ETHTOOL_FEATURES_HEAD), 8)
    if block is None:
        return -EFAULT
    valid, requested = struct.unpack("<II", block)
    mask = sum(feature for index, (feature, _) in enumerate(FEATURE_NAMES) if valid >> index & 1)
    wanted = sum(feature for index, (feature, _) in enumerate(FEATURE_NAMES) if requested >> index & 1)
    return netdev_change_features(dev, mask, wanted)


# Command -> (size of the structure's fixed part, function).
HANDLERS = {
    uapi.ETHTOOL_GSET: (struct.calcsize(uapi.ETHTOOL_CMD), get_settings),
    uapi.ETHTOOL_SSET: (struct.calcsize(uapi.ETHTOOL_CMD), set_settings),
    uapi.ETHTOOL_GDRVINFO: (4, get_drvinfo),
    uapi.ETHTOOL_GREGS: (struct.calcsize(uapi.ETHTOOL_REGS), get_regs),
    uapi.ETHTOOL_NWAY_RST: (4, nway_reset),
    uapi.ETHTOOL_GLINK: (4, get_link),
    uapi.ETHTOOL_GEEPROM: (struct.calcsize(uapi.ETHTOOL_EEPROM), get_eeprom),
    uapi.ETHTOOL_SEEPROM: (struct.calcsize(uapi.ETHTOOL_EEPROM), set_eeprom),
    uapi.ETHTOOL_GCOALESCE: (4, get_coalesce),
    uapi.ETHTOOL_SCOALESCE: (struct.calcsize(uapi.ETHTOOL_COALESCE), set_coalesce),
    uapi.ETHTOOL_GRINGPARAM: (4, get_ringparam),
    uapi.ETHTOOL_SRINGPARAM: (struct.calcsize(uapi.ETHTOOL_RINGPARAM), set_ringparam),
    uapi.ETHTOOL_GPAUSEPARAM: (4, get_pauseparam),
    uapi.ETHTOOL_SPAUSEPARAM: (struct.calcsize(uapi.ETHTOOL_PAUSEPARAM), set_pauseparam),
    uapi.ETHTOOL_GSTRINGS: (struct.calcsize(uapi.ETHTOOL_GSTRINGS_HEAD), get_strings),
    uapi.ETHTOOL_GSTATS: (struct.calcsize(uapi.ETHTOOL_STATS_HEAD), get_stats),
    uapi.ETHTOOL_GSSET_INFO: (struct.calcsize(uapi.ETHTOOL_SSET_INFO), get_sset_info),
    uapi.ETHTOOL_TEST: (struct.calcsize(uapi.ETHTOOL_TEST_HEAD), run_test),
    uapi.ETHTOOL_GPERMADDR: (struct.calcsize(uapi.ETHTOOL_PERM_ADDR), get_perm_addr),
    uapi.ETHTOOL_GFLAGS: (4, get_flags),
    uapi.ETHTOOL_GFEATURES: (struct.calcsize(uapi.ETHTOOL_FEATURES_HEAD), get_features),
    uapi.ETHTOOL_SFEATURES: (struct.calcsize(uapi.ETHTOOL_FEATURES_HEAD), set_features),
}
# What everybody may ask for: not registers, EEPROM or a test.
UNPRIVILEGED = frozenset({
    uapi.ETHTOOL_GSET,
    uapi.ETHTOOL_GDRVINFO,
    uapi.ETHTOOL_GLINK,
    uapi.ETHTOOL_GCOALESCE,
    uapi.ETHTOOL_GRINGPARAM,
    uapi.ETHTOOL_GPAUSEPARAM,
    uapi.ETHTOOL_GSTRINGS,
    uapi.ETHTOOL_GSTATS,
    uapi.ETHTOOL_GSSET_INFO,
    uapi.ETHTOOL_GPERMADDR,
    uapi.ETHTOOL_GFLAGS,
    uapi.ETHTOOL_GFEATURES,
})
