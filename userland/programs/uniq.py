"""uniq: lines without their neighbours that are the same."""

from userland.text.files import Files, Output, options_of

USAGE = "uniq [-cdui] [INPUT]"


def main(argv):
    options = options_of("uniq", argv, "cdui", USAGE, 0, 1)
    if options is None:
        return 2
    files = Files("uniq", options.operands)
    out = Output()

    def show(line, count):
        wanted = (count > 1 or not options.has("d")) and (count == 1 or not options.has("u"))
        if wanted:
            out.write((f"{count:7} ".encode() if options.has("c") else b"") + line + b"\n")

    last = None
    count = 0
    for raw in files.lines():
        line = raw.removesuffix(b"\n")
        same = last is not None and (line.lower() == last.lower() if options.has("i") else line == last)
        if same:
            count += 1
            continue
        if last is not None:
            show(last, count)
        last, count = line, 1
    if last is not None:
        show(last, count)
    return files.status if out.flush() else 1
