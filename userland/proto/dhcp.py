"""DHCP (RFC 2131, 2132) inside Ethernet, IP and UDP, as a client without an address sends and reads it."""

from userland.proto.icmp import checksum

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = 1, 2, 3, 4, 5, 6, 7

OPTION_MASK = 1
OPTION_ROUTER = 3
OPTION_DNS = 6
OPTION_HOSTNAME = 12
OPTION_DOMAIN = 15
OPTION_REQUESTED = 50
OPTION_LEASE = 51
OPTION_OVERLOAD = 52
OPTION_TYPE = 53
OPTION_SERVER = 54
OPTION_PARAMETERS = 55
OPTION_RENEWAL = 58
OPTION_REBINDING = 59
OPTION_VENDOR = 60
OPTION_CLIENT_ID = 61
OPTION_END = 255

MAGIC = bytes((99, 130, 83, 99))
FIXED_SIZE = 236
SERVER_PORT, CLIENT_PORT = 67, 68
BROADCAST_FLAG = 0x8000
MIN_MESSAGE = 300


def encode_options(options):
    """Options as (code, bytes) pairs, ended."""
    out = bytearray(MAGIC)
    for code, data in options:
        out += bytes([code, len(data)]) + data
    out.append(OPTION_END)
    return bytes(out)


def message(kind, xid, hardware, options=(), client="0.0.0.0", seconds=0, broadcast=True):
    """A client's DHCP message."""
    address = bytes(int(part) for part in client.split("."))
    flags = BROADCAST_FLAG if broadcast else 0
    fixed = (
        bytes((1, 1, 6, 0))
        + xid.to_bytes(4, "big")
        + min(seconds, 0xFFFF).to_bytes(2, "big")
        + flags.to_bytes(2, "big")
        + address
        + bytes(12)
        + hardware
        + bytes(FIXED_SIZE - 28 - len(hardware))
    )
    known = [(OPTION_TYPE, bytes([kind])), (OPTION_CLIENT_ID, b"\1" + hardware), *options]
    wanted = bytes((OPTION_MASK, OPTION_ROUTER, OPTION_DNS, OPTION_DOMAIN, OPTION_LEASE))
    if kind in (DISCOVER, REQUEST):
        known.append((OPTION_PARAMETERS, wanted))
    return (fixed + encode_options(known)).ljust(MIN_MESSAGE, b"\0")


def frame(payload, hardware):
    """The message in UDP, IP and Ethernet, from 0.0.0.0 to everybody."""
    udp_length = 8 + len(payload)
    ports = SERVER_PORT.to_bytes(2, "big")
    udp = CLIENT_PORT.to_bytes(2, "big") + ports + udp_length.to_bytes(2, "big") + bytes(2) + payload
    pseudo = bytes(4) + b"\xff" * 4 + bytes((0, 17)) + udp_length.to_bytes(2, "big")
    total = checksum(pseudo + udp) or 0xFFFF
    udp = udp[:6] + total.to_bytes(2, "big") + payload
    ip = bytearray(bytes((0x45, 0x10)) + (20 + udp_length).to_bytes(2, "big") + bytes(4) + bytes((64, 17, 0, 0)))
    ip += bytes(4) + b"\xff" * 4
    ip[10:12] = checksum(ip).to_bytes(2, "big")
    return b"\xff" * 6 + hardware + b"\x08\0" + bytes(ip) + udp


def payload_of(data):
    """The DHCP message in a received Ethernet frame to the client's port, or None."""
    if len(data) < 14 + 20 + 8 or data[12:14] != b"\x08\0" or data[14] >> 4 != 4:
        return None
    header = (data[14] & 15) * 4
    total = int.from_bytes(data[16:18], "big")
    if header < 20 or total < header + 8 or 14 + total > len(data) or data[23] != 17:
        return None
    # A fragment is not reassembled here, and a header that fails its checksum is noise.
    if data[20] & 0x3F or data[21] or checksum(data[14 : 14 + header]):
        return None
    udp = data[14 + header : 14 + total]
    length = int.from_bytes(udp[4:6], "big")
    if int.from_bytes(udp[2:4], "big") != CLIENT_PORT or length < 8 or length > len(udp):
        return None
    return bytes(udp[8:length])


def parse_options(data):
    """{code: bytes} of an option field; a code that comes again is continued (RFC 3396); None when a length lies."""
    options = {}
    position = 0
    while position < len(data):
        code = data[position]
        if code == 0:
            position += 1
            continue
        if code == OPTION_END:
            break
        if position + 1 >= len(data) or position + 2 + data[position + 1] > len(data):
            return None
        length = data[position + 1]
        options[code] = options.get(code, b"") + bytes(data[position + 2 : position + 2 + length])
        position += 2 + length
    return options


def quad(data):
    return ".".join(str(byte) for byte in data[:4])


class Reply:
    """A server's message."""

    __slots__ = ("kind", "address", "server", "mask", "routers", "dns", "domain", "lease", "renewal")

    def __init__(self, kind, address, options):
        self.kind = kind
        self.address = address
        self.server = quad(options[OPTION_SERVER]) if len(options.get(OPTION_SERVER, b"")) == 4 else None
        self.mask = quad(options[OPTION_MASK]) if len(options.get(OPTION_MASK, b"")) == 4 else None
        self.routers = address_list(options.get(OPTION_ROUTER, b""))
        self.dns = address_list(options.get(OPTION_DNS, b""))
        self.domain = domain_text(options.get(OPTION_DOMAIN, b""))
        lease = options.get(OPTION_LEASE, b"")
        self.lease = int.from_bytes(lease, "big") if len(lease) == 4 else 3600
        renewal = options.get(OPTION_RENEWAL, b"")
        self.renewal = int.from_bytes(renewal, "big") if len(renewal) == 4 else self.lease // 2


def address_list(data):
    return [quad(data[index : index + 4]) for index in range(0, len(data) - 3, 4)]


def domain_text(data):
    """A domain that may go into resolv.conf, or None: it comes from the network."""
    text = data.rstrip(b"\0").decode("latin-1")
    allowed = text.replace("-", "").replace(".", "")
    return text if allowed.isascii() and allowed.isalnum() and len(text) < 254 else None


def parse(payload, xid, hardware):
    """The `Reply` to that transaction, or None for anything else, garbage included."""
    if len(payload) < FIXED_SIZE + len(MAGIC) or payload[:3] != b"\2\1\6":
        return None
    if int.from_bytes(payload[4:8], "big") != xid or payload[28:34] != hardware:
        return None
    if payload[FIXED_SIZE : FIXED_SIZE + 4] != MAGIC:
        return None
    options = parse_options(payload[FIXED_SIZE + 4 :])
    if options is None:
        return None
    overload = options.get(OPTION_OVERLOAD, b"\0")[:1]
    for bit, field in ((1, payload[108:236]), (2, payload[44:108])):
        if overload and overload[0] & bit:
            more = parse_options(field)
            if more is None:
                return None
            options.update(more)
    kind = options.get(OPTION_TYPE, b"")
    return Reply(kind[0], quad(payload[16:20]), options) if len(kind) == 1 else None
