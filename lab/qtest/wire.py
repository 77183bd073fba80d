"""The far end of the card in QEMU: what its netdev sends and takes, as a plug of ours."""

import collections
import select
import socket

from hwemu.clock import Source
from hwemu.wire.ethernet import FRAME_MINIMUM
from hwemu.wire.port import FRAME_BAD_FCS, Station

# The longest frame that a card of QEMU's sends, with room to see that one is longer.
FRAME_LIMIT = 1 << 17
# Frames taken per readiness, as for a TAP.
BATCH = 64


class Plug(Station):
    """The plug of QEMU's card: a station for any wire of ours.

    `frames` is the near end of a netdev of type dgram: one datagram is one frame, without FCS.  `set_link(up)` tells
    QEMU about the carrier.  A frame that QEMU does not take yet waits; a damaged one cannot be expressed and is
    dropped, as the host's card would.  QEMU's cards pad nothing, so short frames are padded here.
    """

    def __init__(self, clock, frames, set_link):
        super().__init__()
        self.clock = clock
        self.frames = frames
        self.frames.setblocking(False)
        self.set_link = set_link
        self.source = Source(self.ready)
        self.waiting = collections.deque()
        self.link = True
        self.dropped = 0
        clock.watch(frames.fileno(), select.EPOLLIN, self.source)

    # --- from our wire to QEMU ---

    def carrier(self, up):
        if up != self.link:
            self.link = up
            self.waiting.clear()
            self.set_link(up)

    def receive(self, frame, flags):
        if flags & FRAME_BAD_FCS:
            self.dropped += 1
            return
        self.waiting.append(frame)
        if len(self.waiting) == 1:
            self.push()

    def push(self):
        """Give QEMU what it takes now, and ask to be woken for the rest."""
        while self.waiting:
            try:
                self.frames.send(self.waiting[0])
            except BlockingIOError:
                break
            except OSError:
                # QEMU has gone: whoever asks it for a register says so.
                self.waiting.clear()
                return
            self.waiting.popleft()
        self.clock.watch(self.frames.fileno(), select.EPOLLIN | (select.EPOLLOUT if self.waiting else 0), self.source)

    # --- from QEMU to our wire ---

    def ready(self, mask):
        if mask & select.EPOLLOUT:
            self.push()
        for _ in range(BATCH):
            try:
                frame = self.frames.recv(FRAME_LIMIT, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                frame = b""
            if not frame:
                self.clock.unwatch(self.frames.fileno())
                break
            if self.wire is not None:
                self.wire.send(self, frame.ljust(FRAME_MINIMUM, b"\0"), 0)

    def close(self):
        """Stop listening; the socket is its owner's."""
        if self.frames.fileno() >= 0:
            self.clock.unwatch(self.frames.fileno())
