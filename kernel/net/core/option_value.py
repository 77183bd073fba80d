"""The value that setsockopt(2) is given: each option reads as much of it from the program's memory as it needs."""

from kernel.arch.uaccess import copy_from_user


class option_value:
    """Behaves as bytes of the length that the program has said; MemoryError where those asked for have no address."""

    def __init__(self, mm, address, length):
        self.mm = mm
        self.address = address
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, key):
        if not isinstance(key, slice):
            return self[key : key + 1][0]
        start, stop, _ = key.indices(self.length)
        raw = copy_from_user(self.mm, self.address + start, stop - start) if start < stop else b""
        if raw is None:
            raise MemoryError
        return raw
