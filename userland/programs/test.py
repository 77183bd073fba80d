"""test: says by its exit status whether a condition holds."""

from userland import libc
from userland.shell.condition import test_words

USAGE = "test EXPRESSION"


def main(argv):
    if argv[1:] == ["--help"]:
        libc.eputs(f"usage: {USAGE}")
        return 2
    result, problem = test_words(argv[1:])
    if problem:
        libc.eputs(f"test: {problem}")
    return result
