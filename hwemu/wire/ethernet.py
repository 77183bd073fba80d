"""Figures of Ethernet that several wires need (IEEE 802.3-2018)."""

NS_PER_S = 1_000_000_000

ADDRESS_LENGTH = 6
# Two addresses and the type (3.1.1).
HEADER_LENGTH = 14
# Bytes of wire time around a frame: preamble and start delimiter 8, check sequence 4, gap 12 (3.1.1, 4.4.2).
FRAME_OVERHEAD = 24
# Shortest frame without its frame check sequence; a shorter one is padded on a real wire (4.4.2).
FRAME_MINIMUM = 60
