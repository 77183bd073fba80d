# cython: boundscheck=False, wraparound=False
"""The socket buffer: a frame on its way through the kernel, its data in machine RAM.

    head_page   +----------+-----------------+----------+
                | headroom | linear data     | tailroom |
                +----------+-----------------+----------+
                0          data              tail       end          offsets from the start of head_page

followed by up to 45 fragments, each a range of a page.  `len` counts all bytes, `data_len` those in fragments.
`mac_header`, `network_header` and `transport_header` are offsets of the same kind as `data`, so they stay true while
headers are pushed and pulled; `skb.get16(skb.transport_header + 2)` reads a big-endian field.  Every accessor checks
its bounds and raises IndexError: a bug in the kernel ends in an oops, never outside the buffer.

Pages are counted by reference.  A clone shares head and fragments (`skb_cloned`); before writing into shared data
call `skb_cow`.  Who holds an sk_buff ends it with `kfree_skb(skb, reason)` (a drop, counted by reason) or
`consume_skb(skb)` (the normal end).  One that is merely forgotten gives its memory back, too, but counts as leaked.

`gso_size` > 0 marks a packet of `gso_segs` segments of that payload; `ip_summed` is Linux's: with CHECKSUM_PARTIAL
the sum from `csum_start` (offset from the start of head_page) goes to `csum_start + csum_offset`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memcpy

from kernel.mm.slab cimport Slab

MAX_SKB_FRAGS = 45
NET_SKB_PAD = 64

CHECKSUM_NONE = 0
CHECKSUM_UNNECESSARY = 1
CHECKSUM_COMPLETE = 2
CHECKSUM_PARTIAL = 3

PACKET_HOST = 0
PACKET_BROADCAST = 1
PACKET_MULTICAST = 2
PACKET_OTHERHOST = 3
PACKET_OUTGOING = 4
PACKET_LOOPBACK = 5

SKB_GSO_TCPV4 = 1
SKB_GSO_UDP = 2

# `destructor`: which account of `sk` an sk_buff is charged to.
SKB_CHARGED_NONE = 0
SKB_CHARGED_WRITE = 1
SKB_CHARGED_READ = 2

cdef enum:
    OVERHEAD = 576  # what the descriptor itself costs in an account, as Linux counts it on x86-64
    FRAGS = 45
    SKBTX_SW_TSTAMP = 2  # kernel/net/core/sock_flags.py
    SCM_TSTAMP_SND = 0
    ENOMEM = 12
    EFAULT = 14


@cython.no_gc
@cython.freelist(1024)
cdef class page:
    """A reference-counted piece of RAM; goes back to the slab when the last reference goes."""

    def __dealloc__(self):
        if self.address:
            self.slab.free(self.address)

    def write(self, unsigned int offset, const unsigned char[::1] data):
        """Store bytes at `offset`; IndexError outside the page."""
        if offset > self.size or data.shape[0] > self.size - offset:
            raise IndexError(f"{data.shape[0]} bytes at {offset} of a page of {self.size}")
        if data.shape[0]:
            memcpy(self.mem + offset, &data[0], data.shape[0])

    def read(self, unsigned int offset, unsigned int length):
        """Bytes at `offset`; IndexError outside the page."""
        if offset > self.size or length > self.size - offset:
            raise IndexError(f"{length} bytes at {offset} of a page of {self.size}")
        return PyBytes_FromStringAndSize(<char *>self.mem + offset, length)


@cython.no_gc
cdef class page_frag:
    def __init__(self):
        self.page = None
        self.offset = 0


cdef class skb_owner:
    cpdef skb_released(self, sk_buff skb, int kind):
        """`skb`, charged to us as `kind` (SKB_CHARGED_*), is gone."""

    cpdef tx_timestamp(self, sk_buff skb, int kind):
        """`skb`, which we have sent, is at the point that SCM_TSTAMP_* `kind` names, now."""


cdef class skbuff_cache:
    """Where a kernel's sk_buffs come from, and their account: live, allocated, freed, leaked, drops by reason."""

    def __init__(self, Slab slab not None, trace=None):
        self.slab = slab
        self.trace = trace
        self.live = self.allocated = self.freed = self.leaked = self.next_id = self.pages = 0
        self.drops = {}

    cdef page _page(self, unsigned long long size):
        cdef unsigned long long address = self.slab.alloc(size)
        cdef page p
        if address == 0:
            return None
        p = page.__new__(page)
        p.slab = self.slab
        p.address = address
        p.size = <unsigned int>self.slab.usable(address)
        p.mem = self.slab.base + address
        p.dataref = 0
        return p

    def leak_report(self):
        """Lines for whoever asserts that nothing leaked; empty when nothing did."""
        report = [f"{self.live} sk_buffs are alive"] if self.live else []
        return report + ([f"{self.leaked} sk_buffs were forgotten without kfree_skb"] if self.leaked else [])


