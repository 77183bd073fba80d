cdef unsigned int csum_partial(const unsigned char *data, Py_ssize_t length, unsigned int csum) noexcept
cdef unsigned int csum_and_copy(unsigned char *dst, const unsigned char *src, Py_ssize_t length, unsigned int csum) noexcept
cpdef unsigned int csum_add(unsigned int a, unsigned int b) noexcept
cpdef unsigned int csum_block_add(unsigned int csum, unsigned int csum2, unsigned int offset) noexcept
cpdef unsigned int csum_fold(unsigned int csum) noexcept
cpdef unsigned int csum_tcpudp_nofold(unsigned int saddr, unsigned int daddr, unsigned int length, unsigned int proto, unsigned int csum) noexcept
cpdef unsigned int csum_bytes(const unsigned char[::1] data, unsigned int csum=*) noexcept
