"""The control protocol of iperf3: states, cookie, and JSON messages behind a length of four bytes, big-endian.

A state is one signed byte from the server (or from the client: TEST_END, IPERF_DONE, CLIENT_TERMINATE).  What the other
side sends is checked: lengths are bounded, numbers are clipped or refused, and a message that can not be is a
`ProtocolError` with one line.
"""

import json

TEST_START = 1
TEST_RUNNING = 2
TEST_END = 4
PARAM_EXCHANGE = 9
CREATE_STREAMS = 10
SERVER_TERMINATE = 11
CLIENT_TERMINATE = 12
EXCHANGE_RESULTS = 13
DISPLAY_RESULTS = 14
IPERF_START = 15
IPERF_DONE = 16
ACCESS_DENIED = -1
SERVER_ERROR = -2

DEFAULT_PORT = 5201
COOKIE_SIZE = 37
COOKIE_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
MAX_JSON = 1 << 20
MAX_STREAMS = 128
MAX_LENGTH = 1 << 20
MAX_DATAGRAM = 65507
MAX_TIME = 86400
# What a client's numbers may be at most: they come from the network.
MAX_NUMBER = 1 << 62

TCP_LENGTH = 131072
UDP_RATE = 1 << 20

# The first datagram of a stream, and the server's answer; older versions used other numbers.
UDP_HELLO = (0x36373839).to_bytes(4, "little")
UDP_HELLO_REPLY = (0x39383736).to_bytes(4, "little")
UDP_OLD_HELLO = (123456789).to_bytes(4, "little")
UDP_OLD_REPLY = (987654321).to_bytes(4, "little")

# i_errno of SERVER_ERROR: an option that the server does not have.
IEUNIMP = 13


class ProtocolError(Exception):
    """The other side does not speak the protocol, or ended the test; the text is one line."""


class Parameters:
    """What a test is about, as the client tells the server.  Rates in bits per second, sizes in bytes, time in seconds."""

    def __init__(self):
        self.udp = False
        self.reverse = False
        self.time = 10
        self.bytes = 0
        self.streams = 1
        self.length = TCP_LENGTH
        self.rate = 0
        self.window = 0
        self.mss = 0
        self.nodelay = False
        self.wide_counters = False

    def to_json(self):
        """The message of the client."""
        message = {
            "udp" if self.udp else "tcp": True,
            "omit": 0,
            "time": 0 if self.bytes else self.time,
            "num": self.bytes,
            "blockcount": 0,
            "parallel": self.streams,
            "len": self.length,
            "bandwidth": self.rate,
            "pacing_timer": 1000,
            "client_version": "3.12",
        }
        for key, value in (("reverse", self.reverse), ("window", self.window), ("MSS", self.mss), ("nodelay", self.nodelay)):
            if value:
                message[key] = value
        return message


def number(message, key, default=0, low=0, high=MAX_NUMBER):
    """An integer of a message, within [low, high]; ProtocolError for anything else."""
    value = message.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or not low <= value <= high:
        raise ProtocolError(f"the other side sent a bad value for '{key}'")
    return int(value)


def parse_parameters(message):
    """`Parameters` of a client's message; ProtocolError."""
    if not isinstance(message, dict):
        raise ProtocolError("the client sent no parameters")
    if message.get("sctp") or message.get("bidirectional"):
        raise ProtocolError("the client asks for SCTP or both directions at once, which are not supported")
    found = Parameters()
    found.udp = bool(message.get("udp"))
    found.reverse = bool(message.get("reverse"))
    found.bytes = number(message, "num")
    found.time = number(message, "time", 10, 0, MAX_TIME)
    found.streams = number(message, "parallel", 1, 1, MAX_STREAMS)
    found.length = number(message, "len", TCP_LENGTH, 1, MAX_DATAGRAM if found.udp else MAX_LENGTH)
    found.rate = number(message, "bandwidth")
    found.window = number(message, "window", 0, 0, 1 << 30)
    found.mss = number(message, "MSS", 0, 0, 65535)
    found.nodelay = bool(message.get("nodelay"))
    found.wide_counters = bool(message.get("udp_counters_64bit"))
    if number(message, "omit", 0, 0, 600) or number(message, "blockcount"):
        raise ProtocolError("the client asks for -O or -k, which are not supported")
    if found.udp and found.length < header_size(found.wide_counters):
        raise ProtocolError("the datagrams are too short for their header")
    return found


class StreamResult:
    """What the other side counted on one stream."""

    __slots__ = ("bytes", "retransmits", "jitter", "errors", "packets", "start", "end")

    def __init__(self, message):
        self.bytes = number(message, "bytes")
        self.retransmits = number(message, "retransmits", -1, -1, 1 << 64)
        # A receiver knows of none: -1, which some versions write as an unsigned number.
        self.retransmits = self.retransmits if self.retransmits < MAX_NUMBER else -1
        self.jitter = real(message, "jitter")
        self.errors = number(message, "errors")
        self.packets = number(message, "packets")
        self.start = real(message, "start_time")
        self.end = real(message, "end_time")


def real(message, key):
    value = message.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        raise ProtocolError(f"the other side sent a bad value for '{key}'")
    return float(value)


def parse_results(message):
    """{stream id: StreamResult} of a message of results; ProtocolError."""
    streams = message.get("streams") if isinstance(message, dict) else None
    if not isinstance(streams, list) or len(streams) > MAX_STREAMS or not all(isinstance(item, dict) for item in streams):
        raise ProtocolError("the other side sent no results")
    return {number(item, "id"): StreamResult(item) for item in streams}


def encode_json(message):
    """A message with its length in front."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "big") + text


def decode_json(raw):
    """The message in `raw`; ProtocolError when it is none."""
    try:
        return json.loads(raw.rstrip(b"\0").decode("utf-8"))
    except (ValueError, RecursionError):
        raise ProtocolError("the other side sent a message that is not JSON") from None


def stream_id(index):
    """The id of the stream that was made as number `index` (0 first): 1, 3, 4, 5 ..."""
    return index + 2 if index else 1


def header_size(wide):
    """How many bytes of a datagram are its header."""
    return 16 if wide else 12


def datagram_header(nanoseconds, count, wide):
    """Seconds, microseconds and the packet's number, big-endian."""
    seconds, rest = divmod(nanoseconds, 1000000000)
    stamp = (seconds & 0xFFFFFFFF).to_bytes(4, "big") + (rest // 1000).to_bytes(4, "big")
    return stamp + (count.to_bytes(8, "big") if wide else (count & 0xFFFFFFFF).to_bytes(4, "big"))


def parse_datagram(data, wide):
    """(sent at in ns, number), or None for a datagram that is too short."""
    if len(data) < header_size(wide):
        return None
    sent = int.from_bytes(data[:4], "big") * 1000000000 + int.from_bytes(data[4:8], "big") * 1000
    return sent, int.from_bytes(data[8 : header_size(wide)], "big")
