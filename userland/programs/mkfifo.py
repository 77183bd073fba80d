"""mkfifo: makes FIFOs."""

from userland import libc
from userland.programs.chmod import new_mode
from userland.text.files import options_of

USAGE = "mkfifo [-m MODE] NAME ..."


def main(argv):
    options = options_of("mkfifo", argv, "m:", USAGE, 1)
    if options is None:
        return 2
    mode = new_mode(options.get("m", "666"), 0o666)
    if mode < 0:
        libc.eputs(f"mkfifo: invalid mode: '{options.get('m')}'")
        return 1
    status = 0
    for name in options.operands:
        if libc.mkfifo(name, mode) < 0 or (options.has("m") and libc.chmod(name, mode) < 0):
            libc.perror(f"mkfifo: cannot create fifo '{name}'")
            status = 1
    return status
