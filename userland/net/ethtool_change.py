"""What ethtool changes: features, rings, pause frames, speed and duplex; and the requests that start something (ethtool(8))."""

from userland import libc
from userland.abi import ethtool as abi

# The words of -K, short and long, and the command that sets each.
SETTABLE = {
    "rx": abi.ETHTOOL_SRXCSUM, "rx-checksumming": abi.ETHTOOL_SRXCSUM,
    "tx": abi.ETHTOOL_STXCSUM, "tx-checksumming": abi.ETHTOOL_STXCSUM,
    "sg": abi.ETHTOOL_SSG, "scatter-gather": abi.ETHTOOL_SSG,
    "tso": abi.ETHTOOL_STSO, "tcp-segmentation-offload": abi.ETHTOOL_STSO,
    "gso": abi.ETHTOOL_SGSO, "generic-segmentation-offload": abi.ETHTOOL_SGSO,
    "gro": abi.ETHTOOL_SGRO, "generic-receive-offload": abi.ETHTOOL_SGRO,
}  # fmt: skip
SWITCH = {"on": 1, "off": 0}
DUPLEX = {"half": 0, "full": abi.DUPLEX_FULL}
SPEEDS = (10, 100, 1000)
PERMANENT_ROOM = 32


class Refused(Exception):
    """The driver does not do it; the text is one line."""


def carry_out(name, command, what):
    """One request; Refused with `Cannot WHAT: reason`."""
    if libc.ethtool_ioctl(name, command) < 0:
        raise Refused(f"Cannot {what}: {libc.strerror(libc.errno)}")
    return command


def pairs(words, known, usage):
    """{word: its argument} of `WORD VALUE ...`; UsageError for another word or a lone one."""
    if not words or len(words) % 2:
        raise libc.UsageError(f"usage: {usage}")
    found = dict(zip(words[::2], words[1::2], strict=True))
    for word in found:
        if word not in known:
            raise libc.UsageError(f"unknown parameter '{word}' (usage: {usage})")
    return found


def choice(values, text):
    if text not in values:
        raise libc.UsageError(f"invalid argument: '{text}': {' or '.join(values)} is wanted")
    return values[text]


def set_features(name, words, usage):
    """-K: each feature on or off."""
    wanted = [(SETTABLE[word], choice(SWITCH, text)) for word, text in pairs(words, SETTABLE, usage).items()]
    for number, state in wanted:
        carry_out(name, bytearray(abi.ETHTOOL_VALUE.pack(number, state)), "change features")


def rings_of(name):
    raw = bytearray(abi.ETHTOOL_RINGPARAM.pack(abi.ETHTOOL_GRINGPARAM, *[0] * 8))
    return list(abi.ETHTOOL_RINGPARAM.unpack(carry_out(name, raw, "get device ring settings")))


def set_rings(name, words, usage):
    """-G: descriptors of the receive and of the transmit ring; what is not named stays."""
    wanted = {word: libc.integer(text, 1, 1 << 20) for word, text in pairs(words, ("rx", "tx"), usage).items()}
    fields = rings_of(name)
    fields[0] = abi.ETHTOOL_SRINGPARAM
    fields[5] = wanted.get("rx", fields[5])
    fields[8] = wanted.get("tx", fields[8])
    carry_out(name, bytearray(abi.ETHTOOL_RINGPARAM.pack(*fields)), "set device ring parameters")


def pause_of(name):
    raw = bytearray(abi.ETHTOOL_PAUSEPARAM.pack(abi.ETHTOOL_GPAUSEPARAM, 0, 0, 0))
    return abi.ETHTOOL_PAUSEPARAM.unpack(carry_out(name, raw, "get device pause settings"))[1:]


def show_pause(name):
    """-a"""
    lines = [f"Pause parameters for {name}:"]
    for title, state in zip(("Autonegotiate:\t", "RX:\t\t", "TX:\t\t"), pause_of(name), strict=True):
        lines.append(f"{title}{'on' if state else 'off'}")
    libc.puts("\n".join(lines))


def set_pause(name, words, usage):
    """-A: autoneg, rx and tx, on or off."""
    wanted = {word: choice(SWITCH, text) for word, text in pairs(words, ("autoneg", "rx", "tx"), usage).items()}
    before = dict(zip(("autoneg", "rx", "tx"), pause_of(name), strict=True))
    raw = abi.ETHTOOL_PAUSEPARAM.pack(abi.ETHTOOL_SPAUSEPARAM, *({**before, **wanted}).values())
    carry_out(name, bytearray(raw), "set device pause parameters")


def set_link(name, words, usage):
    """-s: speed, duplex and autoneg; what is not named stays as it is."""
    wanted = pairs(words, ("speed", "duplex", "autoneg"), usage)
    raw = bytearray(abi.ETHTOOL_CMD.size)
    raw[:4] = abi.ETHTOOL_GSET.to_bytes(4, "little")
    fields = list(abi.ETHTOOL_CMD.unpack(carry_out(name, raw, "get current device settings")))
    fields[0] = abi.ETHTOOL_SSET
    if "speed" in wanted:
        fields[3] = libc.integer(wanted["speed"], 0, 0xFFFF)
        if fields[3] not in SPEEDS:
            raise Refused("Cannot set new settings: Invalid argument")
    if "duplex" in wanted:
        fields[4] = choice(DUPLEX, wanted["duplex"])
    # Who names a speed or a duplex and no negotiation wants that and nothing else.
    fields[8] = choice(SWITCH, wanted["autoneg"]) if "autoneg" in wanted else 0
    if fields[8]:
        fields[2] = advertised(fields[1], wanted)
    carry_out(name, bytearray(abi.ETHTOOL_CMD.pack(*fields)), "set new settings")


def advertised(supported, wanted):
    """The modes to offer: all that there are, or those of the named speed and duplex."""
    offered = supported
    for bit, mode in abi.LINK_MODES:
        speed, _, duplex = mode.partition("baseT/")
        if wanted.get("speed", speed) != speed or wanted.get("duplex", duplex.lower()) != duplex.lower():
            offered &= ~bit
    return offered


def restart_negotiation(name):
    """-r"""
    carry_out(name, bytearray(abi.ETHTOOL_VALUE.pack(abi.ETHTOOL_NWAY_RST, 0)), "restart autonegotiation")


def show_permanent_address(name):
    """-P"""
    raw = bytearray(abi.ETHTOOL_VALUE.pack(abi.ETHTOOL_GPERMADDR, PERMANENT_ROOM) + bytes(PERMANENT_ROOM))
    carry_out(name, raw, "read permanent address")
    size = abi.ETHTOOL_VALUE.unpack_from(raw)[1]
    libc.puts(f"Permanent address: {libc.ether_ntoa(bytes(raw[8 : 8 + size])) if size else 'not set'}")
