"""The filters of inet_diag: small programs of ports, addresses, devices and marks that ss(8) compiles (<linux/inet_diag.h>).

An operation is a code and two jumps in bytes, `yes` and `no`; what it compares with stands behind it.  A jump exactly to
the end accepts, one four bytes beyond refuses.
"""

from struct import Struct

from kernel.uapi.sock_diag import (
    INET_DIAG_BC_AUTO,
    INET_DIAG_BC_D_COND,
    INET_DIAG_BC_D_EQ,
    INET_DIAG_BC_D_GE,
    INET_DIAG_BC_D_LE,
    INET_DIAG_BC_DEV_COND,
    INET_DIAG_BC_JMP,
    INET_DIAG_BC_MARK_COND,
    INET_DIAG_BC_NOP,
    INET_DIAG_BC_S_COND,
    INET_DIAG_BC_S_EQ,
    INET_DIAG_BC_S_GE,
    INET_DIAG_BC_S_LE,
)
from kernel.uapi.socket import AF_INET

OP = Struct("<BBH")
HOSTCOND = Struct("<BBxxi")
OP_SIZE = 4
# How many bytes each operation has with what stands behind it.
SIZES = {
    INET_DIAG_BC_NOP: OP_SIZE, INET_DIAG_BC_JMP: OP_SIZE, INET_DIAG_BC_AUTO: OP_SIZE,
    **dict.fromkeys((INET_DIAG_BC_S_GE, INET_DIAG_BC_S_LE, INET_DIAG_BC_D_GE, INET_DIAG_BC_D_LE), 2 * OP_SIZE),
    **dict.fromkeys((INET_DIAG_BC_S_EQ, INET_DIAG_BC_D_EQ, INET_DIAG_BC_DEV_COND), 2 * OP_SIZE),
    INET_DIAG_BC_S_COND: OP_SIZE + HOSTCOND.size, INET_DIAG_BC_D_COND: OP_SIZE + HOSTCOND.size,
    INET_DIAG_BC_MARK_COND: OP_SIZE + 8,
}  # fmt: skip


def audit(code):
    """True when every operation is known, whole, and jumps forward to another one, to the end or just beyond."""
    starts = []
    position = 0
    jumps = []
    while position < len(code):
        if len(code) - position < OP_SIZE:
            return False
        op, yes, no = OP.unpack_from(code, position)
        size = SIZES.get(op)
        if size is None or len(code) - position < size:
            return False
        if op in (INET_DIAG_BC_S_COND, INET_DIAG_BC_D_COND):
            family, plen, _ = HOSTCOND.unpack_from(code, position + OP_SIZE)
            if family not in (0, AF_INET) or plen > 32 or (family and len(code) - position < size + 4):
                return False
        starts.append(position)
        if op != INET_DIAG_BC_NOP:
            if no % 4 or no < OP_SIZE or no > len(code) - position + OP_SIZE:
                return False
            jumps.append(position + no)
        if yes % 4 or yes < OP_SIZE or yes > len(code) - position + OP_SIZE:
            return False
        position += yes
    return position == len(code) and all(jump in starts or jump >= len(code) for jump in jumps)


def accepts(code, entry):
    """True when the program takes the socket (Linux: inet_diag_bc_run)."""
    position = 0
    while position < len(code):
        op, yes, no = OP.unpack_from(code, position)
        position += yes if holds(op, code, position, entry) else no
    return position == len(code)


def holds(op, code, position, entry):
    if op == INET_DIAG_BC_NOP:
        return True
    if op == INET_DIAG_BC_JMP:
        return False
    if op == INET_DIAG_BC_AUTO:
        return not entry.bound
    if op in (INET_DIAG_BC_S_COND, INET_DIAG_BC_D_COND):
        family, plen, port = HOSTCOND.unpack_from(code, position + OP_SIZE)
        own = op == INET_DIAG_BC_S_COND
        if port not in (-1, entry.sport if own else entry.dport):
            return False
        if plen == 0 or family == 0:
            return True
        wanted = int.from_bytes(code[position + OP_SIZE + HOSTCOND.size :][:4], "big")
        return ((entry.saddr if own else entry.daddr) ^ wanted) >> 32 - plen == 0
    if op == INET_DIAG_BC_DEV_COND:
        return int.from_bytes(code[position + OP_SIZE : position + 2 * OP_SIZE], "little") == entry.ifindex
    if op == INET_DIAG_BC_MARK_COND:
        mark, mask = Struct("<II").unpack_from(code, position + OP_SIZE)
        return entry.mark & mask == mark
    # The port to compare with stands where the next operation has its second jump.
    port = int.from_bytes(code[position + OP_SIZE + 2 : position + OP_SIZE + 4], "little")
    value = entry.sport if op in (INET_DIAG_BC_S_GE, INET_DIAG_BC_S_LE, INET_DIAG_BC_S_EQ) else entry.dport
    if op in (INET_DIAG_BC_S_GE, INET_DIAG_BC_D_GE):
        return value >= port
    return value <= port if op in (INET_DIAG_BC_S_LE, INET_DIAG_BC_D_LE) else value == port
