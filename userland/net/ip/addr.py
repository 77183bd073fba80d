"""ip address: the addresses of interfaces."""

from fnmatch import fnmatchcase
from struct import Struct

from userland.abi import netlink as nl
from userland.net.ip.link import Filter, all_links, head, lowers_down, shown_name
from userland.net.ip.output import (
    SCOPES,
    Failed,
    Record,
    address_word,
    device_index,
    named_number,
    packed,
    prefix_word,
    quad,
    show,
)
from userland.net.netlink import attribute, number, parse_attributes, string_attribute, text, u32_attribute

IFADDRMSG = Struct("<BBBBI")
AF_INET = 2
FOREVER = 0xFFFFFFFF


class Address:
    """An address as RTM_NEWADDR describes it."""

    def __init__(self, payload):
        _, self.length, flags, self.scope, self.index = IFADDRMSG.unpack_from(payload)
        self.attributes = parse_attributes(payload[IFADDRMSG.size :])
        self.flags = number(self.attributes.get(nl.IFA_FLAGS), flags)
        self.local = self.attributes.get(nl.IFA_LOCAL, bytes(4))
        self.peer = self.attributes.get(nl.IFA_ADDRESS, self.local)
        self.label = text(self.attributes.get(nl.IFA_LABEL, b""))

    def prefix(self):
        peer = "" if self.peer == self.local else f" peer {quad(self.peer)}"
        return f"{quad(self.local)}{peer}/{self.length}"


def all_addresses(options):
    payload = IFADDRMSG.pack(AF_INET, 0, 0, 0, 0)
    return [Address(body) for kind, body in options.dump(nl.RTM_GETADDR, payload) if kind == nl.RTM_NEWADDR]


class AddressFilter:
    """What `ip addr show` and `flush` say about addresses besides their interface."""

    def __init__(self, rest):
        self.prefix = self.scope = self.label = self.secondary = None
        words = iter(rest)
        for word in words:
            if word == "to":
                self.prefix = prefix_word(next(words))
            elif word == "scope":
                self.scope = named_number(next(words), SCOPES, "scope", 255)
            elif word == "label":
                self.label = next(words)
            elif word in ("primary", "secondary"):
                self.secondary = word == "secondary"
            elif word != "permanent":
                raise Failed(f'Error: either "local" is duplicate, or "{word}" is a garbage.')

    def any(self):
        return any(value is not None for value in (self.prefix, self.scope, self.label, self.secondary))

    def fits(self, address):
        if self.prefix is not None:
            value, length = self.prefix
            if (int.from_bytes(address.local, "big") ^ value) >> 32 - length:
                return False
        if self.scope is not None and address.scope != self.scope:
            return False
        if self.label is not None and not fnmatchcase(address.label, self.label):
            return False
        return self.secondary is None or bool(address.flags & nl.IFA_F_SECONDARY) == self.secondary


def metric_text(address):
    metric = number(address.attributes.get(nl.IFA_RT_PRIORITY))
    return f"metric {metric} " if metric else ""


def address_record(options, address):
    """The lines of one address behind its interface's."""
    record = Record()
    record.put("    inet ", "family", "inet")
    record.fields["local"] = quad(address.local)
    if address.peer != address.local:
        record.fields["address"] = quad(address.peer)
    record.put(f"{address.prefix()} ", "prefixlen", address.length)
    if nl.IFA_RT_PRIORITY in address.attributes:
        record.put(metric_text(address), "metric", number(address.attributes[nl.IFA_RT_PRIORITY]))
    if nl.IFA_BROADCAST in address.attributes:
        broadcast = quad(address.attributes[nl.IFA_BROADCAST])
        record.put(f"brd {broadcast} ", "broadcast", broadcast)
    scope = SCOPES.get(address.scope, str(address.scope))
    record.put(f"scope {scope} ", "scope", scope)
    for bit, name in ((nl.IFA_F_SECONDARY, "secondary"), (nl.IFA_F_NOPREFIXROUTE, "noprefixroute")):
        if address.flags & bit:
            record.put(f"{name} ", name, True)
    record.put(address.label, "label")
    record.newline(options)
    record.put("       valid_lft forever preferred_lft forever", "valid_life_time", FOREVER)
    record.fields["preferred_life_time"] = FOREVER
    return record


