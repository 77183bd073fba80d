cimport cython

from kernel.lib.checksum cimport csum_fold
from kernel.net.core.dst cimport rtable
from kernel.net.core.skb_data cimport skb_append_range, skb_checksum
from kernel.net.core.skbuff cimport (
    alloc_skb,
    consume_skb,
    kfree_skb,
    pskb_may_pull,
    sk_buff,
    skb_cow,
    skb_orphan,
    skb_pull,
    skb_put,
    skb_reserve,
)
from kernel.net.ipv4.ip_output cimport ip_first_hop, ip_local_out, ip_push_header, ip_select_ident
from kernel.net.ipv4.ping cimport ping_err, ping_rcv
from kernel.net.ipv4.raw cimport raw_icmp_error
from kernel.net.core.netdevice cimport net_device
from kernel.net.ipv4.route cimport ip_route_output_key, ip_rt_redirect
from kernel.net.net cimport Net, net_protocol
from kernel.net.snmp cimport ipstats

cdef int ICMP_ADDRESS, ICMP_ADDRESSREPLY, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED
cdef int ICMP_PARAMETERPROB, ICMP_REDIR_HOSTTOS, ICMP_REDIRECT, ICMP_SOURCE_QUENCH, ICMP_SR_FAILED, ICMP_TIME_EXCEEDED, ICMP_TIMESTAMP
cdef int ICMP_TIMESTAMPREPLY, NR_ICMP_TYPES, NR_ICMP_UNREACH, IPPROTO_ICMP
cdef unsigned int IP_OFFSET
cdef int RTN_BROADCAST, RTN_MULTICAST
cdef unsigned int CHECKSUM_NONE, CHECKSUM_UNNECESSARY, PACKET_HOST
cdef long long NSEC_PER_SEC, NSEC_PER_MSEC, MS_PER_DAY
cdef unsigned int ICMP_HEADER_LEN, HEADROOM, ICMP_ERROR_MAX, IPTOS_PREC_INTERNETCONTROL, RATE_TABLE_SIZE
cdef int XRLIM_BURST_FACTOR


cdef class rate_bucket:
    cdef public unsigned int addr
    cdef public long long stamp, tokens


cdef class icmp_state:
    cdef public Net net
    cdef public long long global_credit, global_stamp
    cdef public list buckets
    @cython.locals(net=Net, now=cython.longlong, delta=cython.longlong, refill=cython.longlong)
    cpdef bint global_allow(self) except? -1
    @cython.locals(net=Net, now=cython.longlong, limit=cython.longlong, slot=cython.uint, bucket=rate_bucket)
    cpdef bint destination_allow(self, unsigned int addr) except? -1
    @cython.locals(net=Net)
    cpdef bint may_send(self, int type, unsigned int daddr) except? -1


cpdef count_out(Net net, int type)
@cython.locals(nh=cython.uint, i=cython.uint)
cpdef object received_options_echo(Net net, sk_buff skb)
@cython.locals(nh=cython.uint, offset=cython.uint, pulled=cython.uint, rt=rtable, saddr=cython.uint, daddr=cython.uint,
               header_len=cython.uint, inner=cython.int, source=cython.uint, out=rtable, limits=icmp_state,
               length=cython.uint, quote=cython.uint, reply=sk_buff, at=cython.uint, position=cython.uint,
               i=cython.uint)
cpdef icmp_send(Net net, sk_buff skb, int type, int code, unsigned int info)


cdef class icmp_protocol(net_protocol):
    cdef public Net net
    cpdef int handler(self, sk_buff skb) except? -9999
    cpdef int err_handler(self, sk_buff skb, unsigned int info) except? -9999


@cython.locals(mib=ipstats, type=cython.int, rt=rtable)
cpdef int icmp_rcv(Net net, sk_buff skb) except? -9999
cpdef int icmp_echo(Net net, sk_buff skb) except? -9999
@cython.locals(nh=cython.uint, daddr=cython.uint, saddr=cython.uint, tos=cython.int, rt=rtable, out=rtable,
               at=cython.uint, old=cython.uint, total=cython.uint, check=cython.uint)
cpdef int icmp_answer(Net net, sk_buff skb, int type) except? -9999
@cython.locals(at=cython.uint, now=cython.longlong)
cpdef int icmp_timestamp(Net net, sk_buff skb) except? -9999
@cython.locals(inner=cython.uint, dev=net_device)
cpdef int icmp_redirect(Net net, sk_buff skb) except? -9999
@cython.locals(mib=ipstats, code=cython.int, info=cython.uint, inner=cython.uint, header_len=cython.uint,
               protocol=cython.uint, handler=net_protocol)
cpdef int icmp_unreach(Net net, sk_buff skb, int type) except? -9999
