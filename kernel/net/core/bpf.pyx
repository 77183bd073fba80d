# cython: boundscheck=False, wraparound=False, cdivision=True
"""The interpreter of classic BPF programs (bpf(4), <linux/filter.h>): what a checked program says about an sk_buff.

A program has an accumulator A, an index X and sixteen words of memory; it returns how many bytes of the packet to keep.
Loads from the packet are big-endian; one beyond its end makes the program return 0, as does a division by zero.  Only
programs that `filter.bpf_check_classic` has passed may run: jumps and memory accesses are not checked again.
"""

from libc.stdlib cimport free, malloc

from kernel.net.core.skbuff cimport sk_buff, skb_walk

ctypedef unsigned int u32

cdef struct instruction:
    unsigned short code
    unsigned char jt
    unsigned char jf
    u32 k

cdef enum:
    AD_OFF = 0xFFFFF000
    NET_OFF = 0xFFF00000
    LL_OFF = 0xFFE00000
    P_8021Q = 0x8100


cdef class bpf_prog:
    """A program; `code` is its instructions as the bytes of an array of struct sock_filter."""

    def __cinit__(self, const unsigned char[::1] code, random=None):
        cdef u32 i
        cdef const unsigned char *p
        self.len = <u32>(code.shape[0] // 8)
        self.random = random
        self.program = bytes(code)
        self.insns = <instruction *>malloc(max(self.len, 1) * sizeof(instruction))
        if self.insns is NULL:
            raise MemoryError
        for i in range(self.len):
            p = &code[8 * i]
            self.insns[i].code = p[0] | p[1] << 8
            self.insns[i].jt = p[2]
            self.insns[i].jf = p[3]
            self.insns[i].k = p[4] | p[5] << 8 | p[6] << 16 | <u32>p[7] << 24

    def __dealloc__(self):
        free(self.insns)

    cdef bint _load(self, sk_buff skb, u32 offset, u32 width, u32 *value):
        """`width` big-endian bytes at `offset`; False beyond the packet."""
        cdef unsigned char raw[4]
        cdef u32 head = skb.len - skb.data_len
        cdef const unsigned char *p = raw
        cdef u32 base
        if offset >= LL_OFF:
            # In front of the data or behind it, but always within the linear part.
            if offset >= NET_OFF:
                base = skb.network_header + (offset - NET_OFF)
            else:
                base = skb.mac_header + (offset - LL_OFF)
            if base > skb.data + head or width > skb.data + head - base:
                return False
            p = skb.mem + base
        elif offset <= head and width <= head - offset:
            p = skb.mem + skb.data + offset
        elif offset > skb.len or width > skb.len - offset:
            return False
        elif skb_walk(skb, offset, width, raw) < 0:
            return False
        if width == 1:
            value[0] = p[0]
        elif width == 2:
            value[0] = <u32>p[0] << 8 | p[1]
        else:
            value[0] = <u32>p[0] << 24 | <u32>p[1] << 16 | <u32>p[2] << 8 | p[3]
        return True

    cdef bint _ancillary(self, sk_buff skb, u32 what, u32 a, u32 x, u32 *value):
        """What is known beside the packet (SKF_AD_*); False where there is no device to ask."""
        cdef object dev = skb.dev
        if what == 0:
            value[0] = skb.protocol
        elif what == 4:
            value[0] = skb.pkt_type
        elif what == 8 or what == 28:
            if dev is None:
                return False
            value[0] = dev.ifindex if what == 8 else dev.type
        elif what == 20:
            value[0] = skb.mark
        elif what == 32:
            value[0] = skb.hash
        elif what == 40:
            value[0] = a ^ x
        elif what == 44:
            value[0] = skb.vlan_tci if skb.vlan_present else 0
        elif what == 48:
            value[0] = skb.vlan_present
        elif what == 52:
            value[0] = skb.transport_header - skb.data if skb.transport_header >= skb.data else 0
        elif what == 56:
            value[0] = <u32>(self.random.getrandbits(32) if self.random is not None else 0)
        elif what == 60:
            value[0] = P_8021Q if skb.vlan_present else 0
        else:
            # The queue and the CPU: there is one of each.
            value[0] = 0
        return True

    cpdef unsigned int run(self, sk_buff skb) except? 0xEEEEEEEE:
        """How many bytes of `skb` the program wants to keep; 0: drop it."""
        cdef u32 mem[16]
        cdef u32 a = 0, x = 0, k, operand, offset, pc = 0
        cdef unsigned int code, operation, mode, width
        cdef instruction *insn
        for operand in range(16):
            mem[operand] = 0
        while pc < self.len:
            insn = &self.insns[pc]
            pc += 1
            code = insn.code
            k = insn.k
            operation = code & 7
            if operation == 0 or operation == 1:  # LD, LDX
                mode = code & 0xE0
                width = 4 if code & 0x18 == 0 else 2 if code & 0x18 == 8 else 1
                if mode == 0x20:  # ABS
                    if k >= AD_OFF:
                        if not self._ancillary(skb, k - AD_OFF, a, x, &a):
                            return 0
                    elif not self._load(skb, k, width, &a):
                        return 0
                elif mode == 0x40:  # IND
                    offset = x + k
                    if not self._load(skb, offset, width, &a):
                        return 0
                elif mode == 0xA0:  # MSH
                    if not self._load(skb, k, 1, &x):
                        return 0
                    x = (x & 15) << 2
                else:
                    operand = k if mode == 0 else mem[k & 15] if mode == 0x60 else skb.len
                    if operation == 0:
                        a = operand
                    else:
                        x = operand
            elif operation == 4:  # ALU
                operand = x if code & 8 else k
                mode = code & 0xF0
                if mode == 0x00:
                    a += operand
                elif mode == 0x10:
                    a -= operand
                elif mode == 0x20:
                    a *= operand
                elif mode == 0x30 or mode == 0x90:
                    if operand == 0:
                        return 0
                    a = a // operand if mode == 0x30 else a % operand
                elif mode == 0x40:
                    a |= operand
                elif mode == 0x50:
                    a &= operand
                elif mode == 0x60:
                    a <<= operand & 31
                elif mode == 0x70:
                    a >>= operand & 31
                elif mode == 0x80:
                    a = 0 - a
                else:
                    a ^= operand
            elif operation == 5:  # JMP
                mode = code & 0xF0
                if mode == 0:
                    pc += k
                    continue
                operand = x if code & 8 else k
                if mode == 0x10:
                    pc += insn.jt if a == operand else insn.jf
                elif mode == 0x20:
                    pc += insn.jt if a > operand else insn.jf
                elif mode == 0x30:
                    pc += insn.jt if a >= operand else insn.jf
                else:
                    pc += insn.jt if a & operand else insn.jf
            elif operation == 6:  # RET
                return a if code & 0x18 == 0x10 else k
            elif operation == 2:
                mem[k & 15] = a
            elif operation == 3:
                mem[k & 15] = x
            elif code & 0xF8 == 0x80:  # TXA
                a = x
            else:
                x = a
        return 0
