"""Our `ip` on our kernel against iproute2 on Linux: the same commands, the same words on the terminal.

Left out of the comparison is what no two machines share: hardware addresses, IPv6, and the numbers of queues.
"""

import os
import re
import subprocess
import sys
import uuid

import pytest

from .conftest import ROOT, need

pytestmark = pytest.mark.interop

SETUP = (
    "ip link set lo up",
    "ip link add v0 type veth peer name v1",
    "ip link set v1 up",
    "ip link set dev v0 up mtu 1400",
)
COMMANDS = (
    "ip addr add 10.9.0.1/24 dev v0",
    "ip addr add 10.9.0.1/24 dev v0",
    "ip addr add 10.9.0.5/24 brd + dev v0 label v0:x",
    "ip addr add 10.1.0.1/24 scope link dev v0",
    "ip addr add 10.2.0.1/24 dev v0 noprefixroute",
    "ip addr add 10.3.0.1 peer 10.3.0.2/32 dev v0",
    "ip addr add 10.4.0.1/24 dev v0 metric 77",
    "ip addr add 10.4.0.1/24 dev nosuch",
    "ip addr add 10.4.0.300/24 dev v0",
    "ip addr add 10.4.0.1/24",
    "ip addr del 10.77.0.1/24 dev v0",
    "ip addr replace 10.4.0.9/24 dev v0",
    "ip -4 addr show dev v0",
    "ip -4 -o addr show dev v0",
    "ip -4 -br addr show dev v0",
    "ip -4 addr show dev v0 scope link",
    "ip -4 addr show dev v0 to 10.9.0.0/24 secondary",
    "ip addr show dev nosuch",
    "ip -br link show type veth",
    "ip link set v0 mtu 20",
    "ip link set nosuch up",
    "ip link add x type nosuch",
    "ip link add v0 type veth",
    "ip link del lo",
    "ip link set v0 name lo",
    "ip route add 192.0.2.0/24 via 10.9.0.77",
    "ip route add 192.0.2.0/24 via 10.9.0.78",
    "ip route add 192.0.2.0/24 via 10.9.0.78 metric 100",
    "ip route append 192.0.2.0/24 via 10.9.0.79",
    "ip route replace 192.0.2.0/24 via 10.9.0.80 metric 100",
    "ip route change 198.51.100.0/24 via 10.9.0.80",
    "ip route add default via 10.9.0.254 mtu 1300",
    "ip route add 203.0.114.0/24 via 10.9.0.77 advmss 1000 mtu lock 1200 initcwnd 20 initrwnd 30",
    "ip route add 203.0.114.0/24 via 10.9.0.77 metric 9 advmss lock 70000 initcwnd 20",
    "ip -d route show 203.0.114.0/24",
    "ip -j route show 203.0.114.0/24",
    "ip route add 203.0.115.0/24 via 10.9.0.77 initcwnd lock 5",
    "ip route add 203.0.113.0/24 via 10.9.0.1",
    "ip route add 203.0.113.0/24 via 172.30.0.1",
    "ip route add 203.0.113.0/24 via 172.30.0.1 dev v0 onlink",
    "ip route add 203.0.113.1/24 dev v0",
    "ip route add 203.0.112.0/24",
    "ip route add blackhole 100.64.0.0/10",
    "ip route add unreachable 100.128.0.0/16 metric 5",
    "ip route add prohibit 100.129.0.0/16",
    "ip route add 100.130.0.0/16 dev v0 src 10.9.0.5 proto static scope link",
    "ip route add 100.131.0.0/16 dev v0 src 10.99.0.5",
    "ip route add 100.132.0.0/16 via 10.9.0.3 table 100",
    "ip route show",
    "ip route show table all",
    "ip route show table 100",
    "ip route show table 101",
    "ip route show dev v0 proto kernel",
    "ip route show via 10.9.0.77",
    "ip route show src 10.9.0.5",
    "ip route show root 100.0.0.0/8",
    "ip route show match 192.0.2.5",
    "ip route show exact 192.0.2.0/24",
    "ip route show type blackhole",
    "ip -d route show 192.0.2.0/24",
    "ip route get 192.0.2.1",
    "ip route get 10.9.0.99",
    "ip route get 10.9.0.99 from 10.9.0.5",
    "ip route get 10.9.0.1",
    "ip route get 10.9.0.255",
    "ip route get 100.64.0.1",
    "ip route get 100.129.0.1",
    "ip route del 192.0.2.0/24",
    "ip route del 192.0.2.0/24 via 10.9.0.123",
    "ip route del 8.8.8.8",
    "ip route show 192.0.2.0/24",
    "ip route flush table 100",
    "ip route show table 100",
    "ip rule add from 10.9.0.0/24 table 100 pref 1000",
    "ip rule add from 10.9.0.0/24 table 100 pref 1000",
    "ip rule add to 192.0.2.0/24 iif v0 lookup 200",
    "ip rule add fwmark 0x10/0xff blackhole",
    "ip rule add not from 10.0.0.0/8 table main suppress_prefixlength 0 pref 50",
    "ip rule show",
    "ip rule del pref 1000",
    "ip rule del pref 1000",
    "ip rule del from 172.16.0.0/12",
    "ip rule show",
    "ip neigh add 10.9.0.9 dev v0 lladdr 2:0:0:0:0:9",
    "ip neigh add 10.9.0.9 dev v0 lladdr 2:0:0:0:0:9",
    "ip neigh add 10.9.0.10 dev v0 lladdr 2:0:0:0:0:a nud stale",
    "ip neigh replace 10.9.0.9 dev v0 lladdr 2:0:0:0:0:b nud reachable",
    "ip neigh add 10.9.0.11 dev nosuch lladdr 2:0:0:0:0:a",
    "ip neigh add proxy 10.9.0.50 dev v0",
    "ip -4 neigh show dev v0",
    "ip neigh show proxy",
    "ip neigh show nud stale",
    "ip neigh del 10.9.0.10 dev v0",
    "ip neigh del 10.9.0.10 dev v0",
    "ip -4 neigh show",
    "ip neigh flush dev v0",
    "ip -4 neigh show",
    "ip -j link show dev v1",
    "ip -j route show 192.0.2.0/24",
    "ip -j route get 10.9.0.1",
    "ip -j rule show",
    r"""printf 'route add 198.18.0.0/15 via 10.9.0.77\nlink show nosuch\nroute del 198.18.0.0/15\n' | ip -batch -; echo $?""",
    r"""printf '# all\n\nroute del \\\n 198.18.0.0/15 #x\n"link" set\tdev nosuch up\nfoo\n' | ip -force -b -; echo $?""",
    r"""printf 'link show dev "v1\nroute show\n' | ip -force -batch -; echo $?""",
    r"""printf 'link add d0 type veth peer name d1\nlink set d0 up\naddr add 10.8.0.1/24 dev d0\nlink del d0' | ip -b -""",
    "ip -batch /nosuch; echo $?",
    "ip addr flush dev v0",
    "ip -4 addr show dev v0",
    "ip route show",
    "ip link del v0",
    "ip link show dev v1",
)
MARK = "=== "


