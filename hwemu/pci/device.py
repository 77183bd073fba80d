"""A PCI device as its maker sees it: configuration space, base addresses, the interrupt pin and the way into RAM.

A device model subclasses `PCIDevice`, adds its base addresses and capabilities, and overrides `mmio_read`,
`mmio_write` and `reset`.  The bus plugs it in and carries configuration cycles to it.  Sections are those of the
PCI Local Bus Specification 3.0.
"""

from hwemu.bus import Region
from hwemu.pci.dma import DMA
from hwemu.pci.registers import (
    BAR_IO,
    BAR_IO_FLAGS,
    BAR_MEMORY_FLAGS,
    BAR_PREFETCHABLE,
    BASE_ADDRESS_0,
    BASE_ADDRESSES,
    CACHE_LINE_SIZE,
    CAPABILITIES_POINTER,
    CAPABILITY_POWER_MANAGEMENT,
    CLASS_CODE,
    COMMAND,
    COMMAND_BUS_MASTER,
    COMMAND_INTX_DISABLE,
    COMMAND_IO,
    COMMAND_MEMORY,
    COMMAND_WRITABLE,
    CONFIG_SIZE,
    D0,
    DEVICE_ID,
    HEADER_SIZE,
    INTERRUPT_LINE,
    INTERRUPT_PIN,
    LATENCY_TIMER,
    PM_CONTROL,
    PM_CONTROL_PME_ENABLE,
    PM_CONTROL_PME_STATUS,
    PM_CONTROL_STATE,
    PM_SIZE,
    REVISION_ID,
    STATUS,
    STATUS_CAPABILITIES,
    STATUS_CLEARED_BY_WRITING_1,
    STATUS_INTERRUPT,
    STATUS_RECEIVED_MASTER_ABORT,
    SUBSYSTEM_ID,
    SUBSYSTEM_VENDOR_ID,
    VENDOR_ID,
)


class BaseAddress(Region):
    """What one base address register decodes: a region that passes accesses on to its device.

    `size` is a power of two.  A register of 0 means "not assigned": nothing is decoded there.
    """

    def __init__(self, size, flags):
        super().__init__(size)
        if size & (size - 1) or size <= flags:
            raise ValueError(f"a base address register can not describe {size} bytes")
        self.device = None
        self.index = -1
        self.flags = flags

    def read(self, offset, width):
        return self.device.mmio_read(self.index, offset, width)

    def write(self, offset, width, value):
        self.device.mmio_write(self.index, offset, width, value)


class MemoryBAR(BaseAddress):
    """A 32-bit memory window of `size` bytes (at least 16)."""

    def __init__(self, size, prefetchable=False):
        super().__init__(size, BAR_PREFETCHABLE if prefetchable else 0)
        if size < 16:
            raise ValueError(f"a memory base address register can not describe {size} bytes")


class IOBAR(BaseAddress):
    """An I/O window of `size` bytes (4 to 256)."""

    def __init__(self, size):
        super().__init__(size, BAR_IO)
        if not 4 <= size <= 256:
            raise ValueError(f"an I/O base address register can not describe {size} bytes")


