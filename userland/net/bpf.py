"""Conditions on packets as classic BPF programs: a tree of tests becomes instructions with forward jumps."""

from userland.abi.filter import (
    BPF_ABS,
    BPF_ALU,
    BPF_AND,
    BPF_B,
    BPF_H,
    BPF_IND,
    BPF_JA,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JMP,
    BPF_JSET,
    BPF_K,
    BPF_LD,
    BPF_LDX,
    BPF_MAXINSNS,
    BPF_MEM,
    BPF_MEMWORDS,
    BPF_MSH,
    BPF_RET,
    BPF_ST,
    BPF_W,
    SOCK_FILTER,
)

WIDTHS = {1: BPF_B, 2: BPF_H, 4: BPF_W}
# A conditional jump reaches this far.
JUMP_MAX = 255
MASK = 0xFFFFFFFF
NAMES = {
    BPF_LD | BPF_W | BPF_ABS: "ld       [{k}]", BPF_LD | BPF_H | BPF_ABS: "ldh      [{k}]",
    BPF_LD | BPF_B | BPF_ABS: "ldb      [{k}]",
    BPF_LD | BPF_W | BPF_IND: "ld       [x + {k}]", BPF_LD | BPF_H | BPF_IND: "ldh      [x + {k}]",
    BPF_LD | BPF_B | BPF_IND: "ldb      [x + {k}]", 0x80: "ld       #pktlen", 0x81: "ldx      #pktlen", 0x00: "ld       #{k:#x}",
    0x01: "ldx      #{k:#x}", 0x60: "ld       M[{k}]", 0x61: "ldx      M[{k}]", 0x02: "st       M[{k}]", 0x03: "stx      M[{k}]",
    0xB1: "ldxb     4*([{k}]&0xf)", 0x05: "ja       {target}", 0x06: "ret      #{k}", 0x07: "tax", 0x87: "txa",
    BPF_JMP | BPF_JEQ: "jeq      #{k:#x}", BPF_JMP | BPF_JGT: "jgt      #{k:#x}", BPF_JMP | BPF_JGE: "jge      #{k:#x}",
    BPF_JMP | BPF_JSET: "jset     #{k:#x}", BPF_JMP | BPF_JEQ | 8: "jeq      x", BPF_JMP | BPF_JGT | 8: "jgt      x",
    BPF_JMP | BPF_JGE | 8: "jge      x", BPF_JMP | BPF_JSET | 8: "jset     x",
}  # fmt: skip
ALU_NAMES = {
    0x00: "add", 0x10: "sub", 0x20: "mul", 0x30: "div", 0x40: "or", 0x50: "and", 0x60: "lsh", 0x70: "rsh", 0x90: "mod",
    0xA0: "xor",
}  # fmt: skip


class TooLong(Exception):
    """The program has more instructions than a kernel takes."""


class Constant:
    """Always true or always false."""

    def __init__(self, value):
        self.value = value

    def emit(self, program, true, false):
        program.jump(true if self.value else false)


class Test:
    """Instructions that leave something in A, and a comparison of it with a constant (or, with `x`, with X)."""

    def __init__(self, instructions, comparison, value, x=False):
        self.instructions = instructions
        self.comparison = comparison
        self.value = value
        self.x = x

    def emit(self, program, true, false):
        for code, k in self.instructions:
            program.add(code, k)
        program.branch(BPF_JMP | self.comparison | (8 if self.x else 0), self.value, true, false)


class And:
    def __init__(self, left, right):
        self.left = left
        self.right = right

    def emit(self, program, true, false):
        middle = program.label()
        self.left.emit(program, middle, false)
        program.place(middle)
        self.right.emit(program, true, false)


class Or:
    def __init__(self, left, right):
        self.left = left
        self.right = right

    def emit(self, program, true, false):
        middle = program.label()
        self.left.emit(program, true, middle)
        program.place(middle)
        self.right.emit(program, true, false)


class Not:
    def __init__(self, inner):
        self.inner = inner

    def emit(self, program, true, false):
        self.inner.emit(program, false, true)


def every(*conditions):
    """All of them."""
    found = conditions[0]
    for condition in conditions[1:]:
        found = And(found, condition)
    return found


def some(*conditions):
    """At least one of them."""
    found = conditions[0]
    for condition in conditions[1:]:
        found = Or(found, condition)
    return found


def load(width, offset, indexed=False):
    """The instruction that loads `width` bytes at `offset` (behind X where `indexed`)."""
    return BPF_LD | WIDTHS[width] | (BPF_IND if indexed else BPF_ABS), offset


def header_length(offset):
    """The instruction that sets X to the length of the IP header at `offset`."""
    return BPF_LDX | BPF_B | BPF_MSH, offset


def equals(width, offset, value, mask=None):
    """The bytes at `offset`, under a mask, are `value`."""
    instructions = [load(width, offset)]
    if mask is not None and mask != (1 << 8 * width) - 1:
        instructions.append((BPF_ALU | BPF_AND | BPF_K, mask))
    return Test(instructions, BPF_JEQ, value)


