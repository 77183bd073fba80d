"""Throughput where a bridge drops 1 % of the large TCP frames both ways: hwemu beside Linux, the same bridge, one run.

    client namespace (.1) --veth-- bridge namespace (nft drops) --tap0-- hwemu (.2)
                                                               --veth-- Linux in a third namespace (.2)

Prints one line for a reader and one JSON object: {"ours": {"in", "out"}, "linux": {"in", "out"}} in Mbit/s.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.network import GUEST, HERE, HOST, build, hwemu_on_tap, load, namespace, process, sh

RULES = """table bridge lossy {{
  chain forward {{
    type filter hook forward priority 0;
    ip protocol tcp meta length > 600 numgen random mod 1000 < {permille} counter drop
  }}
}}
"""


@contextlib.contextmanager
def lossy_bridge(permille):
    """(bridge namespace, client namespace): what the bridge forwards is thinned by `permille` of large TCP frames."""
    with namespace("hwemu-loss") as bridge, namespace("hwemu-loss-c") as client:
        for line in ("link add br0 type bridge", f"link add v0 type veth peer name c0 netns {client}",
                     "tuntap add dev tap0 mode tap", "link set v0 master br0", "link set tap0 master br0",
                     "link set v0 up", "link set tap0 up", "link set br0 up"):
            sh("ip", "-n", bridge, *line.split())
        sh("ip", "-n", client, "addr", "add", f"{HOST}/24", "dev", "c0")
        sh("ip", "-n", client, "link", "set", "c0", "up")
        # Segments must cross the bridge one by one, or one drop takes 64 KB.
        sh("ip", "netns", "exec", client, "ethtool", "-K", "c0", "tso", "off", "gso", "off", "tx", "off")
        with tempfile.NamedTemporaryFile("w", suffix=".nft") as rules:
            rules.write(RULES.format(permille=permille))
            rules.flush()
            sh("ip", "netns", "exec", bridge, "nft", "-f", rules.name)
        yield bridge, client


@contextlib.contextmanager
def linux_peer(bridge):
    """Linux as the stack under test: a third namespace on the same bridge."""
    with namespace("hwemu-loss-l") as server:
        sh("ip", "-n", bridge, "link", "add", "v1", "type", "veth", "peer", "name", "l0", "netns", server)
        sh("ip", "-n", bridge, "link", "set", "v1", "master", "br0")
        sh("ip", "-n", bridge, "link", "set", "v1", "up")
        sh("ip", "-n", server, "addr", "add", f"{GUEST}/24", "dev", "l0")
        sh("ip", "-n", server, "link", "set", "l0", "up")
        sh("ip", "netns", "exec", server, "ethtool", "-K", "l0", "tso", "off", "gso", "off", "tx", "off")
        with process(["ip", "netns", "exec", server, sys.executable, str(HERE / "linux_services.py")]):
            yield


def both_ways(folder, client, seconds, rounds):
    def median(mode, port):
        return statistics.median(load(folder, client, mode, port, 1, seconds)["mbit"] for _ in range(rounds))

    return {"in": median("send", 9), "out": median("recv", 19)}


def compare(seconds, rounds, permille=10):
    """The medians of both stacks behind the same lossy bridge."""
    with tempfile.TemporaryDirectory() as folder, lossy_bridge(permille) as (bridge, client):
        build(folder)
        with linux_peer(bridge):
            linux = both_ways(folder, client, seconds, rounds)
        sh("ip", "-n", client, "neigh", "flush", "dev", "c0")
        with process(hwemu_on_tap(bridge), ready=2.0, cwd=Path(HERE).parent):
            ours = both_ways(folder, client, seconds, rounds)
    return {"ours": ours, "linux": linux}


def section(options):
    """The `loss` section of `make bench`."""
    result = compare(options.seconds, options.rounds)
    for way in ("in", "out"):
        ours, linux = result["ours"][way], result["linux"][way]
        print(f"1 % loss, TCP {way:3s}: hwemu {ours:9.1f} Mbit/s, Linux {linux:9.1f} Mbit/s, share {ours / linux:.2f}")
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    print(json.dumps(section(parser.parse_args())))
