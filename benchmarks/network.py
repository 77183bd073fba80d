"""Loads from the host's own sockets, over a TAP or a veth pair in namespaces that are made for the run."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST, GUEST = "10.77.64.1", "10.77.64.2"
LOADS = {
    # name: (netload mode, port, size, what is counted)
    "TCP in, Mbit/s": ("send", 9, 1, "mbit"),
    "TCP out, Mbit/s": ("recv", 19, 1, "mbit"),
    "TCP 1 byte request/response, /s": ("rr", 7, 1, "per_s"),
    "TCP connections, /s": ("conn", 7, 1, "per_s"),
    "UDP 64 byte request/response, /s": ("udp", 7, 64, "per_s"),
    "UDP 64 byte datagrams, each way /s": ("burst", 7, 64, "per_s"),
}
SERVICES = "inetd"
TAP = ("tuntap add dev tap0 mode tap", f"addr add {HOST}/24 dev tap0", "link set tap0 up")


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def build(folder):
    """Compile the load generator and the limit into `folder`."""
    for name in ("netload", "fakehost"):
        sh("cc", "-O2", "-o", f"{folder}/{name}", str(HERE / f"{name}.c"))


@contextlib.contextmanager
def namespace(name, *setup):
    """A network namespace of our own, `name` and our process id, with loopback up; removed at the end whatever happens."""
    name = f"{name}-{os.getpid()}"
    sh("ip", "netns", "add", name)
    try:
        sh("ip", "-n", name, "link", "set", "lo", "up")
        sh(
            "ip",
            "netns",
            "exec",
            name,
            "sysctl",
            "-qw",
            "net.ipv4.ip_local_port_range=2048 65000",
            "net.ipv4.tcp_tw_reuse=1",
            # Without timestamps a port in TIME-WAIT is taken: a fast peer would use them all up within seconds.
            "net.ipv4.tcp_max_tw_buckets=2000",
            "net.ipv4.tcp_no_metrics_save=1",
            "net.ipv6.conf.all.disable_ipv6=1",
            check=False,
        )
        for line in setup:
            sh("ip", "-n", name, *line.split())
        yield name
    finally:
        sh("ip", "netns", "del", name)


@contextlib.contextmanager
def process(words, ready=1.0, **options):
    """A process of our own for the time of the block."""
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    try:
        time.sleep(ready)
        if child.poll() is not None:
            raise RuntimeError(f"{' '.join(words)}: {child.stderr.read().decode()[-500:]}")
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def hwemu_on_tap(space):
    """The command that boots the machine with the services on the namespace's TAP."""
    return [
        "ip",
        "netns",
        "exec",
        space,
        sys.executable,
        "-m",
        "lab.cli",
        "boot",
        "--net",
        "tap:tap0",
        "--ip",
        f"{GUEST}/24",
        "--gateway",
        HOST,
        "-c",
        SERVICES,
    ]


def load(folder, space, mode, port, size, seconds):
    words = ["ip", "netns", "exec", space, f"{folder}/netload", mode, GUEST, str(port), str(seconds), str(size)]
    run = subprocess.run(words, check=False, capture_output=True, text=True, timeout=seconds * 4 + 20)
    if run.returncode:
        raise RuntimeError(run.stderr.strip())
    return json.loads(run.stdout)


def measure(folder, space, options, loads=LOADS):
    """{load: median over the rounds}, or nan where the load failed."""
    results = {}
    for name, (mode, port, size, key) in loads.items():
        values = []
        for _ in range(options.rounds):
            try:
                values.append(load(folder, space, mode, port, size, options.seconds)[key])
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"  {name}: {error}")
        results[name] = statistics.median(values) if values else float("nan")
    return results


def ping_us(space):
    run = sh("ip", "netns", "exec", space, "ping", "-q", "-f", "-c", "1000", GUEST, check=False)
    line = next((line for line in run.stdout.splitlines() if line.startswith("rtt")), None)
    return float(line.split("=")[1].split("/")[1]) * 1000 if line else float("nan")


def tap(options):
    """hwemu on a plain TAP as a share of the limit of the same TAP."""
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        with namespace("hwemu-bench", *TAP) as space:
            with process(["ip", "netns", "exec", space, f"{folder}/fakehost", "tap0", GUEST]):
                limit = measure(folder, space, options)
                limit["ping, us"] = ping_us(space)
            with process(hwemu_on_tap(space), ready=2.0, cwd=HERE.parent):
                ours = measure(folder, space, options)
                ours["ping, us"] = ping_us(space)
    print("plain TAP                              hwemu        limit   share of the limit")
    for name, value in ours.items():
        other = limit.get(name)
        share = f"{value / other:8.2f}" if other else "       -"
        print(f"  {name:34s} {value:10.1f} {other or float('nan'):12.1f}   {share}")


def veth(options):
    """What Linux's own TCP does between two namespaces, for scale."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        build(folder)
        server = stack.enter_context(namespace("hwemu-bench-b"))
        client = stack.enter_context(
            namespace(
                "hwemu-bench-a",
                f"link add v0 type veth peer name v1 netns {server}",
                f"addr add {HOST}/24 dev v0",
                "link set v0 up",
            )
        )
        sh("ip", "-n", server, "addr", "add", f"{GUEST}/24", "dev", "v1")
        sh("ip", "-n", server, "link", "set", "v1", "up")
        stack.enter_context(process(["ip", "netns", "exec", server, sys.executable, str(HERE / "linux_services.py")]))
        results = measure(folder, client, options)
    print("Linux to Linux over veth (all offloads)")
    for name, value in results.items():
        print(f"  {name:34s} {value:10.1f}")


def resident_kib(pid):
    """Resident memory of a process and its children, in KiB."""
    total = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            total += int(line.split()[1])
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        total += resident_kib(int(child))
    return total


def idle_connections(options):
    """Host memory for each idle connection, over 1,000 of them."""
    count = 1000
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        with (
            namespace("hwemu-bench", *TAP) as space,
            process(hwemu_on_tap(space), ready=2.0, cwd=HERE.parent) as machine,
        ):
            load(folder, space, "rr", 7, 1, 0.5)
            before = resident_kib(machine.pid)
            words = ["ip", "netns", "exec", space, f"{folder}/netload", "idle", GUEST, "7", "0", str(count)]
            with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
                opened = json.loads(holder.stdout.readline())["open"]
                time.sleep(0.5)
                after = resident_kib(machine.pid)
                holder.stdin.close()
                holder.wait(20)
    print(f"memory per idle connection: {(after - before) / opened:.2f} KiB over {opened} connections")
