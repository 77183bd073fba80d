"""Socket filters: SO_ATTACH_FILTER and its kin, and the rules that a classic BPF program has to keep (socket(7)).

The rules are Linux's bpf_check_classic: only known instructions, jumps forward and inside, memory written before it is
read, and a return at the end.  So a program ends, and touches nothing that is not its own.
"""

from struct import Struct

from kernel.net.core.bpf import bpf_prog
from kernel.net.core.skbuff import skb_pull, skb_push, skb_trim
from kernel.net.core.sock_flags import SOCK_FILTER_LOCKED
from kernel.uapi.errno import EFAULT, EINVAL, ENOENT, ENOMEM, EPERM
from kernel.uapi.filter import (
    BPF_A,
    BPF_ABS,
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_B,
    BPF_DIV,
    BPF_H,
    BPF_IMM,
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
    BPF_LEN,
    BPF_LSH,
    BPF_MAXINSNS,
    BPF_MEM,
    BPF_MEMWORDS,
    BPF_MISC,
    BPF_MOD,
    BPF_MSH,
    BPF_MUL,
    BPF_NEG,
    BPF_OR,
    BPF_RET,
    BPF_RSH,
    BPF_ST,
    BPF_STX,
    BPF_SUB,
    BPF_TAX,
    BPF_TXA,
    BPF_W,
    BPF_X,
    BPF_XOR,
    SKF_AD_ALU_XOR_X,
    SKF_AD_CPU,
    SKF_AD_HATYPE,
    SKF_AD_IFINDEX,
    SKF_AD_MARK,
    SKF_AD_OFF,
    SKF_AD_PAY_OFFSET,
    SKF_AD_PKTTYPE,
    SKF_AD_PROTOCOL,
    SKF_AD_QUEUE,
    SKF_AD_RANDOM,
    SKF_AD_RXHASH,
    SKF_AD_VLAN_TAG,
    SKF_AD_VLAN_TAG_PRESENT,
    SKF_AD_VLAN_TPID,
    SOCK_FILTER_SIZE,
    SOCK_FPROG_SIZE,
)
from kernel.uapi.socket import SO_ATTACH_FILTER, SO_DETACH_FILTER

SOCK_FILTER = Struct("<HBBI")
# What a program costs beside its instructions in net.core.optmem_max.
PROGRAM_OVERHEAD = 64
OPERANDS = (BPF_K, BPF_X)
OPERATIONS = (BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH)
COMPARISONS = (BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET)
PACKET_LOADS = tuple(BPF_LD | mode | width for mode in (BPF_ABS, BPF_IND) for width in (BPF_W, BPF_H, BPF_B))
CONDITIONALS = frozenset(BPF_JMP | comparison | operand for comparison in COMPARISONS for operand in OPERANDS)
KNOWN = frozenset({
    *(BPF_ALU | operation | operand for operation in OPERATIONS for operand in OPERANDS),
    *PACKET_LOADS,
    *CONDITIONALS,
    BPF_ALU | BPF_NEG,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LD | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LDX | BPF_B | BPF_MSH,
    BPF_LDX | BPF_IMM,
    BPF_LDX | BPF_MEM,
    BPF_ST,
    BPF_STX,
    BPF_MISC | BPF_TAX,
    BPF_MISC | BPF_TXA,
    BPF_RET | BPF_K,
    BPF_RET | BPF_A,
    BPF_JMP | BPF_JA,
})
ANCILLARY = frozenset({
    SKF_AD_PROTOCOL, SKF_AD_PKTTYPE, SKF_AD_IFINDEX, SKF_AD_MARK, SKF_AD_QUEUE, SKF_AD_HATYPE, SKF_AD_RXHASH, SKF_AD_CPU,
    SKF_AD_ALU_XOR_X, SKF_AD_VLAN_TAG, SKF_AD_VLAN_TAG_PRESENT, SKF_AD_PAY_OFFSET, SKF_AD_RANDOM, SKF_AD_VLAN_TPID,
})  # fmt: skip


