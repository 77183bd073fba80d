"""gunzip: brings back what gzip has compressed."""

from userland.programs.gzip import run


def main(argv):
    return run("gunzip", argv, True)
