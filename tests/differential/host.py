"""The host's own Linux carries out sequences: `host.c`, compiled once, in network namespaces of its own.

Needs root and gcc, and an x86-64 host.  What goes to the executor, little-endian: the length of a sequence, then its
number of steps and whether two tasks take part, then each step (struct step of host.c) with its pokes behind it.
"""

import hashlib
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from .calls import PSEUDO, numbers
from .sequence import Fd, Outcome, Ptr, RoPtr

SOURCE = Path(__file__).with_name("host.c")
NUMBER, DESCRIPTOR, WRITABLE, READONLY = range(4)
ARGUMENT = struct.Struct("<Bq")
POKE = struct.Struct("<BHH")
STEP = struct.Struct("<BBBxHH")
OUTCOME = struct.Struct("<qBbH")
RUN = struct.Struct("<HH")
MASK = (1 << 64) - 1
PADDING = ARGUMENT.pack(NUMBER, 0)


def missing():
    """Why the host's kernel can not be asked, or "" where it can."""
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        return "the host's numbers are those of x86-64 Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    return "" if shutil.which("gcc") else "gcc compiles the executor"


def compiled():
    """The path of the executor, compiled where it is not yet."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    binary = Path(tempfile.gettempdir()) / f"hwemu-differential-{os.getuid()}-{digest}"
    if not binary.exists():
        fresh = binary.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", "-O2", "-pthread", "-o", str(fresh), str(SOURCE)], check=True)
        fresh.replace(binary)
    return binary


def pair_of(value):
    """(kind, number) of an argument or a part of a poke."""
    if isinstance(value, Fd):
        return DESCRIPTOR, value.slot
    if isinstance(value, Ptr):
        return WRITABLE, value.offset
    if isinstance(value, RoPtr):
        return READONLY, value.offset
    value &= MASK
    return NUMBER, value - (1 << 64) if value >> 63 else value


def encoded_poke(poke):
    """The records of one poke (how many, the bytes)."""
    count, out, offset = 0, b"", poke.offset
    for part in poke.parts:
        if isinstance(part, bytes):
            out += POKE.pack(NUMBER, offset, len(part)) + part
            offset += len(part)
        else:
            kind, value = pair_of(part)
            size = 4 if kind == DESCRIPTOR else 8
            out += POKE.pack(kind, offset, size) + struct.pack("<q", value)
            offset += size
        count += 1
    return count, out


def encoded(sequence, table):
    """A sequence as the executor reads it."""
    parts = [struct.pack("<HH", len(sequence.steps), sequence.together)]
    for step in sequence.steps:
        number = PSEUDO[step.call] if step.call in PSEUDO else table[step.call][0]
        parts.append(STEP.pack(step.task, step.makes, step.slot, step.pair, number))
        parts.extend(ARGUMENT.pack(*pair_of(value)) for value in step.arguments)
        parts.append(PADDING * (6 - len(step.arguments)))
        pokes = [encoded_poke(poke) for poke in step.pokes]
        parts.append(struct.pack("<H", sum(count for count, _ in pokes)))
        parts.extend(data for _, data in pokes)
    body = b"".join(parts)
    return struct.pack("<I", len(body)) + body


def decoded(data):
    """The outcomes in what the executor wrote about one sequence."""
    outcomes, at = [], 0
    while at < len(data):
        result, sigpipes, finished, runs = OUTCOME.unpack_from(data, at)
        at += OUTCOME.size
        changes = []
        for _ in range(runs):
            offset, size = RUN.unpack_from(data, at)
            at += RUN.size
            changes.append((offset, data[at : at + size]))
            at += size
        outcomes.append(Outcome(result, sigpipes, finished, tuple(changes)))
    return outcomes


class Host:
    """A network namespace of the host with an executor in it; a context manager."""

    def __init__(self):
        self.table = numbers()
        self.process = subprocess.Popen([compiled()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def send(self, sequence):
        """Have a sequence carried out; its outcomes are read with `receive`, in the same order."""
        self.process.stdin.write(encoded(sequence, self.table))
        self.process.stdin.flush()

    def receive(self):
        """The outcomes of the sequence that was sent first; [] when its child had to be killed."""
        head = self.process.stdout.read(4)
        if len(head) < 4:
            raise RuntimeError(f"the executor has ended with status {self.process.wait()}")
        size = struct.unpack("<I", head)[0]
        return decoded(self.process.stdout.read(size))

    def run(self, sequence):
        self.send(sequence)
        return self.receive()
