"""The qtest protocol and the card's plug, with a QEMU that is played by the test."""

import socket
import threading

import pytest

from hwemu.clock import Clock
from hwemu.wire.link import Link
from hwemu.wire.port import FRAME_BAD_FCS
from hwemu.wire.test_end import TestEnd
from lab.errors import LabError
from lab.qtest.protocol import Qtest
from lab.qtest.wire import Plug

MILLISECOND = 1_000_000
HANG_UP = b"(hangs up)"


class Played:
    """The other end of a connection, on a thread: answers each line with the next of `script`, and remembers it.

    HANG_UP in the script closes the connection; otherwise it stays open until the other end closes it.
    """

    def __init__(self, *script):
        self.near, self.far = socket.socketpair()
        self.script = script
        self.asked = []
        self.thread = threading.Thread(target=self.play)
        self.thread.start()

    def play(self):
        with self.far, self.far.makefile("rb") as lines:
            for answer in self.script:
                self.asked.append(lines.readline().decode())
                if answer.endswith(HANG_UP):
                    self.far.sendall(answer.removesuffix(HANG_UP))
                    return
                self.far.sendall(answer)
            lines.read()


@pytest.fixture
def connect():
    """`connect(*script, clock=...)`: (a Qtest, the Played QEMU, the list of interrupts)."""
    made = []

    def start(*script, clock=None):
        qemu = Played(*script)
        interrupts = []
        made.append((qemu, Qtest(qemu.near, lambda line, level: interrupts.append((line, level)), clock)))
        return made[-1][1], qemu, interrupts

    yield start
    for qemu, qtest in made:
        qtest.close()
        qemu.thread.join(10)
        assert not qemu.thread.is_alive()


def test_accesses_of_every_width(connect):
    qtest, qemu, _ = connect(
        b"OK 0x00000000000000fe\n", b"OK 0xfffffffffffffedc\n", b"OK 0x00000000fedcba98\n", b"OK\n", b"OK 0x12\n", b"OK\n"
    )
    assert [qtest.read(0xE0000008, width) for width in (1, 2, 4)] == [0xFE, 0xFEDC, 0xFEDCBA98]
    qtest.write(0xE0000100, 4, 0x8002)
    assert qtest.port_in(0xCFC, 1) == 0x12
    qtest.port_out(0xCF8, 4, 0x80000000)
    assert qemu.asked == [
        "readb 0xe0000008\n", "readw 0xe0000008\n", "readl 0xe0000008\n", "writel 0xe0000100 0x8002\n",
        "inb 0xcfc\n", "outl 0xcf8 0x80000000\n",
    ]  # fmt: skip
    assert qtest.accesses == 6


def test_interrupts_come_between_and_behind_the_answers(connect):
    qtest, _, interrupts = connect(b"IRQ raise 9\nIRQ lo", b"wer 9\nOK 0x1\nIRQ raise 11\n")
    threading.Timer(0, lambda: qtest.connection.sendall(b"\n")).start()
    assert qtest.read(0, 4) == 1
    assert interrupts == [(9, True), (9, False), (11, True)]


def test_interrupts_arrive_while_nobody_asks(connect):
    clock = Clock()
    qtest, _, interrupts = connect(b"IRQ raise 10\n", HANG_UP, clock=clock)
    qtest.connection.sendall(b"\n")
    while not interrupts:
        clock.run(clock.now + MILLISECOND)
    assert interrupts == [(10, True)]
    qtest.connection.sendall(b"\n")
    with pytest.raises(LabError, match="QEMU has gone"):
        while True:
            clock.run(clock.now + MILLISECOND)
    assert not clock.sources


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"FAIL Unknown command 'readl'\n", "QEMU refuses 'readl 0x0'.*Unknown command"),
        (b"OK what?\n", "QEMU answers 'readl 0x0' with 'what\\?'"),
        (b"OK 0x1\nOK 0x2\n", "twice"),
        (b"IRQ jump 5\n", "nobody understands: 'IRQ jump 5'"),
        (b"IRQ raise nine\n", "nobody understands"),
        (HANG_UP, "QEMU has gone"),
        (b"OK 0x1" + HANG_UP, "QEMU has gone"),
        (b"\xff\xfe\n", "QEMU refuses"),
    ],
)
def test_an_answer_that_is_none_ends_the_connection(connect, answer, reason):
    qtest, _, _ = connect(answer)
    with pytest.raises(LabError, match=reason):
        qtest.read(0, 4)
    # As on a bus whose device was pulled out.
    assert [qtest.read(0, width) for width in (1, 2, 4)] == [0xFF, 0xFFFF, 0xFFFFFFFF]
    qtest.write(0, 4, 0)


def test_an_answer_that_nobody_waits_for_ends_the_connection(connect):
    clock = Clock()
    qtest, _, _ = connect(b"OK\n", clock=clock)
    qtest.connection.sendall(b"\n")
    with pytest.raises(LabError, match="nobody has asked"):
        while True:
            clock.run(clock.now + MILLISECOND)


def test_qemu_that_does_not_answer(connect):
    qtest, _, interrupts = connect(b"IRQ raise 5\n")
    qtest.set_patience(0.05)
    with pytest.raises(LabError, match="does not answer 'inl 0xcfc'"):
        qtest.port_in(0xCFC, 4)
    assert interrupts == [(5, True)]


# --- the plug ---


@pytest.fixture
def plugged():
    """(clock, link, the test's end, QEMU's end of the socket, the calls of set_link)."""
    clock = Clock()
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    far.setblocking(False)
    links = []
    link = Link(clock)
    plug = Plug(clock, near, links.append)
    link.attach(plug)
    end = TestEnd(clock)
    link.attach(end)
    with near, far:
        yield clock, link, end, far, links
        plug.close()
    assert not clock.sources


def test_frames_go_both_ways_and_short_ones_are_padded(plugged):
    clock, _, end, qemu, _ = plugged
    end.inject(b"to the card".ljust(60, b"\0"))
    qemu.send(b"from the card")
    qemu.send(bytes(1514))
    while len(end.frames) < 2:
        clock.run(clock.now + MILLISECOND)
    assert end.take() == [b"from the card".ljust(60, b"\0"), bytes(1514)]
    assert qemu.recv(2000) == b"to the card".ljust(60, b"\0")


def test_frames_wait_while_qemu_takes_none(plugged):
    clock, _, end, qemu, _ = plugged
    frames = [number.to_bytes(4, "big") * 300 for number in range(500)]
    for frame in frames:
        end.inject(frame)
    received = []
    while len(received) < len(frames):
        clock.run(clock.now + MILLISECOND)
        try:
            while True:
                received.append(qemu.recv(2000))
        except BlockingIOError:
            continue
    assert received == frames


def test_a_damaged_frame_is_dropped(plugged):
    clock, link, end, qemu, _ = plugged
    end.inject(bytes(100), FRAME_BAD_FCS)
    end.inject(b"good" * 20)
    clock.run(clock.now + MILLISECOND)
    assert qemu.recv(2000) == b"good" * 20
    assert link.first.dropped == 1


def test_the_carrier_is_told_once_per_change(plugged):
    _, link, _, _, links = plugged
    assert links == []
    link.set_up(False)
    link.set_up(True)
    assert links == [False, True]


def test_qemu_that_has_gone_takes_the_plug_out_of_the_clock(plugged):
    clock, _, end, qemu, _ = plugged
    qemu.close()
    end.inject(bytes(60))
    end.inject(bytes(60))
    clock.run(clock.now + MILLISECOND)
    assert end.frames == []