def bpf_check_classic(code):
    """0 for a program (the bytes of an array of struct sock_filter) that may run, otherwise -EINVAL."""
    if len(code) % SOCK_FILTER_SIZE or not 1 <= len(code) // SOCK_FILTER_SIZE <= BPF_MAXINSNS:
        return -EINVAL
    program = list(SOCK_FILTER.iter_unpack(code))
    for position, (op, jt, jf, k) in enumerate(program):
        left = len(program) - position - 1
        if op not in KNOWN or not operand_fits(op, k):
            return -EINVAL
        if op == BPF_JMP | BPF_JA and k >= left:
            return -EINVAL
        if op in CONDITIONALS and (jt >= left or jf >= left):
            return -EINVAL
    if program[-1][0] not in (BPF_RET | BPF_K, BPF_RET | BPF_A):
        return -EINVAL
    return check_loads_and_stores(program)


def operand_fits(op, k):
    """False for a division by a constant 0, a shift out of the word, a memory word or an ancillary load that is none."""
    if op in (BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_MOD | BPF_K):
        return k != 0
    if op in (BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_K):
        return k < 32
    if op in (BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX):
        return k < BPF_MEMWORDS
    if op in PACKET_LOADS and op & BPF_ABS and k >= SKF_AD_OFF:
        return k - SKF_AD_OFF in ANCILLARY
    return True


def check_loads_and_stores(program):
    """-EINVAL when a memory word may be read before it was written on some way through the program."""
    everything = (1 << BPF_MEMWORDS) - 1
    # By instruction: the words that are written on every way that leads there.
    written = [everything] * len(program)
    valid = 0
    for position, (op, jt, jf, k) in enumerate(program):
        valid &= written[position]
        if op in (BPF_ST, BPF_STX):
            valid |= 1 << k
        elif op in (BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM):
            if not valid >> k & 1:
                return -EINVAL
        elif op == BPF_JMP | BPF_JA:
            written[position + 1 + k] &= valid
            valid = everything
        elif op in CONDITIONALS:
            written[position + 1 + jt] &= valid
            written[position + 1 + jf] &= valid
            valid = everything
    return 0


# --- sockets ---


def sk_filter_option(sk, optname, optval):
    """SO_ATTACH_FILTER, SO_DETACH_FILTER and SO_LOCK_FILTER; 0 or a negative errno."""
    locked = sk.sk_flags & SOCK_FILTER_LOCKED != 0
    if optname == SO_ATTACH_FILTER:
        return -EPERM if locked else sk_attach_filter(sk, optval)
    if optname == SO_DETACH_FILTER:
        if locked:
            return -EPERM
        if sk.sk_filter is None:
            return -ENOENT
        sk.sk_filter = None
        return 0
    if locked and not any(optval[:4]):
        return -EPERM
    if any(optval[:4]):
        sk.sk_flags |= SOCK_FILTER_LOCKED
    return 0


def sk_attach_filter(sk, optval):
    """Take the program that a struct sock_fprog points to; it replaces the one before."""
    program = read_program(sk.net, optval)
    if isinstance(program, int):
        return program
    sk.sk_filter = program
    return 0


def read_program(net, optval):
    """The `bpf_prog` that a struct sock_fprog of the running task points to, or a negative errno (an int)."""
    if len(optval) != SOCK_FPROG_SIZE:
        return -EINVAL
    count = int.from_bytes(optval[:2], "little")
    address = int.from_bytes(optval[8:16], "little")
    if address == 0 or not 1 <= count <= BPF_MAXINSNS:
        return -EINVAL
    if count * SOCK_FILTER_SIZE + PROGRAM_OVERHEAD > net.sysctl_optmem_max:
        return -ENOMEM
    code = net.sockfs.get_bytes(address, count * SOCK_FILTER_SIZE)
    if code is None:
        return -EFAULT
    err = bpf_check_classic(code)
    return err if err < 0 else bpf_prog(code, net.random)


def sk_filter_trim_cap(sk, skb, cap):
    """Ask the socket's filter about a packet: 0, shortened to what it wants to keep (at least `cap` bytes), or -EPERM."""
    length = sk.sk_filter.run(skb)
    if length == 0:
        return -EPERM
    if length < skb.len:
        skb_trim(skb, max(length, cap))
    return 0


def udp_filter(sk, skb, header):
    """As sk_filter_trim_cap for a datagram whose data stands `header` bytes behind what the filter is to see."""
    skb_push(skb, header)
    err = sk_filter_trim_cap(sk, skb, header)
    skb_pull(skb, header)
    return err
