"""ip link: interfaces, and what can be changed about them."""

from struct import Struct

from userland import libc
from userland.abi import netlink as nl
from userland.net.ip.output import Failed, Record, device_index, number_word, show
from userland.net.netlink import attribute, number, parse_attributes, string_attribute, text, u32_attribute

IFINFOMSG = Struct("<BxHiII")
FLAG_NAMES = (
    (libc.IFF_LOOPBACK, "LOOPBACK"),
    (libc.IFF_BROADCAST, "BROADCAST"),
    (libc.IFF_POINTOPOINT, "POINTOPOINT"),
    (libc.IFF_MULTICAST, "MULTICAST"),
    (libc.IFF_NOARP, "NOARP"),
    (libc.IFF_ALLMULTI, "ALLMULTI"),
    (libc.IFF_PROMISC, "PROMISC"),
    (libc.IFF_DEBUG, "DEBUG"),
    (libc.IFF_UP, "UP"),
    (libc.IFF_LOWER_UP, "LOWER_UP"),
)
STATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")
HARDWARE = {libc.ARPHRD_ETHER: "ether", libc.ARPHRD_LOOPBACK: "loopback"}
COUNTERS = 24
SWITCHES = {
    "promisc": libc.IFF_PROMISC, "allmulticast": libc.IFF_ALLMULTI, "allmulti": libc.IFF_ALLMULTI,
    "multicast": libc.IFF_MULTICAST,
}  # fmt: skip


class Link:
    """An interface as RTM_NEWLINK describes it."""

    def __init__(self, payload):
        _, self.hatype, self.index, self.flags, self.change = IFINFOMSG.unpack_from(payload)
        self.attributes = parse_attributes(payload[IFINFOMSG.size :])
        self.name = text(self.attributes.get(nl.IFLA_IFNAME, b"?"))
        info = parse_attributes(self.attributes.get(nl.IFLA_LINKINFO, b""))
        self.kind = text(info.get(nl.IFLA_INFO_KIND, b""))
        self.data = parse_attributes(info.get(nl.IFLA_INFO_DATA, b""))
        self.lower = number(self.attributes.get(nl.IFLA_LINK))

    def number(self, kind):
        return number(self.attributes.get(kind))

    def state(self):
        value = self.number(nl.IFLA_OPERSTATE)
        return STATES[value] if value < len(STATES) else str(value)

    def counters(self):
        raw = self.attributes.get(nl.IFLA_STATS64, b"").ljust(COUNTERS * 8, b"\0")
        return [int.from_bytes(raw[at : at + 8], "little") for at in range(0, COUNTERS * 8, 8)]


def all_links(options):
    payload = IFINFOMSG.pack(0, 0, 0, 0, 0)
    return [Link(body) for kind, body in options.dump(nl.RTM_GETLINK, payload) if kind == nl.RTM_NEWLINK]


def shown_name(link, names):
    if nl.IFLA_LINK not in link.attributes:
        return link.name
    return f"{link.name}@{names.get(link.lower, f'if{link.lower}') if link.lower else 'NONE'}"


def flag_names(link, lowers_down=()):
    found = [name for bit, name in FLAG_NAMES if link.flags & bit]
    if link.flags & libc.IFF_UP and not link.flags & libc.IFF_RUNNING:
        found.insert(0, "NO-CARRIER")
    if link.lower in lowers_down:
        found.append("M-DOWN")
    return found


# --- showing ---


class Filter:
    """Which interfaces a command is about."""

    def __init__(self, words):
        self.device = self.kind = None
        self.up = False
        self.rest = []
        while words:
            word = words.take()
            if word == "up":
                self.up = True
            elif word == "type":
                self.kind = words.take()
            elif word == "dev":
                self.device = words.take()
            elif self.device is None and word not in ("to", "scope", "label", "primary", "secondary", "permanent"):
                self.device = word
            else:
                self.rest.append(word)
                if word in ("to", "scope", "label"):
                    self.rest.append(words.take())

    def fits(self, link):
        return (
            (self.device is None or link.name == self.device)
            and (self.kind is None or link.kind == self.kind)
            and (not self.up or link.flags & libc.IFF_UP != 0)
        )

    def apply(self, links):
        """The links that fit; Failed for a device that is not there."""
        if self.device is not None and not any(link.name == self.device for link in links):
            raise Failed(f'Device "{self.device}" does not exist.')
        return [link for link in links if self.fits(link)]


