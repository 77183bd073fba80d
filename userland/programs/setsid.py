"""setsid: runs a program in a session of its own; with -c standard input becomes its controlling terminal."""

from userland import libc

USAGE = "setsid [-c] [-w] COMMAND [ARGUMENT ...]"


def main(argv):
    words = argv[1:]
    flags = set()
    while words and words[0] in ("-c", "-w", "-cw", "-wc"):
        flags |= set(words.pop(0)[1:])
    if not words or words[0].startswith("-"):
        libc.eputs(f"setsid: usage: {USAGE}")
        return 2
    path = libc.search_path(words[0])
    if path is None:
        libc.eputs(f"setsid: failed to execute {words[0]}: {libc.strerror(libc.ENOENT)}")
        return 127
    if libc.getpgid() == libc.getpid():
        # The leader of a group can not leave it: a child does.
        pid = libc.spawn("/bin/setsid", argv)
        if pid < 0:
            libc.perror("setsid")
            return 1
        return libc.shell_status(libc.waitpid(pid)[1]) if "w" in flags else 0
    if libc.setsid() < 0 or ("c" in flags and libc.ioctl(0, libc.TIOCSCTTY, 1) < 0):
        libc.perror("setsid")
        return 1
    libc.execve(path, words, libc.environ())
    libc.perror(f"setsid: failed to execute {words[0]}")
    return 126
