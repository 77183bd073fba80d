"""The registers of the 82540EM as one table, which drives dispatch, reset, tracing and the generated reference.

Source: "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual" (8254x), sections 13.4 to 13.8.
Registers are 32 bits wide, little-endian, at byte offsets from BAR0.  `python -m hwemu.nic.e1000.registers` prints
the reference in Markdown.
"""

from array import array
from typing import NamedTuple

REGISTER_SPACE = 0x20000

# --- offsets ---
CTRL = 0x0000
STATUS = 0x0008
EECD = 0x0010
EERD = 0x0014
CTRL_EXT = 0x0018
FLA = 0x001C
MDIC = 0x0020
FCAL = 0x0028
FCAH = 0x002C
FCT = 0x0030
VET = 0x0038
ICR = 0x00C0
ITR = 0x00C4
ICS = 0x00C8
IMS = 0x00D0
IMC = 0x00D8
RCTL = 0x0100
FCTTV = 0x0170
TXCW = 0x0178
RXCW = 0x0180
TCTL = 0x0400
TIPG = 0x0410
AIT = 0x0458
LEDCTL = 0x0E00
PBA = 0x1000
FCRTL = 0x2160
FCRTH = 0x2168
RDBAL = 0x2800
RDBAH = 0x2804
RDLEN = 0x2808
RDH = 0x2810
RDT = 0x2818
RDTR = 0x2820
RXDCTL = 0x2828
RADV = 0x282C
RSRPD = 0x2C00
TDBAL = 0x3800
TDBAH = 0x3804
TDLEN = 0x3808
TDH = 0x3810
TDT = 0x3818
TIDV = 0x3820
TXDCTL = 0x3828
TADV = 0x382C
TSPMT = 0x3830
CRCERRS = 0x4000
ALGNERRC = 0x4004
SYMERRS = 0x4008
RXERRC = 0x400C
MPC = 0x4010
SCC = 0x4014
ECOL = 0x4018
MCC = 0x401C
LATECOL = 0x4020
COLC = 0x4028
DC = 0x4030
TNCRS = 0x4034
SEC = 0x4038
CEXTERR = 0x403C
RLEC = 0x4040
XONRXC = 0x4048
XONTXC = 0x404C
XOFFRXC = 0x4050
XOFFTXC = 0x4054
FCRUC = 0x4058
PRC64 = 0x405C
PRC127 = 0x4060
PRC255 = 0x4064
PRC511 = 0x4068
PRC1023 = 0x406C
PRC1522 = 0x4070
GPRC = 0x4074
BPRC = 0x4078
MPRC = 0x407C
GPTC = 0x4080
GORCL = 0x4088
GORCH = 0x408C
GOTCL = 0x4090
GOTCH = 0x4094
RNBC = 0x40A0
RUC = 0x40A4
RFC = 0x40A8
ROC = 0x40AC
RJC = 0x40B0
MGTPRC = 0x40B4
MGTPDC = 0x40B8
MGTPTC = 0x40BC
TORL = 0x40C0
TORH = 0x40C4
TOTL = 0x40C8
TOTH = 0x40CC
TPR = 0x40D0
TPT = 0x40D4
PTC64 = 0x40D8
PTC127 = 0x40DC
PTC255 = 0x40E0
PTC511 = 0x40E4
PTC1023 = 0x40E8
PTC1522 = 0x40EC
MPTC = 0x40F0
BPTC = 0x40F4
TSCTC = 0x40F8
TSCTFC = 0x40FC
RXCSUM = 0x5000
MTA = 0x5200
RAL = 0x5400
RAH = 0x5404
VFTA = 0x5600
WUC = 0x5800
WUFC = 0x5808
WUS = 0x5810
MANC = 0x5820
IPAV = 0x5838
IP4AT = 0x5840
IP6AT = 0x5880
WUPL = 0x5900
WUPM = 0x5A00
FFLT = 0x5F00
FFMT = 0x9000
FFVT = 0x9800
PBM = 0x10000

RA_ENTRIES = 16
MTA_WORDS = 128
VFTA_WORDS = 128
WUPM_BYTES = 128

