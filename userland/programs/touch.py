"""touch: makes files that do not exist, and sets the time of those that do."""

from userland import libc
from userland.text.files import options_of

USAGE = "touch [-c] FILE ..."


def main(argv):
    options = options_of("touch", argv, "cam", USAGE, 1)
    if options is None:
        return 2
    status = 0
    for name in options.operands:
        if libc.stat(name) != -1:
            if libc.utimensat(libc.AT_FDCWD, name) < 0:
                libc.perror(f"touch: {name}")
                status = 1
            continue
        if options.has("c"):
            continue
        fd = libc.open(name, libc.O_WRONLY | libc.O_CREAT, 0o666)
        if fd < 0:
            libc.perror(f"touch: cannot touch '{name}'")
            status = 1
        else:
            libc.close(fd)
    return status
