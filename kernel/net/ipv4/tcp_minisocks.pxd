cimport cython

from kernel.net.core.dst cimport rtable
from kernel.net.core.skbuff cimport consume_skb, kfree_skb, sk_buff
from kernel.net.ipv4.inet_connection_sock cimport (
    inet_csk_reqsk_queue_add,
    inet_csk_reqsk_queue_drop,
    request_sock_queue,
    sk_acceptq_is_full,
    tcp_hash,
    tcp_set_state,
)
from kernel.net.ipv4.inet_hashtables cimport inet_hashinfo, request_sock
from kernel.net.ipv4.ip_output cimport ip_build_and_send_pkt
from kernel.net.ipv4.route cimport ip_route_output_key
from kernel.net.ipv4.tcp_control cimport tcp_mss_clamp, tcp_v4_send_synack
from kernel.net.ipv4.tcp_options cimport tcp_options_received, tcp_parse_options
from kernel.net.ipv4.tcp_reply cimport secure_tcp_seq, secure_tcp_ts_off, tcp_v4_reqsk_send_ack, tcp_v4_send_reset
from kernel.net.ipv4.tcp_sock cimport after, tcp_full_space, tcp_net, tcp_now, tcp_sock
from kernel.net.ipv4.tcp_timer cimport tcp_init_xmit_timers
from kernel.net.ipv4.tcp_timewait cimport tcp_in_window
from kernel.net.ipv4.tcp_window cimport (
    tcp_dst_advmss,
    tcp_initial_rcv_wnd,
    tcp_initial_wscale,
    tcp_initialize_rcv_mss,
    tcp_setup_caps,
    tcp_sync_mss,
)
from kernel.net.net cimport Net
from kernel.net.snmp cimport ipstats
from kernel.time.timer cimport timer_list

cdef unsigned int SEQ_SIGN, U32_MASK
cdef long long NSEC_PER_USEC, TCP_TIMEOUT_INIT, USEC_PER_SEC, SYNACK_RTO_MAX
cdef int TCP_ECN_OK, TCP_INIT_CWND, TCP_MSS_DEFAULT, RTN_BROADCAST, RTN_MULTICAST, TCP_SYN_RECV, MAX_WINDOW_CLAMP
cdef unsigned int TCPHDR_ACK, TCPHDR_CWR, TCPHDR_ECE, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN
cdef unsigned int SOCK_RCVBUF_LOCK, SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, INHERITED_FLAGS
cdef unsigned int SOCK_DBG, SOCK_KEEPOPEN, SOCK_LINGER, SOCK_LOCALROUTE, SOCK_RCVTSTAMP, SOCK_RCVTSTAMPNS, SOCK_URGINLINE
cdef unsigned int SK_FLAGS_TIMESTAMP, SOCK_SELECT_ERR_QUEUE, SOCK_TSTAMP_NEW, SOCK_ZEROCOPY
cdef int SAVE_SYN_FROM_LINK


cdef class reqsk_timer(timer_list):
    cdef public request_sock req
    cpdef fire(self)


@cython.locals(sk=tcp_sock, net=Net, limit=cython.int, defer=cython.int, expire=cython.bint, resend=cython.bint,
               queue=request_sock_queue)
cpdef reqsk_timer_handler(request_sock req)
@cython.locals(tn=tcp_net, net=Net, mib=ipstats, rt=rtable, queue=request_sock_queue, req=request_sock, dst=rtable,
               hashinfo=inet_hashinfo, opt=tcp_options_received, child=tcp_sock)
cpdef str tcp_conn_request(tcp_sock sk, sk_buff skb, unsigned int isn)
@cython.locals(child=tcp_sock)
cpdef tcp_sock tcp_fastopen_create_child(tcp_sock sk, sk_buff skb, request_sock req)
@cython.locals(net=Net, nh=cython.uint, mss=cython.int, both=cython.uint)
cpdef tcp_openreq_init(request_sock req, tcp_sock sk, sk_buff skb, tcp_options_received opt)
cpdef tcp_record_syn(tcp_sock sk, request_sock req, sk_buff skb)
@cython.locals(full_space=cython.longlong, clamp=cython.longlong, mss=cython.int)
cpdef tcp_openreq_init_rwin(request_sock req, tcp_sock sk, rtable dst)
@cython.locals(net=Net, flags=cython.uint, paws_reject=cython.bint, saw_tstamp=cython.bint, older=cython.uint,
               child=tcp_sock)
cpdef tcp_sock tcp_check_req(tcp_sock sk, sk_buff skb, request_sock req)
cpdef tcp_embryonic_reset(tcp_sock sk, sk_buff skb, request_sock req)
@cython.locals(now=cython.longlong)
cpdef bint tcp_reqsk_oow_limited(Net net, sk_buff skb, request_sock req) except? -1
@cython.locals(tn=tcp_net, net=Net, rt=rtable, child=tcp_sock, hashinfo=inet_hashinfo)
cpdef tcp_sock tcp_make_child(tcp_sock sk, sk_buff skb, request_sock req)
@cython.locals(child=tcp_sock)
cpdef tcp_sock tcp_v4_syn_recv_sock(tcp_sock sk, sk_buff skb, request_sock req)
cpdef tcp_inherit(tcp_sock child, tcp_sock sk)
@cython.locals(child=tcp_sock, now=cython.longlong, seq=cython.uint)
cpdef tcp_sock tcp_create_openreq_child(tcp_sock sk, request_sock req, sk_buff skb)
@cython.locals(flags=cython.uint, reason=str)
cpdef int tcp_listen_segment(tcp_sock sk, sk_buff skb) except? -9999
