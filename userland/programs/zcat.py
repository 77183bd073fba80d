"""zcat: shows what gzip has compressed."""

from userland.programs.gzip import run


def main(argv):
    return run("zcat", [argv[0], "-c", *argv[1:]], True)
