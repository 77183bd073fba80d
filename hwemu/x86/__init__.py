"""The CPU's user mode: programs in x86 machine code, executed by unicorn, which is an extra."""
