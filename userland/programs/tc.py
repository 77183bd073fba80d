"""tc: the queueing discipline at a device's root, in the manner of iproute2 (tc(8), tc-fq(8), tc-pfifo(8))."""

from struct import Struct

from userland import libc
from userland.abi import netlink as nl
from userland.net.ip.output import Failed, Options, Words, device_index, device_name
from userland.net.netlink import NetlinkError, attribute, number, parse_attributes, text

TCMSG = Struct("<BxxxiIII")
USAGE = (
    "tc qdisc { show [dev DEVICE] | add | replace | change dev DEVICE root [handle MAJOR:]"
    " { pfifo [limit PACKETS] | fq [limit PACKETS] [flow_limit PACKETS] } | del dev DEVICE root }"
)
FLAGS = {
    "add": nl.NLM_F_CREATE | nl.NLM_F_EXCL,
    "replace": nl.NLM_F_CREATE | nl.NLM_F_REPLACE,
    "change": 0,
}
SYNONYMS = {"list": "show", "ls": "show", "delete": "del"}


def qdisc_line(options, payload):
    """What tc shows of a device's discipline."""
    _, ifindex, handle, _, references = TCMSG.unpack_from(payload)
    found = parse_attributes(payload[TCMSG.size :])
    kind = text(found[nl.TCA_KIND])
    line = f"qdisc {kind} {handle >> 16:x}: dev {device_name(options, ifindex)} root refcnt {references}"
    raw = found.get(nl.TCA_OPTIONS, b"")
    if kind == "pfifo":
        return f"{line} limit {number(raw)}p"
    if kind == "fq":
        limits = parse_attributes(raw)
        line += f" limit {number(limits[nl.TCA_FQ_PLIMIT])}p flow_limit {number(limits[nl.TCA_FQ_FLOW_PLIMIT])}p"
    return line


def show(options, words):
    ifindex = 0
    while words:
        word = words.take()
        if word != "dev":
            raise Failed(f'What is "{word}"? Try "tc qdisc help".')
        ifindex = device_index(options, words.take())
    for kind, payload in options.dump(nl.RTM_GETQDISC, TCMSG.pack(0, ifindex, 0, 0, 0)):
        if kind == nl.RTM_NEWQDISC and ifindex in (0, TCMSG.unpack_from(payload)[1]):
            libc.puts(qdisc_line(options, payload))


def request(options, words):
    """The payload of a request from the words behind its verb."""
    ifindex = handle = 0
    parent = 0
    rest = b""
    while words:
        word = words.take()
        if word == "dev":
            ifindex = device_index(options, words.take())
        elif word == "root":
            parent = nl.TC_H_ROOT
        elif word == "handle":
            handle = parse_handle(words.take())
        elif word in ("pfifo", "fq"):
            rest = attribute(nl.TCA_KIND, word.encode() + b"\0") + parse_limits(word, words)
        else:
            raise Failed(f'Unknown qdisc "{word}", hence option is unparsable')
    if not ifindex:
        raise Failed('Cannot find device ""')
    return TCMSG.pack(0, ifindex, handle, parent, 0) + rest


def parse_handle(word):
    major, _, minor = word.partition(":")
    try:
        return int(major, 16) << 16 | int(minor or "0", 16)
    except ValueError:
        raise Failed(f'Error: argument "{word}" is wrong: invalid qdisc ID') from None


def parse_limits(kind, words):
    """TCA_OPTIONS of the words that are left; b"" without any."""
    names = {"limit": nl.TCA_FQ_PLIMIT, "flow_limit": nl.TCA_FQ_FLOW_PLIMIT}
    found = {}
    while words:
        word = words.take()
        if word not in names or (kind == "pfifo" and word != "limit"):
            raise Failed(f'What is "{word}"?')
        found[word] = words.number(word, 0, 0xFFFFFFFF).to_bytes(4, "little")
    if not found:
        return b""
    if kind == "pfifo":
        return attribute(nl.TCA_OPTIONS, found["limit"])
    return attribute(nl.TCA_OPTIONS, b"".join(attribute(names[word], value) for word, value in found.items()))


def main(argv):
    words = argv[1:]
    if not words or not "qdisc".startswith(words[0]) or words[1:2] == ["help"]:
        libc.eputs(f"usage: {USAGE}")
        return 2
    verb = words[1] if len(words) > 1 else "show"
    verb = SYNONYMS.get(verb, verb)
    options = Options()
    try:
        with options.open():
            if verb == "show":
                show(options, Words(words[2:]))
            elif verb == "del":
                options.request(nl.RTM_DELQDISC, 0, request(options, Words(words[2:])))
            elif verb in FLAGS:
                options.request(nl.RTM_NEWQDISC, FLAGS[verb], request(options, Words(words[2:])))
            else:
                raise Failed(f'Command "{verb}" is unknown, try "tc qdisc help".')
    except (Failed, NetlinkError) as error:
        libc.eputs(str(error))
        return 2
    return 0
