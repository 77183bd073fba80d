"""Takes the kernel's ELF file out of a bzImage: `vmlinux.py BZIMAGE OUTPUT`.

A bzImage carries the compressed kernel after its own setup code (Linux: Documentation/arch/x86/boot.rst).  Where it begins
and what compressed it is told by the magic number alone, so each place that has one is tried.
"""

import bz2
import gzip
import lzma
import subprocess
import sys
import zlib

ELF = b"\x7fELF"


def unxz(data):
    return lzma.LZMADecompressor().decompress(data)


def gunzip(data):
    return zlib.decompressobj(wbits=31).decompress(data)


def bunzip(data):
    return bz2.BZ2Decompressor().decompress(data)


def unlzma(data):
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(data)


def unzstd(data):
    # What follows the frame makes the program complain after it has written the kernel.
    return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


METHODS = (
    (b"\xfd7zXZ\x00", unxz),
    (b"\x28\xb5\x2f\xfd", unzstd),
    (b"\x1f\x8b\x08", gunzip),
    (b"BZh", bunzip),
    (b"\x5d\x00\x00\x00", unlzma),
)


def extract(image: bytes) -> bytes:
    """The ELF file inside `image`; ValueError where there is none."""
    for magic, method in METHODS:
        at = image.find(magic)
        while at >= 0:
            try:
                kernel = method(image[at:])
            except (lzma.LZMAError, gzip.BadGzipFile, zlib.error, OSError, EOFError, ValueError):
                kernel = b""
            if kernel.startswith(ELF):
                return kernel
            at = image.find(magic, at + 1)
    raise ValueError("no compressed kernel in it")


def main(argv):
    with open(argv[1], "rb") as file:
        image = file.read()
    with open(argv[2], "wb") as file:
        file.write(extract(image))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