cpdef page alloc_page(skbuff_cache cache, unsigned int size):
    """A page of at least `size` bytes (at most 65536), or None when RAM is full."""
    return cache._page(size)


@cython.no_gc
@cython.freelist(1024)
cdef class sk_buff:
    """See the module's docstring.  Made by `alloc_skb`, `build_skb`, `skb_clone` and `skb_copy` only."""

    def __dealloc__(self):
        if self.head_page is not None:
            self.cache.leaked += 1
            self._release()

    cdef void _release(self) noexcept:
        self._drop_frags(0)
        self.head_page.dataref -= 1
        self.head_page = None
        self.mem = NULL
        self.data = self.tail = self.end = self.len = self.data_len = 0
        self.cache.live -= 1
        self.cache.freed += 1

    cdef void _drop_frags(self, unsigned int first) noexcept:
        cdef unsigned int i
        for i in range(first, self.nr_frags):
            Py_DECREF(<object>self.frag_page[i])
            self.frag_page[i] = NULL
        if first < self.nr_frags:
            self.nr_frags = first

    cdef bint _add_frag(self, page p, unsigned int offset, unsigned int length) noexcept:
        cdef unsigned int i = self.nr_frags
        if i and self.frag_page[i - 1] == <PyObject *>p and self.frag_off[i - 1] + self.frag_len[i - 1] == offset:
            self.frag_len[i - 1] += length
        else:
            if i >= FRAGS:
                return False
            Py_INCREF(p)
            self.frag_page[i] = <PyObject *>p
            self.frag_off[i] = offset
            self.frag_len[i] = length
            self.nr_frags = i + 1
        self.len += length
        self.data_len += length
        return True

    cpdef bint freed(self):
        """True after kfree_skb or consume_skb."""
        return self.head_page is None

    cpdef unsigned int get8(self, unsigned int pos) except? 0xEEEEEEEE:
        return skb_at(self, pos, 1)[0]

    cpdef unsigned int get16(self, unsigned int pos) except? 0xEEEEEEEE:
        """The big-endian 16 bits at `pos` (offset from the start of head_page)."""
        cdef unsigned char *p = skb_at(self, pos, 2)
        return <unsigned int>p[0] << 8 | p[1]

    cpdef unsigned int get32(self, unsigned int pos) except? 0xEEEEEEEE:
        """The big-endian 32 bits at `pos` (offset from the start of head_page)."""
        cdef unsigned char *p = skb_at(self, pos, 4)
        return <unsigned int>p[0] << 24 | <unsigned int>p[1] << 16 | <unsigned int>p[2] << 8 | p[3]

    cpdef put8(self, unsigned int pos, unsigned int value):
        skb_at(self, pos, 1)[0] = <unsigned char>value

    cpdef put16(self, unsigned int pos, unsigned int value):
        """Store 16 bits big-endian at `pos`."""
        cdef unsigned char *p = skb_at(self, pos, 2)
        p[0] = <unsigned char>(value >> 8)
        p[1] = <unsigned char>value

    cpdef put32(self, unsigned int pos, unsigned int value):
        """Store 32 bits big-endian at `pos`."""
        cdef unsigned char *p = skb_at(self, pos, 4)
        p[0] = <unsigned char>(value >> 24)
        p[1] = <unsigned char>(value >> 16)
        p[2] = <unsigned char>(value >> 8)
        p[3] = <unsigned char>value

    cpdef unsigned long long dma_address(self):
        """The physical address of the linear data."""
        return self.head_page.address + self.data

    cpdef unsigned long long frag_address(self, unsigned int i) except? 1:
        """The physical address of fragment `i`."""
        if i >= self.nr_frags:
            raise IndexError(f"fragment {i} of {self.nr_frags}")
        return (<page>self.frag_page[i]).address + self.frag_off[i]

    cpdef unsigned int frag_size(self, unsigned int i) except? 0xEEEEEEEE:
        """The length of fragment `i` in bytes."""
        if i >= self.nr_frags:
            raise IndexError(f"fragment {i} of {self.nr_frags}")
        return self.frag_len[i]

    cpdef page frag(self, unsigned int i):
        """The page of fragment `i`."""
        if i >= self.nr_frags:
            raise IndexError(f"fragment {i} of {self.nr_frags}")
        return <page>self.frag_page[i]

    def bytes(self):
        """All bytes from `data` on: for tests, captures and dumps."""
        out = PyBytes_FromStringAndSize(NULL, self.len)
        skb_walk(self, 0, self.len, <unsigned char *>PyBytes_AS_STRING(out))
        return out

    def __repr__(self):
        return f"<sk_buff {self.id} len {self.len} data_len {self.data_len}{' freed' if self.head_page is None else ''}>"


