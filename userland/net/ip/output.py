"""What the objects of ip(8) share: options, records as text or JSON, words of the command line, names of numbers."""

import json

from userland import libc
from userland.abi import netlink as nl
from userland.libc.inet import format_quad, parse_quad
from userland.net.netlink import Netlink, NetlinkError
from userland.net.tables import parse_prefix

SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
TABLES = {nl.RT_TABLE_DEFAULT: "default", nl.RT_TABLE_MAIN: "main", nl.RT_TABLE_LOCAL: "local"}
PROTOCOLS = {0: "unspec", 1: "redirect", 2: "kernel", 3: "boot", 4: "static", 9: "ra", 11: "zebra", 12: "bird", 16: "dhcp"}
ROUTE_TYPES = {
    1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable",
    8: "prohibit", 9: "throw",
}  # fmt: skip


# Stands for a value that is the text itself.
TEXT = object()


class Failed(Exception):
    """Something does not work; the text is the line that ip prints."""


class Options:
    """The options in front of the object, and the netlink socket that the command uses."""

    def __init__(self):
        self.brief = False
        # -4: what is not IP is left out.
        self.inet = False
        self.oneline = False
        self.details = False
        self.json = False
        self.pretty = False
        self.statistics = 0
        # -batch's file, and whether it goes on behind an error.
        self.batch = None
        self.force = False
        self.netlink = None
        self.links = {}

    def open(self):
        self.netlink = Netlink()
        return self.netlink

    def request(self, kind, flags, payload):
        """A request whose refusal ends the program with iproute2's words."""
        try:
            return self.netlink.request(kind, flags, payload)
        except NetlinkError as error:
            raise Failed(refusal(error)) from None

    def dump(self, kind, payload):
        try:
            return self.netlink.dump(kind, payload)
        except NetlinkError as error:
            raise Failed(f"{refusal(error)}\nDump terminated") from None


def refusal(error):
    """What ip says when the kernel refuses."""
    if error.text:
        return f"Error: {error.text}" + ("" if error.text.endswith(".") else ".")
    return f"RTNETLINK answers: {libc.strerror(error.number)}"


class Record:
    """One object on its way out: text and JSON are collected side by side."""

    def __init__(self):
        self.text = ""
        self.fields = {}

    def put(self, text, key=None, value=TEXT):
        """Append `text`; with a key also to the JSON object (the value defaults to the text without blanks)."""
        self.text += text
        if key is not None:
            self.fields[key] = text.strip() if value is TEXT else value
        return self

    def newline(self, options):
        """A line break, which -o turns into a backslash."""
        self.text += "\\" if options.oneline else "\n"


def show(options, records):
    """Print records: as text, or all of them as one JSON list."""
    if options.json:
        indent, separators = (4, (",", ": ")) if options.pretty else (None, (",", ":"))
        libc.puts(json.dumps([record.fields for record in records], indent=indent, separators=separators))
    else:
        libc.fputs("".join(record.text + "\n" for record in records))


# --- the command line ---


class Words:
    """The words behind a command, taken one after the other."""

    def __init__(self, words):
        self.words = list(words)

    def __bool__(self):
        return bool(self.words)

    def peek(self):
        return self.words[0] if self.words else ""

    def take(self):
        """The next word; Failed when there is none."""
        if not self.words:
            raise Failed("Command line is not complete. Try option \"help\"")
        return self.words.pop(0)

    def number(self, name, low=0, high=0xFFFFFFFF):
        """The next word as a number."""
        return number_word(self.take(), name, low, high)


def number_word(word, name, low=0, high=0xFFFFFFFF):
    try:
        value = int(word, 0)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise Failed(f'Error: argument "{word}" is wrong: invalid "{name}" value')
    return value


def address_word(word):
    """An address as a number."""
    value = parse_quad(word)
    if value < 0:
        raise Failed(f'Error: any valid address is expected rather than "{word}".')
    return value


def prefix_word(word):
    """(address, length) of a prefix; "default" and "any" are 0/0, "10.1" and the like are filled up with zeros."""
    if word in ("default", "any", "all"):
        return 0, 0
    quad, slash, length = word.partition("/")
    if slash and quad.count(".") < 3:
        quad += ".0" * (3 - quad.count("."))
    parsed = parse_prefix(quad + slash + length)
    if parsed is None:
        raise Failed(f'Error: any valid prefix is expected rather than "{word}".')
    return parse_quad(parsed[0]), parsed[1]


def device_index(options, name):
    """The index of an interface; Failed with iproute2's words when there is none."""
    for index, link in names(options).items():
        if link == name:
            return index
    raise Failed(f'Cannot find device "{name}"')


def names(options):
    """{index: name} of all interfaces, asked for once."""
    if not options.links:
        from userland.net.ip.link import all_links

        options.links = {link.index: link.name for link in all_links(options)}
    return options.links


def device_name(options, index):
    return names(options).get(index, f"if{index}")


def named_number(word, table, what, high=0xFFFFFFFF):
    """A number, or the name that it has in `table`."""
    for value, name in table.items():
        if name == word:
            return value
    if not word.isdigit():
        raise Failed(f'Error: argument "{word}" is wrong: "{what}" value is invalid')
    return number_word(word, what, 0, high)


def quad(data):
    """A dotted quad of four bytes in network order."""
    return format_quad(int.from_bytes(data[:4], "big"))


def packed(address):
    """Four bytes in network order."""
    return address.to_bytes(4, "big")


def host_prefix(data, length):
    """A prefix as text: a whole address without its length."""
    return quad(data) if length == 32 else f"{quad(data)}/{length}"
