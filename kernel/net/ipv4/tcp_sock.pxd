cimport cython

from kernel.net.core.skbuff cimport consume_skb, page_frag, sk_buff, sk_buff_head
from kernel.net.core.sock cimport sock
from kernel.net.net cimport Net
from kernel.softirq cimport SoftIRQ, softirq_action
from kernel.time.timer cimport TimerBase, timer_list

cdef unsigned int U32_MASK
cdef int ICSK_ACK_SCHED, ICSK_ACK_TIMER
cdef long long NSEC_PER_USEC, USEC_PER_MSEC
cdef int TCP_DELACK_MAX, TCP_INFINITE_SSTHRESH, TCP_INIT_CWND, TCP_MSS_DEFAULT, TCP_RTO_MAX, TCP_RTO_MIN
cdef int TCP_SCALING_RATIO_DEFAULT, TCP_TIMEOUT_INIT, TSQ_QUEUED, TSQ_THROTTLED
cdef unsigned int POLLOUT, POLLWRBAND, POLLWRNORM
cdef int TCP_CA_CWR, TCP_CA_Open, TCP_CA_Recovery
cdef unsigned int TCPHDR_ACK
cdef int MIN_TSO_SEGS, TSO_WIN_DIVISOR
cdef int SKB_CHARGED_READ, TASKLET_SOFTIRQ, NOT_QUEUED

cdef class tcp_sock
cdef class tcp_net
cdef class csk_timer


cdef class tcp_congestion_ops:
    cdef public str name
    cpdef init(self, tcp_sock sk)
    cpdef release(self, tcp_sock sk)
    cpdef int ssthresh(self, tcp_sock sk) except? -9999
    cpdef cong_avoid(self, tcp_sock sk, unsigned int ack, int acked)
    cpdef set_state(self, tcp_sock sk, int new_state)
    cpdef cwnd_event(self, tcp_sock sk, int event)
    cpdef pkts_acked(self, tcp_sock sk, int pkts_acked, long long rtt_us, int in_flight)
    cpdef int undo_cwnd(self, tcp_sock sk) except? -9999


cdef class inet_connection_sock(sock):
    cdef public object ehash_node, icsk_bind_hash, icsk_accept_queue
    cdef public csk_timer icsk_retransmit_timer, icsk_delack_timer, sk_timer
    cdef public long long icsk_timeout, icsk_rto, icsk_rto_min, icsk_rto_max, icsk_delack_max
    cdef public int icsk_pmtu_cookie
    cdef public tcp_congestion_ops icsk_ca_ops
    cdef public int icsk_ca_state
    cdef public bint icsk_ca_setsockopt
    cdef public object ca
    cdef public int icsk_retransmits, icsk_pending, icsk_backoff, icsk_syn_retries, icsk_probes_out
    cdef public long long icsk_probes_tstamp, icsk_user_timeout
    cdef public int icsk_defer_accept
    cdef public int ack_pending, ack_quick, ack_pingpong, ack_retry
    cdef public long long ack_ato, ack_timeout, ack_lrcvtime
    cdef public int ack_last_seg_size, ack_rcv_mss
    cdef public int deferred


