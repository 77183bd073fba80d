"""socketcall, socket files, options and /proc/net: the edges of the interface."""

from netbench import Bench, icmp, sockaddr, udp

from hwemu.cpu import trap
from kernel.net.snmp import MIB_GROUPS, ipstats
from kernel.uapi import errno, socket
from kernel.uapi.socket import (
    AF_INET,
    SO_BROADCAST,
    SO_ERROR,
    SO_LINGER,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_SNDBUF,
    SO_TYPE,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_IP,
    SOL_SOCKET,
)
from kernel.uapi.syscall import SYS_fcntl64, SYS_open, SYS_read, SYS_socketcall, SYS_write

EBADF, EFAULT, EINVAL, ENOTSOCK = -errno.EBADF, -errno.EFAULT, -errno.EINVAL, -errno.ENOTSOCK


def test_bad_calls(bench):
    def body(t):
        assert t.socketcall(0) == EINVAL and t.socketcall(21) == EINVAL
        assert trap(SYS_socketcall, 1, 0x1000) == EFAULT
        assert t.socket(99, SOCK_DGRAM) == -errno.EAFNOSUPPORT
        assert t.socket(10, SOCK_DGRAM) == -errno.EAFNOSUPPORT
        assert t.socket(AF_INET, 9) == -errno.ESOCKTNOSUPPORT
        assert t.socket(AF_INET, 77) == EINVAL
        assert t.socket(AF_INET, SOCK_DGRAM, 6) == -errno.EPROTONOSUPPORT
        assert t.socket(AF_INET, SOCK_DGRAM | 0x100) == EINVAL
        for call in range(2, 19):
            if call != 8:
                assert t.socketcall(call, 77, 0, 0, 0, 0, 0) in (EBADF, EINVAL, EFAULT)
        name = t.mm.map(b"/proc/uptime\0")
        fd = trap(SYS_open, name, 0)
        t.mm.unmap(name)
        assert t.socketcall(4, fd, 1) == ENOTSOCK
        t.close(fd)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.socketcall(2, fd, sockaddr("10.0.0.1", 1), 8) == EINVAL
        assert t.socketcall(2, fd, sockaddr("10.0.0.1", 1), 200) == EINVAL
        assert t.socketcall(2, fd, 0x1000, 16) == EFAULT
        assert t.socketcall(2, fd, b"\7" + sockaddr("10.0.0.1", 1)[1:], 16) == -errno.EAFNOSUPPORT
        assert t.socketcall(4, fd, 5) == -errno.EOPNOTSUPP
        assert t.socketcall(5, fd, 0, 0) == -errno.EOPNOTSUPP
        assert t.socketcall(13, fd, 3) == EINVAL
        assert t.socketcall(13, fd, 0) == -errno.ENOTCONN
        assert t.sendto(fd, b"x", "10.0.0.2", 0) == EINVAL
        assert t.socketcall(11, fd, 0x1000, 5, 0, sockaddr("10.0.0.2", 9), 16) == EFAULT
        assert t.sendto(fd, b"x", "10.0.0.2", 9, flags=1) == -errno.EOPNOTSUPP
        t.close(fd)

    bench.run(body)


def test_read_write_and_nonblocking(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK)
        t.bind(fd, "10.0.0.1", 5000)
        t.connect(fd, "10.0.0.2", 4000)
        data = t.mm.map(b"written")
        assert trap(SYS_write, fd, data, 7) == 7
        assert t.take()[0].endswith(b"written")
        buffer = bytearray(100)
        address = t.mm.map(buffer, True)
        assert trap(SYS_read, fd, address, 100) == -errno.EAGAIN
        t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"to read"))
        value = bytearray(4)
        assert t.ioctl(fd, 0x541B, value) == 0 and value[0] == 7
        assert trap(SYS_read, fd, address, 100) == 7 and buffer[:7] == b"to read"
        assert trap(SYS_fcntl64, fd, 3, 0) & 0o4000
        t.mm.unmap(address)
        t.mm.unmap(data)
        t.close(fd)

    bench.run(body)


def test_socket_options(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)

        def get(name):
            return t.getsockopt_int(fd, SOL_SOCKET, name)

        assert get(SO_TYPE) == SOCK_DGRAM and get(SO_ERROR) == 0 and get(socket.SO_DOMAIN) == AF_INET
        assert get(socket.SO_PROTOCOL) == 17 and get(SO_SNDBUF) == 212992
        for name in (SO_BROADCAST, socket.SO_KEEPALIVE, socket.SO_REUSEADDR, socket.SO_REUSEPORT, socket.SO_OOBINLINE):
            assert get(name) == 0
            assert t.setsockopt(fd, SOL_SOCKET, name, 1) == 0
            assert get(name) == 1
        assert t.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 1) == 0 and get(SO_SNDBUF) == 4608
        assert t.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 1 << 30) == 0 and get(SO_SNDBUF) == 425984
        assert t.setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, 0) == 0 and get(SO_RCVLOWAT) == 1
        time = (3).to_bytes(8, "little") + (250000).to_bytes(8, "little")
        assert t.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, time) == 0
        assert t.getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, 16) == time
        assert t.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, bytes(8) + (1000000).to_bytes(8, "little")) == -errno.EDOM
        assert t.setsockopt(fd, SOL_SOCKET, SO_LINGER, b"\1\0\0\0\5\0\0\0") == 0
        assert t.getsockopt(fd, SOL_SOCKET, SO_LINGER, 8) == b"\1\0\0\0\5\0\0\0"
        assert t.getsockopt(fd, SOL_SOCKET, SO_TYPE, 1) == b"\2"
        assert t.getsockopt_int(fd, SOL_SOCKET, 9999) == -errno.ENOPROTOOPT
        assert t.setsockopt(fd, SOL_SOCKET, 9999, 1) == -errno.ENOPROTOOPT
        assert t.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, b"\1") == EINVAL
        assert t.socketcall(14, fd, SOL_SOCKET, SO_BROADCAST, 0x1000, 4) == EFAULT
        assert t.setsockopt(fd, SOL_IP, 9999, 1) == -errno.ENOPROTOOPT
        assert t.setsockopt(fd, SOL_IP, 4, b"\x94\x04\0\0") == 0
        assert t.getsockopt(fd, SOL_IP, 4, 40) == b"\x94\x04\0\0"
        assert t.setsockopt(fd, SOL_IP, 4, b"\x94\x09\0\0") == EINVAL
        assert t.setsockopt(fd, 5, 1, 1) == -errno.ENOPROTOOPT
        t.close(fd)

    bench.run(body)


