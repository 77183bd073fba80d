"""sha256sum: SHA-256 digests of files."""

import hashlib

from userland import libc

USAGE = "sha256sum [FILE ...]"
BLOCK = 262144


def main(argv):
    try:
        options = libc.getopt(argv, "b", USAGE)
    except libc.UsageError as error:
        libc.eputs(f"sha256sum: {error}")
        return 2
    status = 0
    for name in options.operands or ["-"]:
        fd = 0 if name == "-" else libc.open(name)
        digest = sha256(fd) if fd >= 0 else None
        if digest is None:
            libc.perror(f"sha256sum: {name}")
            status = 1
            continue
        if fd > 0:
            libc.close(fd)
        libc.puts(f"{digest}  {name}")
    return status


def sha256(fd):
    """The hexadecimal digest of what `fd` holds, or None when reading fails."""
    digest = hashlib.sha256()
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    while True:
        count = libc.read(fd, buffer)
        if count < 0:
            return None
        if count == 0:
            return digest.hexdigest()
        digest.update(view[:count])
