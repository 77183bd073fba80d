"""printf: formats and prints."""

from userland import libc
from userland.shell.format import format_printf

USAGE = "printf FORMAT [ARGUMENT ...]"


def main(argv):
    if len(argv) < 2 or argv[1] == "--help":
        libc.eputs(f"usage: {USAGE}")
        return 2
    text, problems = format_printf(argv[1], argv[2:])
    for problem in problems:
        libc.eputs(f"printf: {problem}")
    return int(libc.fputs(text) < 0 or bool(problems))
