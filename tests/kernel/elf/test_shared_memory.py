"""Shared mappings: between processes, of files, by name; what they do is what the host's kernel does."""

import subprocess
from pathlib import Path

import pytest
from programs import compiled, folder, run_elf


def on_the_host(content, *arguments):
    """The same program on the host: its output."""
    target = Path(folder().name) / "on-the-host"
    target.write_bytes(content)
    target.chmod(0o755)
    return subprocess.run([str(target), *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("flags", [(), pytest.param(("-m32",), marks=pytest.mark.interop)])
def test_shared_mappings_are_as_on_linux(flags, tmp_path):
    content = compiled("shared", *flags, "-static", "-pthread")
    text, status, system = run_elf(content, "/tmp")
    assert text.splitlines() == on_the_host(content, str(tmp_path)).splitlines()
    assert status == 0
    assert system.kernel.shm.sb.used == 0
    assert system.kernel.shm.sb.inodes == 1
    assert system.kernel.leak_report() == []
