"""The host's own Linux as the kernel under our programs: every trap becomes the host's system call.

libc's structure layouts are those of x86-64, so the real kernel is the judge of them: pointers are replaced by copies
of the windows they point into, numbers by those of x86-64.  The host's CPU has to be one for that.
"""

import ctypes
import os
import threading

from hwemu.clock import Clock
from hwemu.cpu import CPU, SyscallEntry
from hwemu.interrupt_controller import InterruptController
from userland.abi import syscall as i386
from userland.abi.layout import IOVEC, MSGHDR

# i386 number: (x86-64 number, positions of pointer arguments).
CALLS = {
    i386.SYS_read: (0, (1,)),
    i386.SYS_write: (1, (1,)),
    i386.SYS_open: (2, (0,)),
    i386.SYS_close: (3, ()),
    i386.SYS_stat64: (4, (0, 1)),
    i386.SYS_fstat64: (5, (1,)),
    i386.SYS_lstat64: (6, (0, 1)),
    i386.SYS_poll: (7, (0,)),
    i386.SYS_lseek: (8, ()),
    i386.SYS__newselect: (23, (1, 2, 3, 4)),
    i386.SYS_dup: (32, ()),
    i386.SYS_dup2: (33, ()),
    i386.SYS_nanosleep: (35, (0, 1)),
    i386.SYS_getpid: (39, ()),
    i386.SYS_pidfd_send_signal: (424, (2,)),
    i386.SYS_pidfd_open: (434, ()),
    i386.SYS_sendfile64: (40, (2,)),
    i386.SYS_uname: (63, (0,)),
    i386.SYS_fcntl64: (72, ()),
    i386.SYS_ftruncate: (77, ()),
    i386.SYS_getcwd: (79, (0,)),
    i386.SYS_rename: (82, (0, 1)),
    i386.SYS_mkdir: (83, (0,)),
    i386.SYS_rmdir: (84, (0,)),
    i386.SYS_unlink: (87, (0,)),
    i386.SYS_readlink: (89, (0, 1)),
    i386.SYS_gettimeofday: (96, (0,)),
    i386.SYS_sysinfo: (99, (0,)),
    i386.SYS_time: (201, ()),
    i386.SYS_epoll_create: (213, ()),
    i386.SYS_getdents64: (217, (1,)),
    i386.SYS_clock_gettime: (228, (1,)),
    i386.SYS_epoll_wait: (232, (1,)),
    i386.SYS_epoll_ctl: (233, (3,)),
    i386.SYS_dup3: (292, ()),
    i386.SYS_pipe2: (293, (0,)),
    i386.SYS_getrandom: (318, (0,)),
    i386.SYS_pread64: (17, (1,)),
    i386.SYS_pwrite64: (18, (1,)),
    i386.SYS_access: (21, (0,)),
    i386.SYS_flock: (73, ()),
    i386.SYS_fsync: (74, ()),
    i386.SYS_fdatasync: (75, ()),
    i386.SYS_truncate: (76, (0,)),
    i386.SYS_fchdir: (81, ()),
    i386.SYS_chmod: (90, (0,)),
    i386.SYS_fchmod: (91, ()),
    i386.SYS_chown32: (92, (0,)),
    i386.SYS_fchown32: (93, ()),
    i386.SYS_umask: (95, ()),
    i386.SYS_statfs: (137, (0, 1)),
    i386.SYS_fstatfs: (138, (1,)),
    i386.SYS_openat: (257, (1,)),
    i386.SYS_mkdirat: (258, (1,)),
    i386.SYS_mknodat: (259, (1,)),
    i386.SYS_fchownat: (260, (1,)),
    i386.SYS_fstatat64: (262, (1, 2)),
    i386.SYS_unlinkat: (263, (1,)),
    i386.SYS_linkat: (265, (1, 3)),
    i386.SYS_symlinkat: (266, (0, 2)),
    i386.SYS_readlinkat: (267, (1, 2)),
    i386.SYS_fchmodat: (268, (1,)),
    i386.SYS_ppoll: (271, (0, 2, 3)),
    i386.SYS_splice: (275, (1, 3)),
    i386.SYS_tee: (276, ()),
    i386.SYS_utimensat: (280, (1, 2)),
    i386.SYS_epoll_pwait: (281, (1, 4)),
    i386.SYS_timerfd_create: (283, ()),
    i386.SYS_fallocate: (285, ()),
    i386.SYS_timerfd_settime: (286, (2, 3)),
    i386.SYS_timerfd_gettime: (287, (1,)),
    i386.SYS_eventfd2: (290, ()),
    i386.SYS_epoll_create1: (291, ()),
    i386.SYS_renameat2: (316, (1, 3)),
    i386.SYS_memfd_create: (319, (0,)),
    i386.SYS_copy_file_range: (326, (1, 3)),
    i386.SYS_statx: (332, (1, 4)),
    i386.SYS_close_range: (436, ()),
    i386.SYS_faccessat2: (439, (1,)),
    i386.SYS_epoll_pwait2: (441, (1, 3, 4)),
}
SOCKET_CALLS = {
    i386.SYS_SOCKET: (41, 3, ()),
    i386.SYS_CONNECT: (42, 3, (1,)),
    i386.SYS_ACCEPT: (43, 3, (1, 2)),
    i386.SYS_SENDTO: (44, 6, (1, 4)),
    i386.SYS_RECVFROM: (45, 6, (1, 4, 5)),
    i386.SYS_SHUTDOWN: (48, 2, ()),
    i386.SYS_BIND: (49, 3, (1,)),
    i386.SYS_LISTEN: (50, 2, ()),
    i386.SYS_GETSOCKNAME: (51, 3, (1, 2)),
    i386.SYS_GETPEERNAME: (52, 3, (1, 2)),
    i386.SYS_SOCKETPAIR: (53, 4, (3,)),
    i386.SYS_SETSOCKOPT: (54, 5, (3,)),
    i386.SYS_GETSOCKOPT: (55, 5, (3, 4)),
    i386.SYS_ACCEPT4: (288, 4, (1, 2)),
}
# send and recv are sendto and recvfrom without an address.
SHORT_CALLS = {i386.SYS_SEND: (44, 4, (1,)), i386.SYS_RECV: (45, 4, (1,))}
# Calls with a struct iovec array as the second argument.
VECTOR_CALLS = {
    i386.SYS_readv: 19, i386.SYS_writev: 20, i386.SYS_vmsplice: 278, i386.SYS_preadv: 295, i386.SYS_pwritev: 296,
    i386.SYS_preadv2: 327, i386.SYS_pwritev2: 328,
}  # fmt: skip
MESSAGE_CALLS = {i386.SYS_SENDMSG: 46, i386.SYS_RECVMSG: 47}
# Calls whose first argument is no descriptor: select, getpid, socket, socketpair, umask, time, epoll_create, clock_gettime,
# timerfd_create, eventfd2, epoll_create1, close_range.
# (That of clock_gettime is 0 for CLOCK_REALTIME, and the host may have any number free for the program's input.)
NO_DESCRIPTOR = (23, 39, 41, 53, 95, 201, 213, 228, 283, 290, 291, 436)
SYS_ioctl64 = 16
ENOSYS = 38


