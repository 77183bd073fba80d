"""The messages of vfio-user 0.1, as construct describes them: little-endian, each behind a header of 16 bytes.

Names are those of the specification and of <linux/vfio.h>.  A structure whose name ends in INFO is both the question and the
answer.  REGION_READ and REGION_WRITE, which every register access is, are taken apart in `channel` and `connection`.
"""

import json

from construct import Const, Int16ul, Int32ul, Int64ul, Struct

MAJOR = 0
MINOR = 1

COMMANDS = (
    "",
    "VERSION",
    "DMA_MAP",
    "DMA_UNMAP",
    "DEVICE_GET_INFO",
    "DEVICE_GET_REGION_INFO",
    "DEVICE_GET_REGION_IO_FDS",
    "DEVICE_GET_IRQ_INFO",
    "DEVICE_SET_IRQS",
    "REGION_READ",
    "REGION_WRITE",
    "DMA_READ",
    "DMA_WRITE",
    "DEVICE_RESET",
    "DIRTY_PAGES",
    "REGION_WRITE_MULTI",
    "DEVICE_FEATURE",
    "MIG_DATA_READ",
    "MIG_DATA_WRITE",
)
VERSION = COMMANDS.index("VERSION")
DMA_MAP = COMMANDS.index("DMA_MAP")
DMA_UNMAP = COMMANDS.index("DMA_UNMAP")
DEVICE_GET_INFO = COMMANDS.index("DEVICE_GET_INFO")
DEVICE_GET_REGION_INFO = COMMANDS.index("DEVICE_GET_REGION_INFO")
DEVICE_GET_IRQ_INFO = COMMANDS.index("DEVICE_GET_IRQ_INFO")
DEVICE_SET_IRQS = COMMANDS.index("DEVICE_SET_IRQS")
REGION_READ = COMMANDS.index("REGION_READ")
REGION_WRITE = COMMANDS.index("REGION_WRITE")
DEVICE_RESET = COMMANDS.index("DEVICE_RESET")
REGION_WRITE_MULTI = COMMANDS.index("REGION_WRITE_MULTI")

# The header's flags: the type in bits 0 to 3, then two that go with it.
TYPE_MASK = 0x0F
TYPE_COMMAND = 0
TYPE_REPLY = 1
NO_REPLY = 0x10
ERROR = 0x20

# What a PCI device has: BAR 0 to 5 are regions 0 to 5, 6 is the ROM, 8 the VGA window.
BAR0_REGION = 0
CONFIG_REGION = 7
REGIONS = 9
# The kinds of interrupt: INTx, MSI, MSI-X, error, request.
INTX = 0
IRQ_KINDS = 5

HEADER = Struct("message_id" / Int16ul, "command" / Int16ul, "size" / Int32ul, "flags" / Int32ul, "error" / Int32ul)
HEADER_SIZE = HEADER.sizeof()

VERSION_NUMBERS = Struct("major" / Int16ul, "minor" / Int16ul)

DMA_READABLE = 1
DMA_WRITABLE = 2
DMA_MAP_REQUEST = Struct("argsz" / Int32ul, "flags" / Int32ul, "offset" / Int64ul, "address" / Int64ul, "size" / Int64ul)

UNMAP_ALL = 2
DMA_UNMAP_REQUEST = Struct("argsz" / Int32ul, "flags" / Int32ul, "address" / Int64ul, "size" / Int64ul)

DEVICE_FLAGS_RESET = 1
DEVICE_FLAGS_PCI = 2
DEVICE_INFO = Struct("argsz" / Int32ul, "flags" / Int32ul, "num_regions" / Int32ul, "num_irqs" / Int32ul)

REGION_FLAG_READ = 1
REGION_FLAG_WRITE = 2
REGION_INFO = Struct(
    "argsz" / Int32ul, "flags" / Int32ul, "index" / Int32ul, "cap_offset" / Int32ul, "size" / Int64ul, "offset" / Int64ul
)

IRQ_EVENTFD = 1
IRQ_MASKABLE = 2
IRQ_AUTOMASKED = 4
IRQ_INFO = Struct("argsz" / Int32ul, "flags" / Int32ul, "index" / Int32ul, "count" / Int32ul)

IRQ_DATA_NONE = 0x01
IRQ_DATA_BOOL = 0x02
IRQ_DATA_EVENTFD = 0x04
IRQ_DATA = IRQ_DATA_NONE | IRQ_DATA_BOOL | IRQ_DATA_EVENTFD
IRQ_MASK = 0x08
IRQ_UNMASK = 0x10
IRQ_TRIGGER = 0x20
IRQ_ACTION = IRQ_MASK | IRQ_UNMASK | IRQ_TRIGGER
SET_IRQS_REQUEST = Struct("argsz" / Int32ul, "flags" / Int32ul, "index" / Int32ul, "start" / Int32ul, "count" / Int32ul)

REGION_ACCESS = Struct("offset" / Int64ul, "region" / Int32ul, "count" / Int32ul)
WRITE_MULTI_COUNT = Struct("wr_cnt" / Int64ul)
# One write of REGION_WRITE_MULTI: an access, then its data in 8 bytes.
WRITE_MULTI_DATA = 8
WRITE_MULTI_SIZE = REGION_ACCESS.sizeof() + WRITE_MULTI_DATA

TERMINATOR = Const(b"\0")


def encode(message_id, command, payload=b"", flags=TYPE_COMMAND, error=0) -> bytes:
    """A whole message."""
    header = {"message_id": message_id, "command": command, "size": HEADER_SIZE + len(payload), "flags": flags, "error": error}
    return HEADER.build(header) + payload


def encode_version(major: int, minor: int, capabilities: dict) -> bytes:
    """VERSION's payload: the numbers, then JSON text that ends in NUL."""
    text = json.dumps({"capabilities": capabilities}, separators=(",", ":")).encode()
    return VERSION_NUMBERS.build({"major": major, "minor": minor}) + text + TERMINATOR.build(None)


def decode_version(payload: bytes) -> tuple[int, int, dict]:
    """Major, minor and capabilities of a VERSION payload; ValueError for anything that is not one."""
    if len(payload) < VERSION_NUMBERS.sizeof():
        raise ValueError("a VERSION without its numbers")
    numbers = VERSION_NUMBERS.parse(payload)
    text, end, behind = payload[VERSION_NUMBERS.sizeof() :].partition(b"\0")
    if behind or (text and not end):
        raise ValueError("version data that does not end in its NUL")
    if not text:
        return numbers.major, numbers.minor, {}
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("version data that is not JSON") from None
    capabilities = data.get("capabilities", {}) if isinstance(data, dict) else None
    if not isinstance(capabilities, dict):
        raise ValueError("version data that names no capabilities")
    return numbers.major, numbers.minor, capabilities
