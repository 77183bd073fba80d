"""Floating-point registers across signal handlers, in frames of both layouts; what comes of it is what Linux does."""

import pytest
from programs import compiled, on_the_host, run_elf


@pytest.mark.parametrize("flags", [(), pytest.param(("-m32",), marks=pytest.mark.interop)])
def test_x87_and_sse_registers_survive_a_handler(flags):
    content = compiled("floats", *flags, "-static", "-msse2", "-fno-math-errno", *(("-mfpmath=387",) if flags else ()))
    text, status, _ = run_elf(content)
    assert text.splitlines() == on_the_host(content).splitlines()
    assert status == 0