class PCIDevice:
    """A device with a type-0 header and one function.

    `class_code` is 24 bits (class, subclass, interface); `interrupt_pin` is 1 for INTA to 4 for INTD, 0 for none.
    `config` holds the 256 bytes of configuration space, `defaults` what they are after reset, `write_mask` the
    bits that software can write and `clear_mask` those that it clears by writing 1.  `name` is what trace events
    call the device.
    """

    def __init__(
        self,
        name,
        vendor_id,
        device_id,
        class_code,
        revision=0,
        subsystem_vendor_id=0,
        subsystem_id=0,
        interrupt_pin=1,
        trace=None,
    ):
        self.name = name
        self.trace = trace
        self.dma = DMA(name, trace)
        self.config = bytearray(CONFIG_SIZE)
        self.write_mask = bytearray(CONFIG_SIZE)
        self.clear_mask = bytearray(CONFIG_SIZE)
        self.defaults = bytearray(CONFIG_SIZE)
        self.bars = [None] * BASE_ADDRESSES
        self.capability_end = HEADER_SIZE
        self.last_capability = 0
        self.power_management = 0
        self.controller = None
        self.interrupt_line = -1
        self.interrupt_source = -1
        self.slot = -1
        self.interrupt_pending = False
        self.interrupt_enabled = True
        self.interrupt_driven = False

        self.set_config(VENDOR_ID, 2, vendor_id)
        self.set_config(DEVICE_ID, 2, device_id)
        self.set_config(REVISION_ID, 1, revision)
        self.set_config(CLASS_CODE, 3, class_code)
        self.set_config(SUBSYSTEM_VENDOR_ID, 2, subsystem_vendor_id)
        self.set_config(SUBSYSTEM_ID, 2, subsystem_id)
        self.set_config(INTERRUPT_PIN, 1, interrupt_pin)
        self.set_masks(COMMAND, 2, COMMAND_WRITABLE, 0)
        self.set_masks(STATUS, 2, 0, STATUS_CLEARED_BY_WRITING_1)
        self.set_masks(CACHE_LINE_SIZE, 1, 0xFF, 0)
        self.set_masks(LATENCY_TIMER, 1, 0xFF, 0)
        self.set_masks(INTERRUPT_LINE, 1, 0xFF, 0)

    # --- how a model describes itself ---

    def set_config(self, offset, size, value):
        """Set a register of `size` bytes to what it is after reset, whatever software may write to it."""
        encoded = (value & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
        self.config[offset : offset + size] = encoded
        self.defaults[offset : offset + size] = encoded

    def set_masks(self, offset, size, writable, cleared):
        """Which bits of a register software writes, and which it clears by writing 1."""
        self.write_mask[offset : offset + size] = writable.to_bytes(size, "little")
        self.clear_mask[offset : offset + size] = cleared.to_bytes(size, "little")

    def add_bar(self, index, bar):
        """Make `bar` (MemoryBAR or IOBAR) what base address register `index` (0 to 5) decodes."""
        if bar.device is not None or self.bars[index] is not None:
            raise ValueError(f"base address register {index} of {self.name} is taken")
        bar.device = self
        bar.index = index
        self.bars[index] = bar
        offset = BASE_ADDRESS_0 + 4 * index
        self.set_config(offset, 4, bar.flags)
        self.set_masks(offset, 4, 0xFFFFFFFF & ~(bar.size - 1), 0)

    def add_capability(self, identity, body, writable, cleared, offset=0):
        """Append a capability (section 6.7) and return its offset.

        `body` is what follows the two-byte header; `writable` and `cleared` are its masks, of the same length.
        `offset` places it (a multiple of 4); 0 means behind the last one.  ValueError where it does not fit.
        """
        if offset == 0:
            offset = (self.capability_end + 3) & ~3
        end = offset + 2 + len(body)
        if offset < HEADER_SIZE or offset & 3 or end > CONFIG_SIZE:
            raise ValueError(f"a capability of {len(body) + 2} bytes does not fit at {offset:#x}")
        self.capability_end = max(self.capability_end, end)
        self.set_config(offset, 1, identity)
        self.set_config(offset + 2, len(body), int.from_bytes(body, "little"))
        self.write_mask[offset + 2 : end] = writable
        self.clear_mask[offset + 2 : end] = cleared
        link = CAPABILITIES_POINTER if self.last_capability == 0 else self.last_capability + 1
        self.set_config(link, 1, offset)
        self.last_capability = offset
        self.set_config(STATUS, 1, self.config[STATUS] | STATUS_CAPABILITIES)
        return offset

    def add_power_management(self, offset=0, capabilities=0xC802):
        """Append a power management capability with D0 and D3hot and return its offset.

        `capabilities` is its PMC register; the default says version 1.1 and PME# from D0, D3hot and D3cold.
        """
        control = PM_CONTROL_STATE | PM_CONTROL_PME_ENABLE
        self.power_management = self.add_capability(
            CAPABILITY_POWER_MANAGEMENT,
            capabilities.to_bytes(2, "little") + bytes(PM_SIZE - 4),
            bytes(2) + control.to_bytes(2, "little") + bytes(2),
            bytes(2) + PM_CONTROL_PME_STATUS.to_bytes(2, "little") + bytes(2),
            offset,
        )
        return self.power_management

    # --- configuration cycles ---

    def config_read(self, offset, size):
        """The `size` (1, 2, 4) bytes at `offset`, little-endian; all ones outside the 256 bytes."""
        if offset < 0 or offset + size > CONFIG_SIZE:
            return 0xFFFFFFFF >> (32 - 8 * size)
        status = int.from_bytes(self.config[STATUS : STATUS + 2], "little")
        status &= ~(STATUS_INTERRUPT | STATUS_RECEIVED_MASTER_ABORT)
        if self.interrupt_pending:
            status |= STATUS_INTERRUPT
        if self.dma.master_abort:
            status |= STATUS_RECEIVED_MASTER_ABORT
        self.config[STATUS : STATUS + 2] = status.to_bytes(2, "little")
        value = int.from_bytes(self.config[offset : offset + size], "little")
        if self.trace is not None and self.trace.on:
            self.trace.emit("pci_config_read", self.name, offset, size, value)
        return value

    def config_write(self, offset, size, value):
        """Write `size` bytes at `offset`: each bit as the masks say; dropped outside the 256 bytes."""
        if offset < 0 or offset + size > CONFIG_SIZE:
            return
        if self.trace is not None and self.trace.on:
            self.trace.emit("pci_config_write", self.name, offset, size, value)
        before = self._power_state()
        for i in range(size):
            at = offset + i
            byte = (value >> (8 * i)) & 0xFF
            writable = self.write_mask[at]
            old = self.config[at]
            if at == self.power_management + PM_CONTROL and self.power_management and byte & 3 in (1, 2):
                # D1 and D2 are optional and not offered: the write of the state is dropped (PM 1.1, 3.2.4).
                byte = (byte & ~PM_CONTROL_STATE) | (old & PM_CONTROL_STATE)
            if at == STATUS + 1 and byte & (STATUS_RECEIVED_MASTER_ABORT >> 8):
                self.dma.master_abort = False
            self.config[at] = ((old & ~writable) | (byte & writable)) & ~(byte & self.clear_mask[at]) & 0xFF
        after = self._power_state()
        if after != before:
            if after == D0:
                self._leave_d3()
            self.power_state(after)
        self._configure()

    def _power_state(self):
        if not self.power_management:
            return D0
        return self.config[self.power_management + PM_CONTROL] & PM_CONTROL_STATE

    def _leave_d3(self):
        """D3hot to D0 resets the device; only the PME bits survive (PM 1.1, section 5.4.1)."""
        at = self.power_management + PM_CONTROL
        control = bytes(self.config[at : at + 2])
        self.reset()
        self.config[at : at + 2] = control

    def _configure(self):
        """Carry out what the command, base address and power registers say now."""
        command = int.from_bytes(self.config[COMMAND : COMMAND + 2], "little")
        active = self._power_state() == D0
        for bar in self.bars:
            if bar is None:
                continue
            offset = BASE_ADDRESS_0 + 4 * bar.index
            value = int.from_bytes(self.config[offset : offset + 4], "little")
            if bar.flags & BAR_IO:
                bar.base = value & ~BAR_IO_FLAGS & 0xFFFFFFFF
                bar.enabled = active and bar.base != 0 and (command & COMMAND_IO) != 0
            else:
                bar.base = value & ~BAR_MEMORY_FLAGS & 0xFFFFFFFF
                bar.enabled = active and bar.base != 0 and (command & COMMAND_MEMORY) != 0
        self.dma.enabled = active and (command & COMMAND_BUS_MASTER) != 0
        self.interrupt_enabled = active and (command & COMMAND_INTX_DISABLE) == 0
        self._drive_interrupt()

    # --- what a model overrides ---

    def mmio_read(self, bar, offset, width):
        """A read of `width` (1, 2, 4) bytes at `offset` in base address `bar`, of memory or I/O; never raises."""
        return 0xFFFFFFFF >> (32 - 8 * width)

    def mmio_write(self, bar, offset, width, value):
        """A write of `width` bytes at `offset` in base address `bar`; never raises."""

    def reset(self):
        """Bus reset or power-on: a subclass resets itself and calls this for its configuration space."""
        self.config[:] = self.defaults
        self.dma.master_abort = False
        self.interrupt_pending = False
        self._configure()

    def power_state(self, state):
        """The power state has become `state` (0: D0, 3: D3hot); the base class has done the bus side of it."""

    # --- what a model calls ---

    def set_interrupt(self, level):
        """Drive the INTx pin; command bit 10 keeps the pin down while status bit 3 still shows `level`."""
        self.interrupt_pending = level
        self._drive_interrupt()

    def _drive_interrupt(self):
        level = self.interrupt_pending and self.interrupt_enabled
        if level != self.interrupt_driven:
            self.interrupt_driven = level
            if self.controller is not None and self.interrupt_line >= 0:
                self.controller.raise_line(self.interrupt_line, self.interrupt_source, level)

    def dma_read(self, address, length):
        """`length` bytes of RAM at bus address `address`, or None after a master abort."""
        return self.dma.read(address, length)

    def dma_write(self, address, data):
        """Write `data` to RAM at bus address `address`; False after a master abort."""
        return self.dma.write_from(address, data)
