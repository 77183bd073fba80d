"""Sessions, job control and hang-ups on pseudo-terminals, as a C program meets them.

`sessions.txt` is what the same program printed on Linux 6.18 (`gcc -static sessions.c && ./a.out`).
"""

from pathlib import Path

import pytest
from programs import compiled, run_elf

AS_ON_LINUX = (Path(__file__).parent / "sessions.txt").read_text()


def test_job_control_is_linuxs():
    text, status, _ = run_elf(compiled("sessions", "-static"))
    assert (text, status) == (AS_ON_LINUX, 0)


@pytest.mark.interop
def test_job_control_is_linuxs_for_i386():
    text, status, _ = run_elf(compiled("sessions", "-m32", "-static"))
    assert (text, status) == (AS_ON_LINUX, 0)
