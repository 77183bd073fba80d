"""The user's view of the kernel interface: syscall numbers, constants and structure layouts.

Numbers are those of Linux on i386 (where sockets go through socketcall), structures are laid out as on a
little-endian LP64 machine (x86-64).  The kernel keeps its own copy; a contract test compares the two.
"""
