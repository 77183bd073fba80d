cimport cython

from kernel.net.core.dst cimport rtable
from kernel.net.core.sock cimport msghdr, sock
from kernel.net.ipv4.route cimport ip_route_output_key, ip_state
from kernel.net.net cimport Net

cdef unsigned int SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_BROADCAST
cdef int EACCES, EAFNOSUPPORT, EAGAIN, EINVAL, RTN_BROADCAST, AF_INET, AF_UNSPEC, TCP_CLOSE, TCP_ESTABLISHED
cdef unsigned int MULTICAST_CLASS


@cython.locals(name=bytes, family=cython.uint)
cpdef int parse_destination(msghdr msg) except? -9999
@cython.locals(net=Net, oif=cython.int, saddr=cython.uint, rt=rtable, ip=ip_state)
cpdef int ip4_datagram_connect(sock sk, unsigned int daddr, unsigned int dport) except? -9999
cpdef int datagram_disconnect(sock sk) except? -9999
