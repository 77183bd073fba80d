"""The gateway machine's one program, its init: opens /dev/host and serves until the bench says stop."""

from lab.usernet.doorbell import DEVICE
from lab.usernet.gateway import gateway_of
from userland import libc


def main(argv):
    fd = libc.open(DEVICE, libc.O_RDWR)
    if fd < 0:
        libc.perror(DEVICE)
        return 1
    return gateway_of(fd).serve(fd)
