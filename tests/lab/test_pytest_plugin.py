"""The fixtures of the bench's pytest plugin."""

from lab import guest
from userland import libc

BROADCAST = b"\xff" * 6


def test_nic_on_test_wire(nic_on_test_wire):
    bench = nic_on_test_wire
    assert bench.end.carrier_up and bench.nic.port.wire is not None
    bench.end.inject(BROADCAST + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes(46))
    bench.clock.run(1_000_000)
    assert bench.end.frames == []  # receiver and transmitter are off after reset


def test_machine(machine):
    assert guest.run(machine, libc.getpid) > 1


def echo_once(port):
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", port))
    libc.listen(fd, 1)
    peer = libc.accept(fd)
    while data := libc.recv_bytes(peer, 65536):
        libc.send_all(peer, data)
    libc.close(peer)
    libc.close(fd)


def send_and_receive(address, port, data):
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    assert libc.connect(fd, libc.sockaddr_in(address, port)) == 0, libc.strerror(libc.errno)
    assert libc.send_all(fd, data) == 0
    libc.shutdown(fd, libc.SHUT_WR)
    got = bytearray()
    while chunk := libc.recv_bytes(fd, 65536):
        got += chunk
    libc.close(fd)
    return bytes(got)


def test_two_hosts_talk(two_hosts):
    server = guest.spawn(two_hosts.second, echo_once, 7)
    data = bytes(range(256)) * 64
    assert guest.run(two_hosts.first, send_and_receive, two_hosts.addresses[1], 7, data) == data
    guest.wait(two_hosts.second, server)


def test_two_hosts_talk_over_a_bad_wire(two_hosts):
    two_hosts.impair("loss=10%,reorder=10%,duplicate=5%,delay=5ms")
    server = guest.spawn(two_hosts.second, echo_once, 7)
    data = bytes(range(256)) * 256
    assert guest.run(two_hosts.first, send_and_receive, two_hosts.addresses[1], 7, data, within=600 * 10**9) == data
    guest.wait(two_hosts.second, server, within=600 * 10**9)
