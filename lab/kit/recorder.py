"""Register traffic on record, and the assertions that tests make about it.

    with kit.recorder.section() as traffic:
        board.send(frames)
    traffic.wrote("TDT", times=1)
    traffic.never_touched("RCTL")
"""

from contextlib import contextmanager
from typing import NamedTuple

from hwemu.nic.e1000.registers import LAYOUT, register_names
from lab.kit.seams import RegisterMiddleware

READ = "read"
WRITE = "write"
NAMES = register_names()
SHOWN = 12


def name_of(offset):
    """The manual's name of the register at `offset`, or its number; the 82542's old offsets have their new names."""
    word = LAYOUT.canonical[(offset & 0x1FFFF) >> 2]
    return NAMES.get(word, f"{word:05X}")


class Access(NamedTuple):
    """One access: time in ns, READ or WRITE, the register's name and byte offset, width in bytes, value, window."""

    time: int
    kind: str
    name: str
    offset: int
    width: int
    value: int
    window: str

    def __str__(self):
        arrow = "->" if self.kind == READ else "<-"
        return f"{self.time:>12} {self.kind:5} {self.name} {arrow} {self.value:#x}" + (" (io)" if self.window == "io" else "")


class Traffic:
    """Accesses in order, and assertions about them.  `name` is a register's name; one of a table is MTA[5]."""

    def __init__(self, accesses=None):
        self.accesses = [] if accesses is None else accesses

    def of(self, name, kind=None):
        """The accesses of a register; a table's bare name ("MTA") means all of its words."""
        return [
            access for access in self.accesses
            if (access.name == name or access.name.startswith(name + "[")) and kind in (None, access.kind)
        ]  # fmt: skip

    def reads(self, name):
        return self.of(name, READ)

    def writes(self, name):
        return self.of(name, WRITE)

    def values(self, name):
        """What was written to a register, in order."""
        return [access.value for access in self.writes(name)]

    def wrote(self, name, value=None, times=None):
        """Assert that a register was written: `times` times (None: at least once), `value` each time (None: any)."""
        found = self.writes(name)
        if value is not None:
            found = [access for access in found if access.value == value]
        self._count(f"writes of {name}" + ("" if value is None else f" with {value:#x}"), found, times)

    def was_read(self, name, times=None):
        """Assert that a register was read."""
        self._count(f"reads of {name}", self.reads(name), times)

    def _count(self, what, found, times):
        good = len(found) == times if times is not None else bool(found)
        assert good, f"{len(found)} {what}, expected {'some' if times is None else times}\n{self.picture()}"

    def never_touched(self, name):
        """Assert that nobody read or wrote a register."""
        found = self.of(name)
        assert not found, f"{name} was touched:\n" + "\n".join(str(access) for access in found[:SHOWN])

    def never_wrote(self, name):
        found = self.writes(name)
        assert not found, f"{name} was written:\n" + "\n".join(str(access) for access in found[:SHOWN])

    def in_order(self, *names):
        """Assert that the first writes of these registers came in this order."""
        order = [access.name for access in self.accesses if access.kind == WRITE]
        places = []
        for name in names:
            assert name in order, f"{name} was never written\n{self.picture()}"
            places.append(order.index(name))
        assert places == sorted(places), f"{' before '.join(names)}: not in this order\n{self.picture()}"

    def picture(self):
        """The last accesses, a line each."""
        return "\n".join(str(access) for access in self.accesses[-SHOWN:]) or "(no register was touched)"


class RegisterRecorder(RegisterMiddleware, Traffic):
    """Records what the driver does and sees.  At most `limit` accesses are kept; then the older half goes."""

    def __init__(self, clock, seam, limit=200_000):
        Traffic.__init__(self)
        self.clock = clock
        self.seam = seam
        self.limit = limit
        self.sections = []
        seam.add(self)

    def read(self, offset, width):
        value = self.inner.read(offset, width)
        self._note(READ, offset, width, value)
        return value

    def write(self, offset, width, value):
        self._note(WRITE, offset, width, value)
        self.inner.write(offset, width, value)

    def _note(self, kind, offset, width, value):
        access = Access(self.clock.now, kind, name_of(offset), offset, width, value, self.seam.window)
        if len(self.accesses) >= self.limit:
            del self.accesses[: self.limit // 2]
        self.accesses.append(access)
        for section in self.sections:
            section.accesses.append(access)

    def clear(self):
        self.accesses.clear()

    @contextmanager
    def section(self):
        """What happens inside the `with`, as a `Traffic` of its own."""
        traffic = Traffic()
        self.sections.append(traffic)
        try:
            yield traffic
        finally:
            self.sections = [section for section in self.sections if section is not traffic]
