cimport cython

from kernel.arch.uaccess cimport iov_iter
from kernel.fs.file cimport file, file_operations
from kernel.fs.select cimport poll_table
from kernel.net.core.sock cimport alloc_msghdr, msghdr, socket
from kernel.net.net cimport Net

cdef int EFAULT, ENOENT, ENOIOCTLCMD, ENOTTY, EPERM, EPIPE, IFCONF_SIZE, IFREQ_SIZE, SIGPIPE, SOCK_STREAM
cdef unsigned int O_NONBLOCK, O_RDWR, MSG_DONTWAIT, MSG_NOSIGNAL
cdef unsigned int SIOCETHTOOL, SIOCGIFCONF, SIOCGIFNAME, SIOCGIFVLAN, SIOCGSTAMP, SIOCGSTAMPNS, SIOCSIFVLAN
cdef long long NSEC_PER_SEC


cdef class socket_file_ops(file_operations):
    @cython.locals(sock=socket, flags=cython.uint)
    cpdef Py_ssize_t read(self, file filp, iov_iter to) except? -9999
    @cython.locals(sock=socket, msg=msghdr)
    cpdef Py_ssize_t write(self, file filp, iov_iter source) except? -9999
    @cython.locals(sock=socket)
    cpdef unsigned int poll(self, file filp, poll_table table) except? 0xFFFF9999
    @cython.locals(sock=socket)
    cpdef long long ioctl(self, file filp, unsigned int cmd, unsigned long long arg) except? -9999
    @cython.locals(sock=socket)
    cpdef release(self, file filp)


@cython.locals(result=cython.longlong)
cpdef long long sock_sendmsg(socket sock, msghdr msg, unsigned long long size) except? -9999
cpdef sock_release(socket sock)


cdef class sockfs:
    cdef public Net net
    cdef public socket_file_ops ops
    cdef public long long last_ino
    @cython.locals(filp=file)
    cpdef file alloc_file(self, socket sock, unsigned int flags)


cpdef long long sock_ioctl(socket sock, unsigned int cmd, unsigned long long arg) except? -9999
