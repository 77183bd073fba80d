"""A Linux guest under QEMU, driven over its serial line."""

import json
import os
import re
import select
import subprocess
import time
from pathlib import Path

from .initramfs import HELPERS, build

MEMORY = 512
FINISHED = "@@finished"
BOOT_LIMIT = 90
KERNEL_LINE = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on"


class GuestError(AssertionError):
    """The guest did not do what it was told."""


class Cache:
    """What fetch.sh put into `folder`."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.firmware = self.folder / "qemu/root/usr/share/qemu"
        self.vmlinux = self.folder / "guest/vmlinux"

    @property
    def complete(self):
        return (self.folder / "complete").exists()

    def initramfs(self) -> Path:
        path = self.folder / "guest/initramfs.cpio"
        sources = (Path(__file__).with_name("initramfs.py"), *HELPERS.values())
        if not path.exists() or any(path.stat().st_mtime < source.stat().st_mtime for source in sources):
            path.write_bytes(build(self.folder / "guest/root"))
        return path

    def qemu(self) -> str:
        """The program that starts this QEMU."""
        return str(self.folder / "qemu-system-x86_64")


def vfio_user(socket, **more) -> list[str]:
    """The options that plug in the card served at `socket`."""
    device = {"driver": "vfio-user-pci", "socket": {"path": str(socket), "type": "unix"}, **more}
    return ["-device", json.dumps(device)]


def qemu_e1000(tap, mac="52:54:00:12:34:56") -> list[str]:
    """The options that plug in QEMU's own card, on a TAP."""
    return ["-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no", "-device", f"e1000,netdev=net,mac={mac},romfile="]


class Guest:
    """A running guest; `run(command)` returns what it printed.  `devices` are QEMU's options for the network card.

    `wait_readable(file, seconds)` waits for the guest's output: whoever serves the card in the same process goes on with it.
    `before` are the words of a command that starts QEMU, in a network namespace for example.
    """

    def __init__(self, cache, devices, kernel=True, wait_readable=None, before=()):
        self.wait_readable = wait_readable or (lambda file, seconds: select.select([file], [], [], seconds))
        words = [
            *before, cache.qemu(), "-nodefaults", "-nographic", "-no-user-config", "-no-reboot", "-serial", "stdio", "-smp", "1",
            "-machine", "pc,accel=tcg,memory-backend=ram", "-m", str(MEMORY), "-cpu", "qemu64,+rdrand",
            "-object", f"memory-backend-memfd,id=ram,size={MEMORY}M,share=on", *devices,
        ]  # fmt: skip
        if kernel:
            words += ["-kernel", str(cache.vmlinux), "-initrd", str(cache.initramfs()), "-append", KERNEL_LINE]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""
        self.seen = 0

    def boot(self):
        """Wait for the shell."""
        self.wait(r"@@ready\n", BOOT_LIMIT)
        self.run("PS1=; PATH=/bin:/usr/bin; true")
        return self

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, pattern, within=30):
        """Read until `pattern` (a regular expression) has come; returns the match."""
        deadline = time.monotonic() + within
        while True:
            found = re.compile(pattern).search(self.text, self.seen)
            if found:
                self.seen = found.end()
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise GuestError(f"no {pattern!r} within {within} s; the guest said:\n{self.text[-3000:]}")
            self.wait_readable(self.process.stdout, left)
            data = self.process.stdout.read()
            if data == b"":
                raise GuestError(f"QEMU has ended ({self.process.wait()}); it said:\n{self.text[-3000:]}")
            self.text += (data or b"").decode("utf-8", "replace").replace("\r", "")

    def run(self, command, within=30, check=True):
        """What `command` printed; GuestError when it fails, unless `check` is False."""
        start = self.seen
        self.send(f"{command}; echo {FINISHED[:2]}''{FINISHED[2:]} $?")
        found = self.wait(rf"{FINISHED} (\d+)\n", within)
        output = self.text[start : found.start()]
        if check and found[1] != "0":
            raise GuestError(f"{command}: status {found[1]}\n{output}")
        return output

    def start(self, command):
        """Begin `command` in the background."""
        self.run(f"{{ {command}; }} >/tmp/background 2>&1 & true")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
