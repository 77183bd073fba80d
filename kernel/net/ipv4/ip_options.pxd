cimport cython

from kernel.net.core.dst cimport rtable
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skbuff cimport kfree_skb, sk_buff, skb_cow
from kernel.net.ipv4.icmp cimport icmp_send
from kernel.net.ipv4.ip_output cimport ip_send_check
from kernel.net.net cimport Net

cdef int EINVAL, ICMP_PARAMETERPROB
cdef unsigned int IPOPT_END, IPOPT_LSRR, IPOPT_NOOP, IPOPT_RR, IPOPT_SSRR, IPOPT_TIMESTAMP
cdef unsigned int IPOPT_TS_PRESPEC, IPOPT_TS_TSANDADDR, IPOPT_TS_TSONLY
cdef long long MS_PER_DAY


@cython.locals(nh=cython.uint, bad=cython.int)
cpdef int ip_rcv_options(Net net, sk_buff skb, net_device dev, rtable rt) except? -9999
@cython.locals(nh=cython.uint, position=cython.uint, changed=cython.bint, kind=cython.uint, length=cython.uint,
               pointer=cython.uint, bad=cython.int)
cpdef int ip_options_compile(Net net, sk_buff skb, net_device dev, rtable rt, unsigned int header_len) except? -9999
