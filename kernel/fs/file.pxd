cimport cython

from kernel.arch.uaccess cimport iov_iter
from kernel.fs.select cimport poll_table
from kernel.sched.task cimport task_struct

cdef int EBADF, EBUSY, EINVAL, EMFILE, ENOTDIR, ENOTTY, ESPIPE
cdef unsigned int DEFAULT_POLLMASK
cdef int RLIMIT_NOFILE
cdef int FD_CLOEXEC, FMODE_READ, FMODE_WRITE, O_ACCMODE, O_RDONLY, O_RDWR, O_WRONLY
cdef file RESERVED

cdef class file
cdef class files_struct


cdef class file_operations:
    cpdef int open(self, file filp) except? -9999
    cpdef Py_ssize_t read(self, file filp, iov_iter to) except? -9999
    cpdef Py_ssize_t write(self, file filp, iov_iter source) except? -9999
    cpdef Py_ssize_t splice_read(self, file filp, iov_iter to, bint nonblock) except? -9999
    cpdef bint can_splice_write(self) noexcept
    cpdef unsigned int poll(self, file filp, poll_table table) except? 0xFFFF9999
    cpdef bint can_poll(self) noexcept
    cpdef long long ioctl(self, file filp, unsigned int cmd, unsigned long long arg) except? -9999
    cpdef long long llseek(self, file filp, long long offset, int whence) except? -9999
    cpdef object iterate(self, file filp)
    cpdef str fdinfo(self, file filp)
    cpdef bint can_signal(self) noexcept
    cpdef release(self, file filp)


cdef class file:
    cdef public file_operations f_op
    cdef public unsigned int f_flags
    cdef public unsigned int f_mode
    cdef public long long f_pos
    cdef public int f_count
    cdef public object inode
    cdef public object private_data
    cdef public str path
    cdef public object dentry
    cdef public list epitems
    cdef public object f_owner
    cdef public unsigned int f_version
    cdef public object f_flctx


cpdef unsigned int access_mode(unsigned int flags) noexcept
cpdef file get_file(file filp)
cpdef fput(file filp)
cpdef object lock_context_of(file filp)
cpdef hold(task_struct task, file filp)
@cython.locals(held=list, filp=file)
cpdef release_held(task_struct task)


cdef class files_struct:
    cdef public list rlim
    cdef public long long limit
    cdef public int users
    cdef public object sched
    cdef public list fd
    cdef public list close_on_exec
    cdef public int next_fd

    @cython.locals(fd=cython.longlong, size=cython.longlong)
    cpdef int get_unused_fd(self, long long start=*) except? -9999
    cpdef put_unused_fd(self, int fd)
    cpdef fd_install(self, int fd, file filp, bint cloexec=*)
    @cython.locals(filp=file)
    cpdef file fget(self, long long fd)
    @cython.locals(filp=file)
    cpdef int close_fd(self, long long fd) except? -9999
    @cython.locals(fd=cython.int)
    cpdef int install_new(self, file filp, bint cloexec=*) except? -9999
    cpdef files_struct share(self, object sched)
    cpdef put(self)
    cpdef int dup_to(self, file filp, long long newfd, bint cloexec=*) except? -9999
