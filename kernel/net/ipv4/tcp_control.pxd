cimport cython

from kernel.lib.checksum cimport csum_fold, csum_tcpudp_nofold
from kernel.net.core.dst cimport rtable
from kernel.net.core.skbuff cimport alloc_skb, sk_buff, skb_put, skb_reserve
from kernel.net.ipv4.inet_hashtables cimport request_sock
from kernel.net.ipv4.ip_output cimport ip_build_and_send_pkt
from kernel.net.ipv4.route cimport ip_route_output_key
from kernel.net.ipv4.tcp_options cimport tcp_fastopen_option, tcp_syn_options_size, tcp_syn_options_write
from kernel.net.ipv4.tcp_output cimport tcp_event_new_data_sent, tcp_push_frames, tcp_transmit_skb
from kernel.net.ipv4.tcp_queue cimport tcp_fragment, tcp_set_skb_tso_segs, tcp_stream_alloc_skb
from kernel.net.ipv4.tcp_sock cimport (
    before,
    inet_csk_reset_delack_timer,
    inet_csk_reset_xmit_timer,
    inet_csk_schedule_ack,
    tcp_full_space,
    tcp_mstamp_refresh,
    tcp_now,
    tcp_sock,
    tcp_wnd_end,
)
from kernel.net.ipv4.tcp_window cimport (
    tcp_current_mss,
    tcp_dst_advmss,
    tcp_initial_rcv_wnd,
    tcp_initial_wscale,
    tcp_initialize_rcv_mss,
    tcp_setup_caps,
    tcp_sync_mss,
)
from kernel.net.net cimport Net

cdef unsigned int U32_MASK
cdef int ICSK_ACK_PUSHED, ICSK_ACK_TIMER, ICSK_TIME_PROBE0, ICSK_TIME_RETRANS, MAX_TCP_HEADER
cdef long long NSEC_PER_USEC, TCP_DELACK_MAX, TCP_DELACK_MIN, TCP_RESOURCE_PROBE_INTERVAL, TCP_RTO_MIN, TCP_TIMEOUT_INIT
cdef int TCP_NAGLE_OFF, ENOBUFS, TCP_CLOSE, TCP_ESTABLISHED
cdef unsigned int TCPHDR_ACK, TCPHDR_CWR, TCPHDR_ECE, TCPHDR_FIN, TCPHDR_PSH, TCPHDR_RST, TCPHDR_SYN
cdef unsigned int CHECKSUM_PARTIAL, SOCK_RCVBUF_LOCK
cdef int IPPROTO_TCP, MAX_WINDOW_CLAMP
cdef long long PROBE_RETRY


@cython.locals(skb=sk_buff)
cpdef sk_buff tcp_control_skb(tcp_sock sk, unsigned int seq, unsigned int flags)
@cython.locals(end=cython.uint)
cpdef unsigned int tcp_acceptable_seq(tcp_sock sk) noexcept
@cython.locals(skb=sk_buff)
cpdef tcp_send_ack(tcp_sock sk)
@cython.locals(ato=cython.longlong, max_ato=cython.longlong, left=cython.longlong)
cpdef tcp_send_delayed_ack(tcp_sock sk)
@cython.locals(net=Net, mss=cython.int)
cpdef tcp_connect_init(tcp_sock sk, rtable dst)
cpdef int tcp_mss_clamp(tcp_sock sk, int mss) noexcept
@cython.locals(skb=sk_buff, unsent=sk_buff)
cpdef int tcp_connect(tcp_sock sk, rtable dst) except? -9999
@cython.locals(rt=rtable, skb=sk_buff)
cpdef bint tcp_v4_send_synack(tcp_sock sk, request_sock req) except? -1
@cython.locals(skb=sk_buff)
cpdef tcp_send_synack(tcp_sock sk)
@cython.locals(net=Net, skb=sk_buff, wscale=cython.int, size=cython.uint, pos=cython.uint, flags=cython.uint,
               now=cython.longlong)
cpdef sk_buff tcp_make_synack(tcp_sock sk, request_sock req, rtable dst)
@cython.locals(skb=sk_buff)
cpdef tcp_send_fin(tcp_sock sk)
@cython.locals(skb=sk_buff)
cpdef tcp_send_active_reset(tcp_sock sk)
@cython.locals(seq=cython.uint, skb=sk_buff)
cpdef int tcp_xmit_probe_skb(tcp_sock sk, bint urgent) except? -9999
@cython.locals(skb=sk_buff, mss=cython.uint, seg_size=cython.uint, err=cython.int)
cpdef int tcp_write_wakeup(tcp_sock sk) except? -9999
@cython.locals(err=cython.int, timeout=cython.longlong)
cpdef tcp_send_probe0(tcp_sock sk)
cpdef long long tcp_probe0_when(tcp_sock sk) noexcept
@cython.locals(left=cython.longlong)
cpdef long long tcp_clamp_probe0_to_user_timeout(tcp_sock sk, long long when) noexcept
cpdef tcp_send_window_probe(tcp_sock sk)
