"""sleep: waits."""

from userland import libc

USAGE = "sleep SECONDS"


def main(argv):
    text = argv[1] if len(argv) == 2 else ""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        libc.eputs(f"sleep: invalid time interval '{text}' (usage: {USAGE})")
        return 2
    left = int(float(text) * 1e9)
    while left > 0:
        left = libc.nanosleep(left)
    return 0 if left == 0 else 1
