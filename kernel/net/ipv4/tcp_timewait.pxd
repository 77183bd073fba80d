cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.inet_connection_sock cimport tcp_done, tcp_unhash
from kernel.net.ipv4.inet_hashtables cimport inet_bind_bucket, inet_hashinfo
from kernel.net.ipv4.inet_timewait_sock cimport inet_timewait_sock, inet_twsk_kill, inet_twsk_schedule
from kernel.net.ipv4.tcp_options cimport tcp_parse_options
from kernel.net.ipv4.tcp_sock cimport after, before, tcp_net, tcp_now, tcp_receive_window, tcp_sock

cdef unsigned int SEQ_SIGN, U32_MASK
cdef long long NSEC_PER_USEC, TCP_FIN_TIMEOUT_MAX, TCP_PAWS_24DAYS, TCP_TIMEWAIT_LEN, USEC_PER_SEC
cdef int TCP_FIN_WAIT2, TCP_TIME_WAIT
cdef unsigned int TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN
cdef int TCP_TW_SUCCESS, TCP_TW_RST, TCP_TW_ACK, TCP_TW_SYN


@cython.locals(timeout=cython.longlong)
cpdef long long tcp_fin_time(tcp_sock sk) except? -9999
@cython.locals(tn=tcp_net, hashinfo=inet_hashinfo, tw=inet_timewait_sock, rto=cython.longlong, bucket=inet_bind_bucket)
cpdef tcp_time_wait(tcp_sock sk, int state, long long timeo)
cpdef bint tcp_in_window(unsigned int seq, unsigned int end_seq, unsigned int s_win, unsigned int e_win) noexcept
@cython.locals(now=cython.longlong)
cpdef bint tcp_tw_paws_reject(inet_timewait_sock tw, sk_buff skb) except? -1
@cython.locals(tn=tcp_net, paws_reject=cython.bint, flags=cython.uint)
cpdef int tcp_timewait_state_process(inet_timewait_sock tw, sk_buff skb) except? -9999
@cython.locals(now=cython.longlong, limit=cython.longlong)
cpdef int tcp_timewait_oow(inet_timewait_sock tw, sk_buff skb) except? -9999
