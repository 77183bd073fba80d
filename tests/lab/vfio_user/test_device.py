"""The card as a vfio-user client sees it: information, regions, configuration space, interrupts, reset."""

import errno
import os

import pytest

from hwemu.clock import Clock
from lab.vfio_user import messages
from lab.vfio_user.device import HANDLER_TIME, REST, IntxPin
from lab.vfio_user.messages import IRQ_DATA_BOOL, IRQ_DATA_EVENTFD, IRQ_DATA_NONE, IRQ_MASK, IRQ_TRIGGER, IRQ_UNMASK

from .client import MAC, MILLISECOND

CTRL, STATUS, ICR, ICS, IMS, IMC, RAL, RAH = 0x0, 0x8, 0xC0, 0xC8, 0xD0, 0xD8, 0x5400, 0x5404
TXDW, LSC, RXT0 = 0x1, 0x4, 0x80


def info(client, index):
    request = {"argsz": 32, "flags": 0, "index": index, "cap_offset": 0, "size": 0, "offset": 0}
    payload = client.call(messages.DEVICE_GET_REGION_INFO, messages.REGION_INFO.build(request))
    return messages.REGION_INFO.parse(payload)


def irq(client, index):
    request = messages.IRQ_INFO.build({"argsz": 16, "flags": 0, "index": index, "count": 0})
    return messages.IRQ_INFO.parse(client.call(messages.DEVICE_GET_IRQ_INFO, request))


def test_device_info(client):
    request = messages.DEVICE_INFO.build({"argsz": 16, "flags": 0, "num_regions": 0, "num_irqs": 0})
    answer = messages.DEVICE_INFO.parse(client.call(messages.DEVICE_GET_INFO, request))
    assert (answer.argsz, answer.flags, answer.num_regions, answer.num_irqs) == (16, 3, 9, 5)


def test_region_info(client):
    sizes = [info(client, index).size for index in range(9)]
    assert sizes == [0x20000, 64, 0, 0, 0, 0, 0, 256, 0]
    assert [info(client, index).flags for index in (0, 1, 2, 7)] == [3, 3, 0, 3]
    with pytest.raises(OSError) as refused:
        info(client, 9)
    assert refused.value.errno == errno.EINVAL


def test_irq_info(client):
    assert [(irq(client, index).count, irq(client, index).flags) for index in range(5)] == [(1, 7)] + [(0, 0)] * 4
    with pytest.raises(OSError):
        irq(client, 5)


def test_configuration_space(client):
    whole = client.read(messages.CONFIG_REGION, 0, 256)
    assert whole[:4] == bytes.fromhex("86800e10") and whole[0x3D] == 1
    client.set_config(0x10, 4, 0xFFFFFFFF)
    assert client.config(0x10, 4) == 0xFFFE0000
    client.set_config(0x14, 4, 0xFFFFFFFF)
    assert client.config(0x14, 4) == 0xFFFFFFC1
    assert client.config(0x34, 1) == 0xDC


def test_registers(client):
    assert client.read32(STATUS) == 0xFFFFFFFF, "memory is not enabled yet"
    client.enable()
    assert client.read32(RAL).to_bytes(4, "little") + client.read(0, RAH, 2) == MAC
    client.write32(IMS, TXDW)
    assert client.read32(IMS) == TXDW
    client.write32(IMC, TXDW, posted=True)
    assert client.read32(IMS) == 0


def test_accesses_of_every_width(client):
    client.enable()
    address = MAC + (0x8000).to_bytes(2, "little")
    assert client.read(0, RAL, 8) == address
    assert client.read(0, RAL + 1, 6) == address[1:7]
    assert client.read(0, RAL + 3, 1) == address[3:4]
    client.write(0, 0x5408, bytes(range(8)))
    assert client.read(0, 0x5408, 4) == bytes(range(4))


def test_io_window(client):
    client.enable()
    client.write32(0, RAL, region=1)
    assert client.read(1, 4, 4) == MAC[:4]
    client.set_config(4, 2, 2)
    assert client.read(1, 4, 4) == b"\xff" * 4


