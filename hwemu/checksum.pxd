cdef unsigned int fold(unsigned long long total) noexcept nogil
cdef unsigned int sum_bytes(const unsigned char *data, Py_ssize_t length) noexcept nogil
cpdef unsigned int internet_sum(const unsigned char[::1] data, unsigned int start=*)
cpdef unsigned int frame_check_sequence(bytes frame)
