cimport cython

from kernel.net.core.dev cimport dev_get_by_index
from kernel.net.core.dst cimport dst_input, dst_output, rtable
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skbuff cimport sk_buff
from kernel.net.net cimport Net

cdef int EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV, EXDEV, IFF_LOOPBACK, IFF_UP
cdef unsigned int INADDR_LOOPBACK
cdef int RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
cdef unsigned int ROUTE_CACHE_SIZE
cdef int MAX_EXCEPTIONS
cdef long long GC_TIMEOUT


cdef class fib_nh_exception:
    cdef public unsigned int pmtu, gw
    cdef public long long expires
    cdef public bint locked


cdef class ip_state:
    cdef public Net net
    cdef public dst_input local_deliver, forward, error
    cdef public dst_output output, mc_output
    cdef public list output_cache, input_cache
    cdef public dict exceptions
    cdef public int route_error
    cdef public long long output_lookups, input_lookups
    cpdef flush(self)


cpdef bint rt_is_valid(Net net, rtable rt) except? -1
@cython.locals(rt=rtable, ip=ip_state)
cpdef object ip_route_output(Net net, unsigned int daddr, unsigned int saddr=*, int tos=*, int oif=*, unsigned int mark=*)
@cython.locals(rt=rtable, ip=ip_state, slot=cython.uint)
cpdef rtable ip_route_output_key(Net net, unsigned int daddr, unsigned int saddr, int oif, unsigned int mark=*)
@cython.locals(ip=ip_state, dev=net_device, err=cython.int)
cpdef rtable route_output_slow(Net net, unsigned int daddr, unsigned int saddr, int oif, unsigned int mark)
cpdef rtable no_route(ip_state ip, int err)
@cython.locals(rt=rtable, ip=ip_state, exception=fib_nh_exception, mtu=cython.uint)
cpdef rtable make_output_route(Net net, unsigned int daddr, unsigned int saddr, net_device dev, int type, fi)
@cython.locals(rt=rtable, locked=cython.bint, exception=fib_nh_exception)
cpdef ip_rt_update_pmtu(Net net, unsigned int daddr, unsigned int mtu)
@cython.locals(rt=rtable, direct=rtable, exception=fib_nh_exception)
cpdef ip_rt_redirect(Net net, unsigned int daddr, unsigned int gateway, unsigned int sender, net_device dev)
@cython.locals(ip=ip_state, exception=fib_nh_exception)
cpdef fib_nh_exception find_exception(Net net, unsigned int daddr)
@cython.locals(net=Net, rt=rtable, ip=ip_state, slot=cython.uint, iif=cython.int)
cpdef int ip_route_input(sk_buff skb, unsigned int daddr, unsigned int saddr, net_device dev) except? -9999
@cython.locals(rt=rtable, ip=ip_state, loopback=cython.bint, err=cython.int, valid=cython.int)
cpdef rtable route_input_slow(Net net, unsigned int daddr, unsigned int saddr, net_device dev)
cpdef int validate_source(Net net, unsigned int saddr, net_device dev) except? -9999
cpdef rtable martian(Net net, unsigned int daddr, unsigned int saddr, net_device dev)
cpdef bint may_redirect(Net net, net_device dev, unsigned int saddr, unsigned int nexthop) except? -1
@cython.locals(rt=rtable)
cpdef rtable make_input_route(Net net, net_device dev, int type, dst_input input_ops)
