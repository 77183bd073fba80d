"""A machine-code program's memory: what is mapped where, brk, mmap and their kin.

Areas are whole pages, sorted, and never overlap.  What a private mapping shows of a file is copied when it is made; a
shared one shows the file's own pages (mm/shmem.py), of which there are as many as the file is long.
"""

from bisect import bisect_right

from kernel.arch.memory import SHARED, UserSpace
from kernel.mm.shmem import mapping_of
from kernel.uapi.errno import EACCES, EEXIST, EINVAL, ENOMEM
from kernel.uapi.mman import MAP_FIXED, MAP_FIXED_NOREPLACE, MREMAP_FIXED, MREMAP_MAYMOVE, PROT_EXEC, PROT_READ, PROT_WRITE

PAGE = 4096
# Addresses begin here (vm.mmap_min_addr).
LOWEST = 65536
# What one program may have mapped for writing, in pages: 1 GiB.
MAX_WRITABLE = 1 << 18
MAX_AREAS = 65530
STACK_SIZE = 8 << 20
GAP = 1 << 20


def page_up(value):
    return (value + PAGE - 1) & ~(PAGE - 1)


def page_rights(prot):
    """The rights of a page: as on x86, what can be written or executed can be read."""
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC
    return prot | PROT_READ if prot else 0


class vm_area:
    """Pages with the same rights and the same origin: [start, end).

    Where it shows a file's own pages `mapping` is that file's address_space and `offset` where in the file it begins;
    there are pages up to `backed` then.  `may_write`: whether mprotect can make it writable.
    """

    def __init__(self, start, end, prot, name="", mapping=None, offset=0, may_write=True):
        self.start = start
        self.end = end
        self.prot = prot
        self.name = name
        self.mapping = mapping
        self.offset = offset
        self.may_write = may_write
        self.backed = end if mapping is None else start

    def part(self, start, end):
        """Another area like this one, whose `start` lies at the same place of the file."""
        return vm_area(start, end, self.prot, self.name, self.mapping, self.offset + start - self.start, self.may_write)


