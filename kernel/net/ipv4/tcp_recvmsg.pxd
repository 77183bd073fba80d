cimport cython

from kernel.net.core.skb_data cimport skb_copy_datagram_iter
from kernel.net.core.skbuff cimport consume_skb, sk_buff
from kernel.net.core.sock cimport lock_sock, msghdr, release_sock, sk_sleep, sock_error, sock_intr_errno
from kernel.net.ipv4.tcp cimport tcp_inq
from kernel.net.ipv4.tcp_control cimport tcp_send_ack
from kernel.net.ipv4.tcp_sock cimport after, tcp_fast_path_check, tcp_mstamp_refresh, tcp_receive_window, tcp_sock
from kernel.net.ipv4.tcp_window cimport tcp_choose_window, tcp_rcv_space_adjust

cdef unsigned int U32_MASK
cdef unsigned int SOCK_DONE, SOCK_RCVTSTAMP, SOCK_URGINLINE
cdef int ICSK_ACK_PUSHED, ICSK_ACK_PUSHED2, ICSK_ACK_SCHED, TCP_URG_READ, TCP_URG_VALID
cdef int EAGAIN, EFAULT, EINVAL, ENOTCONN
cdef int MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, RCV_SHUTDOWN, SOL_TCP
cdef int TCP_CLOSE, TCP_CM_INQ, TCP_LISTEN
cdef unsigned int TCPHDR_FIN


@cython.locals(ack_now=cython.bint, window_now=cython.longlong, new_window=cython.longlong)
cpdef tcp_cleanup_rbuf(tcp_sock sk, long long copied)
cpdef long long tcp_recv_urg(tcp_sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(result=cython.longlong)
cpdef long long tcp_recvmsg(tcp_sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
@cython.locals(first=cython.bint, timeo=cython.longlong, peek=cython.int, seq=cython.uint, copied=cython.longlong,
               target=cython.longlong, skb=sk_buff, offset=cython.uint, used=cython.uint, skip=cython.uint, fin=cython.uint,
               err=cython.int, peek_offset=cython.uint)
cpdef long long tcp_recvmsg_locked(tcp_sock sk, msghdr msg, long long size, int flags) except? -9999
cpdef int tcp_recv_stop(tcp_sock sk, long long timeo) except? -9999
@cython.locals(last=sk_buff, rcv_nxt=cython.uint)
cpdef long long tcp_wait_data(tcp_sock sk, long long timeo) except? -9999
@cython.locals(offset=cython.uint)
cpdef tuple tcp_mind_the_mark(tcp_sock sk, unsigned int seq, unsigned int used)
