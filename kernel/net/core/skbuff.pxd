from cpython.object cimport PyObject

from kernel.arch.memory cimport RAM
from kernel.mm.slab cimport Slab


cdef class page:
    """A reference-counted piece of RAM: an sk_buff's head, a fragment, a receive buffer."""
    cdef Slab slab
    cdef unsigned char *mem
    cdef readonly unsigned long long address
    cdef readonly unsigned int size
    cdef public int dataref


cdef class page_frag:
    """Where the next bytes of a sender go: the page being filled and how far."""
    cdef public page page
    cdef public unsigned int offset


cdef class skb_owner:
    """What an sk_buff is charged to (a sock): told when the sk_buff is freed."""
    cpdef skb_released(self, sk_buff skb, int kind)
    cpdef tx_timestamp(self, sk_buff skb, int kind)


cdef class skbuff_cache:
    cdef readonly Slab slab
    cdef public object trace
    cdef public unsigned long long live
    cdef public unsigned long long allocated
    cdef public unsigned long long freed
    cdef public unsigned long long leaked
    cdef public unsigned long long pages
    cdef public unsigned long long next_id
    cdef public dict drops
    cdef page _page(self, unsigned long long size)


cdef class sk_buff:
    # list linkage and owners
    cdef public sk_buff next
    cdef public sk_buff prev
    cdef public sk_buff_head list
    cdef public object dev
    cdef public skb_owner sk
    cdef public int destructor
    cdef public object dst
    cdef readonly skbuff_cache cache
    cdef readonly unsigned long long id
    # the data: offsets from the start of head_page
    cdef readonly page head_page
    cdef unsigned char *mem
    cdef public unsigned int data
    cdef public unsigned int tail
    cdef readonly unsigned int end
    cdef public unsigned int len
    cdef public unsigned int data_len
    cdef readonly unsigned int nr_frags
    cdef PyObject *frag_page[45]
    cdef unsigned int frag_off[45]
    cdef unsigned int frag_len[45]
    cdef public unsigned int truesize
    # headers: offsets from the start of head_page
    cdef public unsigned int mac_header
    cdef public unsigned int network_header
    cdef public unsigned int transport_header
    # metadata
    cdef public long long tstamp
    cdef public unsigned int protocol
    cdef public unsigned int pkt_type
    cdef public unsigned int ip_summed
    cdef public unsigned int csum
    cdef public unsigned int csum_start
    cdef public unsigned int csum_offset
    cdef public unsigned int gso_size
    cdef public unsigned int gso_segs
    cdef public unsigned int gso_type
    cdef public unsigned int vlan_tci
    cdef public bint vlan_present
    cdef public unsigned int hash
    cdef public unsigned int priority
    cdef public unsigned int mark
    cdef public bint xmit_more
    cdef public int iif
    # control block of the network layer
    cdef public unsigned int ip_flags
    cdef public unsigned int frag_offset
    cdef public unsigned int frag_max_size
    cdef public unsigned int opt_len
    # control block of TCP
    cdef public unsigned int seq
    cdef public unsigned int end_seq
    cdef public unsigned int ack_seq
    cdef public unsigned int tcp_flags
    cdef public unsigned int sacked
    cdef public unsigned int tsval
    cdef public unsigned int tsecr
    cdef public bint has_ts
    cdef public bint eor
    cdef public unsigned int tcp_pcount
    cdef public long long skb_mstamp
    cdef public long long tx_first_mstamp
    cdef public long long tx_delivered_mstamp
    cdef public unsigned long long tx_delivered
    cdef public bint tx_app_limited
    # what its sender wants to know of it: SKBTX_* bits, and the number by which it recognizes the answer
    cdef public unsigned int tx_flags
    cdef public unsigned int tskey
    # scratch of whoever owns the sk_buff now
    cdef public unsigned int cb0
    cdef public unsigned int cb1
    cdef public unsigned int cb2
    cdef public unsigned int cb3
    cdef public object cb

    cpdef unsigned int get8(self, unsigned int pos) except? 0xEEEEEEEE
    cpdef unsigned int get16(self, unsigned int pos) except? 0xEEEEEEEE
    cpdef unsigned int get32(self, unsigned int pos) except? 0xEEEEEEEE
    cpdef put8(self, unsigned int pos, unsigned int value)
    cpdef put16(self, unsigned int pos, unsigned int value)
    cpdef put32(self, unsigned int pos, unsigned int value)
    cpdef unsigned long long dma_address(self)
    cpdef unsigned long long frag_address(self, unsigned int i) except? 1
    cpdef unsigned int frag_size(self, unsigned int i) except? 0xEEEEEEEE
    cpdef page frag(self, unsigned int i)
    cpdef bint freed(self)
    cdef void _release(self) noexcept
    cdef bint _add_frag(self, page p, unsigned int offset, unsigned int length) noexcept
    cdef void _drop_frags(self, unsigned int first) noexcept


cdef class sk_buff_head:
    cdef public sk_buff first
    cdef public sk_buff last
    cdef public unsigned int qlen
    cpdef queue_tail(self, sk_buff skb)
    cpdef queue_head(self, sk_buff skb)
    cpdef insert_after(self, sk_buff old, sk_buff new)
    cpdef insert_before(self, sk_buff old, sk_buff new)
    cpdef unlink(self, sk_buff skb)
    cpdef sk_buff dequeue(self)
    cpdef sk_buff dequeue_tail(self)
    cpdef sk_buff peek(self)
    cpdef sk_buff peek_tail(self)
    cpdef bint empty(self)
    cpdef purge(self, str reason=*)


cpdef page alloc_page(skbuff_cache cache, unsigned int size)
cpdef sk_buff alloc_skb(skbuff_cache cache, unsigned int size)
cpdef sk_buff build_skb(skbuff_cache cache, page p, unsigned int offset, unsigned int length)
cpdef kfree_skb(sk_buff skb, str reason)
cpdef consume_skb(sk_buff skb)
cpdef skb_orphan(sk_buff skb)
cpdef skb_tx_timestamp(sk_buff skb)
cpdef unsigned int skb_headroom(sk_buff skb) noexcept
cpdef unsigned int skb_tailroom(sk_buff skb) noexcept
cpdef unsigned int skb_headlen(sk_buff skb) noexcept
cpdef skb_reserve(sk_buff skb, unsigned int length)
cpdef unsigned int skb_put(sk_buff skb, unsigned int length) except? 0xEEEEEEEE
cpdef unsigned int skb_push(sk_buff skb, unsigned int length) except? 0xEEEEEEEE
cpdef unsigned int skb_pull(sk_buff skb, unsigned int length) except? 0xEEEEEEEE
cpdef skb_trim(sk_buff skb, unsigned int length)
cpdef skb_put_data(sk_buff skb, const unsigned char[::1] data)
cpdef bint pskb_may_pull(sk_buff skb, unsigned int length) except? -1
cpdef bint skb_cloned(sk_buff skb)
cpdef sk_buff skb_clone(sk_buff skb)
cpdef sk_buff skb_copy(sk_buff skb, unsigned int headroom)
cpdef int skb_cow(sk_buff skb, unsigned int headroom) except? -9999
cpdef skb_copy_header(sk_buff to, sk_buff source)
cdef unsigned char *skb_at(sk_buff skb, unsigned int pos, unsigned int length) except NULL
cdef int skb_walk(sk_buff skb, unsigned int offset, unsigned int length, unsigned char *out) noexcept
