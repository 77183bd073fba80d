"""Other people's hardware: a machine whose devices are those of a QEMU process, reached over its qtest protocol.

CPU, clock, timer and console stay ours; registers, configuration cycles and interrupts travel over a socket, and
the RAM of both machines is the same memory, so that QEMU's devices move their data by DMA as ours do.  The kernel
and its drivers cannot tell, but for what QEMU's devices do differently.
"""
