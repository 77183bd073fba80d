"""Static x86-64 programs: start, memory, threads, fork, signals, faults, and files that are no programs."""

import random
import struct
import subprocess

import pytest
from programs import compiled, run_elf

from hwemu.x86.space import FAULT, REGISTERS, SLICE, SYSCALL, UNMAPPED, Registers, UserSpace
from kernel.arch.memory import library_path
from kernel.exec.elf import BadElf, elf_file, load
from kernel.mm.mmap import user_mm
from kernel.uapi.errno import ENOMEM

MEMORY = (
    "protect 0 unmapped -1 write -1 Bad address munmap 0 fault -1 moved 1 0 fixed 1 huge 1 brk 1\n"
)
THREADS = [
    "counter 16000 sum 68", "fault at 0x1234", "handled 1, 4.5", "read 5 child, exit 42, counter 16000",
    "busy loop ended by 14", "overflow handled",
]  # fmt: skip


@pytest.fixture
def space():
    made = UserSpace(library_path(), 1 << 30, True)
    made.map_pages(0x400000, 0x2000, 5)
    registers = Registers(made)
    made.load(registers)
    return made, registers


def execute(made, code, **registers):
    made.poke(0x400000, bytes.fromhex(code))
    made.forget_code(0x400000, 0x1000)
    made.put(REGISTERS["rip"], 0x400000)
    for name, value in registers.items():
        made.put(REGISTERS[name], value)
    return made.run(1000)


def test_slices_stop_a_loop_and_lose_nothing(space):
    made, _ = space
    made.poke(0x400000, bytes.fromhex("48ffc8 48ffc1 4885c0 75f5 0f05"))
    made.put(REGISTERS["rip"], 0x400000)
    made.put(REGISTERS["rax"], 100000)
    made.put(REGISTERS["rcx"], 0)
    slices = 0
    while made.run(777) == SLICE:
        slices += 1
    assert slices > 100
    assert made.reason == SYSCALL
    assert made.get(REGISTERS["rcx"]) == 100000


def test_faults_say_what_and_where(space):
    made, _ = space
    assert execute(made, "90488b00", rax=0x12345678) == FAULT
    assert (made.fault, made.fault_address, made.get(REGISTERS["rip"])) == (UNMAPPED, 0x12345678, 0x400001)
    assert execute(made, "90488900", rax=0x400000) == FAULT and made.fault != UNMAPPED
    assert execute(made, "f7f1", rcx=0) == FAULT and made.vector == 0
    assert execute(made, "cd80") == SYSCALL and made.vector == 0x80
    # The kernel's copies obey the pages' rights as well.
    assert made.write(0x400000, b"x") is False
    assert made.read(0x402000, 1) is None
    assert made.read(0x401FFF, 2) is None
    assert made.read((1 << 40) - 1, 4) is None


def test_threads_have_registers_of_their_own(space):
    made, first = space
    made.put(REGISTERS["rbx"], 1)
    second = made.copy_registers(made, first)
    made.load(second)
    assert made.get(REGISTERS["rbx"]) == 1
    made.put(REGISTERS["rbx"], 2)
    made.load(first)
    assert made.get(REGISTERS["rbx"]) == 1
    made.load(second)
    assert made.get(REGISTERS["rbx"]) == 2


@pytest.mark.parametrize("kind", ["-static", "-static-pie"])
def test_a_static_program_starts_with_its_arguments_and_has_memory(kind):
    text, status, system = run_elf(compiled("basics", kind), "one", "two words")
    assert text == "prog;one;two words;/root;0;4096\n" + MEMORY
    assert status == 7 << 8
    assert system.kernel.leak_report() == []


@pytest.mark.parametrize(
    ("how", "signal"), [("wild", 11), ("text", 11), ("undefined", 4), ("divide", 8), ("privileged", 11), ("heap", 11)]
)
def test_what_an_instruction_does_wrong_is_a_signal_and_the_log_has_the_registers(how, signal):
    _, status, system = run_elf(compiled("basics", "-static"), how)
    assert status == signal
    assert f"killed by signal {signal}" in system.log
    assert "rip 00000000" in system.log


