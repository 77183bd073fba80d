from hwemu.pci.dma cimport IOMMU


cdef class dma_watch(IOMMU):
    pass
