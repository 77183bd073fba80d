"""sha256sum: SHA-256 digests of files; with -c it checks a list of them."""

import hashlib

from userland import libc

BLOCK = 262144


def main(argv):
    return digests("sha256", argv)


def digests(algorithm, argv):
    """What sha256sum and its kin do."""
    program = f"{algorithm}sum"
    usage = f"{program} [-bct] [FILE ...]"
    try:
        options = libc.getopt(argv, "bct", usage)
    except libc.UsageError as error:
        libc.eputs(f"{program}: {error}")
        return 2
    if options.has("c"):
        return max(check(program, algorithm, name) for name in options.operands or ["-"])
    status = 0
    for name in options.operands or ["-"]:
        found = of_file(algorithm, name)
        if found is None:
            libc.perror(f"{program}: {name}")
            status = 1
            continue
        libc.puts(f"{found}  {name}")
    return status


def of_file(algorithm, name):
    """The hexadecimal digest of a file, or None when it can not be read."""
    fd = 0 if name == "-" else libc.open(name)
    if fd < 0:
        return None
    digest = hashlib.new(algorithm, usedforsecurity=False)
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    count = libc.read(fd, buffer)
    while count > 0:
        digest.update(view[:count])
        count = libc.read(fd, buffer)
    number = libc.errno
    if fd > 0:
        libc.close(fd)
    libc.set_errno(number)
    return None if count < 0 else digest.hexdigest()


def check(program, algorithm, name):
    """Compare the files that a list names; 0 when all of them are as it says."""
    text = libc.read_text("/dev/stdin" if name == "-" else name)
    if text == -1:
        libc.perror(f"{program}: {name}")
        return 1
    wrong = 0
    for line in text.splitlines():
        wanted, _, path = line.partition("  ")
        found = of_file(algorithm, path) if path else None
        libc.puts(f"{path}: {'OK' if found == wanted else 'FAILED'}")
        wrong += found != wanted
    if wrong:
        libc.eputs(f"{program}: WARNING: {wrong} computed checksum did NOT match")
    return int(wrong > 0)