cdef unsigned char *skb_at(sk_buff skb, unsigned int pos, unsigned int length) except NULL:
    if pos > skb.end or length > skb.end - pos:
        raise IndexError(f"{length} bytes at {pos} of an sk_buff of {skb.end}" + (" that was freed" if skb.mem is NULL else ""))
    return skb.mem + pos


cdef sk_buff _new(skbuff_cache cache, page head):
    cdef sk_buff skb = sk_buff.__new__(sk_buff)
    cache.next_id += 1
    cache.allocated += 1
    cache.live += 1
    skb.id = cache.next_id
    skb.cache = cache
    skb.head_page = head
    skb.mem = head.mem
    skb.end = head.size
    head.dataref += 1
    skb.truesize = head.size + OVERHEAD
    return skb


cpdef sk_buff alloc_skb(skbuff_cache cache, unsigned int size):
    """An empty sk_buff with room for at least `size` bytes (at most 65536), or None when RAM is full."""
    cdef page head = cache._page(size if size else 1)
    if head is None:
        return None
    return _new(cache, head)


cpdef sk_buff build_skb(skbuff_cache cache, page p, unsigned int offset, unsigned int length):
    """An sk_buff around a page that already holds `length` bytes at `offset`: a receive buffer, without a copy."""
    cdef sk_buff skb
    if offset > p.size or length > p.size - offset:
        raise IndexError(f"{length} bytes at {offset} of a page of {p.size}")
    skb = _new(cache, p)
    skb.data = offset
    skb.tail = offset + length
    skb.len = length
    return skb


cpdef skb_orphan(sk_buff skb):
    """Take `skb` off the account of its owner."""
    cdef skb_owner owner = skb.sk
    cdef int kind = skb.destructor
    skb.destructor = 0
    skb.sk = None
    if kind and owner is not None:
        owner.skb_released(skb, kind)


cpdef skb_tx_timestamp(sk_buff skb):
    """For drivers, right before the device gets the packet: its sender may want to know when that was."""
    if skb.tx_flags & SKBTX_SW_TSTAMP and skb.sk is not None:
        skb.sk.tx_timestamp(skb, SCM_TSTAMP_SND)


cpdef consume_skb(sk_buff skb):
    """The normal end of an sk_buff.  RuntimeError when it has ended already or is still queued."""
    if skb is None:
        return
    if skb.head_page is None:
        raise RuntimeError(f"sk_buff {skb.id} freed twice")
    if skb.list is not None:
        raise RuntimeError(f"sk_buff {skb.id} freed while queued")
    if skb.sk is not None:
        skb_orphan(skb)
    skb.dst = skb.dev = skb.cb = None
    skb._release()


cpdef kfree_skb(sk_buff skb, str reason):
    """Drop an sk_buff; counted under `reason` (an upper-case name such as NO_SOCKET)."""
    if skb is None:
        return
    skb.cache.drops[reason] = skb.cache.drops.get(reason, 0) + 1
    if skb.cache.trace is not None and skb.cache.trace.on:
        skb.cache.trace.emit("skb_drop", skb.id, skb.len, reason)
    consume_skb(skb)


cpdef unsigned int skb_headroom(sk_buff skb) noexcept:
    return skb.data


cpdef unsigned int skb_tailroom(sk_buff skb) noexcept:
    """Bytes that skb_put can add: none once there are fragments."""
    return 0 if skb.data_len else skb.end - skb.tail


