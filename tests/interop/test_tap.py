"""A machine on a TAP, with the real Linux stack and its tools at the other end."""

import base64
import hashlib
import json
import re
import socket
import subprocess
import sys
import time

import pytest

from .conftest import FULL, need, payload, sha256, size, wait_until

pytestmark = pytest.mark.interop

IMPAIRED = "loss=5%,reorder=10%,duplicate=2%,delay=20ms"


def test_flood_ping_loses_nothing(tap_namespace, on_tap):
    on_tap(command="sleep 300")
    count = size(20000, 20000, 2000)
    out = tap_namespace.run("ping", "-f", "-q", "-c", count, tap_namespace.guest, timeout=120).stdout
    assert f"{count} packets transmitted, {count} received, 0% packet loss" in out


def test_fragmented_ping_and_arping(tap_namespace, on_tap):
    need("arping")
    on_tap(command="sleep 300")
    out = tap_namespace.run("ping", "-c", "3", "-s", "8000", tap_namespace.guest).stdout
    assert out.count("8008 bytes from") == 3
    out = tap_namespace.run("arping", "-c", "2", "-I", "tap0", tap_namespace.guest).stdout
    assert out.lower().count("52:54:00") >= 2


def test_curl_to_us_and_wget_from_us(tap_namespace, on_tap, tmp_path):
    need("curl")
    (tmp_path / "file").write_bytes(payload(size(8 << 20, 4 << 20, 300_000)))
    with tap_namespace.background(
        sys.executable, "-m", "http.server", "8000", "--bind", tap_namespace.host, "--directory", tmp_path, port=8000
    ):
        guest = on_tap(
            "--share",
            tmp_path,
            command=f"wget -q -O - http://{tap_namespace.host}:8000/file | sha256sum; httpd -p 80 /host",
        )
        tap_namespace.run(
            "curl",
            "-sS",
            "-f",
            "--retry",
            "20",
            "--retry-connrefused",
            "--retry-delay",
            "1",
            "-o",
            tmp_path / "got",
            f"http://{tap_namespace.guest}/file",
            timeout=120,
        )
        assert sha256(tmp_path / "got") == sha256(tmp_path / "file")
        assert sha256(tmp_path / "file") in guest.output()


def test_nc_udp_both_ways(tap_namespace, on_tap, tmp_path):
    need("nc")
    guest = on_tap(command="nc -v -u -l -p 5000 -w 20")
    wait_until(lambda: "Listening on" in guest.output(), what="our nc")
    with tap_namespace.background("nc", "-u", "-w", "3", tap_namespace.guest, "5000", stdin=subprocess.PIPE) as sender:
        sender.stdin.write(b"to the machine\n")
        sender.stdin.flush()
        wait_until(lambda: "to the machine" in guest.output(), what="the datagram")
        sender.stdin.close()
    guest.stop()
    received = tmp_path / "received"
    words = ("nc", "-u", "-l", tap_namespace.host, "5001")
    with open(received, "wb") as out, tap_namespace.background(*words, port=5001, stdout=out):
        on_tap(command=f"echo from the machine | nc -u -w 1 {tap_namespace.host} 5001; sleep 60")
        wait_until(lambda: b"from the machine" in received.read_bytes(), what="the datagram")


def discard_from_us(space, port, result):
    """A host program in the namespace that accepts one connection and prints length and hash of what came."""
    code = (
        "import socket, hashlib\n"
        f"s = socket.create_server(('{space.host}', {port}))\n"
        "c, _ = s.accept(); h = hashlib.sha256(); n = 0\n"
        "while d := c.recv(1 << 18): h.update(d); n += len(d)\n"
        "print(n, h.hexdigest(), flush=True)\n"
    )
    return space.background(sys.executable, "-c", code, port=port, stdout=result)


def send_to_us(space, port, path):
    code = (
        "import socket, sys, time\n"
        "for i in range(100):\n"
        "    try:\n"
        f"        c = socket.create_connection(('{space.guest}', {port})); break\n"
        "    except OSError:\n"
        "        time.sleep(0.1)\n"
        f"with open('{path}', 'rb') as f: c.sendfile(f)\n"
        "c.shutdown(socket.SHUT_WR)\n"
        "assert c.recv(1) == b''\n"
    )
    return space.run(sys.executable, "-c", code, timeout=600)


