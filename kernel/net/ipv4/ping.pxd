cimport cython

from kernel.lib.checksum cimport csum_fold
from kernel.net.core.skb_data cimport skb_checksum
from kernel.net.core.skbuff cimport consume_skb, kfree_skb, sk_buff, skb_clone
from kernel.net.core.sock cimport msghdr, sock, sock_queue_rcv_skb
from kernel.net.ipv4.datagram cimport (
    datagram_err,
    datagram_fits,
    datagram_flow,
    datagram_flow_route,
    datagram_make_skb,
    datagram_proto,
    datagram_recvmsg,
    datagram_send,
    datagram_sock,
)
from kernel.net.net cimport Net
from kernel.net.snmp cimport ipstats

cdef int EACCES, EADDRINUSE, EAFNOSUPPORT, EAGAIN, EFAULT, EINVAL, EMSGSIZE, EOPNOTSUPP, ICMP_ECHO, IPPROTO_ICMP
cdef unsigned int MSG_OOB, MSG_PROBE
cdef unsigned int SOCKADDR_IN_SIZE, IP_HEADER_LEN, ICMP_HEADER_LEN, PING_MAX_PAYLOAD


cdef class ping_hash_table:
    cdef public Net net
    cdef public dict socks
    cdef public unsigned int next_ident
    cpdef int get_port(self, sock sk, unsigned int ident) except? -9999
    cpdef unhash(self, sock sk)
    @cython.locals(sk=sock)
    cpdef sock lookup(self, unsigned int ident, unsigned int daddr, int iif)


cdef class ping_proto(datagram_proto):
    cdef public ping_hash_table table
    cpdef sock sk_alloc(self, Net net, int family, int type, int protocol)
    cpdef int get_port(self, sock sk, unsigned int port) except? -9999
    cpdef put_port(self, sock sk)
    cpdef unhash(self, sock sk)
    cpdef long long sendmsg(self, sock sk, msghdr msg, unsigned long long size) except? -9999
    cpdef long long recvmsg(self, sock sk, msghdr msg, unsigned long long size, int flags) except? -9999
    cpdef int ioctl(self, sock sk, int cmd, unsigned long long arg) except? -9999
    cpdef int backlog_rcv(self, sock sk, sk_buff skb) except? -9999


@cython.locals(net=Net, err=cython.int, at=cython.uint, skb=object, mib=ipstats)
cpdef long long ping_sendmsg(sock sk, msghdr msg, unsigned long long size) except? -9999
@cython.locals(table=ping_hash_table, nh=cython.uint, sk=sock, clone=sk_buff)
cpdef int ping_rcv(Net net, sk_buff skb) except? -9999
cpdef int ping_queue_rcv_skb(sock sk, sk_buff skb) except? -9999
@cython.locals(inner=cython.uint, at=cython.uint, table=ping_hash_table, sk=sock)
cpdef ping_err(Net net, sk_buff skb, unsigned int info)
