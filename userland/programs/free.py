"""free: how much of the machine's memory is in use, from /proc/meminfo."""

from userland import libc
from userland.text.files import options_of

USAGE = "free [-bkm]"


def main(argv):
    options = options_of("free", argv, "bkmh", USAGE, 0, 0)
    if options is None:
        return 2
    text = libc.read_text("/proc/meminfo")
    if text == -1:
        libc.perror("free: /proc/meminfo")
        return 1
    values = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            values[name] = int(words[0]) * 1024
    unit = 1 if options.has("b") else 1 << 20 if options.has("m") else 1024
    total, free = values.get("MemTotal", 0), values.get("MemFree", 0)
    cells = [total // unit, (total - free) // unit, free // unit]
    libc.puts(f"{'':8}{'total':>12}{'used':>12}{'free':>12}\n{'Mem:':8}" + "".join(f"{cell:>12}" for cell in cells))
    return 0
