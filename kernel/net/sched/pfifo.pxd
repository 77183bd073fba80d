from kernel.net.core.netdevice cimport Qdisc, net_device
from kernel.net.core.skbuff cimport kfree_skb, sk_buff, sk_buff_head

cdef int NET_XMIT_DROP, NET_XMIT_SUCCESS


cdef class pfifo_qdisc(Qdisc):
    cdef public sk_buff_head queue
    cpdef int enqueue(self, sk_buff skb) except? -9999
    cpdef sk_buff dequeue(self)
    cpdef requeue(self, sk_buff skb)
    cpdef reset(self)
