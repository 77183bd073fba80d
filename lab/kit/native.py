"""The compiled half of a call stack: which function and line of which room a machine address lies in.

Compiled rooms have no Python frames.  libgcc's unwinder gives the return addresses, `dladdr` (dladdr(3)) the file that
each lies in, and the file's DWARF tables (version 4 or 5; the build keeps function and line tables, `-g1`) the
functions, those that gcc has put into their callers among them, and the lines of the .py or .pyx they were made from.
"""

import ctypes
import os
import re
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

DEPTH = 128
SOURCES = (".py", ".pyx", ".pxd")
# Cython's names of a function's body: of one with a C signature, and of one for Python.  Wrappers (pw) only call them.
CYTHON_NAME = re.compile(r"__pyx_(f|pf)_")
CLASS = re.compile(r"^\s*(?:cdef )?class (\w+)", re.MULTILINE)
# The function that runs Python code, the greenlet library's file, below which another task's frames lie.
EVAL = b"_PyEval_EvalFrame"
GREENLET = b"/_greenlet"


class DlInfo(ctypes.Structure):
    """dladdr(3)'s answer."""

    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


class Place(NamedTuple):
    """A function of a compiled room: the .so's path, the source's file name, the line (0: not known), the name, and
    whether it is the body that Python calls."""

    image: str
    source: str
    line: int
    name: str
    for_python: bool


def unwinder():
    """libgcc's unwinder, or None where there is none."""
    try:
        library = ctypes.PyDLL("libgcc_s.so.1")
        library._Unwind_GetIP.restype = ctypes.c_size_t
        library._Unwind_GetIP.argtypes = [ctypes.c_void_p]
    except (OSError, AttributeError):
        return None
    return library


LIBC = ctypes.PyDLL(None)
UNWINDER = unwinder() if hasattr(LIBC, "dladdr") else None
GO_ON, STOP = 0, 5


def backtrace():
    """The addresses of the C frames' calls, from the inside out, without what lies below a greenlet.

    A greenlet's oldest frame has no caller any more: its part of the stack may have been another's in the meantime.
    """
    addresses = []
    if UNWINDER is None:
        return addresses
    get_ip = UNWINDER._Unwind_GetIP

    def visit(context, _argument):
        # A return address may be the first of the next line, or of the next function.
        address = get_ip(context) - 1
        addresses.append(address)
        return STOP if len(addresses) == DEPTH or begins_a_task(address) else GO_ON

    UNWINDER._Unwind_Backtrace(VISITOR(visit), None)
    return addresses


VISITOR = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
PYTHON_CODE = "python"


def symbol_of(address):
    """dladdr's answer, or None."""
    info = DlInfo()
    found = LIBC.dladdr(ctypes.c_void_p(address), ctypes.byref(info))
    return info if found and info.file else None


@cache
def begins_a_task(address):
    info = symbol_of(address)
    return info is not None and GREENLET in info.file


def walk(addresses):
    """Each frame from the inside out: `PYTHON_CODE` where Python code runs, a list of `Place` in a compiled module."""
    for address in addresses:
        step = step_at(address)
        if step:
            yield step


@cache
def step_at(address):
    info = symbol_of(address)
    if info is None:
        return None
    if info.symbol and info.symbol.startswith(EVAL):
        return PYTHON_CODE
    return image_of(os.fsdecode(info.file)).places(address - info.base) if info.file.endswith(b".so") else None


@cache
def image_of(path):
    return Image(path)