cdef class tcp_sock(inet_connection_sock):
    cdef public sk_buff_head tcp_rtx_queue, out_of_order_queue
    cdef public int tcp_header_len, gso_segs, gso_max_size
    cdef public bint can_tso
    cdef public bint mtup_enabled
    cdef public int mtup_search_high, mtup_search_low, mtup_probe_size
    cdef public unsigned int mtup_probe_seq_start, mtup_probe_seq_end
    cdef public long long mtup_probe_timestamp
    cdef public unsigned int pred_flags
    cdef public long long tcp_mstamp

    cdef public unsigned int rcv_nxt, copied_seq, rcv_wup, rcv_wnd, rcv_mwnd_seq
    cdef public int rcv_ssthresh, window_clamp, scaling_ratio, advmss
    cdef public long long bytes_received
    cdef public unsigned int segs_in, data_segs_in, rcv_ooopack
    cdef public long long rcv_tstamp
    cdef public unsigned int rcv_rtt_last_tsecr
    cdef public long long rcvq_space_copied, rcvq_space_space, rcvq_space_time
    cdef public unsigned int rcvq_space_seq
    cdef public long long rcv_rtt_est_rtt, rcv_rtt_est_time
    cdef public unsigned int rcv_rtt_est_seq
    cdef public int compressed_ack, dup_ack_counter
    cdef public unsigned int compressed_ack_rcv_nxt
    cdef public csk_timer compressed_ack_timer
    cdef public bint recvmsg_inq, nospace
    cdef public int write_pending

    cdef public unsigned int snd_una, snd_nxt, snd_sml, snd_wnd, snd_wl1, max_window, write_seq, pushed_seq, snd_up
    cdef public long long lsndtime
    cdef public int mss_cache, nonagle, tsq_flags
    cdef public tcp_sock tsq_next
    cdef public long long bytes_sent, bytes_acked, bytes_retrans
    cdef public unsigned int segs_out, data_segs_out, tsoffset
    cdef public long long notsent_lowat, sk_pacing_rate

    cdef public long long srtt_us, mdev_us, mdev_max_us, rttvar_us
    cdef public unsigned int rtt_seq
    cdef public unsigned int min_rtt[3]
    cdef public long long min_rtt_time[3]

    cdef public int snd_cwnd, snd_ssthresh, snd_cwnd_cnt, snd_cwnd_clamp, snd_cwnd_used
    cdef public long long snd_cwnd_stamp
    cdef public int max_packets_out
    cdef public unsigned int cwnd_usage_seq
    cdef public bint is_cwnd_limited
    cdef public int prior_cwnd, prior_ssthresh, prr_delivered, prr_out
    cdef public unsigned int high_seq
    cdef public int packets_out, sacked_out, lost_out, retrans_out, lost, reordering, reord_seen, total_retrans
    cdef public long long retrans_stamp
    cdef public unsigned int undo_marker
    cdef public int undo_retrans
    cdef public bint frto, is_sack_reneg
    cdef public unsigned int tlp_high_seq
    cdef public bint tlp_retrans
    cdef public sk_buff highest_sack, retransmit_skb_hint, sack_hint
    cdef public int total_rto, total_rto_recoveries
    cdef public long long total_rto_time, rto_stamp
    cdef public int ecn_flags

    cdef public long long rack_mstamp, rack_rtt_us
    cdef public unsigned int rack_end_seq
    cdef public long long rack_last_delivered
    cdef public int rack_reo_wnd_steps, rack_reo_wnd_persist
    cdef public bint rack_dsack_seen, rack_advanced

    cdef public long long delivered, delivered_ce, delivered_mstamp, first_tx_mstamp, app_limited
    cdef public long long rate_delivered, rate_interval_us
    cdef public bint rate_app_limited
    cdef public long long rs_prior_mstamp, rs_prior_delivered, rs_delivered, rs_interval_us, rs_snd_interval_us
    cdef public unsigned int rs_last_end_seq
    cdef public int rs_losses, rs_acked_sacked
    cdef public long long rs_rtt_us
    cdef public bint rs_is_app_limited, rs_is_retrans, rs_is_ack_delayed

    cdef public int ack_flag, ack_rexmit
    cdef public unsigned int sst_reord
    cdef public int sst_sack_delivered
    cdef public long long sst_first_sackt, sst_last_sackt

    cdef public bint tstamp_ok, saw_tstamp
    cdef public unsigned int rcv_tsval, rcv_tsecr, ts_recent
    cdef public long long ts_recent_stamp
    cdef public int sack_ok
    cdef public bint dsack, wscale_ok
    cdef public int snd_wscale, rcv_wscale, mss_clamp, user_mss, num_sacks
    cdef public unsigned int sack_start[4]
    cdef public unsigned int sack_end[4]
    cdef public unsigned int dsack_start, dsack_end
    cdef public unsigned int recv_sack_start[4]
    cdef public unsigned int recv_sack_end[4]
    cdef public int dsack_dups

    cdef public int urg_data
    cdef public unsigned int urg_seq

    cdef public bint fastopen_connect, fastopen_no_cookie, defer_connect
    cdef public object fastopen_req, fastopen_rsk
    cdef public bint syn_fastopen, syn_fastopen_exp, syn_fastopen_ch, syn_data, syn_data_acked
    cdef public int fastopen_client_fail, fastopen_max_qlen, fastopen_qlen, save_syn
    cdef public object fastopen_ctx
    cdef public bytes saved_syn
    cdef public long long rx_tstamp
    cdef public long long tcp_wstamp_ns
    cdef public csk_timer pacing_timer

    cdef public long long keepalive_time, keepalive_intvl
    cdef public int keepalive_probes
    cdef public long long linger2
    cdef public bint fin_sent
    cdef public long long last_oow_ack_time
    cdef public int mtu_info

    @cython.locals(tn=tcp_net)
    cpdef skb_released(self, sk_buff skb, int kind)
    cpdef write_space(self)