def test_descriptors_run_out_cleanly(bench):
    def body(t):
        fds = []
        while True:
            fd = t.socket(AF_INET, SOCK_DGRAM)
            if fd < 0:
                break
            fds.append(fd)
        assert fd == -errno.EMFILE and len(fds) > 100
        for fd in fds:
            t.close(fd)
        assert t.net.sockets_used == t.net.sockets_allocated == 0

    bench.run(body)


def test_sendmsg_gathers_and_many_messages_go_at_once(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        parts = [t.mm.map(part) for part in (b"one ", b"", b"two")]
        iov = b"".join(p.to_bytes(8, "little") + n.to_bytes(8, "little") for p, n in zip(parts, (4, 0, 3), strict=True))
        name = t.mm.map(sockaddr("10.0.0.2", 9))
        vector = t.mm.map(iov)
        ttl = t.mm.map((20).to_bytes(8, "little") + (0).to_bytes(4, "little") + (2).to_bytes(4, "little") + b"\5" + bytes(7))
        message = name.to_bytes(8, "little") + (16).to_bytes(8, "little") + vector.to_bytes(8, "little")
        message += (3).to_bytes(8, "little") + ttl.to_bytes(8, "little") + (24).to_bytes(8, "little") + bytes(8)
        assert t.socketcall(16, fd, message, 0) == 7
        frame = t.take()[0]
        assert frame.endswith(b"one two") and frame[22] == 5
        many = bytearray((message + bytes(8)) * 3)
        assert t.socketcall(20, fd, many, 3, 0) == 3
        assert len(t.take()) == 3 and many[56] == many[120] == 7
        assert t.socketcall(16, fd, message[:24] + (5000).to_bytes(8, "little") + message[32:], 0) == -errno.EMSGSIZE
        bad = message[:32] + ttl.to_bytes(8, "little") + (17).to_bytes(8, "little") + bytes(8)
        assert t.socketcall(16, fd, bad, 0) == EINVAL
        for address in [*parts, name, vector, ttl]:
            t.mm.unmap(address)
        t.close(fd)

    bench.run(body)


def test_counters_and_proc_files(bench):
    def body(t):
        t.know("10.0.0.2")
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        t.inject_ip(icmp("10.0.0.2", "10.0.0.1", 8, 0, b"\0\1\0\1"))
        lines = t.read_proc("/proc/net/snmp").splitlines()
        table = {}
        for head, values in zip(lines[::2], lines[1::2], strict=True):
            group, _, names = head.partition(": ")
            assert values.startswith(group + ": ")
            table[group] = dict(zip(names.split(), map(int, values.partition(": ")[2].split()), strict=True))
        assert table["Ip"]["InReceives"] == 1 and table["Ip"]["Forwarding"] == 2 and table["Ip"]["DefaultTTL"] == 64
        assert table["Icmp"]["InEchos"] == table["Icmp"]["OutEchoReps"] == 1
        assert table["IcmpMsg"] == {"InType8": 1, "OutType0": 1}
        assert table["Tcp"]["RtoMin"] == 200
        assert "IpExt:" in t.read_proc("/proc/net/netstat")
        row = t.read_proc("/proc/net/udp").splitlines()[1].split()
        assert row[1] == "0100000A:1388" and row[2] == "00000000:0000" and row[3] == "07"
        assert t.read_proc("/proc/net/sockstat").startswith("sockets: used 1\n")
        for path in ("raw", "icmp", "igmp", "packet", "protocols", "fib_trie", "drops", "arp", "route"):
            t.read_proc("/proc/net/" + path)
        assert t.read_proc("/proc/sys/net/ipv4/tcp_rmem") == "4096\t131072\t6291456\n"
        sysctl = t.kernel.sysctl
        assert sysctl.write("net.ipv4.ip_default_ttl", "300") == EINVAL
        assert sysctl.write("net.ipv4.ip_local_port_range", "40000 40001") == 0
        assert sysctl.write("net.ipv4.ip_local_port_range", "2 1") == EINVAL
        fds = [t.socket(AF_INET, SOCK_DGRAM) for _ in range(3)]
        assert [t.bind(f, "10.0.0.1", 0) for f in fds] == [0, 0, -errno.EADDRINUSE]
        for f in [*fds, fd]:
            t.close(f)

    bench.run(body)


def test_every_counter_exists():
    mib = ipstats()
    for group, names in MIB_GROUPS:
        assert names
        for name in names:
            assert mib.get(group + name) == 0


def test_two_machines_do_not_share_anything():
    seen = []

    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        assert t.bind(fd, "10.0.0.1", 5000) == 0
        seen.append(t.net)
        t.close(fd)

    Bench().run(body)
    Bench(address="10.0.0.1/8").run(body)
    assert seen[0] is not seen[1]
    assert SOCK_STREAM == 1
