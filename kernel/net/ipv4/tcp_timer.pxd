cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.inet_connection_sock cimport sk_error_report, tcp_done
from kernel.net.ipv4.tcp_control cimport (
    tcp_probe0_when,
    tcp_send_ack,
    tcp_send_active_reset,
    tcp_send_probe0,
    tcp_write_wakeup,
)
from kernel.net.ipv4.tcp_data cimport tcp_compressed_ack_timer
from kernel.net.ipv4.tcp_fastretrans cimport tcp_enter_loss, tcp_rack_reo_timeout_mark
from kernel.net.ipv4.tcp_input cimport keepalive_time_when
from kernel.net.ipv4.tcp_mtu_probe cimport tcp_mtu_black_hole
from kernel.net.ipv4.tcp_output cimport tcp_rearm_rto
from kernel.net.ipv4.tcp_retransmit cimport (
    tcp_retransmit_skb,
    tcp_send_loss_probe,
    tcp_tsq_write,
    tcp_xmit_retransmit_queue,
)
from kernel.net.ipv4.tcp_sock cimport (
    csk_timer,
    inet_csk_reset_keepalive_timer,
    inet_csk_reset_xmit_timer,
    tcp_mstamp_refresh,
    tcp_net,
    tcp_sock,
    tcp_write_queue_purge,
)
from kernel.net.ipv4.tcp_timewait cimport tcp_fin_time, tcp_time_wait
from kernel.net.net cimport Net
from kernel.net.snmp cimport ipstats

cdef unsigned int SOCK_DEAD, SOCK_KEEPOPEN
cdef int DEFERRED_DELACK, DEFERRED_MTU_REDUCED, DEFERRED_TSQ, DEFERRED_WRITE_TIMER
cdef int ICSK_ACK_SCHED, ICSK_ACK_TIMER, ICSK_TIME_LOSS_PROBE, ICSK_TIME_PROBE0, ICSK_TIME_REO_TIMEOUT
cdef int ICSK_TIME_RETRANS
cdef long long NSEC_PER_USEC, TCP_ATO_MIN, TCP_RESOURCE_PROBE_INTERVAL, TCP_RTO_MIN, TCP_TIMEOUT_INIT, TCP_TIMEWAIT_LEN
cdef int ETIMEDOUT, TCP_CLOSE, TCP_FIN_WAIT2, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT
cdef int TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Recovery, ORPHAN_RETRIES
cdef long long KEEPALIVE_BUSY


cdef class tcp_write_timer(csk_timer):
    @cython.locals(sk=tcp_sock)
    cpdef fire(self)


cdef class tcp_delack_timer(csk_timer):
    @cython.locals(sk=tcp_sock)
    cpdef fire(self)


cdef class tcp_pacing_timer(csk_timer):
    @cython.locals(sk=tcp_sock)
    cpdef fire(self)


cdef class tcp_keepalive_timer(csk_timer):
    @cython.locals(sk=tcp_sock)
    cpdef fire(self)


cpdef tcp_init_xmit_timers(tcp_sock sk)
@cython.locals(deferred=cython.int)
cpdef tcp_release_cb(tcp_sock sk)
cpdef tcp_write_err(tcp_sock sk)
@cython.locals(retries=cython.int)
cpdef int tcp_orphan_retries(tcp_sock sk, bint alive) except? -9999
@cython.locals(tn=tcp_net)
cpdef bint tcp_out_of_resources(tcp_sock sk, bint do_reset) except? -1
@cython.locals(total=cython.longlong, rto=cython.longlong, i=cython.int)
cpdef long long tcp_model_timeout(tcp_sock sk, int boundary, long long rto_base) except? -9999
@cython.locals(start=cython.longlong, head=sk_buff, base=cython.longlong)
cpdef bint retransmits_timed_out(tcp_sock sk, int boundary, long long timeout) except? -1
@cython.locals(net=Net, retries=cython.int, expired=cython.bint, alive=cython.bint)
cpdef bint tcp_write_timeout(tcp_sock sk) except? -1
@cython.locals(left=cython.longlong)
cpdef long long tcp_clamp_rto_to_user_timeout(tcp_sock sk) except? -9999
@cython.locals(now=cython.longlong, event=cython.int)
cpdef tcp_write_timer_handler(tcp_sock sk)
cpdef tcp_rack_reo_timeout(tcp_sock sk)
@cython.locals(skb=sk_buff, mib=ipstats, syn_state=cython.bint)
cpdef tcp_retransmit_timer(tcp_sock sk)
@cython.locals(silence=cython.longlong)
cpdef bint tcp_rtx_probe0_timed_out(tcp_sock sk) except? -1
@cython.locals(max_probes=cython.int, alive=cython.bint)
cpdef tcp_probe_timer(tcp_sock sk)
cpdef tcp_delack_timer_handler(tcp_sock sk)
cpdef int tcp_keepalive_probes(tcp_sock sk) except? -9999
cpdef long long tcp_keepalive_intvl(tcp_sock sk) except? -9999
@cython.locals(timeout=cython.longlong, when=cython.longlong, idle=cython.longlong)
cpdef tcp_keepalive_timer_handler(tcp_sock sk)
cpdef tcp_set_keepalive(tcp_sock sk, bint enable)
