"""Calls with structures that i386 lays out in its own way: the same program on the host and on the machine, in both ABIs."""

import os

import pytest
from programs import compiled, on_the_host, run_elf

# The machine's programs are the superuser's, and so has to be who runs them on the host.
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(os.geteuid() != 0, reason="runs the machine's programs as root on the host"),
]

# What the C library asks for and does without: rseq by its two numbers, and clone3.
SILENT = {334, 386, 435}


@pytest.mark.parametrize("flags", [(), ("-m32",)])
def test_structures_do_what_they_do_on_linux(flags, tmp_path):
    content = compiled("layouts", *flags, "-static")
    text, status, system = run_elf(content, "/tmp", net="on")
    expected = on_the_host(content, str(tmp_path))
    assert "FAILED" not in expected
    assert text.splitlines() == expected.splitlines()
    assert status == 0
    assert set(system.kernel.unknown_calls) <= SILENT


@pytest.mark.parametrize("flags", [(), ("-m32",)])
def test_timers_priorities_and_ids_are_as_on_linux(flags):
    content = compiled("cputimers", *flags, "-static", "-pthread")
    text, status, system = run_elf(content)
    expected = on_the_host(content)
    assert "FAILED" not in expected
    assert text.splitlines() == expected.splitlines()
    assert status == 0
    assert set(system.kernel.unknown_calls) <= SILENT
    assert system.kernel.leak_report() == []
