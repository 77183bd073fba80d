"""/proc/net/fib_trie and fib_triestat after the same commands on the host's kernel and on ours: the same text."""

import os
import subprocess
import sys
import uuid

import pytest

from .conftest import ROOT, need

pytestmark = pytest.mark.interop

SHOW = "echo '=== {}'; cat /proc/net/fib_trie /proc/net/fib_triestat\n"
SCRIPT = (
    """ip link add v0 type veth peer name v1; ip link set lo up; ip link set v1 up; ip link set v0 up
ip addr add 10.5.0.1/24 dev v0
"""
    + SHOW.format("one address")
    + """ip route add default via 10.5.0.2; ip route add blackhole 100.64.0.0/10; ip route add 10.5.0.0/25 via 10.5.0.9
ip route add 192.0.2.0/24 via 10.5.0.3 metric 5; ip route add 192.0.2.0/24 via 10.5.0.4 metric 9
ip route add 192.0.2.128/25 via 10.5.0.4 table 100; ip route add unreachable 10.0.0.0/8; ip route add prohibit 10.6.0.0/16
"""
    + SHOW.format("few routes")
    + """for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 40 41 42 80 90 100 200 201
do ip route add 172.16.$i.0/24 via 10.5.0.3; ip route add 198.18.0.$i/32 via 10.5.0.3; done
"""
    + SHOW.format("many routes")
    + "ip rule add from 10.5.0.1 table 100\n"
    + SHOW.format("a rule parts main and local")
    + """for i in 3 7 11 19 23; do ip route add 10.9.$i.0/24 via 10.5.0.3; ip addr add 10.200.$i.1/24 dev v0; done
for i in 60 61 62 63 64; do ip route add 198.51.100.$i/32 via 10.5.0.3; ip route add 203.0.112.$((i*2))/31 via 10.5.0.3; done
"""
    + SHOW.format("more of both")
)


def test_the_trie_is_the_one_that_linux_shows(tmp_path):
    need("ip", root=True)
    (tmp_path / "script").write_text(SCRIPT)
    name = f"hwemu-proc-{uuid.uuid4().hex[:6]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        theirs = subprocess.run(
            ["ip", "netns", "exec", name, "sh", tmp_path / "script"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
    words = [sys.executable, "-m", "lab.cli", "boot", "--net", "none", "--share", str(tmp_path), "-c", "sh /host/script"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env=dict(os.environ))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    theirs, ours = (text.split("=== ")[1:] for text in (theirs, done.stdout))
    assert len(theirs) == 5
    for one, other in zip(theirs, ours, strict=True):
        assert other == one
