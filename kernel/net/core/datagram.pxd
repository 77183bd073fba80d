cimport cython

from kernel.fs.select cimport poll_table, poll_wait
from kernel.net.core.skb_data cimport skb_copy_datagram_iter
from kernel.net.core.skbuff cimport consume_skb, sk_buff
from kernel.net.core.sock cimport msghdr, sk_sleep, sock, sock_error, sock_intr_errno
from kernel.net.net cimport Net

cdef unsigned int SOCK_RCVMARK, SOCK_RCVPRIORITY, SOCK_RECV_CMSGS, SOCK_RXQ_OVFL, SOCK_SELECT_ERR_QUEUE, SOCK_TIMESTAMP
cdef int EAGAIN, EFAULT
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRBAND, POLLWRNORM
cdef int MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, RCV_SHUTDOWN, SHUTDOWN_MASK


@cython.locals(timeo=cython.longlong)
cpdef int skb_recv_datagram(sock sk, int flags) except? -9999
@cython.locals(length=cython.uint, copied=cython.uint)
cpdef long long skb_copy_datagram(sk_buff skb, msghdr msg, unsigned long long size, int flags) except? -9999
cpdef skb_free_datagram(sock sk, sk_buff skb, int flags)
@cython.locals(mask=cython.uint)
cpdef unsigned int datagram_poll(sock sk, object file, poll_table table) except? 9999
cpdef sock_recv_cmsgs(sock sk, msghdr msg, sk_buff skb)
