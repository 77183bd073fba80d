"""Shared mappings: between processes, of files, by name; what they do is what the host's kernel does."""

import pytest
from programs import compiled, on_the_host, run_elf


@pytest.mark.parametrize("flags", [(), pytest.param(("-m32",), marks=pytest.mark.interop)])
def test_shared_mappings_are_as_on_linux(flags, tmp_path):
    content = compiled("shared", *flags, "-static", "-pthread")
    text, status, system = run_elf(content, "/tmp")
    assert text.splitlines() == on_the_host(content, str(tmp_path)).splitlines()
    assert status == 0
    assert system.kernel.shm.sb.used == 0
    assert system.kernel.shm.sb.inodes == 1
    assert system.kernel.leak_report() == []
