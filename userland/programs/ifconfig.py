"""ifconfig: shows and sets interfaces, in the old manner."""

from userland import libc
from userland.net.tables import interface_counters, parse_prefix, prefix_mask
from userland.text.files import options_of

USAGE = "ifconfig [-a] [INTERFACE [ADDRESS[/BITS]] [netmask MASK] [broadcast ADDRESS] [mtu N] [up|down]]"
FLAGS = (
    (libc.IFF_UP, "UP"), (libc.IFF_BROADCAST, "BROADCAST"), (libc.IFF_LOOPBACK, "LOOPBACK"), (libc.IFF_RUNNING, "RUNNING"),
    (libc.IFF_PROMISC, "PROMISC"), (libc.IFF_MULTICAST, "MULTICAST"),
)  # fmt: skip


def main(argv):
    options = options_of("ifconfig", argv, "a", USAGE)
    if options is None:
        return 2
    names = options.operands[:1] or libc.if_names()
    if len(options.operands) > 1:
        return change(names[0], options.operands[1:])
    for name in names:
        flags = libc.get_flags(name)
        if flags < 0:
            libc.eputs(f"{name}: error fetching interface information: {libc.strerror(libc.errno)}")
            return 1
        if flags & libc.IFF_UP or options.has("a") or options.operands:
            libc.puts(block(name, flags))
    return 0


def block(name, flags):
    """What is shown of one interface."""
    words = ",".join(word for bit, word in FLAGS if flags & bit)
    lines = [f"{name}: flags={flags}<{words}>  mtu {libc.get_mtu(name)}"]
    address = libc.get_address(name)
    if address:
        line = f"        inet {address}  netmask {libc.get_address(name, libc.SIOCGIFNETMASK)}"
        broadcast = libc.get_address(name, libc.SIOCGIFBRDADDR) if flags & libc.IFF_BROADCAST else None
        lines.append(line + (f"  broadcast {broadcast}" if broadcast else ""))
    hardware = libc.get_hardware(name)
    if hardware is not None and hardware[0] == libc.ARPHRD_ETHER:
        lines.append(f"        ether {libc.ether_ntoa(hardware[1])}  (Ethernet)")
    found = interface_counters().get(name)
    if found is not None:
        lines.append(f"        RX packets {found[1]}  bytes {found[0]}  errors {found[2]}  dropped {found[3]}")
        lines.append(f"        TX packets {found[9]}  bytes {found[8]}  errors {found[10]}  dropped {found[11]}")
    return "\n".join(lines) + "\n"


def change(name, words):
    """Do what the words say, in order; 0, or 1 with the reason printed."""
    position = 0
    while position < len(words):
        word = words[position]
        value = words[position + 1] if position + 1 < len(words) else None
        if word in ("up", "down"):
            result = libc.set_flags(name, libc.IFF_UP) if word == "up" else libc.set_flags(name, 0, libc.IFF_UP)
            position += 1
        elif word == "mtu" and value is not None and value.isdigit():
            result = libc.set_int(name, libc.SIOCSIFMTU, int(value[:9]))
            position += 2
        elif word in ("netmask", "broadcast") and value is not None and libc.inet_aton(value) is not None:
            request = libc.SIOCSIFNETMASK if word == "netmask" else libc.SIOCSIFBRDADDR
            result = libc.set_address(name, request, value)
            position += 2
        else:
            prefix = parse_prefix(word)
            if prefix is None:
                libc.eputs(f"ifconfig: {word}: unknown argument (usage: {USAGE})")
                return 2
            result = libc.set_address(name, libc.SIOCSIFADDR, prefix[0])
            if result == 0 and "/" in word:
                result = libc.set_address(name, libc.SIOCSIFNETMASK, prefix_mask(prefix[1]))
            if result == 0:
                result = libc.set_flags(name, libc.IFF_UP)
            position += 1
        if result < 0:
            libc.eputs(f"ifconfig: {name}: {libc.strerror(libc.errno)}")
            return 1
    return 0
