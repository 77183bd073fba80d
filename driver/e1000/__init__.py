"""e1000: the driver of the Intel 82540 gigabit Ethernet controllers.

The kernel reads this table to know which PCI ids the driver is for, and loads `MODULE` when one of them is found.
"""

PCI_VENDOR_ID_INTEL = 0x8086
E1000_DEV_ID_82540EM = 0x100E
E1000_DEV_ID_82540EM_LOM = 0x1015
E1000_DEV_ID_82540EP = 0x1017
E1000_DEV_ID_82540EP_LP = 0x101E

MODULE_DEVICE_TABLE = (
    (PCI_VENDOR_ID_INTEL, E1000_DEV_ID_82540EM),
    (PCI_VENDOR_ID_INTEL, E1000_DEV_ID_82540EM_LOM),
    (PCI_VENDOR_ID_INTEL, E1000_DEV_ID_82540EP),
    (PCI_VENDOR_ID_INTEL, E1000_DEV_ID_82540EP_LP),
)
MODULE = "driver.e1000.e1000_main"