class Image:
    """The functions and lines of one compiled module."""

    def __init__(self, path):
        self.path = path
        self.source = source_of(path)
        self.scopes = scopes(path, self.source)
        self.functions = []
        self.starts = []
        self.lines = []
        self.line_starts = []
        try:
            with open(path, "rb") as file:
                self.load(ELFFile(file))
        except (OSError, ELFError):
            return
        self.functions.sort(key=lambda item: item[0])
        self.starts = [item[0] for item in self.functions]
        self.lines.sort(key=lambda item: item[0])
        self.line_starts = [item[0] for item in self.lines]

    def load(self, elf):
        if not elf.has_dwarf_info():
            return
        dwarf = elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            names = [entry.name.decode(errors="replace") for entry in program["file_entry"]] if program else []
            if program and program.header["version"] < 5:
                names.insert(0, "")
            ranges = dwarf.range_lists()
            for die in unit.get_top_DIE().iter_children():
                if die.tag == "DW_TAG_subprogram":
                    for low, high in extents(die, unit, ranges):
                        self.functions.append((low, high, die, unit, ranges, names))
            for entry in program.get_entries() if program else ():
                state = entry.state
                if state is not None:
                    source = names[state.file] if not state.end_sequence and state.file < len(names) else ""
                    self.lines.append((state.address, source, state.line))

    def places(self, offset):
        """The functions at this offset, the innermost first; none for what is not made from a room."""
        at = bisect_right(self.starts, offset) - 1
        if at < 0 or not self.functions[at][0] <= offset < self.functions[at][1]:
            return []
        _, _, die, unit, ranges, files = self.functions[at]
        chain = [die]
        inner = die
        while inner is not None:
            inner = next(
                (
                    child
                    for child in inlined(inner)
                    if any(low <= offset < high for low, high in extents(child, unit, ranges))
                ),
                None,
            )
            if inner is not None:
                chain.append(inner)
        source, line = self.line_at(offset)
        found = []
        for die in reversed(chain):
            symbol = symbol_name(die)
            name = demangle(symbol, self.scopes)
            if name is not None:
                if not source.endswith(SOURCES):
                    source, line = self.source.name, 0
                found.append(Place(self.path, source, line, name, symbol.startswith("__pyx_pf_")))
            call = die.attributes.get("DW_AT_call_line")
            if call is not None:
                number = die.attributes["DW_AT_call_file"].value
                source, line = files[number] if number < len(files) else "", call.value
        return found

    def line_at(self, offset):
        at = bisect_right(self.line_starts, offset) - 1
        return self.lines[at][1:] if at >= 0 else ("", 0)


def inlined(die):
    """The calls that gcc has replaced by the function's own code, also inside of blocks."""
    for child in die.iter_children():
        if child.tag == "DW_TAG_inlined_subroutine":
            yield child
        elif child.tag == "DW_TAG_lexical_block":
            yield from inlined(child)


def extents(die, unit, ranges):
    """The [low, high) that a function's code lies in, as offsets into the file's memory."""
    attributes = die.attributes
    if "DW_AT_low_pc" in attributes and "DW_AT_high_pc" in attributes:
        low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
        return [(low, high.value if high.form == "DW_FORM_addr" else low + high.value)]
    if "DW_AT_ranges" not in attributes or ranges is None:
        return []
    top = unit.get_top_DIE().attributes
    base = top["DW_AT_low_pc"].value if "DW_AT_low_pc" in top else 0
    found = []
    for entry in ranges.get_range_list_at_offset(attributes["DW_AT_ranges"].value, unit):
        if hasattr(entry, "base_address"):
            base = entry.base_address
        else:
            shift = 0 if getattr(entry, "is_absolute", False) else base
            found.append((entry.begin_offset + shift, entry.end_offset + shift))
    return found


def symbol_name(die):
    """The C name of a function or of the one that has been put into its caller; empty when it has none."""
    while "DW_AT_name" not in die.attributes:
        if "DW_AT_abstract_origin" not in die.attributes:
            return ""
        die = die.get_DIE_from_attribute("DW_AT_abstract_origin")
    return die.attributes["DW_AT_name"].value.decode(errors="replace")


def source_of(path):
    """The source beside a compiled module."""
    stem = Path(path).name.partition(".")[0]
    candidates = [Path(path).with_name(stem + suffix) for suffix in SOURCES]
    return next((candidate for candidate in candidates if candidate.exists()), Path(path))


def scopes(path, source):
    """The names that Cython may put in front of a function's: packages, the module, and its classes."""
    names = {*Path(path).parent.parts, source.stem}
    if source.suffix in SOURCES:
        names.update(CLASS.findall(source.read_text(errors="replace")))
    return names


def demangle(symbol, scopes):
    """"clean" of "__pyx_f_6driver_5e1000_4ring_clean", or None for what is no function of a room.

    `scopes` has the names of packages, modules and classes: a number that stands before another name is not its length
    but counts the functions for Python.
    """
    match = CYTHON_NAME.match(symbol)
    if match is None:
        return None
    rest = symbol[match.end() :]
    while number := re.match(r"\d+", rest):
        size, tail = int(number[0]), rest[number.end() :]
        if tail[:size] not in scopes:
            return tail
        rest = tail[size + 1 :]
    return rest
