"""The calls on sockets as system calls of their own, beside socketcall(2), as i386 numbers them.

accept, send and recv have no number there: accept4, sendto and recvfrom do their work.
"""

from kernel.net import socket, socket_msg
from kernel.uapi.syscall import (
    SYS_accept4,
    SYS_bind,
    SYS_connect,
    SYS_getpeername,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_listen,
    SYS_recvfrom,
    SYS_recvmmsg,
    SYS_recvmmsg_time64,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_sendmsg,
    SYS_sendto,
    SYS_setsockopt,
    SYS_shutdown,
    SYS_socket,
    SYS_socketpair,
)

ADDRESS = 0xFFFFFFFFFFFFFFFF


class socket_calls:
    """One network namespace's; arguments are signed 64-bit, and those that are addresses lose their sign."""

    def __init__(self, net):
        self.net = net

    def socket(self, task, family, type, protocol, a3, a4, a5):
        return socket.sys_socket(self.net, task, family, type, protocol)

    def socketpair(self, task, family, type, protocol, vector, a4, a5):
        return socket.sys_socketpair(self.net, task, family, type, protocol, vector & ADDRESS)

    def bind(self, task, fd, name, length, a3, a4, a5):
        return socket.sys_bind(task, fd, name & ADDRESS, length)

    def connect(self, task, fd, name, length, a3, a4, a5):
        return socket.sys_connect(task, fd, name & ADDRESS, length)

    def listen(self, task, fd, backlog, a2, a3, a4, a5):
        return socket.sys_listen(task, fd, backlog)

    def accept4(self, task, fd, name, length, flags, a4, a5):
        return socket.sys_accept4(task, fd, name & ADDRESS, length & ADDRESS, flags)

    def getsockopt(self, task, fd, level, option, value, length, a5):
        return socket.sys_getsockopt(task, fd, level, option, value & ADDRESS, length & ADDRESS)

    def setsockopt(self, task, fd, level, option, value, length, a5):
        return socket.sys_setsockopt(task, fd, level, option, value & ADDRESS, length)

    def getsockname(self, task, fd, name, length, a3, a4, a5):
        return socket.sys_getname(task, fd, name & ADDRESS, length & ADDRESS, 0)

    def getpeername(self, task, fd, name, length, a3, a4, a5):
        return socket.sys_getname(task, fd, name & ADDRESS, length & ADDRESS, 1)

    def sendto(self, task, fd, buffer, size, flags, name, length):
        return socket.sys_sendto(task, fd, buffer & ADDRESS, size, flags, name & ADDRESS, length)

    def recvfrom(self, task, fd, buffer, size, flags, name, length):
        return socket.sys_recvfrom(task, fd, buffer & ADDRESS, size, flags, name & ADDRESS, length & ADDRESS)

    def sendmsg(self, task, fd, message, flags, a3, a4, a5):
        return socket_msg.sys_sendmsg(task, fd, message, flags)

    def recvmsg(self, task, fd, message, flags, a3, a4, a5):
        return socket_msg.sys_recvmsg(task, fd, message, flags)

    def sendmmsg(self, task, fd, vector, count, flags, a4, a5):
        return socket_msg.sys_sendmmsg(task, fd, vector, count, flags)

    def recvmmsg(self, task, fd, vector, count, flags, timeout, a5):
        return socket_msg.sys_recvmmsg(task, fd, vector, count, flags, timeout)

    def shutdown(self, task, fd, how, a2, a3, a4, a5):
        return socket.sys_shutdown(task, fd, how)


def register_socket_calls(net, table):
    """Enter them all; a time is a 64-bit one in either form of recvmmsg."""
    calls = socket_calls(net)
    for number, function in (
        (SYS_socket, calls.socket),
        (SYS_socketpair, calls.socketpair),
        (SYS_bind, calls.bind),
        (SYS_connect, calls.connect),
        (SYS_listen, calls.listen),
        (SYS_accept4, calls.accept4),
        (SYS_getsockopt, calls.getsockopt),
        (SYS_setsockopt, calls.setsockopt),
        (SYS_getsockname, calls.getsockname),
        (SYS_getpeername, calls.getpeername),
        (SYS_sendto, calls.sendto),
        (SYS_recvfrom, calls.recvfrom),
        (SYS_sendmsg, calls.sendmsg),
        (SYS_recvmsg, calls.recvmsg),
        (SYS_sendmmsg, calls.sendmmsg),
        (SYS_recvmmsg, calls.recvmmsg),
        (SYS_shutdown, calls.shutdown),
    ):
        table.register(number, function.__name__, function)
    table.register(SYS_recvmmsg_time64, "recvmmsg_time64", calls.recvmmsg)
