"""ln: makes links."""

from userland import libc
from userland.text.files import options_of

USAGE = "ln [-fs] TARGET [LINK]"


def main(argv):
    options = options_of("ln", argv, "fsn", USAGE, 1, 2)
    if options is None:
        return 2
    target = options.operands[0]
    place = options.operands[1] if len(options.operands) == 2 else "."
    found = libc.stat(place)
    if found != -1 and found.is_directory() and not options.has("n"):
        place = f"{place.rstrip('/')}/{target.rstrip('/').rpartition('/')[2]}"
    if options.has("f"):
        libc.unlink(place)
    result = libc.symlink(target, place) if options.has("s") else libc.link(target, place)
    if result < 0:
        libc.perror(f"ln: failed to create {'symbolic' if options.has('s') else 'hard'} link '{place}'")
        return 1
    return 0