def address_show(options, words):
    links = all_links(options)
    names = {link.index: link.name for link in links}
    chosen = Filter(words)
    filter = AddressFilter(chosen.rest)
    found = chosen.apply(links)
    addresses = [address for address in all_addresses(options) if filter.fits(address)]
    records = []
    for link in found:
        own = [address for address in addresses if address.index == link.index]
        if (filter.any() or options.inet) and not own:
            continue
        entries = [address_record(options, address) for address in own]
        if options.brief:
            record = Record()
            record.put(f"{shown_name(link, names):<16} ", "ifname", link.name)
            record.put(f"{link.state():<14} ", "operstate", link.state())
            record.put("".join(f"{address.prefix()} {metric_text(address)}" for address in own))
            record.fields["addr_info"] = [
                {"local": quad(address.local), "prefixlen": address.length} for address in own
            ]
            records.append(record)
        elif options.oneline and not options.json:
            for entry in entries:
                entry.text = f"{link.index}: {link.name}" + entry.text
            records += entries
        else:
            record = head(options, link, names, lowers_down(links), False)
            record.fields["addr_info"] = [entry.fields for entry in entries]
            record.text = "\n".join([record.text, *(entry.text for entry in entries)])
            records.append(record)
    show(options, records)


# --- changing ---


def address_request(options, words, deleting):
    """The payload of RTM_NEWADDR or RTM_DELADDR."""
    device = prefix = peer = broadcast = label = None
    scope = None
    exact = False
    flags = 0
    attributes = b""
    while words:
        word = words.take()
        if word in ("peer", "remote"):
            peer = prefix_word(words.take())
        elif word in ("broadcast", "brd"):
            broadcast = words.take()
        elif word == "scope":
            scope = named_number(words.take(), SCOPES, "scope", 255)
        elif word == "dev":
            device = words.take()
        elif word == "label":
            label = words.take()
        elif word in ("metric", "priority", "preference"):
            attributes += u32_attribute(nl.IFA_RT_PRIORITY, words.number("metric"))
        elif word == "noprefixroute":
            flags |= nl.IFA_F_NOPREFIXROUTE
        elif prefix is None:
            word = words.take() if word == "local" else word
            prefix = prefix_word(word)
            # Without a length every address with these bits is meant.
            exact = "/" in word or not deleting
        else:
            raise Failed(f'Error: either "local" is duplicate, or "{word}" is a garbage.')
    if device is None:
        raise Failed('Not enough information: "dev" argument is required.')
    if label is not None and not label.startswith(device):
        raise Failed(f'"dev" ({device}) must match "label" ({label}).')
    index = device_index(options, device)
    length = 0
    if prefix is not None:
        address, length = prefix
        attributes += attribute(nl.IFA_LOCAL, packed(address))
        if peer is not None:
            length = peer[1]
        if peer is not None or exact:
            attributes += attribute(nl.IFA_ADDRESS, packed(peer[0] if peer is not None else address))
        if scope is None:
            scope = nl.RT_SCOPE_HOST if address >> 24 == 127 else nl.RT_SCOPE_UNIVERSE
        if broadcast in ("+", "-"):
            host_bits = (1 << 32 - length) - 1
            broadcast = packed(address | host_bits if broadcast == "+" else address & ~host_bits & FOREVER)
        elif broadcast is not None:
            broadcast = packed(address_word(broadcast))
        if broadcast is not None:
            attributes += attribute(nl.IFA_BROADCAST, broadcast)
    if label is not None:
        attributes += string_attribute(nl.IFA_LABEL, label)
    if flags:
        attributes += u32_attribute(nl.IFA_FLAGS, flags)
    return IFADDRMSG.pack(AF_INET, length, flags & 0xFF, scope or 0, index) + attributes


def address_add(options, words):
    options.request(nl.RTM_NEWADDR, nl.NLM_F_CREATE | nl.NLM_F_EXCL, address_request(options, words, False))


def address_change(options, words):
    options.request(nl.RTM_NEWADDR, nl.NLM_F_REPLACE, address_request(options, words, False))


def address_replace(options, words):
    flags = nl.NLM_F_CREATE | nl.NLM_F_REPLACE
    options.request(nl.RTM_NEWADDR, flags, address_request(options, words, False))


def address_delete(options, words):
    options.request(nl.RTM_DELADDR, 0, address_request(options, words, True))


def address_flush(options, words):
    """Delete every address that fits, the secondary ones first: the primary ones would take them along."""
    if not words:
        raise Failed("Flush requires arguments.")
    links = all_links(options)
    chosen = Filter(words)
    filter = AddressFilter(chosen.rest)
    indices = [link.index for link in chosen.apply(links)]
    found = [address for address in all_addresses(options) if address.index in indices and filter.fits(address)]
    for address in sorted(found, key=lambda address: not address.flags & nl.IFA_F_SECONDARY):
        message = IFADDRMSG.pack(AF_INET, address.length, 0, address.scope, address.index)
        message += attribute(nl.IFA_LOCAL, address.local) + attribute(nl.IFA_ADDRESS, address.peer)
        options.request(nl.RTM_DELADDR, 0, message)


COMMANDS = {
    "show": address_show, "add": address_add, "change": address_change, "replace": address_replace,
    "delete": address_delete, "flush": address_flush,
}  # fmt: skip
