# cython: boundscheck=False, wraparound=False
"""The Intel 82540EM: PCI function, register dispatch, reset and link; the engines have their own rooms.

A register access is a read or write of 32 bits; a driver that reads fewer gets that part of the word, and a
write of fewer is ignored, as the part does (13.2.2.1).  Nothing that a driver writes raises.
"""

from hwemu.nic.e1000.bits import (
    ALL_ONES,
    CTRL_EXT_EE_RST,
    CTRL_FD,
    CTRL_FRCDPLX,
    CTRL_FRCSPD,
    CTRL_PHY_RST,
    CTRL_RST,
    CTRL_SLU,
    CTRL_SPEED,
    ICR_LSC,
    ICR_MDAC,
    MDIC_INTERRUPT,
    RAH_AV,
    RCTL_LBM,
    RCTL_LBM_MAC,
    RDTR_FPD,
    STATUS_ASDV,
    STATUS_ASDV_SHIFT,
    STATUS_FD,
    STATUS_LU,
    STATUS_SPEED,
    STATUS_SPEED_SHIFT,
    TCTL_SWXOFF,
    WUC_APME,
    WUC_PME_EN,
    WUC_PME_STATUS,
)
from hwemu.nic.e1000.eeprom import Eeprom
from hwemu.nic.e1000.flow import FlowControl
from hwemu.nic.e1000.interrupts import Interrupts
from hwemu.nic.e1000.phy import Phy
from hwemu.nic.e1000.receive import Receiver
from hwemu.nic.e1000.register_file import RegisterFile
from hwemu.nic.e1000.registers import (
    ACTED,
    CLEARS,
    CLEARS_PAIR,
    CTRL,
    CTRL_EXT,
    EECD,
    EERD,
    FCRTH,
    FCRTL,
    FCT,
    FCTTV,
    ICR,
    ICS,
    IMC,
    IMS,
    ITR,
    LAYOUT,
    MDIC,
    PBA,
    PLAIN,
    RADV,
    RAH,
    RAL,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    RDTR,
    REGISTER_SPACE,
    RSRPD,
    RXCSUM,
    STATUS,
    TADV,
    TCTL,
    TDBAH,
    TDBAL,
    TDH,
    TDLEN,
    TDT,
    TIDV,
    TXDCTL,
    VET,
    WUC,
    register_name,
)
from hwemu.nic.e1000.statistics import Statistics
from hwemu.nic.e1000.transmit import Transmitter
from hwemu.nic.e1000.wakeup import Wakeup
from hwemu.pci.device import IOBAR, MemoryBAR, PCIDevice
from hwemu.pci.registers import PM_CONTROL, PM_CONTROL_PME_ENABLE, PM_CONTROL_PME_STATUS
from hwemu.trace import Trace
from hwemu.wire.port import FRAME_BAD_FCS, Station

VENDOR_INTEL = 0x8086
DEVICE_82540EM = 0x100E
SUBSYSTEM_82540EM = 0x001E
REVISION = 2
CLASS_ETHERNET = 0x020000
PM_CAPABILITY = 0xDC
PM_CAPABILITIES = 0xC822

MEMORY_BAR = 0
IO_BAR = 1
IO_BAR_SIZE = 64
IOADDR = 0
IODATA = 4
IOADDR_BITS = 0x000FFFFF


class NicPort(Station):
    """The card's plug."""

    def __init__(self, nic):
        Station.__init__(self)
        self.nic = nic

    def receive(self, frame, flags):
        self.nic.receive(frame, flags)

    def carrier(self, up):
        self.nic.carrier(up)


