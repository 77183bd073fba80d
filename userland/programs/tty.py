"""tty: the path of the terminal that is standard input."""

from userland import libc

USAGE = "tty [-s]"


def main(argv):
    try:
        options = libc.getopt(argv, "s", USAGE)
        if options.operands:
            raise libc.UsageError(f"extra operand '{options.operands[0]}' (usage: {USAGE})")
    except libc.UsageError as error:
        libc.eputs(f"tty: {error}")
        return 2
    name = libc.ttyname(0)
    if not options.has("s"):
        libc.puts(name or "not a tty")
    return 0 if name else 1
