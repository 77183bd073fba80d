"""basename: the last part of a path."""

from userland import libc
from userland.text.files import options_of

USAGE = "basename PATH [SUFFIX]"


def main(argv):
    options = options_of("basename", argv, "", USAGE, 1, 2)
    if options is None:
        return 2
    path = options.operands[0]
    name = path.rstrip("/").rpartition("/")[2] or ("/" if path else "")
    suffix = options.operands[1] if len(options.operands) == 2 else ""
    libc.puts(name.removesuffix(suffix) if name != suffix else name)
    return 0