def head(options, link, names, lowers_down, mode):
    """The first lines of a link, as text and JSON."""
    record = Record()
    record.put(f"{link.index}: ", "ifindex", link.index)
    if nl.IFLA_LINK in link.attributes:
        record.fields["link"] = names.get(link.lower)
    record.put("", "ifname", link.name)
    flags = flag_names(link, lowers_down)
    record.put(f"{shown_name(link, names)}: <{','.join(flags)}> ", "flags", flags)
    record.put(f"mtu {link.number(nl.IFLA_MTU)} ", "mtu", link.number(nl.IFLA_MTU))
    qdisc = text(link.attributes.get(nl.IFLA_QDISC, b""))
    record.put(f"qdisc {qdisc} ", "qdisc", qdisc)
    record.put(f"state {link.state()} ", "operstate", link.state())
    if mode:
        record.put("mode DEFAULT ", "linkmode", "DEFAULT")
    record.put("group default ", "group", "default")
    if link.number(nl.IFLA_TXQLEN):
        record.put(f"qlen {link.number(nl.IFLA_TXQLEN)}", "txqlen", link.number(nl.IFLA_TXQLEN))
    if options.inet and not mode:
        return record
    record.newline(options)
    hardware = HARDWARE.get(link.hatype, "none")
    record.put(f"    link/{hardware} ", "link_type", hardware)
    for kind, key, label in ((nl.IFLA_ADDRESS, "address", ""), (nl.IFLA_BROADCAST, "broadcast", "brd ")):
        if kind in link.attributes:
            address = libc.ether_ntoa(link.attributes[kind])
            record.put(f"{label}{address}" + (" " if key == "address" else ""), key, address)
    if options.details:
        details(options, link, record)
    if options.statistics:
        statistics(options, link, record)
    return record


def details(options, link, record):
    """-d: limits, and what the kind of link has to say."""
    for label, key, kind in (
        ("promiscuity", "promiscuity", nl.IFLA_PROMISCUITY), ("allmulti", "allmulti", nl.IFLA_ALLMULTI),
        ("minmtu", "min_mtu", nl.IFLA_MIN_MTU), ("maxmtu", "max_mtu", nl.IFLA_MAX_MTU),
    ):  # fmt: skip
        value = link.number(kind)
        record.put(f" {label} {value} ", key, value)
    record.text = record.text.replace("  minmtu", " minmtu").replace("  maxmtu", " maxmtu")
    if link.kind:
        record.newline(options)
        record.put(f"    {link.kind} ", "linkinfo", {"info_kind": link.kind})
        if link.kind == "vlan":
            vid = number(link.data.get(nl.IFLA_VLAN_ID))
            record.put(f"protocol 802.1Q id {vid} <REORDER_HDR> ")
            record.fields["linkinfo"]["info_data"] = {"protocol": "802.1Q", "id": vid, "flags": ["REORDER_HDR"]}
    for label, kind in (
        ("numtxqueues", nl.IFLA_NUM_TX_QUEUES), ("numrxqueues", nl.IFLA_NUM_RX_QUEUES),
        ("gso_max_size", nl.IFLA_GSO_MAX_SIZE), ("gso_max_segs", nl.IFLA_GSO_MAX_SEGS),
    ):  # fmt: skip
        record.put(f"{label} {link.number(kind)} ", label.replace("num", "num_").replace("queues", "_queues"), link.number(kind))
    for label, kind in (("parentbus", nl.IFLA_PARENT_DEV_BUS_NAME), ("parentdev", nl.IFLA_PARENT_DEV_NAME)):
        if kind in link.attributes:
            record.put(f"{label} {text(link.attributes[kind])} ", label, text(link.attributes[kind]))


