"""mv: renames files; where a rename is not possible it copies and removes."""

from userland import libc
from userland.programs.cp import copy
from userland.programs.rm import remove
from userland.text.files import options_of

USAGE = "mv [-fnv] SOURCE ... TARGET"


def main(argv):
    options = options_of("mv", argv, "fnv", USAGE, 2)
    if options is None:
        return 2
    *sources, target = options.operands
    there = libc.stat(target)
    into = there != -1 and there.is_directory()
    if len(sources) > 1 and not into:
        libc.eputs(f"mv: target '{target}' is not a directory")
        return 1
    status = 0
    for source in sources:
        place = f"{target.rstrip('/')}/{source.rstrip('/').rpartition('/')[2]}" if into else target
        if options.has("n") and libc.lstat(place) != -1:
            continue
        if options.has("v"):
            libc.puts(f"renamed '{source}' -> '{place}'")
        if libc.rename(source, place) == 0:
            continue
        if libc.errno != libc.EXDEV:
            libc.eputs(f"mv: cannot move '{source}' to '{place}': {libc.strerror(libc.errno)}")
            status = 1
        elif not copy(source, place, True, False) or not remove(source, True, True):
            status = 1
    return status
