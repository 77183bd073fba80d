"""nohup: runs a program that a hangup does not end."""

from userland import libc

USAGE = "nohup COMMAND [ARGUMENT ...]"


def main(argv):
    if len(argv) < 2 or argv[1] == "--help":
        libc.eputs(f"usage: {USAGE}")
        return 2 if len(argv) > 1 else 125
    libc.signal(libc.SIGHUP, libc.SIG_IGN)
    if libc.isatty(1):
        fd = libc.open("nohup.out", libc.O_WRONLY | libc.O_CREAT | libc.O_APPEND, 0o600)
        if fd < 0:
            libc.perror("nohup: nohup.out")
            return 125
        libc.eputs("nohup: appending output to 'nohup.out'")
        libc.dup2(fd, 1)
        libc.close(fd)
    if libc.isatty(2):
        libc.dup2(1, 2)
    path = libc.search_path(argv[1])
    if path is None:
        libc.eputs(f"nohup: failed to run command '{argv[1]}': {libc.strerror(libc.ENOENT)}")
        return 127
    libc.execve(path, argv[1:])
    libc.perror(f"nohup: failed to run command '{argv[1]}'")
    return 126
