"""sha512sum: SHA-512 digests of files."""

from userland.programs.sha256sum import digests


def main(argv):
    return digests("sha512", argv)
