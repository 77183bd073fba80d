"""Random system calls with random and near-valid arguments: the program may die, the kernel may not oops or leak."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from system import SECOND, System

from hwemu.cpu import current_context, trap
from kernel.uapi.syscall import SYS_exit, SYS_exit_group, SYS_pipe, SYS_reboot
from userland import libc

POINTER = "pointer"
NUMBERS = [nr for nr in range(512) if nr not in (SYS_exit, SYS_exit_group, SYS_reboot)]
ARGUMENT = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([0, -1, 1 << 31, 1 << 32, (1 << 63) - 1, -(1 << 63), 1 << 40, 0x5401, 0x5410, 0o100, 4096]),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.just(POINTER),
)
CALL = st.tuples(st.sampled_from(NUMBERS), st.lists(ARGUMENT, min_size=6, max_size=6))
KNOWN = [3, 4, 5, 6, 7, 10, 11, 12, 13, 19, 27, 33, 37, 38, 39, 40, 41, 42, 54, 55, 57, 63, 78, 83, 85, 93, 103, 114, 116]
KNOWN += [122, 132, 142, 145, 146, 147, 162, 168, 173, 174, 175, 176, 183, 195, 196, 197, 220, 239, 254, 255, 256, 265]
KNOWN += [329, 330, 331, 355, 500, 66]
KNOWN_CALL = st.tuples(st.sampled_from(KNOWN), st.lists(ARGUMENT, min_size=6, max_size=6))
CONTENT = st.sampled_from([bytes(64), b"/tmp/x\0", b"/proc/self/fd\0", b"\xff" * 64, b"../../host\0", b"/dev/null\0" + bytes(64)])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(KNOWN_CALL | CALL, min_size=1, max_size=25), CONTENT)
def test_no_call_harms_the_kernel(calls, content):
    def child(argv):
        space = current_context().address_space
        block = bytearray(content.ljust(256, b"\0"))
        address = space.map(block, True)
        trap(SYS_pipe, address)
        for nr, arguments in calls:
            trap(nr, *(address if argument == POINTER else argument for argument in arguments))

    def init(argv):
        libc.spawn("/bin/child", ["child"], None, [], 0)
        libc.sleep(2)

    system = System({"/bin/child": child})
    system.run(init, until=100 * SECOND)


@pytest.mark.parametrize("nr", KNOWN)
def test_every_known_call_refuses_the_largest_numbers(nr):
    def child(argv):
        for value in (-1, (1 << 63) - 1, -(1 << 63), 1 << 32, (1 << 32) - 1):
            assert isinstance(trap(nr, value, value, value, value, value, value), int)

    def init(argv):
        libc.spawn("/bin/child", ["child"], None, [], 0)
        libc.sleep(2)

    System({"/bin/child": child}).run(init, until=100 * SECOND)
