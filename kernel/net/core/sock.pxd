cimport cython

from kernel.arch.uaccess cimport iov_iter
from kernel.net.core.dst cimport rtable
from kernel.net.core.netdevice cimport softnet_data
from kernel.net.core.skbuff cimport alloc_skb, kfree_skb, sk_buff, sk_buff_head, skb_clone, skb_orphan, skb_owner
from kernel.net.net cimport Net
from kernel.sched.core cimport Scheduler
from kernel.sched.wait cimport wait_queue_head

cdef unsigned int SK_FLAGS_TIMESTAMP, SOCK_DEAD, SOCK_RXQ_OVFL
cdef int SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF
cdef int EAGAIN, EINTR, ENOBUFS, ENOIOCTLCMD, ENOMSG, ENOPROTOOPT, EOPNOTSUPP, EPIPE, ERESTARTSYS
cdef int IP_PMTUDISC_WANT, IPPROTO_TCP, AF_INET, SEND_SHUTDOWN, SOCK_STREAM, SS_UNCONNECTED, TCP_CLOSE
cdef int SO_EE_ORIGIN_TIMESTAMPING
cdef unsigned int SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_OPT_TSONLY, U32_MASK
cdef unsigned int POLLERR, POLLIN, POLLOUT, POLLPRI, POLLRDBAND, POLLRDNORM, POLLWRBAND, POLLWRNORM
cdef int SKB_CHARGED_WRITE, SKB_CHARGED_READ
cdef long long FOREVER, PACING_UNLIMITED

cdef class sock
cdef class socket


cdef class msghdr:
    cdef public bytes msg_name
    cdef public int msg_family
    cdef public unsigned int msg_addr
    cdef public unsigned int msg_port
    cdef public iov_iter msg_iter
    cdef public unsigned int msg_flags
    cdef public list msg_control
    cdef public unsigned long long msg_controllen


@cython.locals(msg=msghdr)
cpdef msghdr alloc_msghdr(iov_iter msg_iter, unsigned int msg_flags)


