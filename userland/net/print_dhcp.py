"""BOOTP and DHCP as tcpdump prints them (RFC 951, RFC 2131, RFC 2132)."""

from userland import libc
from userland.libc.inet import format_quad

COOKIE = b"\x63\x82\x53\x63"
MESSAGES = {1: "Discover", 2: "Offer", 3: "Request", 4: "Decline", 5: "ACK", 6: "NACK", 7: "Release", 8: "Inform"}
NAMES = {
    1: "Subnet-Mask", 2: "Time-Zone", 3: "Default-Gateway", 6: "Domain-Name-Server", 12: "Hostname", 15: "Domain-Name", 26: "MTU",
    28: "BR", 42: "NTP", 50: "Requested-IP", 51: "Lease-Time", 53: "DHCP-Message", 54: "Server-ID", 55: "Parameter-Request",
    57: "MSZ", 58: "RN", 59: "RB", 60: "Vendor-Class", 61: "Client-ID", 119: "Domain-Search", 121: "Classless-Static-Route",
}  # fmt: skip
ADDRESSES = (1, 3, 6, 28, 42, 50, 54)
NUMBERS = (2, 26, 51, 57, 58, 59)
TEXTS = (12, 15, 60)
PER_LINE = 4


def dhcp_text(data, size, verbose):
    """One message; with -v its fields and options on lines of their own."""
    if len(data) < 236:
        return "BOOTP/DHCP, unknown [|bootp]"
    hardware = libc.ether_ntoa(data[28:34])
    kind = {1: "Request", 2: "Reply"}.get(data[0], f"unknown (0x{data[0]:02x})")
    text = f"BOOTP/DHCP, {kind}"
    if data[0] == 1 and data[1] == 1 and data[2] == 6:
        text += f" from {hardware}"
    text += f", length {size}"
    if not verbose:
        return text
    if data[3]:
        text += f", hops {data[3]}"
    text += f", xid 0x{int.from_bytes(data[4:8], 'big'):x}"
    seconds, flags = int.from_bytes(data[8:10], "big"), int.from_bytes(data[10:12], "big")
    text += f", secs {seconds}" if seconds else ""
    text += f", Flags [{'Broadcast' if flags & 0x8000 else 'none'}]" + (f" (0x{flags:04x})" if flags else "")
    for label, at in (("Client-IP", 12), ("Your-IP", 16), ("Server-IP", 20), ("Gateway-IP", 24)):
        if any(data[at : at + 4]):
            text += f"\n\t  {label} {address(data[at : at + 4])}"
    text += f"\n\t  Client-Ethernet-Address {hardware}"
    for label, raw in (("sname", data[44:108]), ("file", data[108:236])):
        if raw[0]:
            text += f'\n\t  {label} "{raw.partition(bytes(1))[0].decode("latin-1")}"'
    if data[236:240] == COOKIE:
        text += "\n\t  Vendor-rfc1048 Extensions\n\t    Magic Cookie 0x63825363" + options_text(data[240:])
    return text


def address(raw):
    return format_quad(int.from_bytes(raw[:4], "big"))


def options_text(raw):
    text = ""
    position = 0
    while position < len(raw) and raw[position] != 255:
        kind = raw[position]
        if kind == 0:
            position += 1
            continue
        if position + 2 > len(raw) or position + 2 + raw[position + 1] > len(raw):
            return text + "\n\t    [|bootp]"
        value = raw[position + 2 : position + 2 + raw[position + 1]]
        position += 2 + len(value)
        text += f"\n\t    {NAMES.get(kind, 'Unknown')} ({kind}), length {len(value)}: {value_text(kind, value)}"
    return text


def value_text(kind, value):
    if kind == 53 and len(value) == 1:
        return MESSAGES.get(value[0], f"unknown ({value[0]})")
    if kind == 55:
        names = [f"{NAMES.get(code, 'Unknown')} ({code})" for code in value]
        lines = [", ".join(names[at : at + PER_LINE]) for at in range(0, len(names), PER_LINE)]
        return "".join(f"\n\t      {line}" for line in lines)
    if kind in ADDRESSES:
        return ",".join(address(value[at : at + 4]) for at in range(0, len(value) - 3, 4))
    if kind in NUMBERS:
        return str(int.from_bytes(value, "big"))
    if kind in TEXTS:
        return f'"{value.decode("latin-1")}"'
    if kind == 61 and len(value) == 7 and value[0] == 1:
        return f"ether {libc.ether_ntoa(value[1:])}"
    return ",".join(str(byte) for byte in value)
