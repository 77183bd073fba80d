"""The user network with real sockets of the host: TCP both ways, UDP, DNS, DHCP, ICMP, and who may reach what."""

import errno
import fcntl
import hashlib
import socket
import struct
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from kernel.uapi.sockios import SIOCSIFADDR, SIOCSIFFLAGS
from lab import guest
from lab.arguments import Forward
from lab.usernet import dhcp, plan
from lab.usernet.forward import Call
from lab.usernet.icmp import ICMPService, icmp_message
from lab.usernet.tcp import TCPService
from userland import libc

from .conftest import echo, reset

SIZE = 3_000_000
MINUTE = 60_000_000_000


def payload(length):
    return hashlib.shake_256(b"usernet").digest(length)


def run_until(network, condition, seconds=20):
    """Let the network live until the host's side has come so far."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        network.clock.run(network.clock.now + 20_000_000)


# --- what runs on the guest ---


def connect(address, port):
    """The errno of a connection attempt (0: connected), and the descriptor."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    result = libc.connect(fd, libc.sockaddr_in(address, port))
    return (0 if result == 0 else libc.errno), fd


def refused(address, port):
    error, fd = connect(address, port)
    libc.close(fd)
    return error


def receive_all(fd):
    got = bytearray()
    while chunk := libc.recv_bytes(fd, 262144):
        if chunk == -1:
            return -libc.errno
        got += chunk
    return bytes(got)


def exchange(port, data, address=plan.GATEWAY):
    """Send everything in pieces while receiving, half-close, return what came back."""
    error, fd = connect(address, port)
    assert error == 0, libc.strerror(error)
    view = memoryview(data)
    got = bytearray()
    sent = 0
    ended = False
    block = bytearray(262144)
    entry = libc.pollfd(fd, libc.POLLIN)
    while not ended:
        entry.events = libc.POLLIN | (libc.POLLOUT if sent < len(view) else 0)
        libc.poll([entry])
        if entry.revents & libc.POLLOUT and sent < len(view):
            count = libc.send(fd, view[sent : sent + 65536], -1, libc.MSG_DONTWAIT)
            assert count > 0 or libc.errno == libc.EAGAIN
            sent += max(count, 0)
            if sent == len(view):
                libc.shutdown(fd, libc.SHUT_WR)
        if entry.revents & libc.POLLIN:
            count = libc.recv(fd, block)
            assert count >= 0
            got += block[:count]
            ended = count == 0
    libc.close(fd)
    return bytes(got)


def serve_once(port, answer):
    """Accept one connection, read to its end, send `answer`; returns what was read."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", port))
    libc.listen(fd, 5)
    peer = libc.accept(fd)
    got = receive_all(peer)
    libc.send_all(peer, answer)
    libc.close(peer)
    libc.close(fd)
    return got


def datagrams(address, port, messages):
    """Send each message, wait for its answer (or errno); the answers."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
    libc.connect(fd, libc.sockaddr_in(address, port))
    answers = []
    entry = libc.pollfd(fd, libc.POLLIN)
    for message in messages:
        libc.send(fd, message)
        if libc.poll([entry], 3000) == 0:
            answers.append(None)
            continue
        answer = libc.recv_bytes(fd, 65536)
        answers.append(-libc.errno if answer == -1 else answer)
    libc.close(fd)
    return answers


# --- TCP ---


def test_everything_comes_back_from_an_echo(user_network, host_server):
    network = user_network()
    port = host_server(echo).port
    data = payload(SIZE)
    assert guest.run(network.host, exchange, port, data, within=5 * MINUTE) == data


def test_a_refused_connection_is_refused(user_network):
    network = user_network()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert guest.run(network.host, refused, plan.GATEWAY, probe.getsockname()[1]) == libc.ECONNREFUSED


def test_the_hosts_loopback_is_reached_by_the_gateway_alone(user_network, host_server):
    network = user_network()
    port = host_server(echo).port
    assert guest.run(network.host, refused, "127.0.0.1", port) == libc.ECONNREFUSED
    assert guest.run(network.host, refused, "127.0.0.2", port) == libc.ECONNREFUSED
    assert guest.run(network.host, refused, plan.NAME_SERVER, port) == libc.ECONNREFUSED
    assert guest.run(network.host, refused, "240.0.0.1", port) != 0


