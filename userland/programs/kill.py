"""kill: sends signals."""

from userland import libc

USAGE = "kill [-SIGNAL | -s SIGNAL] PID ..."


def signal_number(text):
    """The number of a signal given as 9, KILL or SIGKILL; -1 for none."""
    if text.isdigit():
        return int(text) if int(text) < 65 else -1
    return libc.SIGNAL_NAMES.get(text.upper().removeprefix("SIG"), -1)


def main(argv):
    words = argv[1:]
    if words == ["-l"]:
        libc.puts(" ".join(f"{number}) SIG{name}" for name, number in libc.SIGNAL_NAMES.items()))
        return 0
    signum = libc.SIGTERM
    if words and words[0] == "-s" and len(words) > 1:
        signum = signal_number(words[1])
        words = words[2:]
    elif words and words[0].startswith("-") and words[0] != "--":
        signum = signal_number(words[0][1:])
        words = words[1:]
    if words and words[0] == "--":
        words = words[1:]
    if signum < 0 or not words:
        libc.eputs(f"usage: {USAGE}")
        return 2
    status = 0
    for word in words:
        if not word.removeprefix("-").isdigit() or len(word) > 10:
            libc.eputs(f"kill: '{word}': arguments must be process IDs")
            status = 1
        elif libc.kill(int(word), signum) < 0:
            libc.perror(f"kill: {word}")
            status = 1
    return status
