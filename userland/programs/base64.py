"""base64: encodes bytes as text, and with -d back."""

from userland import libc
from userland.proto.base64 import decode_base64, encode_base64
from userland.text.files import Files, options_of

USAGE = "base64 [-d] [-i] [-w COLUMNS] [FILE]"


def main(argv):
    options = options_of("base64", argv, "diw:", USAGE, 0, 1)
    if options is None:
        return 2
    try:
        width = options.integer("w", 76)
    except libc.UsageError as error:
        libc.eputs(f"base64: {error}")
        return 2
    files = Files("base64", options.operands)
    data = files.whole()
    if options.has("d"):
        found = decode_base64(data.decode("latin-1"), options.has("i"))
        if found is None:
            libc.eputs("base64: invalid input")
            return 1
        return files.status if libc.write_all(1, found) == 0 else 1
    text = encode_base64(data)
    if width:
        text = "".join(f"{text[at : at + width]}\n" for at in range(0, len(text), width))
    return files.status if libc.fputs(text) == 0 else 1
