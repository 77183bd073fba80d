"""`make bench`: hwemu beside the limit of a TAP and beside Linux's own TCP, in one run, as ratios.

Wants root for the network sections (it makes its own namespaces and removes them); without root it runs the
in-process sections and says what it left out.  `--seconds N` bounds each load, `--only NAME` picks sections.
"""

import argparse
import os
import shutil
import sys

from benchmarks import in_process, loss, machine_code, network, python_http, receive_path, served_card

SECTIONS = {
    "tap": network.tap,
    "veth": network.veth,
    "http": python_http.section,
    "loss": loss.section,
    "served": served_card.section,
    "idle": network.idle_connections,
    "boot": in_process.boot_time,
    "hosts": in_process.host_to_host,
    "trip": in_process.round_trip,
    "epoll": in_process.epoll_server,
    "nic": in_process.nic_model,
    "receive": receive_path.section,
    "elf": machine_code.section,
}
NEEDS_ROOT = ("tap", "veth", "http", "loss", "served", "idle")


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each load runs (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each load, of which the median counts (default 3)")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="run only this section (repeatable)")
    options = parser.parse_args()
    wanted = options.only or list(SECTIONS)
    root = os.geteuid() == 0 and shutil.which("ip") is not None and shutil.which("cc") is not None
    for name in wanted:
        if name in NEEDS_ROOT and not root:
            print(f"{name}: left out: needs root, iproute2 and a C compiler")
            continue
        SECTIONS[name](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
