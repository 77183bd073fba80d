# cython: boundscheck=False, wraparound=False
"""The bytes of an sk_buff, wherever they lie: copies to and from user memory, splitting, joining, checksums.

Offsets count from `data` and run through the linear part and the fragments alike.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.string cimport memcpy

from kernel.arch.uaccess cimport iov_iter
from kernel.lib.checksum cimport csum_block_add, csum_fold, csum_partial
from kernel.net.core.skbuff cimport page, page_frag, pskb_may_pull, sk_buff, skb_cow, skb_put, skb_trim, skb_walk

cdef enum:
    OVERHEAD = 576
    FRAGS = 45
    ENOMEM = 12
    EFAULT = 14
    PAGE_FRAG_SIZE = 32768


cpdef bytes skb_copy_bits(sk_buff skb, unsigned int offset, unsigned int length):
    """Bytes [offset, offset + length) counted from `data`, or None when that is not all there."""
    cdef bytes out
    if offset > skb.len or length > skb.len - offset:
        return None
    out = PyBytes_FromStringAndSize(NULL, length)
    if skb_walk(skb, offset, length, <unsigned char *>PyBytes_AS_STRING(out)) < 0:
        return None
    return out


cpdef int skb_store_bits(sk_buff skb, unsigned int offset, const unsigned char[::1] data) except? -9999:
    """Overwrite bytes from `offset` (counted from `data`), fragments included; -EFAULT past the end."""
    cdef unsigned int length = <unsigned int>data.shape[0]
    cdef unsigned int head = skb.len - skb.data_len
    cdef unsigned int piece, i, done = 0
    if offset > skb.len or length > skb.len - offset:
        return -EFAULT
    if length == 0:
        return 0
    if offset < head:
        piece = min(length, head - offset)
        memcpy(skb.mem + skb.data + offset, &data[0], piece)
        done = piece
        offset = head
    offset -= head
    for i in range(skb.nr_frags):
        if done == length:
            break
        if offset < skb.frag_len[i]:
            piece = min(length - done, skb.frag_len[i] - offset)
            memcpy((<page>skb.frag_page[i]).mem + skb.frag_off[i] + offset, &data[done], piece)
            done += piece
            offset = 0
        else:
            offset -= skb.frag_len[i]
    return 0


cpdef int skb_append_range(sk_buff to, sk_buff source, unsigned int offset, unsigned int length) except? -9999:
    """Copy [offset, offset + length) of `source` to the tail of `to`; -EFAULT when the source is shorter."""
    cdef unsigned int pos
    if offset > source.len or length > source.len - offset:
        return -EFAULT
    pos = skb_put(to, length)
    return skb_walk(source, offset, length, to.mem + pos)


cpdef int skb_split(sk_buff skb, sk_buff skb1, unsigned int length) except? -9999:
    """Move everything after the first `length` bytes to the empty `skb1` (fragments are shared, not copied).

    `skb1` needs tailroom for what of the linear data is moved.
    """
    cdef unsigned int head = skb.len - skb.data_len
    cdef unsigned int kept, i, part, rest
    if length >= skb.len:
        return 0
    if length < head:
        rest = head - length
        memcpy(skb1.mem + skb_put(skb1, rest), skb.mem + skb.data + length, rest)
        for i in range(skb.nr_frags):
            skb1._add_frag(<page>skb.frag_page[i], skb.frag_off[i], skb.frag_len[i])
        skb_trim(skb, length)
        return 0
    kept = head
    for i in range(skb.nr_frags):
        if kept >= length:
            skb1._add_frag(<page>skb.frag_page[i], skb.frag_off[i], skb.frag_len[i])
        elif kept + skb.frag_len[i] > length:
            part = length - kept
            skb1._add_frag(<page>skb.frag_page[i], skb.frag_off[i] + part, skb.frag_len[i] - part)
        kept += skb.frag_len[i]
    skb_trim(skb, length)
    return 0


cpdef bint skb_try_coalesce(sk_buff to, sk_buff source) except? -1:
    """Append the data of `source` to `to` without copying it (small linear data is copied when it fits).

    True: `source` can be consumed.  False: too many fragments; nothing has changed.
    """
    cdef unsigned int head = source.len - source.data_len
    cdef unsigned int i, needed
    if to.data_len == 0 and source.data_len == 0 and head <= to.end - to.tail and head <= 256 and to.head_page.dataref == 1:
        memcpy(to.mem + to.tail, source.mem + source.data, head)
        to.tail += head
        to.len += head
        return True
    needed = source.nr_frags + (1 if head else 0)
    if to.nr_frags + needed > FRAGS:
        return False
    if head:
        to._add_frag(source.head_page, source.data, head)
    for i in range(source.nr_frags):
        to._add_frag(<page>source.frag_page[i], source.frag_off[i], source.frag_len[i])
    to.truesize += source.truesize - OVERHEAD if source.truesize > OVERHEAD else 0
    return True


cpdef int skb_copy_datagram_iter(sk_buff skb, unsigned int offset, iov_iter to, unsigned int length) except? -9999:
    """copy_to_user of [offset, offset + length): 0, or -EFAULT for a bad range or address."""
    cdef unsigned int head = skb.len - skb.data_len
    cdef unsigned int piece, i
    if offset > skb.len or length > skb.len - offset:
        return -EFAULT
    if offset < head:
        piece = min(length, head - offset)
        if to.copy_to(skb.mem + skb.data + offset, piece) != <Py_ssize_t>piece:
            return -EFAULT
        length -= piece
        offset = head
    offset -= head
    for i in range(skb.nr_frags):
        if length == 0:
            break
        if offset < skb.frag_len[i]:
            piece = min(length, skb.frag_len[i] - offset)
            if to.copy_to((<page>skb.frag_page[i]).mem + skb.frag_off[i] + offset, piece) != <Py_ssize_t>piece:
                return -EFAULT
            length -= piece
            offset = 0
        else:
            offset -= skb.frag_len[i]
    return 0


cpdef int skb_put_iter(sk_buff skb, iov_iter source, unsigned int length) except? -9999:
    """copy_from_user of `length` bytes to the tail of the linear data: 0, or -EFAULT (the sk_buff is unchanged)."""
    cdef unsigned int pos
    cdef Py_ssize_t copied
    if <unsigned long long>length > source.count:
        return -EFAULT
    pos = skb_put(skb, length)
    copied = source.copy_from(skb.mem + pos, length)
    if copied != <Py_ssize_t>length:
        source.revert(<unsigned long long>copied)
        skb.tail = pos
        skb.len -= length
        return -EFAULT
    return 0


cpdef int skb_add_frags_iter(sk_buff skb, iov_iter source, unsigned int length, page_frag pf) except? -9999:
    """copy_from_user of up to `length` bytes into fragments, filling `pf` page by page.

    Returns how many bytes were added (fewer when 45 fragments are reached), -EFAULT or -ENOMEM when none were.
    """
    cdef unsigned int added = 0
    cdef unsigned int piece
    cdef Py_ssize_t copied
    if <unsigned long long>length > source.count:
        length = <unsigned int>source.count
    while added < length:
        if pf.page is None or pf.offset >= pf.page.size:
            pf.page = skb.cache._page(PAGE_FRAG_SIZE)
            if pf.page is None:
                pf.page = skb.cache._page(4096)
                if pf.page is None:
                    return <int>added if added else -ENOMEM
            pf.offset = 0
        if skb.nr_frags >= FRAGS and not (skb.frag_page[FRAGS - 1] == <PyObject *>pf.page
                                          and skb.frag_off[FRAGS - 1] + skb.frag_len[FRAGS - 1] == pf.offset):
            break
        piece = min(length - added, pf.page.size - pf.offset)
        copied = source.copy_from(pf.page.mem + pf.offset, piece)
        if copied != <Py_ssize_t>piece:
            source.revert(<unsigned long long>copied)
            return <int>added if added else -EFAULT
        skb._add_frag(pf.page, pf.offset, piece)
        skb.truesize += piece
        pf.offset += piece
        added += piece
    return <int>added


cpdef unsigned int skb_checksum(sk_buff skb, unsigned int offset, unsigned int length, unsigned int csum) except? 0xEEEEEEEE:
    """The partial sum of [offset, offset + length) added to `csum`; IndexError when that is not all there."""
    cdef unsigned int head = skb.len - skb.data_len
    cdef unsigned int piece, i
    cdef unsigned int pos = 0
    if offset > skb.len or length > skb.len - offset:
        raise IndexError(f"checksum of {length} bytes at {offset} of {skb!r}")
    if offset < head:
        piece = min(length, head - offset)
        csum = csum_partial(skb.mem + skb.data + offset, piece, csum)
        length -= piece
        pos = piece
        offset = head
    offset -= head
    for i in range(skb.nr_frags):
        if length == 0:
            break
        if offset < skb.frag_len[i]:
            piece = min(length, skb.frag_len[i] - offset)
            csum = csum_block_add(csum, csum_partial((<page>skb.frag_page[i]).mem + skb.frag_off[i] + offset, piece, 0), pos)
            length -= piece
            pos += piece
            offset = 0
        else:
            offset -= skb.frag_len[i]
    return csum


cpdef int skb_checksum_help(sk_buff skb) except? -9999:
    """Resolve CHECKSUM_PARTIAL in software: 0, or -ENOMEM."""
    cdef unsigned int start, total
    cdef int err
    if skb.ip_summed != 3:
        return 0
    err = skb_cow(skb, 0)
    if err < 0:
        return err
    if skb.csum_start < skb.data or skb.csum_start + skb.csum_offset + 2 > skb.tail:
        raise IndexError(f"csum_start {skb.csum_start} offset {skb.csum_offset} outside {skb!r}")
    start = skb.csum_start - skb.data
    total = csum_fold(skb_checksum(skb, start, skb.len - start, 0))
    skb.put16(skb.csum_start + skb.csum_offset, total if total else 0xFFFF)
    skb.ip_summed = 0
    return 0


cpdef bint skb_add_frag(sk_buff skb, page p, unsigned int offset, unsigned int length) except? -1:
    """Append a range of a page as a fragment; False when 45 are there."""
    if offset > p.size or length > p.size - offset:
        raise IndexError(f"{length} bytes at {offset} of a page of {p.size}")
    if not skb._add_frag(p, offset, length):
        return False
    skb.truesize += p.size
    return True


cpdef int skb_linearize(sk_buff skb) except? -9999:
    """Make all data linear; -ENOMEM when RAM is full or the packet is over 64 KiB."""
    if skb.data_len == 0:
        return 0
    return 0 if pskb_may_pull(skb, skb.len) else -ENOMEM
