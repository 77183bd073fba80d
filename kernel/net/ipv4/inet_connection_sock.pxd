cimport cython

from kernel.net.core.sock cimport lock_sock, release_sock, sk_free, sk_sleep, sock_intr_errno, sock_orphan
from kernel.net.ipv4.inet_hashtables cimport ehash_node, inet_hashinfo, request_sock
from kernel.net.ipv4.tcp_cong cimport tcp_cleanup_congestion_control
from kernel.net.ipv4.tcp_control cimport tcp_send_active_reset
from kernel.net.ipv4.tcp_sock cimport inet_csk_clear_xmit_timers, tcp_net, tcp_sock, tcp_write_queue_purge
from kernel.net.snmp cimport ipstats

cdef unsigned int SOCK_DEAD
cdef int NODE_SOCK, EADDRINUSE, EAGAIN, ECONNABORTED, ECONNREFUSED, ECONNRESET, EINVAL, EPIPE, O_NONBLOCK
cdef unsigned int POLLERR, POLLHUP, POLLIN
cdef int TCP_CLOSE, TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT
cdef int SHUTDOWN_MASK, WAKE_ALL
cdef long long FASTOPEN_RESET_TIME
cdef unsigned int SOCK_BINDPORT_LOCK


cdef class request_sock_queue:
    cdef public dict requests
    cdef public int young
    cdef public request_sock accept_head, accept_tail


@cython.locals(tn=tcp_net, old=cython.int, mib=ipstats, hashinfo=inet_hashinfo, open_before=cython.bint)
cpdef tcp_set_state(tcp_sock sk, int state)
@cython.locals(tn=tcp_net, node=ehash_node, hashinfo=inet_hashinfo)
cpdef tcp_hash(tcp_sock sk)
@cython.locals(tn=tcp_net, node=ehash_node, hashinfo=inet_hashinfo)
cpdef tcp_unhash(tcp_sock sk)
cpdef tcp_done(tcp_sock sk)
cpdef tcp_reset(tcp_sock sk)
cpdef sk_error_report(tcp_sock sk)
@cython.locals(tn=tcp_net)
cpdef inet_csk_destroy_sock(tcp_sock sk)
@cython.locals(tn=tcp_net, hashinfo=inet_hashinfo)
cpdef tcp_v4_destroy_sock(tcp_sock sk)
@cython.locals(tn=tcp_net)
cpdef inet_csk_orphan(tcp_sock sk)
@cython.locals(tn=tcp_net, hashinfo=inet_hashinfo)
cpdef int inet_csk_listen_start(tcp_sock sk) except? -9999
@cython.locals(queue=request_sock_queue, req=request_sock, following=request_sock, child=tcp_sock)
cpdef inet_csk_listen_stop(tcp_sock sk)
cpdef inet_child_forget(tcp_sock child)
@cython.locals(tn=tcp_net, queue=request_sock_queue, hashinfo=inet_hashinfo)
cpdef bint inet_csk_reqsk_queue_drop(tcp_sock sk, request_sock req) except? -1
@cython.locals(queue=request_sock_queue)
cpdef inet_csk_reqsk_queue_add(tcp_sock sk, request_sock req, tcp_sock child)
@cython.locals(listener=tcp_sock)
cpdef reqsk_fastopen_remove(tcp_sock sk, request_sock req, bint reset)
cpdef bint sk_acceptq_is_full(tcp_sock sk) noexcept
@cython.locals(queue=request_sock_queue, timeo=cython.longlong, err=cython.int, req=request_sock, child=tcp_sock)
cpdef object inet_csk_accept(tcp_sock sk, int flags)
