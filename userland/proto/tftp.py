"""TFTP packets (RFC 1350) with options (RFC 2347): blksize (2348), timeout and tsize (2349).  Garbage is None, never a raise."""

RRQ, WRQ, DATA, ACK, ERROR, OACK = 1, 2, 3, 4, 5, 6

NOT_DEFINED, NOT_FOUND, ACCESS, DISK_FULL, ILLEGAL, UNKNOWN_ID, EXISTS, NO_USER, BAD_OPTIONS = range(9)
MESSAGES = (
    "Undefined error",
    "File not found",
    "Access violation",
    "Disk full or allocation exceeded",
    "Illegal TFTP operation",
    "Unknown transfer ID",
    "File already exists",
    "No such user",
    "Option negotiation failed",
)

PORT = 69
BLOCK = 512
MIN_BLOCK, MAX_BLOCK = 8, 65464
HEADER = 4
MAX_STRINGS = 20
MAX_REQUEST = 1024


def strings(data):
    """The NUL-terminated strings in `data`, or None when the last one has no end or there are too many."""
    if not data:
        return []
    if data[-1] or data.count(0) > MAX_STRINGS:
        return None
    return [piece.decode("utf-8", "surrogateescape") for piece in data[:-1].split(b"\0")]


def options_of(words):
    """{name in lower case: value} of strings in pairs, or None when one is left over."""
    if len(words) % 2:
        return None
    return {words[index].lower(): words[index + 1] for index in range(0, len(words), 2)}


def number(text, low, high):
    """A decimal number within [low, high], or -1."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high else -1


class Request:
    """A read or write request."""

    __slots__ = ("opcode", "name", "mode", "options")

    def __init__(self, opcode, name, mode, options):
        self.opcode = opcode
        self.name = name
        self.mode = mode
        self.options = options


def opcode_of(packet):
    """The opcode, or 0 for what is too short to have one."""
    return packet[0] << 8 | packet[1] if len(packet) >= HEADER else 0


def block_of(packet):
    """The block number of DATA and ACK."""
    return packet[2] << 8 | packet[3]


def parse_request(packet):
    """A `Request`, or None."""
    if len(packet) > MAX_REQUEST or opcode_of(packet) not in (RRQ, WRQ):
        return None
    words = strings(bytes(packet[2:]))
    if words is None or len(words) < 2 or not words[0]:
        return None
    options = options_of(words[2:])
    return None if options is None else Request(opcode_of(packet), words[0], words[1].lower(), options)


def parse_oack(packet):
    """{option: value} of an OACK, or None."""
    words = strings(bytes(packet[2:]))
    return None if words is None else options_of(words)


def parse_error(packet):
    """(code, text) of an ERROR."""
    text = bytes(packet[HEADER:]).split(b"\0", 1)[0].decode("utf-8", "replace")
    code = block_of(packet)
    shown = "".join(char if char.isprintable() else "?" for char in text[:200])
    return code, shown or (MESSAGES[code] if code < len(MESSAGES) else f"error {code}")


def encode_strings(opcode, words):
    return opcode.to_bytes(2, "big") + b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)


def request(opcode, name, options, mode="octet"):
    """A request with {option: value}."""
    return encode_strings(opcode, [name, mode, *(word for pair in options.items() for word in pair)])


def oack(options):
    return encode_strings(OACK, [word for pair in options.items() for word in pair])


def data(block, content):
    return DATA.to_bytes(2, "big") + (block & 0xFFFF).to_bytes(2, "big") + content


def ack(block):
    return ACK.to_bytes(2, "big") + (block & 0xFFFF).to_bytes(2, "big")


def error(code, text=""):
    return ERROR.to_bytes(2, "big") + code.to_bytes(2, "big") + (text or MESSAGES[code]).encode() + b"\0"