RX = (("bytes", 2), ("packets", 0), ("errors", 4), ("dropped", 6), ("missed", 15), ("mcast", 8))
TX = (("bytes", 3), ("packets", 1), ("errors", 5), ("dropped", 7), ("carrier", 17), ("collsns", 9))
RX_ERRORS = (("length", 10), ("crc", 12), ("frame", 13), ("fifo", 14), ("overrun", 11))
TX_ERRORS = (("aborted", 16), ("fifo", 18), ("window", 20), ("heartbt", 19), ("transns", None))
JSON_NAMES = {
    "missed": "over_errors", "mcast": "multicast", "carrier": "carrier_errors", "collsns": "collisions",
    "length": "length_errors", "crc": "crc_errors", "frame": "frame_errors", "fifo": "fifo_errors",
    "overrun": "missed_errors", "aborted": "aborted_errors", "window": "window_errors", "heartbt": "heartbeat_errors",
    "transns": "carrier_changes",
}  # fmt: skip


def statistics(options, link, record):
    """-s: the counters in columns; a second -s adds the kinds of errors."""
    counters = link.counters()
    widths = [10, 7, 6, 7, 7, 7]
    tables = [("rx", "RX:", RX), ("rx", "RX errors:", RX_ERRORS), ("tx", "TX:", TX), ("tx", "TX errors:", TX_ERRORS)]
    if options.statistics < 2:
        tables = tables[::2]
    values = {}
    for _, title, columns in tables:
        row = [counters[index] if index is not None else link.number(nl.IFLA_CARRIER_CHANGES) for _, index in columns]
        values[title] = row
        for position, value in enumerate(row, 0 if title in ("RX:", "TX:") else 1):
            widths[position] = max(widths[position], len(str(value)))
    found = record.fields.setdefault("stats64", {"rx": {}, "tx": {}})
    for way, title, columns in tables:
        plain = title in ("RX:", "TX:")
        places = widths if plain else widths[1:]
        record.newline(options)
        names = [f"{name:>{width}}" for (name, _), width in zip(columns, places, strict=True)]
        if plain:
            names[0] = names[0][4:]
            record.put(f"    {title} " + " ".join(names) + " " * 11)
        else:
            record.put(f"    {title}{'':{widths[0] - 10}} " + " ".join(names))
        record.newline(options)
        cells = "".join(f"{value:>{width}} " for value, width in zip(values[title], places, strict=True))
        record.put("    " + cells if plain else " " * (widths[0] + 5) + cells)
        for (name, _), value in zip(columns, values[title], strict=True):
            found[way][JSON_NAMES.get(name, name)] = value


def brief(link, names, lowers_down):
    """The one line of -br."""
    record = Record()
    record.put(f"{shown_name(link, names):<16} ", "ifname", link.name)
    record.put(f"{link.state():<14} ", "operstate", link.state())
    address = libc.ether_ntoa(link.attributes.get(nl.IFLA_ADDRESS, b""))
    record.put(f"{address} ", "address", address)
    flags = flag_names(link, lowers_down)
    return record.put(f"<{','.join(flags)}> ", "flags", flags)


def lowers_down(links):
    """The indices of interfaces that are down: what stands on them says M-DOWN."""
    return [link.index for link in links if not link.flags & libc.IFF_UP]


def link_show(options, words):
    links = all_links(options)
    names = {link.index: link.name for link in links}
    down = lowers_down(links)
    chosen = Filter(words)
    if chosen.rest:
        raise Failed(f'Error: either "dev" is duplicate, or "{chosen.rest[0]}" is a garbage.')
    found = chosen.apply(links)
    if options.brief:
        show(options, [brief(link, names, down) for link in found])
    else:
        show(options, [head(options, link, names, down, True) for link in found])


# --- changing ---


def hardware_word(word):
    address = libc.ether_aton(word)
    if address is None:
        raise Failed(f'"{word}" is invalid lladdr.')
    return address


