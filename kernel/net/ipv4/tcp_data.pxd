cimport cython

from kernel.net.core.skb_data cimport skb_copy_bits
from kernel.net.core.skbuff cimport consume_skb, kfree_skb, sk_buff, sk_buff_head, skb_pull
from kernel.net.core.sock cimport skb_set_owner_r
from kernel.net.ipv4.inet_connection_sock cimport tcp_set_state
from kernel.net.ipv4.tcp_control cimport tcp_send_ack, tcp_send_delayed_ack
from kernel.net.ipv4.tcp_ofo cimport (
    tcp_data_queue_ofo,
    tcp_dsack_extend,
    tcp_dsack_set,
    tcp_sack_remove,
    tcp_try_coalesce,
    tcp_try_rmem_schedule,
)
from kernel.net.ipv4.tcp_output cimport tcp_push_pending_frames
from kernel.net.ipv4.tcp_sock cimport (
    after,
    before,
    csk_timer,
    inet_csk_schedule_ack,
    sk_stream_is_writeable,
    tcp_fast_path_check,
    tcp_mstamp_refresh,
    tcp_packets_in_flight,
    tcp_receive_window,
    tcp_sock,
)
from kernel.net.ipv4.tcp_timewait cimport tcp_time_wait
from kernel.net.ipv4.tcp_window cimport (
    tcp_choose_window,
    tcp_grow_window,
    tcp_measure_rcv_mss,
    tcp_rcv_rtt_measure,
    tcp_sndbuf_expand,
)

cdef unsigned int U32_MASK
cdef unsigned int SOCK_DEAD, SOCK_DONE, SOCK_URGINLINE, SOCK_SNDBUF_LOCK
cdef int ICSK_ACK_NOW, ICSK_ACK_SCHED
cdef long long NSEC_PER_USEC, TCP_ATO_MIN
cdef int TCP_ECN_DEMAND_CWR, TCP_ECN_OK, TCP_ECN_SEEN, TCP_MAX_QUICKACKS
cdef int TCP_URG_NOTYET, TCP_URG_VALID
cdef unsigned int POLLPRI, POLLRDBAND
cdef int RCV_SHUTDOWN
cdef int TCP_CLOSE_WAIT, TCP_CLOSING, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_SYN_RECV, TCP_TIME_WAIT
cdef unsigned int TCPHDR_CWR, TCPHDR_FIN, TCPHDR_SYN, TCPHDR_URG
cdef unsigned int INET_ECN_CE
cdef int DUP_ACK_THRESHOLD, COMPRESS_MIN


@cython.locals(quickacks=cython.int)
cpdef tcp_incr_quickack(tcp_sock sk, int limit)
cpdef tcp_enter_quickack_mode(tcp_sock sk, int limit)
@cython.locals(now=cython.longlong, m=cython.longlong)
cpdef tcp_event_data_recv(tcp_sock sk, sk_buff skb)
@cython.locals(ecn=cython.uint)
cpdef tcp_ecn_check_ce(tcp_sock sk, sk_buff skb)
cpdef tcp_ecn_accept_cwr(tcp_sock sk, sk_buff skb)
cpdef tcp_ack_snd_check(tcp_sock sk)
cpdef tcp_ack_snd_check_scheduled(tcp_sock sk, bint ofo_possible)
@cython.locals(rtt=cython.longlong, delay=cython.longlong)
cpdef tcp_ack_compress(tcp_sock sk)


cdef class tcp_compressed_ack_timer(csk_timer):
    @cython.locals(sk=tcp_sock)
    cpdef fire(self)


@cython.locals(end_seq=cython.uint)
cpdef tcp_send_dupack(tcp_sock sk, sk_buff skb)
cpdef tcp_data_snd_check(tcp_sock sk)
cpdef tcp_check_space(tcp_sock sk)
cpdef tcp_data_ready(tcp_sock sk)
@cython.locals(tail=sk_buff, eaten=cython.bint, delta=cython.uint)
cpdef bint tcp_queue_rcv(tcp_sock sk, sk_buff skb) except? -1
cpdef tcp_data_queue(tcp_sock sk, sk_buff skb)
cpdef tcp_out_of_window(tcp_sock sk, sk_buff skb, str reason)
@cython.locals(fin=cython.uint, has_data=cython.uint, eaten=cython.bint)
cpdef tcp_queue_and_out(tcp_sock sk, sk_buff skb)
@cython.locals(dsack_high=cython.uint, queue=sk_buff_head, skb=sk_buff, high=cython.uint, fin=cython.uint,
               delta=cython.uint, tail=sk_buff)
cpdef tcp_ofo_queue(tcp_sock sk)
@cython.locals(state=cython.int)
cpdef tcp_fin(tcp_sock sk)
@cython.locals(pointer=cython.uint, first=sk_buff)
cpdef tcp_check_urg(tcp_sock sk, sk_buff skb)
@cython.locals(offset=cython.uint)
cpdef tcp_urg(tcp_sock sk, sk_buff skb)
@cython.locals(data=bytes)
cpdef int tcp_byte_at(sk_buff skb, unsigned int offset) except? -9999
