"""One client: its messages carried out, in order, and answered.

A request that can not be granted is answered with an errno.  Bytes that are not vfio-user end the connection: `Garbage`, whose
text is the one line that the server says about it.
"""

import errno
import os

from construct import StreamError

from hwemu.clock import Source
from lab.vfio_user import messages
from lab.vfio_user.channel import LARGEST_TRANSFER, MOST_FDS, WOULD_BLOCK, Channel, Garbage
from lab.vfio_user.device import NO_EVENTFD, UnmaskEvent
from lab.vfio_user.memory import MOST_MAPPINGS, PAGE
from lab.vfio_user.messages import (
    DEVICE_SET_IRQS,
    INTX,
    IRQ_DATA_NONE,
    IRQ_KINDS,
    IRQ_UNMASK,
    NO_REPLY,
    REGION_READ,
    REGION_WRITE,
    REGIONS,
    TYPE_MASK,
    VERSION,
    WRITE_MULTI_SIZE,
)

# Before other events get their turn.
READS_PER_TURN = 16
ACCESS_SIZE = 16
UNMASK_FLAGS = IRQ_DATA_NONE | IRQ_UNMASK
UNMASK_SIZE = 20
CAPABILITIES = {
    "max_msg_fds": MOST_FDS,
    "max_data_xfer_size": LARGEST_TRANSFER,
    "max_dma_maps": MOST_MAPPINGS,
    "pgsizes": PAGE,
    "write_multiple": True,
}


def is_eventfd(fd):
    """True for an eventfd: anything else could make a write wait, or grow."""
    return os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[eventfd]"


