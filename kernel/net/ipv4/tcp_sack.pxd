cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_queue cimport tcp_fragment
from kernel.net.ipv4.tcp_recovery cimport tcp_rack_advance, tcp_skb_sent_after
from kernel.net.ipv4.tcp_sock cimport after, before, tcp_sock
from kernel.net.snmp cimport ipstats

cdef unsigned int U32_MASK
cdef int FLAG_DATA_SACKED, FLAG_DSACK_TLP, FLAG_DSACKING_ACK, FLAG_ORIG_SACK_ACKED
cdef unsigned int TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
cdef int TCP_CA_Loss, TCP_DSACK_SEEN, NUM_BLOCKS


cpdef unsigned int tcp_highest_sack_seq(tcp_sock sk) noexcept
cpdef bint tcp_is_sackblock_valid(tcp_sock sk, bint is_dsack, unsigned int start, unsigned int end) noexcept
@cython.locals(mib=ipstats, pos=cython.uint, start=cython.uint, end=cython.uint, dup_segs=cython.int)
cpdef bint tcp_check_dsack(tcp_sock sk, sk_buff skb, unsigned int prior_snd_una) except? -1
@cython.locals(length=cython.uint, dup_segs=cython.int)
cpdef int tcp_dsack_seen(tcp_sock sk, unsigned int start, unsigned int end) except? -9999
@cython.locals(num=cython.int, pos=cython.uint, found_dup=cython.bint, mib=ipstats, i=cython.int, start=cython.uint,
               end=cython.uint, dup=cython.bint)
cpdef tcp_sacktag_write_queue(tcp_sock sk, sk_buff skb, unsigned int prior_snd_una)
@cython.locals(i=cython.int, low=cython.uint, high=cython.uint)
cpdef unsigned int tcp_sack_cache_skip(tcp_sock sk, unsigned int start, unsigned int end) noexcept
@cython.locals(i=cython.int)
cpdef tcp_sack_cache_clear(tcp_sock sk)
@cython.locals(skb=sk_buff, in_sack=cython.int)
cpdef tcp_sacktag_walk(tcp_sock sk, unsigned int start, unsigned int end, bint dup)
@cython.locals(mss=cython.uint, in_sack=cython.int, length=cython.uint, whole=cython.uint)
cpdef int tcp_match_skb_to_sack(tcp_sock sk, sk_buff skb, unsigned int start, unsigned int end) except? -9999
@cython.locals(sacked=cython.uint, pcount=cython.int)
cpdef tcp_sacktag_one(tcp_sock sk, sk_buff skb, bint dup)
@cython.locals(fack=cython.uint, metric=cython.longlong, mss=cython.longlong)
cpdef tcp_check_sack_reordering(tcp_sock sk, unsigned int low_seq, bint ts)
@cython.locals(holes=cython.int)
cpdef bint tcp_limit_reno_sacked(tcp_sock sk) noexcept
cpdef tcp_check_reno_reordering(tcp_sock sk, int addend)
@cython.locals(prior=cython.int)
cpdef tcp_add_reno_sack(tcp_sock sk, int num_dupack)
cpdef tcp_remove_reno_sacks(tcp_sock sk, int acked)
cpdef tcp_rate_skb_delivered(tcp_sock sk, sk_buff skb)
cpdef tcp_rate_gen(tcp_sock sk, int delivered, int lost, bint is_sack_reneg)
@cython.locals(in_flight=cython.int)
cpdef tcp_rate_check_app_limited(tcp_sock sk)
