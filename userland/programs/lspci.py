"""lspci: the devices on the PCI bus, from /proc/bus/pci."""

from userland import libc
from userland.net.tables import hexadecimal

USAGE = "lspci [-nvk]"
VENDORS = {0x8086: "Intel Corporation"}
DEVICES = {
    0x8086100E: "82540EM Gigabit Ethernet Controller",
    0x80861237: "440FX - 82441FX PMC [Natoma]",
    0x80867000: "82371SB PIIX3 ISA [Natoma/Triton II]",
}
CLASSES = {
    0x0100: "SCSI storage controller",
    0x0101: "IDE interface",
    0x0200: "Ethernet controller",
    0x0280: "Network controller",
    0x0300: "VGA compatible controller",
    0x0600: "Host bridge",
    0x0601: "ISA bridge",
    0x0604: "PCI bridge",
    0x0680: "Bridge",
}
BARS = 7
FLAG_IO = 1
FLAG_PREFETCH = 8


class Device:
    """One line of /proc/bus/pci/devices, and what /proc/bus/pci/details adds."""

    def __init__(self, bus, devfn, ident, irq, bars, sizes, driver):
        self.slot = f"{bus:02x}:{devfn >> 3:02x}.{devfn & 7}"
        self.vendor = ident >> 16
        self.device = ident & 0xFFFF
        self.irq = irq
        self.bars = bars
        self.sizes = sizes
        self.driver = driver
        self.device_class = 0
        self.revision = 0
        self.subsystem = ""


def parse_device(line):
    """A `Device`, or None for a line that is none."""
    fields = line.rstrip("\n").split("\t")
    if len(fields) < 3 + 2 * BARS:
        return None
    numbers = [hexadecimal(field.strip()) for field in fields[: 3 + 2 * BARS]]
    if None in numbers:
        return None
    driver = fields[3 + 2 * BARS].strip() if len(fields) > 3 + 2 * BARS else ""
    place = numbers[0]
    bars, sizes = numbers[3 : 3 + BARS], numbers[3 + BARS :]
    return Device(place >> 8, place & 0xFF, numbers[1], numbers[2], bars, sizes, driver)


def apply_details(devices, text):
    """Add class, revision and subsystem from the lines of /proc/bus/pci/details."""
    for line in text.splitlines():
        words = line.split()
        for device in devices:
            if words and words[0].removeprefix("0000:") == device.slot:
                pairs = dict(zip(words[1::2], words[2::2], strict=False))
                device.device_class = (hexadecimal(pairs.get("class", "0")) or 0) >> 8
                device.revision = hexadecimal(pairs.get("rev", "0")) or 0
                device.subsystem = pairs.get("subsystem", "")


def title(device, numeric):
    if numeric:
        text = f"{device.slot} {device.device_class:04x}: {device.vendor:04x}:{device.device:04x}"
    else:
        vendor = VENDORS.get(device.vendor, f"Vendor {device.vendor:04x}")
        name = DEVICES.get(device.vendor << 16 | device.device, f"Device {device.device:04x}")
        kind = CLASSES.get(device.device_class, f"Class {device.device_class:04x}")
        text = f"{device.slot} {kind}: {vendor} {name}"
    return text + (f" (rev {device.revision:02x})" if device.revision else "")


def size_text(size):
    for unit, shift in (("G", 30), ("M", 20), ("K", 10)):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return str(size)


def verbose_lines(device):
    if device.subsystem:
        yield f"\tSubsystem: {device.subsystem}"
    if device.irq:
        yield f"\tInterrupt: pin A routed to IRQ {device.irq}"
    for index, (bar, size) in enumerate(zip(device.bars, device.sizes, strict=True)):
        if not size:
            continue
        if bar & FLAG_IO:
            yield f"\tRegion {index}: I/O ports at {bar & ~3:04x} [size={size_text(size)}]"
        else:
            kind = "prefetchable" if bar & FLAG_PREFETCH else "non-prefetchable"
            yield f"\tRegion {index}: Memory at {bar & ~15:08x} (32-bit, {kind}) [size={size_text(size)}]"


def main(argv):
    try:
        options = libc.getopt(argv, "nvk", USAGE)
        if options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
    except libc.UsageError as error:
        libc.eputs(f"lspci: {error}")
        return 2
    text = libc.read_text("/proc/bus/pci/devices")
    if text == -1:
        libc.eputs("lspci: Cannot find any working access method.")
        return 1
    devices = [device for device in map(parse_device, text.splitlines()) if device is not None]
    details = libc.read_text("/proc/bus/pci/details")
    apply_details(devices, "" if details == -1 else details)
    for device in devices:
        lines = [title(device, options.has("n"))]
        if options.has("v"):
            lines += verbose_lines(device)
        if device.driver and (options.has("k") or options.has("v")):
            lines.append(f"\tKernel driver in use: {device.driver}")
        libc.puts("\n".join(lines) + ("\n" if options.has("v") else ""))
    return 0
