"""xargs: runs a command with arguments from standard input."""

from userland import libc
from userland.text.files import Files

USAGE = "xargs [-0rt] [-n COUNT] [-I TEXT] [-d CHAR] [COMMAND [ARGUMENT ...]]"
MAX_BYTES = 100000
CANNOT_RUN, FAILED = 124, 123


def split(text):
    """Words at blanks; quotes and backslashes keep blanks in them.  UsageError for a quote without an end."""
    words = []
    current = None
    quote = ""
    escaped = False
    for char in text:
        if escaped:
            current = (current or "") + char
            escaped = False
        elif quote:
            if char == quote:
                quote = ""
            else:
                current += char
        elif char in "'\"":
            quote = char
            current = current or ""
        elif char == "\\":
            escaped = True
        elif char in " \t\n":
            if current is not None:
                words.append(current)
            current = None
        else:
            current = (current or "") + char
    if quote:
        raise libc.UsageError(f"unmatched {'single' if quote == chr(39) else 'double'} quote")
    return words if current is None else [*words, current]


def batches(items, count):
    """Lists of at most `count` items and 100,000 bytes."""
    batch, size = [], 0
    for item in items:
        if batch and (len(batch) >= count or size + len(item) > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item) + 1
    if batch:
        yield batch


def main(argv):
    options = None
    try:
        options = libc.getopt(argv, "0rtn:I:d:", USAGE, (), True)
        count = options.integer("n", 1 << 20, 1)
        text = Files("xargs", ()).whole().decode("utf-8", "surrogateescape")
        if options.has("0") or options.has("d"):
            items = text.split("\0" if options.has("0") else options.get("d"))
            items = items[:-1] if items[-1] in ("", "\n") else items
        elif options.has("I"):
            items = [line.strip() for line in text.splitlines() if line.strip()]
        else:
            items = split(text)
    except libc.UsageError as error:
        libc.eputs(f"xargs: {error}")
        return 2
    command = options.operands or ["echo"]
    if options.has("I"):
        runs = [[word.replace(options.get("I"), item) for word in command] for item in items]
    else:
        runs = [command + batch for batch in batches(items, count)]
        if not items and not options.has("r"):
            runs = [command]
    status = 0
    for words in runs:
        if options.has("t"):
            libc.eputs(" ".join(words))
        result = libc.system(words)
        if result in (126, 127):
            return result
        if result == 255:
            return CANNOT_RUN
        status = FAILED if result else status
    return status
