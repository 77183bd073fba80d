cimport cython

from kernel.net.ipv4.tcp_cong cimport tcp_cong_avoid_ai, tcp_slow_start
from kernel.net.ipv4.tcp_sock cimport before, tcp_congestion_ops, tcp_is_cwnd_limited, tcp_sock
from kernel.net.snmp cimport ipstats

cdef int CA_EVENT_TX_START, TCP_CA_Loss
cdef long long BETA, BETA_SCALE, CUBE_RTT_SCALE, CUBE_FACTOR, FRIENDLY_SCALE
cdef int HYSTART_LOW_WINDOW, HYSTART_ACK_DELTA, HYSTART_MIN_SAMPLES, HYSTART_DELAY_MIN, HYSTART_DELAY_MAX
cdef int HYSTART_TRAIN, HYSTART_DELAY, NO_RTT


@cython.locals(root=cython.longlong)
cpdef long long cubic_root(long long a) except? -9999


cdef class bictcp:
    cdef public long long cnt, last_max_cwnd, last_time, bic_origin_point, bic_k, delay_min, epoch_start
    cdef public long long ack_cnt, tcp_cwnd
    cdef public int found, sample_cnt
    cdef public long long round_start, last_ack, curr_rtt
    cdef public unsigned int end_seq
    cpdef reset(self)


cdef class tcp_cubic_ops(tcp_congestion_ops):
    @cython.locals(ca=bictcp)
    cpdef init(self, tcp_sock sk)
    @cython.locals(ca=bictcp)
    cpdef int ssthresh(self, tcp_sock sk) except? -9999
    cpdef int undo_cwnd(self, tcp_sock sk) except? -9999
    @cython.locals(ca=bictcp)
    cpdef set_state(self, tcp_sock sk, int new_state)
    @cython.locals(ca=bictcp, idle=cython.longlong)
    cpdef cwnd_event(self, tcp_sock sk, int event)
    @cython.locals(ca=bictcp)
    cpdef cong_avoid(self, tcp_sock sk, unsigned int ack, int acked)
    @cython.locals(cwnd=cython.longlong, now=cython.longlong, elapsed=cython.longlong, t=cython.longlong,
                   offs=cython.longlong, delta=cython.longlong, target=cython.longlong)
    cpdef update(self, tcp_sock sk, bictcp ca, int acked)
    @cython.locals(delta=cython.longlong, grown=cython.longlong, limit=cython.longlong)
    cpdef friendliness(self, bictcp ca, long long cwnd)
    @cython.locals(ca=bictcp, delay=cython.longlong)
    cpdef pkts_acked(self, tcp_sock sk, int pkts_acked, long long rtt_us, int in_flight)
    cpdef hystart_reset(self, tcp_sock sk, bictcp ca)
    @cython.locals(mib=ipstats, now=cython.longlong, threshold=cython.longlong)
    cpdef hystart_update(self, tcp_sock sk, bictcp ca, long long delay)
    @cython.locals(rate=cython.longlong)
    cpdef long long ack_delay(self, tcp_sock sk) except? -9999
