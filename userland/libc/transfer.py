"""The calls that move bytes: read, write, send, recv and their relatives.

A buffer is any contiguous bytes-like object; it is mapped into the program's address space for the time of the
call, and the kernel copies straight out of it or into it.  `length` -1 means all of the buffer.  To send or
receive part of one, pass a memoryview slice: it copies nothing.
"""

from hwemu.cpu import trap
from userland.abi.syscall import (
    SYS_RECV,
    SYS_RECVFROM,
    SYS_SEND,
    SYS_SENDTO,
    SYS_read,
    SYS_socketcall,
    SYS_write,
)
from userland.libc.crt import LENGTH_OFFSET, fail, this


def read(fd, buf, length=-1):
    """ssize_t read(int fd, void *buf, size_t count): fills `buf` (writable), returns the count, 0 at the end."""
    program = this()
    size = len(buf) if length < 0 else length
    address = program.space.map(buf, True)
    result = trap(SYS_read, fd, address, size)
    program.space.unmap(address)
    return result if result >= 0 else fail(result)


def write(fd, buf, length=-1):
    """ssize_t write(int fd, const void *buf, size_t count)"""
    program = this()
    size = len(buf) if length < 0 else length
    address = program.space.map(buf, False)
    result = trap(SYS_write, fd, address, size)
    program.space.unmap(address)
    return result if result >= 0 else fail(result)


def send(fd, buf, length=-1, flags=0):
    """ssize_t send(int sockfd, const void *buf, size_t len, int flags)"""
    program = this()
    size = len(buf) if length < 0 else length
    address = program.space.map(buf, False)
    program.args[0] = fd
    program.args[1] = address
    program.args[2] = size
    program.args[3] = flags
    result = trap(SYS_socketcall, SYS_SEND, program.args_address)
    program.space.unmap(address)
    return result if result >= 0 else fail(result)


def recv(fd, buf, length=-1, flags=0):
    """ssize_t recv(int sockfd, void *buf, size_t len, int flags): fills `buf` (writable), returns the count."""
    program = this()
    size = len(buf) if length < 0 else length
    address = program.space.map(buf, True)
    program.args[0] = fd
    program.args[1] = address
    program.args[2] = size
    program.args[3] = flags
    result = trap(SYS_socketcall, SYS_RECV, program.args_address)
    program.space.unmap(address)
    return result if result >= 0 else fail(result)


def sendto(fd, buf, length=-1, flags=0, addr=None):
    """ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest_addr, ...)

    `addr` is a sockaddr (bytes-like) or None.
    """
    program = this()
    size = len(buf) if length < 0 else length
    address = program.space.map(buf, False)
    name = 0
    name_length = 0
    if addr is not None:
        name = program.space.map(addr, False)
        name_length = len(addr)
    program.args[0] = fd
    program.args[1] = address
    program.args[2] = size
    program.args[3] = flags
    program.args[4] = name
    program.args[5] = name_length
    result = trap(SYS_socketcall, SYS_SENDTO, program.args_address)
    program.space.unmap(name)
    program.space.unmap(address)
    return result if result >= 0 else fail(result)


def recvfrom(fd, buf, length=-1, flags=0, addr=None):
    """ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr, ...)

    `addr` is a writable sockaddr (a bytearray) that is filled, or None.
    """
    program = this()
    size = len(buf) if length < 0 else length
    address = program.space.map(buf, True)
    name = 0
    if addr is not None:
        name = program.space.map(addr, True)
        program.words[LENGTH_OFFSET >> 2] = len(addr)
    program.args[0] = fd
    program.args[1] = address
    program.args[2] = size
    program.args[3] = flags
    program.args[4] = name
    program.args[5] = program.args_address + LENGTH_OFFSET if name else 0
    result = trap(SYS_socketcall, SYS_RECVFROM, program.args_address)
    program.space.unmap(name)
    program.space.unmap(address)
    return result if result >= 0 else fail(result)