def test_outside_a_region(client):
    outside = (
        (0, 0x20000, 4), (0, 0x1FFFE, 4), (0, 2**64 - 4, 4), (2, 0, 4), (6, 0, 1), (7, 256, 1), (9, 0, 4),
        (0, 0, 0), (0, 0, 8192),
    )  # fmt: skip
    for region, offset, count in outside:
        with pytest.raises(OSError) as refused:
            client.read(region, offset, count)
        assert refused.value.errno == errno.EINVAL
    with pytest.raises(OSError):
        client.write32(0x20000, 1)
    client.write32(0x20000, 1, posted=True)
    client.enable()


def test_write_multi(client):
    client.enable()
    writes = ((IMS, 0x1), (IMS, 0x4), (IMC, 0x1))
    payload = messages.WRITE_MULTI_COUNT.build({"wr_cnt": len(writes)})
    for offset, value in writes:
        access = messages.REGION_ACCESS.build({"offset": offset, "region": 0, "count": 4})
        payload += access + value.to_bytes(8, "little")
    client.post(messages.REGION_WRITE_MULTI, payload, flags=messages.NO_REPLY)
    assert client.read32(IMS) == LSC
    assert client.call(messages.REGION_WRITE_MULTI, payload) == payload[:8]


def test_power_state_d3(client):
    client.enable()
    client.set_config(0xE0, 2, 3)
    assert client.read32(STATUS) == 0xFFFFFFFF
    client.set_config(0xE0, 2, 0)
    client.enable()
    assert client.read32(STATUS) != 0xFFFFFFFF


def test_interrupt_masks_itself(client, machine):
    client.read32(ICR)
    machine.interrupts()
    client.set_irqs(IRQ_DATA_NONE | IRQ_UNMASK)
    client.write32(IMS, TXDW | LSC)
    client.write32(ICS, TXDW)
    assert machine.interrupts() == 1
    client.write32(ICS, LSC)
    assert machine.interrupts() == 0, "masked until the client unmasks it"
    client.set_irqs(IRQ_DATA_NONE | IRQ_UNMASK)
    assert machine.interrupts() == 1, "the level is still high"
    assert client.read32(ICR) == TXDW | LSC
    client.set_irqs(IRQ_DATA_NONE | IRQ_UNMASK)
    assert machine.interrupts() == 0
    client.write32(ICS, LSC)
    assert machine.interrupts() == 1


class Driver:
    """A pin alone, in virtual time: `signals` is how often its eventfd was."""

    def __init__(self):
        self.clock = Clock()
        self.pin = IntxPin(self.clock)
        self.pin.eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        self.pin.raise_line(0, 0, True)
        assert self.signals == 1

    @property
    def signals(self):
        return self.pin.signalled


@pytest.fixture
def interrupted():
    """A handler has begun: the level is down, and its first access has unmasked the pin."""
    driver = Driver()
    driver.pin.raise_line(0, 0, False)
    driver.pin.unmask_interrupt()
    yield driver
    os.close(driver.pin.eventfd)


def test_a_level_that_falls_again_in_the_handler_is_not_signalled(interrupted):
    """A frame between the handler's read of ICR and its write to IMC: a signalled eventfd could not be taken back."""
    interrupted.pin.raise_line(0, 0, True)
    interrupted.pin.raise_line(0, 0, False)
    interrupted.pin.wrote()
    interrupted.clock.run()
    assert interrupted.signals == 1
    interrupted.pin.raise_line(0, 0, True)
    assert interrupted.signals == 2, "the handler is done: nothing waits any more"


def test_a_level_that_stays_is_signalled_when_the_handler_has_written(interrupted):
    interrupted.pin.raise_line(0, 0, True)
    assert interrupted.signals == 1
    interrupted.pin.wrote()
    assert interrupted.signals == 2 and interrupted.pin.masked


def test_a_handler_that_writes_nothing_delays_the_next_interrupt_no_longer(interrupted):
    interrupted.pin.raise_line(0, 0, True)
    interrupted.clock.run(HANDLER_TIME - 1)
    assert interrupted.signals == 1
    interrupted.clock.run(HANDLER_TIME)
    assert interrupted.signals == 2


