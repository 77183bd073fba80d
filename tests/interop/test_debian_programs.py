"""Debian's own binaries on the emulated CPU, unchanged: nginx on a TAP, redis between two machines, busybox's servers."""

import re
import shutil

import pytest

from hwemu.clock import Clock
from hwemu.wire.link import Link
from lab import guest
from lab.machine import build_machine
from userland import libc

from .conftest import Guest, need, size, wait_until

pytestmark = pytest.mark.interop

NGINX = """daemon off; master_process off; user root; pid /tmp/nginx.pid; error_log /dev/stderr;
events { worker_connections 256; }
http {
    access_log off; client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server { listen 80; root /host; }
}
"""
LEASES = b"start 10.0.0.50\nend 10.0.0.60\ninterface eth0\nlease_file /tmp/leases\nopt subnet 255.255.255.0\n"
BOUND = b"#!/bin/busybox sh\n[ $1 = bound ] && busybox ifconfig $interface $ip netmask $subnet\nexit 0\n"
PAGE = b"a line of the page\n" * 5000


def test_wrk_and_curl_against_nginx_on_a_tap(tap_namespace, tmp_path):
    need("nginx", "wrk", "curl")
    (tmp_path / "nginx.conf").write_text(NGINX)
    (tmp_path / "page").write_bytes(b"x" * 1000)
    machine = Guest(
        tmp_path, "run", "--net", "tap:tap0", "--ip", f"{tap_namespace.guest}/24", "--root", "/", "--share", tmp_path,
        "/usr/sbin/nginx", "-c", "/host/nginx.conf", prefix=tap_namespace.words(),
    )  # fmt: skip
    url = f"http://{tap_namespace.guest}/page"
    try:
        wait_until(
            lambda: not machine.alive()
            or tap_namespace.run("curl", "-sf", "-o", "/dev/null", url, check=False).returncode == 0,
            seconds=60, what="nginx's first answer",
        )  # fmt: skip
        assert machine.alive(), machine.output()
        answer = tap_namespace.run("curl", "-si", url).stdout
        assert answer.startswith("HTTP/1.1 200 OK") and "Server: nginx" in answer and answer.endswith("x" * 1000)
        out = tap_namespace.run("wrk", "-t", "1", "-c", "8", "-d", f"{size(10, 3, 3)}s", "--timeout", "20", url).stdout
        print(out)
        assert "Socket errors" not in out and "Non-2xx" not in out
        assert int(re.search(r"(\d+) requests in", out)[1]) > 10
    finally:
        machine.stop()


# A master and two workers, which share what they know of the clients.
WORKERS = """daemon off; user root; worker_processes 2; pid /tmp/nginx.pid; error_log stderr notice;
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    limit_req_zone $server_port zone=all:64k rate=1r/m;
    server { listen 80; root /tmp; location / { limit_req zone=all burst=2 nodelay; } }
}
"""


def two_machines(files, root):
    """Two booted machines on one wire, 10.0.0.1 and 10.0.0.2, with `files`; with `root` they show the host's system."""
    clock = Clock()
    link = Link(clock, "wire", rate=10**9, delay=1000)
    hosts = [
        build_machine(
            clock, link, name=f"hw{number}", number=number, seed=number,
            cmdline={"init": guest.INIT, "console": "pipe", **({"root": "/"} if root else {})},
            files={guest.INIT: guest.INIT_TEXT, **files},
        )
        for number in range(2)
    ]  # fmt: skip
    for number, host in enumerate(hosts):
        guest.boot(host, f"10.0.0.{number + 1}")
    return hosts


def end(hosts):
    for host in hosts:
        assert host.power_off(0) == 0
        assert host.kernel.leak_report() == []


def execute(*words):
    """A program: run another one to its end; its wait status."""
    return libc.waitpid(start(*words))[1]


def until_it_listens(port):
    """A program: return once 10.0.0.2 takes connections."""
    while True:
        fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
        result = libc.connect(fd, libc.sockaddr_in("10.0.0.2", port))
        libc.close(fd)
        if result == 0:
            return
        libc.usleep(10_000)


