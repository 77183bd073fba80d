cimport cython

from kernel.net.core.dev cimport netif_receive_skb
from kernel.net.core.gro cimport napi_gro_flush
from kernel.net.core.netdevice cimport napi_struct, net_device, softnet_data
from kernel.net.core.skbuff cimport kfree_skb, sk_buff, sk_buff_head
from kernel.softirq cimport softirq_action

cdef int NAPI_POLL_WEIGHT, NAPI_STATE_DISABLE, NAPI_STATE_SCHED, NET_RX_DROP, NET_RX_SUCCESS, NETDEV_BUDGET
cdef int NET_RX_SOFTIRQ


cpdef bint napi_schedule(napi_struct napi) except? -1
@cython.locals(softnet=softnet_data)
cpdef napi_list_add(napi_struct napi)
cpdef bint napi_complete_done(napi_struct napi, int work_done) except? -1
cpdef napi_enable(napi_struct napi)
@cython.locals(softnet=softnet_data, before=napi_struct, current=napi_struct, skb=sk_buff, following=sk_buff)
cpdef napi_disable(napi_struct napi)


cdef class net_rx_action(softirq_action):
    cdef public softnet_data softnet
    @cython.locals(softnet=softnet_data, budget=cython.int, napi=napi_struct, weight=cython.int, work=cython.int)
    cpdef run(self)


cdef class backlog_napi(napi_struct):
    cdef public sk_buff_head queue
    @cython.locals(work=cython.int, skb=sk_buff)
    cpdef int poll(self, int budget) except? -9999


@cython.locals(dev=net_device, softnet=softnet_data, backlog=backlog_napi)
cpdef int netif_rx(sk_buff skb) except? -9999
