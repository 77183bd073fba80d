"""Configuration space described once, for decoding, dumps and documentation; never used to run a device.

PCI Local Bus Specification 3.0, figure 6-1 (type-0 header) and section 6.7 (capabilities); integers are
little-endian.  `python -m hwemu.pci.header FILE` prints a dump of 64 to 256 bytes.
"""

import sys

from construct import (
    Array,
    BitsInteger,
    BitStruct,
    ByteSwapped,
    ConstructError,
    Flag,
    Int8ul,
    Int16ul,
    Int24ul,
    Int32ul,
    Padding,
    Struct,
)

Command = ByteSwapped(
    BitStruct(
        Padding(5),
        "intx_disable" / Flag,
        "fast_back_to_back" / Flag,
        "serr" / Flag,
        "stepping" / Flag,
        "parity" / Flag,
        "palette_snoop" / Flag,
        "mwi" / Flag,
        "special_cycles" / Flag,
        "bus_master" / Flag,
        "memory" / Flag,
        "io" / Flag,
    )
)

Status = ByteSwapped(
    BitStruct(
        "parity_error" / Flag,
        "signaled_system_error" / Flag,
        "received_master_abort" / Flag,
        "received_target_abort" / Flag,
        "signaled_target_abort" / Flag,
        "devsel" / BitsInteger(2),
        "master_parity_error" / Flag,
        "fast_back_to_back" / Flag,
        Padding(1),
        "mhz66" / Flag,
        "capabilities" / Flag,
        "interrupt" / Flag,
        Padding(3),
    )
)

Type0Header = Struct(
    "vendor_id" / Int16ul,
    "device_id" / Int16ul,
    "command" / Command,
    "status" / Status,
    "revision_id" / Int8ul,
    "class_code" / Int24ul,
    "cache_line_size" / Int8ul,
    "latency_timer" / Int8ul,
    "header_type" / Int8ul,
    "bist" / Int8ul,
    "base_address" / Array(6, Int32ul),
    "cardbus_cis" / Int32ul,
    "subsystem_vendor_id" / Int16ul,
    "subsystem_id" / Int16ul,
    "expansion_rom" / Int32ul,
    "capabilities_pointer" / Int8ul,
    Padding(7),
    "interrupt_line" / Int8ul,
    "interrupt_pin" / Int8ul,
    "min_gnt" / Int8ul,
    "max_lat" / Int8ul,
)

CapabilityHeader = Struct("identity" / Int8ul, "next" / Int8ul)

PowerManagement = Struct(
    "identity" / Int8ul,
    "next" / Int8ul,
    "capabilities" / Int16ul,
    "control"
    / ByteSwapped(
        BitStruct(
            "pme_status" / Flag,
            "data_scale" / BitsInteger(2),
            "data_select" / BitsInteger(4),
            "pme_enable" / Flag,
            Padding(6),
            "state" / BitsInteger(2),
        )
    ),
    "bridge_extensions" / Int8ul,
    "data" / Int8ul,
)


def capabilities(config):
    """The (offset, identity) of each capability in 256 bytes of `config`; a list that loops ends where it began to."""
    header = Type0Header.parse(config)
    found = []
    seen = []
    offset = header.capabilities_pointer & 0xFC
    while header.status.capabilities and offset and offset not in seen and offset + 2 <= len(config):
        seen.append(offset)
        entry = CapabilityHeader.parse(config[offset : offset + 2])
        found.append((offset, entry.identity))
        offset = entry.next & 0xFC
    return found


def dump(config):
    """A readable dump of configuration space, one register a line; ConstructError for less than 64 bytes."""
    header = Type0Header.parse(config)
    lines = []
    for name, value in header.items():
        if name.startswith("_"):
            continue
        if isinstance(value, int):
            text = f"{value:#x}"
        elif isinstance(value, list):
            text = " ".join(f"{base:08x}" for base in value)
        else:
            text = " ".join(bit for bit, on in value.items() if on and not bit.startswith("_")) or "-"
        lines.append(f"{name:22}{text}")
    lines += [f"capability {identity:#04x} at {offset:#04x}" for offset, identity in capabilities(config)]
    return "\n".join(lines) + "\n"


def main(argv):
    if len(argv) != 2:
        print("usage: python -m hwemu.pci.header FILE", file=sys.stderr)
        return 2
    try:
        with open(argv[1], "rb") as source:
            sys.stdout.write(dump(source.read(256)))
    except (OSError, ConstructError) as error:
        print(f"{argv[1]}: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