def both_ways(space, on_tap, tmp_path, length, *arguments):
    """Move `length` bytes each way over TCP and compare hashes; returns Mbit/s (in, out)."""
    source = tmp_path / "source"
    block = payload(min(length, 1 << 20), seed=length)
    digest = hashlib.sha256()
    with open(source, "wb") as file:
        for _ in range(max(1, length // len(block))):
            file.write(block)
            digest.update(block)
    total = source.stat().st_size
    guest = on_tap("--share", tmp_path, *arguments, command="nc -l -p 6000 | sha256sum")
    started = time.monotonic()
    send_to_us(space, 6000, source)
    assert guest.wait(600) == 0, guest.output()
    inwards = total * 8e-6 / (time.monotonic() - started)
    assert digest.hexdigest() in guest.output(), guest.output()[-500:]
    with open(tmp_path / "result", "wb") as out, discard_from_us(space, 6001, out) as receiver:
        guest = on_tap("--share", tmp_path, *arguments, command=f"sleep 1; nc -N {space.host} 6001 < /host/source")
        started = time.monotonic()
        receiver.wait(600)
        outwards = total * 8e-6 / (time.monotonic() - started)
        guest.wait(60)
    assert (tmp_path / "result").read_text().split() == [str(total), digest.hexdigest()]
    return inwards, outwards


def test_bulk_both_ways_with_the_right_hash(tap_namespace, on_tap, tmp_path):
    both_ways(tap_namespace, on_tap, tmp_path, size(1 << 30, 64 << 20, 2 << 20))


def test_bulk_both_ways_through_an_impaired_wire(tap_namespace, on_tap, tmp_path):
    both_ways(tap_namespace, on_tap, tmp_path, size(64 << 20, 1 << 20, 200_000), "--impair", IMPAIRED)


def test_nothing_malformed_and_no_wrong_checksum_on_the_wire(tap_namespace, on_tap, tmp_path):
    need("tcpdump", "tshark", "nc", "curl")
    capture = tmp_path / "wire.pcap"
    # What the host sends itself has checksums that a real card would fill in: only what we sent is judged.
    with tap_namespace.background("tcpdump", "-i", "tap0", "-U", "-w", capture, "-s", "0", "inbound"):
        time.sleep(1)
        (tmp_path / "file").write_bytes(payload(300_000))
        on_tap("--share", tmp_path, command="httpd -p 80 /host")
        tap_namespace.run("ping", "-c", "2", "-s", "4000", tap_namespace.guest)
        for number in range(3):
            tap_namespace.run(
                "curl",
                "-sS",
                "-f",
                "--retry",
                "10",
                "--retry-connrefused",
                "-o",
                tmp_path / f"got{number}",
                f"http://{tap_namespace.guest}/file",
            )
        tap_namespace.run("curl", "-s", "-m", "2", f"http://{tap_namespace.guest}:81/", check=False)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
            tap_namespace.run("nc", "-u", "-w", "1", tap_namespace.guest, "9999", input="closed\n", check=False)
        time.sleep(1)
    out = tap_namespace.run(
        "tshark",
        "-r",
        capture,
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "ip.src",
        "-e",
        "_ws.malformed",
        "-e",
        "ip.checksum.status",
        "-e",
        "tcp.checksum.status",
        "-e",
        "udp.checksum.status",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
    ).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    ours = [row for row in rows if row[1].split(",")[0] == tap_namespace.guest]
    assert len(ours) > 20
    bad = [row for row in ours if row[2] or any(status.split(",")[0] in ("0", "Bad") for status in row[3:] if status)]
    assert not bad, bad[:10]


def test_tshark_opens_what_our_tcpdump_has_written(tap_namespace, on_tap, tmp_path):
    """Ethernet, both kinds of cooked captures, and the files of a rotation: read and dissected without an error."""
    need("tshark")
    names = ("eth", "any", "v1", "rot", "rot1", "rot2")
    guest = on_tap(
        command="cd /tmp; tcpdump -i eth0 -w eth -c 10 icmp & tcpdump -i any -w any -c 20 icmp &"
        "tcpdump -i any -y LINUX_SLL -w v1 -c 20 icmp & tcpdump -i eth0 -C 1k -w rot -c 24 icmp & sleep 0.3;"
        f"ping -q -c 5 127.0.0.1 -i 0.1; ping -q -c 12 -i 0.1 {tap_namespace.host};"
        "wait; for f in " + " ".join(names) + "; do echo \"=== $f\"; base64 $f; done; echo '=== end'; sleep 60"
    )
    wait_until(lambda: "=== end" in guest.output() or not guest.alive(), 60, "the captures")
    parts = {part.partition("\n")[0]: part.partition("\n")[2] for part in guest.output().split("=== ")[1:]}
    counts = {}
    for name in names:
        (tmp_path / name).write_bytes(base64.b64decode(parts[name]))
        out = tap_namespace.run(
            "tshark", "-r", tmp_path / name, "-T", "fields", "-e", "frame.encap_type", "-e", "icmp.checksum.status",
            "-e", "_ws.malformed", "-e", "sll.ifindex", "-e", "ip.src",
        ).stdout  # fmt: skip
        rows = [line.split("\t") for line in out.splitlines()]
        assert all(row[1] == "1" and row[2] == "" for row in rows), out
        counts[name] = (len(rows), rows[0][0])
        if name == "any":
            assert sorted({(row[3], row[4]) for row in rows}) == sorted(
                [("1", "127.0.0.1"), ("2", tap_namespace.guest), ("2", tap_namespace.host)]
            )
    # Encapsulations of Wireshark: 1 Ethernet, 25 Linux cooked, 210 its second version.
    assert counts["eth"] == (10, "1") and counts["any"] == (20, "210") and counts["v1"] == (20, "25")
    assert sum(counts[name][0] for name in names[3:]) == 24


def test_one_percent_loss_of_large_frames(tmp_path):
    """A bridge drops 1 % of large TCP frames both ways: at least half of what Linux itself gets there."""
    need("ip", "nft", "ethtool", root=True)
    # A share is a matter of the machine's other work, too: it gates where the acceptance sizes are asked for.
    seconds, floor = size(5, 2, 1), 0.5 if FULL else 0.0
    script = [sys.executable, "-m", "benchmarks.loss", "--seconds", str(seconds)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["ours"]["in"] > 0 and result["ours"]["out"] > 0
    assert result["ours"]["in"] >= floor * result["linux"]["in"], result
    assert result["ours"]["out"] >= floor * result["linux"]["out"], result


def test_a_tap_that_can_not_be_had_is_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "lab.cli", "boot", "--net", "tap:this-name-is-far-too-long", "-c", "true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (1, 2) and re.fullmatch(r"hwemu boot: .*\n", done.stderr), (done.returncode, done.stderr)
