"""The kernel's own numbers of system calls by their names."""

from kernel.uapi import syscall


def call_numbers(table):
    """{number of another table: the kernel's own number} for a table of names."""
    return {number: getattr(syscall, f"SYS_{name}") for number, name in table.items() if hasattr(syscall, f"SYS_{name}")}
