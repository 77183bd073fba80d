"""What the sockets of one protocol may take together: tcp_mem (tcp(7)) and udp_mem (udp(7))."""

import pytest
from netbench import SECOND, udp

from kernel.uapi import errno
from kernel.uapi.socket import AF_INET, SOCK_DGRAM, SOCK_STREAM

LOOPBACK = "127.0.0.1"
DONTWAIT = 0x40
EAGAIN = -errno.EAGAIN


def prot(t, name):
    return next(entry.prot for entries in t.net.inetsw.values() for entry in entries if entry.prot.name == name)


def pair(t, port=80):
    listener = t.socket(AF_INET, SOCK_STREAM)
    assert t.bind(listener, LOOPBACK, port) == 0 and t.socketcall(4, listener, 5) == 0
    client = t.socket(AF_INET, SOCK_STREAM)
    assert t.connect(client, LOOPBACK, port) == 0
    server = t.socketcall(5, listener, 0, 0)
    t.close(listener)
    return client, server


def test_the_account_of_datagrams_is_settled(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        for _ in range(10):
            t.inject_ip(udp("10.0.0.2", 4000, "10.0.0.1", 5000, bytes(1000)))
        assert prot(t, "UDP").memory_allocated > 10_000
        assert "UDP: inuse 1 mem " in t.read_proc("/proc/net/sockstat")
        assert "UDP: inuse 1 mem 0" not in t.read_proc("/proc/net/sockstat")
        t.recvfrom(fd)
        t.close(fd)
        assert prot(t, "UDP").memory_allocated == 0

    bench.run(body)


def test_without_memory_datagrams_are_lost(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.bind(fd, "10.0.0.1", 5000)
        datagram = udp("10.0.0.2", 4000, "10.0.0.1", 5000, bytes(1000))
        # Past the first limit each socket still has udp_rmem_min.
        assert t.kernel.sysctl.write("net.ipv4.udp_mem", "0 0 100") == 0
        for _ in range(20):
            t.inject_ip(datagram)
        got = 0
        while t.recvfrom(fd, flags=DONTWAIT) != EAGAIN:
            got += 1
        assert 2 <= got <= 4 and t.net.mib.UdpMemErrors == 20 - got == t.net.mib.UdpInErrors
        assert t.net.mib.UdpRcvbufErrors == 0
        # Past the last one nobody gets anything.
        assert t.kernel.sysctl.write("net.ipv4.udp_mem", "0 0 0") == 0
        t.inject_ip(datagram)
        assert t.recvfrom(fd, flags=DONTWAIT) == EAGAIN
        assert t.kernel.sysctl.read("net.ipv4.udp_mem") == "0\t0\t0"
        t.close(fd)

    bench.run(body)


def test_the_account_of_streams_is_settled(bench):
    def body(t):
        client, server = pair(t)
        for _ in range(50):
            assert t.sendto(client, bytes(3000)) == 3000
        assert prot(t, "TCP").memory_allocated >= 150_000
        got = 0
        while got < 100_000:
            got += len(t.recvfrom(server)[0])
        t.close(server)
        t.close(client)
        t.sleep(1)
        assert prot(t, "TCP").memory_allocated == 0

    bench.run(body)


def test_a_sender_without_memory_waits_for_others(bench):
    def body(t):
        client, server = pair(t)
        assert t.kernel.sysctl.write("net.ipv4.tcp_mem", "0 0 0") == 0
        assert t.sendto(client, b"x", flags=DONTWAIT) == EAGAIN
        assert t.net.mib.TcpExtTCPMemoryPressures == 1

        def relief():
            t.kernel.sysctl.write("net.ipv4.tcp_mem", "1000 2000 3000")

        t.later(SECOND, relief)
        start = t.clock.now
        assert t.sendto(client, b"x") == 1 and SECOND <= t.clock.now - start < 1.3 * SECOND
        assert t.recvfrom(server, 10, 0)[0] == b"x"
        t.close(client)
        t.close(server)

    bench.run(body)


@pytest.mark.parametrize("limits", ["0 0 0", "0 0 40", "10 20 30"])
def test_streams_get_through_a_shortage(bench, limits):
    def body(t):
        pairs = [pair(t, 80 + i) for i in range(4)]
        assert t.kernel.sysctl.write("net.ipv4.tcp_mem", "20 30 40") == 0
        sent = [0] * 4
        received = [b""] * 4
        data = bytes(range(256)) * 400
        for i, (client, _) in enumerate(pairs):
            got = t.sendto(client, data, flags=DONTWAIT)
            sent[i] = max(got, 0)
        assert t.kernel.sysctl.write("net.ipv4.tcp_mem", limits) == 0
        t.sleep(1)
        assert t.kernel.sysctl.write("net.ipv4.tcp_mem", "20 30 40") == 0
        for _ in range(400):
            for i, (client, server) in enumerate(pairs):
                if sent[i] < len(data):
                    sent[i] += max(t.sendto(client, data[sent[i] :], flags=DONTWAIT), 0)
                got = t.recvfrom(server, 65536, DONTWAIT)
                if got != EAGAIN:
                    received[i] += got[0]
            t.sleep(0.3)
            if all(len(stream) == len(data) for stream in received):
                break
        assert received == [data] * 4
        for client, server in pairs:
            t.close(client)
            t.close(server)

    bench.run(body)