class E1000(PCIDevice):
    """The card.  `port` plugs into a wire; `on_wake()`, where set, is called when the card asserts PME#.

    `mac` is what the EEPROM holds.  Dispatch is in `read_register` and `write_register`, frames come in by
    `receive`, DMA goes through `dma`: middleware wraps these four.
    """

    def __init__(self, clock, mac=b"\x52\x54\x00\x12\x34\x56", name="nic0", trace=None):
        if len(mac) != 6 or mac[0] & 1:
            raise ValueError(f"{mac.hex(':')} is not the address of a station")
        PCIDevice.__init__(
            self,
            name,
            VENDOR_INTEL,
            DEVICE_82540EM,
            CLASS_ETHERNET,
            revision=REVISION,
            subsystem_vendor_id=VENDOR_INTEL,
            subsystem_id=SUBSYSTEM_82540EM,
            interrupt_pin=1,
            trace=Trace(clock, name) if trace is None else trace,
        )
        self.add_bar(MEMORY_BAR, MemoryBAR(REGISTER_SPACE))
        self.add_bar(IO_BAR, IOBAR(IO_BAR_SIZE))
        self.add_power_management(PM_CAPABILITY, PM_CAPABILITIES)
        self.clock = clock
        self.canonical = LAYOUT.canonical
        self.read_kind = LAYOUT.read_kind
        self.write_kind = LAYOUT.write_kind
        self.io_address = 0
        self.asleep = False
        self.on_wake = None
        self.port = NicPort(self)
        self.eeprom = Eeprom(mac)
        self.phy = Phy(clock, self.link_changed)
        self.regs = RegisterFile()
        self.stats = Statistics(self.regs)
        self.interrupts = Interrupts(clock, self, self.trace)
        self.flow = FlowControl(clock, self.regs, self.port)
        self.receiver = Receiver(
            clock, self.regs, self.stats, self.interrupts, self.dma, self.port, self.flow, self.trace, name
        )
        self.transmitter = Transmitter(
            clock, self.regs, self.stats, self.interrupts, self.dma, self.port, self.flow, self.receiver, self.trace, name
        )
        self.flow.engine = self.transmitter
        self.wakeup = Wakeup(self.regs, self.receiver.filters, self.wake)
        self.receiver.wakeup = self.wakeup
        self.reset_mac()

    # --- reset, power and link ---

    def reset(self):
        """Bus reset or power-on: the whole card, PHY included."""
        PCIDevice.reset(self)
        self.io_address = 0
        self.asleep = False
        self.phy.reset()
        self.reset_mac()

    def reset_mac(self):
        """CTRL.RST (13.4.1): every MAC register and engine, but neither the PHY nor PCI configuration."""
        self.regs.reset()
        self.eeprom.reset()
        self.load_address()
        self.interrupts.reset()
        self.flow.reset()
        self.receiver.reset()
        self.transmitter.reset()
        self.show_link()
        self.watch_for_wakeup()

    def load_address(self):
        """RAL0 and RAH0 from the EEPROM (13.5.2)."""
        words = self.eeprom.words
        self.regs.put(RAL, words[0] | words[1] << 16)
        self.regs.put(RAH, words[2] | RAH_AV)
        self.receiver.filters.load_addresses()

    def carrier(self, up):
        """The wire came up or went down; a new one does not hold frames back yet."""
        self.receiver.holding = False
        self.phy.set_carrier(up)

    def link_changed(self):
        """The PHY's link, speed or duplex changed: LSC when STATUS.LU does."""
        before = self.regs.get(STATUS) & STATUS_LU
        self.show_link()
        if before != self.regs.get(STATUS) & STATUS_LU:
            self.interrupts.cause(ICR_LSC)
            self.wakeup.link_changed(self.asleep)

    def show_link(self):
        """STATUS from the PHY, or as CTRL forces it, and what that means for the engines."""
        ctrl = self.regs.get(CTRL)
        up = self.phy.link and ctrl & CTRL_SLU != 0
        speed = (ctrl & CTRL_SPEED) >> 8 if ctrl & CTRL_FRCSPD else self.phy.speed
        duplex = ctrl & CTRL_FD != 0 if ctrl & CTRL_FRCDPLX else self.phy.duplex
        status = self.regs.get(STATUS) & ~(STATUS_LU | STATUS_FD | STATUS_SPEED | STATUS_ASDV)
        status |= speed << STATUS_SPEED_SHIFT | self.phy.speed << STATUS_ASDV_SHIFT
        if up:
            status |= STATUS_LU
        if duplex:
            status |= STATUS_FD
        self.regs.put(STATUS, status)
        self.transmitter.loopback = self.phy.in_loopback() or self.regs.get(RCTL) & RCTL_LBM == RCTL_LBM_MAC
        self.transmitter.set_link(up)

    def power_state(self, state):
        """D3hot: no DMA and no registers, but frames are looked at for wakeup (6.3)."""
        self.asleep = state != 0
        if self.asleep:
            self.transmitter.enabled = False
            self.receiver.enabled = False
        self.watch_for_wakeup()

    def watch_for_wakeup(self):
        self.receiver.asleep = self.asleep
        self.receiver.watching = self.asleep or self.regs.get(WUC) & WUC_APME != 0

    def wake(self):
        """Assert PME#: PME_Status always, the system only if PME_En allows (6.4.2)."""
        at = self.power_management + PM_CONTROL
        self.config[at + 1] |= PM_CONTROL_PME_STATUS >> 8
        if self.config[at + 1] & PM_CONTROL_PME_ENABLE >> 8 and self.on_wake is not None:
            self.on_wake()

    # --- the wire ---

    def receive(self, frame, flags):
        """A frame from the wire: dropped without a trace while there is no link, or a loopback is on."""
        if self.regs.get(STATUS) & STATUS_LU and not self.transmitter.loopback:
            self.receiver.receive(frame, flags & FRAME_BAD_FCS != 0)

    # --- the bus ---

    def mmio_read(self, bar, offset, width):
        if bar == IO_BAR:
            value = self.io_read(offset & ~3)
        else:
            value = self.read_register(offset & (REGISTER_SPACE - 4))
        if width == 4 and offset & 3 == 0:
            return value
        return (value >> (8 * (offset & 3))) & (ALL_ONES >> (32 - 8 * width))

    def mmio_write(self, bar, offset, width, value):
        if width != 4 or offset & 3:
            return
        if bar == IO_BAR:
            self.io_write(offset, value)
        else:
            self.write_register(offset & (REGISTER_SPACE - 4), value)

    def io_read(self, offset):
        """The I/O window: IOADDR, and through IODATA the register that it names (13.2.2)."""
        if offset == IOADDR:
            return self.io_address
        if offset == IODATA and self.io_address < REGISTER_SPACE:
            return self.read_register(self.io_address & ~3)
        return 0

    def io_write(self, offset, value):
        if offset == IOADDR:
            self.io_address = value & IOADDR_BITS
        elif offset == IODATA and self.io_address < REGISTER_SPACE:
            self.write_register(self.io_address & ~3, value)

    def read_register(self, offset):
        """A 32-bit read of the register at `offset` (a multiple of 4), as the table says."""
        offset = self.canonical[offset >> 2]
        kind = self.read_kind[offset >> 2]
        if kind == PLAIN:
            value = self.regs.get(offset)
        elif kind == ACTED:
            value = self.read_acted(offset)
        elif kind == CLEARS:
            value = self.regs.take(offset)
        elif kind == CLEARS_PAIR:
            value = self.regs.take_pair(offset)
        else:
            value = 0
        if self.trace.on:
            self.trace.emit("mmio_read", self.name, offset, register_name(offset), value)
        return value

    def write_register(self, offset, value):
        """A 32-bit write of the register at `offset` (a multiple of 4), as the table says."""
        offset = self.canonical[offset >> 2]
        kind = self.write_kind[offset >> 2]
        if self.trace.on:
            self.trace.emit("mmio_write", self.name, offset, register_name(offset), value)
        if kind == PLAIN:
            self.regs.store(offset, value)
        elif kind == ACTED:
            self.write_acted(offset, value)

    def read_acted(self, offset):
        """Registers whose reads do or show more than the stored value."""
        if offset == ICR:
            return self.interrupts.read_causes()
        if offset == IMS:
            return self.interrupts.ims
        if offset == EECD:
            return self.eeprom.control()
        return self.wakeup_control()

    def write_acted(self, offset, value):
        """Registers whose writes do more than store: first those of the packet path, then the rest."""
        if offset == TDT:
            self.regs.store(offset, value)
            self.transmitter.doorbell()
        elif offset == RDT:
            self.regs.store(offset, value)
            self.receiver.set_tail()
        elif offset == IMS:
            self.interrupts.set_mask(value)
        elif offset == IMC:
            self.interrupts.clear_mask(value)
        elif offset == ICR:
            self.interrupts.clear_causes(value)
        elif offset == ICS:
            self.interrupts.cause(value)
        elif offset == CTRL:
            self.write_control(value)
        elif offset == TCTL and value & TCTL_SWXOFF:
            self.store_and_apply(offset, value)
            self.flow.send_pause(self.regs.get(FCTTV))
        elif offset == EECD:
            self.eeprom.set_control(value)
        elif offset == EERD:
            self.regs.put(EERD, self.eeprom.read_register(value))
        elif offset == MDIC:
            self.regs.put(MDIC, self.phy.access(value))
            if value & MDIC_INTERRUPT:
                self.interrupts.cause(ICR_MDAC)
        elif offset == CTRL_EXT:
            self.regs.store(offset, value)
            if value & CTRL_EXT_EE_RST:
                self.eeprom.reset()
                self.load_address()
        elif offset == WUC:
            self.write_wakeup_control(value)
        else:
            self.store_and_apply(offset, value)

    def store_and_apply(self, offset, value):
        """Store, and let the engine that keeps a copy of the setting fetch it."""
        self.regs.store(offset, value)
        value = self.regs.get(offset) | value & RDTR_FPD
        if RAL <= offset < RAL + 128:
            self.receiver.filters.load_addresses()
        elif offset == ITR:
            self.interrupts.set_throttling(value & 0xFFFF)
        elif offset == RDTR:
            self.receiver.timer.set_relative(value & 0xFFFF)
            if value & RDTR_FPD:
                self.receiver.timer.flush()
        elif offset == RADV:
            self.receiver.timer.set_absolute(value & 0xFFFF)
        elif offset == TIDV:
            self.transmitter.timer.set_relative(value & 0xFFFF)
        elif offset == TADV:
            self.transmitter.timer.set_absolute(value & 0xFFFF)
        elif offset == RDH:
            self.receiver.set_head()
        elif offset == TDH:
            self.transmitter.set_head()
        elif offset in (RDBAL, RDBAH, RDLEN):
            self.receiver.set_ring()
        elif offset in (TDBAL, TDBAH, TDLEN):
            self.transmitter.set_ring()
        elif offset in (TCTL, TXDCTL):
            self.transmitter.configure()
        elif offset in (FCRTL, FCRTH, FCT):
            self.flow.configure()
        elif offset in (RXCSUM, RSRPD, PBA):
            self.receiver.configure()
        elif offset == RCTL:
            self.receiver.configure()
            self.show_link()
        elif offset == VET:
            self.receiver.configure()
            self.transmitter.configure()

    def write_control(self, value):
        """CTRL: the two resets clear themselves, the rest configures every engine (13.4.1)."""
        if value & CTRL_PHY_RST:
            self.phy.reset()
        if value & CTRL_RST:
            self.reset_mac()
            return
        self.regs.store(CTRL, value)
        self.flow.configure()
        self.receiver.configure()
        self.transmitter.configure()
        self.link_changed()

    def wakeup_control(self):
        """WUC shows the PME bits of PCI configuration space beside its own (13.6.1)."""
        value = self.regs.get(WUC) & ~(WUC_PME_EN | WUC_PME_STATUS)
        control = self.config[self.power_management + PM_CONTROL + 1]
        if control & PM_CONTROL_PME_ENABLE >> 8:
            value |= WUC_PME_EN
        if control & PM_CONTROL_PME_STATUS >> 8:
            value |= WUC_PME_STATUS
        return value

    def write_wakeup_control(self, value):
        """PME_En and PME_Status are those of PCI configuration space; writing 1 clears the latter."""
        self.regs.store(WUC, value)
        at = self.power_management + PM_CONTROL + 1
        control = self.config[at] & ~(PM_CONTROL_PME_ENABLE >> 8)
        if value & WUC_PME_EN:
            control |= PM_CONTROL_PME_ENABLE >> 8
        if value & WUC_PME_STATUS:
            control &= ~(PM_CONTROL_PME_STATUS >> 8)
        self.config[at] = control & 0xFF
        self.watch_for_wakeup()

    # --- for the bench ---

    def statistics(self):
        """{name: value} of the statistics registers, without clearing them."""
        return self.stats.values()
