"""watch: runs a command again and again and shows what it says, full screen on a terminal."""

from userland import libc

USAGE = "watch [-n SECONDS] [-c COUNT] [-t] COMMAND ..."


def main(argv):
    try:
        options = libc.getopt(argv, "n:c:t", USAGE, (), True)
        if not options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
        interval = options.real("n", 2, 0.1, 100000)
        count = options.integer("c", 0, 1)
    except libc.UsageError as error:
        libc.eputs(f"watch: {error}")
        return 2
    command = " ".join(options.operands)
    screen = libc.isatty(1)
    stopped = []
    libc.signal(libc.SIGINT, stopped.append)
    runs = 0
    while not stopped and (not count or runs < count):
        if runs:
            libc.sleep(interval)
            if stopped:
                break
        runs += 1
        head = "" if options.has("t") else f"Every {interval:.1f}s: {command}\n\n"
        libc.fputs(("\x1b[H\x1b[2J" if screen else "") + head)
        libc.system(["sh", "-c", command])
    return 0
