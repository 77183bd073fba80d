"""echo: prints its arguments."""

from userland import libc


def main(argv):
    words = argv[1:]
    newline = "\n"
    if words and words[0] == "-n":
        newline = ""
        words = words[1:]
    return 1 if libc.fputs(" ".join(words) + newline) < 0 else 0
