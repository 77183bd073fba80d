cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_cong cimport tcp_undo_cwnd_reduction
from kernel.net.ipv4.tcp_mtu_probe cimport tcp_mtup_probe_failed
from kernel.net.ipv4.tcp_output cimport tcp_in_cwnd_reduction
from kernel.net.ipv4.tcp_recovery cimport (
    tcp_newreno_mark_lost,
    tcp_rack_detect_loss,
    tcp_rack_mark_lost,
    tcp_rack_skb_timeout,
)
from kernel.net.ipv4.tcp_retransmit cimport tcp_mark_skb_lost
from kernel.net.ipv4.tcp_sack cimport (
    tcp_add_reno_sack,
    tcp_check_sack_reordering,
    tcp_limit_reno_sacked,
    tcp_sack_cache_clear,
)
from kernel.net.ipv4.tcp_sock cimport (
    after,
    before,
    inet_csk_reset_xmit_timer,
    tcp_ca_event,
    tcp_current_ssthresh,
    tcp_packets_in_flight,
    tcp_set_ca_state,
    tcp_sock,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window cimport tcp_current_mss

cdef unsigned int U32_MASK
cdef int CA_EVENT_COMPLETE_CWR, CA_EVENT_LOSS, FLAG_DATA_SACKED, FLAG_ECE, FLAG_LOST_RETRANS, FLAG_ORIG_SACK_ACKED
cdef int FLAG_SACK_RENEGING, FLAG_SET_XMIT_TIMER, FLAG_SND_UNA_ADVANCED, ICSK_TIME_RETRANS, REXMIT_LOST, REXMIT_NEW
cdef int TCP_ECN_OK, TCP_ECN_QUEUE_CWR, TCP_INFINITE_SSTHRESH, TCP_RACK_RECOVERY_THRESH
cdef unsigned int TCPCB_EVER_RETRANS, TCPCB_SACKED_ACKED
cdef int TCP_CA_CWR, TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Open, TCP_CA_Recovery
cdef long long RENEGING_DELAY_MIN


cpdef tcp_init_undo(tcp_sock sk)
cpdef tcp_init_cwnd_reduction(tcp_sock sk)
@cython.locals(in_flight=cython.longlong, delta=cython.longlong, sndcnt=cython.longlong)
cpdef tcp_cwnd_reduction(tcp_sock sk, long long newly_acked_sacked, int newly_lost, int flag)
cpdef tcp_end_cwnd_reduction(tcp_sock sk)
cpdef tcp_enter_cwr(tcp_sock sk)
cpdef tcp_enter_recovery(tcp_sock sk, bint ece_ack)
@cython.locals(head=sk_buff, skb=sk_buff, following=sk_buff, reneging=cython.bint)
cpdef tcp_timeout_mark_lost(tcp_sock sk)
@cython.locals(new_recovery=cython.bint)
cpdef tcp_enter_loss(tcp_sock sk)
cpdef bint tcp_packet_delayed(tcp_sock sk) noexcept
cpdef bint tcp_may_undo(tcp_sock sk) noexcept
@cython.locals(skb=sk_buff)
cpdef bint tcp_any_retrans_done(tcp_sock sk) noexcept
cpdef bint tcp_non_sack_preventing_reopen(tcp_sock sk) noexcept
@cython.locals(was_loss=cython.bint)
cpdef bint tcp_try_undo_recovery(tcp_sock sk) except? -1
cpdef bint tcp_try_undo_dsack(tcp_sock sk) except? -1
cpdef bint tcp_try_undo_loss(tcp_sock sk, bint frto_undo) except? -1
cpdef bint tcp_try_undo_partial(tcp_sock sk, unsigned int prior_snd_una) except? -1
@cython.locals(state=cython.int)
cpdef tcp_try_keep_open(tcp_sock sk)
cpdef tcp_try_to_open(tcp_sock sk, int flag)
@cython.locals(prior_retrans=cython.int)
cpdef tcp_identify_packet_loss(tcp_sock sk)
@cython.locals(delay=cython.longlong)
cpdef bint tcp_check_sack_reneging(tcp_sock sk) except? -1
@cython.locals(recovered=cython.bint)
cpdef tcp_process_loss(tcp_sock sk, int flag, int num_dupack)
@cython.locals(flag=cython.int, ece_ack=cython.bint)
cpdef tcp_fastretrans_alert(tcp_sock sk, unsigned int prior_snd_una, int num_dupack)
cpdef bint tcp_alert_default(tcp_sock sk, int flag, int num_dupack, bint ece_ack) except? -1
@cython.locals(prior_in_flight=cython.int, prior_lost=cython.int)
cpdef bint tcp_rack_reo_timeout_mark(tcp_sock sk) except? -1
@cython.locals(mss=cython.int, size=cython.int, skb=sk_buff)
cpdef bint tcp_simple_retransmit(tcp_sock sk) except? -1
