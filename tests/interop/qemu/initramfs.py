"""The guest's root: busybox, ethtool, two programs of ours, the e1000 and VLAN modules, and an init that starts a shell.

The archive is cpio's "newc" format (Linux: Documentation/driver-api/early-userspace/buffer-format.rst).
"""

import lzma
import stat
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Compiled here, for Debian has no package that does just this.
HELPERS = {"maddr": HERE / "maddr.c", "netload": HERE.parents[2] / "benchmarks/netload.c"}
MODULES = ("llc", "stp", "garp", "mrp", "8021q", "e1000")
FOLDERS = ("bin", "dev", "proc", "sys", "tmp", "etc", "lib", "lib64", "root", "usr", "usr/bin", "usr/share", "usr/share/udhcpc")
LIBRARIES = ("libmnl.so.0", "libm.so.6", "libc.so.6", "ld-linux-x86-64.so.2")
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ip link set lo up
for module in llc stp garp mrp 8021q; do insmod /lib/$module.ko; done
stty -echo -onlcr </dev/ttyS0
echo @@ready >/dev/ttyS0
exec setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'
"""
LEASE = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev $interface
ip addr add $ip/$mask dev $interface
[ -n "$router" ] && ip route add default via $router
"""


def entry(number, name, mode, data=b"", links=1, device=(0, 0)):
    """One member of the archive."""
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(header + encoded) + padded(data)


def padded(data):
    return data + bytes(-len(data) % 4)


def find(root: Path, name: str) -> Path:
    for path in root.rglob(name):
        return path
    raise FileNotFoundError(f"{name} under {root}")


def build(root: Path) -> bytes:
    """The archive, from the unpacked packages under `root`."""
    members = [(folder, stat.S_IFDIR | 0o755, b"") for folder in FOLDERS]
    members.append(("init", stat.S_IFREG | 0o755, INIT.encode()))
    members.append(("usr/share/udhcpc/default.script", stat.S_IFREG | 0o755, LEASE.encode()))
    members.append(("bin/busybox", stat.S_IFREG | 0o755, find(root, "bin/busybox").read_bytes()))
    members.append(("usr/bin/ethtool", stat.S_IFREG | 0o755, find(root, "sbin/ethtool").read_bytes()))
    for library in LIBRARIES:
        folder = "lib64" if library.startswith("ld-") else "lib"
        members.append((f"{folder}/{library}", stat.S_IFREG | 0o755, find(root, library).resolve().read_bytes()))
    for helper, source in HELPERS.items():
        program = root.parent / helper
        subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
        members.append((f"usr/bin/{helper}", stat.S_IFREG | 0o755, program.read_bytes()))
    for module in MODULES:
        data = lzma.decompress(find(root / "usr/lib/modules", f"{module}.ko.xz").read_bytes())
        members.append((f"lib/{module}.ko", stat.S_IFREG | 0o644, data))
    archive = b"".join(entry(number, name, mode, data) for number, (name, mode, data) in enumerate(members, 1))
    return archive + entry(0, "TRAILER!!!", 0)
