"""sha1sum: SHA-1 digests of files."""

from userland.programs.sha256sum import digests


def main(argv):
    return digests("sha1", argv)
