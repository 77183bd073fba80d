"""date: the time of day, in UTC."""

from userland import libc
from userland.libc.time import MONTHS, WEEKDAYS
from userland.text.files import options_of

USAGE = "date [-u] [-d @SECONDS] [+FORMAT]"
LONG_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def formatted(form, seconds, nanoseconds):
    """strftime(3), in UTC."""
    year, month, day, hour, minute, second, weekday = libc.gmtime(seconds)
    start = (seconds - (hour * 3600 + minute * 60 + second)) // 86400
    first = start
    while libc.gmtime(first * 86400)[0] == year and first > start - 366:
        first -= 1
    values = {
        "Y": str(year), "m": f"{month:02}", "d": f"{day:02}", "e": f"{day:2}", "H": f"{hour:02}", "M": f"{minute:02}",
        "S": f"{second:02}", "y": f"{year % 100:02}", "j": f"{start - first:03}", "s": str(seconds), "N": f"{nanoseconds:09}",
        "a": WEEKDAYS[weekday], "A": LONG_DAYS[weekday], "b": MONTHS[month - 1], "h": MONTHS[month - 1], "u": str(weekday or 7),
        "w": str(weekday), "Z": "UTC", "z": "+0000", "n": "\n", "t": "\t", "%": "%", "F": f"{year}-{month:02}-{day:02}",
        "T": f"{hour:02}:{minute:02}:{second:02}", "R": f"{hour:02}:{minute:02}", "D": f"{month:02}/{day:02}/{year % 100:02}",
        "I": f"{hour % 12 or 12:02}", "p": "AM" if hour < 12 else "PM",
    }  # fmt: skip
    out = []
    position = 0
    while position < len(form):
        if form[position] == "%" and position + 1 < len(form):
            out.append(values.get(form[position + 1], form[position : position + 2]))
            position += 2
        else:
            out.append(form[position])
            position += 1
    return "".join(out)


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
    libc.puts(formatted(form[1:], seconds, nanoseconds))
    return 0
