cimport cython

from kernel.lib.checksum cimport csum_fold, csum_tcpudp_nofold
from kernel.net.core.skb_data cimport skb_append_range, skb_checksum
from kernel.net.core.skbuff cimport alloc_skb, kfree_skb, pskb_may_pull, sk_buff, skb_copy_header, skb_reserve

cdef unsigned long long NETIF_F_HW_CSUM, NETIF_F_IP_CSUM
cdef unsigned int CHECKSUM_NONE, CHECKSUM_PARTIAL, SKB_GSO_TCPV4, TCP_FLAG_FIN, TCP_FLAG_PSH, TCP_FLAG_CWR
cdef unsigned int TCP_CHECK_OFFSET, HEADROOM, IPPROTO_TCP, U32


@cython.locals(
    mss=cython.uint, link_len=cython.uint, ip_len=cython.uint, tcp=cython.uint, tcp_len=cython.uint,
    header_len=cython.uint, seq=cython.uint, flags=cython.uint, identification=cython.uint, saddr=cython.uint,
    daddr=cython.uint, offload=cython.bint, first=sk_buff, last=sk_buff, segment=sk_buff, offset=cython.uint,
    index=cython.uint, size=cython.uint, ip=cython.uint, kept=cython.uint, pseudo=cython.uint, total=cython.uint,
)
cpdef sk_buff skb_gso_segment(sk_buff skb, unsigned long long features)
@cython.locals(following=sk_buff)
cpdef drop_segments(sk_buff first)