def test_redis_cli_talks_to_redis_server_on_another_machine():
    need("redis-server", "redis-cli")
    hosts = two_machines({}, root=True)
    server = guest.spawn(hosts[1], execute, "/usr/bin/redis-server", "--save", "", "--protected-mode", "no")
    guest.run(hosts[0], until_it_listens, 6379)

    def ask(*words):
        before = len(hosts[0].text)
        assert guest.run(hosts[0], execute, "/usr/bin/redis-cli", "-h", "10.0.0.2", *words) == 0
        return hosts[0].text[before:].split()

    assert ask("set", "a", "5") == ["OK"]
    assert ask("incr", "a") == ["6"]
    assert ask("get", "a") == ["6"]
    ask("shutdown", "nosave")
    assert guest.wait(hosts[1], server) == 0
    assert "bye bye" in hosts[1].text
    end(hosts)


def test_nginx_with_a_master_and_workers_that_share_memory():
    need("nginx", "curl")
    hosts = two_machines({"/tmp/nginx.conf": WORKERS.encode(), "/tmp/page": PAGE}, root=True)
    master = guest.spawn(hosts[1], execute, "/usr/sbin/nginx", "-c", "/tmp/nginx.conf")
    guest.run(hosts[0], until_it_listens, 80)

    def fetch():
        before = len(hosts[0].text)
        words = ("-s", "-o", "/tmp/got", "-w", "%{http_code}", "http://10.0.0.2/page")
        assert guest.run(hosts[0], execute, "/usr/bin/curl", *words) == 0
        return hosts[0].text[before:].strip()

    # Whichever worker answers: the zone lets three requests through, and then no more.
    assert [fetch() for _ in range(5)] == ["200", "200", "200", "503", "503"]
    assert hosts[1].kernel.shm.sb.used > 0
    pid = int(guest.run(hosts[1], libc.read_text, "/tmp/nginx.pid"))
    assert guest.run(hosts[1], libc.kill, pid, libc.SIGTERM) == 0
    assert guest.wait(hosts[1], master) == 0
    assert hosts[1].text.count("exited with code 0") == 2
    assert hosts[1].kernel.shm.sb.used == 0
    end(hosts)


