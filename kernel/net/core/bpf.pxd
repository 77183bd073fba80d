from kernel.net.core.skbuff cimport sk_buff

cdef struct instruction


cdef class bpf_prog:
    cdef instruction *insns
    cdef object random
    cdef readonly unsigned int len
    cdef readonly bytes program
    cdef bint _load(self, sk_buff skb, unsigned int offset, unsigned int width, unsigned int *value)
    cdef bint _ancillary(self, sk_buff skb, unsigned int what, unsigned int a, unsigned int x, unsigned int *value)
    cpdef unsigned int run(self, sk_buff skb) except? 0xEEEEEEEE
