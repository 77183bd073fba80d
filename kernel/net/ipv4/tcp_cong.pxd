cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_sock cimport (
    before,
    tcp_ca_event,
    tcp_congestion_ops,
    tcp_current_ssthresh,
    tcp_is_cwnd_limited,
    tcp_net,
    tcp_packets_in_flight,
    tcp_sock,
)
from kernel.net.ipv4.tcp_window cimport tcp_init_cwnd

cdef int CA_EVENT_CWND_RESTART, TCP_ECN_QUEUE_CWR
cdef unsigned int TCPCB_LOST
cdef int ENOENT, TCP_CA_Open, TCP_CLOSE


@cython.locals(cwnd=cython.int)
cpdef int tcp_slow_start(tcp_sock sk, int acked) except? -9999
@cython.locals(grown=cython.int)
cpdef tcp_cong_avoid_ai(tcp_sock sk, int w, int acked)


cdef class tcp_reno_ops(tcp_congestion_ops):
    cpdef int ssthresh(self, tcp_sock sk) except? -9999
    cpdef cong_avoid(self, tcp_sock sk, unsigned int ack, int acked)
    cpdef int undo_cwnd(self, tcp_sock sk) except? -9999


cpdef tcp_register_congestion_control(tcp_net tn, tcp_congestion_ops ops)
@cython.locals(tn=tcp_net)
cpdef tcp_assign_congestion_control(tcp_sock sk)
cpdef tcp_init_congestion_control(tcp_sock sk)
@cython.locals(tn=tcp_net, ops=tcp_congestion_ops)
cpdef int tcp_set_congestion_control(tcp_sock sk, str name) except? -9999
cpdef tcp_cleanup_congestion_control(tcp_sock sk)
@cython.locals(delta=cython.longlong, cwnd=cython.int, restart=cython.int)
cpdef tcp_cwnd_restart(tcp_sock sk)
@cython.locals(used=cython.int)
cpdef tcp_cwnd_application_limited(tcp_sock sk)
cpdef tcp_cwnd_validate(tcp_sock sk, bint is_cwnd_limited)
cpdef tcp_slow_start_after_idle_check(tcp_sock sk)
@cython.locals(skb=sk_buff)
cpdef tcp_undo_cwnd_reduction(tcp_sock sk, bint unmark_loss)
@cython.locals(in_flight=cython.int)
cpdef int tcp_cwnd_room(tcp_sock sk) noexcept
