"""Capture files in the classic pcap format (draft-ietf-opsawg-pcap): written with nanoseconds, read in every variant."""

from struct import Struct, pack

MAGIC_MICROSECONDS = 0xA1B2C3D4
MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
SNAPLEN = 262144
HEADER_SIZE = 24
RECORD_SIZE = 16
SECOND = 1000000000
RECORD = Struct("<IIII")


def file_header():
    """What a capture file begins with."""
    return pack("<IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET)


def record_header(when, captured, length):
    """What precedes each frame; `when` in ns."""
    return RECORD.pack(when // SECOND, when % SECOND, captured, length)


class Reader:
    """Takes a capture file apart as its bytes come: `feed`, then `records`.  `error` says what is wrong with it."""

    def __init__(self):
        self.pending = bytearray()
        self.record = None
        self.fraction = 1
        self.error = ""

    def feed(self, data):
        """More bytes of the file."""
        self.pending += data

    def header(self):
        for order in "<>":
            magic = Struct(order + "I").unpack_from(self.pending)[0]
            if magic in (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS):
                link = Struct(order + "I").unpack_from(self.pending, 20)[0] & 0xFFFF
                if link != LINKTYPE_ETHERNET:
                    self.error = f"unknown link type {link}"
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
