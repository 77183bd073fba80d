"""The machine's memory and a program's address space, under the kernel's own door.

Kernel leaves cimport `RAM` and `AddressSpace` from here, so that only `kernel/arch/` knows where they come from.
"""

from hwemu.mmu import AddressSpace
from hwemu.ram import RAM

__all__ = ["RAM", "AddressSpace"]
