cimport cython

from kernel.lib.checksum cimport csum_fold, csum_tcpudp_nofold
from kernel.net.core.skb_data cimport skb_try_coalesce
from kernel.net.core.skbuff cimport (
    alloc_skb,
    sk_buff,
    skb_clone,
    skb_cloned,
    skb_copy_header,
    skb_push,
    skb_reserve,
)
from kernel.net.core.sock cimport skb_set_owner_w
from kernel.net.ipv4.ip_output cimport ip_queue_xmit
from kernel.net.ipv4.tcp_cong cimport tcp_cwnd_validate
from kernel.net.ipv4.tcp_mtu_probe cimport tcp_mtu_probe_size, tcp_mtup_probe_sent
from kernel.net.ipv4.tcp_options cimport (
    tcp_established_options_size,
    tcp_established_options_write,
    tcp_syn_options_size,
    tcp_syn_options_write,
)
from kernel.net.ipv4.tcp_queue cimport tcp_fragment, tcp_gather_head, tcp_set_skb_tso_segs
from kernel.net.ipv4.tcp_sock cimport (
    after,
    before,
    inet_csk_clear_xmit_timer,
    inet_csk_reset_xmit_timer,
    tcp_ca_event,
    tcp_min_rtt,
    tcp_mstamp_refresh,
    tcp_net,
    tcp_packets_in_flight,
    tcp_sock,
    tcp_time_stamp,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window cimport tcp_current_mss, tcp_dst_advmss, tcp_select_window

cdef unsigned int U32_MASK
cdef int CA_EVENT_TX_START, ICSK_ACK_SCHED, ICSK_TIME_LOSS_PROBE, ICSK_TIME_PROBE0, ICSK_TIME_REO_TIMEOUT
cdef int ICSK_TIME_RETRANS, MAX_TCP_HEADER, TCP_ATO_MIN, TCP_ECN_DEMAND_CWR, TCP_ECN_OK, TCP_ECN_QUEUE_CWR
cdef int TCP_NAGLE_CORK, TCP_NAGLE_PUSH
cdef long long NSEC_PER_SEC, TCP_RTO_MIN, TCP_TIMEOUT_MIN
cdef int TCP_INIT_CWND
cdef int TSQ_THROTTLED
cdef int ENOBUFS
cdef int MSG_MORE, MSG_OOB
cdef int TCP_CA_CWR, TCP_CA_Open, TCP_CA_Recovery, TCP_CLOSE
cdef unsigned int TCPHDR_ACK, TCPHDR_CWR, TCPHDR_ECE, TCPHDR_FIN, TCPHDR_PSH, TCPHDR_SYN, TCPHDR_URG
cdef unsigned int CHECKSUM_PARTIAL, SKB_GSO_TCPV4
cdef int IPPROTO_TCP, INET_ECN_MASK, INET_ECN_ECT_0, PACING_SHIFT, TSO_RTT_LOG, DEFER_LIMIT


cpdef bint tcp_urg_mode(tcp_sock sk) noexcept
@cython.locals(original=sk_buff, newest=sk_buff, stamp=cython.longlong, flags=cython.uint, payload=cython.uint,
               wscale=cython.int, size=cython.uint, pos=cython.uint, urgent=cython.uint, window=cython.uint)
cpdef int tcp_transmit_skb(tcp_sock sk, sk_buff skb, bint clone_it) except? -9999
@cython.locals(skb=sk_buff)
cpdef sk_buff tcp_copy_header(tcp_sock sk, sk_buff original)
cpdef unsigned int tcp_ecn_send(tcp_sock sk, sk_buff skb, unsigned int flags, unsigned int payload) except? 0xEEEEEEEE
cpdef tcp_event_ack_sent(tcp_sock sk)
cpdef tcp_event_data_sent(tcp_sock sk)
cpdef tcp_rate_skb_sent(tcp_sock sk, sk_buff skb)
@cython.locals(in_flight=cython.int, cwnd=cython.int)
cpdef int tcp_cwnd_test(tcp_sock sk) noexcept
cpdef bint tcp_minshall_check(tcp_sock sk) noexcept
cpdef bint tcp_nagle_check(tcp_sock sk, bint partial, int nonagle) noexcept
cpdef bint tcp_nagle_test(tcp_sock sk, sk_buff skb, unsigned int mss_now, int nonagle) noexcept
@cython.locals(end_seq=cython.uint)
cpdef bint tcp_snd_wnd_test(tcp_sock sk, sk_buff skb, unsigned int mss_now) noexcept
@cython.locals(tn=tcp_net, size=cython.longlong, rate=cython.longlong, shift=cython.uint)
cpdef int tcp_tso_segs(tcp_sock sk, int mss_now) except? -9999
@cython.locals(window=cython.uint, max_len=cython.uint, needed=cython.uint, partial=cython.uint)
cpdef unsigned int tcp_mss_split_point(tcp_sock sk, sk_buff skb, unsigned int mss_now, unsigned int max_segs,
                                       int nonagle) except? 0xEEEEEEEE
@cython.locals(send_win=cython.longlong, cong_win=cython.longlong, limit=cython.longlong, tn=tcp_net,
               head=sk_buff)
cpdef int tcp_tso_should_defer(tcp_sock sk, sk_buff skb, long long mss_now, long long max_segs) except? -9999
@cython.locals(limit=cython.longlong)
cpdef bint tcp_small_queue_check(tcp_sock sk, sk_buff skb) except? -1
cpdef bint tcp_pacing_check(tcp_sock sk) except? -1
@cython.locals(now=cython.longlong, prior=cython.longlong, rate=cython.longlong, needed=cython.longlong)
cpdef tcp_pacing_sent(tcp_sock sk, long long length)
cpdef bytes tcp_syn_fastopen(tcp_sock sk, int room)
@cython.locals(size=cython.int, skb=sk_buff)
cpdef int tcp_send_mtu_probe(tcp_sock sk, unsigned int mss_now) except? -9999
cpdef bint tcp_in_cwnd_reduction(tcp_sock sk) noexcept
@cython.locals(sent_pkts=cython.int, is_cwnd_limited=cython.bint, deferred=cython.int, max_segs=cython.int, skb=sk_buff,
               quota=cython.int, limit=cython.uint, probe=cython.int)
cpdef bint tcp_write_xmit(tcp_sock sk, unsigned int mss_now, int nonagle, int push_one) except? -1
@cython.locals(prior_packets=cython.int)
cpdef tcp_event_new_data_sent(tcp_sock sk, sk_buff skb)
cpdef tcp_push_pending_frames(tcp_sock sk)
cpdef tcp_push_frames(tcp_sock sk, int mss_now, int nonagle)
cpdef tcp_push_one(tcp_sock sk, int mss_now)
cpdef tcp_mark_push(tcp_sock sk, sk_buff skb)
cpdef bint tcp_forced_push(tcp_sock sk) noexcept
@cython.locals(skb=sk_buff)
cpdef tcp_push(tcp_sock sk, int flags, int mss_now, int nonagle, int size_goal)
@cython.locals(skb=sk_buff)
cpdef long long tcp_rto_delta(tcp_sock sk) noexcept
@cython.locals(rto=cython.longlong)
cpdef tcp_rearm_rto(tcp_sock sk)
@cython.locals(timeout=cython.longlong, rto_delta=cython.longlong)
cpdef bint tcp_schedule_loss_probe(tcp_sock sk, bint advancing_rto) except? -1
cpdef tcp_check_probe_timer(tcp_sock sk)
