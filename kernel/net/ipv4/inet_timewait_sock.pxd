cimport cython

from kernel.net.ipv4.inet_hashtables cimport ehash_node, inet_bind_bucket, inet_hashinfo
from kernel.net.ipv4.tcp_sock cimport tcp_net, tcp_sock
from kernel.time.timer cimport TimerBase, timer_list

cdef int NODE_TIMEWAIT, TCP_TIME_WAIT
cdef long long NSEC_PER_USEC

cdef class inet_timewait_sock


cdef class tw_timer(timer_list):
    cdef public inet_timewait_sock tw
    @cython.locals(tw=inet_timewait_sock)
    cpdef fire(self)


cdef class inet_timewait_sock(ehash_node):
    cdef public tcp_net tn
    cdef public int tw_substate, sk_bound_dev_if, sk_uid, sk_state, tos, rcv_wscale
    cdef public bint sk_reuse, sk_reuseport, tstamp_ok
    cdef public unsigned int inet_rcv_saddr, rcv_nxt, snd_nxt, rcv_wnd, ts_offset, ts_recent
    cdef public long long ts_recent_stamp, last_oow_ack_time
    cdef public inet_bind_bucket bucket
    cdef public tw_timer timer


@cython.locals(timers=TimerBase)
cpdef inet_twsk_schedule(inet_timewait_sock tw, long long timeo)
@cython.locals(tn=tcp_net, hashinfo=inet_hashinfo)
cpdef inet_twsk_kill(inet_timewait_sock tw)
