"""HWEMU_INTERPRETED=1: pdb stops in the packet path of the very code that ships, and shows how the packet came there."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOM = "kernel/net/ipv4/tcp_ipv4.py"
JOURNEY = ("do_softirq", "e1000_clean_rx_irq", "netif_receive_skb", "ip_rcv", "ip_local_deliver_finish", "tcp_v4_rcv")


def first_statement(function):
    """The line of the first statement of a function of ROOM."""
    text = (ROOT / ROOM).read_text()
    body = text.index("\n", text.index('"""\n', text.index(f"\ndef {function}(")))
    return text.count("\n", 0, body) + 2


def pdb(*commands):
    """The demonstration under pdb with these commands; what is printed."""
    words = [word for command in commands for word in ("-c", command)]
    done = subprocess.run(
        [sys.executable, "-m", "pdb", *words, "-m", "lab.cli", "boot"],
        cwd=ROOT, env={**os.environ, "HWEMU_INTERPRETED": "1"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_breakpoint_in_tcp_v4_rcv_stops_there():
    line = first_statement("tcp_v4_rcv")
    output = pdb(f"break {ROOM}:{line}", "continue", "print(skb.len, 'bytes')", "where", "next", "where", "quit")
    assert f"Breakpoint 1 at {ROOT / ROOM}:{line}" in output
    # The SYN of the demonstration's wget: 20 bytes and 20 of options.
    assert "\n40 bytes\n" in output
    assert re.search(rf"> .*{ROOM}\({line + 1}\)tcp_v4_rcv\(\)", output), output[-3000:]
    places = [output.find(f"){name}()") for name in JOURNEY]
    assert -1 not in places and places == sorted(places)
