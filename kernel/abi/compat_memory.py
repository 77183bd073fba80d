"""i386 structures: what their converters share.

A converter gets the memory and a call's arguments, puts the structures as the kernel wants them into a scratch mapping of
the program's address space, and returns (number, arguments, after): `after(result)` carries the answer back, and gives
another result where that failed.  A scratch mapping lies at addresses that a 32-bit program can not name.
"""

from struct import Struct

from kernel.abi.machine import REFUSED
from kernel.arch.uaccess import copy_from_user, copy_to_user
from kernel.uapi.errno import EFAULT

TIME32 = Struct("<ii")
TIME64 = Struct("<qq")
IOVEC32 = Struct("<II")
IOVEC64 = Struct("<QQ")
MAX_IOV = 1024


class scratch:
    """Mappings that last for one call."""

    def __init__(self, mm):
        self.mm = mm
        self.addresses = []

    def put(self, raw, writable=False):
        """The address at which the bytes are now; 0 for none."""
        if not raw:
            return 0
        address = self.mm.map(raw, writable)
        self.addresses.append(address)
        return address

    def release(self):
        for address in self.addresses:
            self.mm.unmap(address)
        self.addresses.clear()

    def read(self, address, structure):
        """A structure of the program, unpacked; None for a fault."""
        raw = copy_from_user(self.mm, address, structure.size)
        return None if raw is None else structure.unpack(raw)

    def done(self, store=None):
        """What `after` is where only the mappings have to go, or `store(result)` has to be called before."""

        def after(result):
            try:
                return store(result) if store is not None and result is not None and result >= 0 else None
            finally:
                self.release()

        return after

    def refuse(self, number):
        """The call is not made after all."""
        self.release()
        return refused(number)


def refused(number):
    """A call that is not made: it answers -`number`."""
    return REFUSED, [0, 0, 0, 0, 0, 0], lambda result: -number


def put_back(mm, address, raw):
    """Store an answer: None, or -EFAULT."""
    return None if not address or copy_to_user(mm, address, raw) else -EFAULT


def cut(value):
    """A number in a signed 32-bit word: the year 2038 is this program's own affair."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def vector(space, address, count):
    """The address of a program's iovec array as the kernel wants it, or None for a fault."""
    if not 0 < count <= MAX_IOV:
        return space.put(bytes(IOVEC64.size))
    raw = copy_from_user(space.mm, address, count * IOVEC32.size)
    return None if raw is None else space.put(b"".join(IOVEC64.pack(*pair) for pair in IOVEC32.iter_unpack(raw)))


def with_structures(native, narrow, wide, source=None, answer=None, change=None):
    """A call that takes a structure at argument `source` and stores one at `answer` (None: none).

    `change(fields)` makes the fields of the answer fit into `narrow` (None: each is cut to 32 bits), or is a negative errno.
    """

    def convert(mm, arguments):
        space = scratch(mm)
        changed = list(arguments)
        if source is not None and arguments[source]:
            fields = space.read(arguments[source], narrow)
            if fields is None:
                return refused(EFAULT)
            changed[source] = space.put(wide.pack(*fields))
        raw = bytearray(wide.size)
        if answer is not None and arguments[answer]:
            changed[answer] = space.put(raw, True)

        def store(result):
            if answer is None:
                return None
            fields = wide.unpack(raw)
            fields = change(fields) if change is not None else [cut(value) for value in fields]
            return fields if isinstance(fields, int) else put_back(mm, arguments[answer], narrow.pack(*fields))

        return native, changed, space.done(store)

    return convert
