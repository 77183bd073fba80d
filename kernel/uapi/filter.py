"""<linux/filter.h> and <linux/bpf_common.h>: the classic Berkeley packet filter (McCanne and Jacobson, 1993)."""

# An instruction is a code of 16 bits, two jump offsets of 8 bits and a number of 32 bits.
SOCK_FILTER_SIZE = 8
# struct sock_fprog (LP64): a length and a pointer.
SOCK_FPROG_SIZE = 16
BPF_MAXINSNS = 4096
BPF_MEMWORDS = 16

# Classes.
BPF_LD = 0x00
BPF_LDX = 0x01
BPF_ST = 0x02
BPF_STX = 0x03
BPF_ALU = 0x04
BPF_JMP = 0x05
BPF_RET = 0x06
BPF_MISC = 0x07
# Widths and modes of loads.
BPF_W = 0x00
BPF_H = 0x08
BPF_B = 0x10
BPF_IMM = 0x00
BPF_ABS = 0x20
BPF_IND = 0x40
BPF_MEM = 0x60
BPF_LEN = 0x80
BPF_MSH = 0xA0
# Operations of BPF_ALU and BPF_JMP, and where their second operand comes from.
BPF_ADD = 0x00
BPF_SUB = 0x10
BPF_MUL = 0x20
BPF_DIV = 0x30
BPF_OR = 0x40
BPF_AND = 0x50
BPF_LSH = 0x60
BPF_RSH = 0x70
BPF_NEG = 0x80
BPF_MOD = 0x90
BPF_XOR = 0xA0
BPF_JA = 0x00
BPF_JEQ = 0x10
BPF_JGT = 0x20
BPF_JGE = 0x30
BPF_JSET = 0x40
BPF_K = 0x00
BPF_X = 0x08
BPF_A = 0x10
BPF_TAX = 0x00
BPF_TXA = 0x80

# Offsets beyond the packet: what is known beside it, the network header, the link header.
SKF_AD_OFF = 0xFFFFF000
SKF_NET_OFF = 0xFFF00000
SKF_LL_OFF = 0xFFE00000
SKF_AD_PROTOCOL = 0
SKF_AD_PKTTYPE = 4
SKF_AD_IFINDEX = 8
SKF_AD_MARK = 20
SKF_AD_QUEUE = 24
SKF_AD_HATYPE = 28
SKF_AD_RXHASH = 32
SKF_AD_CPU = 36
SKF_AD_ALU_XOR_X = 40
SKF_AD_VLAN_TAG = 44
SKF_AD_VLAN_TAG_PRESENT = 48
SKF_AD_PAY_OFFSET = 52
SKF_AD_RANDOM = 56
SKF_AD_VLAN_TPID = 60
SKF_AD_MAX = 64
