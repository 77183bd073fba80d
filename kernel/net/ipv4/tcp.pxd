cimport cython

from kernel.arch.uaccess cimport iov_iter
from kernel.fs.select cimport poll_wait
from kernel.net.core.skb_data cimport skb_add_frags_iter
from kernel.net.core.skbuff cimport consume_skb, page_frag, sk_buff
from kernel.net.core.sk_mem cimport sk_mem_refused
from kernel.net.core.sock cimport lock_sock, msghdr, release_sock, sk_sleep, sock_error, sock_intr_errno
from kernel.net.ipv4.inet_connection_sock cimport (
    inet_csk_destroy_sock,
    inet_csk_listen_stop,
    inet_csk_orphan,
    request_sock_queue,
    sk_error_report,
    tcp_set_state,
)
from kernel.net.ipv4.tcp_cong cimport tcp_slow_start_after_idle_check
from kernel.net.ipv4.tcp_control cimport tcp_send_active_reset, tcp_send_fin
from kernel.net.ipv4.tcp_output cimport tcp_forced_push, tcp_mark_push, tcp_push, tcp_push_frames, tcp_push_one
from kernel.net.ipv4.tcp_queue cimport tcp_stream_alloc_skb
from kernel.net.ipv4.tcp_sack cimport tcp_rate_check_app_limited
from kernel.net.ipv4.tcp_sock cimport (
    after,
    before,
    inet_csk_clear_xmit_timers,
    inet_csk_reset_keepalive_timer,
    sk_stream_is_writeable,
    sk_stream_memory_free,
    tcp_mstamp_refresh,
    tcp_net,
    tcp_sock,
    tcp_wmem_free_skb,
    tcp_write_queue_purge,
)
from kernel.net.ipv4.tcp_timewait cimport tcp_fin_time, tcp_time_wait
from kernel.net.ipv4.tcp_window cimport tcp_current_mss, tcp_send_mss_goal

cdef unsigned int U32_MASK, MSG_SPECIAL
cdef unsigned int SOCK_DONE, SOCK_LINGER, SOCK_URGINLINE, SOCK_BINDADDR_LOCK
cdef int TCP_INFINITE_SSTHRESH, TCP_INIT_CWND, TCP_NAGLE_PUSH, TCP_URG_VALID
cdef long long TCP_TIMEOUT_INIT, TCP_TIMEWAIT_LEN, TCP_SKB_TRUESIZE, MEMORY_PAUSE
cdef int EAGAIN, ECONNRESET, EINVAL, ENOIOCTLCMD, ENOMEM, EPIPE
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRNORM
cdef int MSG_DONTWAIT, MSG_EOR, MSG_MORE, MSG_OOB, RCV_SHUTDOWN, SEND_SHUTDOWN, SHUTDOWN_MASK
cdef int SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD
cdef int TCP_CLOSE, TCP_CLOSE_WAIT, TCP_CLOSING, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_LAST_ACK
cdef int TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT, TCP_CA_Open
cdef int TCPF_CLOSE_WAIT, TCPF_CLOSING, TCPF_ESTABLISHED, TCPF_FIN_WAIT1, TCPF_LAST_ACK, TCPF_SYN_RECV, TCPF_SYN_SENT
cdef unsigned int TCPHDR_ACK, TCPHDR_FIN, TCPHDR_PSH


cpdef long long sk_stream_wait_connect(tcp_sock sk, long long timeo) except? -9999
@cython.locals(pause=cython.longlong, left=cython.longlong)
cpdef long long sk_stream_wait_memory(tcp_sock sk, long long timeo) except? -9999
@cython.locals(skb=sk_buff)
cpdef sk_buff tcp_skb_entail(tcp_sock sk)
@cython.locals(skb=sk_buff)
cpdef tcp_remove_empty_skb(tcp_sock sk)
@cython.locals(result=cython.longlong)
cpdef long long tcp_sendmsg(tcp_sock sk, msghdr msg, unsigned long long size) except? -9999
@cython.locals(flags=cython.int, timeo=cython.longlong, source=iov_iter, mss_now=cython.int, size_goal=cython.int,
               frag=page_frag, tn=tcp_net, copied=cython.longlong, err=cython.longlong, skb=sk_buff, room=cython.int,
               before_size=cython.uint, taken=cython.int, tsflags=cython.uint)
cpdef long long tcp_sendmsg_locked(tcp_sock sk, msghdr msg) except? -9999
cpdef long long tcp_sendmsg_special(tcp_sock sk, msghdr msg, unsigned long long size) except? -9999
cpdef long long tcp_wait_for_space(tcp_sock sk, int flags, long long copied, int mss_now, int size_goal,
                                   long long timeo) except? -9999
cpdef long long tcp_wait_for_ram(tcp_sock sk, int flags, long long copied, int mss_now, int size_goal) except? -9999
@cython.locals(pending=cython.int)
cpdef long long tcp_send_error(tcp_sock sk, long long err) except? -9999
@cython.locals(state=cython.int)
cpdef bint tcp_close_state(tcp_sock sk) except? -1
@cython.locals(state=cython.int)
cpdef tcp_shutdown(tcp_sock sk, int how)
cpdef sk_stream_wait_close(tcp_sock sk, long long timeo)
@cython.locals(unread=cython.bint, state=cython.int)
cpdef tcp_close(tcp_sock sk, long long timeout)
@cython.locals(unread=cython.bint, skb=sk_buff, end_seq=cython.uint)
cpdef bint tcp_flush_receive_queue(tcp_sock sk) except? -1
@cython.locals(timeout=cython.longlong, tn=tcp_net)
cpdef tcp_adjudge_to_death(tcp_sock sk)
cpdef bint tcp_need_reset(int state) noexcept
@cython.locals(old=cython.int)
cpdef int tcp_disconnect(tcp_sock sk, int flags) except? -9999
@cython.locals(answer=cython.uint)
cpdef unsigned int tcp_inq(tcp_sock sk) noexcept
cpdef int tcp_ioctl(tcp_sock sk, int cmd) except? -9999
@cython.locals(avail=cython.uint)
cpdef bint tcp_stream_is_readable(tcp_sock sk, int target) noexcept
@cython.locals(queue=request_sock_queue, mask=cython.uint, target=cython.int)
cpdef unsigned int tcp_poll(tcp_sock sk, object file, object table) except? 9999
