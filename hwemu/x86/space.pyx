# cython: boundscheck=False, wraparound=False
"""A program's memory as x86 machine code sees it, and the engine that executes the code: unicorn's C interface.

The memory is one reservation of the host (`arena`): user address A lies at arena + A, so whatever the program maps next
to each other is contiguous for the kernel's copies, too.  `protection` has the rights of each page, which the kernel's
copies obey as the code does.

The engine runs until the code makes a system call, faults, or has used up its slice.  Instructions are counted by the
bytes of the basic blocks that are entered, four to an instruction: the count does not depend on the host, so the same
seed gives the same run.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from hwemu.mmu cimport AddressSpace
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcpy, memset

cdef extern from "dlfcn.h":
    void *dlopen(const char *path, int flags)
    void *dlsym(void *library, const char *name)
    int dlclose(void *library)
    int RTLD_NOW

cdef extern from "sys/mman.h":
    void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
    int munmap(void *address, size_t length)
    int madvise(void *address, size_t length, int advice)
    int mincore(void *address, size_t length, unsigned char *vector)
    void *mremap(void *address, size_t old_length, size_t length, int flags, void *target)
    int PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE, MAP_FIXED, MADV_DONTNEED
    int MREMAP_MAYMOVE, MREMAP_FIXED
    void *MAP_FAILED

PAGE = 4096
READ, WRITE, EXEC = 1, 2, 4
MAPPED, SHARED = 8, 16
# Why `run` came back.
SLICE, SYSCALL, FAULT = 0, 1, 2
# What a fault was: memory that is not there, rights that are not, an undefined instruction, an exception of the CPU.
UNMAPPED, PROTECTED, UNDEFINED, EXCEPTION = 1, 2, 3, 4

# unicorn.h, x86.h: architecture and modes, hooks, registers.
cdef int UC_ARCH_X86 = 4
cdef int UC_MODE_32 = 4
cdef int UC_MODE_64 = 8
cdef int UC_HOOK_INTR = 1
cdef int UC_HOOK_INSN = 2
cdef int UC_HOOK_BLOCK = 8
cdef int UC_HOOK_MEM_INVALID = 1008
cdef int UC_HOOK_INSN_INVALID = 16384
cdef int UC_X86_INS_SYSCALL = 699
cdef int UC_MEM_FETCH_UNMAPPED = 21
cdef int UC_CTL_TB_REMOVE_CACHE = 0x48000009
cdef int REG_RIP = 41
cdef int REG_EIP = 26
cdef int VECTOR_SYSCALL = 0x80
# A slice of so many bytes of code is the longest.
cdef long long LONGEST_SLICE = 1 << 40

REGISTERS = {
    "rax": 35, "rbx": 37, "rcx": 38, "rdx": 40, "rsi": 43, "rdi": 39, "rbp": 36, "rsp": 44, "r8": 106, "r9": 107,
    "r10": 108, "r11": 109, "r12": 110, "r13": 111, "r14": 112, "r15": 113, "rip": 41, "eflags": 25, "fs_base": 250,
    "gs_base": 251, "cs": 11, "ss": 49, "ds": 17, "es": 28, "fs": 32, "gs": 33, "mxcsr": 249,
}
# Floating point: the x87's words, its registers from ST(0) on, and the first of the XMM registers.
FLOATS = {
    "fpcw": 246, "fpsw": 31, "fptag": 247, "fop": 258, "fip": 254, "fcs": 255, "fdp": 256, "fds": 257, "st0": 114,
    "mxcsr": 249, "xmm0": 122,
}

cdef struct State:
    long long budget
    int reason
    int fault
    int vector
    unsigned long long address
    void *engine
    int (*stop)(void *) noexcept


class EngineError(Exception):
    """unicorn refused: its error number."""


cdef void on_block(void *engine, unsigned long long address, unsigned int size, void *data) noexcept:
    cdef State *state = <State *>data
    state.budget -= size
    if state.budget < 0:
        state.stop(engine)


cdef void on_syscall(void *engine, void *data) noexcept:
    cdef State *state = <State *>data
    state.reason = 1
    state.stop(engine)


cdef void on_interrupt(void *engine, unsigned int number, void *data) noexcept:
    cdef State *state = <State *>data
    state.vector = <int>number
    if number == 0x80:
        state.reason = 1
    else:
        state.reason = 2
        state.fault = 4
    state.stop(engine)


cdef bint on_memory(void *engine, int kind, unsigned long long address, int size, long long value, void *data) noexcept:
    cdef State *state = <State *>data
    state.reason = 2
    state.fault = 1 if kind <= UC_MEM_FETCH_UNMAPPED else 2
    state.address = address
    return False


cdef bint on_invalid(void *engine, void *data) noexcept:
    cdef State *state = <State *>data
    state.reason = 2
    state.fault = 3
    return False


cdef class UserSpace(AddressSpace)


cdef class Registers:
    """The registers of one thread of a program, while another thread of the same memory runs or none does."""

    cdef UserSpace space
    cdef void *context
    cdef bint begun

    def __cinit__(self, UserSpace space not None):
        self.space = space
        self.context = NULL
        self.begun = False
        if space.uc_context_alloc(space.engine, &self.context) != 0:
            raise MemoryError("registers")

    def __dealloc__(self):
        if self.context is not NULL:
            self.space.uc_context_free(self.context)


cdef class UserSpace(AddressSpace):
    """The memory of one program in machine code, up to `limit` bytes of addresses, and its engine.

    `wide` is True for x86-64 and False for i386.  After `run`: `fault`, `fault_address` and `vector` say what happened,
    `instructions` counts what was executed so far.
    """

    cdef readonly unsigned long long limit
    cdef readonly bint wide
    cdef readonly int reason, fault, vector
    cdef readonly unsigned long long fault_address
    cdef readonly unsigned long long instructions
    cdef readonly Py_ssize_t pages
    cdef unsigned char *arena
    cdef unsigned char *protection
    cdef void *engine
    cdef void *library
    cdef State state
    cdef Registers current
    cdef readonly object library_path
    cdef int (*uc_emu_start)(void *, unsigned long long, unsigned long long, unsigned long long, size_t) noexcept
    cdef int (*uc_reg_read)(void *, int, void *) noexcept
    cdef int (*uc_reg_write)(void *, int, const void *) noexcept
    cdef int (*uc_mem_map_ptr)(void *, unsigned long long, size_t, unsigned int, void *) noexcept
    cdef int (*uc_mem_unmap)(void *, unsigned long long, size_t) noexcept
    cdef int (*uc_mem_protect)(void *, unsigned long long, size_t, unsigned int) noexcept
    cdef int (*uc_hook_add)(void *, size_t *, int, void *, void *, unsigned long long, unsigned long long, ...) noexcept
    cdef int (*uc_context_alloc)(void *, void **) noexcept
    cdef int (*uc_context_save)(void *, void *) noexcept
    cdef int (*uc_context_restore)(void *, void *) noexcept
    cdef int (*uc_context_free)(void *) noexcept
    cdef int (*uc_close)(void *) noexcept
    cdef int (*uc_ctl)(void *, int, ...) noexcept

    def __cinit__(self):
        self.arena = NULL
        self.protection = NULL
        self.engine = NULL
        self.library = NULL

    def __init__(self, path, unsigned long long limit, bint wide):
        cdef int (*uc_open)(int, int, void **) noexcept
        self.library_path = path
        self.limit = limit
        self.wide = wide
        self.arena = <unsigned char *>mmap(
            NULL, limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if self.arena == <unsigned char *>MAP_FAILED:
            self.arena = NULL
            raise MemoryError("no room for a program's addresses")
        self.protection = <unsigned char *>calloc(limit // 4096, 1)
        if self.protection is NULL:
            raise MemoryError("no room for a program's page table")
        self.load_library()
        uc_open = <int (*)(int, int, void **) noexcept>self.symbol(b"uc_open")
        if uc_open(UC_ARCH_X86, UC_MODE_64 if wide else UC_MODE_32, &self.engine) != 0:
            self.engine = NULL
            raise EngineError("uc_open")
        self.add_hooks()

    def __dealloc__(self):
        if self.engine is not NULL:
            self.uc_close(self.engine)
        if self.arena is not NULL:
            munmap(self.arena, self.limit)
        free(self.protection)
        if self.library is not NULL:
            dlclose(self.library)

    cdef void *symbol(self, const char *name) except NULL:
        cdef void *found = dlsym(self.library, name)
        if found is NULL:
            raise EngineError(name.decode())
        return found

    cdef int load_library(self) except -1:
        cdef bytes name = self.library_path.encode()
        self.library = dlopen(name, RTLD_NOW)
        if self.library is NULL:
            raise EngineError(f"{self.library_path}: can not be loaded")
        self.uc_emu_start = <int (*)(void *, unsigned long long, unsigned long long, unsigned long long, size_t) noexcept>(
            self.symbol(b"uc_emu_start"))
        self.state.stop = <int (*)(void *) noexcept>self.symbol(b"uc_emu_stop")
        self.uc_reg_read = <int (*)(void *, int, void *) noexcept>self.symbol(b"uc_reg_read")
        self.uc_reg_write = <int (*)(void *, int, const void *) noexcept>self.symbol(b"uc_reg_write")
        self.uc_mem_map_ptr = <int (*)(void *, unsigned long long, size_t, unsigned int, void *) noexcept>(
            self.symbol(b"uc_mem_map_ptr"))
        self.uc_mem_unmap = <int (*)(void *, unsigned long long, size_t) noexcept>self.symbol(b"uc_mem_unmap")
        self.uc_mem_protect = <int (*)(void *, unsigned long long, size_t, unsigned int) noexcept>(
            self.symbol(b"uc_mem_protect"))
        self.uc_hook_add = (
            <int (*)(void *, size_t *, int, void *, void *, unsigned long long, unsigned long long, ...) noexcept>(
                self.symbol(b"uc_hook_add")))
        self.uc_context_alloc = <int (*)(void *, void **) noexcept>self.symbol(b"uc_context_alloc")
        self.uc_context_save = <int (*)(void *, void *) noexcept>self.symbol(b"uc_context_save")
        self.uc_context_restore = <int (*)(void *, void *) noexcept>self.symbol(b"uc_context_restore")
        self.uc_context_free = <int (*)(void *) noexcept>self.symbol(b"uc_context_free")
        self.uc_close = <int (*)(void *) noexcept>self.symbol(b"uc_close")
        self.uc_ctl = <int (*)(void *, int, ...) noexcept>self.symbol(b"uc_ctl")
        return 0

    cdef int add_hooks(self) except -1:
        cdef size_t hook = 0
        cdef int wrong = 0
        self.state.engine = self.engine
        wrong |= self.uc_hook_add(self.engine, &hook, UC_HOOK_BLOCK, <void *>on_block, &self.state, 1, 0)
        wrong |= self.uc_hook_add(self.engine, &hook, UC_HOOK_INTR, <void *>on_interrupt, &self.state, 1, 0)
        wrong |= self.uc_hook_add(self.engine, &hook, UC_HOOK_MEM_INVALID, <void *>on_memory, &self.state, 1, 0)
        wrong |= self.uc_hook_add(self.engine, &hook, UC_HOOK_INSN_INVALID, <void *>on_invalid, &self.state, 1, 0)
        if self.wide:
            wrong |= self.uc_hook_add(
                self.engine, &hook, UC_HOOK_INSN, <void *>on_syscall, &self.state, 1, 0, UC_X86_INS_SYSCALL)
        if wrong:
            raise EngineError("uc_hook_add")
        return 0

    # --- execution ---

    cpdef load(self, Registers registers):
        """Make `registers` those of the thread that `run`, `get` and `put` mean."""
        if self.current is registers:
            return
        if self.current is not None:
            self.uc_context_save(self.engine, self.current.context)
        elif not registers.begun:
            # The engine's own first state is what a new thread begins with.
            self.uc_context_save(self.engine, registers.context)
        self.uc_context_restore(self.engine, registers.context)
        registers.begun = True
        self.current = registers

    cpdef Registers copy_registers(self, UserSpace target, Registers source):
        """The registers `source` of this memory as new ones of `target` (a fork's copy, or the same for a thread)."""
        cdef Registers copy
        self.load(source)
        copy = Registers(target)
        self.uc_context_save(self.engine, copy.context)
        copy.begun = True
        return copy

    cpdef unsigned long long get(self, int register):
        """A register of the loaded thread, by unicorn's number (`REGISTERS`)."""
        cdef unsigned long long value = 0
        self.uc_reg_read(self.engine, register, &value)
        return value

    cpdef put(self, int register, unsigned long long value):
        """Set a register of the loaded thread."""
        self.uc_reg_write(self.engine, register, &value)

    def get_bytes(self, int register, int size):
        """A wide register (XMM, x87) as bytes."""
        cdef unsigned char raw[64]
        memset(raw, 0, 64)
        self.uc_reg_read(self.engine, register, raw)
        return raw[:size]

    def put_bytes(self, int register, bytes value):
        cdef unsigned char raw[64]
        memset(raw, 0, 64)
        memcpy(raw, <const unsigned char *>value, min(64, len(value)))
        self.uc_reg_write(self.engine, register, raw)

    cpdef int run(self, long long slice):
        """Execute up to about `slice` instructions of the loaded thread; SLICE, SYSCALL or FAULT."""
        return self.execute(slice, 0)

    cpdef int step(self):
        """Execute one instruction of the loaded thread: as `run`."""
        return self.execute(LONGEST_SLICE, 1)

    cdef int execute(self, long long slice, size_t count):
        cdef unsigned long long start = 0
        cdef long long budget = slice * 4 if slice < LONGEST_SLICE else LONGEST_SLICE
        cdef int error
        self.state.budget = budget
        self.state.reason = 0
        self.state.fault = 0
        self.state.vector = -1
        self.state.address = 0
        self.uc_reg_read(self.engine, REG_RIP if self.wide else REG_EIP, &start)
        # Code never reaches this end: the page above the limit is never mapped.
        error = self.uc_emu_start(self.engine, start, 0xFFFFFFFFFFFFF000 if self.wide else 0xFFFFFFFC, 0, count)
        self.instructions += <unsigned long long>(budget - self.state.budget) // 4
        if self.state.reason == 0 and (error != 0 or (self.state.budget >= 0 and count == 0)):
            # A privileged instruction, or an exception that has no hook.
            self.state.reason = 2
            self.state.fault = 4
            self.state.vector = 13
        self.reason = self.state.reason
        self.fault = self.state.fault
        self.vector = self.state.vector
        self.fault_address = self.state.address
        return self.reason

    # --- memory ---

    cdef bint spans(self, unsigned long long address, unsigned long long length) noexcept:
        return length != 0 and not address & 4095 and not length & 4095 and length <= self.limit and (
            address <= self.limit - length)

    cpdef bint map_pages(self, unsigned long long address, unsigned long long length, int rights) except? False:
        """Map zeroed pages that are not mapped; False for addresses that there are not."""
        if not self.spans(address, length):
            return False
        if self.uc_mem_map_ptr(self.engine, address, length, rights & 7, self.arena + address) != 0:
            raise EngineError("uc_mem_map_ptr")
        memset(self.protection + address // 4096, rights & 7 | 8, length // 4096)
        self.pages += <Py_ssize_t>(length // 4096)
        return True

    cpdef bint unmap_pages(self, unsigned long long address, unsigned long long length) except? False:
        """Unmap pages, all of which are mapped; what was in them is lost."""
        if not self.spans(address, length):
            return False
        self.forget_code(address, length)
        if self.uc_mem_unmap(self.engine, address, length) != 0:
            raise EngineError("uc_mem_unmap")
        memset(self.protection + address // 4096, 0, length // 4096)
        madvise(self.arena + address, length, MADV_DONTNEED)
        self.pages -= <Py_ssize_t>(length // 4096)
        return True

    cpdef bint protect_pages(self, unsigned long long address, unsigned long long length, int rights) except? False:
        """Change the rights of pages, all of which are mapped."""
        if not self.spans(address, length):
            return False
        self.forget_code(address, length)
        if self.uc_mem_protect(self.engine, address, length, rights & 7) != 0:
            raise EngineError("uc_mem_protect")
        memset(self.protection + address // 4096, rights & 7 | self.protection[address // 4096] & 24, length // 4096)
        return True

    cpdef bint map_shared(
        self, unsigned long long address, unsigned long long length, int rights, pages, unsigned long long offset,
    ) except? False:
        """Show `length` bytes of the SharedPages `pages` from `offset` where nothing is mapped; False as `map_pages`."""
        cdef void *source = <void *><size_t>pages.place(offset)
        if not self.spans(address, length):
            return False
        if mremap(source, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, self.arena + address) == MAP_FAILED:
            raise MemoryError("no room for a shared mapping")
        self.map_pages(address, length, rights)
        memset(self.protection + address // 4096, rights & 7 | 24, length // 4096)
        return True

    cpdef bint unmap_shared(self, unsigned long long address, unsigned long long length) except? False:
        """Unmap pages of `map_shared`; what is in them stays."""
        if not self.spans(address, length):
            return False
        self.forget_code(address, length)
        if self.uc_mem_unmap(self.engine, address, length) != 0:
            raise EngineError("uc_mem_unmap")
        memset(self.protection + address // 4096, 0, length // 4096)
        if mmap(self.arena + address, length, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED:
            raise MemoryError("no room for a program's addresses")
        self.pages -= <Py_ssize_t>(length // 4096)
        return True

    cpdef forget_code(self, unsigned long long address, unsigned long long length):
        """The code at these addresses has changed behind the engine's back."""
        self.uc_ctl(self.engine, UC_CTL_TB_REMOVE_CACHE, address, address + length)

    cpdef int rights(self, unsigned long long address):
        """READ, WRITE, EXEC, MAPPED and SHARED of the page at an address (0: nothing is there)."""
        return self.protection[address // 4096] if address < self.limit else 0

    cpdef bint poke(self, unsigned long long address, const unsigned char[::1] data) except? False:
        """Write whatever the rights: the loader, and the debugger.  False where nothing is mapped."""
        cdef unsigned long long length = data.shape[0]
        cdef unsigned long long page
        if length == 0:
            return True
        if length > self.limit or address > self.limit - length:
            return False
        for page in range(address // 4096, (address + length - 1) // 4096 + 1):
            if not self.protection[page]:
                return False
        memcpy(self.arena + address, &data[0], length)
        return True

    cpdef bytes peek(self, unsigned long long address, unsigned long long length):
        """Read whatever the rights; None where nothing is mapped."""
        cdef unsigned long long page
        if length == 0 or length > self.limit or address > self.limit - length:
            return None
        for page in range(address // 4096, (address + length - 1) // 4096 + 1):
            if not self.protection[page]:
                return None
        return PyBytes_FromStringAndSize(<char *>self.arena + address, length)

    cpdef copy_pages(self, UserSpace source, unsigned long long address, unsigned long long length):
        """Copy the contents of pages that are mapped here and in `source` (fork): only those that were ever touched."""
        cdef unsigned char resident[1024]
        cdef unsigned long long here = address
        cdef unsigned long long end = address + length
        cdef unsigned long long count, i
        while here < end:
            count = (end - here) // 4096
            if count > 1024:
                count = 1024
            if mincore(source.arena + here, count * 4096, resident) != 0:
                raise OSError("mincore")
            for i in range(count):
                if resident[i] & 1:
                    memcpy(self.arena + here + i * 4096, source.arena + here + i * 4096, 4096)
            here += count * 4096

    # --- what the kernel's copies ask ---

    cdef unsigned char *at(self, unsigned long long address, unsigned long long length, bint write) noexcept:
        cdef unsigned char needed = 2 if write else 1
        cdef unsigned long long page, last
        if address >= (<unsigned long long>1 << 40):
            return AddressSpace.at(self, address, length, write)
        if length > self.limit or address > self.limit - length:
            self.faults += 1
            return NULL
        if length == 0:
            return self.arena + address
        page = address // 4096
        last = (address + length - 1) // 4096
        while page <= last:
            if not self.protection[page] & needed:
                self.faults += 1
                return NULL
            page += 1
        return self.arena + address

    cpdef unsigned long long room(self, unsigned long long address):
        cdef unsigned long long page, end
        if address >= (<unsigned long long>1 << 40):
            return AddressSpace.room(self, address)
        # A string that is read ends at its NUL: look a page or two ahead at a time, not through all of memory.
        page = address // 4096
        end = page
        while end < self.limit // 4096 and self.protection[end] & 1:
            end += 1
            if memchr(self.arena + (address if end == page + 1 else (end - 1) * 4096), 0,
                      end * 4096 - address if end == page + 1 else 4096) is not NULL:
                break
            if end - page > 64:
                break
        return end * 4096 - address if end > page else 0

    cpdef drop(self, Registers registers):
        """The thread has ended: its registers are nobody's, and nothing keeps the memory alive through them."""
        if self.current is registers:
            self.current = None