class HostKernel(SyscallEntry):
    """Carries out the traps of one program; its descriptors 0 to 2 are `stdio`'s."""

    def __init__(self, stdio):
        self.stdio = stdio
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.syscall.restype = ctypes.c_long
        # Pages that vmsplice has given to a pipe.
        self.given = []

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        arguments = [a0, a1, a2, a3, a4, a5]
        if nr == i386.SYS_socketcall:
            return self.socketcall(context, a0, a1)
        if nr == i386.SYS_ioctl:
            pointer = (2,) if context.address_space.room(a2) else ()
            return self.call(context, SYS_ioctl64, arguments, pointer)
        if nr in VECTOR_CALLS:
            return self.vector(context, VECTOR_CALLS[nr], arguments)
        if nr not in CALLS:
            return -ENOSYS
        number, pointers = CALLS[nr]
        if nr == i386.SYS_fcntl64 and a2 > 0 and context.address_space.room(a2):
            pointers = (2,)
        return self.call(context, number, arguments, pointers)

    def socketcall(self, context, call, block):
        raw = context.address_space.read(block, 48)
        arguments = [int.from_bytes(raw[at : at + 8], "little", signed=True) for at in range(0, 48, 8)]
        if call in MESSAGE_CALLS:
            return self.message(context, MESSAGE_CALLS[call], arguments)
        number, count, pointers = SOCKET_CALLS.get(call) or SHORT_CALLS[call]
        return self.call(context, number, arguments[:count] + [0] * (6 - count), pointers)

    def call(self, context, number, arguments, pointers):
        space = context.address_space
        copies = []
        for position in pointers:
            address = arguments[position]
            if address:
                copy = ctypes.create_string_buffer(space.read(address, space.room(address)), space.room(address))
                copies.append((address, copy))
                arguments[position] = ctypes.addressof(copy)
        if 0 not in pointers and number not in NO_DESCRIPTOR:
            arguments[0] = self.stdio.get(arguments[0], arguments[0])
        result = self.libc.syscall(*(ctypes.c_long(value) for value in (number, *arguments)))
        error = ctypes.get_errno()
        for address, copy in copies:
            space.write(address, copy.raw)
        return result if result >= 0 else -error

    def vector(self, context, number, arguments):
        """readv and its kin: the pointers inside the array are replaced."""
        space = context.address_space
        copies = []
        table = b""
        room = space.room(arguments[1]) // IOVEC.size
        for index in range(min(arguments[2] if arguments[2] >= 0 else 0, room)):
            base, size = IOVEC.unpack(space.read(arguments[1] + index * IOVEC.size, IOVEC.size))
            if space.room(base) >= size > 0:
                copy = ctypes.create_string_buffer(space.read(base, size), size)
                copies.append((base, copy))
                base = ctypes.addressof(copy)
            table += IOVEC.pack(base, size)
        raw = ctypes.create_string_buffer(table, len(table) or 1)
        self.given.append(copies)
        if table:
            arguments[1] = ctypes.addressof(raw)
        arguments[0] = self.stdio.get(arguments[0], arguments[0])
        result = self.libc.syscall(*(ctypes.c_long(value) for value in (number, *arguments)))
        error = ctypes.get_errno()
        for address, copy in copies:
            space.write(address, copy.raw)
        return result if result >= 0 else -error

    def message(self, context, number, arguments):
        """sendmsg and recvmsg: the pointers inside the header are replaced as well."""
        space = context.address_space
        header = list(MSGHDR.unpack(space.read(arguments[1], MSGHDR.size)))
        copies = []

        def copy_of(address, size):
            copy = ctypes.create_string_buffer(space.read(address, size) if size else b"", size)
            copies.append((address, copy))
            return ctypes.addressof(copy)

        vectors = b""
        for index in range(header[3]):
            base, size = IOVEC.unpack(space.read(header[2] + index * IOVEC.size, IOVEC.size))
            vectors += IOVEC.pack(copy_of(base, size), size)
        table = ctypes.create_string_buffer(vectors)
        header[2] = ctypes.addressof(table)
        header[0] = copy_of(header[0], header[1]) if header[0] else 0
        header[4] = copy_of(header[4], header[5]) if header[4] else 0
        raw = ctypes.create_string_buffer(MSGHDR.pack(*header))
        result = self.libc.syscall(*map(ctypes.c_long, (number, arguments[0], ctypes.addressof(raw), arguments[2])))
        error = ctypes.get_errno()
        for address, copy in copies:
            space.write(address, copy.raw)
        after = list(MSGHDR.unpack(raw.raw[: MSGHDR.size]))
        back = MSGHDR.unpack(space.read(arguments[1], MSGHDR.size))
        space.write(arguments[1], MSGHDR.pack(back[0], after[1], back[2], back[3], back[4], after[5], after[6]))
        return result if result >= 0 else -error


