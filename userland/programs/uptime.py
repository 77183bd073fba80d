"""uptime: how long the machine has been running."""

from userland import libc
from userland.text.files import options_of

USAGE = "uptime"


def main(argv):
    if options_of("uptime", argv, "", USAGE, 0, 0) is None:
        return 2
    seconds = libc.uptime()
    if seconds < 0:
        libc.perror("uptime")
        return 1
    days, rest = divmod(seconds, 86400)
    hour, minute, second = libc.gmtime(int(libc.wall_clock()))[3:6]
    up = f"{days} day{'s' if days != 1 else ''}, " if days else ""
    up += f"{rest // 3600}:{rest // 60 % 60:02}" if rest >= 3600 else f"{rest // 60} min"
    libc.puts(f" {hour:02}:{minute:02}:{second:02} up {up}")
    return 0
