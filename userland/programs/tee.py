"""tee: copies standard input to standard output and to files."""

from userland import libc
from userland.text.files import Files, options_of

USAGE = "tee [-a] [FILE ...]"


def main(argv):
    options = options_of("tee", argv, "ai", USAGE)
    if options is None:
        return 2
    status = 0
    targets = [1]
    mode = libc.O_APPEND if options.has("a") else libc.O_TRUNC
    for name in options.operands:
        fd = libc.open(name, libc.O_WRONLY | libc.O_CREAT | mode, 0o666)
        if fd < 0:
            libc.perror(f"tee: {name}")
            status = 1
        else:
            targets.append(fd)
    files = Files("tee", ())
    for chunk in files.blocks():
        for fd in list(targets):
            if libc.write_all(fd, chunk) < 0:
                libc.perror("tee: write")
                targets.remove(fd)
                status = 1
    return status or files.status
