"""Our card for somebody else's machine: a vfio-user server (the specification: docs/interop/vfio-user.rst of QEMU).

`server` listens and takes one client at a time, `connection` carries its messages out, `channel` frames them, `device` is the
card as VFIO shows a PCI device, `memory` is the client's memory as the card's DMA sees it.
"""
