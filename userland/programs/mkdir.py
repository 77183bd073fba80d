"""mkdir: makes directories."""

from userland import libc

USAGE = "mkdir [-p] DIRECTORY ..."


def main(argv):
    try:
        options = libc.getopt(argv, "p", USAGE)
        if not options.operands:
            raise libc.UsageError(f"missing operand (usage: {USAGE})")
    except libc.UsageError as error:
        libc.eputs(f"mkdir: {error}")
        return 2
    status = 0
    for name in options.operands:
        paths = parents(name) if options.has("p") else [name]
        for path in paths:
            if libc.mkdir(path) < 0 and not (options.has("p") and libc.errno == libc.EEXIST):
                libc.perror(f"mkdir: cannot create directory '{path}'")
                status = 1
                break
    return status


def parents(path):
    """Every leading directory of a path, and the path."""
    parts = path.rstrip("/").split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1) if parts[:end] != [""]]
