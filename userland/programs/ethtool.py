"""ethtool: what a network interface's driver tells about it."""

from userland import libc
from userland.abi.ethtool import (
    DUPLEX_FULL,
    ETH_FLAG_RXVLAN,
    ETH_FLAG_TXVLAN,
    ETH_GSTRING_LEN,
    ETH_SS_STATS,
    ETHTOOL_CMD,
    ETHTOOL_COALESCE,
    ETHTOOL_DRVINFO,
    ETHTOOL_GCOALESCE,
    ETHTOOL_GDRVINFO,
    ETHTOOL_GFLAGS,
    ETHTOOL_GGRO,
    ETHTOOL_GGSO,
    ETHTOOL_GLINK,
    ETHTOOL_GREGS,
    ETHTOOL_GRINGPARAM,
    ETHTOOL_GRXCSUM,
    ETHTOOL_GSET,
    ETHTOOL_GSG,
    ETHTOOL_GSTATS,
    ETHTOOL_GSTRINGS,
    ETHTOOL_GSTRINGS_HEAD,
    ETHTOOL_GTSO,
    ETHTOOL_GTXCSUM,
    ETHTOOL_REGS,
    ETHTOOL_RINGPARAM,
    ETHTOOL_SCOALESCE,
    ETHTOOL_STATS_HEAD,
    ETHTOOL_VALUE,
    LINK_MODES,
    SPEED_UNKNOWN,
    SUPPORTED_AUTONEG,
)
from userland.net import ethtool_change as change
from userland.net.ethtool_change import Refused

USAGE = (
    "ethtool [-i|-S|-g|-d|-k|-c|-a|-P|-r] DEVICE | ethtool -C DEVICE rx-usecs N | ethtool -K DEVICE FEATURE on|off ... | "
    "ethtool -G DEVICE [rx N] [tx N] | ethtool -A DEVICE [autoneg|rx|tx on|off] ... | "
    "ethtool -s DEVICE [speed N] [duplex half|full] [autoneg on|off]"
)
FEATURES = (
    ("rx-checksumming", ETHTOOL_GRXCSUM),
    ("tx-checksumming", ETHTOOL_GTXCSUM),
    ("scatter-gather", ETHTOOL_GSG),
    ("tcp-segmentation-offload", ETHTOOL_GTSO),
    ("generic-segmentation-offload", ETHTOOL_GGSO),
    ("generic-receive-offload", ETHTOOL_GGRO),
)
MAX_DUMP = 1 << 20


def request(name, command, what):
    """Carry out one request; Refused when it fails."""
    return change.carry_out(name, command, f"get {what}")


def value(name, number):
    """A request that answers with one word, or None."""
    command = bytearray(ETHTOOL_VALUE.pack(number, 0))
    return ETHTOOL_VALUE.unpack(command)[1] if libc.ethtool_ioctl(name, command) >= 0 else None


def text_of(raw):
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def driver_info(name):
    """The fields of struct ethtool_drvinfo behind the command."""
    raw = bytearray(ETHTOOL_DRVINFO.size)
    raw[:4] = ETHTOOL_GDRVINFO.to_bytes(4, "little")
    return ETHTOOL_DRVINFO.unpack(request(name, raw, "driver information"))[1:]


def show_driver(name):
    driver, version, firmware, bus, rom, flags, count, tests, eeprom, registers = driver_info(name)
    rows = (
        ("driver", text_of(driver)),
        ("version", text_of(version)),
        ("firmware-version", text_of(firmware)),
        ("expansion-rom-version", text_of(rom)),
        ("bus-info", text_of(bus)),
        ("supports-statistics", "yes" if count else "no"),
        ("supports-test", "yes" if tests else "no"),
        ("supports-eeprom-access", "yes" if eeprom else "no"),
        ("supports-register-dump", "yes" if registers else "no"),
        ("supports-priv-flags", "yes" if flags else "no"),
    )
    libc.puts("\n".join(f"{title}: {text}" for title, text in rows))


