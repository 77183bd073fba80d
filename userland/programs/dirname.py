"""dirname: a path without its last part."""

from userland import libc
from userland.text.files import options_of

USAGE = "dirname PATH ..."


def main(argv):
    options = options_of("dirname", argv, "", USAGE, 1)
    if options is None:
        return 2
    for path in options.operands:
        head, slash, _ = path.rstrip("/").rpartition("/")
        libc.puts(head.rstrip("/") or ("/" if slash or path.startswith("/") else "."))
    return 0
