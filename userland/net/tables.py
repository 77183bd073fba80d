"""The kernel's network tables, read from /proc/net.  A line that does not parse is passed over."""

from userland import libc
from userland.libc.inet import format_quad, parse_quad

COUNTERS = 16


def parse_prefix(text):
    """(dotted quad, prefix length) of A.B.C.D[/N]; None for anything else."""
    address, slash, length = text.partition("/")
    if parse_quad(address) < 0:
        return None
    if not slash:
        return address, 32
    if parse_quad(length) >= 0:
        bits = prefix_length(length)
        return (address, bits) if prefix_mask(bits) == length else None
    if not length.isascii() or not length.isdigit() or len(length) > 2 or int(length) > 32:
        return None
    return address, int(length)


def prefix_mask(length):
    """The netmask of a prefix length, as a dotted quad."""
    return format_quad((0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF)


def prefix_length(mask):
    """How many one bits a netmask has."""
    return max(0, parse_quad(mask)).bit_count()


def rows(path, skip=1):
    """The lines of a /proc table behind its heading, split at blanks."""
    text = libc.read_text(path)
    return [] if text == -1 else [line.split() for line in text.splitlines()[skip:] if line.strip()]


def little_quad(text):
    """A hexadecimal word as /proc/net prints addresses (host byte order): a dotted quad, or None."""
    value = hexadecimal(text)
    if value is None or value > 0xFFFFFFFF:
        return None
    return format_quad(int.from_bytes(value.to_bytes(4, "little"), "big"))


def hexadecimal(text):
    digits = text.removeprefix("0x")
    if not digits or len(digits) > 16 or any(c not in "0123456789abcdefABCDEF" for c in digits):
        return None
    return int(digits, 16)


def decimal(text):
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def interface_counters():
    """{name: [16 counters]} of /proc/net/dev."""
    found = {}
    text = libc.read_text("/proc/net/dev")
    for line in "" if text == -1 else text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        values = [decimal(word) for word in rest.split()]
        if len(values) == COUNTERS:
            found[name.strip()] = values
    return found


class Route:
    """A line of /proc/net/route."""

    __slots__ = ("device", "destination", "gateway", "flags", "metric", "length")

    def __init__(self, device, destination, gateway, flags, metric, length):
        self.device = device
        self.destination = destination
        self.gateway = gateway
        self.flags = flags
        self.metric = metric
        self.length = length

    def matches(self, address):
        """True when an address (an integer) lies in the route's prefix."""
        mask = (0xFFFFFFFF << (32 - self.length)) & 0xFFFFFFFF
        return address & mask == parse_quad(self.destination) & mask


def parse_route(words):
    """A `Route` of the words of one line, or None."""
    if len(words) < 8:
        return None
    destination, gateway, mask = little_quad(words[1]), little_quad(words[2]), little_quad(words[7])
    flags = hexadecimal(words[3])
    if None in (destination, gateway, mask, flags):
        return None
    return Route(words[0], destination, gateway, flags, decimal(words[6]), prefix_length(mask))


def routes():
    """[Route] of the main table."""
    return [route for route in map(parse_route, rows("/proc/net/route")) if route is not None]


class SocketEntry:
    """A line of /proc/net/tcp, udp, raw or icmp; addresses are 'A.B.C.D:port' pairs."""

    __slots__ = ("protocol", "state", "local", "remote", "tx_queue", "rx_queue", "inode", "timer")

    def __init__(self, protocol, state, local, remote, tx_queue, rx_queue, inode, timer):
        self.protocol = protocol
        self.state = state
        self.local = local
        self.remote = remote
        self.tx_queue = tx_queue
        self.rx_queue = rx_queue
        self.inode = inode
        self.timer = timer


def parse_endpoint(text):
    """(dotted quad, port) of XXXXXXXX:PPPP, or None."""
    address, _, port = text.partition(":")
    quad, number = little_quad(address), hexadecimal(port)
    return None if quad is None or number is None else (quad, number)


def parse_socket(protocol, words):
    """A `SocketEntry` of the words of one line, or None."""
    if len(words) < 10:
        return None
    local, remote = parse_endpoint(words[1]), parse_endpoint(words[2])
    state = hexadecimal(words[3])
    tx_queue, _, rx_queue = words[4].partition(":")
    queues = hexadecimal(tx_queue), hexadecimal(rx_queue)
    if None in (local, remote, state, *queues):
        return None
    return SocketEntry(protocol, state, local, remote, queues[0], queues[1], decimal(words[9]), words[5])


def sockets(protocol):
    """[SocketEntry] of /proc/net/PROTOCOL."""
    parsed = (parse_socket(protocol, words) for words in rows(f"/proc/net/{protocol}"))
    return [entry for entry in parsed if entry is not None]


def socket_owners():
    """{socket inode: [(command, pid, fd)]}, from /proc/PID/fd where the kernel shows it."""
    owners = {}
    names = libc.listdir("/proc")
    for pid in sorted(int(name) for name in names if name.isdigit()) if names != -1 else []:
        descriptors = libc.listdir(f"/proc/{pid}/fd")
        if descriptors == -1:
            continue
        comm = libc.read_text(f"/proc/{pid}/comm")
        for fd in descriptors:
            target = libc.readlink(f"/proc/{pid}/fd/{fd}")
            if target is not None and target.startswith("socket:["):
                inode = decimal(target[8:-1])
                owners.setdefault(inode, []).append((comm.strip() if comm != -1 else "?", pid, decimal(fd)))
    return owners
