cimport cython

from kernel.lib.checksum cimport csum_fold, csum_tcpudp_nofold
from kernel.net.core.dev cimport netif_receive_skb
from kernel.net.core.netdevice cimport napi_struct, net_device
from kernel.net.core.skb_data cimport skb_checksum, skb_try_coalesce
from kernel.net.core.skbuff cimport consume_skb, sk_buff, skb_pull, skb_trim

cdef int GRO_HELD, GRO_MERGED, GRO_NORMAL
cdef unsigned long long NETIF_F_GRO
cdef unsigned int ETH_P_IP, CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_PARTIAL, SKB_GSO_TCPV4, IPPROTO_TCP
cdef unsigned int IP_DF, IP_MF_OR_OFFSET, TCP_CHECK_OFFSET, TCP_PSH, TCP_ACK, TCP_MERGEABLE, GRO_MAX_SIZE, U32
cdef int MAX_GRO_FLOWS


@cython.locals(dev=net_device, result=cython.int)
cpdef int napi_gro_receive(napi_struct napi, sk_buff skb) except? -9999
@cython.locals(
    ip=cython.uint, linear=cython.uint, tcp=cython.uint, held=sk_buff, before=sk_buff, total=cython.uint,
    header_len=cython.uint, fragment=cython.uint, flags=cython.uint, mergeable=cython.bint, pseudo=cython.uint,
    payload=cython.uint, seq=cython.uint,
)
cpdef int inet_gro_receive(napi_struct napi, sk_buff skb) except? -9999
@cython.locals(ours=cython.uint, theirs=cython.uint, fragment=cython.uint, position=cython.uint, i=cython.int)
cpdef bint gro_same_headers(sk_buff held, sk_buff skb, unsigned int header_len) except? -1
@cython.locals(last=sk_buff)
cpdef gro_hold(napi_struct napi, sk_buff skb)
cpdef gro_deliver(napi_struct napi, sk_buff held, sk_buff before)
@cython.locals(ip=cython.uint, pseudo=cython.uint)
cpdef gro_complete(sk_buff skb)
cpdef napi_gro_flush(napi_struct napi)
