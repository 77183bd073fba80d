"""A TAP of the host as a wire: whoever sits at the other end is the host's own network stack.

Linux: Documentation/networking/tuntap.rst.  Opening follows the host's real clock from then on.
"""

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct

from hwemu.clock import Event, Source
from hwemu.wire.port import FRAME_BAD_FCS, FRAME_MORE, Wire
from hwemu.wire.tap_io import FrameReader, FrameWriter

TUN_DEVICE = "/dev/net/tun"
TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
TUNSETVNETHDRSZ = 0x400454D8
TUNGETIFF = 0x800454D2
TUN_F_CSUM = 0x01
TUN_F_TSO4 = 0x02
TUN_F_TSO_ECN = 0x08
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
IFF_VNET_HDR = 0x4000
VNET_HEADER = 10
IFNAMSIZ = 16
# Frames taken per readiness: enough to make one acknowledgement for many, few enough to keep timers honest.
READ_BATCH = 64


def _interface_request(name, flags):
    return struct.pack("16sH22x", name.encode(), flags)


def _raise_up(name):
    """Set the interface up, as `ip link set NAME up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, SIOCGIFFLAGS, _interface_request(name, 0))
        flags = struct.unpack_from("H", request, IFNAMSIZ)[0]
        fcntl.ioctl(control, SIOCSIFFLAGS, _interface_request(name, flags | IFF_UP))


def open_tap(name):
    """Attach to the TAP `name`, or make it (and set it up) where it is missing; returns a non-blocking descriptor.

    OSError with a one-line explanation when that can not be.
    """
    if not name or len(name.encode()) >= IFNAMSIZ or "/" in name or any(c.isspace() for c in name):
        raise OSError(errno.EINVAL, f"{name!r} is not a network interface name (1 to {IFNAMSIZ - 1} bytes)")
    try:
        descriptor = os.open(TUN_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        hint = "load the tun module" if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO) else "ask for access"
        raise OSError(error.errno, f"tap {name}: {TUN_DEVICE}: {error.strerror}; {hint}") from None
    missing = all(name != there for _, there in socket.if_nameindex())
    try:
        fcntl.ioctl(descriptor, TUNSETIFF, _interface_request(name, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        fcntl.ioctl(descriptor, TUNSETVNETHDRSZ, struct.pack("i", VNET_HEADER))
        # What the host leaves to us is done as frames are read: on our wire they are whole.
        fcntl.ioctl(descriptor, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN)
        if missing:
            _raise_up(name)
    except OSError as error:
        os.close(descriptor)
        if error.errno == errno.EPERM:
            hint = f"run as root, or once: sudo ip tuntap add dev {name} mode tap user $USER"
        elif error.errno == errno.EBUSY:
            hint = "another program holds it"
        elif error.errno == errno.EINVAL:
            hint = "it exists and is not a TAP, or was made with other flags"
        else:
            hint = "the host refused"
        raise OSError(error.errno, f"tap {name}: {error.strerror}; {hint}") from None
    return descriptor


def has_vnet_header(descriptor):
    """True for a TAP whose frames begin with a virtio_net_hdr; False for a plain one, or for what is no TAP."""
    try:
        request = fcntl.ioctl(descriptor, TUNGETIFF, _interface_request("", 0))
    except OSError:
        return False
    return struct.unpack_from("H", request, IFNAMSIZ)[0] & IFF_VNET_HDR != 0


class Tap(Wire):
    """The wire to the host's interface `name`.  Takes one station."""

    def __init__(self, clock, name, descriptor=-1):
        """`descriptor`: an open TAP, or whatever reads and writes frame by frame, instead of opening `name`."""
        Wire.__init__(self, name)
        self.clock = clock
        self.fd = descriptor if descriptor >= 0 else open_tap(name)
        self.station = None
        self.held = False
        self.vnet = has_vnet_header(self.fd)
        self.reader = FrameReader()
        self.writer = FrameWriter(self.fd, self.vnet)
        self.flusher = TapFlusher(self.writer)
        self.source = TapSource(self)
        self.remainder = TapRemainder(self)
        self.frames_in = 0
        self.frames_refused = 0
        self.failure = 0

    def attach(self, station):
        """Plug `station` in and listen; ValueError when one is there already."""
        if self.station is not None:
            raise ValueError(f"tap {self.name}: a station is plugged in already")
        self.station = station
        self.held = False
        self.clock.watch(self.fd, select.EPOLLIN, self.source)
        Wire.attach(self, station)

    def detach(self, station):
        if station is not self.station:
            raise ValueError(f"tap {self.name}: that station is not plugged in here")
        self.writer.flush()
        self.clock.cancel(self.flusher)
        self.reader.forget()
        self.clock.cancel(self.remainder)
        self.clock.unwatch(self.fd)
        self.station = None
        Wire.detach(self, station)

    def send(self, station, frame, flags):
        """Write a frame to the host; one with a bad FCS is dropped here, as the host's card would.

        The segments of one segmentation cross in one write; `flusher` is for one that stops in its middle.
        """
        if not self.up or flags & FRAME_BAD_FCS:
            self.frames_refused += 1
            return 0
        self.writer.put(frame, flags & FRAME_MORE != 0)
        if self.writer.held and self.flusher.slot < 0:
            self.clock.call_after(0, self.flusher)
        return 0

    def hold(self, station):
        """Leave frames in the host's queue: its protocols notice, and slow down instead of losing what they send."""
        if station is not self.station or not self.up:
            return False
        if not self.held:
            self.held = True
            self.clock.watch(self.fd, 0, self.source)
        return True

    def resume(self, station):
        if self.held and self.up:
            self.held = False
            if self.reader.pending:
                self.clock.call_after(0, self.remainder)
            self.clock.watch(self.fd, select.EPOLLIN, self.source)

    @property
    def frames_out(self):
        """Frames that the host took."""
        return self.writer.written

    @property
    def dropped(self):
        """Frames that did not reach the host: damaged, sent while the wire was down, or refused by the host."""
        return self.frames_refused + self.writer.lost

    def ready(self):
        """Frames wait.  A descriptor that fails (the interface was removed) takes the wire down."""
        count = 0
        while (count < READ_BATCH or self.reader.pending) and self.station is not None and not self.held:
            frame = self.reader.read_frame(self.fd, self.vnet)
            if frame is None:
                break
            self.station.receive(frame, 0)
            count += 1
        self.frames_in += count
        if self.reader.failure and self.up:
            self.failure = self.reader.failure
            self.clock.unwatch(self.fd)
            self.up = False
            if self.station is not None:
                self.station.carrier(False)

    def close(self):
        """Unplug the station, if any, and let go of the TAP; a TAP that this process made disappears.

        One that stays is left without offloads: whoever opens it next may read it without a vnet header.
        """
        if self.station is not None:
            self.detach(self.station)
        if self.fd >= 0:
            if self.vnet:
                with contextlib.suppress(OSError):
                    fcntl.ioctl(self.fd, TUNSETOFFLOAD, 0)
            os.close(self.fd)
            self.fd = -1


class TapSource(Source):
    """Wakes the machine for the TAP's frames."""

    def __init__(self, tap):
        Source.__init__(self)
        self.tap = tap

    def ready(self, mask):
        self.tap.ready()


class TapRemainder(Event):
    """The station has room again: the segments of the packet that was in the middle of arriving."""

    def __init__(self, tap):
        Event.__init__(self)
        self.tap = tap

    def fire(self):
        self.tap.ready()


class TapFlusher(Event):
    """The end of a moment: the segments that the writer holds wait no longer for those that were to follow."""

    def __init__(self, writer):
        Event.__init__(self)
        self.writer = writer

    def fire(self):
        self.writer.flush()