class HostProgram:
    """A program's main on the host's kernel, in a thread of its own; `output` is what it wrote, `status` its status."""

    def __init__(self, main, argv, stdin=b""):
        self.main = main
        self.argv = argv
        self.output = b""
        self.status = None
        self.error = None
        inside, feed = os.pipe()
        os.write(feed, stdin)
        os.close(feed)
        self.inside = inside
        self.reader, self.writer = os.pipe()
        self.collector = threading.Thread(target=self.collect, daemon=True)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.collector.start()
        self.thread.start()

    def run(self):
        clock = Clock()
        cpu = CPU(clock, InterruptController())
        cpu.syscall_entry = HostKernel({0: self.inside, 1: self.writer, 2: self.writer})
        cpu.new_context(self.enter).switch()
        try:
            clock.run()
        finally:
            os.close(self.writer)
            os.close(self.inside)

    def enter(self):
        try:
            self.status = self.main(self.argv)
        except Exception as error:
            self.error = error

    def collect(self):
        while chunk := os.read(self.reader, 65536):
            self.output += chunk
        os.close(self.reader)

    def wait(self, seconds=20):
        """(status, output) at its end; AssertionError when it does not end or failed."""
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"{self.argv} still runs: {self.output!r}"
        self.collector.join(seconds)
        if self.error is not None:
            raise self.error
        return self.status, self.output
