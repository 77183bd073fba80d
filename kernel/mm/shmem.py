"""Shared memory: files of a ramfs whose contents programs have mapped (mmap(2), MAP_SHARED; Linux: mm/shmem.c).

A file that somebody has mapped keeps its contents in pages that all of them see, and read and write as well: there is
nothing to write back.  Memory that a parent shares with its children is such a file without a name, of a file system
that nobody sees; so what is in use is known, and the last mapping gives it back.
"""

from kernel.arch.memory import SharedPages
from kernel.fs.ramfs import MAX_FILE_SIZE, ramfs
from kernel.uapi.errno import ENOMEM

SHM_MODE = 0o777


class address_space:
    """The mappings of one file: its `pages`, and (memory, area) of each program that has them mapped."""

    def __init__(self, node):
        self.node = node
        self.pages = SharedPages(MAX_FILE_SIZE)
        self.pages.resize(node.i_size)
        self.pages[:] = node.i_private
        self.users = []
        node.i_private = self.pages
        node.i_mapping = self

    def add(self, mm, area):
        """An area of a program shows the file; the file lives as long as that, as with an open descriptor."""
        self.users.append((mm, area))
        self.node.opens += 1

    def remove(self, mm, area):
        """An area is gone; with the last one the contents are the file's own again."""
        node = self.node
        self.users.remove((mm, area))
        if not self.users:
            node.i_private = b"" if node.i_nlink == 0 and node.opens == 1 else bytes(self.pages)
            node.i_mapping = None
        node.opens -= 1
        node.put()

    def writable(self):
        """Whether somebody may write through a mapping, whatever its pages' rights are now."""
        return any(area.may_write for _, area in self.users)

    def resize(self, size):
        """The file has another length: what lies past its end is nobody's memory."""
        self.pages.resize(size)
        for mm, area in self.users:
            mm.populate(area)


def mapping_of(node):
    """The address_space of a regular ramfs file, made for its first mapping."""
    return node.i_mapping or address_space(node)


class shm_mount:
    """The file system of one kernel that nobody sees; it takes at most `limit` bytes."""

    def __init__(self, device, now, limit):
        self.sb = ramfs("tmpfs", device, now, limit)

    def new(self, length):
        """A file of `length` zero bytes for a mapping, or -ENOMEM."""
        node = self.sb.operations.tmpfile(self.sb.root, SHM_MODE)
        if isinstance(node, int):
            return -ENOMEM
        if self.sb.operations.truncate(node, length) < 0:
            node.put()
            return -ENOMEM
        return node

    def leaks(self):
        """Lines about what is mapped still."""
        return [f"shared memory: {self.sb.used} bytes are mapped"] if self.sb.used else []