cpdef unsigned int skb_headlen(sk_buff skb) noexcept:
    return skb.len - skb.data_len


cpdef skb_reserve(sk_buff skb, unsigned int length):
    """Make headroom in an empty sk_buff."""
    if skb.len or length > skb.end - skb.tail:
        raise IndexError(f"reserve of {length} in {skb!r}")
    skb.data += length
    skb.tail += length


cpdef unsigned int skb_put(sk_buff skb, unsigned int length) except? 0xEEEEEEEE:
    """Extend the data at its end; returns the position of the new bytes.  IndexError without room."""
    cdef unsigned int pos = skb.tail
    if skb.data_len or length > skb.end - skb.tail:
        raise IndexError(f"put of {length} in {skb!r} with {skb_tailroom(skb)} bytes of tailroom")
    skb.tail += length
    skb.len += length
    return pos


cpdef unsigned int skb_push(sk_buff skb, unsigned int length) except? 0xEEEEEEEE:
    """Extend the data at its start; returns the new `data`.  IndexError without headroom."""
    if length > skb.data:
        raise IndexError(f"push of {length} in {skb!r} with {skb.data} bytes of headroom")
    skb.data -= length
    skb.len += length
    return skb.data


cpdef unsigned int skb_pull(sk_buff skb, unsigned int length) except? 0xEEEEEEEE:
    """Take bytes off the start of the linear data; returns the new `data`.  IndexError past it: pskb_may_pull first."""
    if length > skb.len - skb.data_len:
        raise IndexError(f"pull of {length} from {skb!r}")
    skb.data += length
    skb.len -= length
    return skb.data


cpdef skb_trim(sk_buff skb, unsigned int length):
    """Cut to `length` bytes, fragments included; longer than the sk_buff does nothing."""
    cdef unsigned int head = skb.len - skb.data_len
    cdef unsigned int kept, i
    if length >= skb.len:
        return
    if length <= head:
        skb._drop_frags(0)
        skb.data_len = 0
        skb.len = length
        skb.tail = skb.data + length
        return
    kept = head
    for i in range(skb.nr_frags):
        if kept + skb.frag_len[i] >= length:
            skb.frag_len[i] = length - kept
            skb._drop_frags(i + 1)
            break
        kept += skb.frag_len[i]
    skb.data_len = length - head
    skb.len = length


cpdef skb_put_data(sk_buff skb, const unsigned char[::1] data):
    """Append bytes to the linear data."""
    cdef unsigned int pos = skb_put(skb, <unsigned int>data.shape[0])
    if data.shape[0]:
        memcpy(skb.mem + pos, &data[0], data.shape[0])


cdef int skb_walk(sk_buff skb, unsigned int offset, unsigned int length, unsigned char *out) noexcept:
    """Copy [offset, offset + length) out; -EFAULT when that is not all there."""
    cdef unsigned int head = skb.len - skb.data_len
    cdef unsigned int piece, i
    if offset > skb.len or length > skb.len - offset:
        return -EFAULT
    if offset < head:
        piece = min(length, head - offset)
        memcpy(out, skb.mem + skb.data + offset, piece)
        out += piece
        length -= piece
        offset = head
    offset -= head
    for i in range(skb.nr_frags):
        if length == 0:
            break
        if offset < skb.frag_len[i]:
            piece = min(length, skb.frag_len[i] - offset)
            memcpy(out, (<page>skb.frag_page[i]).mem + skb.frag_off[i] + offset, piece)
            out += piece
            length -= piece
            offset = 0
        else:
            offset -= skb.frag_len[i]
    return 0


cdef void _drop_front(sk_buff skb, unsigned int length) noexcept:
    """Forget the first `length` bytes of the fragments, which are linear now."""
    cdef unsigned int moved = 0
    cdef unsigned int i
    skb.data_len -= length
    while length and moved < skb.nr_frags:
        if skb.frag_len[moved] > length:
            skb.frag_off[moved] += length
            skb.frag_len[moved] -= length
            break
        length -= skb.frag_len[moved]
        moved += 1
    if moved == 0:
        return
    for i in range(moved):
        Py_DECREF(<object>skb.frag_page[i])
    skb.nr_frags -= moved
    for i in range(skb.nr_frags):
        skb.frag_page[i] = skb.frag_page[i + moved]
        skb.frag_off[i] = skb.frag_off[i + moved]
        skb.frag_len[i] = skb.frag_len[i + moved]


