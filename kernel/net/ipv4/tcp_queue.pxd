cimport cython

from kernel.net.core.skb_data cimport skb_split, skb_try_coalesce
from kernel.net.core.skbuff cimport alloc_skb, consume_skb, sk_buff, skb_reserve
from kernel.net.ipv4.tcp_sock cimport before, tcp_sock

cdef unsigned int U32_MASK
cdef int MAX_TCP_HEADER, ENOMEM
cdef unsigned int TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
cdef unsigned int TCPHDR_FIN, TCPHDR_PSH


cpdef sk_buff tcp_stream_alloc_skb(tcp_sock sk)
cpdef int tcp_set_skb_tso_segs(sk_buff skb, unsigned int mss_now) except? -9999
@cython.locals(rest=sk_buff, sent=cython.bint, old_pcount=cython.int, diff=cython.int)
cpdef int tcp_fragment(tcp_sock sk, sk_buff skb, unsigned int length, unsigned int mss_now) except? -9999
cpdef tcp_adjust_pcount(tcp_sock sk, sk_buff skb, int decr)
@cython.locals(rest=sk_buff, mss_now=cython.uint)
cpdef sk_buff tcp_trim_head(tcp_sock sk, sk_buff skb, unsigned int length)
@cython.locals(skb=sk_buff, following=sk_buff, before_size=cython.uint)
cpdef bint tcp_gather_head(tcp_sock sk, unsigned int length) except? -1
