"""id: who one is: there is only root here."""

from userland import libc
from userland.text.files import options_of

USAGE = "id [-ugn]"


def main(argv):
    options = options_of("id", argv, "ugn", USAGE, 0, 0)
    if options is None:
        return 2
    short = options.has("u") or options.has("g")
    libc.puts(("root" if options.has("n") else "0") if short else "uid=0(root) gid=0(root) groups=0(root)")
    return 0
