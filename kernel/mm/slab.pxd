from kernel.arch.memory cimport RAM

cdef struct chunk:
    unsigned long long free_head      # address of the first free object, 0 when none
    unsigned long long used[4]        # a bit for each object that is out
    unsigned short in_use
    unsigned short objects
    short size_class                  # -1: not carved
    int next                          # neighbours in the list that the chunk is on, -1 at the ends
    int previous
    bint listed


cdef class Slab:
    cdef readonly RAM ram
    cdef unsigned char *base
    cdef chunk *chunks
    cdef readonly int first_chunk
    cdef readonly int nr_chunks
    cdef int partial[9]
    cdef int empty
    cdef public bint poison
    cdef readonly unsigned long long objects_in_use
    cdef readonly unsigned long long bytes_in_use
    cdef readonly unsigned long long allocations
    cdef readonly unsigned long long failures
    cdef void _push(self, int *head, int index) noexcept
    cdef void _remove(self, int *head, int index) noexcept
    cpdef unsigned long long alloc(self, unsigned long long size) except? 1
    cpdef unsigned long long usable(self, unsigned long long address) except? 1
    cpdef free(self, unsigned long long address)