class user_mm(UserSpace):
    """The memory of one program in machine code."""

    def __init__(self, library, limit, wide):
        super().__init__(library, limit, wide)
        # How many threads of programs have it.
        self.users = 1
        self.areas = []
        self.start_brk = 0
        self.brk = 0
        # The stack lies at the top, new mappings below it.
        self.stack_top = limit - GAP
        self.mmap_base = self.stack_top - STACK_SIZE - GAP

    # --- areas ---

    def starts(self):
        return [area.start for area in self.areas]

    def overlapping(self, start, end):
        """The areas that have pages in [start, end), in order."""
        first = max(0, bisect_right(self.starts(), start) - 1)
        return [area for area in self.areas[first:] if area.end > start and area.start < end]

    def writable(self):
        """How many pages can be written."""
        return sum(area.end - area.start for area in self.areas if area.prot & PROT_WRITE) // PAGE

    def insert(self, area):
        self.areas.insert(bisect_right(self.starts(), area.start), area)

    def find_free(self, length, hint=0):
        """Where `length` bytes are free: at the hint, or the highest place below the stack; 0 when there is none."""
        if hint >= LOWEST and hint + length <= self.mmap_base and not self.overlapping(hint, hint + length):
            return hint
        top = self.mmap_base
        for area in reversed(self.areas):
            if area.end > top:
                top = min(top, area.start)
                continue
            if top - area.end >= length:
                return top - length
            top = area.start
        return top - length if top - length >= LOWEST else 0

    def map_area(self, start, length, prot, name=""):
        """Map zeroed pages at a place that is free; 0 or -ENOMEM."""
        rights = page_rights(prot)
        if len(self.areas) >= MAX_AREAS or (prot & PROT_WRITE and self.writable() + length // PAGE > MAX_WRITABLE):
            return -ENOMEM
        if start < LOWEST or not self.map_pages(start, length, rights):
            return -ENOMEM
        self.insert(vm_area(start, start + length, prot, name))
        return 0

    def map_shared_area(self, area):
        """Map pages of a file at a place that is free; 0 or -ENOMEM."""
        pages = (area.end - area.start) // PAGE
        fits = len(self.areas) < MAX_AREAS and area.start >= LOWEST and area.end <= self.limit
        area.mapping.add(self, area)
        try:
            if not fits or (area.prot & PROT_WRITE and self.writable() + pages > MAX_WRITABLE):
                raise MemoryError
            self.populate(area)
        except MemoryError:
            area.mapping.remove(self, area)
            return -ENOMEM
        self.insert(area)
        return 0

    def populate(self, area):
        """Give a shared area as many pages as its file has now."""
        left = page_up(len(area.mapping.pages)) - area.offset
        end = min(area.end, area.start + max(0, left))
        if end < area.backed:
            self.unmap_shared(end, area.backed - end)
        elif end > area.backed:
            offset = area.offset + area.backed - area.start
            self.map_shared(area.backed, end - area.backed, page_rights(area.prot), area.mapping.pages, offset)
        area.backed = end

    def drop_area(self, area):
        """Unmap all of an area."""
        self.areas.remove(area)
        if area.mapping is None:
            self.unmap_pages(area.start, area.end - area.start)
            return
        if area.backed > area.start:
            self.unmap_shared(area.start, area.backed - area.start)
        area.mapping.remove(self, area)

    def past_the_file(self, address):
        """True for an address of a shared area behind its file's last page."""
        found = self.overlapping(address, address + 1)
        return bool(found) and found[0].backed <= address

    def place(self, address):
        """The identity of a futex: memory that is shared is the same wherever programs see it."""
        if self.rights(address) & SHARED:
            area = self.overlapping(address, address + 1)[0]
            return area.mapping.pages.place(area.offset + address - area.start)
        return super().place(address)

    def mmput(self):
        """A thread less: the last one gives back what the memory shares with others."""
        self.users -= 1
        if self.users == 0:
            for area in [area for area in self.areas if area.mapping is not None]:
                self.drop_area(area)

    def cut(self, start, end):
        """Split the areas so that none reaches across `start` or `end`; those in between."""
        for edge in (start, end):
            for area in self.overlapping(edge, edge + 1):
                if area.start < edge < area.end:
                    upper = area.part(edge, area.end)
                    if area.mapping is not None:
                        area.mapping.add(self, upper)
                        upper.backed = max(area.backed, edge)
                    area.end = edge
                    area.backed = min(area.backed, edge)
                    self.insert(upper)
        return self.overlapping(start, end)

    def unmap_area(self, start, length):
        """Unmap whatever is mapped in [start, start + length)."""
        for area in self.cut(start, start + length):
            self.drop_area(area)

    # --- the calls' work ---

    def do_mmap(self, address, length, prot, flags, content=b"", name="", shared=None, offset=0, may_write=True):
        """Map `length` bytes; the address, or a negative errno.

        They begin with `content`, or are those of the ramfs inode `shared` from `offset`.
        """
        if length == 0:
            return -EINVAL
        length = page_up(length)
        if length > self.limit:
            return -ENOMEM
        if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE):
            if address & (PAGE - 1):
                return -EINVAL
            if address < LOWEST or address + length > self.limit:
                return -ENOMEM
            if flags & MAP_FIXED_NOREPLACE and self.overlapping(address, address + length):
                return -EEXIST
            self.unmap_area(address, length)
        else:
            address = self.find_free(length, page_up(address))
            if address == 0:
                return -ENOMEM
        if shared is not None:
            area = vm_area(address, address + length, prot, name, mapping_of(shared), offset, may_write)
            return self.map_shared_area(area) or address
        result = self.map_area(address, length, prot, name)
        if result < 0:
            return result
        if content:
            self.poke(address, content[:length])
        return address

    def do_munmap(self, address, length):
        """munmap(2)'s work."""
        if address & (PAGE - 1) or length == 0 or address > self.limit or length > self.limit - address:
            return -EINVAL
        self.unmap_area(address, page_up(length))
        return 0

    def do_mprotect(self, address, length, prot):
        """mprotect(2)'s work: -ENOMEM where a page of the range is not mapped."""
        if address & (PAGE - 1):
            return -EINVAL
        length = page_up(length)
        if length == 0:
            return 0
        if address >= self.limit or length > self.limit - address:
            return -ENOMEM
        position = address
        for area in self.cut(address, address + length):
            if area.start != position:
                return -ENOMEM
            if prot & PROT_WRITE and not area.may_write:
                return -EACCES
            if area.prot != prot:
                if area.backed > area.start:
                    self.protect_pages(area.start, area.backed - area.start, page_rights(prot))
                area.prot = prot
            position = area.end
        return 0 if position == address + length else -ENOMEM

    def do_mremap(self, old, old_length, new_length, flags, target):
        """mremap(2)'s work: the address, or a negative errno."""
        if old & (PAGE - 1) or new_length == 0 or flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED):
            return -EINVAL
        if flags & MREMAP_FIXED and (not flags & MREMAP_MAYMOVE or target & (PAGE - 1)):
            return -EINVAL
        old_length, new_length = page_up(old_length), page_up(new_length)
        found = self.overlapping(old, old + 1)
        if not found or old + old_length > found[0].end:
            return -ENOMEM
        area = found[0]
        if not flags & MREMAP_FIXED:
            if new_length <= old_length:
                if new_length < old_length:
                    self.unmap_area(old + new_length, old_length - new_length)
                return old
            more = new_length - old_length
            if area.end == old + old_length and not self.overlapping(area.end, area.end + more):
                return self.map_like(area, area.end, area.end, more) or old
            if not flags & MREMAP_MAYMOVE:
                return -ENOMEM
            target = self.find_free(new_length)
            if target == 0:
                return -ENOMEM
        elif target < old + old_length and old < target + new_length:
            return -EINVAL
        else:
            self.unmap_area(target, new_length)
        result = self.map_like(area, old, target, new_length)
        if result < 0:
            return result
        if area.mapping is None:
            self.poke(target, self.peek(old, min(old_length, new_length)))
        self.unmap_area(old, old_length)
        return target

    def map_like(self, area, origin, start, length):
        """Map at `start` what `area` has at `origin`, or would have there; 0 or -ENOMEM."""
        if area.mapping is None:
            return self.map_area(start, length, area.prot, area.name)
        offset = area.offset + origin - area.start
        return self.map_shared_area(
            vm_area(start, start + length, area.prot, area.name, area.mapping, offset, area.may_write)
        )

    def do_brk(self, address):
        """brk(2)'s work: the break as it is now, which is the old one when it can not be moved."""
        if address < self.start_brk or address > self.limit:
            return self.brk
        old, new = page_up(self.brk), page_up(address)
        if new > old:
            if self.overlapping(old, new) or self.map_area(old, new - old, PROT_READ | PROT_WRITE, "[heap]") < 0:
                return self.brk
        elif new < old:
            self.unmap_area(new, old - new)
        self.brk = address
        return address

    def fork(self):
        """A copy for a child; MemoryError when there is no room for it."""
        child = user_mm(self.library_path, self.limit, self.wide)
        for area in self.areas:
            length = area.end - area.start
            if area.mapping is not None:
                if child.map_shared_area(area.part(area.start, area.end)) < 0:
                    child.mmput()
                    raise MemoryError("no room for a shared mapping")
                continue
            child.map_area(area.start, length, area.prot, area.name)
            child.copy_pages(self, area.start, length)
        child.start_brk = self.start_brk
        child.brk = self.brk
        return child
