cimport cython

from hwemu.bus cimport Bus, Region
from kernel.arch.arch cimport Arch

cdef unsigned int U32_MASK


cdef class IoMem:
    cdef public Bus bus
    cdef public unsigned long long phys, base
    cdef public unsigned int size, start
    cdef public Region region

    @cython.locals(region=Region)
    cpdef Region resolve(self, unsigned long long offset, int width)
    @cython.locals(region=Region)
    cpdef long long read(self, unsigned int offset, int width) except? -1
    @cython.locals(region=Region)
    cpdef write(self, unsigned int offset, int width, unsigned int value)


cpdef IoMem ioremap(Arch arch, unsigned long long phys, unsigned int size)
cpdef IoMem ioport_map(Arch arch, unsigned int port, unsigned int size)
cpdef iounmap(IoMem mem)
cpdef long long readb(IoMem mem, unsigned int offset) except? -1
cpdef long long readw(IoMem mem, unsigned int offset) except? -1
cpdef long long readl(IoMem mem, unsigned int offset) except? -1
cpdef writeb(unsigned int value, IoMem mem, unsigned int offset)
cpdef writew(unsigned int value, IoMem mem, unsigned int offset)
cpdef writel(unsigned int value, IoMem mem, unsigned int offset)
cpdef long long inb(Arch arch, unsigned int port) except? -1
cpdef long long inw(Arch arch, unsigned int port) except? -1
cpdef long long inl(Arch arch, unsigned int port) except? -1
cpdef outb(Arch arch, unsigned int value, unsigned int port)
cpdef outw(Arch arch, unsigned int value, unsigned int port)
cpdef outl(Arch arch, unsigned int value, unsigned int port)
