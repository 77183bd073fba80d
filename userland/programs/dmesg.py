"""dmesg: the kernel's log."""

from userland import libc

USAGE = "dmesg"


def main(argv):
    if len(argv) > 1:
        libc.eputs(f"usage: {USAGE}")
        return 2
    log = libc.klogctl()
    if log == -1:
        libc.perror("dmesg: read kernel buffer failed")
        return 1
    lines = [without_level(line) for line in log.decode("utf-8", "replace").splitlines()]
    return 0 if libc.fputs("".join(f"{line}\n" for line in lines)) == 0 else 1


def without_level(line):
    """A line without the <N> that holds its log level."""
    level, mark, text = line.partition(">")
    return text if mark and level[:1] == "<" and level[1:].isdigit() else line
