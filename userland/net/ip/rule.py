"""ip rule: which routing table is asked for which packets."""

from struct import Struct

from userland.abi import netlink as nl
from userland.net.ip.output import (
    PROTOCOLS,
    TABLES,
    Failed,
    Record,
    host_prefix,
    named_number,
    number_word,
    packed,
    prefix_word,
    quad,
    show,
)
from userland.net.netlink import attribute, number, parse_attributes, string_attribute, text, u32_attribute

FIB_RULE_HDR = Struct("<BBBBBBBBI")
AF_INET = 2
ACTIONS = {"blackhole": nl.FR_ACT_BLACKHOLE, "unreachable": nl.FR_ACT_UNREACHABLE, "prohibit": nl.FR_ACT_PROHIBIT}
FULL_MASK = 0xFFFFFFFF


class Rule:
    """A rule as RTM_NEWRULE describes it."""

    def __init__(self, payload):
        (_, self.dst_len, self.src_len, _, table, _, _, self.action, self.flags) = FIB_RULE_HDR.unpack_from(payload)
        self.payload = payload
        self.attributes = parse_attributes(payload[FIB_RULE_HDR.size :])
        self.table = number(self.attributes.get(nl.FRA_TABLE), table)
        self.priority = number(self.attributes.get(nl.FRA_PRIORITY))
        self.protocol = self.attributes.get(nl.FRA_PROTOCOL, b"\0")[0]


def rule_record(options, rule):
    record = Record()
    record.put(f"{rule.priority}:\t", "priority", rule.priority)
    if rule.flags & nl.FIB_RULE_INVERT:
        record.put("not ", "not", None)
    if not rule.src_len:
        record.put("from all ", "src", "all")
    for label, key, kind, length in (("from", "src", nl.FRA_SRC, rule.src_len), ("to", "dst", nl.FRA_DST, rule.dst_len)):
        if length:
            record.put(f"{label} {host_prefix(rule.attributes[kind], length)} ", key, quad(rule.attributes[kind]))
            if length < 32:
                record.fields[f"{key}len"] = length
    if nl.FRA_FWMARK in rule.attributes or nl.FRA_FWMASK in rule.attributes:
        mark = number(rule.attributes.get(nl.FRA_FWMARK))
        mask = number(rule.attributes.get(nl.FRA_FWMASK), FULL_MASK)
        record.put(f"fwmark 0x{mark:x}" + (f"/0x{mask:x} " if mask != FULL_MASK else " "), "fwmark", f"0x{mark:x}")
        if mask != FULL_MASK:
            record.fields["fwmask"] = f"0x{mask:x}"
    for kind, name in ((nl.FRA_IIFNAME, "iif"), (nl.FRA_OIFNAME, "oif")):
        if kind in rule.attributes:
            record.put(f"{name} {text(rule.attributes[kind])} ", name, text(rule.attributes[kind]))
    if rule.action == nl.FR_ACT_TO_TBL:
        table = TABLES.get(rule.table, str(rule.table))
        record.put(f"lookup {table} ", "table", table)
        suppress = number(rule.attributes.get(nl.FRA_SUPPRESS_PREFIXLEN), FULL_MASK)
        if suppress != FULL_MASK:
            record.put(f"suppress_prefixlength {suppress} ", "suppress_prefixlen", suppress)
    else:
        name = next((name for name, action in ACTIONS.items() if action == rule.action), str(rule.action))
        record.put(f"{name} ", "action", name)
    if rule.protocol and options.details:
        name = PROTOCOLS.get(rule.protocol, str(rule.protocol))
        record.put(f"proto {name} ", "protocol", name)
    record.text = record.text.rstrip(" ")
    return record


def rule_request(options, words, protocol):
    """The payload of RTM_NEWRULE or RTM_DELRULE."""
    src = dst = (0, 0)
    table = action = flags = 0
    attributes = b""
    while words:
        word = words.take()
        if word == "not":
            flags |= nl.FIB_RULE_INVERT
        elif word == "from":
            src = prefix_word(words.take())
        elif word == "to":
            dst = prefix_word(words.take())
        elif word in ("preference", "pref", "order", "priority", "prio"):
            attributes += u32_attribute(nl.FRA_PRIORITY, words.number("preference"))
        elif word == "fwmark":
            mark, slash, mask = words.take().partition("/")
            attributes += u32_attribute(nl.FRA_FWMARK, number_word(mark, "fwmark"))
            if slash:
                attributes += u32_attribute(nl.FRA_FWMASK, number_word(mask, "fwmask"))
        elif word in ("iif", "dev"):
            attributes += string_attribute(nl.FRA_IIFNAME, words.take())
        elif word == "oif":
            attributes += string_attribute(nl.FRA_OIFNAME, words.take())
        elif word in ("table", "lookup"):
            table = named_number(words.take(), TABLES, "table")
            action = nl.FR_ACT_TO_TBL
        elif word in ("suppress_prefixlength", "sup_pl"):
            attributes += u32_attribute(nl.FRA_SUPPRESS_PREFIXLEN, words.number("suppress_prefixlength", 0, 32))
        elif word in ("proto", "protocol"):
            protocol = named_number(words.take(), PROTOCOLS, "protocol", 255)
        elif word in ACTIONS:
            action = ACTIONS[word]
        else:
            raise Failed(f'Error: argument "{word}" is wrong: Failed to parse rule type')
    if src[1]:
        attributes += attribute(nl.FRA_SRC, packed(src[0]))
    if dst[1]:
        attributes += attribute(nl.FRA_DST, packed(dst[0]))
    if protocol:
        attributes += attribute(nl.FRA_PROTOCOL, bytes([protocol]))
    attributes += u32_attribute(nl.FRA_TABLE, table)
    short = table if table < 256 else 0
    return FIB_RULE_HDR.pack(AF_INET, dst[1], src[1], 0, short, 0, 0, action, flags) + attributes


def all_rules(options):
    payload = FIB_RULE_HDR.pack(AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    return [Rule(body) for kind, body in options.dump(nl.RTM_GETRULE, payload) if kind == nl.RTM_NEWRULE]


def rule_show(options, words):
    table = None
    while words:
        word = words.take()
        if word not in ("table", "lookup"):
            raise Failed(f'Error: argument "{word}" is wrong: Failed to parse rule type')
        table = named_number(words.take(), TABLES, "table")
    show(options, [rule_record(options, rule) for rule in all_rules(options) if table in (None, rule.table)])


def rule_add(options, words):
    if not words:
        raise Failed("\"ip rule add\" requires arguments.")
    message = rule_request(options, words, nl.RTPROT_BOOT)
    if message[7] == 0:
        # A rule that says nothing about a table leads to main.
        message = message[:7] + bytes([nl.FR_ACT_TO_TBL]) + message[8:]
        message += u32_attribute(nl.FRA_TABLE, nl.RT_TABLE_MAIN)
    options.request(nl.RTM_NEWRULE, nl.NLM_F_CREATE | nl.NLM_F_EXCL, message)


def rule_delete(options, words):
    if not words:
        raise Failed("\"ip rule del\" requires arguments.")
    options.request(nl.RTM_DELRULE, 0, rule_request(options, words, 0))


def rule_flush(options, words):
    """Remove every rule but the first, which leads to our own addresses."""
    for rule in all_rules(options):
        if rule.priority:
            options.request(nl.RTM_DELRULE, 0, rule.payload)


COMMANDS = {"show": rule_show, "add": rule_add, "delete": rule_delete, "flush": rule_flush}