def test_a_driver_that_has_enabled_interrupts_is_left_alone(interrupted):
    """What comes within REST shares one interrupt; what comes later is signalled at once."""
    interrupted.pin.wrote()
    interrupted.pin.enabled()
    interrupted.pin.raise_line(0, 0, True)
    interrupted.clock.run(REST - 1)
    assert interrupted.signals == 1
    interrupted.clock.run(REST)
    assert interrupted.signals == 2
    interrupted.pin.raise_line(0, 0, False)
    interrupted.pin.unmask_interrupt()
    interrupted.pin.enabled()
    interrupted.clock.run(2 * REST)
    interrupted.pin.raise_line(0, 0, True)
    assert interrupted.signals == 3


def test_a_driver_that_goes_on_writing_is_interrupted_at_once(interrupted):
    interrupted.pin.enabled()
    interrupted.pin.raise_line(0, 0, True)
    assert interrupted.signals == 1
    interrupted.pin.wrote()
    assert interrupted.signals == 2


def test_frames_after_the_mask_was_set_share_an_interrupt(client, machine, bench):
    client.read32(ICR)
    device = bench.server.device
    device.write(messages.BAR0_REGION, IMS, 4, RXT0 | TXDW)
    bench.nic.interrupts.cause(RXT0)
    bench.nic.interrupts.cause(TXDW)
    assert device.pin.signalled == 0
    bench.run(REST)
    assert device.pin.signalled == 1 and machine.interrupts() == 1
    assert client.read32(ICR) == RXT0 | TXDW


def test_a_client_that_goes_leaves_no_interrupt_behind(client, machine, bench):
    client.write32(IMS, TXDW)
    client.write32(ICS, TXDW)
    client.set_irqs(IRQ_DATA_NONE | IRQ_UNMASK)
    bench.server.connection.close("")
    assert not bench.server.device.pin.quiet.armed()
    assert bench.clock.patience == 0


def test_interrupt_masked_by_hand(client, machine):
    client.read32(ICR)
    client.set_irqs(IRQ_DATA_NONE | IRQ_MASK)
    client.write32(IMS, TXDW)
    client.write32(ICS, TXDW)
    assert machine.interrupts() == 0
    client.set_irqs(IRQ_DATA_BOOL | IRQ_UNMASK, data=b"\0")
    assert machine.interrupts() == 0, "the data says no"
    client.set_irqs(IRQ_DATA_BOOL | IRQ_UNMASK, data=b"\1")
    assert machine.interrupts() == 1


def test_interrupt_disabled_in_the_command_register(client, machine):
    client.read32(ICR)
    client.write32(IMS, TXDW)
    client.set_config(4, 2, 0x407)
    client.write32(ICS, TXDW)
    assert machine.interrupts() == 0
    assert client.config(6, 2) & 8, "the status register shows it all the same"
    client.set_config(4, 2, 0x007)
    assert machine.interrupts() == 1


def test_interrupt_triggered_by_hand(client, machine):
    client.set_irqs(IRQ_DATA_NONE | IRQ_TRIGGER)
    assert machine.interrupts() == 1


def test_eventfd_given_while_the_level_is_high(client, machine):
    client.set_irqs(IRQ_DATA_NONE | IRQ_TRIGGER, count=0)
    client.write32(IMS, TXDW)
    client.write32(ICS, TXDW)
    assert machine.interrupts() == 0
    client.set_irqs(IRQ_DATA_EVENTFD | IRQ_TRIGGER, fds=(machine.eventfd,))
    assert machine.interrupts() == 1


@pytest.fixture
def unmasking(client, machine):
    """An eventfd that unmasks the client's interrupt, as KVM has it signalled when the guest's handler has returned."""
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    client.set_irqs(IRQ_DATA_EVENTFD | IRQ_UNMASK, fds=(fd,))
    yield fd
    os.close(fd)


def settled(client, machine):
    """How many interrupts have come since the last look, once the server has seen every descriptor."""
    for _ in range(3):
        client.read32(CTRL)
    return machine.interrupts()


def test_an_eventfd_unmasks(client, machine, unmasking):
    client.write32(IMS, TXDW)
    client.write32(ICS, TXDW)
    assert settled(client, machine) == 1
    assert settled(client, machine) == 0
    # The level is still high when the handler has returned, so the interrupt comes again, each time once.
    for _ in range(3):
        os.eventfd_write(unmasking, 1)
        assert settled(client, machine) == 1
    assert client.read32(ICR) & TXDW
    os.eventfd_write(unmasking, 1)
    assert settled(client, machine) == 0
    client.write32(ICS, TXDW)
    assert settled(client, machine) == 1