cdef class proto:
    cdef public str name
    cdef public long long inuse, memory_allocated, mem_low, mem_pressure, mem_high
    cdef public bint under_pressure
    cpdef sock sk_alloc(self, Net net, int family, int type, int protocol)
    cpdef int init_sock(self, sock sk) except? -9999
    cpdef destroy(self, sock sk)
    cpdef close(self, sock sk, long long timeout)
    cpdef int connect(self, sock sk, unsigned int daddr, unsigned int dport, int flags) except? -9999
    cpdef int disconnect(self, sock sk, int flags) except? -9999
    cpdef object accept(self, sock sk, int flags)
    cpdef int listen_start(self, sock sk, int backlog) except? -9999
    cpdef int shutdown(self, sock sk, int how) except? -9999
    cpdef int ioctl(self, sock sk, int cmd, unsigned long long arg) except? -9999
    cpdef int setsockopt(self, sock sk, int level, int optname, object optval) except? -9999
    cpdef object getsockopt(self, sock sk, int level, int optname, int optlen)
    cpdef long long sendmsg(self, sock sk, msghdr msg, unsigned long long size) except? -9999
    cpdef long long recvmsg(self, sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
    cpdef int bind(self, sock sk, unsigned int addr, unsigned int port) except? -9999
    cpdef int backlog_rcv(self, sock sk, sk_buff skb) except? -9999
    cpdef release_cb(self, sock sk)
    cpdef int hash(self, sock sk) except? -9999
    cpdef unhash(self, sock sk)
    cpdef int get_port(self, sock sk, unsigned int port) except? -9999
    cpdef put_port(self, sock sk)
    cpdef unsigned int poll(self, sock sk, object file, object table) except? 9999
    cpdef mtu_reduced(self, sock sk)
    cpdef keepalive(self, sock sk, bint on)
    cpdef set_rcvlowat(self, sock sk, int value)


cdef class proto_ops:
    cdef public int family
    cpdef int release(self, socket sock) except? -9999
    cpdef int bind(self, socket sock, bytes addr) except? -9999
    cpdef int connect(self, socket sock, bytes addr, int flags) except? -9999
    cpdef int socketpair(self, socket sock1, socket sock2) except? -9999
    cpdef int accept(self, socket sock, socket newsock, int flags) except? -9999
    cpdef object getname(self, socket sock, int peer)
    cpdef unsigned int poll(self, object file, socket sock, object table) except? 9999
    cpdef int ioctl(self, socket sock, int cmd, unsigned long long arg) except? -9999
    cpdef int listen(self, socket sock, int backlog) except? -9999
    cpdef int shutdown(self, socket sock, int how) except? -9999
    cpdef int setsockopt(self, socket sock, int level, int optname, object optval) except? -9999
    cpdef object getsockopt(self, socket sock, int level, int optname, int optlen)
    cpdef long long sendmsg(self, socket sock, msghdr msg, unsigned long long size) except? -9999
    cpdef long long recvmsg(self, socket sock, msghdr msg, unsigned long long size, int flags) except? -9999


cdef class socket:
    cdef public Net net
    cdef public int state
    cdef public int type
    cdef public proto_ops ops
    cdef public object file
    cdef public object inode
    cdef public sock sk


cdef class sock(skb_owner):
    cdef public Net net
    cdef public int sk_family, sk_type, sk_protocol, sk_state
    cdef public proto sk_prot
    cdef public socket sk_socket
    cdef public sock sk_next
    cdef public bint sk_hashed, sk_freed
    cdef public unsigned int sk_hash
    cdef public unsigned int inet_saddr, inet_rcv_saddr, inet_daddr
    cdef public unsigned int inet_sport, inet_num, inet_dport
    cdef public unsigned int inet_id
    cdef public int tos, uc_ttl, mc_ttl
    cdef public bint mc_loop, mc_all
    cdef public int mc_index
    cdef public unsigned int mc_addr
    cdef public int uc_index
    cdef public unsigned int local_port_first, local_port_last
    cdef public list mc_list
    cdef public int min_ttl
    cdef public unsigned int cmsg_flags
    cdef public bint recverr, hdrincl, freebind, transparent, nodefrag, bind_address_no_port
    cdef public int pmtudisc
    cdef public bytes inet_opt
    cdef public object corked
    cdef public sk_buff_head sk_receive_queue, sk_write_queue, sk_error_queue, sk_backlog
    cdef public long long sk_backlog_len
    cdef public bint sk_lock_owned
    cdef public long long sk_rcvbuf, sk_sndbuf, sk_rmem_alloc, sk_wmem_alloc, sk_wmem_queued, sk_forward_alloc
    cdef public unsigned int sk_drops
    cdef public int sk_err, sk_err_soft, sk_shutdown
    cdef public unsigned int sk_flags, sk_userlocks
    cdef public bint sk_reuse, sk_reuseport, sk_no_check_tx
    cdef public long long sk_lingertime, sk_rcvtimeo, sk_sndtimeo
    cdef public int sk_rcvlowat
    cdef public int sk_bound_dev_if
    cdef public unsigned int sk_priority, sk_mark
    cdef public int sk_peek_off
    cdef public long long sk_stamp
    cdef public unsigned int sk_tsflags, sk_tskey, sk_zckey
    cdef public long long sk_omem_alloc, sk_max_pacing_rate
    cdef public unsigned int sk_busy_poll
    cdef public int sk_incoming_cpu
    cdef public int sk_uid
    cdef public long long sk_cookie
    cdef public unsigned int sk_ack_backlog, sk_max_ack_backlog
    cdef public rtable sk_dst_cache
    cdef public bint sk_dst_pending_confirm
    cdef public wait_queue_head sk_wq
    cdef public object sk_filter, sk_user_data
    cpdef skb_released(self, sk_buff skb, int kind)
    @cython.locals(net=Net, stamp=sk_buff, only=cython.bint)
    cpdef tx_timestamp(self, sk_buff skb, int kind)
    cpdef state_change(self)
    cpdef data_ready(self)
    cpdef write_space(self)
    cpdef error_report(self)
    cpdef destruct(self)


cpdef skb_set_owner_w(sk_buff skb, sock sk)
cpdef skb_set_owner_r(sk_buff skb, sock sk)
cpdef int sock_queue_rcv_skb(sock sk, sk_buff skb) except? -9999
cpdef int sock_queue_err_skb(sock sk, sk_buff skb) except? -9999
cpdef sock_set_rcvbuf(sock sk, long long size)
cpdef sock_set_sndbuf(sock sk, long long size)
@cython.locals(softnet=softnet_data)
cpdef sock_enable_timestamp(sock sk, unsigned int flag)
@cython.locals(softnet=softnet_data)
cpdef sock_disable_timestamp(sock sk, unsigned int flags)
@cython.locals(err=cython.int)
cpdef int sock_error(sock sk) except? -9999
cpdef int sock_intr_errno(long long timeo) noexcept
@cython.locals(sched=Scheduler)
cpdef long long sk_sleep(sock sk, long long timeo, bint exclusive) except? -9999
@cython.locals(timeo=cython.longlong)
cpdef int sock_may_send(sock sk, bint noblock) except? -9999
cpdef lock_sock(sock sk)
@cython.locals(skb=sk_buff)
cpdef release_sock(sock sk)
cpdef int sk_add_backlog(sock sk, sk_buff skb, long long limit) except? -9999
cpdef sk_local_port_range(sock sk)
cpdef bint sock_is_tcp(sock sk) noexcept
cpdef bint sock_flag(sock sk, unsigned int flag) noexcept
cpdef sock_set_flag(sock sk, unsigned int flag)
cpdef sock_reset_flag(sock sk, unsigned int flag)
cpdef sock_valbool_flag(sock sk, unsigned int flag, bint value)
cpdef sock_graft(sock sk, socket parent)
cpdef sock_orphan(sock sk)
cpdef sk_free(sock sk)
cpdef sk_common_release(sock sk)
@cython.locals(dst=rtable)
cpdef rtable sk_dst_check(sock sk)
