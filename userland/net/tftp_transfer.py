"""One TFTP transfer in lock-step, from either end: retransmission, strangers, the last block.

Both sides work alike once the request is through: one sends DATA and waits for ACK, the other acknowledges.
Only the peer's transfer id (its port) counts; a datagram from anywhere else is answered with an error and passed over.
"""

from userland import libc
from userland.proto import tftp

MS = 1000000


class TransferError(Exception):
    """The transfer has failed; the text is one line, `code` what the other side is told (None: nothing)."""

    def __init__(self, text, code=None):
        super().__init__(text)
        self.code = code


class Transfer:
    """A socket, the peer's address once it is known, and how long to wait for it."""

    def __init__(self, fd, peer, timeout, tries, block=tftp.BLOCK):
        self.fd = fd
        self.peer = peer
        # A client learns its peer's port from the first answer.
        self.fixed = False
        self.timeout = timeout
        self.tries = tries
        self.block = block
        self.moved = 0
        self.buffer = bytearray(tftp.MAX_BLOCK + tftp.HEADER)
        self.source = bytearray(16)

    def send(self, packet):
        if libc.sendto(self.fd, packet, -1, 0, self.peer) < 0 and libc.errno not in (libc.ENOBUFS, libc.ECONNREFUSED):
            raise TransferError(libc.strerror(libc.errno))

    def exchange(self, packet, wanted):
        """Send `packet`, again after each timeout, until `wanted(answer)` is not None: that is returned."""
        for _ in range(self.tries):
            self.send(packet)
            deadline = libc.clock_gettime_ns() + int(self.timeout * 1000) * MS
            while True:
                answer = self.receive(deadline)
                if answer is None:
                    break
                found = wanted(answer)
                if found is not None:
                    return found
        raise TransferError("timeout")

    def receive(self, deadline):
        """The next packet of the peer, or None when the time is up."""
        waiting = [libc.pollfd(self.fd, libc.POLLIN)]
        while True:
            left = (deadline - libc.clock_gettime_ns()) // MS
            if left <= 0 or libc.poll(waiting, left) <= 0:
                return None
            count = libc.recvfrom(self.fd, self.buffer, -1, libc.MSG_DONTWAIT, self.source)
            if count < tftp.HEADER:
                continue
            if not self.from_peer():
                libc.sendto(self.fd, tftp.error(tftp.UNKNOWN_ID), -1, 0, self.source)
                continue
            packet = memoryview(self.buffer)[:count]
            if tftp.opcode_of(packet) == tftp.ERROR:
                code, text = tftp.parse_error(packet)
                raise TransferError(f"server error: ({code}) {text}")
            return packet

    def from_peer(self):
        if self.fixed:
            return self.source[:8] == self.peer[:8]
        if self.source[4:8] != self.peer[4:8]:
            return False
        self.fixed = True
        self.peer = bytes(self.source)
        return True

    # --- the two halves ---

    def send_file(self, source):
        """DATA from the descriptor until a block that is not full."""
        number = 0
        while True:
            number += 1
            content = read_full(source, self.block)
            if content is None:
                raise TransferError(f"read error: {libc.strerror(libc.errno)}", tftp.NOT_DEFINED)

            def acknowledged(packet, number=number):
                wanted = tftp.opcode_of(packet) == tftp.ACK and tftp.block_of(packet) == number & 0xFFFF
                return True if wanted else None

            self.exchange(tftp.data(number, content), acknowledged)
            self.moved += len(content)
            if len(content) < self.block:
                return

    def receive_file(self, target, packet, first=None):
        """DATA to the descriptor; `packet` asks for the first block unless `first` is that block already."""
        number = 1
        while True:
            content = first if first is not None else self.exchange(packet, self.data_block(number))
            first = None
            if libc.write_all(target, content) < 0:
                raise TransferError(f"write error: {libc.strerror(libc.errno)}", tftp.DISK_FULL)
            self.moved += len(content)
            packet = tftp.ack(number)
            number += 1
            if len(content) < self.block:
                self.dally(packet, number - 1)
                return

    def data_block(self, number):
        def wanted(packet):
            right = tftp.opcode_of(packet) == tftp.DATA and tftp.block_of(packet) == number & 0xFFFF
            return bytes(packet[tftp.HEADER : tftp.HEADER + self.block]) if right else None

        return wanted

    def dally(self, packet, number):
        """Acknowledge the last block, and for a moment again if it comes again: our ACK may have been lost."""
        self.send(packet)
        deadline = libc.clock_gettime_ns() + min(int(self.timeout * 1000), 200) * MS
        try:
            while self.receive(deadline) is not None:
                self.send(packet)
        except TransferError:
            return

    def give_up(self, problem):
        """Tell the other side why, if it can make use of it."""
        if problem.code is not None:
            libc.sendto(self.fd, tftp.error(problem.code, str(problem)), -1, 0, self.peer)


def read_full(fd, size):
    """`size` bytes, fewer only at the end of the file; None when reading fails."""
    parts = bytearray()
    while len(parts) < size:
        chunk = libc.read_bytes(fd, size - len(parts))
        if chunk == -1:
            return None
        if not chunk:
            break
        parts += chunk
    return bytes(parts)