def test_an_eventfd_that_unmasks_is_taken_away(client, machine, unmasking):
    client.set_irqs(IRQ_DATA_EVENTFD | IRQ_UNMASK)
    client.write32(IMS, TXDW)
    client.write32(ICS, TXDW)
    assert settled(client, machine) == 1
    os.eventfd_write(unmasking, 1)
    assert settled(client, machine) == 0
    client.set_irqs(IRQ_DATA_NONE | IRQ_UNMASK)
    client.write32(IMS, TXDW)
    assert settled(client, machine) == 1


def test_an_eventfd_that_somebody_else_reads_does_not_stop_the_server(client, machine, unmasking):
    for _ in range(100):
        os.eventfd_write(unmasking, 1)
        os.eventfd_read(unmasking)
    assert settled(client, machine) == 0
    client.write32(IMS, TXDW)
    client.write32(ICS, TXDW)
    assert settled(client, machine) == 1


def test_only_an_eventfd_unmasks(client, machine):
    read_end, write_end = os.pipe()
    with pytest.raises(OSError, match="Invalid argument"):
        client.set_irqs(IRQ_DATA_EVENTFD | IRQ_UNMASK, fds=(read_end,))
    os.close(read_end)
    os.close(write_end)


def test_full_eventfd_does_not_stop_the_server(client, machine):
    os.eventfd_write(machine.eventfd, 2**64 - 2)
    client.set_irqs(IRQ_DATA_NONE | IRQ_TRIGGER)
    assert client.read32(CTRL) != 0xFFFFFFFF


@pytest.mark.parametrize(
    "flags, index, start, count",
    [
        (IRQ_DATA_NONE | IRQ_TRIGGER, 0, 1, 1),
        (IRQ_DATA_NONE | IRQ_TRIGGER, 0, 0, 2),
        (IRQ_DATA_NONE | IRQ_TRIGGER, 1, 0, 1),
        (IRQ_DATA_NONE | IRQ_TRIGGER, 5, 0, 0),
        (IRQ_DATA_NONE | IRQ_TRIGGER | IRQ_MASK, 0, 0, 1),
        (IRQ_DATA_EVENTFD | IRQ_MASK, 0, 0, 1),
        (IRQ_TRIGGER, 0, 0, 1),
        (0x40 | IRQ_DATA_NONE | IRQ_TRIGGER, 0, 0, 1),
    ],
)
def test_interrupt_settings_that_can_not_be(client, flags, index, start, count):
    with pytest.raises(OSError):
        client.set_irqs(flags, count=count, index=index, start=start)


def test_only_an_eventfd_is_signalled(client):
    reader, writer = os.pipe()
    with pytest.raises(OSError) as refused:
        client.set_irqs(IRQ_DATA_EVENTFD | IRQ_TRIGGER, fds=(writer,))
    assert refused.value.errno == errno.EINVAL
    os.close(reader)
    os.close(writer)


def test_reset(client, machine, bench):
    client.write32(IMS, TXDW)
    client.set_config(0x10, 4, 0xFEB80000)
    client.call(messages.DEVICE_RESET)
    assert client.config(4, 2) == 0 and client.config(0x10, 4) == 0
    client.enable()
    assert client.read32(IMS) == 0
    bench.run(5 * MILLISECOND)
    assert client.read32(STATUS) & 2, "the link is back"
    machine.interrupts()
    client.read32(ICR)
    client.set_irqs(IRQ_DATA_NONE | IRQ_UNMASK)
    client.write32(IMS, TXDW)
    client.write32(ICS, TXDW)
    assert machine.interrupts() == 1, "mappings and eventfd outlive a reset"


def test_unknown_commands(client):
    for command in (0, messages.COMMANDS.index("DEVICE_FEATURE"), messages.COMMANDS.index("DMA_READ"), 999):
        with pytest.raises(OSError) as refused:
            client.call(command, bytes(16))
        assert refused.value.errno == errno.EOPNOTSUPP
