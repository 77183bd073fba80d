cimport cython

from kernel.arch.uaccess cimport access_ok, iov_iter, kernel_iter, user_iter
from kernel.fs.file cimport file, file_operations, files_struct
from kernel.sched.task cimport task_struct
from kernel.syscalls cimport syscall_handler

cdef int EBADF, EFAULT, EINVAL, FMODE_READ, FMODE_WRITE
cdef long long MAX_RW_COUNT


@cython.locals(files=files_struct, filp=file)
cpdef file open_for(task_struct task, long long fd, unsigned int mode)


cdef class sys_read(syscall_handler):
    @cython.locals(filp=file)
    cpdef long long call(self, task_struct task, long long a0, long long a1, long long a2, long long a3, long long a4,
                         long long a5) except? -9999


cdef class sys_write(syscall_handler):
    @cython.locals(filp=file)
    cpdef long long call(self, task_struct task, long long a0, long long a1, long long a2, long long a3, long long a4,
                         long long a5) except? -9999


cpdef long long kernel_write(file filp, object data) except? -9999