def test_threads_fork_and_signals():
    text, status, _ = run_elf(compiled("threads", "-static", "-pthread"))
    assert text.splitlines() == THREADS
    assert status == 0


@pytest.fixture(scope="module")
def narrow():
    """gcc's flag for i386, where the host has a 32-bit C library."""
    try:
        compiled("basics", "-m32", "-static")
    except subprocess.CalledProcessError:
        pytest.skip("gcc-multilib is not installed")
    return "-m32"


@pytest.mark.interop
def test_i386_programs(narrow):
    text, status, system = run_elf(compiled("basics", narrow, "-static"), "one")
    assert text == "prog;one;/root;0;4096\n" + MEMORY
    assert status == 7 << 8
    text, status, _ = run_elf(compiled("threads", narrow, "-static", "-pthread"))
    assert text.splitlines() == THREADS
    assert status == 0


@pytest.mark.interop
def test_i386_structures_are_converted(narrow):
    text, status, _ = run_elf(compiled("structures", narrow, "-static"), net="on")
    assert (text, status) == (run_elf(compiled("structures", "-static"), net="on")[0], 0)
    assert "FAILED" not in text and text.count("\n") > 8


def test_the_same_seed_gives_the_same_run():
    def run():
        text, _, system = run_elf(compiled("threads", "-static", "-pthread"))
        return text, system.clock.now, system.kernel.sched.switches

    assert run() == run()


def test_files_that_are_no_programs():
    good = compiled("basics", "-static")

    def changed(offset, raw):
        return good[:offset] + raw + good[offset + len(raw) :]

    hostile = {
        "empty after the magic": b"\x7fELF",
        "truncated header": good[:40],
        "another machine": changed(18, struct.pack("<H", 183)),
        "big endian": changed(5, b"\x02"),
        "a library archive's type": changed(16, struct.pack("<H", 1)),
        "headers past the end": changed(32, struct.pack("<Q", 1 << 60)),
        "a million headers": changed(56, struct.pack("<H", 65535)),
        "no headers": changed(56, struct.pack("<H", 0)),
        "odd header size": changed(54, struct.pack("<H", 57)),
        "cut in the middle": good[:20000],
    }
    for name, content in hostile.items():
        with pytest.raises(BadElf):
            elf_file(content)
        _, status, _ = run_elf(content)
        assert status == -8, name


@pytest.mark.parametrize(("flags", "headers"), [((), 64 + 560), pytest.param(("-m32",), 52 + 320, marks=pytest.mark.interop)])
def test_a_damaged_file_is_refused_or_mapped_within_bounds(flags, headers):
    """1,000 files with damaged headers: no exception but BadElf, no memory past the limit."""
    good = compiled("basics", *flags, "-static")
    chance = random.Random(5)
    refused = loaded = without_memory = 0
    for round_number in range(1000):
        content = bytearray(good)
        for _ in range(chance.randint(1, 2)):
            place = chance.randrange(0, headers)
            if chance.random() < 0.5:
                content[place] = chance.randrange(256)
            else:
                place &= ~7
                content[place : place + 8] = chance.choice((0, 1, 4096, 1 << 31, 1 << 47, (1 << 64) - 1)).to_bytes(8, "little")
        try:
            program = elf_file(bytes(content))
        except BadElf:
            refused += 1
            continue
        if round_number % 10 == 0:
            mm = user_mm(library_path(), 1 << 30, program.wide)
            result = load(mm, program, None, [b"x"], [], b"/x", bytes(16))
            assert mm.pages <= (1 << 30) // 4096
            loaded += not isinstance(result, int)
            without_memory += result == -ENOMEM
    assert refused > 100
    assert loaded > 20
    assert without_memory > 2


@pytest.mark.interop
@pytest.mark.parametrize("flags", [(), ("-m32",)])
def test_dynamically_linked_programs_find_their_linker_and_libraries(flags):
    text, status, system = run_elf(compiled("threads", *flags, "-pthread"), root="/")
    assert text.splitlines() == THREADS
    assert status == 0
    assert system.kernel.leak_report() == []
