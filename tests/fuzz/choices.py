"""Reading decisions out of an input: the same bytes always make the same choices, and any bytes make some."""


from random import Random


class Choices:
    """A cursor over the input.  Behind its end every number is 0 and every piece is short; it is false there."""

    def __init__(self, data):
        self.data = bytes(data)
        self.at = 0

    def __bool__(self):
        return self.at < len(self.data)

    def number(self, size):
        """The next `size` bytes as a little-endian number."""
        piece = self.data[self.at : self.at + size]
        self.at += size
        return int.from_bytes(piece, "little")

    def byte(self):
        return self.number(1)

    def below(self, limit):
        """A number under `limit` (at most 65536), from one byte where that suffices."""
        return self.number(1 if limit <= 256 else 2) % limit

    def pick(self, options):
        """One of a sequence."""
        return options[self.below(len(options))]

    def flag(self, one_in=2):
        """True once in `one_in` values of a byte, and never behind the end."""
        return self.byte() % one_in == one_in - 1

    def piece(self, size):
        """The next bytes, at most `size`."""
        piece = self.data[self.at : self.at + size]
        self.at += size
        return piece

    def rest(self):
        return self.piece(len(self.data))

    def signed(self, size):
        """The next `size` bytes as a little-endian two's complement number."""
        value = self.number(size)
        return value - (1 << 8 * size) if value >> (8 * size - 1) else value


def records(data):
    """An input as a list of records, each behind a byte with its length; the last one may be shorter."""
    found = []
    at = 0
    while at < len(data):
        size = data[at]
        found.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return found


def join(pieces):
    """The input whose records are `pieces`, each at most 255 bytes."""
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


def mutate_records(data, seed):
    """Change an input record by record: repeat, drop, move, replace or edit some, and leave the framing intact."""
    random = Random(seed)
    pieces = [bytearray(piece) for piece in records(data)] or [bytearray(8)]
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(pieces))
        what = random.randrange(7)
        if what == 0:
            pieces.insert(random.randrange(len(pieces) + 1), pieces[at][:])
        elif what == 1 and len(pieces) > 1:
            del pieces[at]
        elif what == 2:
            pieces.insert(random.randrange(len(pieces)), pieces.pop(at))
        elif what == 3:
            pieces.insert(at, bytearray(random.randbytes(random.choice((4, 8, 16, 32)))))
        elif what == 4:
            pieces[at] += random.randbytes(random.randint(1, 8))
            del pieces[at][255:]
        elif pieces[at]:
            index = random.randrange(len(pieces[at]))
            pieces[at][index] = random.choice((0, 1, 255, random.randrange(256), pieces[at][index] ^ 1 << random.randrange(8)))
    return join(pieces)
