"""cp: copies files, and with -r directories."""

from userland import libc
from userland.text.files import BLOCK, options_of

USAGE = "cp [-rRfpv] SOURCE ... TARGET"


def copy_file(source, target, mode):
    """0, or -1 with errno and the name in question: (result, name)."""
    reader = libc.open(source)
    if reader < 0:
        return -1, source
    writer = libc.open(target, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC, mode & 0o777)
    result, name = writer, target
    while writer >= 0:
        chunk = libc.read_bytes(reader, BLOCK)
        if chunk == -1:
            result, name = -1, source
            break
        result = 0
        if not chunk or libc.write_all(writer, chunk) < 0:
            result = 0 if not chunk else -1
            break
    number = libc.errno
    for fd in (reader, writer):
        if fd >= 0:
            libc.close(fd)
    libc.set_errno(number)
    return min(result, 0), name


def copy(source, target, recursive, verbose):
    """True when all of it was copied; what was not is told."""
    found = libc.stat(source)
    if found == -1:
        libc.eputs(f"cp: cannot stat '{source}': {libc.strerror(libc.errno)}")
        return False
    if verbose:
        libc.puts(f"'{source}' -> '{target}'")
    if not found.is_directory():
        there = libc.stat(target)
        if there != -1 and (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino):
            libc.eputs(f"cp: '{source}' and '{target}' are the same file")
            return False
        result, name = copy_file(source, target, found.st_mode)
        if result < 0:
            libc.perror(f"cp: {name}")
        return result == 0
    if not recursive:
        libc.eputs(f"cp: -r not specified; omitting directory '{source}'")
        return False
    if (target + "/").startswith(source.rstrip("/") + "/"):
        libc.eputs(f"cp: cannot copy a directory, '{source}', into itself, '{target}'")
        return False
    if libc.mkdir(target) < 0 and libc.errno != libc.EEXIST:
        libc.perror(f"cp: {target}")
        return False
    names = libc.listdir(source)
    if names == -1:
        libc.perror(f"cp: {source}")
        return False
    done = [copy(f"{source}/{name}", f"{target}/{name}", recursive, verbose) for name in names]
    return all(done)


def main(argv):
    options = options_of("cp", argv, "rRfpva", USAGE, 2)
    if options is None:
        return 2
    *sources, target = options.operands
    there = libc.stat(target)
    into = there != -1 and there.is_directory()
    if len(sources) > 1 and not into:
        libc.eputs(f"cp: target '{target}' is not a directory")
        return 1
    recursive = options.has("r") or options.has("R") or options.has("a")
    status = 0
    for source in sources:
        name = source.rstrip("/").rpartition("/")[2]
        place = f"{target.rstrip('/')}/{name}" if into else target
        if not copy(source, place, recursive, options.has("v")):
            status = 1
    return status