def settings(options, words, vlan_or_peer=None):
    """(device name or None, flags, mask, attributes) of the words of link set and link add."""
    device = None
    flags = mask = 0
    attributes = b""
    while words:
        word = words.take()
        if word == "up":
            flags, mask = flags | libc.IFF_UP, mask | libc.IFF_UP
        elif word == "down":
            flags, mask = flags & ~libc.IFF_UP, mask | libc.IFF_UP
        elif word in SWITCHES or word == "arp":
            state = words.take()
            if state not in ("on", "off"):
                raise Failed(f'Error: argument of "{word}" must be "on" or "off", not "{state}"')
            bit = SWITCHES.get(word, libc.IFF_NOARP)
            mask |= bit
            if (state == "on") != (word == "arp"):
                flags |= bit
        elif word == "mtu":
            attributes += u32_attribute(nl.IFLA_MTU, words.number("mtu"))
        elif word in ("txqueuelen", "txqlen", "qlen"):
            attributes += u32_attribute(nl.IFLA_TXQLEN, words.number("txqueuelen"))
        elif word in ("address", "addr"):
            attributes += attribute(nl.IFLA_ADDRESS, hardware_word(words.take()))
        elif word in ("broadcast", "brd"):
            attributes += attribute(nl.IFLA_BROADCAST, hardware_word(words.take()))
        elif word == "name":
            attributes += string_attribute(nl.IFLA_IFNAME, name_word(words.take()))
        elif word == "link" and vlan_or_peer is not None:
            attributes += u32_attribute(nl.IFLA_LINK, device_index(options, words.take()))
        elif word == "type" and vlan_or_peer is not None:
            attributes += kind_attributes(options, words)
            vlan_or_peer.append(True)
        elif word == "dev":
            device = words.take()
        elif device is None:
            device = word
        else:
            raise Failed(f'Error: either "dev" is duplicate, or "{word}" is a garbage.')
    return device, flags, mask, attributes


def name_word(word):
    if not word or len(word) > 15 or "/" in word or any(letter.isspace() for letter in word):
        raise Failed(f'Error: argument "{word}" is wrong: "name" not a valid ifname')
    return word


def kind_attributes(options, words):
    """IFLA_LINKINFO of "type vlan id N", "type dummy" and "type veth peer ..."."""
    kind = words.take()
    data = b""
    if kind == "vlan":
        while words.peek() in ("id", "protocol"):
            if words.take() == "id":
                data += attribute(nl.IFLA_VLAN_ID, number_word(words.take(), "id", 0, 4095).to_bytes(2, "little"))
            elif words.take().lower() != "802.1q":
                raise Failed("Error: only protocol 802.1Q is supported.")
    elif kind == "veth" and words.peek() == "peer":
        words.take()
        name, flags, mask, attributes = settings(options, words)
        if name is not None:
            attributes += string_attribute(nl.IFLA_IFNAME, name_word(name))
        data = attribute(nl.VETH_INFO_PEER, IFINFOMSG.pack(0, 0, 0, flags, mask) + attributes)
    info = string_attribute(nl.IFLA_INFO_KIND, kind) + (attribute(nl.IFLA_INFO_DATA, data) if data else b"")
    return attribute(nl.IFLA_LINKINFO, info)


def link_add(options, words):
    typed = []
    name, flags, mask, attributes = settings(options, words, typed)
    if not typed:
        raise Failed('Not enough information: "type" argument is required.')
    if name is not None:
        attributes += string_attribute(nl.IFLA_IFNAME, name_word(name))
    message = IFINFOMSG.pack(0, 0, 0, flags, mask) + attributes
    options.request(nl.RTM_NEWLINK, nl.NLM_F_CREATE | nl.NLM_F_EXCL, message)


def link_set(options, words):
    name, flags, mask, attributes = settings(options, words)
    if name is None:
        raise Failed('Not enough of information: "dev" argument is required.')
    message = IFINFOMSG.pack(0, 0, device_index(options, name), flags, mask) + attributes
    options.request(nl.RTM_NEWLINK, 0, message)


def link_delete(options, words):
    name, _, _, _ = settings(options, words, [])
    if name is None:
        raise Failed('Not enough of information: "dev" argument is required.')
    options.request(nl.RTM_DELLINK, 0, IFINFOMSG.pack(0, 0, device_index(options, name), 0, 0))


COMMANDS = {"show": link_show, "add": link_add, "set": link_set, "change": link_set, "delete": link_delete}
