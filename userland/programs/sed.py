"""sed: edits lines by a script."""

from userland import libc
from userland.text.files import Files, Output, options_of
from userland.text.sed import Sed, SedError, parse

USAGE = "sed [-nErs] [-i] [-e SCRIPT] [-f FILE] [SCRIPT] [FILE ...]"


def script_of(options):
    """The script, with -e and -f in their order; UsageError when there is none."""
    parts = []
    for name, value in options.given:
        if name == "e":
            parts.append(value)
        elif name == "f":
            text = libc.read_text(value)
            if text == -1:
                raise libc.UsageError(f"couldn't open file {value}: {libc.strerror(libc.errno)}")
            parts.append(text.removesuffix("\n"))
    if not parts:
        if not options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
        parts.append(options.operands.pop(0))
    return "\n".join(parts)


class Written:
    """The files of `w`: emptied at the first use."""

    def __init__(self):
        self.open = {}

    def write(self, name, data):
        if name == "/dev/stdout":
            libc.write_all(1, data)
            return
        if name not in self.open:
            self.open[name] = libc.open(name, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC, 0o666)
        if self.open[name] < 0 or libc.write_all(self.open[name], data) < 0:
            raise SedError(f"couldn't write to {name}")


def read_whole(name):
    data = libc.read_file(name)
    return b"" if data == -1 else data


def main(argv):
    options = options_of("sed", argv, "nErsie:f:", USAGE, 0, None, ("quiet", "expression="))
    if options is None:
        return 2
    options.given = [({"quiet": "n", "expression": "e"}.get(name, name), value) for name, value in options.given]
    try:
        script = script_of(options)
        quiet = options.has("n") or script.startswith("#n\n")
        extended = options.has("E") or options.has("r")
        if not options.has("i") and not options.has("s"):
            return edit(parse(script, extended), quiet, Files("sed", options.operands), Output())
        status = 0
        for name in options.operands:
            status = one_file(script, extended, quiet, name, options.has("i")) or status
        return status
    except (libc.UsageError, SedError) as error:
        libc.eputs(f"sed: {error}")
        return 1 if isinstance(error, SedError) else 2


def edit(commands, quiet, files, out):
    written = Written()
    status = Sed(commands, quiet, out.write, read_whole, written.write).run(files.lines())
    return status or files.status if out.flush() else 4


def one_file(script, extended, quiet, name, in_place):
    """A file of its own; with -i its new content takes its place."""
    commands = parse(script, extended)
    files = Files("sed", [name])
    if not in_place:
        return edit(commands, quiet, files, Output())
    pieces = []
    Sed(commands, quiet, pieces.append, read_whole, Written().write).run(files.lines())
    if files.status:
        return files.status
    fd = libc.open(name, libc.O_WRONLY | libc.O_TRUNC)
    if fd < 0 or libc.write_all(fd, b"".join(pieces)) < 0:
        libc.perror(f"sed: {name}")
        return 4
    libc.close(fd)
    return 0
