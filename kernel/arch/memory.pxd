from hwemu.mmu cimport AddressSpace
from hwemu.ram cimport RAM
