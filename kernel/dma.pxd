from kernel.net.core.skbuff cimport alloc_page, page as skb_page
from kernel.pci.device cimport pci_dev

cdef class dma_coherent:
    cdef public skb_page page
    cdef public unsigned long long address
    cdef public unsigned int size


cpdef dma_coherent dma_alloc_coherent(pci_dev dev, unsigned int size)
cpdef dma_free_coherent(pci_dev dev, dma_coherent memory)
cpdef unsigned long long dma_map_single(pci_dev dev, unsigned long long address, unsigned int length, int direction) except? 1
cpdef int dma_unmap_single(pci_dev dev, unsigned long long address, unsigned int length, int direction) except -1
cpdef unsigned long long dma_map_page(pci_dev dev, skb_page page, unsigned int offset, unsigned int length, int direction) except? 1
cpdef int dma_unmap_page(pci_dev dev, unsigned long long address, unsigned int length, int direction) except -1
