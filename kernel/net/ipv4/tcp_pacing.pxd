cimport cython

from kernel.net.ipv4.tcp_sock cimport tcp_sock
from kernel.net.net cimport Net
from kernel.time.timer cimport TimerBase

cdef long long NSEC_PER_SEC, NSEC_PER_USEC
cdef int TCP_INIT_CWND, DELAY_SHIFT


cpdef bint tcp_pacing_check(tcp_sock sk) except? -1
@cython.locals(now=cython.longlong, prior=cython.longlong, rate=cython.longlong, needed=cython.longlong)
cpdef tcp_pacing_sent(tcp_sock sk, long long length)
cpdef long long tcp_departure(Net net, long long delay) except? -9999
cpdef long long tcp_delayed_bytes(tcp_sock sk) noexcept
