cimport cython

from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skb_data cimport skb_add_frag, skb_append_range, skb_copy_bits, skb_try_coalesce
from kernel.net.core.skbuff cimport (
    alloc_page,
    alloc_skb,
    consume_skb,
    kfree_skb,
    page,
    sk_buff,
    sk_buff_head,
    skb_copy_header,
    skb_cow,
    skb_pull,
    skb_reserve,
    skb_trim,
)
from kernel.net.ipv4.icmp cimport icmp_send
from kernel.net.ipv4.ip_output cimport ip_send_check
from kernel.net.net cimport Net
from kernel.time.timer cimport TimerBase, timer_list

cdef int ICMP_EXC_FRAGTIME, ICMP_TIME_EXCEEDED
cdef unsigned int IP_MF, IP_OFFSET, INET_ECN_MASK, INET_ECN_CE, IP_MAX_LEN, FRAG_PAGE_SIZE, HEADROOM, PACKET_HOST
cdef unsigned int IPSKB_FRAG_COMPLETE

cdef class ipq
cdef class frag_table


cdef class ipq_timer(timer_list):
    cdef public frag_table table
    cdef public ipq queue
    cpdef fire(self)


cdef class ipq:
    cdef public tuple key
    cdef public sk_buff_head fragments
    cdef public unsigned int len, meat
    cdef public bint last_in
    cdef public unsigned int ecn_seen, max_size
    cdef public long long mem
    cdef public net_device dev
    cdef public ipq_timer timer


cdef class frag_table:
    cdef public Net net
    cdef public dict queues
    cdef public long long mem
    @cython.locals(net=Net, nh=cython.uint, queue=ipq)
    cpdef sk_buff ip_defrag(self, sk_buff skb)
    @cython.locals(net=Net, nh=cython.uint, header_len=cython.uint, word=cython.uint, offset=cython.uint,
                   end=cython.uint, before=sk_buff, after=sk_buff)
    cpdef object insert(self, ipq queue, sk_buff skb)
    cpdef object overlap(self, ipq queue)
    cpdef forget(self, ipq queue)
    cpdef kill(self, ipq queue, str reason)
    cpdef evict(self)
    @cython.locals(net=Net, first=sk_buff)
    cpdef expire(self, ipq queue)
    @cython.locals(net=Net, head=sk_buff, header_len=cython.uint, nh=cython.uint)
    cpdef sk_buff reassemble(self, ipq queue)
    cpdef purge(self)


cpdef str key_text(tuple key)
cpdef sk_buff fail(ipq queue, sk_buff head, str reason)
@cython.locals(skb=sk_buff)
cpdef sk_buff join_shared(ipq queue, sk_buff head)
@cython.locals(whole=sk_buff, store=page, used=cython.uint, position=cython.uint, piece=cython.uint,
               offset_of_data=cython.uint)
cpdef sk_buff join_copied(ipq queue, sk_buff head, unsigned int header_len)
