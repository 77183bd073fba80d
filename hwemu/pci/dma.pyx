# cython: boundscheck=False, wraparound=False
"""A device as bus master: how it reads and writes the machine's RAM.

A transfer that nobody answers (outside RAM), that the device may not make (bus mastering off) or that the IOMMU
refuses ends in a master abort: it is counted and traced, sets the flag behind bit 13 of the PCI status register,
moves nothing and raises nothing.  A reader then sees all ones, as on the real bus.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcpy


cdef class IOMMU:
    """What stands between the devices and RAM: override `allows` to watch or refuse transfers."""

    cpdef bint allows(self, str device, unsigned long long address, unsigned long long length, bint write) except? -1:
        """False makes the transfer of `length` bytes at `address` a master abort; `write`: the device writes RAM."""
        return True


cdef class DMA:
    """One device's way into RAM.

    `enabled` follows the bus master bit, `master_abort` is the latched status bit, `aborts` counts.
    `ram` is None until the device is plugged in.  Addresses are bus addresses, which equal physical ones.
    """

    def __init__(self, str name, TraceSwitch trace=None):
        self.name = name
        self.trace = trace
        self.ram = None
        self.iommu = None
        self.enabled = False
        self.master_abort = False
        self.aborts = 0

    cdef unsigned char *pointer(
        self, unsigned long long address, unsigned long long length, bint write=False
    ) except? NULL:
        """The host pointer to `length` bytes at `address`; NULL after a master abort.

        For compiled device models: the pointer holds for the transfer at hand, never longer.
        """
        cdef unsigned char *found = NULL
        if self.enabled and self.ram is not None:
            found = self.ram.at(address, length)
            if found is not NULL and self.iommu is not None:
                if not self.iommu.allows(self.name, address, length, write):
                    found = NULL
        if found is NULL:
            self.abort(address, length)
        elif self.trace is not None and self.trace.on:
            self.trace.emit("dma_write" if write else "dma_read", self.name, address, length)
        return found

    cdef int abort(self, unsigned long long address, unsigned long long length) except -1:
        self.aborts += 1
        self.master_abort = True
        if self.trace is not None and self.trace.on:
            self.trace.emit("dma_abort", self.name, address, length)
        return 0

    cpdef bytes read(self, unsigned long long address, unsigned long long length):
        """The `length` bytes at `address`, or None after a master abort."""
        cdef unsigned char *source = self.pointer(address, length, False)
        if source is NULL:
            return None
        return PyBytes_FromStringAndSize(<char *>source, length)

    cpdef bint read_into(self, unsigned long long address, unsigned char[::1] buffer) except? -1:
        """Fill the writable `buffer` from `address`; False after a master abort."""
        cdef unsigned char *source = self.pointer(address, buffer.shape[0], False)
        if source is NULL:
            return False
        if buffer.shape[0]:
            memcpy(&buffer[0], source, buffer.shape[0])
        return True

    cpdef bint write_from(self, unsigned long long address, const unsigned char[::1] data) except? -1:
        """Write all of `data` at `address`; False after a master abort."""
        cdef unsigned char *target = self.pointer(address, data.shape[0], True)
        if target is NULL:
            return False
        if data.shape[0]:
            memcpy(target, &data[0], data.shape[0])
        return True

    cpdef unsigned char read8(self, unsigned long long address) except? 0xFF:
        cdef unsigned char *source = self.pointer(address, 1, False)
        return 0xFF if source is NULL else source[0]

    cpdef unsigned short read16(self, unsigned long long address) except? 0xFFFF:
        cdef unsigned char *source = self.pointer(address, 2, False)
        cdef unsigned short value = 0xFFFF
        if source is not NULL:
            memcpy(&value, source, 2)
        return value

    cpdef unsigned int read32(self, unsigned long long address) except? 0xFFFFFFFF:
        cdef unsigned char *source = self.pointer(address, 4, False)
        cdef unsigned int value = 0xFFFFFFFF
        if source is not NULL:
            memcpy(&value, source, 4)
        return value

    cpdef unsigned long long read64(self, unsigned long long address) except? 0xFFFFFFFFFFFFFFFF:
        cdef unsigned char *source = self.pointer(address, 8, False)
        cdef unsigned long long value = 0xFFFFFFFFFFFFFFFF
        if source is not NULL:
            memcpy(&value, source, 8)
        return value

    cpdef bint write8(self, unsigned long long address, unsigned char value) except? -1:
        cdef unsigned char *target = self.pointer(address, 1, True)
        if target is NULL:
            return False
        target[0] = value
        return True

    cpdef bint write16(self, unsigned long long address, unsigned short value) except? -1:
        cdef unsigned char *target = self.pointer(address, 2, True)
        if target is NULL:
            return False
        memcpy(target, &value, 2)
        return True

    cpdef bint write32(self, unsigned long long address, unsigned int value) except? -1:
        cdef unsigned char *target = self.pointer(address, 4, True)
        if target is NULL:
            return False
        memcpy(target, &value, 4)
        return True

    cpdef bint write64(self, unsigned long long address, unsigned long long value) except? -1:
        cdef unsigned char *target = self.pointer(address, 8, True)
        if target is NULL:
            return False
        memcpy(target, &value, 8)
        return True
