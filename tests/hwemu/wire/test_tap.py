"""The TAP wire: over a packet socket pair everywhere, over a real TAP where the host lets us make one."""

import errno
import os
import socket
import subprocess

import pytest

from hwemu.clock import Clock
from hwemu.wire.middleware import Middleware
from hwemu.wire.port import FRAME_BAD_FCS
from hwemu.wire.tap import Tap, open_tap
from hwemu.wire.tap_io import FrameWriter
from hwemu.wire.test_end import TestEnd


@pytest.fixture
def pair():
    """A Tap whose descriptor keeps frame boundaries, and the host's end of it."""
    clock = Clock()
    ours, host = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, host):
        end.setblocking(False)
    tap = Tap(clock, "tap0", ours.detach())
    station = TestEnd(clock)
    tap.attach(station)
    yield clock, tap, station, host
    tap.close()
    host.close()


def test_frames_cross_both_ways(pair):
    clock, tap, station, host = pair
    host.send(b"\xff" * 60)
    host.send(b"\xfe" * 1514)
    clock.run(clock.now + 20_000_000)
    assert station.take() == [b"\xff" * 60, b"\xfe" * 1514]
    assert station.inject(b"\x02" * 100) == 0
    assert host.recv(2000) == b"\x02" * 100
    assert (tap.frames_in, tap.frames_out, tap.dropped) == (2, 1, 0)


def test_a_batch_is_bounded_and_the_rest_follows(pair):
    clock, tap, station, host = pair
    for number in range(100):
        host.send(number.to_bytes(2, "big") * 30)
    tap.ready()
    assert len(station.frames) == 64
    clock.run(clock.now + 20_000_000)
    assert [frame[:2] for frame in station.take()] == [number.to_bytes(2, "big") for number in range(100)]


class Full(TestEnd):
    """A station that has room for `room` frames."""

    room = 0

    def receive(self, frame, flags):
        super().receive(frame, flags)
        self.room -= 1
        if self.room == 0:
            assert self.wire.hold(self)

    def make_room(self, room):
        self.room = room
        self.wire.resume(self)


def test_held_frames_stay_with_the_host():
    clock = Clock()
    ours, host = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    tap = Tap(clock, "tap0", ours.detach())
    station = Full(clock)
    station.room = 3
    tap.attach(station)
    sent = [bytes([number]) * 60 for number in range(10)]
    for frame in sent:
        host.send(frame)
    clock.run(clock.now + 5_000_000)
    assert station.take() == sent[:3] and tap.held
    station.make_room(4)
    clock.run(clock.now + 5_000_000)
    assert station.take() == sent[3:7]
    tap.detach(station)
    assert not tap.hold(station), "a station that has been unplugged"
    station.room = 10
    tap.attach(station)
    clock.run(clock.now + 5_000_000)
    assert station.take() == sent[7:], "plugging in ends the hold"
    tap.close()
    host.close()


def test_a_capture_passes_the_hold_on(pair):
    clock, tap, station, _ = pair
    tap.detach(station)
    capture = Middleware(tap)
    capture.attach(station)
    assert capture.hold(station) and tap.held
    capture.resume(station)
    assert not tap.held
    capture.detach(station)
    assert not capture.hold(station)


def test_the_clock_is_real_while_attached(pair):
    clock, tap, station, _ = pair
    assert clock.real
    tap.detach(station)
    assert not clock.real and not station.carrier_up


def test_bad_fcs_and_refused_writes_are_dropped(pair):
    _, tap, station, host = pair
    station.inject(b"\x02" * 60, FRAME_BAD_FCS)
    host.close()
    station.inject(b"\x02" * 60)
    assert tap.dropped == 2 and tap.frames_out == 0


def test_a_descriptor_that_fails_takes_the_carrier_down():
    clock = Clock()
    readable, writable = os.pipe()
    tap = Tap(clock, "tap0", writable)  # reading from the writing end fails with EBADF
    station = TestEnd(clock)
    tap.attach(station)
    tap.ready()
    assert tap.failure == errno.EBADF and not station.carrier_up and not tap.up and clock.sources == {}
    tap.close()
    os.close(readable)


def test_a_write_that_fails_counts_as_lost():
    writer = FrameWriter(-1, False)
    writer.put(b"x", False)
    assert (writer.written, writer.lost) == (0, 1)


@pytest.mark.parametrize("name", ["", "x" * 16, "a/b", "a b"])
def test_names_that_can_not_be(name):
    with pytest.raises(OSError, match="is not a network interface name"):
        open_tap(name)


def test_one_station_only(pair):
    clock, tap, _, _ = pair
    with pytest.raises(ValueError, match="plugged in already"):
        tap.attach(TestEnd(clock))
    with pytest.raises(ValueError, match="not plugged in"):
        tap.detach(TestEnd(clock))


@pytest.fixture
def real_tap(network_namespace):
    try:
        descriptor = open_tap("tap0")
    except OSError as error:
        pytest.skip(str(error))
    clock = Clock()
    tap = Tap(clock, "tap0", descriptor)
    yield clock, tap
    tap.close()


@pytest.mark.interop
def test_a_real_tap(real_tap):
    clock, tap = real_tap
    station = TestEnd(clock)
    tap.attach(station)
    with pytest.raises(OSError, match="another program holds it"):
        open_tap("tap0")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as host:
        host.bind(("tap0", 0))
        host.settimeout(2)
        frame = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + b"hwemu" * 10
        host.send(frame)
        assert station.expect(lambda data: data == frame) == frame
        back = b"\xff" * 6 + b"\x02\0\0\0\0\2" + b"\x88\xb5" + b"umewh" * 10
        station.inject(back)
        while True:
            data, origin = host.recvfrom(2000)
            if origin[2] != socket.PACKET_OUTGOING and data == back:
                break


@pytest.mark.interop
def test_removing_the_interface(real_tap):
    clock, tap = real_tap
    station = TestEnd(clock)
    tap.attach(station)
    subprocess.run(["ip", "link", "del", "tap0"], check=True)
    clock.run(clock.now + 50_000_000)
    assert tap.failure and not station.carrier_up


@pytest.mark.interop
def test_not_a_tap(real_tap):
    with pytest.raises(OSError, match="not a TAP"):
        open_tap("lo")


@pytest.mark.interop
def test_a_tap_that_stays_is_left_without_offloads(network_namespace):
    """Persistent TAPs outlive whoever used them."""
    made = subprocess.run(["ip", "tuntap", "add", "dev", "tap1", "mode", "tap"], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(made.stderr)
    tap = Tap(Clock(), "tap1")
    features = ["ethtool", "-k", "tap1"]
    assert "tx-tcp-segmentation: on" in subprocess.run(features, capture_output=True, text=True, check=True).stdout
    tap.close()
    assert "tx-tcp-segmentation: on" not in subprocess.run(features, capture_output=True, text=True, check=True).stdout
