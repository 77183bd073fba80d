from kernel.net.core.neighbour cimport neighbour
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skbuff cimport kfree_skb, sk_buff

cdef int EHOSTUNREACH, EINVAL, RTN_UNICAST


cdef class dst_input:
    cpdef int input(self, sk_buff skb) except? -9999


cdef class dst_output:
    cpdef int output(self, sk_buff skb) except? -9999


cdef class rtable:
    cdef public net_device dev
    cdef public unsigned int genid
    cdef public long long expires
    cdef public int rt_type
    cdef public unsigned int rt_gateway
    cdef public unsigned int saddr
    cdef public int rt_iif
    cdef public unsigned int mtu
    cdef public bint mtu_locked
    cdef public unsigned int advmss, initcwnd, initrwnd
    cdef public neighbour neighbour
    cdef public dst_input input_ops
    cdef public dst_output output_ops
    cdef public bint is_input, do_redirect
    cdef public unsigned int key_daddr, key_saddr, key_mark
    cdef public int key_oif


cpdef unsigned int dst_mtu(rtable dst) noexcept
