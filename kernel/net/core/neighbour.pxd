cimport cython

from kernel.net.core.dev cimport dev_queue_xmit
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skbuff cimport kfree_skb, sk_buff, sk_buff_head, skb_cow
from kernel.net.net cimport Net
from kernel.time.timer cimport TimerBase, timer_list

cdef int NUD_CONNECTED, NUD_DELAY, NUD_FAILED, NUD_IN_TIMER, NUD_INCOMPLETE, NUD_NOARP, NUD_NONE, NUD_PERMANENT
cdef int NUD_PROBE, NUD_REACHABLE, NUD_STALE, NUD_VALID
cdef int EINVAL, ENOBUFS, EPERM
cdef long long NSEC_PER_SEC, NSEC_PER_TICK, REACHABLE_TIME_REDRAW, FORCED_GC_INTERVAL
cdef unsigned int NEIGH_HASH_SIZE

cdef class neighbour
cdef class neigh_table


cdef class neigh_ops:
    cpdef int constructor(self, neighbour neigh) except? -9999
    cpdef solicit(self, neighbour neigh, sk_buff skb)
    cpdef error_report(self, neighbour neigh, sk_buff skb)


cdef class neigh_parms:
    cdef public long long base_reachable_time, retrans_time, delay_probe_time, gc_staletime, locktime
    cdef public long long ucast_probes, mcast_probes, mcast_reprobes, queue_len_bytes
    cdef public long long reachable_time, last_rand
    @cython.locals(other=neigh_parms)
    cpdef neigh_parms copy(self)
    @cython.locals(now=cython.longlong, base=cython.longlong)
    cpdef long long random_reachable_time(self, Net net) except? -9999


cdef class neigh_gc_timer(timer_list):
    cdef public neigh_table tbl
    cpdef fire(self)


cdef class neigh_timer(timer_list):
    cdef public neighbour neigh
    cpdef fire(self)


cdef class neighbour:
    cdef public neigh_table tbl
    cdef public unsigned int primary_key
    cdef public net_device dev
    cdef public neigh_parms parms
    cdef public bytes ha
    cdef public int nud_state
    cdef public bint connected, dead
    cdef public int probes
    cdef public long long created, confirmed, updated, used
    cdef public sk_buff_head arp_queue
    cdef public long long arp_queue_len_bytes
    cdef public neigh_timer timer
    cdef public neighbour next
    cpdef int output(self, sk_buff skb) except? -9999


cdef class neigh_table:
    cdef public Net net
    cdef public neigh_ops ops
    cdef public object listener
    cdef public list hash_buckets
    cdef public long long entries, last_flush
    cdef public neigh_parms parms
    cdef public dict device_parms
    cdef public neigh_gc_timer gc_timer
    @cython.locals(parms=neigh_parms)
    cpdef neigh_parms parms_of(self, net_device dev)
    cpdef forget_parms(self, net_device dev)
    cdef public long long allocs, destroys, lookups, hits, res_failed, unres_discards, forced_gc_runs, table_fulls
    cpdef unsigned int bucket(self, unsigned int key, net_device dev)
    @cython.locals(neigh=neighbour)
    cpdef neighbour lookup(self, unsigned int key, net_device dev)
    @cython.locals(neigh=neighbour, slot=cython.uint, net=Net)
    cpdef neighbour create(self, unsigned int key, net_device dev)
    @cython.locals(neigh=neighbour)
    cpdef neighbour get(self, unsigned int key, net_device dev)
    @cython.locals(neigh=neighbour, found=list)
    cpdef list all(self)
    @cython.locals(entry=neighbour, slot=cython.uint)
    cpdef remove(self, neighbour neigh)
    @cython.locals(neigh=neighbour, now=cython.longlong, removed=cython.longlong, surplus=cython.longlong)
    cpdef long long forced_gc(self) except? -9999
    @cython.locals(neigh=neighbour, net=Net, now=cython.longlong)
    cpdef periodic_gc(self)
    @cython.locals(neigh=neighbour)
    cpdef ifdown(self, net_device dev, bint permanent)
    cpdef changeaddr(self, net_device dev)


cpdef last_use(neighbour neigh)
@cython.locals(dev=net_device, headroom=cython.uint)
cpdef int neigh_xmit(neighbour neigh, sk_buff skb) except? -9999
@cython.locals(skb=sk_buff)
cpdef neigh_probe(neighbour neigh)
@cython.locals(net=Net, now=cython.longlong, oldest=sk_buff, probe=cython.bint)
cpdef int neigh_event_send(neighbour neigh, sk_buff skb) except? -9999
@cython.locals(net=Net, now=cython.longlong, state=cython.int, delay_time=cython.longlong, following=cython.longlong,
               reachable_until=cython.longlong, limit=cython.longlong)
cpdef neigh_timer_handler(neighbour neigh)
@cython.locals(skb=sk_buff, waiting=cython.int)
cpdef neigh_invalidate(neighbour neigh)
@cython.locals(net=Net, now=cython.longlong, old=cython.int, admin=cython.bint, changed=cython.bint, skb=sk_buff)
cpdef int neigh_update(neighbour neigh, bytes lladdr, int new, unsigned int flags) except? -9999
cpdef neigh_confirm(neighbour neigh)
