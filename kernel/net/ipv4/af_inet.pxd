cimport cython

from kernel.net.core.sock cimport (
    lock_sock,
    msghdr,
    proto_ops,
    release_sock,
    sk_sleep,
    sock as struct_sock,
    sock_error,
    sock_graft,
    sock_intr_errno,
    socket,
)
from kernel.net.net cimport Net

cdef unsigned int SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_LINGER
cdef int EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, ECONNABORTED, EFAULT, EINPROGRESS, EINVAL
cdef int EISCONN, ENOTCONN, EOPNOTSUPP, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT
cdef int O_NONBLOCK, IPPROTO_ICMP, IPPROTO_IP, IPPROTO_MAX, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTENTRY_SIZE, ARPREQ_SIZE
cdef int AF_INET, AF_UNSPEC, RCV_SHUTDOWN, SHUT_RDWR, SOCK_RAW, SOCK_STREAM, SOL_IP
cdef int SS_CONNECTED, SS_CONNECTING, SS_DISCONNECTING, SS_UNCONNECTED
cdef int TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT
cdef unsigned int SOCKADDR_IN_SIZE


cdef class inet_ops(proto_ops):
    @cython.locals(sk=struct_sock, timeout=cython.longlong)
    cpdef int release(self, socket sock) except? -9999
    @cython.locals(sk=struct_sock, net=Net, err=cython.int, raw=cython.bint)
    cpdef int bind(self, socket sock, bytes addr) except? -9999
    @cython.locals(sk=struct_sock)
    cpdef object getname(self, socket sock, int peer)
    @cython.locals(sk=struct_sock)
    cpdef unsigned int poll(self, object file, socket sock, object table) except? 9999
    @cython.locals(sk=struct_sock, net=Net)
    cpdef int ioctl(self, socket sock, int cmd, unsigned long long arg) except? -9999
    cpdef int shutdown(self, socket sock, int how) except? -9999
    @cython.locals(sk=struct_sock)
    cpdef int setsockopt(self, socket sock, int level, int optname, object optval) except? -9999
    @cython.locals(sk=struct_sock)
    cpdef object getsockopt(self, socket sock, int level, int optname, int optlen)
    @cython.locals(sk=struct_sock)
    cpdef long long sendmsg(self, socket sock, msghdr msg, unsigned long long size) except? -9999
    @cython.locals(sk=struct_sock)
    cpdef long long recvmsg(self, socket sock, msghdr msg, unsigned long long size, int flags) except? -9999


cdef class inet_dgram_ops(inet_ops):
    @cython.locals(sk=struct_sock)
    cpdef long long sendmsg(self, socket sock, msghdr msg, unsigned long long size) except? -9999
    @cython.locals(sk=struct_sock)
    cpdef int connect(self, socket sock, bytes addr, int flags) except? -9999


cdef class inet_raw_ops(inet_dgram_ops):
    pass


cdef class inet_stream_ops(inet_ops):
    @cython.locals(sk=struct_sock, err=cython.int)
    cpdef int connect(self, socket sock, bytes addr, int flags) except? -9999
    @cython.locals(sk=struct_sock, err=cython.int)
    cpdef int listen(self, socket sock, int backlog) except? -9999
    @cython.locals(sk=struct_sock)
    cpdef int accept(self, socket sock, socket newsock, int flags) except? -9999


cpdef int inet_autobind(struct_sock sk) except? -9999
@cython.locals(err=cython.int, timeo=cython.longlong)
cpdef int inet_stream_connect(socket sock, struct_sock sk, int family, unsigned int address, unsigned int port, int length,
                              int flags, bint sending) except? -9999
cpdef int inet_listen(socket sock, struct_sock sk, int backlog) except? -9999
@cython.locals(sk=struct_sock, err=cython.int)
cpdef int inet_shutdown(socket sock, int how) except? -9999
