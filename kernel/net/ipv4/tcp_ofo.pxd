cimport cython

from kernel.net.core.skb_data cimport skb_append_range, skb_try_coalesce
from kernel.net.core.skbuff cimport alloc_skb, consume_skb, kfree_skb, sk_buff, sk_buff_head, skb_copy_header
from kernel.net.core.sk_mem cimport sk_mem_refused
from kernel.net.core.sock cimport skb_set_owner_r
from kernel.net.ipv4.tcp_control cimport tcp_send_ack
from kernel.net.ipv4.tcp_sock cimport after, before, inet_csk_schedule_ack, tcp_sock
from kernel.net.ipv4.tcp_window cimport tcp_grow_window, tcp_measure_rcv_mss, tcp_rcvbuf_grow
from kernel.net.snmp cimport ipstats

cdef int TCP_NUM_SACKS, COLLAPSE_SIZE
cdef unsigned int TCPHDR_FIN, TCPHDR_SYN, SOCK_RCVBUF_LOCK


cpdef tcp_dsack_set(tcp_sock sk, unsigned int seq, unsigned int end_seq)
cpdef tcp_dsack_extend(tcp_sock sk, unsigned int seq, unsigned int end_seq)
cpdef bint tcp_sack_extend(tcp_sock sk, int i, unsigned int seq, unsigned int end_seq) noexcept
cpdef tcp_sack_delete(tcp_sock sk, int i)
@cython.locals(i=cython.int, start=cython.uint, end=cython.uint)
cpdef tcp_sack_new_ofo_skb(tcp_sock sk, unsigned int seq, unsigned int end_seq)
@cython.locals(i=cython.int)
cpdef tcp_sack_remove(tcp_sock sk)
cpdef bint tcp_try_rmem_schedule(tcp_sock sk, unsigned int size) except? -1
@cython.locals(limit=cython.longlong)
cpdef tcp_clamp_window(tcp_sock sk)
@cython.locals(mib=ipstats)
cpdef bint tcp_prune_queue(tcp_sock sk) except? -1
cpdef bint tcp_prune_ofo_queue(tcp_sock sk) except? -1
@cython.locals(skb=sk_buff, following=sk_buff, last=sk_buff, run=cython.uint)
cpdef tcp_collapse(tcp_sock sk, sk_buff_head queue)
@cython.locals(merged=sk_buff, skb=sk_buff, following=sk_buff, final=cython.bint)
cpdef tcp_collapse_run(tcp_sock sk, sk_buff_head queue, sk_buff first, sk_buff last, unsigned int size)
@cython.locals(size=cython.uint)
cpdef bint tcp_try_coalesce(tcp_sock sk, sk_buff to, sk_buff skb) except? -1
@cython.locals(mib=ipstats, seq=cython.uint, end_seq=cython.uint)
cpdef tcp_data_queue_ofo(tcp_sock sk, sk_buff skb)
@cython.locals(queue=sk_buff_head, seq=cython.uint, end_seq=cython.uint, prev=sk_buff, old=sk_buff, merged=cython.bint,
               following=sk_buff)
cpdef bint tcp_ofo_insert(tcp_sock sk, sk_buff skb) except? -1
