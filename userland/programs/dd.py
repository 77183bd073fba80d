"""dd: copies blocks."""

from userland import libc
from userland.libc.getopt import size

USAGE = "dd [if=FILE] [of=FILE] [bs=N] [count=N] [skip=N] [seek=N] [conv=notrunc] [status=none]"
KNOWN = ("if", "of", "bs", "count", "skip", "seek", "conv", "status")
MAX_BLOCK = 64 << 20


def main(argv):
    values = {}
    try:
        for word in argv[1:]:
            key, equals, value = word.partition("=")
            if not equals or key not in KNOWN:
                raise libc.UsageError(f"unrecognized operand '{word}' (usage: {USAGE})")
            values[key] = value
        block = size(values.get("bs", "512"))
        count = size(values["count"]) if "count" in values else -1
        skip, seek = size(values.get("skip", "0")), size(values.get("seek", "0"))
        if not 0 < block <= MAX_BLOCK:
            raise libc.UsageError(f"invalid number: '{values['bs']}'")
    except libc.UsageError as error:
        libc.eputs(f"dd: {error}")
        return 2
    source = libc.open(values["if"]) if "if" in values else 0
    keep = "notrunc" in values.get("conv", "") or seek
    flags = libc.O_WRONLY | libc.O_CREAT | (0 if keep else libc.O_TRUNC)
    target = libc.open(values["of"], flags, 0o666) if source >= 0 and "of" in values else 1
    if source < 0 or target < 0:
        libc.perror(f"dd: failed to open '{values['if'] if source < 0 else values['of']}'")
        return 1
    if seek and libc.lseek(target, seek * block) < 0:
        libc.perror("dd: seek")
        return 1
    return Copy(source, target, block, count).run(skip, values.get("status") == "none")


class Copy:
    """The blocks that were read and written, whole and partial."""

    def __init__(self, source, target, size, count):
        self.source = source
        self.target = target
        self.size = size
        self.count = count
        self.full = 0
        self.partial = 0
        self.bytes = 0

    def skip(self, blocks):
        if blocks and libc.lseek(self.source, blocks * self.size) < 0:
            for _ in range(blocks):
                if not libc.read_bytes(self.source, self.size):
                    return

    def run(self, skip, quiet):
        self.skip(skip)
        status = 0
        started = libc.clock_gettime_ns()
        while self.count < 0 or self.full + self.partial < self.count:
            block = libc.read_bytes(self.source, self.size)
            if block == -1 or (block and libc.write_all(self.target, block) < 0):
                libc.perror("dd: error " + ("reading" if block == -1 else "writing"))
                status = 1
                break
            if not block:
                break
            self.full += len(block) == self.size
            self.partial += len(block) < self.size
            self.bytes += len(block)
        if not quiet:
            elapsed = (libc.clock_gettime_ns() - started) / 1e9
            blocks = f"{self.full}+{self.partial} records"
            libc.eputs(f"{blocks} in\n{blocks} out\n{self.bytes} bytes copied, {elapsed:.6g} s")
        return status
