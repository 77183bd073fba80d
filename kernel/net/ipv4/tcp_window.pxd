cimport cython

from kernel.net.core.dst cimport rtable
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_options cimport tcp_established_options_size
from kernel.net.ipv4.tcp_sock cimport (
    tcp_full_space,
    tcp_mstamp_refresh,
    tcp_receive_window,
    tcp_sock,
    tcp_space,
    tcp_space_from_win,
    tcp_win_from_space,
)
from kernel.net.net cimport Net

cdef unsigned int U32_MASK
cdef int GSO_MAX_SIZE, ICSK_ACK_PUSHED, ICSK_ACK_PUSHED2, MAX_TCP_HEADER, TCP_INIT_CWND, TCP_MAX_WSCALE
cdef int TCP_MIN_MSS, TCP_MSS_DEFAULT, MIN_ADVMSS, MAX_ADVMSS
cdef unsigned int TCPHDR_FIN, TCPHDR_PSH, TCPHDR_SYN, TCPHDR_URG
cdef long long U16_MAX, MIN_WINDOW_CLAMP
cdef unsigned int SOCK_RCVBUF_LOCK, SOCK_SNDBUF_LOCK


@cython.locals(mss=cython.longlong, free_space=cython.longlong, allowed_space=cython.longlong,
               full_space=cython.longlong, window=cython.longlong)
cpdef long long tcp_choose_window(tcp_sock sk) except? -9999
@cython.locals(old_win=cython.longlong, cur_win=cython.longlong, new_win=cython.longlong)
cpdef long long tcp_select_window(tcp_sock sk) except? -9999
@cython.locals(edge=cython.uint)
cpdef tcp_update_max_rcv_wnd_seq(tcp_sock sk)
@cython.locals(wscale=cython.int)
cpdef int tcp_initial_wscale(Net net, long long space, long long clamp) except? -9999
cpdef long long tcp_initial_rcv_wnd(long long space, long long clamp, int mss, unsigned int segments) except? -9999
@cython.locals(dst=rtable)
cpdef int tcp_init_cwnd(tcp_sock sk) noexcept
cpdef int tcp_dst_advmss(rtable dst) noexcept
@cython.locals(maxwin=cython.longlong, app_win=cython.int)
cpdef tcp_init_buffer_space(tcp_sock sk)
@cython.locals(wanted=cython.int, per_mss=cython.longlong, segments=cython.longlong, size=cython.longlong)
cpdef tcp_sndbuf_expand(tcp_sock sk)
@cython.locals(last_seg_size=cython.int, size=cython.int, ratio=cython.int)
cpdef tcp_measure_rcv_mss(tcp_sock sk, sk_buff skb)
@cython.locals(hint=cython.int)
cpdef tcp_initialize_rcv_mss(tcp_sock sk)
@cython.locals(room=cython.longlong, increment=cython.longlong)
cpdef tcp_grow_window(tcp_sock sk, sk_buff skb)
@cython.locals(truesize=cython.longlong, window=cython.longlong)
cpdef int tcp_grow_window_slowly(tcp_sock sk, sk_buff skb) except? -9999
cpdef tcp_rcv_rtt_update(tcp_sock sk, long long sample, bint win_dep)
cpdef tcp_rcv_rtt_measure(tcp_sock sk)
@cython.locals(delta=cython.uint)
cpdef tcp_rcv_rtt_measure_ts(tcp_sock sk, sk_buff skb)
@cython.locals(rcvbuf=cython.longlong)
cpdef tcp_rcvbuf_grow(tcp_sock sk, long long rcvwin)
@cython.locals(elapsed=cython.longlong, copied=cython.longlong, before=cython.longlong, rcvwin=cython.longlong)
cpdef tcp_rcv_space_adjust(tcp_sock sk)
@cython.locals(mss=cython.int)
cpdef int tcp_mtu_to_mss(tcp_sock sk, int pmtu) except? -9999
@cython.locals(cutoff=cython.longlong)
cpdef int tcp_bound_to_half_wnd(tcp_sock sk, int pktsize) except? -9999
@cython.locals(mss_now=cython.int)
cpdef int tcp_sync_mss(tcp_sock sk, int pmtu) except? -9999
@cython.locals(mss_now=cython.int, dst=rtable, header_len=cython.int)
cpdef int tcp_current_mss(tcp_sock sk) except? -9999
@cython.locals(goal=cython.int, segments=cython.int)
cpdef int tcp_send_mss_goal(tcp_sock sk, int mss_now, bint large_allowed) except? -9999
@cython.locals(dev=net_device)
cpdef tcp_setup_caps(tcp_sock sk, rtable dst)
