"""What watches the devices' transfers, under the kernel's own door: DMA debugging subclasses `dma_watch`."""

from hwemu.pci.dma import IOMMU


class dma_watch(IOMMU):
    """Override `allows(device, address, length, write)`; False turns the transfer into a master abort.

    Installed with `Arch.set_iommu`.  `write` is True when the device writes RAM.
    """
