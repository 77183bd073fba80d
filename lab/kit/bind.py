"""A driver bound with the whole kernel around it: a booted host with the kit at its card."""

from kernel.pci.driver import pci_unbind
from lab import guest
from lab.errors import LabError
from lab.kit.kit import Kit

INTERFACE = "eth0"


def bind_driver(kernel, module_init):
    """Give the first card of `kernel` that `module_init(kernel)` is a driver for to that driver; runs on the machine."""
    driver = module_init(kernel)
    for dev in kernel.pci.devices:
        if (dev.vendor, dev.device) in driver.id_table:
            pci_unbind(dev)
            dev.driver = driver
            err = driver.probe(dev, (dev.vendor, dev.device))
            if err:
                dev.driver = None
                raise LabError(f"{driver.name} {dev.name}: probe failed with error {err}")
            return dev
    raise LabError(f"{driver.name}: there is no card that it is for")


def attach(host, address="", wire=None, end=None, driver=None, seed=0):
    """Put the kit between a booted host's kernel and its card, bind `driver` (None: leave what there is), open eth0.

    The interface must not have been opened before: what is mapped already would count as unmapped.  Returns the `Kit`.
    """
    kit = Kit(host.clock, host.machine, host.nic, wire, end, seed).attach_kernel(host.kernel)
    if driver is not None:
        guest.run(host, bind_driver, host.kernel, driver)
    if address:
        guest.run(host, guest.configure, INTERFACE, address, 24)
    return kit
