cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_cong cimport tcp_slow_start_after_idle_check
from kernel.net.ipv4.tcp_control cimport tcp_clamp_probe0_to_user_timeout, tcp_probe0_when, tcp_send_ack
from kernel.net.ipv4.tcp_fastretrans cimport (
    tcp_cwnd_reduction,
    tcp_end_cwnd_reduction,
    tcp_fastretrans_alert,
    tcp_init_cwnd_reduction,
    tcp_try_keep_open,
)
from kernel.net.ipv4.tcp_mtu_probe cimport tcp_mtup_probe_success
from kernel.net.ipv4.tcp_output cimport tcp_in_cwnd_reduction, tcp_push_frames, tcp_rearm_rto, tcp_schedule_loss_probe
from kernel.net.ipv4.tcp_queue cimport tcp_trim_head
from kernel.net.ipv4.tcp_recovery cimport tcp_rack_advance, tcp_rack_update_reo_wnd
from kernel.net.ipv4.tcp_retransmit cimport tcp_xmit_retransmit_queue
from kernel.net.ipv4.tcp_sack cimport (
    tcp_check_sack_reordering,
    tcp_highest_sack_seq,
    tcp_rate_gen,
    tcp_rate_skb_delivered,
    tcp_remove_reno_sacks,
    tcp_sacktag_write_queue,
)
from kernel.net.ipv4.tcp_sock cimport (
    after,
    before,
    inet_csk_clear_xmit_timer,
    inet_csk_reset_xmit_timer,
    tcp_fast_path_check,
    tcp_net,
    tcp_now,
    tcp_packets_in_flight,
    tcp_rtx_queue_unlink_and_free,
    tcp_set_ca_state,
    tcp_sock,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window cimport tcp_current_mss, tcp_sync_mss

cdef unsigned int SKBTX_ACK_TSTAMP
cdef int SCM_TSTAMP_ACK
cdef unsigned int SEQ_SIGN, U32_MASK
cdef int FLAG_ACK_MAYBE_DELAYED, FLAG_ACKED, FLAG_CA_ALERT, FLAG_DATA, FLAG_DATA_ACKED, FLAG_DATA_SACKED
cdef int FLAG_DSACK_TLP, FLAG_DSACKING_ACK, FLAG_ECE, FLAG_FORWARD_PROGRESS, FLAG_NO_CHALLENGE_ACK, FLAG_NOT_DUP
cdef int FLAG_ORIG_SACK_ACKED, FLAG_RETRANS_DATA_ACKED, FLAG_SACK_RENEGING, FLAG_SET_XMIT_TIMER, FLAG_SLOWPATH
cdef int FLAG_SND_UNA_ADVANCED, FLAG_SYN_ACKED, FLAG_UPDATE_TS_RECENT, FLAG_WIN_UPDATE, ICSK_TIME_PROBE0
cdef long long NSEC_PER_USEC, TCP_RTO_MAX, USEC_PER_SEC
cdef int REXMIT_NEW, REXMIT_NONE, TCP_ECN_OK, TCP_NAGLE_OFF
cdef unsigned int TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
cdef int TCP_CA_CWR, TCP_CA_Open, TCP_SYN_SENT
cdef unsigned int TCPHDR_ECE, TCPHDR_SYN
cdef long long PACING_UNIT, PACING_SS_RATIO, PACING_CA_RATIO


@cython.locals(srtt=cython.longlong, m=cython.longlong)
cpdef tcp_rtt_estimator(tcp_sock sk, long long mrtt_us)
@cython.locals(rto=cython.longlong)
cpdef tcp_set_rto(tcp_sock sk)
@cython.locals(now=cython.longlong, window=cython.longlong, value=cython.uint, i=cython.int, age=cython.longlong)
cpdef tcp_update_rtt_min(tcp_sock sk, long long rtt_us, int flag)
@cython.locals(delta=cython.uint)
cpdef bint tcp_ack_update_rtt(tcp_sock sk, int flag, long long seq_rtt_us, long long sack_rtt_us,
                              long long ca_rtt_us) except? -1
@cython.locals(rtt_us=cython.longlong)
cpdef tcp_synack_rtt_meas(tcp_sock sk, long long snt_synack, int num_timeout)
@cython.locals(rate=cython.longlong)
cpdef tcp_update_pacing_rate(tcp_sock sk)
@cython.locals(flag=cython.int, samples=cython.int, first_ackt=cython.longlong, last_ackt=cython.longlong,
               last_retrans=cython.longlong, older=cython.uint, seq_rtt_us=cython.longlong,
               sack_rtt_us=cython.longlong, ca_rtt_us=cython.longlong, pkts_acked=cython.int, reord=cython.uint,
               fully_acked=cython.bint, prior_sacked=cython.int, snd_una=cython.uint, skb=sk_buff,
               start_seq=cython.uint, sacked=cython.uint, acked_pcount=cython.int, following=sk_buff,
               rtt_update=cython.bint)
cpdef int tcp_clean_rtx_queue(tcp_sock sk, unsigned int prior_fack, unsigned int prior_snd_una) except? -9999
@cython.locals(delta=cython.uint)
cpdef tcp_snd_una_update(tcp_sock sk, unsigned int ack)
@cython.locals(flag=cython.int, nwin=cython.uint)
cpdef int tcp_ack_update_window(tcp_sock sk, sk_buff skb, unsigned int ack, unsigned int ack_seq) except? -9999
@cython.locals(head=sk_buff, when=cython.longlong)
cpdef tcp_ack_probe(tcp_sock sk)
cpdef tcp_process_tlp_ack(tcp_sock sk, unsigned int ack, int flag)
cpdef tcp_replace_ts_recent(tcp_sock sk, sk_buff skb)
cpdef bint tcp_oow_rate_limited(tcp_sock sk, sk_buff skb) except? -1
@cython.locals(now=cython.longlong)
cpdef bint tcp_invalid_rate_limited(tcp_sock sk) except? -1
@cython.locals(tn=tcp_net, limit=cython.longlong, second=cython.longlong)
cpdef tcp_send_challenge_ack(tcp_sock sk)
@cython.locals(prior_snd_una=cython.uint, prior_reneg=cython.bint, ack_seq=cython.uint, ack=cython.uint,
               num_dupack=cython.int, prior_packets=cython.int, delivered=cython.longlong, lost=cython.int,
               prior_fack=cython.uint)
cpdef int tcp_ack(tcp_sock sk, sk_buff skb, int flag) except? -9999
@cython.locals(delivered=cython.longlong)
cpdef int tcp_old_ack(tcp_sock sk, sk_buff skb, unsigned int ack, unsigned int prior_snd_una, int flag) except? -9999
@cython.locals(raise_cwnd=cython.int)
cpdef tcp_cong_control(tcp_sock sk, unsigned int ack, int acked_sacked, int flag)
cpdef tcp_xmit_recovery(tcp_sock sk)
