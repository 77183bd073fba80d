from kernel.arch.uaccess cimport iov_iter
from kernel.net.core.skbuff cimport page, page_frag, sk_buff

cpdef bytes skb_copy_bits(sk_buff skb, unsigned int offset, unsigned int length)
cpdef int skb_store_bits(sk_buff skb, unsigned int offset, const unsigned char[::1] data) except? -9999
cpdef int skb_append_range(sk_buff to, sk_buff source, unsigned int offset, unsigned int length) except? -9999
cpdef int skb_split(sk_buff skb, sk_buff skb1, unsigned int length) except? -9999
cpdef bint skb_try_coalesce(sk_buff to, sk_buff source) except? -1
cpdef int skb_copy_datagram_iter(sk_buff skb, unsigned int offset, iov_iter to, unsigned int length) except? -9999
cpdef int skb_put_iter(sk_buff skb, iov_iter source, unsigned int length) except? -9999
cpdef int skb_add_frags_iter(sk_buff skb, iov_iter source, unsigned int length, page_frag pf) except? -9999
cpdef unsigned int skb_checksum(sk_buff skb, unsigned int offset, unsigned int length, unsigned int csum) except? 0xEEEEEEEE
cpdef int skb_checksum_help(sk_buff skb) except? -9999
cpdef bint skb_add_frag(sk_buff skb, page p, unsigned int offset, unsigned int length) except? -1
cpdef int skb_linearize(sk_buff skb) except? -9999
