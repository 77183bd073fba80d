cimport cython

from hwemu.bus cimport Bus, Region
from hwemu.interrupt_controller cimport InterruptController
from hwemu.pci.device cimport BaseAddress, PCIDevice
from hwemu.pci.dma cimport IOMMU
from hwemu.ram cimport RAM


cdef class PCIBus:
    cdef public Bus memory, ports
    cdef public InterruptController controller
    cdef public RAM ram
    cdef public IOMMU iommu
    cdef public tuple routing
    cdef public list slots
    @cython.locals(bar=BaseAddress)
    cpdef int plug(self, PCIDevice device, int slot=*) except -1
    @cython.locals(bar=BaseAddress)
    cpdef unplug(self, PCIDevice device)
    cpdef set_iommu(self, IOMMU iommu)
    cpdef PCIDevice at(self, int bus, int devfn)
    @cython.locals(device=PCIDevice)
    cpdef long long config_read(self, int bus, int devfn, int offset, int size) except? -1
    @cython.locals(device=PCIDevice)
    cpdef config_write(self, int bus, int devfn, int offset, int size, unsigned int value)


cdef class ConfigurationPorts(Region):
    cdef public PCIBus bus
    cdef public unsigned int address
