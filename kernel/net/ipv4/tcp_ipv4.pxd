cimport cython

from kernel.lib.checksum cimport csum_add, csum_fold, csum_tcpudp_nofold
from kernel.net.core.dst cimport rtable
from kernel.net.core.skb_data cimport skb_checksum
from kernel.net.core.skbuff cimport kfree_skb, pskb_may_pull, sk_buff
from kernel.net.core.sock cimport msghdr, proto, sk_add_backlog, sock
from kernel.net.ipv4.inet_connection_sock cimport (
    inet_csk_accept,
    inet_csk_listen_start,
    inet_csk_reqsk_queue_drop,
    sk_error_report,
    tcp_done,
    tcp_hash,
    tcp_set_state,
    tcp_unhash,
    tcp_v4_destroy_sock,
)
from kernel.net.ipv4.inet_hashtables cimport ehash_node, inet_bind_bucket, inet_hashinfo, request_sock
from kernel.net.ipv4.inet_timewait_sock cimport inet_timewait_sock, inet_twsk_kill
from kernel.net.ipv4.route cimport ip_route_output_key
from kernel.net.ipv4.tcp cimport tcp_close, tcp_disconnect, tcp_ioctl, tcp_poll, tcp_sendmsg, tcp_shutdown
from kernel.net.ipv4.tcp_cong cimport tcp_assign_congestion_control, tcp_register_congestion_control, tcp_reno_ops
from kernel.net.ipv4.tcp_control cimport tcp_connect
from kernel.net.ipv4.tcp_cubic cimport tcp_cubic_ops
from kernel.net.ipv4.tcp_fastretrans cimport tcp_simple_retransmit
from kernel.net.ipv4.tcp_input cimport tcp_rcv_established, tcp_rcv_state_process
from kernel.net.ipv4.tcp_minisocks cimport tcp_check_req, tcp_conn_request, tcp_listen_segment
from kernel.net.ipv4.tcp_recvmsg cimport tcp_recvmsg
from kernel.net.ipv4.tcp_reply cimport secure_tcp_seq, secure_tcp_ts_off, tcp_v4_send_reset, tcp_v4_timewait_ack
from kernel.net.ipv4.tcp_retransmit cimport tcp_tsq_action, tcp_xmit_retransmit_queue
from kernel.net.ipv4.tcp_sock cimport between, tcp_net, tcp_now, tcp_sock
from kernel.net.ipv4.tcp_timer cimport tcp_init_xmit_timers, tcp_release_cb, tcp_set_keepalive
from kernel.net.ipv4.tcp_timewait cimport tcp_timewait_state_process
from kernel.net.ipv4.tcp_window cimport tcp_sync_mss
from kernel.net.net cimport Net, net_protocol
from kernel.net.snmp cimport ipstats

cdef unsigned int U32_MASK
cdef unsigned int SOCK_DEAD
cdef int NODE_REQUEST, NODE_SOCK, NODE_TIMEWAIT, DEFERRED_MTU_REDUCED, TCP_MSS_DEFAULT
cdef long long NSEC_PER_USEC, USEC_PER_SEC, BACKLOG_ROOM
cdef int TCP_TW_ACK, TCP_TW_RST, TCP_TW_SYN
cdef int EADDRINUSE, EADDRNOTAVAIL, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT, EOPNOTSUPP, EPROTO
cdef int IP_PMTUDISC_DONT, IPPROTO_TCP, RTN_BROADCAST, RTN_MULTICAST, SOCK_STREAM, SOL_TCP
cdef int TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT
cdef unsigned int TCPHDR_FIN, TCPHDR_SYN
cdef unsigned int CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE, CHECKSUM_PARTIAL, PACKET_HOST
cdef int TASKLET_SOFTIRQ
cdef int ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB, ICMP_NET_UNREACH, ICMP_HOST_UNREACH
cdef int ICMP_FRAG_NEEDED


@cython.locals(pseudo=cython.uint)
cpdef bint tcp_v4_checksum_ok(sk_buff skb, unsigned int saddr, unsigned int daddr) except? -1
@cython.locals(mib=ipstats, size=cython.uint, pos=cython.uint, nh=cython.uint, saddr=cython.uint, daddr=cython.uint,
               ports=cython.uint, flags=cython.uint, length=cython.uint, tn=tcp_net, hashinfo=inet_hashinfo,
               node=ehash_node, sk=tcp_sock)
cpdef int tcp_v4_rcv(Net net, sk_buff skb) except? -9999
@cython.locals(reset=cython.int)
cpdef int tcp_v4_do_rcv(tcp_sock sk, sk_buff skb) except? -9999
@cython.locals(sk=tcp_sock, child=tcp_sock)
cpdef int tcp_v4_new_syn_recv(Net net, request_sock req, sk_buff skb) except? -9999
@cython.locals(verdict=cython.int, tn=tcp_net, hashinfo=inet_hashinfo, sk=tcp_sock, isn=cython.uint, reason=str)
cpdef int tcp_v4_timewait(Net net, inet_timewait_sock tw, sk_buff skb) except? -9999
@cython.locals(tn=tcp_net, iph=cython.uint, at=cython.uint, type=cython.int, code=cython.int, mib=ipstats,
               hashinfo=inet_hashinfo, node=ehash_node, seq=cython.uint, sk=tcp_sock, err=cython.int)
cpdef int tcp_v4_err(Net net, sk_buff skb, unsigned int info) except? -9999
cpdef int tcp_icmp_errno(int type, int code) except? -9999
@cython.locals(sk=tcp_sock)
cpdef tcp_req_err(request_sock req, unsigned int seq, int type, int code)
cpdef tcp_v4_report(tcp_sock sk, sk_buff skb, int err, unsigned int info)
@cython.locals(rt=rtable)
cpdef tcp_v4_mtu_reduced(tcp_sock sk)


cdef class tcp_protocol(net_protocol):
    cdef public Net net
    cpdef int handler(self, sk_buff skb) except? -9999
    cpdef int err_handler(self, sk_buff skb, unsigned int info) except? -9999


@cython.locals(reuse=cython.int, now=cython.longlong)
cpdef bint tcp_twsk_unique(tcp_sock sk, inet_timewait_sock tw) except? -1
@cython.locals(tn=tcp_net, hashinfo=inet_hashinfo, node=ehash_node)
cpdef bint inet_check_established(tcp_sock sk, unsigned int port) except? -1
@cython.locals(tn=tcp_net, hashinfo=inet_hashinfo, low=cython.uint, total=cython.uint, start=cython.uint,
               tried=cython.uint, distance=cython.uint, port=cython.uint, bucket=inet_bind_bucket)
cpdef int inet_hash_connect(tcp_sock sk) except? -9999
@cython.locals(net=Net, err=cython.int)
cpdef int tcp_v4_connect(tcp_sock sk, unsigned int daddr, unsigned int dport) except? -9999


cdef class tcp_prot(proto):
    pass