BENCHMARK = ("-q", "--csv", "-t", "ping,set,get,incr,lpush,lrange_100,mset")
BENCHMARKED = {"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "LRANGE_100 (first 100 elements)", "MSET (10 keys)"}


def benchmarked(text):
    """{test: requests a second} of redis-benchmark's --csv."""
    rows = [line.split(",") for line in text.splitlines() if line.startswith('"')]
    return {row[0].strip('"'): float(row[1].strip('"')) for row in rows if row[0] != '"test"'}


def test_redis_benchmark_against_redis_server_on_the_machine(tap_namespace, tmp_path):
    need("redis-server", "redis-benchmark")
    machine = Guest(
        tmp_path, "run", "--net", "tap:tap0", "--ip", f"{tap_namespace.guest}/24", "--root", "/", "/usr/bin/redis-server",
        "--save", "", "--protected-mode", "no", prefix=tap_namespace.words(),
    )  # fmt: skip
    try:
        wait_until(lambda: not machine.alive() or "Ready to accept connections" in machine.output(), 60, "redis-server")
        assert machine.alive(), machine.output()
        count = size(5000, 500, 100)
        out = tap_namespace.run(
            "redis-benchmark", "-h", tap_namespace.guest, "-n", count, "-c", "20", "-P", "4", *BENCHMARK, timeout=300
        ).stdout
        rates = benchmarked(out)
        assert set(rates) >= BENCHMARKED - {"LRANGE_100 (first 100 elements)", "MSET (10 keys)"} and min(rates.values()) > 0, out
        asked = tap_namespace.run("redis-cli", "-h", tap_namespace.guest, "get", "counter:__rand_int__").stdout
        assert int(asked.strip().strip('"')) == count
    finally:
        machine.stop()


def test_redis_benchmark_on_the_machine_against_the_real_server(tap_namespace, tmp_path):
    need("redis-server", "redis-benchmark", "redis-cli")
    words = ("redis-server", "--save", "", "--protected-mode", "no", "--bind", tap_namespace.host, "--dir", tmp_path)
    with tap_namespace.background(*words, port=6379):
        count = size(2000, 300, 60)
        machine = Guest(
            tmp_path, "run", "--net", "tap:tap0", "--ip", f"{tap_namespace.guest}/24", "--root", "/", "/usr/bin/redis-benchmark",
            "-h", tap_namespace.host, "-n", str(count), "-c", "10", "-P", "2", *BENCHMARK, prefix=tap_namespace.words(),
        )  # fmt: skip
        try:
            assert machine.wait(300) == 0, machine.output()
        finally:
            machine.stop()
        rates = benchmarked(machine.output())
        assert len(rates) >= 6 and min(rates.values()) > 0, machine.output()
        asked = tap_namespace.run("redis-cli", "-h", tap_namespace.host, "get", "counter:__rand_int__").stdout
        assert int(asked.strip().strip('"')) == count


def start(*words):
    """A program: start another one and leave it; its process ID."""
    return libc.spawn(words[0], list(words), {"PATH": "/bin"})


def stop(pid):
    """A program: end what `start` started."""
    assert libc.kill(pid, libc.SIGKILL) == 0
    libc.waitpid(pid)


def busybox(host, *words):
    """Run an applet to its end on a machine: (exit status, what the console got)."""
    before = len(host.text)
    status = guest.run(host, execute, "/bin/busybox", *words)
    return status >> 8, host.text[before:]


@pytest.fixture
def busybox_machines():
    need("busybox")
    with open(shutil.which("busybox"), "rb") as file:
        program = file.read()
    files = {"/bin/busybox": program, "/etc/leases.conf": LEASES, "/bin/bound": BOUND, "/tmp/page": PAGE}
    hosts = two_machines(files, root=False)
    yield hosts
    end(hosts)


def test_busybox_httpd_and_wget(busybox_machines):
    client, server = busybox_machines
    pid = guest.run(server, start, "/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/tmp")
    guest.run(client, until_it_listens, 80)
    assert busybox(client, "wget", "-q", "-O", "/tmp/got", "http://10.0.0.2/page")[0] == 0
    assert guest.run(client, libc.read_file, "/tmp/got") == PAGE
    status, text = busybox(client, "wget", "-O", "-", "http://10.0.0.2/none")
    assert status == 1 and "404 Not Found" in text
    guest.run(server, stop, pid)


def test_busybox_tftp_against_our_tftpd(busybox_machines):
    client, server = busybox_machines
    pid = guest.run(server, start, "/bin/tftpd", "-c", "/tmp")
    guest.run(server, libc.usleep, 100_000)
    assert busybox(client, "tftp", "-g", "-r", "page", "-l", "/tmp/got", "10.0.0.2")[0] == 0
    assert busybox(client, "tftp", "-p", "-r", "put", "-l", "/tmp/got", "10.0.0.2")[0] == 0
    assert guest.run(server, libc.read_file, "/tmp/put") == PAGE
    guest.run(server, stop, pid)


def test_busybox_udhcpc_against_udhcpd(busybox_machines):
    client, server = busybox_machines
    assert busybox(server, "touch", "/tmp/leases")[0] == 0
    pid = guest.run(server, start, "/bin/busybox", "udhcpd", "-f", "/etc/leases.conf")
    guest.run(server, libc.usleep, 100_000)
    status, text = busybox(client, "udhcpc", "-i", "eth0", "-n", "-q", "-s", "/bin/bound")
    assert status == 0 and re.search(r"lease of 10\.0\.0\.(5\d|60) obtained from 10\.0\.0\.2", text)
    assert re.search(r"inet addr:10\.0\.0\.(5\d|60) ", busybox(client, "ifconfig", "eth0")[1])
    guest.run(server, stop, pid)


def test_busybox_top_reads_what_proc_shows(busybox_machines):
    status, text = busybox(busybox_machines[0], "top", "-b", "-n", "1")
    assert status == 0
    assert re.search(r"CPU: +\d+% usr +\d+% sys +\d+% nic +\d+% idle", text) and "busybox top -b -n 1" in text
