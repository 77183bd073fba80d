"""A DHCP server's answers (RFC 2131, options of RFC 2132): bytes in, bytes out.  Nothing here raises on garbage."""

import struct
from ipaddress import IPv4Address

from lab.usernet import plan

SERVER_PORT = 67
CLIENT_PORT = 68
BOOTREQUEST = 1
BOOTREPLY = 2
MAGIC_COOKIE = b"\x63\x82\x53\x63"
# op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr (RFC 2131 section 2).
HEADER = struct.Struct(">BBBBIHH4s4s4s4s16s")
OPTIONS_OFFSET = HEADER.size + 64 + 128 + len(MAGIC_COOKIE)
MINIMUM_LENGTH = 300
LEASE_TIME = 86400

PAD, END = 0, 255
SUBNET_MASK, ROUTER, DOMAIN_NAME_SERVER = 1, 3, 6
BROADCAST_ADDRESS, REQUESTED_ADDRESS, LEASE_SECONDS = 28, 50, 51
MESSAGE_TYPE, SERVER_IDENTIFIER = 53, 54
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)

ZERO = b"\0\0\0\0"


def parse_options(data: bytes) -> dict[int, bytes]:
    """{code: value}; stops at the first option that does not fit."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != END:
        if data[at] == PAD:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            break
        found.setdefault(data[at], data[at + 2 : at + 2 + data[at + 1]])
        at += 2 + data[at + 1]
    return found


class DHCPServer:
    """Leases by hardware address, in order of first request."""

    def __init__(self):
        self.leases: dict[bytes, IPv4Address] = {}

    def lease(self, hardware: bytes) -> IPv4Address | None:
        """The address of `hardware`, new if need be; None when all are taken."""
        if hardware not in self.leases:
            taken = self.leases.values()
            free = IPv4Address(plan.GUEST)
            while free in taken:
                free += 1
            if free > IPv4Address(plan.LAST_LEASE):
                return None
            self.leases[hardware] = free
        return self.leases[hardware]

    def answer(self, message: bytes) -> bytes | None:
        """The reply to a client's message, or None where RFC 2131 has none."""
        if len(message) < OPTIONS_OFFSET or message[OPTIONS_OFFSET - 4 : OPTIONS_OFFSET] != MAGIC_COOKIE:
            return None
        op, kind, length, _, xid, _, flags, ciaddr, _, _, _, chaddr = HEADER.unpack_from(message)
        if op != BOOTREQUEST or kind != 1 or length != 6:
            return None
        options = parse_options(message[OPTIONS_OFFSET:])
        asked = options.get(MESSAGE_TYPE, b"")
        if len(asked) != 1:
            return None
        gateway = IPv4Address(plan.GATEWAY).packed
        if options.get(SERVER_IDENTIFIER, gateway) != gateway:
            return None
        hardware = chaddr[:6]
        if asked[0] == INFORM:
            return self.reply(ACK, xid, flags, ciaddr, ZERO, chaddr)
        if asked[0] in (DECLINE, RELEASE):
            self.leases.pop(hardware, None)
            return None
        if asked[0] not in (DISCOVER, REQUEST):
            return None
        address = self.lease(hardware)
        if address is None:
            return None
        if asked[0] == DISCOVER:
            return self.reply(OFFER, xid, flags, ZERO, address.packed, chaddr)
        wanted = options.get(REQUESTED_ADDRESS, ciaddr)
        if wanted != address.packed:
            return self.reply(NAK, xid, flags, ZERO, ZERO, chaddr)
        return self.reply(ACK, xid, flags, ciaddr, address.packed, chaddr)

    def reply(self, kind, xid, flags, ciaddr, yiaddr, chaddr):
        gateway = IPv4Address(plan.GATEWAY).packed
        header = HEADER.pack(BOOTREPLY, 1, 6, 0, xid, 0, flags, ciaddr, yiaddr, gateway, ZERO, chaddr)
        options = bytes((MESSAGE_TYPE, 1, kind, SERVER_IDENTIFIER, 4)) + gateway
        if kind != NAK:
            if yiaddr != ZERO:
                options += bytes((LEASE_SECONDS, 4)) + struct.pack(">I", LEASE_TIME)
            options += bytes((SUBNET_MASK, 4)) + IPv4Address(plan.NETMASK).packed
            options += bytes((ROUTER, 4)) + gateway
            options += bytes((DOMAIN_NAME_SERVER, 4)) + IPv4Address(plan.NAME_SERVER).packed
            options += bytes((BROADCAST_ADDRESS, 4)) + IPv4Address(plan.BROADCAST).packed
        message = header + bytes(192) + MAGIC_COOKIE + options + bytes((END,))
        return message + bytes(max(0, MINIMUM_LENGTH - len(message)))