def test_a_reset_passes(user_network, host_server):
    network = user_network()
    port = host_server(reset).port

    def talk():
        error, fd = connect(plan.GATEWAY, port)
        assert error == 0
        libc.send_all(fd, b"0123456789")
        result = receive_all(fd)
        libc.close(fd)
        return result

    assert guest.run(network.host, talk) == -libc.ECONNRESET


def test_a_guests_reset_passes(user_network, host_server):
    network = user_network()
    seen = []

    def serve(connection):
        try:
            seen.append(connection.recv(10))
        except ConnectionResetError:
            seen.append("reset")

    server = host_server(serve)

    def talk():
        _, fd = connect(plan.GATEWAY, server.port)
        libc.sleep(0.2)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_LINGER, libc.linger(1, 0))
        libc.close(fd)

    guest.run(network.host, talk)
    run_until(network, lambda: seen)
    assert seen == ["reset"]


def test_a_host_that_does_not_read_stops_the_guest(user_network, host_server):
    """Bounded buffers: a sender whose receiver sleeps is held back, and every byte arrives in the end."""
    network = user_network()
    release = threading.Event()
    got = hashlib.sha256()
    total = 40_000_000

    def slow(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        release.wait(30)
        while data := connection.recv(1 << 20):
            got.update(data)

    server = host_server(slow)
    block = payload(1_000_000)

    def send():
        _, fd = connect(plan.GATEWAY, server.port)
        sent = 0
        entry = libc.pollfd(fd, libc.POLLOUT)
        while sent < total:
            if libc.poll([entry], 1000) == 0:
                if release.is_set():
                    continue
                stalled.append(sent)
                release.set()
            start = sent % len(block)
            count = libc.send(fd, memoryview(block)[start:], -1, libc.MSG_DONTWAIT)
            sent += max(count, 0)
        libc.close(fd)

    stalled = []
    guest.run(network.host, send, within=5 * MINUTE)
    assert stalled and stalled[0] < 20_000_000
    run_until(network, lambda: not network.gateway.statistics()["tcp_flows"])
    server.threads[1].join(10)
    assert got.hexdigest() == hashlib.sha256(block * (total // len(block))).hexdigest()


def test_fifty_at_once(user_network, host_server):
    network = user_network()
    port = host_server(echo).port
    processes = [guest.spawn(network.host, exchange, port, bytes((number,)) * 5000) for number in range(50)]
    for number, process in enumerate(processes):
        assert guest.wait(network.host, process, 5 * MINUTE) == bytes((number,)) * 5000
    assert network.gateway.statistics()["tcp_attempts"] == 0


@pytest.fixture
def host_sockets(monkeypatch):
    """`host_sockets(room, kind)`: the host's sockets that lab.usernet's `room` makes are of the class `kind`."""

    def use(room, kind):
        module = SimpleNamespace(**{**vars(socket), "socket": kind})
        monkeypatch.setattr(f"lab.usernet.{room}.socket", module)

    return use


def test_a_syn_repeated_while_the_gateway_begins_to_listen(user_network, host_server, monkeypatch):
    """The guest asks again after a second; the host's connection has just been made and nobody listens yet."""
    listen = TCPService.listen

    def slow(service, place):
        libc.usleep(1_300_000)
        return listen(service, place)

    monkeypatch.setattr(TCPService, "listen", slow)
    network = user_network()
    assert guest.run(network.host, refused, plan.GATEWAY, host_server(echo).port) == 0
    assert network.gateway.host.kernel.net.mib.TcpOutRsts == 0


def test_a_connection_that_is_reset_before_the_gateway_looks_was_made(user_network, host_server, host_sockets):
    gone = threading.Event()

    def serve(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        gone.set()

    class Slow(socket.socket):
        def connect_ex(self, address):
            self.setblocking(True)
            self.connect(address)
            gone.wait(10)
            self.setblocking(False)
            return errno.EINPROGRESS

    host_sockets("tcp", Slow)
    network = user_network()
    port = host_server(serve).port

    def talk():
        error, fd = connect(plan.GATEWAY, port)
        result = receive_all(fd)
        libc.close(fd)
        return error, result

    assert guest.run(network.host, talk) == (0, -libc.ECONNRESET)


def test_a_refusal_beside_a_connection_to_the_same_port(user_network, host_server, host_sockets):
    """The host takes the first and refuses the second while the gateway listens for the first."""
    answers = []

    class Choosy(socket.socket):
        def connect_ex(self, address):
            answers.append(address)
            if len(answers) > 1:
                return errno.ECONNREFUSED
            self.setblocking(True)
            self.connect(address)
            self.setblocking(False)
            return 0

    host_sockets("tcp", Choosy)
    network = user_network()
    port = host_server(echo).port

    def two():
        fds = [libc.socket(libc.AF_INET, libc.SOCK_STREAM | libc.SOCK_NONBLOCK) for _ in range(2)]
        for fd in fds:
            libc.connect(fd, libc.sockaddr_in(plan.GATEWAY, port))
        results = []
        for fd in fds:
            libc.poll([libc.pollfd(fd, libc.POLLOUT)], 5000)
            results.append(libc.socket_error(fd))
        for fd in fds:
            libc.close(fd)
        return results

    assert guest.run(network.host, two) == [0, libc.ECONNREFUSED]


def test_a_host_without_descriptors_makes_the_guest_ask_again(user_network, host_server, host_sockets):
    refusals = [1]

    def make(*arguments):
        if refusals[0]:
            refusals[0] -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return socket.socket(*arguments)

    host_sockets("tcp", make)
    network = user_network()
    assert guest.run(network.host, refused, plan.GATEWAY, host_server(echo).port) == 0
    assert refusals == [0]


def test_a_damaged_syn_opens_nothing(user_network, host_server):
    network = user_network()
    server = host_server(echo)

    def send():
        fd = libc.socket(libc.AF_INET, libc.SOCK_RAW, libc.IPPROTO_TCP)
        syn = struct.pack(">HHIIBBHHH", 1234, server.port, 1, 0, 0x50, 0x02, 8192, 0xDEAD, 0)
        libc.sendto(fd, syn, -1, 0, libc.sockaddr_in(plan.GATEWAY, 0))
        libc.sleep(0.1)
        libc.close(fd)

    guest.run(network.host, send)
    assert network.gateway.host.kernel.net.mib.TcpInCsumErrors == 1
    assert network.gateway.statistics()["tcp_attempts"] == 0 and server.connections == []


# --- forwards ---


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def in_thread(function):
    """Start `function` in a thread; returns a function that waits for its value."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function()), daemon=True)
    thread.start()

    def join():
        thread.join(30)
        return result[0]

    return join


def test_a_forward_brings_a_connection_in(user_network):
    port = free_port()
    network = user_network([Forward("tcp", "127.0.0.1", port, 80)])
    question, answer = payload(400_000), payload(500_000)

    def call():
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(question)
            connection.shutdown(socket.SHUT_WR)
            got = bytearray()
            while data := connection.recv(65536):
                got += data
            return bytes(got)

    # The caller is early: its guest does not listen yet, and is tried again.
    join = in_thread(call)
    network.clock.run(network.clock.now + 300_000_000)
    assert guest.run(network.host, serve_once, 80, answer) == question
    network.clock.run(network.clock.now + 200_000_000)
    assert join() == answer


def test_a_forward_that_worked_passes_refusals_on(user_network):
    port = free_port()
    network = user_network([Forward("tcp", "127.0.0.1", port, 80)])

    def call():
        try:
            with socket.create_connection(("127.0.0.1", port), 20) as connection:
                connection.sendall(b"x")
                connection.shutdown(socket.SHUT_WR)
                return connection.recv(10)
        except OSError as error:
            # A reset that comes before the shutdown shows there.
            return ConnectionResetError if error.errno == errno.ENOTCONN else type(error)

    join = in_thread(call)
    guest.run(network.host, serve_once, 80, b"yes")
    network.clock.run(network.clock.now + 200_000_000)
    assert join() == b"yes"
    join = in_thread(call)
    network.clock.run(network.clock.now + 500_000_000)
    assert issubclass(join(), ConnectionError)


def test_a_caller_from_before_the_first_connection_stays_patient(user_network):
    """Its SYN met a closed port; the refusal comes when another caller has got through already."""
    network = user_network([Forward("tcp", "127.0.0.1", free_port(), 80)])
    forward = network.gateway.engine.sweepers[-1]
    host = socket.socket()
    early = Call(forward, host, network.clock.now)
    forward.calls[early] = None
    forward.proven = True
    forward.failed(early)
    assert early in forward.calls and len(network.gateway.engine.delayed) == 1
    late = Call(forward, socket.socket(), network.clock.now)
    forward.calls[late] = None
    forward.failed(late)
    assert late not in forward.calls and late.host.fileno() == -1


def test_a_forward_waits_for_descriptors(user_network, host_sockets):
    """It does not ask without a pause either."""
    port = free_port()
    refusals = []

    class Listening(socket.socket):
        def accept(self):
            if len(refusals) < 3:
                refusals.append(network.clock.now)
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    host_sockets("forward", Listening)
    network = user_network([Forward("tcp", "127.0.0.1", port, 80)])

    def call():
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(10)

    join = in_thread(call)
    guest.run(network.host, serve_once, 80, b"yes")
    network.clock.run(network.clock.now + 200_000_000)
    assert join() == b"yes"
    assert len(refusals) == 3 and refusals[2] - refusals[0] >= 100_000_000


def test_a_forward_of_datagrams(user_network):
    port = free_port(socket.SOCK_DGRAM)
    network = user_network([Forward("udp", "127.0.0.1", port, 7)])

    def serve():
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        libc.bind(fd, libc.sockaddr_in("0.0.0.0", 7))
        peer = bytearray(16)
        block = bytearray(65536)
        for _ in range(3):
            count = libc.recvfrom(fd, block, -1, 0, peer)
            libc.sendto(fd, memoryview(block)[:count], -1, 0, peer)
        libc.close(fd)

    process = guest.spawn(network.host, serve)
    network.clock.run(network.clock.now + 20_000_000)

    def call():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.settimeout(20)
            caller.connect(("127.0.0.1", port))
            answers = []
            for size in (1, 1000, 8000):
                caller.send(b"u" * size)
                answers.append(len(caller.recv(65536)))
            return answers

    join = in_thread(call)
    guest.wait(network.host, process)
    network.clock.run(network.clock.now + 200_000_000)
    assert join() == [1, 1000, 8000]


# --- UDP, DNS, DHCP, ICMP ---


def test_datagrams_to_the_host(user_network):
    network = user_network()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)

        def serve():
            for _ in range(4):
                data, peer = server.recvfrom(65536)
                server.sendto(data[::-1], peer)

        join = in_thread(serve)
        messages = [b"", b"one", b"2" * 1472, bytes(range(256)) * 30]
        answers = guest.run(network.host, datagrams, plan.GATEWAY, server.getsockname()[1], messages)
        assert answers == [message[::-1] for message in messages]
        join()


def test_a_closed_udp_port_is_reported(user_network):
    network = user_network()
    port = free_port(socket.SOCK_DGRAM)
    assert guest.run(network.host, datagrams, plan.GATEWAY, port, [b"knock"]) == [-libc.ECONNREFUSED]


def test_dns_by_the_hosts_resolver(user_network):
    network = user_network(name_server="")

    query = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\x09localhost\0" + struct.pack(">HH", 1, 1)
    (answer,) = guest.run(network.host, datagrams, plan.NAME_SERVER, 53, [query])
    assert answer[:2] == b"\0\x07" and answer.endswith(socket.inet_aton("127.0.0.1"))


def test_power_off_does_not_wait_for_the_hosts_resolver(user_network, monkeypatch):
    release, asked, answered = threading.Event(), threading.Event(), []

    def lookup(question):
        asked.set()
        release.wait(30)
        answered.append(question)
        return []

    monkeypatch.setattr("lab.usernet.dns.lookup", lookup)
    network = user_network(name_server="")
    query = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\x04slow\0" + struct.pack(">HH", 1, 1)
    guest.spawn(network.host, datagrams, plan.NAME_SERVER, 53, [query])
    run_until(network, asked.is_set)
    network.host.power_off()
    network.gateway.stop()
    try:
        assert network.gateway.host.exit_status == 0 and asked.is_set() and answered == []
    finally:
        release.set()


def test_a_place_that_the_host_can_not_reach_is_forgotten(user_network, host_sockets):
    class Unreachable(socket.socket):
        def connect(self, address):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

    def knock():
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        libc.sendto(fd, b"knock", -1, 0, libc.sockaddr_in("192.0.2.77", 9))
        libc.sleep(0.1)
        libc.close(fd)

    host_sockets("udp", Unreachable)
    network = user_network()
    guest.run(network.host, knock)
    assert network.gateway.host.kernel.net.mib.UdpInDatagrams == 1
    assert network.gateway.udp.places == {}


def test_a_damaged_echo_request_is_not_repaired():
    class Nowhere(ICMPService):
        def begin(self, key):
            raise AssertionError("a session for a damaged request")

    service = Nowhere(None)
    good = icmp_message(8, 0, b"\0\1\0\1payload")
    with pytest.raises(AssertionError):
        service.echo(plan.GATEWAY_NUMBER, 0xC0000201, good)
    service.echo(plan.GATEWAY_NUMBER, 0xC0000201, good[:-1] + b"x")


@pytest.mark.interop
def test_dns_forwarded_to_the_hosts_server(user_network):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind(("127.0.0.153", 53))
        except OSError as error:
            pytest.skip(f"port 53: {error}")
        server.settimeout(20)
        network = user_network(name_server="127.0.0.153")
        join = in_thread(lambda: server.sendto(b"answer", server.recvfrom(512)[1]))
        assert guest.run(network.host, datagrams, plan.NAME_SERVER, 53, [b"question"]) == [b"answer"]
        join()


def test_a_lease(user_network):
    network = user_network()

    def ask():
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BROADCAST, 1)
        libc.bind(fd, libc.sockaddr_in("0.0.0.0", dhcp.CLIENT_PORT))
        mac = b"\x52\x54\x00\x12\x34\x56"
        header = dhcp.HEADER.pack(1, 1, 6, 0, 99, 0, 0x8000, *[bytes(4)] * 4, mac)
        message = header + bytes(192) + dhcp.MAGIC_COOKIE + bytes((53, 1, dhcp.DISCOVER, 255))
        assert libc.sendto(fd, message, -1, 0, libc.sockaddr_in("255.255.255.255", 67)) > 0, libc.strerror(libc.errno)
        entry = libc.pollfd(fd, libc.POLLIN)
        assert libc.poll([entry], 3000) == 1
        answer = libc.recv_bytes(fd, 1500)
        libc.close(fd)
        return answer

    answer = guest.run(network.host, ask)
    assert answer[16:20] == bytes((10, 0, 2, 15)) and struct.unpack_from(">I", answer, 4)[0] == 99


def ping(address):
    """One echo request; the source of the reply, or None within a second."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM, libc.IPPROTO_ICMP)
    if fd < 0:
        return f"socket: {libc.strerror(libc.errno)}"
    message = struct.pack(">BBHHH", 8, 0, 0, 0, 1) + b"hello"
    libc.sendto(fd, message, -1, 0, libc.sockaddr_in(address, 0))
    entry = libc.pollfd(fd, libc.POLLIN)
    answer = None
    if libc.poll([entry], 1000) > 0:
        peer = bytearray(16)
        libc.recvfrom(fd, bytearray(1500), -1, 0, peer)
        answer = libc.sockaddr_in_pair(peer)[0]
    libc.close(fd)
    return answer


def test_the_gateways_addresses_answer_ping(user_network):
    network = user_network()
    assert guest.run(network.host, ping, plan.GATEWAY) == plan.GATEWAY
    assert guest.run(network.host, ping, plan.NAME_SERVER) == plan.NAME_SERVER


def test_an_address_of_the_network_that_nobody_has_is_silent(user_network):
    network = user_network()
    assert guest.run(network.host, ping, "10.0.2.77") is None


OWN = "192.0.2.7"


@pytest.fixture
def pinging_host(network_namespace):
    """The test's namespace, whose lo has the address OWN and which allows ping sockets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        address = socket.AF_INET.to_bytes(2, "little") + bytes(2) + socket.inet_aton(OWN) + bytes(8)
        fcntl.ioctl(control, SIOCSIFADDR, b"lo".ljust(16, b"\0") + address + bytes(8))
        fcntl.ioctl(control, SIOCSIFFLAGS, b"lo".ljust(16, b"\0") + (1).to_bytes(2, "little") + bytes(22))
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")


@pytest.mark.interop
def test_ping_beyond_the_gateway(pinging_host, user_network):
    network = user_network()
    assert guest.run(network.host, ping, OWN) == OWN


@pytest.mark.interop
def test_a_host_without_ping_sockets_is_silent(pinging_host, user_network):
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("1 0")
    network = user_network()
    assert guest.run(network.host, ping, OWN) is None
    assert network.gateway.engine is not None and guest.run(network.host, ping, plan.GATEWAY) == plan.GATEWAY
