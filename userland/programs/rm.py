"""rm: removes files, and with -r directories."""

from userland import libc

USAGE = "rm [-rf] FILE ..."


def main(argv):
    try:
        options = libc.getopt(argv, "rRf", USAGE)
        if not options.operands and not options.has("f"):
            raise libc.UsageError(f"missing operand (usage: {USAGE})")
    except libc.UsageError as error:
        libc.eputs(f"rm: {error}")
        return 2
    recursive = options.has("r") or options.has("R")
    status = 0
    for name in options.operands:
        if not remove(name, recursive, options.has("f")):
            status = 1
    return status


def remove(name, recursive, force):
    """Remove one name; False with the reason printed."""
    found = libc.lstat(name)
    if found == -1:
        if force and libc.errno == libc.ENOENT:
            return True
        libc.perror(f"rm: cannot remove '{name}'")
        return False
    if not found.is_directory():
        return succeeded(libc.unlink(name), name)
    if not recursive:
        libc.eputs(f"rm: cannot remove '{name}': {libc.strerror(libc.EISDIR)}")
        return False
    names = libc.listdir(name)
    removed = [remove(f"{name}/{child}", True, force) for child in ([] if names == -1 else names)]
    return all(removed) and succeeded(libc.rmdir(name), name)


def succeeded(result, name):
    if result < 0:
        libc.perror(f"rm: cannot remove '{name}'")
    return result == 0
