cimport cython

from kernel.net.core.sk_mem cimport sk_mem_refused
from kernel.net.core.skbuff cimport consume_skb, kfree_skb, sk_buff, skb_pull
from kernel.net.ipv4.inet_connection_sock cimport tcp_done, tcp_reset, tcp_set_state
from kernel.net.ipv4.tcp_ack cimport (
    tcp_ack,
    tcp_oow_rate_limited,
    tcp_send_challenge_ack,
    tcp_synack_rtt_meas,
    tcp_update_pacing_rate,
)
from kernel.net.ipv4.tcp_cong cimport tcp_init_congestion_control
from kernel.net.ipv4.tcp_control cimport tcp_send_ack, tcp_send_fin, tcp_send_synack
from kernel.net.ipv4.tcp_data cimport (
    tcp_ack_snd_check,
    tcp_ack_snd_check_scheduled,
    tcp_data_queue,
    tcp_data_ready,
    tcp_data_snd_check,
    tcp_enter_quickack_mode,
    tcp_event_data_recv,
    tcp_queue_rcv,
    tcp_send_dupack,
    tcp_urg,
)
from kernel.net.ipv4.tcp_mtu_probe cimport tcp_mtup_init
from kernel.net.ipv4.tcp_options cimport tcp_fast_parse_options, tcp_options_received, tcp_parse_options
from kernel.net.ipv4.tcp_sock cimport (
    after,
    before,
    between,
    inet_csk_reset_delack_timer,
    inet_csk_reset_keepalive_timer,
    inet_csk_reset_xmit_timer,
    inet_csk_schedule_ack,
    tcp_fast_path_on,
    tcp_mstamp_refresh,
    tcp_receive_window,
    tcp_sock,
)
from kernel.net.ipv4.tcp_timewait cimport tcp_fin_time, tcp_time_wait
from kernel.net.ipv4.tcp_window cimport (
    tcp_init_buffer_space,
    tcp_init_cwnd,
    tcp_initialize_rcv_mss,
    tcp_rcv_rtt_measure_ts,
    tcp_sync_mss,
)

cdef unsigned int U32_MASK
cdef unsigned int SOCK_DEAD, SOCK_KEEPOPEN
cdef int FLAG_DATA, FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT, ICSK_ACK_SCHED, ICSK_TIME_RETRANS
cdef long long NSEC_PER_USEC, TCP_DELACK_MAX, TCP_PAWS_24DAYS, TCP_TIMEOUT_FALLBACK, TCP_TIMEOUT_MIN, TCP_TIMEWAIT_LEN
cdef long long USEC_PER_SEC
cdef int TCP_ECN_OK, TCP_MAX_QUICKACKS
cdef unsigned int TCP_PAWS_WINDOW, TS_WORD, HP_MASK
cdef int RCV_SHUTDOWN, SEND_SHUTDOWN, TS_HEADER_LEN
cdef int TCP_CLOSE, TCP_CLOSE_WAIT, TCP_CLOSING, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_LAST_ACK
cdef int TCP_SYN_RECV, TCP_SYN_SENT, TCP_TIME_WAIT
cdef unsigned int TCPHDR_ACK, TCPHDR_CWR, TCPHDR_ECE, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN


cpdef tcp_note_timestamp(tcp_sock sk, sk_buff skb)
cpdef tcp_store_ts_recent(tcp_sock sk)
@cython.locals(older=cython.uint)
cpdef bint tcp_paws_check(tcp_sock sk, unsigned int window) except? -1
@cython.locals(window=cython.uint)
cpdef bint tcp_disordered_ack(tcp_sock sk, sk_buff skb) except? -1
@cython.locals(right=cython.uint)
cpdef bint tcp_sequence(tcp_sock sk, sk_buff skb) noexcept
cpdef bint tcp_reset_check(tcp_sock sk, sk_buff skb) noexcept
@cython.locals(flags=cython.uint)
cpdef bint tcp_validate_incoming(tcp_sock sk, sk_buff skb) except? -1
@cython.locals(highest=cython.uint, i=cython.int)
cpdef bint tcp_reset_at_sack_edge(tcp_sock sk, sk_buff skb) noexcept
cpdef bint tcp_syn_challenge(tcp_sock sk, sk_buff skb) except? -1
@cython.locals(pos=cython.uint, size=cython.uint, predicted=cython.bint)
cpdef tcp_rcv_established(tcp_sock sk, sk_buff skb)
@cython.locals(eaten=cython.bint, check_ack=cython.bint)
cpdef tcp_rcv_predicted_data(tcp_sock sk, sk_buff skb, unsigned int size)
cpdef tcp_rcv_established_slow(tcp_sock sk, sk_buff skb)
cpdef tcp_init_transfer(tcp_sock sk)
cpdef tcp_finish_connect(tcp_sock sk, sk_buff skb)
cpdef long long keepalive_time_when(tcp_sock sk) noexcept
cpdef tcp_take_syn_options(tcp_sock sk, tcp_options_received opt)
@cython.locals(opt=tcp_options_received, flags=cython.uint, sent=cython.uint)
cpdef int tcp_rcv_synsent_state_process(tcp_sock sk, sk_buff skb) except? -9999
cpdef tcp_settle_timestamps(tcp_sock sk)
cpdef tcp_rcv_synack(tcp_sock sk, sk_buff skb, tcp_options_received opt)
cpdef tcp_rcv_simultaneous_syn(tcp_sock sk, sk_buff skb, tcp_options_received opt)
cpdef tcp_syn_recv_established(tcp_sock sk, sk_buff skb)
@cython.locals(queued=cython.int, flags=cython.uint, acceptable=cython.int, state=cython.int, verdict=cython.int)
cpdef int tcp_rcv_state_process(tcp_sock sk, sk_buff skb) except? -9999
@cython.locals(state=cython.int)
cpdef int tcp_rcv_closing_data(tcp_sock sk, sk_buff skb) except? -9999
@cython.locals(fin=cython.uint)
cpdef bint tcp_data_after_close(tcp_sock sk, sk_buff skb) noexcept
@cython.locals(fin=cython.uint, timeout=cython.longlong)
cpdef int tcp_fin_wait1_acked(tcp_sock sk, sk_buff skb) except? -9999