class Connection(Source):
    """The client at `sock` (non-blocking; it belongs to the connection).

    `finished(connection, why)` is called once when it is over: `why` is "" where the client has hung up.  `say(line)` tells
    the user why memory of the client was refused: once, for a client may try again and again.
    """

    def __init__(self, clock, sock, device, finished, say):
        super().__init__()
        self.clock = clock
        self.sock = sock
        self.device = device
        self.finished = finished
        self.say = say
        self.complained = False
        self.channel = Channel(sock.fileno())
        self.agreed = False
        self.eventfd = NO_EVENTFD
        self.unmask = None
        self.messages = 0
        self.handlers = {
            messages.DMA_MAP: self.dma_map,
            messages.DMA_UNMAP: self.dma_unmap,
            messages.DEVICE_GET_INFO: self.device_info,
            messages.DEVICE_GET_REGION_INFO: self.region_info,
            messages.DEVICE_GET_IRQ_INFO: self.irq_info,
            messages.DEVICE_SET_IRQS: self.set_irqs,
            messages.DEVICE_RESET: self.reset,
            messages.REGION_WRITE_MULTI: self.write_multi,
        }

    # --- the stream ---

    def ready(self, mask):
        """Something has come."""
        try:
            for _ in range(READS_PER_TURN):
                count = self.channel.receive()
                if count == WOULD_BLOCK:
                    return
                if count == 0:
                    self.close("")
                    return
                while self.channel.next():
                    self.serve()
        except Garbage as why:
            self.close(str(why))

    def close(self, why):
        """End the connection and let go of everything that is the client's."""
        if self.sock is None:
            return
        self.clock.unwatch(self.channel.fd)
        self.channel.close_fds()
        self.device.release()
        self.drop_eventfd()
        self.drop_unmask()
        self.sock.close()
        self.sock = None
        self.finished(self, why)

    def serve(self):
        """Carry out the message that the channel is at."""
        channel = self.channel
        self.messages += 1
        if channel.flags & TYPE_MASK:
            raise Garbage("a reply that nobody asked for")
        if channel.command == REGION_READ and self.agreed:
            self.region_read()
        elif channel.command == REGION_WRITE and self.agreed:
            self.region_write()
        elif channel.command == DEVICE_SET_IRQS and self.agreed and self.is_unmask():
            self.device.pin.unmask_interrupt()
            if not channel.flags & NO_REPLY:
                channel.reply(b"")
        else:
            self.serve_rare()

    def is_unmask(self):
        """True for the DEVICE_SET_IRQS that unmasks INTx: every interrupt brings one, and the guest waits for it."""
        channel = self.channel
        return (
            channel.size == UNMASK_SIZE
            and channel.u32(4) == UNMASK_FLAGS
            and channel.u32(8) == INTX
            and channel.u32(12) == 0
            and channel.u32(16) == 1
        )

    def serve_rare(self):
        """Everything else."""
        channel = self.channel
        if channel.command == VERSION:
            self.version()
            return
        if not self.agreed:
            raise Garbage("a message before VERSION")
        handler = self.handlers.get(channel.command)
        if handler is None:
            self.refuse(errno.EOPNOTSUPP)
            return
        try:
            answer = handler()
        except StreamError:
            raise Garbage(f"a {messages.COMMANDS[channel.command]} of {channel.size} bytes") from None
        except OSError as error:
            self.refuse(error.errno)
            return
        if not channel.flags & NO_REPLY:
            channel.reply(answer)

    def refuse(self, number):
        if not self.channel.flags & NO_REPLY:
            self.channel.reply_error(number)

    # --- register accesses ---

    def region_read(self):
        channel = self.channel
        if channel.size != ACCESS_SIZE:
            raise Garbage(f"a REGION_READ of {channel.size} bytes")
        offset = channel.u64(0)
        region = channel.u32(8)
        count = channel.u32(12)
        if count == 0 or count > LARGEST_TRANSFER or not self.device.holds(region, offset, count):
            self.refuse(errno.EINVAL)
        elif (count == 4 and offset & 3 == 0) or (count == 2 and offset & 1 == 0) or count == 1:
            channel.reply_access(self.device.read(region, offset, count), count)
        else:
            data = self.device.read_bytes(region, offset, count)
            channel.reply(channel.piece(0, ACCESS_SIZE) + data)

    def region_write(self):
        channel = self.channel
        if channel.size < ACCESS_SIZE or channel.u32(12) != channel.size - ACCESS_SIZE:
            raise Garbage(f"a REGION_WRITE of {channel.size} bytes for {channel.u32(12)}")
        if not self.write_at(0):
            self.refuse(errno.EINVAL)
        elif not channel.flags & NO_REPLY:
            channel.reply_access(0, 0)

    def write_at(self, at):
        """Carry out the access whose description is at byte `at` of the payload; False where the region has no such bytes."""
        channel = self.channel
        offset = channel.u64(at)
        region = channel.u32(at + 8)
        count = channel.u32(at + 12)
        if count == 0 or count > LARGEST_TRANSFER or not self.device.holds(region, offset, count):
            return False
        at += ACCESS_SIZE
        if count == 4 and offset & 3 == 0:
            self.device.write(region, offset, 4, channel.u32(at))
        else:
            self.device.write_bytes(region, offset, channel.piece(at, count))
        return True

    def write_multi(self):
        """REGION_WRITE_MULTI: posted writes that the client has put together; the answer repeats their number."""
        channel = self.channel
        count = channel.u64(0)
        head = messages.WRITE_MULTI_COUNT.sizeof()
        if channel.size < head or (channel.size - head) % WRITE_MULTI_SIZE or count > (channel.size - head) // WRITE_MULTI_SIZE:
            raise Garbage(f"a REGION_WRITE_MULTI of {channel.size} bytes for {count} writes")
        for index in range(count):
            at = head + index * WRITE_MULTI_SIZE
            if channel.u32(at + 12) > messages.WRITE_MULTI_DATA or not self.write_at(at):
                raise OSError(errno.EINVAL, "a write outside its region")
        return messages.WRITE_MULTI_COUNT.build({"wr_cnt": count})

    # --- everything else ---

    def version(self):
        """Agree on major 0, the client's minor or ours, and those of our capabilities that the client knows."""
        if self.agreed:
            raise Garbage("a second VERSION")
        try:
            major, minor, theirs = messages.decode_version(self.channel.payload())
        except ValueError as error:
            raise Garbage(str(error)) from None
        if major != messages.MAJOR:
            raise Garbage(f"version {major}.{minor} (this is {messages.MAJOR}.{messages.MINOR})")
        ours = {name: value for name, value in CAPABILITIES.items() if name in theirs}
        self.agreed = True
        self.channel.reply(messages.encode_version(messages.MAJOR, min(minor, messages.MINOR), ours))

    def dma_map(self):
        """Map what the client passed; memory without a descriptor stays out of the card's reach."""
        request = messages.DMA_MAP_REQUEST.parse(self.channel.payload())
        fds = self.channel.fds
        if len(fds) > 1:
            raise Garbage(f"a DMA_MAP with {len(fds)} descriptors")
        if fds:
            readable, writable = request.flags & messages.DMA_READABLE != 0, request.flags & messages.DMA_WRITABLE != 0
            try:
                self.device.memory.map(fds[0], request.offset, request.address, request.size, readable, writable)
            except OSError as error:
                if not self.complained:
                    self.complained = True
                    self.say(f"memory of the client was refused: {error.strerror}")
                raise
            self.device.follow_permissions()
        return b""

    def dma_unmap(self):
        """Undo a mapping.  One that was made without a descriptor was never kept, so not finding it is no error."""
        request = messages.DMA_UNMAP_REQUEST.parse(self.channel.payload())
        if request.flags & messages.UNMAP_ALL:
            self.device.memory.clear()
        else:
            try:
                self.device.memory.unmap(request.address, request.size)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
        self.device.follow_permissions()
        return messages.DMA_UNMAP_REQUEST.build(request)

    def device_info(self):
        messages.DEVICE_INFO.parse(self.channel.payload())
        flags = messages.DEVICE_FLAGS_RESET | messages.DEVICE_FLAGS_PCI
        answer = {"argsz": messages.DEVICE_INFO.sizeof(), "flags": flags, "num_regions": REGIONS, "num_irqs": IRQ_KINDS}
        return messages.DEVICE_INFO.build(answer)

    def region_info(self):
        request = messages.REGION_INFO.parse(self.channel.payload())
        if request.index >= REGIONS:
            raise OSError(errno.EINVAL, f"region {request.index}")
        size = self.device.sizes[request.index]
        flags = messages.REGION_FLAG_READ | messages.REGION_FLAG_WRITE if size else 0
        answer = {"argsz": messages.REGION_INFO.sizeof(), "flags": flags, "index": request.index, "cap_offset": 0}
        return messages.REGION_INFO.build({**answer, "size": size, "offset": 0})

    def irq_info(self):
        request = messages.IRQ_INFO.parse(self.channel.payload())
        if request.index >= IRQ_KINDS:
            raise OSError(errno.EINVAL, f"interrupt kind {request.index}")
        there = request.index == INTX
        flags = messages.IRQ_EVENTFD | messages.IRQ_MASKABLE | messages.IRQ_AUTOMASKED if there else 0
        answer = {"argsz": messages.IRQ_INFO.sizeof(), "flags": flags, "index": request.index, "count": int(there)}
        return messages.IRQ_INFO.build(answer)

    def set_irqs(self):
        """INTx: its eventfd set or taken away, masked, unmasked, or signalled by hand."""
        payload = self.channel.payload()
        request = messages.SET_IRQS_REQUEST.parse(payload)
        kind = request.flags & messages.IRQ_DATA
        action = request.flags & messages.IRQ_ACTION
        pin = self.device.pin
        if request.flags & ~(messages.IRQ_DATA | messages.IRQ_ACTION) or request.index >= IRQ_KINDS:
            raise OSError(errno.EINVAL, "flags or kind of interrupt")
        if action == messages.IRQ_TRIGGER and kind == messages.IRQ_DATA_NONE and request.count == 0:
            if request.index == INTX:
                self.drop_eventfd()
                self.drop_unmask()
            return b""
        if request.index != INTX or request.start != 0 or request.count != 1:
            raise OSError(errno.EINVAL, "there is one interrupt, INTx")
        if kind == messages.IRQ_DATA_EVENTFD:
            if action == messages.IRQ_TRIGGER:
                self.take_trigger()
            elif action == messages.IRQ_UNMASK:
                self.take_unmask()
            else:
                raise OSError(errno.ENOTTY, "an eventfd that masks")
            return b""
        if kind == messages.IRQ_DATA_BOOL:
            if len(payload) <= messages.SET_IRQS_REQUEST.sizeof():
                raise Garbage("a DEVICE_SET_IRQS without its data")
            if not payload[messages.SET_IRQS_REQUEST.sizeof()]:
                return b""
        elif kind != messages.IRQ_DATA_NONE:
            raise OSError(errno.EINVAL, "kind of data")
        if action == messages.IRQ_MASK:
            pin.mask_interrupt()
        elif action == messages.IRQ_UNMASK:
            pin.unmask_interrupt()
        elif action == messages.IRQ_TRIGGER:
            pin.trigger()
        else:
            raise OSError(errno.EINVAL, "action")
        return b""

    def eventfd_given(self):
        """The eventfd that came with the message, now ours, or NO_EVENTFD; OSError for another kind of descriptor."""
        fds = self.channel.fds
        if len(fds) > 1:
            raise Garbage(f"a DEVICE_SET_IRQS with {len(fds)} descriptors")
        if fds and not is_eventfd(fds[0]):
            raise OSError(errno.EINVAL, "a descriptor that is no eventfd")
        return fds.pop() if fds else NO_EVENTFD

    def take_trigger(self):
        """Signal interrupts at the descriptor that came with the message; none takes the old one away."""
        fd = self.eventfd_given()
        self.drop_eventfd()
        if fd != NO_EVENTFD:
            self.eventfd = fd
            self.device.pin.eventfd = fd
            self.device.pin.masked = False
            self.device.pin.deliver()

    def take_unmask(self):
        """Unmask when the descriptor that came with the message is signalled; none takes the old one away."""
        fd = self.eventfd_given()
        self.drop_unmask()
        if fd != NO_EVENTFD:
            self.unmask = UnmaskEvent(self.device.pin, fd)

    def drop_unmask(self):
        if self.unmask is not None:
            self.unmask.close()
            self.unmask = None

    def drop_eventfd(self):
        self.device.pin.eventfd = NO_EVENTFD
        if self.eventfd != NO_EVENTFD:
            os.close(self.eventfd)
            self.eventfd = NO_EVENTFD

    def reset(self):
        self.device.reset()
        return b""

