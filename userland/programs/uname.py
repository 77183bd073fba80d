"""uname: the system's name and version."""

from userland import libc

USAGE = "uname [-amnrsv]"
# Letters in the order that -a prints them, with their index in struct utsname.
FIELDS = (("s", 0), ("n", 1), ("r", 2), ("v", 3), ("m", 4))


def main(argv):
    try:
        options = libc.getopt(argv, "amnrsv", USAGE)
        if options.operands:
            raise libc.UsageError(f"extra operand '{options.operands[0]}' (usage: {USAGE})")
    except libc.UsageError as error:
        libc.eputs(f"uname: {error}")
        return 2
    names = libc.uname()
    if names == -1:
        libc.perror("uname")
        return 1
    chosen = [names[index] for letter, index in FIELDS if options.has(letter) or options.has("a")]
    libc.puts(" ".join(chosen or [names[0]]))
    return 0
