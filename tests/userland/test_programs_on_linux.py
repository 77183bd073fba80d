"""libc and the network programs with the host's own kernel under them: Linux judges layouts, curl judges httpd."""

import contextlib
import hashlib
import http.server
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from tests_userland_host_kernel import HostProgram

from userland import libc
from userland.libc import dns
from userland.libc.resolver import ResolverConfig, lookup
from userland.programs import cat, httpd, inetd, nc, ttcp, wget

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not sys.platform.startswith("linux"), reason="translates to x86-64 Linux"
)
BIG = bytes(index * 7 & 0xFF for index in range(1 << 20)) * 3


def on_linux(function):
    """What `function` returns as a program."""
    results = []

    def main(argv):
        results.append(function())
        return 0

    status, output = HostProgram(main, ["test"]).wait()
    assert status == 0 and output == b""
    return results[0]


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_in_both(*distances):
    """A number below the ephemeral ports such that, each of `distances` further, no TCP and no UDP port is in use."""
    for base in range(20000, 32000, 37):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for distance in distances:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind(("0.0.0.0", base + distance))
            return base
    raise AssertionError("no free ports")


def connect(port, seconds=5):
    """A connection to a server that may not listen yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_files(tmp_path):
    path = str(tmp_path / "file")
    umask = os.umask(0o022)
    os.umask(umask)

    def program():
        fd = libc.open(path, libc.O_RDWR | libc.O_CREAT, 0o640)
        assert libc.write(fd, b"abcdefgh") == 8
        assert libc.lseek(fd, 2) == 2
        assert libc.read_bytes(fd, 3) == b"cde"
        assert libc.ftruncate(fd, 5) == 0
        found = libc.fstat(fd)
        assert (found.st_size, found.st_mode) == (5, 0o100640 & ~umask)
        assert libc.close(fd) == 0 and libc.close(fd) == -1 and libc.errno == libc.EBADF
        assert libc.mkdir(path + ".d") == 0 and libc.stat(path + ".d").is_directory()
        assert libc.rename(path, path + ".d/moved") == 0
        names = libc.listdir(path + ".d")
        assert libc.unlink(path + ".d/moved") == 0 and libc.rmdir(path + ".d") == 0
        assert libc.open(path) == -1 and libc.errno == libc.ENOENT
        assert libc.strerror(libc.errno) == "No such file or directory"
        return names

    assert on_linux(program) == ["moved"]


def test_structures_that_the_kernel_fills():
    def program():
        first, second = libc.pipe()
        assert libc.write(second, b"x") == 1
        waiting = [libc.pollfd(first, libc.POLLIN), libc.pollfd(second, libc.POLLIN | libc.POLLOUT), libc.pollfd(-1, 1)]
        assert libc.poll(waiting, 1000) == 2
        assert [entry.revents for entry in waiting] == [libc.POLLIN, libc.POLLOUT, 0]
        readable, writable = libc.fd_set([first]), libc.fd_set([first, second])
        assert libc.select(max(first, second) + 1, readable, writable, None, 1.5) == 2
        assert libc.FD_ISSET(first, readable) and not libc.FD_ISSET(first, writable) and libc.FD_ISSET(second, writable)
        epoll = libc.epoll_create()
        assert libc.epoll_ctl(epoll, libc.EPOLL_CTL_ADD, first, libc.EPOLLIN) == 0
        assert libc.epoll_ctl(epoll, libc.EPOLL_CTL_ADD, second, libc.EPOLLOUT, 1 << 40) == 0
        events = []
        assert libc.epoll_wait(epoll, events, 10, 1000) == 2
        assert sorted(events) == [(first, libc.EPOLLIN), (1 << 40, libc.EPOLLOUT)]
        assert abs(libc.wall_clock() - libc.time()) < 2
        assert libc.nanosleep(1000) == 0
        assert libc.uname()[0] == "Linux" and libc.uptime() > 0
        assert not libc.isatty(first) and libc.errno == libc.ENOTTY
        raw = bytearray(4)
        assert libc.ioctl(first, libc.FIONREAD, raw) == 0 and raw[0] == 1
        assert libc.set_nonblocking(first) == 0
        libc.read_bytes(first, 1)
        assert libc.read_bytes(first, 1) == -1 and libc.errno == libc.EAGAIN
        return libc.getcwd()

    assert on_linux(program) == os.getcwd()


def test_sockets():
    def program():
        server = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
        assert libc.setsockopt(server, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1) == 0
        assert libc.bind(server, libc.sockaddr_in("127.0.0.1", 0)) == 0 and libc.listen(server, 5) == 0
        address = libc.getsockname(server)
        client = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
        assert libc.connect(client, address) == 0
        peer = bytearray(16)
        child = libc.accept4(server, peer, libc.SOCK_NONBLOCK)
        assert bytes(peer) == libc.getsockname(client) and libc.getpeername(client) == address
        assert libc.recv_bytes(child, 10) == -1 and libc.errno == libc.EAGAIN
        assert libc.send(client, b"hello") == 5
        libc.poll([libc.pollfd(child, libc.POLLIN)], 1000)
        assert libc.recv_bytes(child, 3, libc.MSG_PEEK) == b"hel"
        one, two = bytearray(2), bytearray(10)
        message = libc.msghdr([one, two], bytearray(16))
        assert libc.recvmsg(child, message) == 5 and bytes(one) + bytes(two[:3]) == b"hello"
        assert libc.sendmsg(child, libc.msghdr([b"ab", memoryview(b"cde")[1:]])) == 4
        assert libc.recv_bytes(client, 10) == b"abde"
        assert libc.getsockopt_int(client, libc.SOL_SOCKET, libc.SO_TYPE) == libc.SOCK_STREAM
        assert libc.setsockopt(client, libc.SOL_SOCKET, libc.SO_LINGER, libc.linger(1, 0)) == 0
        assert libc.shutdown(child, libc.SHUT_WR) == 0 and libc.recv_bytes(client, 1) == b""
        assert libc.socket(99, 1) == -1 and libc.errno == libc.EAFNOSUPPORT
        left, right = libc.socketpair(libc.AF_UNIX, libc.SOCK_STREAM)
        assert libc.send_all(left, b"x" * 1000) == 0 and len(libc.recv_bytes(right, 2000)) == 1000
        return True

    assert on_linux(program)


def test_control_messages_and_addresses_of_datagrams():
    def program():
        one = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        two = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        assert libc.bind(one, libc.sockaddr_in("127.0.0.1", 0)) == 0
        assert libc.bind(two, libc.sockaddr_in("127.0.0.1", 0)) == 0
        assert libc.setsockopt(two, libc.SOL_IP, libc.IP_RECVTTL, 1) == 0
        assert libc.setsockopt(one, libc.SOL_IP, libc.IP_TTL, 42) == 0
        assert libc.sendto(one, b"data", -1, 0, libc.getsockname(two)) == 4
        message = libc.msghdr([bytearray(2)], bytearray(16), 64)
        assert libc.recvmsg(two, message) == 2
        assert message.flags & libc.MSG_TRUNC and bytes(message.name) == libc.getsockname(one)
        assert libc.sendto(one, b"more", -1, 0, libc.getsockname(two)) == 4
        source = bytearray(16)
        assert libc.recvfrom(two, bytearray(10), -1, 0, source) == 4 and bytes(source) == libc.getsockname(one)
        return message.control

    assert on_linux(program) == [(libc.SOL_IP, libc.IP_TTL, struct.pack("<i", 42))]


# --- httpd ---


@pytest.fixture
def web(tmp_path):
    """(port, directory) of an httpd."""
    (tmp_path / "big.bin").write_bytes(BIG)
    (tmp_path / "page.html").write_text("<p>page</p>")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "with space").mkdir()
    (tmp_path / "with space" / "a&b.txt").write_text("text")
    (tmp_path / "indexed").mkdir()
    (tmp_path / "indexed" / "index.html").write_text("index")
    port = free_port()
    HostProgram(httpd.main, ["httpd", "-p", str(port), str(tmp_path)])
    connect(port).close()
    return port, tmp_path


def exchange(port, raw, seconds=5):
    """What comes back until the server closes or is silent."""
    with connect(port) as sock:
        sock.settimeout(seconds)
        sock.sendall(raw)
        out = b""
        with contextlib.suppress(TimeoutError):
            while chunk := sock.recv(65536):
                out += chunk
        return out


def get(port, path, *fields, method="GET", version="1.1"):
    """(status, headers, body)."""
    lines = [f"{method} {path} HTTP/{version}", "Host: x", "Connection: close", *fields, "", ""]
    head, _, body = exchange(port, "\r\n".join(lines).encode()).partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in rest), body


def test_httpd_serves_files(web):
    port, _ = web
    status, headers, body = get(port, "/big.bin")
    assert (status, headers["Content-Length"], headers["Accept-Ranges"]) == (200, str(len(BIG)), "bytes")
    assert body == BIG
    assert get(port, "/page.html")[1]["Content-Type"] == "text/html; charset=utf-8"
    status, headers, body = get(port, "/big.bin", method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(BIG)), b"")
    assert get(port, "/empty")[2] == b""
    assert get(port, "/indexed/")[2] == b"index"
    assert get(port, "/indexed")[0:1] == (301,)
    assert get(port, "/with%20space/a%26b.txt")[2] == b"text"
    assert b'href="./a&b.txt"' in get(port, "/with%20space/")[2]
    modified = get(port, "/page.html")[1]["Last-Modified"]
    assert get(port, "/page.html", f"If-Modified-Since: {modified}")[0] == 304


@pytest.mark.parametrize(
    ("path", "status"), [("/nosuch", 404), ("/../etc/passwd", 403), ("/%2e%2e/x", 403), ("/page.html/", 404), ("/%zz", 400)]
)
def test_httpd_refuses(web, path, status):
    assert get(web[0], path)[0] == status


def test_httpd_methods_and_versions(web):
    port, _ = web
    status, headers, _ = get(port, "/", method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert get(port, "/", method="BREW")[0] == 501
    assert exchange(port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert exchange(port, b"\x16\x03\x01\x02" * 10 + b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert exchange(port, b"GET / HTTP/1.1\r\nA: " + b"x" * 40000).startswith(b"HTTP/1.1 431 ")
    assert exchange(port, b"GET /page.html HTTP/1.0\r\n\r\n").endswith(b"<p>page</p>")


@pytest.mark.parametrize(
    ("field", "status", "length", "content"),
    [
        ("bytes=0-9", 206, 10, f"bytes 0-9/{len(BIG)}"),
        ("bytes=1000000-", 206, len(BIG) - 1000000, f"bytes 1000000-{len(BIG) - 1}/{len(BIG)}"),
        ("bytes=-5", 206, 5, f"bytes {len(BIG) - 5}-{len(BIG) - 1}/{len(BIG)}"),
        ("bytes=99999999-", 416, None, f"bytes */{len(BIG)}"),
        ("bytes=0-1,3-4", 200, len(BIG), None),
    ],
)
def test_httpd_ranges(web, field, status, length, content):
    got, headers, body = get(web[0], "/big.bin", f"Range: {field}")
    assert (got, headers.get("Content-Range")) == (status, content)
    if length is not None:
        assert len(body) == length


def test_httpd_keeps_connections_and_answers_pipelined_requests(web):
    raw = b"GET /page.html HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + b"GET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    out = exchange(web[0], raw)
    assert out.count(b"<p>page</p>") == 3 and out.count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this host")
def test_httpd_serves_fifty_curls_at_once(web):
    port, _ = web
    digest = hashlib.sha256(BIG).hexdigest()
    command = ["curl", "-s", f"http://127.0.0.1:{port}/big.bin"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(50)]
    for process in running:
        assert hashlib.sha256(process.communicate()[0]).hexdigest() == digest
        assert process.returncode == 0


def test_a_client_that_vanishes_does_no_harm(web):
    port, _ = web
    for _ in range(5):
        with connect(port) as sock:
            sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.recv(10)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert get(port, "/page.html")[0] == 200


# --- wget ---


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cut_once = True

    def do_GET(self):
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(BIG), 100_001):
                piece = BIG[start : start + 100_001]
                self.wfile.write(f"{len(piece):x};a=b\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\nT: x\r\n\r\n")
        elif self.path == "/until-close":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(BIG)
            self.close_connection = True
        elif self.path.startswith("/redirect"):
            self.send_response(302)
            self.send_header("Location", "chunked" if self.path == "/redirect" else "/redirect-loop")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/big":
            first = 0
            if "Range" in self.headers:
                first = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(BIG) - first))
            self.end_headers()
            self.wfile.write(BIG[first : first + 500_000] if self.server.cut else BIG[first:])
            self.close_connection = self.server.cut
            self.server.cut = False
        elif self.path == "/garbage":
            self.wfile.write(b"\0\1\2\3\r\n\r\n")
            self.close_connection = True
        else:
            self.send_error(404)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.cut = False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetch(site, path, *options):
    return HostProgram(wget.main, ["wget", *options, f"http://127.0.0.1:{site.server_port}{path}"]).wait()


@pytest.mark.parametrize("path", ["/big", "/chunked", "/until-close", "/redirect"])
def test_wget_to_standard_output(site, path):
    status, output = fetch(site, path, "-q", "-O", "-")
    assert status == 0 and output == BIG


def test_wget_tells_what_it_does(site, tmp_path):
    status, output = fetch(site, "/big", "-P", str(tmp_path))
    assert status == 0 and (tmp_path / "big").read_bytes() == BIG
    assert b"awaiting response... 200 OK" in output and b"saved [3145728/3145728]" in output


def test_wget_resumes_after_a_cut_and_with_c(site, tmp_path):
    site.cut = True
    assert fetch(site, "/big", "-q", "-O", str(tmp_path / "cut"))[0] == 0
    assert (tmp_path / "cut").read_bytes() == BIG
    (tmp_path / "part").write_bytes(BIG[:1000])
    assert fetch(site, "/big", "-q", "-c", "-O", str(tmp_path / "part"))[0] == 0
    assert (tmp_path / "part").read_bytes() == BIG


@pytest.mark.parametrize(("path", "status"), [("/nosuch", 8), ("/garbage", 8), ("/redirect-loop", 8)])
def test_wget_exit_statuses(site, path, status):
    got, output = fetch(site, path, "-q", "-O", "-")
    assert got == status and output


def test_wget_without_a_server():
    status, output = HostProgram(wget.main, ["wget", "-t", "1", f"http://127.0.0.1:{free_port()}/"]).wait()
    assert status == 4 and b"Connection refused" in output
    assert HostProgram(wget.main, ["wget", "-q", "http://nosuch.invalid./"]).wait(60)[0] == 4


# --- nc, ttcp, inetd, cat ---


def test_nc_sends_and_receives_everything():
    port = free_port()
    server = HostProgram(nc.main, ["nc", "-l", "-p", str(port)], b"answer\n")
    with connect(port) as sock:
        threading.Thread(target=lambda: (sock.sendall(BIG), sock.shutdown(socket.SHUT_WR)), daemon=True).start()
        assert sock.makefile("rb").read() == b"answer\n"
        assert server.wait() == (0, BIG)


def test_nc_as_client_and_its_statuses():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        client = HostProgram(nc.main, ["nc", "127.0.0.1", port], b"question")
        sock, _ = listener.accept()
        with sock:
            assert sock.makefile("rb").read() == b"question"
            sock.sendall(BIG)
        assert client.wait() == (0, BIG)
        status, output = HostProgram(nc.main, ["nc", "-zv", "127.0.0.1", port]).wait()
        assert status == 0 and b"succeeded" in output
    closed = str(free_port())
    status, output = HostProgram(nc.main, ["nc", "-zv", "-w", "2", "127.0.0.1", closed]).wait()
    assert status == 1 and b"refused" in output


def test_nc_over_udp():
    port = free_port(socket.SOCK_DGRAM)
    server = HostProgram(nc.main, ["nc", "-u", "-l", "-w", "1", str(port)], b"pong")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.05)
        sock.connect(("127.0.0.1", port))
        for _ in range(100):
            try:
                sock.send(b"ping")
                assert sock.recv(100) == b"pong"
                break
            except OSError:
                time.sleep(0.02)
    status, output = server.wait()
    assert status == 0 and output.startswith(b"ping")


@pytest.mark.parametrize("extra", [[], ["-R"], ["-u", "-l", "1000"]])
def test_ttcp(extra):
    udp = "-u" in extra
    port = free_port(socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    server = HostProgram(ttcp.main, ["ttcp", "-s", "-1", "-p", str(port), *(["-u"] if udp else [])])
    time.sleep(0.1)
    client = HostProgram(ttcp.main, ["ttcp", "-c", "127.0.0.1", "-p", str(port), "-n", "300k", *extra])
    status, output = client.wait()
    assert status == 0 and b"bits/sec" in output, output
    status, output = server.wait()
    assert status == 0 and b"bits/sec" in output


def test_inetd():
    offset = free_in_both(7, 9, 19)
    HostProgram(inetd.main, ["inetd", "-o", str(offset)])
    with connect(offset + 7) as echo:
        threading.Thread(target=lambda: (echo.sendall(BIG), echo.shutdown(socket.SHUT_WR)), daemon=True).start()
        assert echo.makefile("rb").read() == BIG
    with connect(offset + 9) as discard:
        discard.sendall(BIG)
        discard.shutdown(socket.SHUT_WR)
        assert discard.recv(1) == b""
    with connect(offset + 19) as chargen:
        lines = chargen.makefile("rb").read(1_000_000).split(b"\r\n")
        assert all(len(line) == 72 for line in lines[:-1])
        assert lines[0][1:] == lines[1][:-1] and lines[95] == lines[0] and lines[9500] == lines[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(("127.0.0.1", offset + 7))
        sock.send(b"abc")
        assert sock.recv(10) == b"abc"


def test_cat_copies_standard_input():
    assert HostProgram(cat.main, ["cat"], b"x" * 50000).wait() == (0, b"x" * 50000)


# --- the resolver ---


def test_the_resolver_asks_again_over_tcp_and_ignores_strangers():
    port = free_in_both(0)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    tcp = socket.create_server(("127.0.0.1", port))

    def serve():
        query, peer = udp.recvfrom(512)
        body = query[12:]
        # Another id, another question, noise; then the right one, truncated.
        udp.sendto(bytes([query[0] ^ 1]) + query[1:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + body, peer)
        udp.sendto(query[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + body.replace(b"host", b"evil"), peer)
        udp.sendto(b"noise", peer)
        udp.sendto(query[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + body, peer)
        stream, _ = tcp.accept()
        size = int.from_bytes(stream.recv(2), "big")
        query = stream.recv(size)
        records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + bytes([10, 0, 0, n]) for n in range(100))
        answer = query[:2] + b"\x81\x80\0\1\0\x64\0\0\0\0" + query[12:] + records
        for byte in range(0, len(answer), 700):
            stream.sendall((len(answer).to_bytes(2, "big") if byte == 0 else b"") + answer[byte : byte + 700])
        stream.close()

    threading.Thread(target=serve, daemon=True).start()
    config = ResolverConfig("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")
    config.port = port
    name, addresses, failure = on_linux(lambda: lookup("host.example", dns.TYPE_A, config))
    assert failure is None and name == "host.example" and len(addresses) == 100
    udp.close()
    tcp.close()
