from hwemu.cpu cimport trap
from userland.libc.crt cimport Program, fail, this

cimport cython

cdef unsigned int SYS_RECV, SYS_RECVFROM, SYS_SEND, SYS_SENDTO, SYS_read, SYS_socketcall, SYS_write, LENGTH_OFFSET

@cython.locals(program=Program, size=cython.longlong, address=cython.ulonglong, result=cython.longlong)
cpdef long long read(long long fd, object buf, long long length=*) except? -9999
@cython.locals(program=Program, size=cython.longlong, address=cython.ulonglong, result=cython.longlong)
cpdef long long write(long long fd, object buf, long long length=*) except? -9999
@cython.locals(program=Program, size=cython.longlong, address=cython.ulonglong, result=cython.longlong)
cpdef long long send(long long fd, object buf, long long length=*, int flags=*) except? -9999
@cython.locals(program=Program, size=cython.longlong, address=cython.ulonglong, result=cython.longlong)
cpdef long long recv(long long fd, object buf, long long length=*, int flags=*) except? -9999
@cython.locals(program=Program, size=cython.longlong, address=cython.ulonglong, name=cython.ulonglong,
               name_length=cython.longlong, result=cython.longlong)
cpdef long long sendto(
    long long fd, object buf, long long length=*, int flags=*, object addr=*) except? -9999
@cython.locals(program=Program, size=cython.longlong, address=cython.ulonglong, name=cython.ulonglong,
               result=cython.longlong)
cpdef long long recvfrom(
    long long fd, object buf, long long length=*, int flags=*, object addr=*) except? -9999
