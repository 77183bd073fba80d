cimport cython

from kernel.lib.checksum cimport csum_fold
from kernel.net.core.dst cimport dst_input, rtable
from kernel.net.core.netdevice cimport net_device, packet_type
from kernel.net.core.skb_data cimport skb_checksum
from kernel.net.core.skbuff cimport kfree_skb, pskb_may_pull, sk_buff, skb_pull, skb_trim
from kernel.net.ipv4.icmp cimport icmp_send
from kernel.net.ipv4.ip_fragment cimport frag_table
from kernel.net.ipv4.raw cimport raw_local_deliver
from kernel.net.ipv4.route cimport ip_route_input
from kernel.net.net cimport Net, net_protocol, netfilter_hook
from kernel.net.snmp cimport ipstats

cdef int NF_ACCEPT, NF_DROP, EHOSTUNREACH, EINVAL, ENETUNREACH
cdef int ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PKT_FILTERED, ICMP_PROT_UNREACH
cdef int ETH_P_IP, RTN_BROADCAST, RTN_MULTICAST, RTN_PROHIBIT, RTN_UNREACHABLE
cdef unsigned int IP_MF, IP_OFFSET
cdef unsigned int PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, CHECKSUM_NONE, CHECKSUM_COMPLETE
cdef int NET_RX_DROP
cdef unsigned int IP_HEADER_LEN


cdef class ip_packet_type(packet_type):
    cdef public Net net
    cpdef int func(self, sk_buff skb, net_device dev) except? -9999


@cython.locals(mib=ipstats, nh=cython.uint, first=cython.uint, header_len=cython.uint, total_len=cython.uint)
cpdef int ip_rcv(Net net, sk_buff skb, net_device dev) except? -9999
@cython.locals(mib=ipstats, nh=cython.uint, err=cython.int, rt=rtable, kind=cython.int)
cpdef int ip_rcv_finish(Net net, sk_buff skb, net_device dev) except? -9999


cdef class ip_local_deliver(dst_input):
    cdef public Net net
    @cython.locals(net=Net, frags=frag_table)
    cpdef int input(self, sk_buff skb) except? -9999


@cython.locals(hook=netfilter_hook, verdict=cython.int)
cpdef int ip_local_in_hooks(Net net, sk_buff skb) except? -9999
@cython.locals(mib=ipstats, nh=cython.uint, protocol=cython.uint, taken=cython.bint, handler=net_protocol)
cpdef int ip_local_deliver_finish(Net net, sk_buff skb) except? -9999


cdef class ip_error(dst_input):
    cdef public Net net
    @cython.locals(net=Net, rt=rtable, code=cython.int)
    cpdef int input(self, sk_buff skb) except? -9999
