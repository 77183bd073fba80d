"""A pcapng capture of any wire (draft-ietf-opsawg-pcapng: section 4.1 header, 4.2 interface, 4.3 packet blocks).

The bytes depend on the traffic and the clock alone: no wall-clock time, no host name, no process.  In virtual
time the same seed gives the same file.
"""

import struct

from hwemu.wire.middleware import Middleware
from hwemu.wire.port import FRAME_BAD_FCS

SECTION_HEADER = 0x0A0D0D0A
INTERFACE_DESCRIPTION = 1
ENHANCED_PACKET = 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
LINKTYPE_ETHERNET = 1
OPT_END = 0
OPT_SHB_USERAPPL = 4
OPT_IF_NAME = 2
OPT_IF_TSRESOL = 9
OPT_EPB_FLAGS = 2
NANOSECONDS = b"\x09"
# epb_flags, section 4.3.1: bits 0 and 1 direction, bit 24 CRC error.
INBOUND = 1
OUTBOUND = 2
CRC_ERROR = 1 << 24

_HEADER = struct.Struct("<II")
_PACKET = struct.Struct("<IIIIIII")
_TRAILER = struct.Struct("<HHIHHI")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


def _option(code, value):
    return struct.pack("<HH", code, len(value)) + value + _PADDING[len(value) % 4]


def _block(kind, body):
    length = len(body) + 12
    return _HEADER.pack(kind, length) + body + struct.pack("<I", length)


class PcapngWriter:
    """One section in the binary file `file`, little-endian; every wire captured into it becomes an interface."""

    def __init__(self, file):
        self.file = file
        self.interfaces = 0
        self.packets = 0
        options = _option(OPT_SHB_USERAPPL, b"hwemu") + _option(OPT_END, b"")
        # Version 1.0; section length unknown.
        file.write(_block(SECTION_HEADER, struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1) + options))

    def interface(self, name):
        """Describe an Ethernet interface with time stamps in ns; returns its number."""
        options = _option(OPT_IF_NAME, name.encode()) + _option(OPT_IF_TSRESOL, NANOSECONDS) + _option(OPT_END, b"")
        # Snapshot length 0: no limit.
        self.file.write(_block(INTERFACE_DESCRIPTION, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, 0) + options))
        number = self.interfaces
        self.interfaces += 1
        return number

    def packet(self, interface, time, frame, flags):
        """Write `frame` as seen on `interface` at `time` ns; `flags` as epb_flags."""
        length = len(frame)
        padding = _PADDING[length % 4]
        # Block header 8, fixed fields 20, the frame, the flags option 8, end of options 4, trailing length 4.
        total = 44 + length + len(padding)
        self.file.write(
            _PACKET.pack(ENHANCED_PACKET, total, interface, time >> 32, time & 0xFFFFFFFF, length, length)
            + frame
            + padding
            + _TRAILER.pack(OPT_EPB_FLAGS, 4, flags, OPT_END, 0, total)
        )
        self.packets += 1

    def close(self):
        """Flush and close the file."""
        self.file.close()


class Capture(Middleware):
    """Records what passes.  `output` is a binary file, or a PcapngWriter that several captures share."""

    def __init__(self, inner, output, clock, name=""):
        Middleware.__init__(self, inner, name)
        self.clock = clock
        self.writer = output if isinstance(output, PcapngWriter) else PcapngWriter(output)
        self.interface = self.writer.interface(self.name)

    def leaving(self, plug, frame, flags):
        self.record(frame, flags, OUTBOUND)
        return self.inner.send(plug, frame, flags)

    def entering(self, plug, frame, flags):
        self.record(frame, flags, INBOUND)
        plug.station.receive(frame, flags)

    def record(self, frame, flags, direction):
        if flags & FRAME_BAD_FCS:
            direction |= CRC_ERROR
        self.writer.packet(self.interface, self.clock.now, frame, direction)
