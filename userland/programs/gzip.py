"""gzip: compresses files (RFC 1952), and with -d brings them back."""

import zlib

from userland import libc
from userland.text.files import BLOCK, options_of

USAGE = "gzip [-cdfk123456789] [FILE ...]"
# gzip's wrapping in zlib's numbers.
WRAPPED = 16 + zlib.MAX_WBITS
MAX_OUTPUT = 1 << 20


def main(argv):
    return run("gzip", argv, False)


def run(program, argv, decompress):
    """What gzip and gunzip do."""
    options = options_of(program, argv, "cdfk123456789", USAGE)
    if options is None:
        return 2
    decompress = decompress or options.has("d")
    level = int(next((name for name, _ in reversed(options.given) if name.isdigit()), "6"))
    status = 0
    for name in options.operands or ["-"]:
        problem = one(name, options, decompress, level)
        if problem:
            libc.eputs(f"{program}: {name}: {problem}")
            status = 1
    return status


def target_of(name, decompress):
    """The name of what comes out, or None."""
    if not decompress:
        return None if name.endswith(".gz") else name + ".gz"
    if name.endswith(".tgz"):
        return name[:-4] + ".tar"
    return name[:-3] if name.endswith(".gz") else None


def one(name, options, decompress, level):
    """One file; what went wrong, or None."""
    source = 0 if name == "-" else libc.open(name)
    if source < 0:
        return libc.strerror(libc.errno)
    to_output = options.has("c") or name == "-"
    place = None if to_output else target_of(name, decompress)
    if not to_output and place is None:
        libc.close(source)
        return "unknown suffix -- ignored" if decompress else "already has .gz suffix -- unchanged"
    if place is not None and libc.stat(place) != -1 and not options.has("f"):
        libc.close(source)
        return f"{place} already exists"
    target = 1 if place is None else libc.open(place, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC, 0o666)
    problem = libc.strerror(libc.errno) if target < 0 else (inflate if decompress else deflate)(source, target, level)
    for fd in (source, target):
        if fd > 2:
            libc.close(fd)
    if place is not None:
        libc.unlink(place if problem else name) if problem or not options.has("k") else None
    return problem


def deflate(source, target, level):
    compressor = zlib.compressobj(level, zlib.DEFLATED, WRAPPED)
    while True:
        chunk = libc.read_bytes(source, BLOCK)
        if chunk == -1:
            return libc.strerror(libc.errno)
        data = compressor.compress(chunk) if chunk else compressor.flush()
        if libc.write_all(target, data) < 0:
            return libc.strerror(libc.errno)
        if not chunk:
            return None


def inflate(source, target, level):
    """Several members in a row are one file."""
    decompressor = None
    pending = b""
    while True:
        chunk = pending or libc.read_bytes(source, BLOCK)
        pending = b""
        if chunk == -1:
            return libc.strerror(libc.errno)
        if not chunk:
            return None if decompressor is None else "unexpected end of file"
        decompressor = decompressor or zlib.decompressobj(WRAPPED)
        try:
            data = decompressor.decompress(chunk, MAX_OUTPUT)
        except zlib.error:
            return "not in gzip format"
        if libc.write_all(target, data) < 0:
            return libc.strerror(libc.errno)
        pending = decompressor.unconsumed_tail
        if decompressor.eof:
            pending, decompressor = decompressor.unused_data, None
