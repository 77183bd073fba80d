cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_queue cimport tcp_fragment
from kernel.net.ipv4.tcp_retransmit cimport tcp_mark_skb_lost
from kernel.net.ipv4.tcp_sock cimport after, inet_csk_reset_xmit_timer, tcp_min_rtt, tcp_sock

cdef int ICSK_TIME_REO_TIMEOUT, TCP_RACK_RECOVERY_THRESH, TCP_TIMEOUT_MIN, TCP_CA_Recovery
cdef unsigned int TCPCB_EVER_RETRANS, TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS


cpdef bint tcp_skb_sent_after(long long t1, long long t2, unsigned int seq1, unsigned int seq2) noexcept
cpdef long long tcp_rack_reo_wnd(tcp_sock sk) noexcept
cpdef long long tcp_rack_skb_timeout(tcp_sock sk, sk_buff skb, long long reo_wnd) noexcept
@cython.locals(reo_wnd=cython.longlong, reo_timeout=cython.longlong, skb=sk_buff, following=sk_buff, sacked=cython.uint,
               remaining=cython.longlong)
cpdef long long tcp_rack_detect_loss(tcp_sock sk) except? -9999
@cython.locals(timeout=cython.longlong)
cpdef bint tcp_rack_mark_lost(tcp_sock sk) except? -1
@cython.locals(rtt_us=cython.longlong)
cpdef tcp_rack_advance(tcp_sock sk, unsigned int sacked, unsigned int end_seq, long long xmit_time)
cpdef tcp_rack_update_reo_wnd(tcp_sock sk)
@cython.locals(state=cython.int, skb=sk_buff, mss=cython.uint)
cpdef tcp_newreno_mark_lost(tcp_sock sk, bint snd_una_advanced)