def show_statistics(name):
    count = min(driver_info(name)[6], MAX_DUMP // ETH_GSTRING_LEN)
    if count == 0:
        raise Refused("no stats available")
    names = bytearray(ETHTOOL_GSTRINGS_HEAD.size + count * ETH_GSTRING_LEN)
    names[: ETHTOOL_GSTRINGS_HEAD.size] = ETHTOOL_GSTRINGS_HEAD.pack(ETHTOOL_GSTRINGS, ETH_SS_STATS, count)
    request(name, names, "stats strings information")
    values = bytearray(ETHTOOL_STATS_HEAD.size + count * 8)
    values[: ETHTOOL_STATS_HEAD.size] = ETHTOOL_STATS_HEAD.pack(ETHTOOL_GSTATS, count)
    request(name, values, "stats information")
    libc.puts("NIC statistics:")
    lines = []
    for index in range(count):
        start = ETHTOOL_GSTRINGS_HEAD.size + index * ETH_GSTRING_LEN
        at = ETHTOOL_STATS_HEAD.size + index * 8
        number = int.from_bytes(values[at : at + 8], "little")
        lines.append(f"     {text_of(bytes(names[start : start + ETH_GSTRING_LEN]))}: {number}")
    libc.puts("\n".join(lines))


def show_rings(name):
    raw = bytearray(ETHTOOL_RINGPARAM.pack(ETHTOOL_GRINGPARAM, *[0] * 8))
    fields = ETHTOOL_RINGPARAM.unpack(request(name, raw, "device ring settings"))[1:]
    titles = ("RX:\t\t", "RX Mini:\t", "RX Jumbo:\t", "TX:\t\t")
    libc.puts(f"Ring parameters for {name}:")
    for heading, numbers in (("Pre-set maximums:", fields[:4]), ("Current hardware settings:", fields[4:])):
        libc.puts(heading)
        for title, number in zip(titles, numbers, strict=True):
            libc.puts(f"{title}{number or 'n/a'}")


def show_coalescing(name):
    raw = bytearray(ETHTOOL_COALESCE.pack(ETHTOOL_GCOALESCE, *[0] * 22))
    period = ETHTOOL_COALESCE.unpack(request(name, raw, "device coalesce settings"))[1]
    libc.puts(f"Coalesce parameters for {name}:\nrx-usecs: {period}")


def set_coalescing(name, words, usage):
    """`rx-usecs N`: microseconds between interrupts; 0 none, 1 and 3 as the traffic is."""
    if len(words) != 2 or words[0] != "rx-usecs":
        raise libc.UsageError(f"usage: {usage}")
    period = libc.integer(words[1], 0, 0xFFFFFFFF)
    raw = bytearray(ETHTOOL_COALESCE.pack(ETHTOOL_SCOALESCE, period, *[0] * 21))
    change.carry_out(name, raw, "set device coalesce parameters")


def show_registers(name):
    size = min(driver_info(name)[9], MAX_DUMP)
    if size == 0:
        raise Refused("Cannot get register dump: Operation not supported")
    raw = bytearray(ETHTOOL_REGS.size + size)
    raw[: ETHTOOL_REGS.size] = ETHTOOL_REGS.pack(ETHTOOL_GREGS, 0, size)
    request(name, raw, "register dump")
    _, version, size = ETHTOOL_REGS.unpack(raw[: ETHTOOL_REGS.size])
    dump = raw[ETHTOOL_REGS.size : ETHTOOL_REGS.size + size]
    lines = [f"Register dump of {name}, version {version:#x}", "Offset\t\tValues", "------\t\t------"]
    for offset in range(0, len(dump), 16):
        words = [dump[at : at + 4][::-1].hex() for at in range(offset, min(offset + 16, len(dump)), 4)]
        lines.append(f"0x{offset:04x}:\t\t" + " ".join(words))
    libc.puts("\n".join(lines))


def show_features(name):
    lines = [f"Features for {name}:"]
    for title, number in FEATURES:
        setting = value(name, number)
        lines.append(f"{title}: {'on' if setting else 'off'}" + ("" if setting is not None else " [fixed]"))
    flags = value(name, ETHTOOL_GFLAGS) or 0
    lines.append(f"rx-vlan-offload: {'on' if flags & ETH_FLAG_RXVLAN else 'off'}")
    lines.append(f"tx-vlan-offload: {'on' if flags & ETH_FLAG_TXVLAN else 'off'}")
    libc.puts("\n".join(lines))


def show_settings(name):
    raw = bytearray(ETHTOOL_CMD.size)
    raw[:4] = ETHTOOL_GSET.to_bytes(4, "little")
    known = libc.ethtool_ioctl(name, raw) >= 0
    link = value(name, ETHTOOL_GLINK)
    if not known and link is None:
        raise Refused("No data available")
    lines = [f"Settings for {name}:"]
    if known:
        _, supported, advertised, speed, duplex, _, address, _, autoneg, *rest = ETHTOOL_CMD.unpack(raw)
        lines += modes("Supported link modes:", supported)
        lines.append(f"\tSupports auto-negotiation: {'Yes' if supported & SUPPORTED_AUTONEG else 'No'}")
        lines += modes("Advertised link modes:", advertised)
        megabits = rest[3] << 16 | speed
        unknown = megabits in (0, SPEED_UNKNOWN)
        lines.append("\tSpeed: " + ("Unknown!" if unknown else f"{megabits}Mb/s"))
        lines.append("\tDuplex: " + ("Unknown! (255)" if unknown else "Full" if duplex == DUPLEX_FULL else "Half"))
        lines.append(f"\tAuto-negotiation: {'on' if autoneg else 'off'}")
        lines.append("\tPort: Twisted Pair")
        lines.append(f"\tPHYAD: {address}")
    if link is not None:
        lines.append(f"\tLink detected: {'yes' if link else 'no'}")
    libc.puts("\n".join(lines))


def modes(title, bits):
    names = [name for bit, name in LINK_MODES if bits & bit] or ["Not reported"]
    return [f"\t{title:<23}{names[0]}", *(f"\t{'':<23}{name}" for name in names[1:])]


ACTIONS = {
    "i": show_driver, "S": show_statistics, "g": show_rings, "d": show_registers, "k": show_features, "c": show_coalescing,
    "a": change.show_pause, "P": change.show_permanent_address, "r": change.restart_negotiation,
}  # fmt: skip
CHANGES = {
    "C": set_coalescing, "K": change.set_features, "G": change.set_rings, "A": change.set_pause, "s": change.set_link,
}  # fmt: skip


def main(argv):
    try:
        options = libc.getopt(argv, "iSgdkcaPrCKGAs", USAGE)
        setting = len(options.given) == 1 and options.given[0][0] in CHANGES
        if len(options.operands) < 1 or (len(options.operands) > 1 and not setting) or len(options.given) > 1:
            raise libc.UsageError(f"usage: {USAGE}")
        name = options.operands[0]
        if libc.if_nametoindex(name) == 0:
            libc.eputs(f"netlink error: no device matches name {name}")
            return 1
        if setting:
            CHANGES[options.given[0][0]](name, options.operands[1:], USAGE)
            return 0
        action = ACTIONS[options.given[0][0]] if options.given else show_settings
        action(name)
    except libc.UsageError as error:
        libc.eputs(f"ethtool: {error}")
        return 2
    except Refused as error:
        libc.eputs(str(error))
        return 1
    return 0
