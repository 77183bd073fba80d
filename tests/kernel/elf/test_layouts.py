"""Calls with structures that i386 lays out in its own way: the same program on the host and on the machine, in both ABIs."""

import pytest
from programs import compiled, on_the_host, run_elf


@pytest.mark.parametrize("flags", [(), pytest.param(("-m32",), marks=pytest.mark.interop)])
def test_structures_do_what_they_do_on_linux(flags, tmp_path):
    content = compiled("layouts", *flags, "-static")
    text, status, system = run_elf(content, "/tmp", net="on")
    expected = on_the_host(content, str(tmp_path))
    assert "FAILED" not in expected
    assert text.splitlines() == expected.splitlines()
    assert status == 0
    # The C library does without rseq(2).
    assert set(system.kernel.unknown_calls) <= {334, 386}
