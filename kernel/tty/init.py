"""The terminals' names in /dev at boot: the serial lines, the console, /dev/tty, and pseudo-terminals below /dev/pts."""

from kernel.fs.devfs import add_device
from kernel.fs.devpts import devpts
from kernel.tty.pty import PTMX_DEVICE, ptmx_operations, pty_table
from kernel.tty.tty_io import console_operations, controlling_device, tty_device, tty_operations
from kernel.uapi.termios import TTYAUX_MAJOR


def tty_init(kernel, devices, device, now, limit):
    """Fill /dev (`devices`) with terminals; returns the file system for /dev/pts, which has the number `device`."""
    operations = tty_operations(kernel)
    consoles = console_operations(kernel)
    kernel.tty_operations = operations
    add_device(devices, "console", tty_device(consoles, kernel.console, controlling=False), TTYAUX_MAJOR, 1)
    add_device(devices, "tty", controlling_device(operations), TTYAUX_MAJOR, 0)
    for tty in (kernel.console, kernel.tty_s1):
        add_device(devices, tty.name.removeprefix("/dev/"), tty_device(operations, tty), tty.device >> 8, tty.device & 0xFF)
    names = devpts(device, now, limit)
    kernel.ptys = pty_table(kernel, operations, names)
    master = ptmx_operations(kernel.ptys)
    add_device(devices, "ptmx", master, PTMX_DEVICE >> 8, PTMX_DEVICE & 0xFF)
    names.add_ptmx(master, PTMX_DEVICE)
    devices.operations.mkdir(devices.root, "pts", 0o755).i_mount = names.root
    return names