def script():
    lines = [f"{command} 2>/dev/null" for command in SETUP]
    for command in COMMANDS:
        # Quotes in the title would end it; of the host's words and ours what goes to both outputs comes in order.
        title = command.replace("'", "").replace("\\", "")
        lines += [f"echo '{MARK}{title}'", f"{{ {command}; }} 2>&1"]
    return "\n".join(lines) + "\n"


def linux():
    name = f"hwemu-ip-{uuid.uuid4().hex[:6]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        return subprocess.run(
            ["ip", "netns", "exec", name, "sh", "-c", script()], capture_output=True, text=True, timeout=60, check=False
        ).stdout
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def ours(tmp_path):
    (tmp_path / "script").write_text(script())
    words = [sys.executable, "-m", "lab.cli", "boot", "--net", "none", "--share", str(tmp_path), "-c", "sh /host/script"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env=dict(os.environ))
    return done.stdout + done.stderr


def sections(text):
    """{command and its number: lines} without what no two machines share."""
    found = {}
    lines = []
    for line in text.splitlines():
        if line.startswith(MARK):
            lines = found.setdefault(f"{len(found)} {line[len(MARK):]}", [])
            continue
        if re.search(r"\b(inet6|fe80:|ff00:)|::1", line) or line.strip().startswith("valid_lft"):
            continue
        line = re.sub(r"(?<=link/ether )[0-9a-f:]{17}|(?<=UP {13})[0-9a-f:]{17}", "MAC", line)
        line = re.sub(r'"address":"[0-9a-f:]{17}"', '"address":"MAC"', line)
        line = re.sub(r"^\d+: (?=[a-z])|\"(ifindex|link_index)\":\d+,|,\"(altnames)\":\[[^]]*\]", "", line)
        line = re.sub(r"@if\d+|link-netns\w* \S+", "", line)
        lines.append(line.replace(" qlen 1000", "").replace(',"txqlen":1000', "").rstrip())
    # Neighbours stand in the order of a table that each kernel mixes in its own way.
    return {command: sorted(lines) if "neigh" in command else lines for command, lines in found.items()}


def test_ip_says_what_iproute2_says(tmp_path):
    need("ip", root=True)
    theirs, found = sections(linux()), sections(ours(tmp_path))
    assert list(found) == list(theirs)
    different = {command: (theirs[command], found[command]) for command in theirs if theirs[command] != found[command]}
    assert different == {}, "\n".join(f"{c}\n  linux {a}\n  ours  {b}" for c, (a, b) in different.items())