cdef class csk_timer(timer_list):
    cdef public tcp_sock sk


cdef class tsq_action(softirq_action):
    cdef public tcp_sock head, tail
    @cython.locals(sk=tcp_sock, following=tcp_sock)
    cpdef run(self)
    cpdef handle(self, tcp_sock sk)


cdef class tcp_net:
    cdef public Net net
    cdef public object hashinfo
    cdef public tsq_action tsq
    cdef public page_frag page_frag
    cdef public int tcp_min_tso_segs, tcp_tso_win_divisor
    cdef public long long orphan_count, tw_count
    cdef public unsigned long long isn_key, ts_key
    cdef public long long challenge_timestamp, challenge_count
    cdef public dict ca_table
    cdef public object prot, fastopen
    @cython.locals(tsq=tsq_action)
    cpdef tsq_enqueue(self, tcp_sock sk)


cpdef bint before(unsigned int a, unsigned int b) noexcept
cpdef bint after(unsigned int a, unsigned int b) noexcept
cpdef bint between(unsigned int low, unsigned int seq, unsigned int high) noexcept
cpdef tcp_mstamp_refresh(tcp_sock sk)
cpdef long long tcp_now(Net net) except? -9999
cpdef unsigned int tcp_time_stamp(tcp_sock sk) noexcept
cpdef int tcp_packets_in_flight(tcp_sock sk) noexcept
cpdef unsigned int tcp_wnd_end(tcp_sock sk) noexcept
cpdef bint tcp_in_initial_slowstart(tcp_sock sk) noexcept
cpdef int tcp_current_ssthresh(tcp_sock sk) noexcept
cpdef bint tcp_is_cwnd_limited(tcp_sock sk) noexcept
cpdef tcp_set_ca_state(tcp_sock sk, int state)
cpdef tcp_ca_event(tcp_sock sk, int event)
cpdef unsigned int tcp_min_rtt(tcp_sock sk) noexcept
@cython.locals(win=cython.uint)
cpdef unsigned int tcp_receive_window(tcp_sock sk) noexcept
cpdef long long tcp_win_from_space(tcp_sock sk, long long space) noexcept
cpdef long long tcp_space_from_win(tcp_sock sk, long long win) except? -9999
cpdef long long tcp_space(tcp_sock sk) noexcept
cpdef long long tcp_full_space(tcp_sock sk) noexcept
cpdef long long sk_stream_wspace(tcp_sock sk) noexcept
cpdef bint sk_stream_memory_free(tcp_sock sk) noexcept
cpdef unsigned int tcp_notsent_bytes(tcp_sock sk) noexcept
cpdef long long tcp_notsent_limit(tcp_sock sk) noexcept
cpdef bint sk_stream_is_writeable(tcp_sock sk) noexcept
cpdef sk_stream_write_space(tcp_sock sk)
cpdef tcp_wmem_free_skb(tcp_sock sk, sk_buff skb)
cpdef tcp_rtx_queue_unlink_and_free(tcp_sock sk, sk_buff skb)
@cython.locals(skb=sk_buff)
cpdef tcp_write_queue_purge(tcp_sock sk)
cpdef tcp_fast_path_on(tcp_sock sk)
cpdef tcp_fast_path_check(tcp_sock sk)
@cython.locals(expires=cython.longlong, timer=timer_list)
cpdef inet_csk_reset_xmit_timer(tcp_sock sk, int what, long long when, long long limit)
cpdef inet_csk_clear_xmit_timer(tcp_sock sk)
@cython.locals(expires=cython.longlong, timer=timer_list)
cpdef inet_csk_reset_delack_timer(tcp_sock sk, long long when)
cpdef inet_csk_reset_keepalive_timer(tcp_sock sk, long long when)
cpdef inet_csk_delete_keepalive_timer(tcp_sock sk)
cpdef inet_csk_clear_xmit_timers(tcp_sock sk)
cpdef inet_csk_schedule_ack(tcp_sock sk)
cpdef bint inet_csk_ack_scheduled(tcp_sock sk) noexcept
cpdef bint inet_csk_in_pingpong_mode(tcp_sock sk) noexcept
