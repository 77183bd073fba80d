"""The interrupt controller, the timer and the serial console that drive it."""

import os
import tempfile

import pytest

from hwemu.clock import Clock
from hwemu.interrupt_controller import InterruptController
from hwemu.serial import RECEIVE_LIMIT, HostTerminal, SerialConsole
from hwemu.timer import OneShotTimer
from hwemu.trace import Trace


class Kicked:
    def __init__(self):
        self.count = 0

    def kick(self):
        self.count += 1


@pytest.fixture
def pic():
    controller = InterruptController()
    controller.cpu = Kicked()
    return controller


def test_every_line_is_masked_at_power_on(pic):
    source = pic.new_source()
    pic.raise_line(3, source, True)
    assert pic.pending() == 0 and pic.acknowledge() == -1 and pic.cpu.count == 0
    pic.unmask_line(3)
    assert pic.pending() == 8 and pic.cpu.count == 1


def test_a_level_line_is_the_wired_or_of_its_sources(pic):
    first, second = pic.new_source(), pic.new_source()
    pic.unmask_line(11)
    pic.raise_line(11, first, True)
    pic.raise_line(11, second, True)
    pic.raise_line(11, first, True)
    assert pic.cpu.count == 1
    pic.raise_line(11, first, False)
    assert pic.acknowledge() == 11
    assert pic.acknowledge() == 11, "a level line stays pending until its device lets go"
    pic.raise_line(11, second, False)
    assert pic.pending() == 0
    assert pic.statistics() == {11: (1, 2)}


def test_priority_is_by_line_number(pic):
    sources = [pic.new_source() for _ in range(3)]
    for line, source in zip((15, 2, 7), sources, strict=True):
        pic.unmask_line(line)
        pic.raise_line(line, source, True)
    assert pic.acknowledge() == 2
    pic.raise_line(2, sources[1], False)
    assert pic.acknowledge() == 7


def test_an_edge_line_latches_until_acknowledged(pic):
    source = pic.new_source()
    pic.set_edge(0, True)
    pic.raise_line(0, source, True)
    pic.raise_line(0, source, False)
    pic.unmask_line(0)
    assert pic.acknowledge() == 0 and pic.acknowledge() == -1
    pic.raise_line(0, source, True)
    pic.clear_edge(0)
    assert pic.pending() == 0, "the level of an edge line does not count"


def test_masking_keeps_the_interrupt_for_later(pic):
    source = pic.new_source()
    pic.unmask_line(5)
    pic.mask_line(5)
    pic.raise_line(5, source, True)
    assert pic.cpu.count == 0
    pic.unmask_line(5)
    assert pic.cpu.count == 1 and pic.acknowledge() == 5


def test_thirty_two_lines_and_sixty_four_sources():
    pic = InterruptController(32)
    sources = [pic.new_source() for _ in range(64)]
    assert sources == list(range(64))
    with pytest.raises(RuntimeError):
        pic.new_source()
    pic.unmask_line(31)
    for source in sources:
        pic.raise_line(31, source, True)
    assert pic.pending() == 1 << 31 and pic.acknowledge() == 31
    for source in sources:
        assert pic.pending()
        pic.free_source(31, source)
    assert pic.pending() == 0 and pic.new_source() == 0
    with pytest.raises(ValueError):
        InterruptController(33)


def test_line_changes_are_traced():
    trace, seen = Trace(), []
    trace.listen("irq_line", lambda *event: seen.append(event[3]))
    pic = InterruptController(16, trace)
    source = pic.new_source()
    pic.raise_line(9, source, True)
    pic.raise_line(9, source, True)
    pic.raise_line(9, source, False)
    assert seen == ["line 9 level 1", "line 9 level 0"]


def test_timer_fires_once_at_its_time_and_reprogramming_replaces(pic):
    clock = Clock()
    timer = OneShotTimer(clock, pic, 0)
    pic.unmask_line(0)
    timer.program(5000)
    timer.program(9000)
    clock.run()
    assert (clock.now, timer.now(), timer.expirations) == (9000, 9000, 1)
    assert pic.acknowledge() == 0 and pic.acknowledge() == -1
    timer.program(1)
    timer.cancel()
    clock.run()
    assert timer.expirations == 1


def test_serial_line_is_up_until_everything_was_read(pic):
    sent = []
    serial = SerialConsole(pic, 4, sent.append)
    pic.unmask_line(4)
    serial.write(bytearray(b"login: "))
    assert sent == [b"login: "]
    serial.feed(b"ro")
    serial.feed(b"ot\n")
    assert pic.pending() == 16
    assert serial.read() == b"root\n"
    assert pic.pending() == 0 and serial.read() == b""


def test_serial_receiver_is_bounded(pic):
    serial = SerialConsole(pic, 4)
    serial.write(b"to nobody")
    serial.feed(bytes(RECEIVE_LIMIT + 10))
    assert (len(serial.read()), serial.overruns, serial.bytes_in) == (RECEIVE_LIMIT, 10, RECEIVE_LIMIT)


def test_host_terminal_over_pipes_and_its_hang_up(pic):
    clock = Clock()
    serial = SerialConsole(pic, 4)
    host_in, ours_out = os.pipe()
    ours_in, host_out = os.pipe()
    terminal = HostTerminal(clock, serial, ours_in, ours_out)
    terminal.attach()
    os.write(host_out, b"ls\n")
    clock.poll(0)
    assert serial.read() == b"ls\n"
    serial.write(b"a b c\n")
    assert os.read(host_in, 100) == b"a b c\n"
    os.close(host_out)
    clock.poll(0)
    assert serial.hung_up and not clock.real
    terminal.detach()
    os.close(host_in)
    serial.sink = terminal.write
    serial.write(b"nobody listens: no error")
    for fd in (ours_in, ours_out):
        os.close(fd)


def test_a_regular_file_as_input_is_typed_at_once(pic):
    clock = Clock()
    serial = SerialConsole(pic, 4)
    with tempfile.TemporaryFile() as script:
        script.write(b"poweroff\n")
        script.seek(0)
        HostTerminal(clock, serial, script.fileno(), 1).attach()
    assert serial.read() == b"poweroff\n" and serial.hung_up
