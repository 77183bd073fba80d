"""ip neighbour: link addresses of the neighbours."""

from struct import Struct

from userland import libc
from userland.abi import netlink as nl
from userland.net.ip.output import (
    Failed,
    Record,
    address_word,
    device_index,
    device_name,
    packed,
    prefix_word,
    quad,
    show,
)
from userland.net.netlink import attribute, number, parse_attributes

NDMSG = Struct("<BxxxiHBB")
AF_INET = 2
STATES = {
    "none": nl.NUD_NONE, "incomplete": nl.NUD_INCOMPLETE, "reachable": nl.NUD_REACHABLE, "stale": nl.NUD_STALE,
    "delay": nl.NUD_DELAY, "probe": nl.NUD_PROBE, "failed": nl.NUD_FAILED, "noarp": nl.NUD_NOARP,
    "permanent": nl.NUD_PERMANENT,
}  # fmt: skip
TICKS = 100


class Neighbour:
    """A neighbour as RTM_NEWNEIGH describes it."""

    def __init__(self, payload):
        _, self.index, self.state, self.flags, _ = NDMSG.unpack_from(payload)
        self.attributes = parse_attributes(payload[NDMSG.size :])
        self.address = self.attributes.get(nl.NDA_DST, bytes(4))


class NeighbourFilter:
    def __init__(self, options, words):
        self.index = self.prefix = None
        # Multicast and broadcast entries, which nobody has to ask for, are shown on request only.
        self.states = 0xFF & ~nl.NUD_NOARP
        self.none = False
        self.proxy = False
        while words:
            word = words.take()
            if word == "dev":
                self.index = device_index(options, words.take())
            elif word == "nud":
                self.states, self.none = state_word(words.take())
            elif word == "unused":
                continue
            elif word == "proxy":
                self.proxy = True
            else:
                self.prefix = prefix_word(words.take() if word == "to" else word)

    def fits(self, entry):
        if self.index not in (None, entry.index):
            return False
        if self.prefix is not None:
            value, length = self.prefix
            if length and (int.from_bytes(entry.address, "big") ^ value) >> 32 - length:
                return False
        return self.proxy or bool(entry.state & self.states) or (self.none and not entry.state)


def state_word(word):
    """(bits, whether "none" counts) of a state's name."""
    if word == "all":
        return 0xFF, True
    if word not in STATES:
        raise Failed(f'Error: argument "{word}" is wrong: nud state is bad')
    return STATES[word], word == "none"


def neighbour_record(options, entry, filter=None):
    record = Record()
    record.put(f"{quad(entry.address)} ", "dst")
    if entry.index and (filter is None or filter.index is None):
        name = device_name(options, entry.index)
        record.put(f"dev {name} ", "dev", name)
    if nl.NDA_LLADDR in entry.attributes:
        hardware = libc.ether_ntoa(entry.attributes[nl.NDA_LLADDR])
        record.put(f"lladdr {hardware} ", "lladdr", hardware)
    if entry.flags & nl.NTF_PROXY:
        record.put("proxy ", "proxy", None)
    if options.statistics and nl.NDA_CACHEINFO in entry.attributes:
        raw = entry.attributes[nl.NDA_CACHEINFO]
        confirmed, used, updated = (int.from_bytes(raw[at : at + 4], "little") // TICKS for at in (0, 4, 8))
        record.put(f" used {used}/{confirmed}/{updated}", "used", used)
        record.fields.update({"confirmed": confirmed, "updated": updated})
        probes = number(entry.attributes.get(nl.NDA_PROBES))
        record.put(f"probes {probes} ", "probes", probes)
    states = [name.upper() for name, bit in STATES.items() if bit and entry.state & bit]
    record.put("".join(f"{state} " for state in states), "state", states)
    return record


def all_neighbours(options, proxy=False):
    payload = NDMSG.pack(AF_INET, 0, 0, nl.NTF_PROXY if proxy else 0, 0)
    return [Neighbour(body) for kind, body in options.dump(nl.RTM_GETNEIGH, payload) if kind == nl.RTM_NEWNEIGH]


def neighbour_show(options, words):
    filter = NeighbourFilter(options, words)
    found = [entry for entry in all_neighbours(options, filter.proxy) if filter.fits(entry)]
    show(options, [neighbour_record(options, entry, filter) for entry in found])


def neighbour_flush(options, words):
    if not words:
        raise Failed("Flush requires arguments.")
    filter = NeighbourFilter(options, words)
    filter.states &= ~nl.NUD_PERMANENT
    for entry in all_neighbours(options, filter.proxy):
        if filter.fits(entry):
            message = NDMSG.pack(AF_INET, entry.index, entry.state, entry.flags, 0)
            options.request(nl.RTM_DELNEIGH, 0, message + attribute(nl.NDA_DST, entry.address))


def neighbour_request(options, words):
    """The payload of RTM_NEWNEIGH, RTM_DELNEIGH or RTM_GETNEIGH."""
    address = device = None
    state = nl.NUD_PERMANENT
    flags = 0
    attributes = b""
    while words:
        word = words.take()
        if word == "lladdr":
            hardware = libc.ether_aton(words.take())
            if hardware is None:
                raise Failed("Invalid lladdr")
            attributes += attribute(nl.NDA_LLADDR, hardware)
        elif word == "nud":
            state, _ = state_word(words.take())
        elif word == "proxy":
            address = address_word(words.take())
            flags |= nl.NTF_PROXY
        elif word == "dev":
            device = words.take()
        elif address is None:
            address = address_word(words.take() if word == "to" else word)
        else:
            raise Failed(f'Error: either "to" is duplicate, or "{word}" is a garbage.')
    if address is None or (device is None and not flags):
        raise Failed("Device and destination are required arguments.")
    index = device_index(options, device) if device is not None else 0
    return NDMSG.pack(AF_INET, index, state, flags, 0) + attribute(nl.NDA_DST, packed(address)) + attributes


def changer(flags):
    def change(options, words):
        options.request(nl.RTM_NEWNEIGH, flags, neighbour_request(options, words))

    return change


def neighbour_delete(options, words):
    options.request(nl.RTM_DELNEIGH, 0, neighbour_request(options, words))


def neighbour_get(options, words):
    found = options.request(nl.RTM_GETNEIGH, 0, neighbour_request(options, words))
    show(options, [neighbour_record(options, Neighbour(body)) for _, body in found])


COMMANDS = {
    "show": neighbour_show,
    "add": changer(nl.NLM_F_CREATE | nl.NLM_F_EXCL),
    "change": changer(nl.NLM_F_REPLACE),
    "replace": changer(nl.NLM_F_CREATE | nl.NLM_F_REPLACE),
    "delete": neighbour_delete,
    "get": neighbour_get,
    "flush": neighbour_flush,
}
