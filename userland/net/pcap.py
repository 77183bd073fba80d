"""Capture files in the classic pcap format (draft-ietf-opsawg-pcap): written with nanoseconds, read in every variant."""

from struct import Struct, pack

MAGIC_MICROSECONDS = 0xA1B2C3D4
MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
LINKTYPE_RAW = 101
LINKTYPE_LINUX_SLL = 113
LINKTYPE_LINUX_SLL2 = 276
# Number: (the name after DLT_, the description), as libpcap has them.
LINK_TYPES = {
    LINKTYPE_ETHERNET: ("EN10MB", "Ethernet"),
    LINKTYPE_RAW: ("RAW", "Raw IP"),
    LINKTYPE_LINUX_SLL: ("LINUX_SLL", "Linux cooked v1"),
    LINKTYPE_LINUX_SLL2: ("LINUX_SLL2", "Linux cooked v2"),
}
SNAPLEN = 262144
HEADER_SIZE = 24
RECORD_SIZE = 16
SECOND = 1000000000
RECORD = Struct("<IIII")


def file_header(link=LINKTYPE_ETHERNET, snaplen=SNAPLEN):
    """What a capture file begins with; `link` is one of LINK_TYPES."""
    return pack("<IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, snaplen, link)


def link_text(link):
    """A link type in words: `EN10MB (Ethernet)`."""
    return "{} ({})".format(*LINK_TYPES[link])


def record_header(when, captured, length):
    """What precedes each frame; `when` in ns."""
    return RECORD.pack(when // SECOND, when % SECOND, captured, length)


class Reader:
    """Takes a capture file apart as its bytes come: `feed`, then `records`.  `error` says what is wrong with it.

    Once the header has come, `link` is the link type and `snaplen` the length that packets were cut to.
    """

    def __init__(self):
        self.pending = bytearray()
        self.record = None
        self.fraction = 1
        self.error = ""
        self.link = None
        self.snaplen = 0

    def feed(self, data):
        """More bytes of the file."""
        self.pending += data

    def header(self):
        for order in "<>":
            magic = Struct(order + "I").unpack_from(self.pending)[0]
            if magic in (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS):
                link = Struct(order + "I").unpack_from(self.pending, 20)[0] & 0xFFFF
                if link not in LINK_TYPES:
                    self.error = f"unknown link type {link}"
                self.link = link
                self.snaplen = Struct(order + "I").unpack_from(self.pending, 16)[0]
                self.record = Struct(order + "IIII")
                self.fraction = 1 if magic == MAGIC_NANOSECONDS else 1000
                del self.pending[:HEADER_SIZE]
                return
        self.error = "unknown file format"

    def records(self):
        """[(ns, frame, original length)] of what is complete by now."""
        found = []
        if self.record is None:
            if len(self.pending) < HEADER_SIZE:
                return found
            self.header()
        position = 0
        while not self.error and position + RECORD_SIZE <= len(self.pending):
            seconds, fraction, captured, length = self.record.unpack_from(self.pending, position)
            if captured > SNAPLEN:
                self.error = f"frame of {captured} bytes is larger than the snapshot length"
                break
            if position + RECORD_SIZE + captured > len(self.pending):
                break
            start = position + RECORD_SIZE
            found.append((seconds * SECOND + fraction * self.fraction, bytes(self.pending[start : start + captured]), length))
            position = start + captured
        del self.pending[:position]
        return found
