"""md5sum: MD5 digests of files."""

from userland.programs.sha256sum import digests


def main(argv):
    return digests("md5", argv)