# --- access ---
RW = "RW"  # reads back what was written, within the mask
RO = "RO"  # ignores writes
RC = "RC"  # counter: ignores writes, a read clears it
WO = "WO"  # reads 0
W1C = "W1C"  # writing 1 to a bit clears it

# How the dispatcher treats a register; the table below is compiled into arrays of these.
PLAIN = 0
ACTED = 1
CLEARS = 2
CLEARS_PAIR = 3
NOTHING = 4


class Register(NamedTuple):
    """One row.  `acted` names the directions ("r", "w") that have an effect beyond the stored value."""

    offset: int
    name: str
    access: str
    mask: int
    reset: int
    section: str
    acted: str
    text: str
    count: int = 1
    stride: int = 4


def _counter(offset, name, section, text, access=RC):
    return Register(offset, name, access, 0, 0, section, "", text)


REGISTERS = (
    Register(CTRL, "CTRL", RW, 0x58FC1BE9, 0x00140240, "13.4.1", "w", "device control"),
    Register(STATUS, "STATUS", RO, 0, 0x00000600, "13.4.2", "", "device status"),
    Register(EECD, "EECD", RW, 0x0000007F, 0x00000110, "13.4.3", "rw", "EEPROM bit-bang and flash control"),
    Register(EERD, "EERD", RW, 0x0000FF01, 0, "13.4.4", "w", "EEPROM read"),
    Register(CTRL_EXT, "CTRL_EXT", RW, 0x00029FF0, 0, "13.4.6", "w", "extended device control"),
    Register(FLA, "FLA", RW, 0x0000007F, 0, "13.4.5", "", "flash access"),
    Register(MDIC, "MDIC", RW, 0x2FFFFFFF, 0, "13.4.7", "w", "PHY register access"),
    Register(FCAL, "FCAL", RW, 0xFFFFFFFF, 0x00C28001, "13.4.8", "", "flow control address, bytes 0 to 3"),
    Register(FCAH, "FCAH", RW, 0x0000FFFF, 0x00000100, "13.4.9", "", "flow control address, bytes 4 and 5"),
    Register(FCT, "FCT", RW, 0x0000FFFF, 0x00008808, "13.4.10", "w", "flow control type"),
    Register(VET, "VET", RW, 0x0000FFFF, 0x00008100, "13.4.11", "w", "VLAN EtherType"),
    Register(FCTTV, "FCTTV", RW, 0x0000FFFF, 0, "13.4.12", "", "pause time that XOFF carries, 512 ns units"),
    Register(TXCW, "TXCW", RW, 0xC000FFFF, 0, "13.4.13", "", "transmit configuration word (TBI)"),
    Register(RXCW, "RXCW", RO, 0, 0, "13.4.14", "", "receive configuration word (TBI)"),
    Register(LEDCTL, "LEDCTL", RW, 0xCFCFCFCF, 0x07068302, "13.4.15", "", "LED control"),
    Register(PBA, "PBA", RW, 0x0000007F, 0x00100030, "13.4.16", "w", "packet buffer split, KiB: transmit, receive"),
    Register(ICR, "ICR", W1C, 0x0001FFFF, 0, "13.4.17", "rw", "interrupt causes; a read clears them all"),
    Register(ITR, "ITR", RW, 0x0000FFFF, 0, "13.4.18", "w", "interrupt throttling, 256 ns units"),
    Register(ICS, "ICS", WO, 0x0001FFFF, 0, "13.4.19", "w", "sets interrupt causes"),
    Register(IMS, "IMS", RW, 0x0001FFFF, 0, "13.4.20", "rw", "sets bits of the interrupt mask"),
    Register(IMC, "IMC", WO, 0x0001FFFF, 0, "13.4.21", "w", "clears bits of the interrupt mask"),
    Register(RCTL, "RCTL", RW, 0x06DFB3FE, 0, "13.4.22", "w", "receive control"),
    Register(FCRTL, "FCRTL", RW, 0x8000FFF8, 0, "13.4.23", "w", "flow control low threshold, bytes"),
    Register(FCRTH, "FCRTH", RW, 0x0000FFF8, 0, "13.4.24", "w", "flow control high threshold, bytes"),
    Register(RDBAL, "RDBAL", RW, 0xFFFFFFF0, 0, "13.4.25", "w", "receive ring base, low half"),
    Register(RDBAH, "RDBAH", RW, 0xFFFFFFFF, 0, "13.4.26", "w", "receive ring base, high half"),
    Register(RDLEN, "RDLEN", RW, 0x000FFF80, 0, "13.4.27", "w", "receive ring length, bytes"),
    Register(RDH, "RDH", RW, 0x0000FFFF, 0, "13.4.28", "w", "receive ring head"),
    Register(RDT, "RDT", RW, 0x0000FFFF, 0, "13.4.29", "w", "receive ring tail"),
    Register(RDTR, "RDTR", RW, 0x0000FFFF, 0, "13.4.30", "w", "receive delay, 1.024 us units; bit 31 flushes"),
    Register(RXDCTL, "RXDCTL", RW, 0x013F3F3F, 0x00010000, "13.4.46", "", "receive descriptor thresholds"),
    Register(RADV, "RADV", RW, 0x0000FFFF, 0, "13.4.31", "w", "receive absolute delay, 1.024 us units"),
    Register(RSRPD, "RSRPD", RW, 0x00000FFF, 0, "13.4.32", "w", "small receive packet size, bytes"),
    Register(TCTL, "TCTL", RW, 0x033FFFFA, 0x00000008, "13.4.33", "w", "transmit control"),
    Register(TIPG, "TIPG", RW, 0x3FFFFFFF, 0x00602006, "13.4.34", "", "inter-packet gap"),
    Register(AIT, "AIT", RW, 0x0000FFFF, 0, "13.4.35", "", "adaptive IFS throttle (AIFS)"),
    Register(TDBAL, "TDBAL", RW, 0xFFFFFFF0, 0, "13.4.36", "w", "transmit ring base, low half"),
    Register(TDBAH, "TDBAH", RW, 0xFFFFFFFF, 0, "13.4.37", "w", "transmit ring base, high half"),
    Register(TDLEN, "TDLEN", RW, 0x000FFF80, 0, "13.4.38", "w", "transmit ring length, bytes"),
    Register(TDH, "TDH", RW, 0x0000FFFF, 0, "13.4.39", "w", "transmit ring head"),
    Register(TDT, "TDT", RW, 0x0000FFFF, 0, "13.4.40", "w", "transmit ring tail: the doorbell"),
    Register(TIDV, "TIDV", RW, 0x0000FFFF, 0, "13.4.41", "w", "transmit delay, 1.024 us units"),
    Register(TXDCTL, "TXDCTL", RW, 0xFF3F3F3F, 0, "13.4.43", "w", "transmit descriptor thresholds"),
    Register(TADV, "TADV", RW, 0x0000FFFF, 0, "13.4.44", "w", "transmit absolute delay, 1.024 us units"),
    Register(TSPMT, "TSPMT", RW, 0xFFFFFFFF, 0x01000400, "13.4.45", "", "TSO pad and minimum threshold"),
    Register(RXCSUM, "RXCSUM", RW, 0x000003FF, 0, "13.4.47", "w", "receive checksum control"),
    Register(MTA, "MTA", RW, 0xFFFFFFFF, 0, "13.5.1", "", "multicast table", MTA_WORDS),
    Register(RAL, "RAL", RW, 0xFFFFFFFF, 0, "13.5.2", "w", "receive address, bytes 0 to 3", RA_ENTRIES, 8),
    Register(RAH, "RAH", RW, 0x8003FFFF, 0, "13.5.3", "w", "receive address, bytes 4 and 5; valid", RA_ENTRIES, 8),
    Register(VFTA, "VFTA", RW, 0xFFFFFFFF, 0, "13.5.4", "", "VLAN filter table", VFTA_WORDS),
    Register(WUC, "WUC", RW, 0x0000000F, 0, "13.6.1", "rw", "wakeup control"),
    Register(WUFC, "WUFC", RW, 0x000F80FF, 0, "13.6.2", "", "wakeup filter control"),
    Register(WUS, "WUS", RW, 0x000F00FF, 0, "13.6.3", "", "wakeup status; software clears it with 0"),
    Register(MANC, "MANC", RW, 0xFFFFFFFF, 0, "13.4", "", "management control"),
    Register(IPAV, "IPAV", RW, 0x0001000F, 0, "13.6.4", "", "IP addresses valid"),
    Register(IP4AT, "IP4AT", RW, 0xFFFFFFFF, 0, "13.6.5", "", "IPv4 addresses to wake for", 4, 8),
    Register(IP6AT, "IP6AT", RW, 0xFFFFFFFF, 0, "13.6.6", "", "IPv6 address to wake for", 4),
    Register(WUPL, "WUPL", RW, 0x00000FFF, 0, "13.6.7", "", "length of the packet that woke the system"),
    Register(WUPM, "WUPM", RW, 0xFFFFFFFF, 0, "13.6.8", "", "that packet's first 128 bytes", WUPM_BYTES // 4),
    Register(FFLT, "FFLT", RW, 0x000007FF, 0, "13.6.9", "", "flexible filter lengths", 4, 8),
    Register(FFMT, "FFMT", RW, 0x0000000F, 0, "13.6.10", "", "flexible filter masks", 128, 8),
    Register(FFVT, "FFVT", RW, 0xFFFFFFFF, 0, "13.6.11", "", "flexible filter values", 128, 8),
    _counter(CRCERRS, "CRCERRS", "13.7.1", "frames with a wrong FCS"),
    _counter(ALGNERRC, "ALGNERRC", "13.7.2", "alignment errors"),
    _counter(SYMERRS, "SYMERRS", "13.7.3", "symbol errors"),
    _counter(RXERRC, "RXERRC", "13.7.4", "receive errors"),
    _counter(MPC, "MPC", "13.7.5", "missed packets"),
    _counter(SCC, "SCC", "13.7.6", "single collisions"),
    _counter(ECOL, "ECOL", "13.7.7", "excessive collisions"),
    _counter(MCC, "MCC", "13.7.8", "multiple collisions"),
    _counter(LATECOL, "LATECOL", "13.7.9", "late collisions"),
    _counter(COLC, "COLC", "13.7.10", "collisions"),
    _counter(DC, "DC", "13.7.11", "deferrals"),
    _counter(TNCRS, "TNCRS", "13.7.12", "transmits without carrier sense"),
    _counter(SEC, "SEC", "13.7.13", "sequence errors"),
    _counter(CEXTERR, "CEXTERR", "13.7.14", "carrier extension errors"),
    _counter(RLEC, "RLEC", "13.7.15", "receive length errors"),
    _counter(XONRXC, "XONRXC", "13.7.16", "XON received"),
    _counter(XONTXC, "XONTXC", "13.7.17", "XON transmitted"),
    _counter(XOFFRXC, "XOFFRXC", "13.7.18", "XOFF received"),
    _counter(XOFFTXC, "XOFFTXC", "13.7.19", "XOFF transmitted"),
    _counter(FCRUC, "FCRUC", "13.7.20", "flow control frames of unknown opcode"),
    _counter(PRC64, "PRC64", "13.7.21", "good packets received, 64 bytes"),
    _counter(PRC127, "PRC127", "13.7.22", "good packets received, 65 to 127 bytes"),
    _counter(PRC255, "PRC255", "13.7.23", "good packets received, 128 to 255 bytes"),
    _counter(PRC511, "PRC511", "13.7.24", "good packets received, 256 to 511 bytes"),
    _counter(PRC1023, "PRC1023", "13.7.25", "good packets received, 512 to 1023 bytes"),
    _counter(PRC1522, "PRC1522", "13.7.26", "good packets received, 1024 bytes and more"),
    _counter(GPRC, "GPRC", "13.7.27", "good packets received"),
    _counter(BPRC, "BPRC", "13.7.28", "broadcast packets received"),
    _counter(MPRC, "MPRC", "13.7.29", "multicast packets received"),
    _counter(GPTC, "GPTC", "13.7.30", "good packets transmitted"),
    _counter(GORCL, "GORCL", "13.7.31", "good octets received, low half", RO),
    _counter(GORCH, "GORCH", "13.7.31", "good octets received, high half: a read clears both"),
    _counter(GOTCL, "GOTCL", "13.7.32", "good octets transmitted, low half", RO),
    _counter(GOTCH, "GOTCH", "13.7.32", "good octets transmitted, high half: a read clears both"),
    _counter(RNBC, "RNBC", "13.7.33", "frames that found no descriptor"),
    _counter(RUC, "RUC", "13.7.34", "undersize frames"),
    _counter(RFC, "RFC", "13.7.35", "fragments: undersize with a wrong FCS"),
    _counter(ROC, "ROC", "13.7.36", "oversize frames"),
    _counter(RJC, "RJC", "13.7.37", "jabber: oversize with a wrong FCS"),
    _counter(MGTPRC, "MGTPRC", "13.7.38", "management packets received"),
    _counter(MGTPDC, "MGTPDC", "13.7.39", "management packets dropped"),
    _counter(MGTPTC, "MGTPTC", "13.7.40", "management packets transmitted"),
    _counter(TORL, "TORL", "13.7.41", "all octets received, low half", RO),
    _counter(TORH, "TORH", "13.7.41", "all octets received, high half: a read clears both"),
    _counter(TOTL, "TOTL", "13.7.42", "all octets transmitted, low half", RO),
    _counter(TOTH, "TOTH", "13.7.42", "all octets transmitted, high half: a read clears both"),
    _counter(TPR, "TPR", "13.7.43", "all packets received"),
    _counter(TPT, "TPT", "13.7.44", "all packets transmitted"),
    _counter(PTC64, "PTC64", "13.7.45", "packets transmitted, 64 bytes"),
    _counter(PTC127, "PTC127", "13.7.46", "packets transmitted, 65 to 127 bytes"),
    _counter(PTC255, "PTC255", "13.7.47", "packets transmitted, 128 to 255 bytes"),
    _counter(PTC511, "PTC511", "13.7.48", "packets transmitted, 256 to 511 bytes"),
    _counter(PTC1023, "PTC1023", "13.7.49", "packets transmitted, 512 to 1023 bytes"),
    _counter(PTC1522, "PTC1522", "13.7.50", "packets transmitted, 1024 bytes and more"),
    _counter(MPTC, "MPTC", "13.7.51", "multicast packets transmitted"),
    _counter(BPTC, "BPTC", "13.7.52", "broadcast packets transmitted"),
    _counter(TSCTC, "TSCTC", "13.7.53", "TCP segmentation contexts transmitted"),
    _counter(TSCTFC, "TSCTFC", "13.7.54", "TCP segmentation contexts that ended wrongly"),
    Register(0x2410, "RDFH", RW, 0x00001FFF, 0, "13.8.1", "", "receive FIFO head"),
    Register(0x2418, "RDFT", RW, 0x00001FFF, 0, "13.8.2", "", "receive FIFO tail"),
    Register(0x2420, "RDFHS", RW, 0x00001FFF, 0, "13.8.3", "", "receive FIFO head, saved"),
    Register(0x2428, "RDFTS", RW, 0x00001FFF, 0, "13.8.4", "", "receive FIFO tail, saved"),
    Register(0x2430, "RDFPC", RW, 0x00001FFF, 0, "13.8.5", "", "receive FIFO packets"),
    Register(0x3410, "TDFH", RW, 0x00000FFF, 0x600, "13.8.6", "", "transmit FIFO head"),
    Register(0x3418, "TDFT", RW, 0x00000FFF, 0x600, "13.8.7", "", "transmit FIFO tail"),
    Register(0x3420, "TDFHS", RW, 0x00000FFF, 0x600, "13.8.8", "", "transmit FIFO head, saved"),
    Register(0x3428, "TDFTS", RW, 0x00000FFF, 0x600, "13.8.9", "", "transmit FIFO tail, saved"),
    Register(0x3430, "TDFPC", RW, 0x00000FFF, 0, "13.8.10", "", "transmit FIFO packets"),
    Register(PBM, "PBM", RW, 0xFFFFFFFF, 0, "13.8.11", "", "packet buffer memory", 0x4000),
)

# A reset leaves these as they are (13.6.3, 13.6.7, 13.6.8: the record of what woke the system).
KEPT_BY_RESET = (WUS, WUPL) + tuple(range(WUPM, WUPM + WUPM_BYTES, 4))

# Offsets of the 82542 that the later parts still answer at (13.3): (alias, register, how many words, stride).
ALIASES = (
    (0x0004, CTRL, 1, 4),
    (0x0040, RAL, 2 * RA_ENTRIES, 4),
    (0x0108, RDTR, 1, 4),
    (0x0110, RDBAL, 3, 4),
    (0x0120, RDH, 1, 4),
    (0x0128, RDT, 1, 4),
    (0x0160, FCRTL, 1, 4),
    (0x0168, FCRTH, 1, 4),
    (0x0200, MTA, MTA_WORDS, 4),
    (0x0420, TDBAL, 3, 4),
    (0x0430, TDH, 1, 4),
    (0x0438, TDT, 1, 4),
    (0x0440, TIDV, 1, 4),
    (0x0600, VFTA, VFTA_WORDS, 4),
)


def each_word(row):
    """(offset, name) of every 32-bit word that a row stands for."""
    for index in range(row.count):
        yield row.offset + index * row.stride, row.name if row.count == 1 else f"{row.name}[{index}]"


class Layout:
    """The table compiled into arrays indexed by offset // 4: what reset, reads and writes do to each word."""

    def __init__(self, rows=REGISTERS, aliases=ALIASES):
        words = REGISTER_SPACE // 4
        self.reset = array("I", bytes(4 * words))
        self.mask = array("I", bytes(4 * words))
        self.read_kind = array("B", bytes(words))
        self.write_kind = array("B", [NOTHING]) * words
        self.canonical = array("I", range(0, REGISTER_SPACE, 4))
        for row in rows:
            first, step = row.offset // 4, row.stride // 4
            last = first + row.count * step
            self.reset[first:last:step] = array("I", [row.reset]) * row.count
            self.mask[first:last:step] = array("I", [row.mask]) * row.count
            if "r" in row.acted:
                read_kind = ACTED
            elif row.access == WO:
                read_kind = NOTHING
            elif row.access == RC:
                read_kind = CLEARS_PAIR if row.name in ("GORCH", "GOTCH", "TORH", "TOTH") else CLEARS
            else:
                read_kind = PLAIN
            if "w" in row.acted:
                write_kind = ACTED
            elif row.access in (RO, RC):
                write_kind = NOTHING
            else:
                write_kind = PLAIN
            self.read_kind[first:last:step] = array("B", [read_kind]) * row.count
            self.write_kind[first:last:step] = array("B", [write_kind]) * row.count
        for alias, offset, count, stride in aliases:
            for index in range(count):
                self.canonical[alias // 4 + index] = offset + index * stride


LAYOUT = Layout()


def register_names():
    """{offset: name} of every register word, for traces and dumps."""
    return {offset: name for row in REGISTERS for offset, name in each_word(row)}


def register_name(offset):
    """The name of the register word at `offset`, or its number where the part has none."""
    for row in REGISTERS:
        index, rest = divmod(offset - row.offset, row.stride)
        if rest == 0 and 0 <= index < row.count:
            return row.name if row.count == 1 else f"{row.name}[{index}]"
    return f"{offset:05X}"


def reference():
    """The register reference as Markdown."""
    lines = [
        "# Registers of the 82540EM model",
        "",
        "Generated from `hwemu/nic/e1000/registers.py` by `python -m hwemu.nic.e1000.registers`; do not edit.",
        "Sections are those of the 8254x Software Developer's Manual. *Mask* is what a write can change; *effect* says",
        "whether reading (r) or writing (w) does more than fetch or store the value.",
        "",
        "| offset | name | access | mask | reset | section | effect | meaning |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(REGISTERS):
        name = row.name if row.count == 1 else f"{row.name}[{row.count}]"
        place = f"{row.offset:05X}" if row.count == 1 else f"{row.offset:05X} + {row.stride:#x} n"
        lines.append(
            f"| {place} | {name} | {row.access} | {row.mask:08X} | {row.reset:08X} | {row.section} |"
            f" {row.acted or 'stored'} | {row.text} |"
        )
    lines += ["", "Aliases kept from the 82542:", ""]
    names = register_names()
    for alias, offset, count, _ in ALIASES:
        span = f"{alias:05X}" if count == 1 else f"{alias:05X} to {alias + 4 * count - 4:05X}"
        lines.append(f"- {span}: {names[offset]} and on" if count > 1 else f"- {span}: {names[offset]}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
