cimport cython

from kernel.net.core.skbuff cimport sk_buff
from kernel.net.ipv4.tcp_sock cimport tcp_sock

cdef int MAX_TCP_OPTION_SPACE, TCP_MAX_WSCALE
cdef unsigned int TCPHDR_SYN
cdef int TCPOLEN_SACK_BASE_ALIGNED, TCPOLEN_SACK_PERBLOCK, TCPOLEN_TSTAMP_ALIGNED
cdef unsigned int TCPOLEN_MSS, TCPOLEN_SACK_PERM, TCPOLEN_TIMESTAMP, TCPOLEN_WINDOW
cdef unsigned int TCPOPT_EOL, TCPOPT_MSS, TCPOPT_NOP, TCPOPT_SACK, TCPOPT_SACK_PERM, TCPOPT_TIMESTAMP, TCPOPT_WINDOW
cdef unsigned int TS_WORD, SACK_PERM_WORD
cdef unsigned int FASTOPEN_MAGIC, TCPOLEN_EXP_FASTOPEN_BASE, TCPOLEN_FASTOPEN_BASE, TCPOPT_EXP, TCPOPT_FASTOPEN
cdef int COOKIE_MAX, COOKIE_MIN


cdef class tcp_options_received:
    cdef public int mss_clamp, snd_wscale
    cdef public bint wscale_ok, tstamp_ok, sack_ok, fastopen_exp
    cdef public bytes fastopen


@cython.locals(pos=cython.uint, end=cython.uint, kind=cython.uint, size=cython.uint)
cpdef tcp_parse_options(sk_buff skb, tcp_options_received opt)
@cython.locals(value=cython.int)
cpdef tcp_parse_syn_option(sk_buff skb, tcp_options_received opt, unsigned int kind, unsigned int pos, unsigned int size)
@cython.locals(size=cython.uint, pos=cython.uint)
cpdef tcp_fast_parse_options(tcp_sock sk, sk_buff skb)
@cython.locals(size=cython.int, blocks=cython.int)
cpdef int tcp_established_options_size(tcp_sock sk) noexcept
@cython.locals(blocks=cython.int, room=cython.int)
cpdef int tcp_sack_blocks_that_fit(tcp_sock sk, int size) noexcept
@cython.locals(size=cython.int, blocks=cython.int, i=cython.int)
cpdef tcp_established_options_write(tcp_sock sk, sk_buff skb, unsigned int pos, unsigned int tsval)
@cython.locals(size=cython.int)
cpdef int tcp_syn_options_size(bint tstamp, bint sack, int wscale) noexcept
@cython.locals(i=cython.int)
cpdef tcp_syn_options_write(sk_buff skb, unsigned int pos, unsigned int mss, bint tstamp, unsigned int tsval,
                            unsigned int tsecr, bint sack, int wscale, bytes fastopen)
cpdef tcp_parse_fastopen_option(sk_buff skb, tcp_options_received opt, unsigned int pos, int length, bint exp)
cpdef bytes tcp_fastopen_option(bytes cookie, bint exp)
