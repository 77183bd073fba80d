"""inotify, as a C program meets it.  `watching.txt` is what the same program printed on Linux 6.18 in a tmpfs."""

from pathlib import Path

import pytest
from programs import compiled, run_elf

AS_ON_LINUX = (Path(__file__).parent / "watching.txt").read_text()


def test_events_are_linuxs():
    text, status, _ = run_elf(compiled("watching", "-static"), "/tmp")
    assert (text, status) == (AS_ON_LINUX, 0)


@pytest.mark.interop
def test_events_are_linuxs_for_i386():
    text, status, _ = run_elf(compiled("watching", "-m32", "-static"), "/tmp")
    assert (text, status) == (AS_ON_LINUX, 0)
