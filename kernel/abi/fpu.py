"""Floating-point registers of a thread as signal frames have them: FXSAVE's image, and in front of it on i386 that of FSAVE.

Layouts: Intel's manual, volume 1, tables 8-4 and 10-2; Linux, asm/sigcontext.h.  A handler begins with the registers as
they are at a program's start, and sigreturn(2) brings back what the frame says.
"""

from struct import Struct

from kernel.arch.memory import FLOATS

FXSAVE_SIZE = 512
# Control and status word, abridged tags, opcode of the last instruction, its address and that of its operand, MXCSR, mask.
FX_HEAD = Struct("<HHBxHQQII")
FX_REGISTERS, FX_XMM = 32, 160
# The same of FSAVE in words of 32 bits, with the tag word in full; the registers; then whether FXSAVE's image follows.
FSAVE_HEAD = Struct("<7I")
FSAVE_TAIL = Struct("<HH")
FSAVE_SIZE = FSAVE_HEAD.size + 80 + FSAVE_TAIL.size
RESERVED = 0xFFFF0000
X87_REGISTERS = 8
REGISTER_SIZE = 10
XMM_SIZE = 16
# What FNINIT and a reset leave.
CONTROL_WORD, MXCSR = 0x37F, 0x1F80
ALL_EMPTY = 0xFFFF
MXCSR_MASK = 0xFFFF
EMPTY = 3


def word(mm, name, size):
    return int.from_bytes(mm.get_bytes(FLOATS[name], size), "little")


def put_word(mm, name, value, size):
    mm.put_bytes(FLOATS[name], value.to_bytes(size, "little"))


def reset(mm, xmms):
    """The loaded thread's floating-point registers as at a program's start."""
    put_x87(mm, CONTROL_WORD, 0, ALL_EMPTY, [bytes(REGISTER_SIZE)] * X87_REGISTERS)
    put_word(mm, "mxcsr", MXCSR, 4)
    for number in range(xmms):
        mm.put_bytes(FLOATS["xmm0"] + number, bytes(XMM_SIZE))


def put_x87(mm, control, status, tags, registers):
    """The status word has the top of the stack, which says what `registers`, from ST(0) on, are."""
    put_word(mm, "fpcw", control, 2)
    put_word(mm, "fpsw", status, 2)
    put_word(mm, "fptag", tags, 2)
    for number, value in enumerate(registers):
        mm.put_bytes(FLOATS["st0"] + number, value)


def stack(mm):
    """The registers of the x87 from ST(0) on."""
    return [mm.get_bytes(FLOATS["st0"] + number, REGISTER_SIZE) for number in range(X87_REGISTERS)]


def fxsave(mm, xmms):
    """The image that FXSAVE would store."""
    tags = word(mm, "fptag", 2)
    abridged = sum(1 << number for number in range(X87_REGISTERS) if tags >> 2 * number & 3 != EMPTY)
    image = bytearray(FXSAVE_SIZE)
    FX_HEAD.pack_into(
        image, 0, word(mm, "fpcw", 2), word(mm, "fpsw", 2), abridged, word(mm, "fop", 2), word(mm, "fip", 8),
        word(mm, "fdp", 8), word(mm, "mxcsr", 4), MXCSR_MASK,
    )  # fmt: skip
    for number, value in enumerate(stack(mm)):
        place = FX_REGISTERS + 16 * number
        image[place : place + REGISTER_SIZE] = value
    for number in range(xmms):
        place = FX_XMM + XMM_SIZE * number
        image[place : place + XMM_SIZE] = mm.get_bytes(FLOATS["xmm0"] + number, XMM_SIZE)
    return bytes(image)


def restore_xmm(mm, image, xmms):
    """MXCSR and the XMM registers of FXSAVE's image; False where MXCSR has a bit that there is not."""
    mxcsr = int.from_bytes(image[24:28], "little")
    if mxcsr & ~MXCSR_MASK:
        return False
    put_word(mm, "mxcsr", mxcsr, 4)
    for number in range(xmms):
        place = FX_XMM + XMM_SIZE * number
        mm.put_bytes(FLOATS["xmm0"] + number, image[place : place + XMM_SIZE])
    return True


def fxrstor(mm, image, xmms):
    """What FXRSTOR would load from its image; False as `restore_xmm`."""
    control, status, abridged = FX_HEAD.unpack_from(image)[:3]
    tags = sum(EMPTY << 2 * number for number in range(X87_REGISTERS) if not abridged >> number & 1)
    places = range(FX_REGISTERS, FX_REGISTERS + 16 * X87_REGISTERS, 16)
    put_x87(mm, control, status, tags, [image[place : place + REGISTER_SIZE] for place in places])
    return restore_xmm(mm, image, xmms)


def fsave(mm):
    """What lies in front of FXSAVE's image in a frame of i386."""
    head = FSAVE_HEAD.pack(
        RESERVED | word(mm, "fpcw", 2), RESERVED | word(mm, "fpsw", 2), RESERVED | word(mm, "fptag", 2),
        word(mm, "fip", 4), word(mm, "fcs", 2) | word(mm, "fop", 2) << 16, word(mm, "fdp", 4), RESERVED | word(mm, "fds", 2),
    )  # fmt: skip
    return head + b"".join(stack(mm)) + FSAVE_TAIL.pack(word(mm, "fpsw", 2), 0)


def frstor(mm, image):
    """The x87's part of such a frame."""
    control, status, tags = (value & 0xFFFF for value in FSAVE_HEAD.unpack_from(image)[:3])
    places = range(FSAVE_HEAD.size, FSAVE_HEAD.size + REGISTER_SIZE * X87_REGISTERS, REGISTER_SIZE)
    put_x87(mm, control, status, tags, [image[place : place + REGISTER_SIZE] for place in places])
