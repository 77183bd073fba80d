# cython: boundscheck=False, wraparound=False
"""Where user memory is touched: `copy_from_user`, `copy_to_user`, and `iov_iter`, the cursor over user buffers.

Every function validates the address through the program's AddressSpace and reports a fault by its result (None,
False, or a short count), never by an exception: the caller answers EFAULT.  All integers are little-endian.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy

UIO_MAXIOV = 1024
# The end of user addresses, as on x86-64: what does not lie below is no address of a program, mapped or not.
TASK_SIZE = (1 << 47) - 4096
cdef unsigned long long USER_END = TASK_SIZE


cdef class iov_iter:
    """A cursor over one or more user buffers: `count` bytes are left, `done` have been copied.

    One segment lives in the object; `add` appends more (at most UIO_MAXIOV).
    """

    def __cinit__(self):
        self.vec = &self.one
        self.nr_segs = 0
        self.seg = 0
        self.seg_offset = 0
        self.count = 0
        self.done = 0

    def __init__(self, AddressSpace mm not None):
        self.mm = mm

    def __dealloc__(self):
        if self.vec is not &self.one:
            free(self.vec)

    cpdef add(self, unsigned long long base, unsigned long long length):
        """Append the user buffer [base, base + length); ValueError past UIO_MAXIOV segments."""
        cdef iovec *grown
        if self.nr_segs >= 1024:
            raise ValueError(f"more than {UIO_MAXIOV} segments")
        if self.nr_segs == 1 and self.vec is &self.one:
            grown = <iovec *>malloc(1024 * sizeof(iovec))
            if grown is NULL:
                raise MemoryError
            grown[0] = self.one
            self.vec = grown
        self.vec[self.nr_segs].base = base
        self.vec[self.nr_segs].length = length
        self.nr_segs += 1
        self.count += length

    cdef Py_ssize_t _copy(self, unsigned char *ram, Py_ssize_t length, bint to_user) noexcept:
        cdef Py_ssize_t copied = 0
        cdef unsigned long long piece, address
        cdef bint fault
        cdef unsigned char *user
        if <unsigned long long>length > self.count:
            length = <Py_ssize_t>self.count
        while copied < length:
            piece = self.vec[self.seg].length - self.seg_offset
            if piece == 0:
                self.seg += 1
                self.seg_offset = 0
                continue
            if piece > <unsigned long long>(length - copied):
                piece = <unsigned long long>(length - copied)
            address = self.vec[self.seg].base + self.seg_offset
            user = self.mm.at(address, piece, to_user)
            fault = user is NULL
            if fault:
                # What lies in front of the bad address is copied.
                piece = self.mm.room(address)
                user = self.mm.at(address, piece, to_user) if piece else NULL
                if user is NULL:
                    break
            if to_user:
                memcpy(user, ram + copied, piece)
            else:
                memcpy(ram + copied, user, piece)
            self.seg_offset += piece
            copied += <Py_ssize_t>piece
            if fault:
                break
        self.count -= <unsigned long long>copied
        self.done += <unsigned long long>copied
        return copied

    cdef Py_ssize_t copy_from(self, unsigned char *dst, Py_ssize_t length) noexcept:
        """Copy up to `length` bytes from user memory; a result below min(length, count) means a fault."""
        return self._copy(dst, length, False)

    cdef Py_ssize_t copy_to(self, const unsigned char *src, Py_ssize_t length) noexcept:
        """Copy up to `length` bytes to user memory; a result below min(length, count) means a fault."""
        return self._copy(<unsigned char *>src, length, True)

    cpdef bytes read(self, Py_ssize_t length):
        """The next `length` bytes of user memory (fewer at the end of the buffers), or None for a fault among them."""
        cdef bytes data
        cdef Py_ssize_t copied
        if <unsigned long long>length > self.count:
            length = <Py_ssize_t>self.count
        data = PyBytes_FromStringAndSize(NULL, length)
        copied = self._copy(<unsigned char *>PyBytes_AS_STRING(data), length, False)
        return data if copied == length else None

    cpdef Py_ssize_t write(self, const unsigned char[::1] data) except? -9999:
        """Copy `data` to user memory; returns how many bytes fitted, or -14 (EFAULT) for a fault at the first byte."""
        cdef Py_ssize_t wanted = data.shape[0]
        cdef Py_ssize_t copied
        if <unsigned long long>wanted > self.count:
            wanted = <Py_ssize_t>self.count
        if wanted == 0:
            return 0
        copied = self._copy(<unsigned char *>&data[0], wanted, True)
        return copied if copied else -14

    cpdef advance(self, unsigned long long length):
        """Skip `length` bytes without copying."""
        cdef unsigned long long piece
        if length > self.count:
            length = self.count
        self.count -= length
        self.done += length
        while length:
            piece = self.vec[self.seg].length - self.seg_offset
            if piece == 0:
                self.seg += 1
                self.seg_offset = 0
                continue
            if piece > length:
                piece = length
            self.seg_offset += piece
            length -= piece

    cpdef revert(self, unsigned long long length):
        """Take back the last `length` bytes (at most `done`)."""
        if length > self.done:
            length = self.done
        self.count += length
        self.done -= length
        while length > self.seg_offset:
            length -= self.seg_offset
            self.seg -= 1
            self.seg_offset = self.vec[self.seg].length
        self.seg_offset -= length

    def segments(self):
        """The remaining segments as a list of (user address, length): for slow paths such as readv on host files."""
        cdef unsigned int i
        out = []
        for i in range(self.seg, self.nr_segs):
            offset = self.seg_offset if i == self.seg else 0
            if self.vec[i].length > offset:
                out.append((self.vec[i].base + offset, self.vec[i].length - offset))
        return out

    @property
    def address_space(self):
        return self.mm


cpdef iov_iter user_iter(AddressSpace mm, unsigned long long base, unsigned long long length):
    """An iov_iter over one user buffer."""
    cdef iov_iter it = iov_iter.__new__(iov_iter)
    it.mm = mm
    it.one.base = base
    it.one.length = length
    it.nr_segs = 1
    it.count = length
    return it


cpdef iov_iter kernel_iter(object buffer, bint writable=False):
    """An iov_iter over one of the kernel's own buffers (bytes, or a bytearray with writable=True)."""
    cdef AddressSpace mm = AddressSpace()
    cdef iov_iter it = user_iter(mm, mm.map(buffer, writable), len(buffer))
    it.pinned = buffer
    return it


