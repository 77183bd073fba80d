"""mount: shows what is mounted where."""

from userland import libc
from userland.text.files import options_of

USAGE = "mount"


def main(argv):
    if options_of("mount", argv, "", USAGE, 0, 0) is None:
        return 2
    text = libc.read_text("/proc/mounts")
    if text == -1:
        libc.perror("mount: /proc/mounts")
        return 1
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4:
            libc.puts(f"{words[0]} on {words[1]} type {words[2]} ({words[3]})")
    return 0
