"""C programs for the machine: compiled once for a test run with the host's gcc, and run as the machine's programs."""

import functools
import subprocess
import tempfile
from pathlib import Path

from system import System

from userland import libc

HERE = Path(__file__).resolve().parent


@functools.cache
def folder():
    """Where the compiled programs lie until the test run ends."""
    return tempfile.TemporaryDirectory(prefix="hwemu-elf-")


@functools.cache
def compiled(name, *flags):
    """The ELF file that gcc makes of `name`.c in this folder, as bytes."""
    target = Path(folder().name) / f"{name}-{len(flags)}-{abs(hash(flags))}"
    source = HERE / f"{name}.c"
    subprocess.run(["gcc", "-w", "-O1", *flags, "-o", str(target), str(source)], check=True)
    return target.read_bytes()


def on_the_host(content, *arguments):
    """The same program on the host: its output."""
    target = Path(folder().name) / "on-the-host"
    target.write_bytes(content)
    target.chmod(0o755)
    return subprocess.run([str(target), *arguments], capture_output=True, text=True, check=True).stdout


def run_elf(content, *arguments, files=None, **cmdline):
    """Run a program on a machine of its own: (console output, wait status, the System)."""
    statuses = []

    def init(argv):
        pid = libc.spawn("/bin/prog", ["prog", *arguments], {"HOME": "/root"})
        statuses.append(libc.waitpid(pid)[1] if pid > 0 else -libc.get_errno())
        return 0

    system = System({"/bin/prog": content, **(files or {})}, memory=16 << 20, **cmdline)
    assert system.run(init) == 0
    return system.text, statuses[0], system