class Program:
    """Instructions with labels; `assemble` turns them into what the kernel takes."""

    def __init__(self):
        self.items = []
        self.labels = 0

    def label(self):
        self.labels += 1
        return self.labels

    def place(self, label):
        self.items.append(("label", label, 0, 0))

    def add(self, code, k):
        self.items.append(("plain", code, k, 0))

    def jump(self, label):
        self.items.append(("jump", label, 0, 0))

    def branch(self, code, k, true, false):
        self.items.append(("branch", code, k, (true, false)))

    def assemble(self):
        """[(code, jt, jf, k)]; a branch whose target is out of reach goes by an unconditional jump."""
        far = set()
        while True:
            positions, count = {}, 0
            for index, (kind, code, _, _) in enumerate(self.items):
                if kind == "label":
                    positions[code] = count
                else:
                    count += 3 if index in far else 1
            if count > BPF_MAXINSNS:
                raise TooLong
            out = []
            grown = False
            for index, (kind, code, k, targets) in enumerate(self.items):
                here = len(out) + 1
                if kind == "plain":
                    out.append((code, 0, 0, k))
                elif kind == "jump":
                    out.append((BPF_JMP | BPF_JA, 0, 0, positions[code] - here))
                elif kind == "branch":
                    true, false = (positions[label] - here for label in targets)
                    if index in far:
                        out += [(code, 0, 1, k), (BPF_JMP | BPF_JA, 0, 0, true - 1), (BPF_JMP | BPF_JA, 0, 0, false - 2)]
                    elif max(true, false) > JUMP_MAX:
                        far.add(index)
                        grown = True
                    else:
                        out.append((code, true, false, k))
            if not grown:
                return out


def compile_condition(condition, keep):
    """The program that returns `keep` for packets for which the condition holds, and 0 for the others."""
    program = Program()
    true, false = program.label(), program.label()
    condition.emit(program, true, false)
    program.place(true)
    program.add(BPF_RET | BPF_K, keep)
    program.place(false)
    program.add(BPF_RET | BPF_K, 0)
    return program.assemble()


def encode(program):
    """The bytes of an array of struct sock_filter."""
    return b"".join(SOCK_FILTER.pack(*instruction) for instruction in program)


def listing(program):
    """The program in words, an instruction a line, as tcpdump -d prints it."""
    lines = []
    for position, (code, jt, jf, k) in enumerate(program):
        if code & 7 == BPF_ALU:
            text = f"{ALU_NAMES.get(code & 0xF0, 'neg'):<8} " + ("x" if code & 8 else f"#{k:#x}")
        else:
            text = NAMES.get(code, f"unknown {code:#x}").format(k=k, target=position + 1 + k)
        if code & 7 == BPF_JMP and code & 0xF0:
            text = f"{text:<24} jt {position + 1 + jt}\tjf {position + 1 + jf}"
        lines.append(f"({position:03d}) {text}")
    return "\n".join(lines)


class Machine:
    """Runs a program on frames of a file, as the kernel would; what stands beside a live packet is not there."""

    def __init__(self, program):
        self.program = program

    def run(self, frame, length):
        """How many bytes to keep, 0 for none; `length` is that on the wire."""
        a = x = pc = 0
        memory = [0] * BPF_MEMWORDS
        while True:
            code, jt, jf, k = self.program[pc]
            pc += 1
            kind, mode = code & 7, code & 0xE0
            if kind in (0, 1):
                if mode in (BPF_ABS, BPF_IND):
                    width = {BPF_W: 4, BPF_H: 2, BPF_B: 1}[code & 0x18]
                    start = k if mode == BPF_ABS else (x + k) & MASK
                    if start + width > len(frame):
                        return 0
                    a = int.from_bytes(frame[start : start + width], "big")
                elif mode == BPF_MSH:
                    if k >= len(frame):
                        return 0
                    x = (frame[k] & 15) << 2
                elif kind == 0:
                    a = k if mode == 0 else memory[k] if mode == BPF_MEM else length
                else:
                    x = k if mode == 0 else memory[k] if mode == BPF_MEM else length
            elif kind == BPF_ST:
                memory[k] = a
            elif kind == BPF_ALU:
                a = self.calculate(code & 0xF0, a, x if code & 8 else k)
                if a < 0:
                    return 0
            elif kind == BPF_JMP:
                operand = x if code & 8 else k
                comparison = code & 0xF0
                if comparison == BPF_JA:
                    pc += k
                    continue
                holds = {BPF_JEQ: a == operand, BPF_JGT: a > operand, BPF_JGE: a >= operand, BPF_JSET: a & operand != 0}
                pc += jt if holds[comparison] else jf
            elif kind == BPF_RET:
                return k
            else:
                # Of BPF_MISC our programs use only TAX.
                x = a

    def calculate(self, operation, a, operand):
        """A after an operation, -1 for a division by zero."""
        if operation in (0x30, 0x90):
            return -1 if operand == 0 else a // operand if operation == 0x30 else a % operand
        return {
            0x00: a + operand, 0x10: a - operand, 0x20: a * operand, 0x40: a | operand, 0x50: a & operand,
            0x60: a << (operand & 31), 0x70: a >> (operand & 31), 0xA0: a ^ operand,
        }[operation] & MASK  # fmt: skip
