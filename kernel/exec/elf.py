"""ELF files: what their headers say (pyelftools reads them), and the program's first memory.

The header is checked before the library sees the file: class, machine, type, and how many program headers there are.
Sections are not looked at.  Everything that does not fit is `BadElf`: Exec format error.
"""

from io import BytesIO
from struct import Struct

from elftools.elf.elffile import ELFFile

from kernel.mm.mmap import PAGE, STACK_SIZE, page_up
from kernel.uapi.elf import (
    AT_BASE,
    AT_CLKTCK,
    AT_EGID,
    AT_ENTRY,
    AT_EUID,
    AT_EXECFN,
    AT_FLAGS,
    AT_GID,
    AT_HWCAP,
    AT_NULL,
    AT_PAGESZ,
    AT_PHDR,
    AT_PHENT,
    AT_PHNUM,
    AT_PLATFORM,
    AT_RANDOM,
    AT_SECURE,
    AT_UID,
    ELFCLASS32,
    ELFCLASS64,
    ELFDATA2LSB,
    ELFMAG,
    EM_386,
    EM_X86_64,
    ET_DYN,
    ET_EXEC,
    PF_R,
    PF_W,
    PF_X,
)
from kernel.uapi.errno import ENOMEM
from kernel.uapi.mman import PROT_EXEC, PROT_READ, PROT_WRITE

# type, machine, version; entry, phoff, shoff, flags, ehsize, phentsize, phnum, shentsize, shnum, shstrndx.
HEADERS = {ELFCLASS32: Struct("<16xHHIIIIIHHHHHH"), ELFCLASS64: Struct("<16xHHIQQQIHHHHHH")}
PHENT = {ELFCLASS32: 32, ELFCLASS64: 56}
# All program headers together fit into 64 KiB, as Linux has it.
MAX_HEADERS = 65536
MAX_INTERP = 4096
HWCAP_SSE2 = 0x078BFBFD
CLOCK_TICKS = 100


class BadElf(Exception):
    """Not an ELF file that this machine can run."""


class segment:
    """One PT_LOAD."""

    def __init__(self, header):
        self.vaddr = header["p_vaddr"]
        self.offset = header["p_offset"]
        self.filesz = header["p_filesz"]
        self.memsz = header["p_memsz"]
        flags = header["p_flags"]
        self.prot = (
            (PROT_READ if flags & PF_R else 0) | (PROT_WRITE if flags & PF_W else 0) | (PROT_EXEC if flags & PF_X else 0)
        )


class elf_file:
    """A file's headers: `wide` (64 bits), `entry`, `segments`, `interp` (a path or None), `dynamic` (position independent)."""

    def __init__(self, data):
        self.data = data
        self.check_header()
        self.segments = []
        self.interp = None
        try:
            self.read_segments()
        except BadElf:
            raise
        except Exception as error:
            # Whatever the library stumbles over in a hostile file.
            raise BadElf(str(error)) from error
        if not self.segments:
            raise BadElf("nothing to load")

    def check_header(self):
        data = self.data
        kind = data[4] if len(data) > 6 else 0
        if data[:4] != ELFMAG or kind not in HEADERS or data[5] != ELFDATA2LSB or len(data) < HEADERS[kind].size:
            raise BadElf("no ELF header")
        fields = HEADERS[kind].unpack_from(data)
        self.wide = kind == ELFCLASS64
        etype, machine, _, self.entry, self.phoff, _, _, _, self.phentsize, self.phnum = fields[:10]
        if machine != (EM_X86_64 if self.wide else EM_386):
            raise BadElf("for another machine")
        if etype not in (ET_EXEC, ET_DYN):
            raise BadElf("not a program")
        self.dynamic = etype == ET_DYN
        if self.phentsize != PHENT[kind] or not 0 < self.phnum * self.phentsize <= MAX_HEADERS:
            raise BadElf("program headers")
        if self.phoff + self.phnum * self.phentsize > len(data):
            raise BadElf("program headers past the end")

    def read_segments(self):
        # The library reads section headers even where nobody asks: it is given none.
        header = HEADERS[ELFCLASS64 if self.wide else ELFCLASS32]
        start = bytearray(self.data[: header.size])
        fields = list(header.unpack_from(start))
        fields[5] = 0
        fields[10:13] = [0, 0, 0]
        header.pack_into(start, 0, *fields)
        start[:16] = self.data[:16]
        found = ELFFile(BytesIO(bytes(start) + self.data[header.size :]))
        for item in found.iter_segments():
            kind = item["p_type"]
            if kind == "PT_LOAD":
                self.add_load(segment(item.header))
            elif kind == "PT_INTERP":
                self.read_interp(item.header)

    def add_load(self, part):
        if part.filesz > part.memsz or part.offset + part.filesz > len(self.data):
            raise BadElf("a segment past the end of the file")
        if (part.vaddr - part.offset) % PAGE:
            raise BadElf("a segment that can not be mapped")
        if part.memsz:
            self.segments.append(part)

    def read_interp(self, header):
        size = header["p_filesz"]
        if not 2 <= size <= MAX_INTERP or header["p_offset"] + size > len(self.data):
            raise BadElf("interpreter")
        raw = self.data[header["p_offset"] : header["p_offset"] + size]
        if raw[-1] != 0:
            raise BadElf("interpreter")
        self.interp = raw[:-1].decode("utf-8", "surrogateescape")

    def extent(self):
        """(lowest page, end of the last page) of all segments, before any base is added."""
        low = min(part.vaddr for part in self.segments) & ~(PAGE - 1)
        return low, page_up(max(part.vaddr + part.memsz for part in self.segments))

    def map_into(self, mm, base):
        """Map the segments with `base` added to their addresses; 0 or -ENOMEM."""
        for part in self.segments:
            start = part.vaddr + base & ~(PAGE - 1)
            lead = part.vaddr + base - start
            end = page_up(part.vaddr + base + part.memsz)
            if end > mm.limit:
                return -ENOMEM
            mm.unmap_area(start, end - start)
            result = mm.map_area(start, end - start, part.prot)
            if result < 0:
                return result
            # Of the first page all is the file's, as if it were mapped; behind the segment's end the page is zero.
            offset = part.offset - lead
            if part.filesz and offset >= 0:
                mm.poke(start, self.data[offset : part.offset + part.filesz])
        return 0

    def headers_address(self, base):
        """Where the program headers lie in memory, for AT_PHDR."""
        for part in self.segments:
            if part.offset <= self.phoff < part.offset + part.filesz:
                return part.vaddr + base + self.phoff - part.offset
        return 0


