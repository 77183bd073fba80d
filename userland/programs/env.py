"""env: shows the environment, or runs a program in another one."""

from userland import libc

USAGE = "env [-i] [-u NAME] [NAME=VALUE ...] [COMMAND [ARGUMENT ...]]"


def main(argv):
    try:
        options = libc.getopt(argv, "iu:", USAGE, (), True)
    except libc.UsageError as error:
        libc.eputs(f"env: {error}")
        return 2
    environment = {} if options.has("i") else dict(libc.environ())
    for name, value in options.given:
        if name == "u":
            environment.pop(value, None)
    words = list(options.operands)
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    if not words:
        libc.fputs("".join(f"{name}={value}\n" for name, value in environment.items()))
        return 0
    path = libc.search_path(words[0])
    if path is None:
        libc.eputs(f"env: '{words[0]}': {libc.strerror(libc.ENOENT)}")
        return 127
    libc.execve(path, words, environment)
    libc.perror(f"env: '{words[0]}'")
    return 126