cdef bint _grow_head(sk_buff skb, unsigned int headroom, unsigned int linear) except? -1:
    """Give `skb` a head of its own with `headroom` (at least what it has) and its first `linear` bytes in it.

    False when RAM is full.  The bytes in front of `data` come along, so header offsets stay true.
    """
    cdef unsigned int head = skb.len - skb.data_len
    cdef unsigned int shift = headroom - skb.data
    cdef page fresh
    linear = max(linear, head)
    fresh = skb.cache._page(headroom + max(linear, 1))
    if fresh is None:
        return False
    memcpy(fresh.mem + shift, skb.mem, skb.data)
    skb_walk(skb, 0, linear, fresh.mem + headroom)
    if skb.destructor == 0:
        # One that is charged is discharged by the same size.
        skb.truesize += fresh.size - skb.head_page.size
    skb.head_page.dataref -= 1
    fresh.dataref = 1
    skb.head_page = fresh
    skb.mem = fresh.mem
    skb.end = fresh.size
    skb.data = headroom
    skb.tail = headroom + linear
    skb.mac_header += shift
    skb.network_header += shift
    skb.transport_header += shift
    skb.csum_start += shift
    _drop_front(skb, linear - head)
    return True


cpdef bint pskb_may_pull(sk_buff skb, unsigned int length) except? -1:
    """True when the first `length` bytes are (now) linear; False when the packet is shorter or RAM is full."""
    cdef unsigned int head = skb.len - skb.data_len
    if length <= head:
        return True
    if length > skb.len:
        return False
    if skb.head_page.dataref == 1 and length - head <= skb.end - skb.tail:
        skb_walk(skb, head, length - head, skb.mem + skb.tail)
        skb.tail += length - head
        _drop_front(skb, length - head)
        return True
    return _grow_head(skb, skb.data, length)


cpdef bint skb_cloned(sk_buff skb):
    """True when another sk_buff shares the linear data."""
    return skb.head_page.dataref > 1


cpdef skb_copy_header(sk_buff to, sk_buff source):
    """Copy everything but data, lists and ownership."""
    to.dev = source.dev
    to.dst = source.dst
    to.mac_header = source.mac_header
    to.network_header = source.network_header
    to.transport_header = source.transport_header
    to.tstamp = source.tstamp
    to.protocol = source.protocol
    to.pkt_type = source.pkt_type
    to.ip_summed = source.ip_summed
    to.csum = source.csum
    to.csum_start = source.csum_start
    to.csum_offset = source.csum_offset
    to.gso_size = source.gso_size
    to.gso_segs = source.gso_segs
    to.gso_type = source.gso_type
    to.vlan_tci = source.vlan_tci
    to.vlan_present = source.vlan_present
    to.hash = source.hash
    to.priority = source.priority
    to.mark = source.mark
    to.iif = source.iif
    to.ip_flags = source.ip_flags
    to.frag_offset = source.frag_offset
    to.frag_max_size = source.frag_max_size
    to.opt_len = source.opt_len
    to.seq = source.seq
    to.end_seq = source.end_seq
    to.ack_seq = source.ack_seq
    to.tcp_flags = source.tcp_flags
    to.sacked = source.sacked
    to.tsval = source.tsval
    to.tsecr = source.tsecr
    to.has_ts = source.has_ts
    to.tcp_pcount = source.tcp_pcount
    to.skb_mstamp = source.skb_mstamp
    to.eor = source.eor
    to.tx_first_mstamp = source.tx_first_mstamp
    to.tx_delivered_mstamp = source.tx_delivered_mstamp
    to.tx_delivered = source.tx_delivered
    to.tx_app_limited = source.tx_app_limited
    to.tx_flags = source.tx_flags
    to.tskey = source.tskey


cpdef sk_buff skb_clone(sk_buff skb):
    """Another sk_buff on the same data, without owner."""
    cdef sk_buff clone = _new(skb.cache, skb.head_page)
    cdef unsigned int i
    skb_copy_header(clone, skb)
    clone.data = skb.data
    clone.tail = skb.tail
    clone.len = skb.len
    clone.data_len = skb.data_len
    clone.truesize = skb.truesize
    clone.nr_frags = skb.nr_frags
    for i in range(skb.nr_frags):
        Py_INCREF(<object>skb.frag_page[i])
        clone.frag_page[i] = skb.frag_page[i]
        clone.frag_off[i] = skb.frag_off[i]
        clone.frag_len[i] = skb.frag_len[i]
    return clone


