from kernel.arch.io cimport IoMem, readl, writel


cdef class e1000_hw:
    cdef public IoMem hw_addr
    cdef public IoMem io_base
    cdef public object pdev
    cdef public bytes mac_addr
    cdef public int eeprom_words
    cdef public int eeprom_address_bits
    cdef public int phy_addr
    cdef public unsigned int phy_id
    cdef public bint get_link_status
    cdef public bint autoneg
    cdef public int autoneg_advertised
    cdef public int forced_bmcr
    cdef public int fc_requested
    cdef public int fc_current
    cdef public int fc_high_water
    cdef public int fc_low_water


cpdef long long er32(e1000_hw hw, unsigned int reg) except? -1
cpdef ew32(e1000_hw hw, unsigned int reg, unsigned int value)
cpdef ew32_io(e1000_hw hw, unsigned int reg, unsigned int value)
