"""Drivers and devices find each other: by PCI id, and by nothing else.

The kernel imports no driver.  Every package below `driver` names in `MODULE_DEVICE_TABLE` the (vendor, device) pairs
that it is for and in `MODULE` the module to load; that module's `module_init(kernel)` returns its `pci_driver`.
"""

import importlib
import pkgutil

DRIVER_PACKAGE = "driver"


class module_alias:
    """What one driver package says about itself."""

    def __init__(self, name, module, id_table):
        self.name = name
        self.module = module
        self.id_table = id_table


def read_aliases(package=DRIVER_PACKAGE):
    """The device tables of every driver package, by name in alphabetical order."""
    aliases = []
    for found in sorted(pkgutil.iter_modules(importlib.import_module(package).__path__), key=lambda entry: entry.name):
        description = importlib.import_module(f"{package}.{found.name}")
        table = getattr(description, "MODULE_DEVICE_TABLE", None)
        if table is not None:
            aliases.append(module_alias(found.name, description.MODULE, tuple(table)))
    return aliases


def request_module(kernel, vendor, device, aliases):
    """Load the driver for (vendor, device): its pci_driver, or None.  One that is loaded is not loaded again."""
    for alias in aliases:
        if (vendor, device) in alias.id_table:
            if alias.name not in kernel.pci.drivers:
                kernel.pci.drivers[alias.name] = importlib.import_module(alias.module).module_init(kernel)
            return kernel.pci.drivers[alias.name]
    return None


def pci_bind(kernel, dev, aliases):
    """Find and probe the driver of `dev`; True when it is bound."""
    if dev.driver is not None:
        return True
    driver = request_module(kernel, dev.vendor, dev.device, aliases)
    if driver is None:
        return False
    dev.driver = driver
    err = driver.probe(dev, (dev.vendor, dev.device))
    if err < 0:
        dev.driver = None
        kernel.printk.printk(f"{driver.name} {dev.name}: probe failed with error {err}")
        return False
    return True


def pci_unbind(dev):
    """Take the driver off `dev`."""
    if dev.driver is not None:
        dev.driver.remove(dev)
        dev.driver = None
        dev.driver_data = None
