cimport cython

from kernel.net.core.skb_data cimport skb_try_coalesce
from kernel.net.core.skbuff cimport consume_skb, sk_buff, skb_cloned
from kernel.net.ipv4.tcp_output cimport (
    tcp_in_cwnd_reduction,
    tcp_pacing_check,
    tcp_rearm_rto,
    tcp_small_queue_check,
    tcp_snd_wnd_test,
    tcp_transmit_skb,
    tcp_tso_segs,
    tcp_write_xmit,
)
from kernel.net.ipv4.tcp_queue cimport tcp_adjust_pcount, tcp_fragment, tcp_set_skb_tso_segs, tcp_trim_head
from kernel.net.ipv4.tcp_sock cimport (
    after,
    before,
    inet_csk_reset_xmit_timer,
    tcp_mstamp_refresh,
    tcp_packets_in_flight,
    tcp_sock,
    tcp_wnd_end,
    tsq_action,
)
from kernel.net.ipv4.tcp_window cimport tcp_current_mss
from kernel.net.snmp cimport ipstats

cdef unsigned int U32_MASK
cdef int ICSK_TIME_REO_TIMEOUT, ICSK_TIME_RETRANS, TSQ_THROTTLED
cdef unsigned int TCPCB_EVER_RETRANS, TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
cdef int EAGAIN, EINVAL, ENOMEM, TCP_CA_Loss
cdef int TCPF_CLOSE_WAIT, TCPF_CLOSING, TCPF_ESTABLISHED, TCPF_FIN_WAIT1, TCPF_LAST_ACK
cdef unsigned int TCPHDR_CWR, TCPHDR_ECE, TCPHDR_SYN
cdef int DEFERRED_TSQ


@cython.locals(mss=cython.uint, window=cython.uint, length=cython.uint, diff=cython.int, mib=ipstats, err=cython.int)
cpdef int tcp_resend_skb(tcp_sock sk, sk_buff skb, unsigned int segs) except? -9999
@cython.locals(head=sk_buff)
cpdef sk_buff tcp_trim_rtx_head(tcp_sock sk)
@cython.locals(err=cython.int)
cpdef int tcp_retransmit_skb(tcp_sock sk, sk_buff skb, unsigned int segs) except? -9999
@cython.locals(room=cython.longlong, skb=sk_buff, following=sk_buff, before_size=cython.uint)
cpdef tcp_retrans_try_collapse(tcp_sock sk, sk_buff to, unsigned int space)
cpdef tcp_forget_collapsed(tcp_sock sk, sk_buff skb, sk_buff to)
@cython.locals(head=sk_buff, skb=sk_buff, hole=sk_buff, rearm_timer=cython.bint, mss=cython.int, max_segs=cython.int,
               mib=ipstats, segs=cython.int, sacked=cython.uint)
cpdef tcp_xmit_retransmit_queue(tcp_sock sk)
@cython.locals(hint=sk_buff)
cpdef tcp_verify_retransmit_hint(tcp_sock sk, sk_buff skb)
@cython.locals(sacked=cython.uint)
cpdef tcp_mark_skb_lost(tcp_sock sk, sk_buff skb)
@cython.locals(mss=cython.int)
cpdef tcp_send_loss_probe(tcp_sock sk)
@cython.locals(skb=sk_buff, packets=cython.int)
cpdef bint tcp_send_probe(tcp_sock sk, unsigned int mss) except? -1
cpdef tcp_tsq_write(tcp_sock sk)


cdef class tcp_tsq_action(tsq_action):
    cpdef handle(self, tcp_sock sk)
