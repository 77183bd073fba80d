"""The machine's memory and a program's address space, under the kernel's own door.

Kernel leaves cimport `RAM` and `AddressSpace` from here, so that only `kernel/arch/` knows where they come from.
"""

from hwemu.mmu import AddressSpace
from hwemu.ram import RAM
from hwemu.x86.library import EngineMissing, library_path
from hwemu.x86.shared import SharedPages
from hwemu.x86.space import FAULT, FLOATS, REGISTERS, SHARED, SYSCALL, UNDEFINED, UNMAPPED, Registers, UserSpace

__all__ = [
    "FAULT",
    "FLOATS",
    "RAM",
    "REGISTERS",
    "SHARED",
    "SYSCALL",
    "UNDEFINED",
    "UNMAPPED",
    "AddressSpace",
    "EngineMissing",
    "Registers",
    "SharedPages",
    "UserSpace",
    "library_path",
]