cpdef bint access_ok(unsigned long long address, unsigned long long length) noexcept:
    """True where [address, address + length) lies in the range of user addresses, mapped or not."""
    return length <= USER_END and address <= USER_END - length


cpdef bytes copy_from_user(AddressSpace mm, unsigned long long address, unsigned long long length):
    """`length` bytes at the user address, or None for a fault."""
    return mm.read(address, length)


cpdef bint copy_to_user(AddressSpace mm, unsigned long long address, const unsigned char[::1] data) except? -1:
    """Write `data` at the user address; False for a fault, in front of which the bytes that have an address are written."""
    cdef unsigned long long room
    if mm.write(address, data):
        return True
    room = mm.room(address)
    if 0 < room < <unsigned long long>data.shape[0]:
        mm.write(address, data[:room])
    return False


cpdef bytes strncpy_from_user(AddressSpace mm, unsigned long long address, unsigned long long limit):
    """The NUL-terminated string at the user address without its NUL (at most `limit` bytes), or None for a fault.

    A string that is not terminated within `limit` comes back `limit` bytes long: the caller answers ENAMETOOLONG.
    """
    cdef unsigned long long room = mm.room(address)
    cdef unsigned char *start
    cdef unsigned char *nul
    if room > limit:
        room = limit
    if room == 0:
        return None
    start = mm.at(address, room, False)
    if start is NULL:
        return None
    nul = <unsigned char *>memchr(start, 0, room)
    if nul is NULL:
        return PyBytes_FromStringAndSize(<char *>start, room) if room == limit else None
    return PyBytes_FromStringAndSize(<char *>start, nul - start)


cpdef long long get_user(AddressSpace mm, unsigned long long address, int width) except? -9999:
    """A little-endian signed integer of 4 or 8 bytes; raises MemoryError("EFAULT") for a fault."""
    cdef unsigned char *pointer = mm.at(address, width, False)
    cdef int value32 = 0
    cdef long long value64 = 0
    if pointer is NULL:
        raise MemoryError("EFAULT")
    if width == 4:
        memcpy(&value32, pointer, 4)
        return value32
    memcpy(&value64, pointer, 8)
    return value64


cpdef bint put_user(AddressSpace mm, unsigned long long address, int width, long long value) except? -1:
    """Store a little-endian integer of 4 or 8 bytes; False for a fault."""
    cdef unsigned char *pointer = mm.at(address, width, True)
    cdef int value32 = <int>value
    if pointer is NULL:
        return False
    if width == 4:
        memcpy(pointer, &value32, 4)
    else:
        memcpy(pointer, &value, 8)
    return True
