"""The programs' view of the kernel interface and the kernel's own are two copies: they have to agree."""

import importlib
import pkgutil

import pytest

import kernel.uapi
from userland import abi
from userland.abi import errno, fcntl, layout, process, socket, syscall

# Two families of one header's names may share a name: a room with a namesake is compared with that one alone.
KERNEL_ROOMS = tuple(room.name for room in pkgutil.iter_modules(kernel.uapi.__path__))
OWN_ROOMS = tuple(room.name for room in pkgutil.iter_modules(abi.__path__))
NAMESAKES = tuple(room for room in OWN_ROOMS if room in KERNEL_ROOMS)
# select's number has a second name in the kernel's headers.
ALIASES = {"SYS__newselect": "SYS_select"}


@pytest.fixture(scope="module")
def kernel_names():
    names = {}
    for room in KERNEL_ROOMS:
        names.update(vars(importlib.import_module(f"kernel.uapi.{room}")))
    return names


@pytest.mark.parametrize("room", [errno, fcntl, process, socket, syscall], ids=lambda room: room.__name__)
def test_every_shared_number_is_the_same_on_both_sides(room, kernel_names):
    shared = 0
    for name, value in vars(room).items():
        if name.isupper() or name.startswith("SYS_"):
            known = kernel_names.get(ALIASES.get(name, name))
            if isinstance(value, int) and isinstance(known, int):
                shared += 1
                assert value == known, name
    assert shared > 15


@pytest.mark.parametrize("room", NAMESAKES)
def test_a_room_agrees_with_its_namesake(room):
    ours = vars(importlib.import_module(f"userland.abi.{room}"))
    theirs = vars(importlib.import_module(f"kernel.uapi.{room}"))
    shared = [name for name, value in ours.items() if name[0].isupper() and isinstance(value, int) and name in theirs]
    assert len(shared) > 5, shared
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


def test_every_syscall_that_libc_makes_has_a_number_in_the_kernel(kernel_names):
    for name in vars(syscall):
        if name.startswith("SYS_"):
            assert ALIASES.get(name, name) in kernel_names, name


@pytest.mark.parametrize(
    ("structure", "size"),
    [
        ("SOCKADDR_LL", 20), ("IOVEC", 16), ("MSGHDR", 56), ("CMSGHDR", 16), ("POLLFD", 8), ("EPOLL_EVENT", 12),
        ("TIMEVAL", 16), ("TIMESPEC", 16), ("STAT", 144), ("UTSNAME", 390), ("SYSINFO", 112), ("SIGACTION", 32),
        ("TERMIOS", 36), ("WINSIZE", 8), ("SPAWN_ACTION", 16), ("IFREQ_INT", 40), ("IFREQ_ADDR", 40), ("IFCONF", 16),
        ("RTENTRY", 120), ("ARPREQ", 68), ("PACKET_MREQ", 16), ("LINGER", 8), ("SOCK_FPROG", 16),
    ],
)  # fmt: skip
def test_structures_have_the_size_that_they_have_on_x86_64(structure, size):
    assert getattr(layout, structure).size == size