cpdef sk_buff skb_copy(sk_buff skb, unsigned int headroom):
    """A copy with linear data of its own and at least `headroom`; None when RAM is full or it is over 64 KiB.

    The bytes in front of `data` are copied as well (as far as headroom keeps them), so header offsets stay true.
    """
    cdef unsigned int room = max(headroom, skb.data)
    cdef sk_buff copy = alloc_skb(skb.cache, room + skb.len) if room + skb.len <= 65536 else None
    if copy is None:
        return None
    skb_copy_header(copy, skb)
    memcpy(copy.mem + room - skb.data, skb.mem, skb.data)
    skb_walk(skb, 0, skb.len, copy.mem + room)
    copy.data = room
    copy.tail = room + skb.len
    copy.len = skb.len
    copy.mac_header += room - skb.data
    copy.network_header += room - skb.data
    copy.transport_header += room - skb.data
    copy.csum_start += room - skb.data
    return copy


cpdef int skb_cow(sk_buff skb, unsigned int headroom) except? -9999:
    """Make the linear data private and give it at least `headroom`; 0 or -ENOMEM."""
    if skb.head_page.dataref == 1 and skb.data >= headroom:
        return 0
    return 0 if _grow_head(skb, max(headroom, skb.data), skb.len - skb.data_len) else -ENOMEM


cdef class sk_buff_head:
    """A doubly linked queue of sk_buffs; an sk_buff is on one queue at most."""

    def __init__(self):
        self.first = None
        self.last = None
        self.qlen = 0

    def __len__(self):
        return self.qlen

    def __iter__(self):
        skb = self.first
        while skb is not None:
            following = skb.next
            yield skb
            skb = following

    cpdef queue_tail(self, sk_buff skb):
        if skb.list is not None:
            raise RuntimeError(f"{skb!r} is queued already")
        skb.list = self
        skb.prev = self.last
        skb.next = None
        if self.last is None:
            self.first = skb
        else:
            self.last.next = skb
        self.last = skb
        self.qlen += 1

    cpdef queue_head(self, sk_buff skb):
        if self.first is None:
            self.queue_tail(skb)
        else:
            self.insert_before(self.first, skb)

    cpdef insert_after(self, sk_buff old, sk_buff new):
        """Queue `new` right behind `old`, which is on this queue."""
        if old.next is None:
            self.queue_tail(new)
        else:
            self.insert_before(old.next, new)

    cpdef insert_before(self, sk_buff old, sk_buff new):
        """Queue `new` right in front of `old`, which is on this queue."""
        if new.list is not None or old.list is not self:
            raise RuntimeError(f"{new!r} is queued already, or {old!r} is not queued here")
        new.list = self
        new.next = old
        new.prev = old.prev
        if old.prev is None:
            self.first = new
        else:
            old.prev.next = new
        old.prev = new
        self.qlen += 1

    cpdef unlink(self, sk_buff skb):
        """Take `skb` off; RuntimeError when it is not on this queue."""
        if skb.list is not self:
            raise RuntimeError(f"{skb!r} is not on this queue")
        if skb.prev is None:
            self.first = skb.next
        else:
            skb.prev.next = skb.next
        if skb.next is None:
            self.last = skb.prev
        else:
            skb.next.prev = skb.prev
        skb.next = skb.prev = None
        skb.list = None
        self.qlen -= 1

    cpdef sk_buff dequeue(self):
        """The first sk_buff, taken off, or None."""
        cdef sk_buff skb = self.first
        if skb is not None:
            self.unlink(skb)
        return skb

    cpdef sk_buff dequeue_tail(self):
        """The last sk_buff, taken off, or None."""
        cdef sk_buff skb = self.last
        if skb is not None:
            self.unlink(skb)
        return skb

    cpdef sk_buff peek(self):
        return self.first

    cpdef sk_buff peek_tail(self):
        return self.last

    cpdef bint empty(self):
        return self.first is None

    cpdef purge(self, str reason="QUEUE_PURGE"):
        """Drop everything that is queued."""
        cdef sk_buff skb = self.dequeue()
        while skb is not None:
            kfree_skb(skb, reason)
            skb = self.dequeue()
