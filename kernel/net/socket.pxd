cimport cython

from kernel.arch.memory cimport AddressSpace
from kernel.arch.uaccess cimport access_ok, copy_from_user, copy_to_user, get_user, put_user, user_iter
from kernel.fs.file cimport file, files_struct
from kernel.net.core.sock cimport alloc_msghdr, msghdr, socket
from kernel.net.net cimport Net
from kernel.net.sockfs cimport sock_release, sock_sendmsg, sockfs
from kernel.sched.task cimport task_struct
from kernel.syscalls cimport as_int, syscall_handler

cdef int EAFNOSUPPORT, EBADF, ECONNABORTED, EFAULT, EINVAL, ENOTSOCK, EOPNOTSUPP
cdef long long MAX_RW_COUNT
cdef unsigned long long USER_ADDRESS
cdef unsigned int O_NONBLOCK
cdef int AF_INET, NPROTO, SOCK_MAX, SOCKADDR_STORAGE_SIZE, SOL_IP, SOL_SOCKET, SOCKADDR_IN_SIZE, MAX_OPTION
cdef long long MSG_INTERNAL_SENDMSG_FLAGS, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_TYPE_MASK
cdef int SYS_ACCEPT, SYS_ACCEPT4, SYS_BIND, SYS_CONNECT, SYS_GETPEERNAME, SYS_GETSOCKNAME, SYS_GETSOCKOPT, SYS_LISTEN
cdef int SYS_RECV, SYS_RECVFROM, SYS_RECVMMSG, SYS_RECVMSG, SYS_SEND, SYS_SENDMMSG, SYS_SENDMSG, SYS_SENDTO
cdef int SYS_SETSOCKOPT, SYS_SHUTDOWN, SYS_SOCKET, SYS_SOCKETPAIR
cdef int IFNAMSIZ, SO_BINDTODEVICE
cdef tuple NARGS, SOCKETCALL_INTS


cdef class sys_socketcall(syscall_handler):
    cdef public Net net
    @cython.locals(mm=AddressSpace, count=cython.int, block=cython.ulonglong, b0=cython.longlong,
                   b1=cython.longlong, b2=cython.longlong, b3=cython.longlong, b4=cython.longlong, b5=cython.longlong, net=Net, ints=cython.int)
    cpdef long long call(self, task_struct task, long long a0, long long a1, long long a2, long long a3, long long a4,
                         long long a5) except? -9999


@cython.locals(files=files_struct, filp=file)
cpdef file sockfd_lookup(task_struct task, long long fd)
cpdef int lookup_error(task_struct task, long long fd) except? -9999
cpdef object move_addr_to_kernel(AddressSpace mm, unsigned long long address, long long length)
cpdef int move_addr_to_user(AddressSpace mm, bytes name, unsigned long long address,
                            unsigned long long length_address) except? -9999
@cython.locals(room=cython.longlong, port=cython.uint, addr=cython.uint, swapped=cython.uint)
cpdef int move_inet_addr_to_user(AddressSpace mm, msghdr msg, unsigned long long address,
                                 unsigned long long length_address) except? -9999
cpdef bytes inet_name(msghdr msg)
@cython.locals(sock=socket)
cpdef object sock_create(Net net, long long family, long long type, long long protocol, int uid)
@cython.locals(filp=file, files=files_struct, fs=sockfs)
cpdef int sock_map_fd(task_struct task, socket sock, long long flags) except? -9999
@cython.locals(flags=cython.longlong)
cpdef int sys_socket(Net net, task_struct task, long long family, long long type, long long protocol) except? -9999
@cython.locals(flags=cython.longlong, fd1=cython.int, fd2=cython.int, err=cython.int, files=files_struct)
cpdef int sys_socketpair(Net net, task_struct task, long long family, long long type, long long protocol,
                         unsigned long long vector) except? -9999
@cython.locals(filp=file, sock=socket)
cpdef int sys_bind(task_struct task, long long fd, unsigned long long address, long long length) except? -9999
@cython.locals(filp=file, sock=socket)
cpdef int sys_connect(task_struct task, long long fd, unsigned long long address, long long length) except? -9999
@cython.locals(filp=file, sock=socket)
cpdef int sys_listen(task_struct task, long long fd, long long backlog) except? -9999
@cython.locals(fd=cython.int, sock=socket, err=cython.int)
cpdef int make_pair(Net net, task_struct task, long long family, long long type, long long protocol, int fd1,
                    int fd2) except? -9999
@cython.locals(sock=socket, newsock=socket, net=Net, err=cython.int)
cpdef int do_accept(task_struct task, file filp, unsigned long long address, unsigned long long length_address,
                    long long flags, int fd) except? -9999
@cython.locals(filp=file, newfd=cython.int, err=cython.int)
cpdef int sys_accept4(task_struct task, long long fd, unsigned long long address, unsigned long long length_address,
                      long long flags) except? -9999
@cython.locals(filp=file, sock=socket)
cpdef int sys_getname(task_struct task, long long fd, unsigned long long address, unsigned long long length_address,
                      int peer) except? -9999
@cython.locals(filp=file, sock=socket)
cpdef int sys_shutdown(task_struct task, long long fd, long long how) except? -9999
@cython.locals(filp=file, sock=socket, msg=msghdr)
cpdef long long sys_sendto(task_struct task, long long fd, unsigned long long buffer, long long length, long long flags,
                           unsigned long long address, long long address_length) except? -9999
@cython.locals(filp=file, sock=socket, msg=msghdr, result=cython.longlong, err=cython.int)
cpdef long long sys_recvfrom(task_struct task, long long fd, unsigned long long buffer, long long length,
                             long long flags, unsigned long long address,
                             unsigned long long length_address) except? -9999
@cython.locals(filp=file, sock=socket, wanted=cython.longlong, err=cython.int)
cpdef int sys_setsockopt(task_struct task, long long fd, long long level, long long optname,
                         unsigned long long address, long long optlen) except? -9999
@cython.locals(filp=file, sock=socket)
cpdef int sys_getsockopt(task_struct task, long long fd, long long level, long long optname,
                         unsigned long long address, unsigned long long length_address) except? -9999