class start_state:
    """Where a program begins: its first instruction and its stack pointer."""

    def __init__(self, entry, stack):
        self.entry = entry
        self.stack = stack


def load(mm, program, interpreter, argv, environ, path, random_bytes):
    """Fill the empty memory `mm` with a program (and its dynamic linker); its start_state, or a negative errno."""
    base = 0
    if program.dynamic:
        low, _ = program.extent()
        base = (0x100000000 if program.wide else 0x56555000) - low
    result = program.map_into(mm, base)
    if result < 0:
        return result
    mm.start_brk = mm.brk = program.extent()[1] + base
    entry = program.entry + base
    interp_base = 0
    if interpreter is not None:
        low, high = interpreter.extent()
        place = mm.find_free(high - low) if interpreter.dynamic else low
        if place == 0 and interpreter.dynamic:
            return -ENOMEM
        interp_base = place - low
        result = interpreter.map_into(mm, interp_base)
        if result < 0:
            return result
        entry = interpreter.entry + interp_base
    result = mm.map_area(mm.stack_top - STACK_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE, "[stack]")
    if result < 0:
        return result
    auxv = [
        (AT_HWCAP, HWCAP_SSE2),
        (AT_PAGESZ, PAGE),
        (AT_CLKTCK, CLOCK_TICKS),
        (AT_PHDR, program.headers_address(base)),
        (AT_PHENT, program.phentsize),
        (AT_PHNUM, program.phnum),
        (AT_BASE, interp_base),
        (AT_FLAGS, 0),
        (AT_ENTRY, program.entry + base),
        (AT_UID, 0),
        (AT_EUID, 0),
        (AT_GID, 0),
        (AT_EGID, 0),
        (AT_SECURE, 0),
    ]
    return start_state(entry, build_stack(mm, program.wide, argv, environ, path, auxv, random_bytes))


def build_stack(mm, wide, argv, environ, path, auxv, random_bytes):
    """Put strings, pointers and the auxiliary vector on the stack; the stack pointer."""
    word = 8 if wide else 4
    position = mm.stack_top - 16

    def push(raw):
        nonlocal position
        position -= len(raw)
        mm.poke(position, raw)
        return position

    execfn = push(path + b"\0")
    environ_places = [push(entry + b"\0") for entry in environ]
    argv_places = [push(entry + b"\0") for entry in argv]
    platform = push(b"x86_64\0" if wide else b"i686\0")
    position &= ~15
    seed = push(random_bytes)
    auxv = [*auxv, (AT_RANDOM, seed), (AT_EXECFN, execfn), (AT_PLATFORM, platform), (AT_NULL, 0)]
    words = [len(argv_places), *argv_places, 0, *environ_places, 0]
    for pair in auxv:
        words += pair
    raw = b"".join(value.to_bytes(word, "little") for value in words)
    position -= len(raw)
    position &= ~15
    mm.poke(position, raw)
    return position
