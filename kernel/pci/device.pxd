cdef class pci_dev:
    cdef public object kernel
    cdef public object arch
    cdef public int bus
    cdef public int devfn
    cdef public str name
    cdef public int vendor
    cdef public int device
    cdef public int subsystem_vendor
    cdef public int subsystem_device
    cdef public int class_code
    cdef public int revision
    cdef public int hdr_type
    cdef public int pin
    cdef public int irq
    cdef public list resource
    cdef public object driver
    cdef public object driver_data
    cdef public int enable_cnt
    cdef public object dma_debug
    cdef public long long dma_mappings
    cdef public long long dma_coherent
