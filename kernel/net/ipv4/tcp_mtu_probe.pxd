cimport cython

from kernel.net.ipv4.tcp_sock cimport after, tcp_current_ssthresh, tcp_packets_in_flight, tcp_sock, tcp_wnd_end
from kernel.net.ipv4.tcp_window cimport tcp_current_mss, tcp_mtu_to_mss, tcp_sync_mss
from kernel.net.net cimport Net

cdef unsigned int U32_MASK
cdef long long NSEC_PER_USEC
cdef int TCP_CA_Open, MIN_CWND, HEADERS, ALWAYS, WAIT, NO_PROBE


cpdef int tcp_mss_to_mtu(tcp_sock sk, int mss) noexcept
@cython.locals(net=Net)
cpdef tcp_mtup_init(tcp_sock sk)
@cython.locals(net=Net, mss=cython.longlong)
cpdef tcp_mtu_black_hole(tcp_sock sk)
@cython.locals(mss=cython.int)
cpdef tcp_mtu_check_reprobe(tcp_sock sk)
@cython.locals(probe=cython.int, needed=cython.longlong, in_flight=cython.int)
cpdef int tcp_mtu_probe_size(tcp_sock sk) except? -9999
cpdef tcp_mtup_probe_sent(tcp_sock sk, unsigned int seq, unsigned int end_seq, int length)
@cython.locals(window=cython.longlong)
cpdef tcp_mtup_probe_success(tcp_sock sk)
cpdef tcp_mtup_probe_failed(tcp_sock sk)
