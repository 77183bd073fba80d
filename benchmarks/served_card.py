"""A Linux guest's TCP through our card by vfio-user, beside the same guest's through QEMU's own e1000."""

import contextlib
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.network import HERE, HOST, TAP, namespace, process
from tests.interop.qemu.guest import Cache, Guest, GuestError, qemu_e1000, vfio_user

ROOT = HERE.parent
FOLDER = Path(os.environ.get("HWEMU_INTEROP", ROOT / "build/interop"))
GUEST = "10.77.64.2"
# Linux's default. BBR paces by what it guesses of the path, and what it guesses of one card changes from run to run.
CONGESTION = "cubic"
LOADS = {
    # name: (netload mode, port, size, what is counted)
    "guest sends, Mbit/s": ("send", 9, 1, "mbit"),
    "guest receives, Mbit/s": ("recv", 19, 1, "mbit"),
    "1 byte request/response, /s": ("rr", 7, 1, "per_s"),
}


def measure(guest, options):
    """{load: median over the rounds} of a booted guest."""
    guest.run("insmod /lib/e1000.ko && ip link set eth0 up")
    guest.run(f"ip addr add {GUEST}/24 dev eth0; for i in 1 2 3 4 5 6 7 8 9; do ping -c 1 -W 1 {HOST} && break; done")
    results = {}
    for name, (mode, port, size, key) in LOADS.items():
        values = []
        for _ in range(options.rounds):
            said = guest.run(f"netload {mode} {HOST} {port} {options.seconds} {size}", within=options.seconds * 4 + 20)
            values.append(json.loads(said[said.index("{") : said.index("}") + 1])[key])
        results[name] = statistics.median(values)
    return results


@contextlib.contextmanager
def booted(space, cache, devices):
    guest = Guest(cache, devices, before=["ip", "netns", "exec", space])
    try:
        yield guest.boot()
    finally:
        guest.stop()


def section(options):
    """Both cards in turn, on the same TAP with the host's own TCP behind it."""
    cache = Cache(FOLDER)
    if not cache.complete:
        print(f"served card: left out: no QEMU with vfio-user in {FOLDER} (make interop fetches it)")
        return
    results = {}
    with tempfile.TemporaryDirectory() as folder, namespace("hwemu-bench", *TAP) as space:
        inside = ["ip", "netns", "exec", space]
        socket = f"{folder}/nic.sock"
        served = [*inside, sys.executable, "-m", "lab.cli", "serve-nic", "--vfio-user", socket, "--net", "tap:tap0"]
        with process([*inside, sys.executable, str(HERE / "linux_services.py"), CONGESTION]):
            try:
                with process(served, ready=2.0, cwd=ROOT), booted(space, cache, vfio_user(socket)) as guest:
                    results["ours"] = measure(guest, options)
                with booted(space, cache, qemu_e1000("tap0")) as guest:
                    results["qemu"] = measure(guest, options)
            except GuestError as error:
                print(f"served card: {error}")
                return
    print("Linux guest under TCG                 our card   QEMU e1000   ratio")
    for name in LOADS:
        ours, theirs = results["ours"][name], results["qemu"][name]
        print(f"  {name:34s} {ours:10.1f} {theirs:10.1f}   {ours / theirs:5.2f}")
