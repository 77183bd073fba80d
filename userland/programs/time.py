"""time: runs a program and says how long it took, by the machine's clock."""

from userland import libc

USAGE = "time COMMAND [ARGUMENT ...]"


def main(argv):
    if len(argv) < 2 or argv[1] == "--help":
        libc.eputs(f"usage: {USAGE}")
        return 2
    started = libc.clock_gettime_ns()
    status = libc.system(argv[1:])
    elapsed = (libc.clock_gettime_ns() - started) // 1000000
    libc.eputs(f"real\t{elapsed // 60000}m{elapsed // 1000 % 60}.{elapsed % 1000:03}s")
    return status
