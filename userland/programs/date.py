"""date: the time of day, in UTC."""

from userland import libc
from userland.text.files import options_of

USAGE = "date [-u] [-d @SECONDS] [+FORMAT]"


def main(argv):
    options = options_of("date", argv, "ud:", USAGE, 0, 1)
    if options is None:
        return 2
    form = options.operands[0] if options.operands else "+%a %b %e %H:%M:%S %Z %Y"
    seconds, nanoseconds = divmod(libc.clock_gettime_ns(libc.CLOCK_REALTIME), 1000000000)
    try:
        if options.has("d"):
            text = options.get("d")
            if not text.startswith("@"):
                raise libc.UsageError(f"invalid date '{text}'")
            seconds, nanoseconds = libc.integer(text[1:], 0, 1 << 40), 0
        if not form.startswith("+"):
            raise libc.UsageError(f"usage: {USAGE}")
    except libc.UsageError as error:
        libc.eputs(f"date: {error}")
        return 2
    libc.puts(libc.strftime(form[1:], seconds, nanoseconds))
    return 0
