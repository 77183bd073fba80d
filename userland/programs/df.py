"""df: how much room the file systems have, from /proc/mounts and statfs(2)."""

from userland import libc
from userland.text.files import options_of

USAGE = "df [-ahikmPT] [-t TYPE] [FILE ...]"
# The fields of struct statfs that count: block size, blocks, free, available; inodes and free ones.
BSIZE, BLOCKS, FREE, AVAILABLE, FILES, FILES_FREE = 1, 2, 3, 4, 5, 6
UNITS = "KMGTPE"


class Mount:
    """A mounted file system: a line of /proc/mounts, and what statfs says (-1 when it can not be asked)."""

    def __init__(self, words):
        self.device, self.directory, self.type = (plain(word) for word in words[:3])
        self.fields = libc.statfs(self.directory)


def plain(word):
    """A word of /proc/mounts without its escapes: \\040 is a blank."""
    for code, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        word = word.replace(code, char)
    return word


def mounts():
    """What is mounted, in order, or -1."""
    text = libc.read_text("/proc/mounts")
    if text == -1:
        return -1
    return [Mount(words) for words in (line.split() for line in text.splitlines()) if len(words) >= 3]


def mount_of(path, all_mounts):
    """The last mount with the path's device number, or None with the reason printed."""
    found = libc.stat(path)
    if found == -1:
        libc.perror(f"df: {path}")
        return None
    for mount in reversed(all_mounts):
        there = libc.stat(mount.directory)
        if there != -1 and there.st_dev == found.st_dev:
            return mount
    libc.eputs(f"df: {path}: no file system is mounted there")
    return None


class Table:
    """How the options want the columns."""

    def __init__(self, options):
        self.inodes = options.has("i")
        self.human = options.has("h")
        self.unit = 1 << 20 if options.has("m") else 1024
        self.types = options.has("T")
        self.portable = options.has("P")

    def header(self):
        names = ["Filesystem"] + (["Type"] if self.types else [])
        if self.inodes:
            return [*names, "Inodes", "IUsed", "IFree", "IUse%", "Mounted on"]
        size = "Size" if self.human else "1M-blocks" if self.unit > 1024 else "1024-blocks" if self.portable else "1K-blocks"
        available = "Avail" if self.human else "Available"
        return [*names, size, "Used", available, "Capacity" if self.portable else "Use%", "Mounted on"]

    def row(self, mount):
        fields = mount.fields
        first = [mount.device] + ([mount.type] if self.types else [])
        if fields == -1:
            return [*first, "-", "-", "-", "-", mount.directory]
        if self.inodes:
            total, free = fields[FILES], fields[FILES_FREE]
            used = total - free
            return [*first, *(self.count(n, 1) for n in (total, used, free)), percent(used, total), mount.directory]
        size = fields[BSIZE]
        used = fields[BLOCKS] - fields[FREE]
        cells = [self.count(n * size, self.unit) for n in (fields[BLOCKS], used, fields[AVAILABLE])]
        return [*first, *cells, percent(used, used + fields[AVAILABLE]), mount.directory]

    def count(self, value, unit):
        """A number of bytes (or inodes) in the unit, rounded up."""
        if not self.human:
            return str(-(-value // unit))
        power = min((value.bit_length() - 1) // 10, len(UNITS)) if value else 0
        if power == 0:
            return str(value)
        tenths = -(-value * 10 // 1024**power)
        text = f"{tenths // 10}.{tenths % 10}" if tenths < 100 else str(-(-value // 1024**power))
        return text + UNITS[power - 1]


def percent(part, whole):
    return f"{-(-100 * part // whole)}%" if whole else "-"


def show(rows, left):
    """Columns as wide as they need to be; the first `left` and the last one to the left."""
    last = len(rows[0]) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(last)]
    for row in rows:
        cells = [cell.ljust(width) if column < left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths, strict=False))]  # fmt: skip
        if libc.puts(" ".join([*cells, row[last]])) < 0:
            return 1
    return 0


def main(argv):
    options = options_of("df", argv, "ahikmPTt:", USAGE)
    if options is None:
        return 2
    everything = mounts()
    if everything == -1:
        libc.perror("df: /proc/mounts")
        return 1
    status = 0
    if options.operands:
        chosen = [mount_of(path, everything) for path in options.operands]
        status = int(None in chosen)
        chosen = [mount for mount in chosen if mount is not None]
    else:
        # What has no blocks at all (/proc, for one) is shown on demand.
        chosen = [mount for mount in everything if options.has("a") or (mount.fields != -1 and mount.fields[BLOCKS])]
    if options.has("t"):
        kinds = [value for name, value in options.given if name == "t"]
        chosen = [mount for mount in chosen if mount.type in kinds]
    if not chosen:
        if status == 0:
            libc.eputs("df: no file systems processed")
        return 1
    table = Table(options)
    return show([table.header(), *(table.row(mount) for mount in chosen)], 2 if table.types else 1) or status
