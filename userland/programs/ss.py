"""ss: sockets by sock_diag, in the manner of iproute2 (ss(8))."""

from struct import Struct

from userland import libc
from userland.abi import sock_diag as d
from userland.net.netlink import Netlink, NetlinkError, attribute, parse_attributes
from userland.net.sock_filter import ALL, CONNECTED, FilterError, Parser, compile_filter
from userland.net.sock_text import info_text, memory_text, port_text, timer_text
from userland.net.tables import decimal, rows, socket_owners

USAGE = "ss [-tuwx0laniompesH4O] [-A QUERY] [ state NAME ] [ EXPRESSION ]"
INET_MSG = Struct("<BBBB2s2s4s12x4s12xIQIIIII")
UNIX_MSG = Struct("<BBBxIQ")
STATES = (
    "UNKNOWN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK",
    "LISTEN", "CLOSING",
)  # fmt: skip
LISTENING = 1 << 10 | 1 << 7
# What is shown where nothing is said: connections.
DEFAULT = CONNECTED & ~(1 << 3 | 1 << 6)
PROTOCOLS = {"raw": libc.IPPROTO_RAW, "udp": libc.IPPROTO_UDP, "tcp": libc.IPPROTO_TCP}
UNIX_KINDS = {1: "u_str", 2: "u_dgr", 5: "u_seq"}
KINDS = (("0", "packet"), ("x", "unix"), ("w", "raw"), ("u", "udp"), ("t", "tcp"))
LONG = (
    "tcp", "udp", "raw", "unix", "packet", "listening", "all", "numeric", "info", "options", "memory", "processes", "extended",
    "summary", "no-header", "ipv4", "oneline", "query=", "socket=",
)  # fmt: skip
LETTERS = {
    "tcp": "t", "udp": "u", "raw": "w", "unix": "x", "packet": "0", "listening": "l", "all": "a", "numeric": "n", "info": "i",
    "options": "o", "memory": "m", "processes": "p", "extended": "e", "summary": "s", "no-header": "H", "oneline": "O",
}  # fmt: skip


class Row:
    """One line: the columns, and what stands behind them."""

    def __init__(self, netid, state, queues, local, remote, process, more=""):
        self.cells = [netid, state, str(queues[0]), str(queues[1])]
        self.local = local
        self.remote = remote
        self.process = process
        self.more = more


class Shown:
    """The options of a run."""

    def __init__(self, options):
        given = {LETTERS.get(name, name) for name, _ in options.given}
        self.has = given.__contains__
        self.kinds = [name for letter, name in KINDS if letter in given]
        for name in ("A", "query", "socket"):
            for word in (options.get(name) or "").split(","):
                if word:
                    self.kinds += {"inet": ["raw", "udp", "tcp"], "all": ["unix", "raw", "udp", "tcp"]}.get(word, [word])
        self.several = len(self.kinds) != 1
        self.kinds = self.kinds or ["unix", "raw", "udp", "tcp"]
        self.numeric = self.has("n")
        self.owners = socket_owners() if self.has("p") else {}

    def states(self):
        if self.has("a"):
            return ALL
        return LISTENING if self.has("l") else DEFAULT

    def process(self, inode):
        users = ",".join(f'("{comm}",pid={pid},fd={fd})' for comm, pid, fd in self.owners.get(inode, ()))
        return f" users:({users})" if users else ""


def main(argv):
    try:
        options = libc.getopt(argv, "tuwxlanpHeimos40OA:", USAGE, LONG)
        shown = Shown(options)
        unknown = [kind for kind in shown.kinds if kind not in ("packet", "unix", *PROTOCOLS)]
        if unknown:
            raise libc.UsageError(f'"{unknown[0]}" is illegal socket table id')
        if shown.has("s"):
            libc.fputs(summary())
            return 0
        states, node = Parser(options.operands).parse(shown.states())
        code = compile_filter(node)
        with Netlink(d.NETLINK_SOCK_DIAG) as netlink:
            lines = [row for kind in shown.kinds for row in collect(netlink, shown, kind, states, code)]
    except (libc.UsageError, FilterError, NetlinkError) as error:
        text = str(error)
        libc.eputs(text if text.startswith("ss:") else f"ss: {text}")
        return 2
    one_state = states.bit_count() == 1 and not shown.has("l")
    libc.fputs(layout(lines, shown, one_state))
    return 0


def collect(netlink, shown, kind, states, code):
    if kind == "unix":
        return [] if code else unix_rows(netlink, shown, states)
    if kind == "packet":
        return [] if code else packet_rows(shown)
    return inet_rows(netlink, shown, kind, states, code)


def inet_rows(netlink, shown, kind, states, code):
    extensions = 1 << d.INET_DIAG_SKMEMINFO - 1 if shown.has("m") else 0
    if shown.has("i"):
        extensions |= 1 << d.INET_DIAG_INFO - 1 | 1 << d.INET_DIAG_CONG - 1
    head = bytes([libc.AF_INET, PROTOCOLS[kind], extensions & 0xFF, 0]) + states.to_bytes(4, "little")
    payload = head + bytes(d.INET_DIAG_REQ_SIZE - len(head))
    if code:
        payload += attribute(d.INET_DIAG_REQ_BYTECODE, code)
    found = []
    for _, body in netlink.dump(d.SOCK_DIAG_BY_FAMILY, payload):
        fields = INET_MSG.unpack_from(body)
        state, timer, retrans, sport, dport, saddr, daddr = fields[1:8]
        ifindex, cookie, expires, rqueue, wqueue, uid, inode = fields[8:]
        attributes = parse_attributes(body[INET_MSG.size :])
        local = libc.inet_ntoa(saddr) + (f"%{libc.if_indextoname(ifindex)}" if ifindex else "")
        process = shown.process(inode)
        if shown.has("o") or shown.has("e"):
            process = timer_text(timer, expires, retrans) + process
        if shown.has("e"):
            process += (f" uid:{uid}" if uid else "") + f" ino:{inode} sk:{cookie:x}"
        more = memory_text(attributes) if shown.has("m") else ""
        if shown.has("i") and kind == "tcp":
            more += info_text(attributes, state == 10)
        found.append(Row(
            kind, STATES[state] if state < len(STATES) else "UNKNOWN", (rqueue, wqueue),
            (local, port_text(int.from_bytes(sport, "big"), kind, shown.numeric)),
            (libc.inet_ntoa(daddr), port_text(int.from_bytes(dport, "big"), kind, shown.numeric)), process, more,
        ))  # fmt: skip
    return found


def unix_rows(netlink, shown, states):
    show = d.UDIAG_SHOW_NAME | d.UDIAG_SHOW_PEER | d.UDIAG_SHOW_RQLEN
    payload = bytes([libc.AF_UNIX, 0, 0, 0]) + states.to_bytes(4, "little") + bytes(4) + show.to_bytes(4, "little") + bytes(8)
    found = []
    for _, body in netlink.dump(d.SOCK_DIAG_BY_FAMILY, payload):
        _, kind, state, inode, _ = UNIX_MSG.unpack_from(body)
        attributes = parse_attributes(body[UNIX_MSG.size :])
        name = attributes.get(d.UNIX_DIAG_NAME, b"")
        text = "@" + name[1:].decode("utf-8", "replace") if name[:1] == b"\0" else name.decode("utf-8", "replace")
        lengths = attributes.get(d.UNIX_DIAG_RQLEN, bytes(8))
        queues = int.from_bytes(lengths[:4], "little"), int.from_bytes(lengths[4:8], "little")
        peer = int.from_bytes(attributes.get(d.UNIX_DIAG_PEER, b""), "little")
        found.append(Row(
            UNIX_KINDS.get(kind, "u_???"), STATES[state], queues, (text or "*", f" {inode}"), ("*", f" {peer}"),
            shown.process(inode),
        ))  # fmt: skip
    return found


def packet_rows(shown):
    """Packet sockets, from /proc/net/packet."""
    found = []
    for words in rows("/proc/net/packet"):
        if len(words) >= 9:
            protocol = "*" if words[3] == "0003" else f"[0x{words[3]}]"
            device = libc.if_indextoname(decimal(words[4])) if words[4] != "0" else "*"
            kind = "p_raw" if words[2] == "3" else "p_dgr"
            process = shown.process(decimal(words[8]))
            found.append(Row(kind, "UNCONN", (words[6], 0), (protocol, device or "*"), ("*", ""), process))
    return found


def summary():
    """-s: how many sockets there are, from /proc/net/sockstat."""
    counts = {}
    for words in rows("/proc/net/sockstat", 0):
        counts[words[0].rstrip(":")] = dict(zip(words[1::2], words[2::2], strict=False))
    orphaned = counts.get("TCP", {}).get("orphan", 0)
    with Netlink(d.NETLINK_SOCK_DIAG) as netlink:
        head = bytes([libc.AF_INET, libc.IPPROTO_TCP, 0, 0]) + ALL.to_bytes(4, "little")
        states = [body[1] for _, body in netlink.dump(d.SOCK_DIAG_BY_FAMILY, head + bytes(d.INET_DIAG_REQ_SIZE - 8))]
    waiting = states.count(6)
    closed = states.count(7) + waiting
    lines = [
        f"Total: {counts.get('sockets', {}).get('used', 0)}",
        f"TCP:   {len(states)} (estab {states.count(1)}, closed {closed}, orphaned {orphaned}, timewait {waiting})",
        "",
        "Transport Total     IP        IPv6",
    ]
    sizes = {name: int(counts.get(name, {}).get("inuse", 0)) for name in ("RAW", "UDP", "TCP", "FRAG")}
    sizes["INET"] = sizes["RAW"] + sizes["UDP"] + sizes["TCP"]
    lines += [f"{name}\t  {sizes[name]:<9d} {sizes[name]:<9d} {0:<9d}" for name in ("RAW", "UDP", "TCP", "INET", "FRAG")]
    return "\n".join(lines) + "\n\n"


def layout(lines, shown, one_state):
    """The columns: addresses to the right, ports to the left of their colon, all as wide as their widest cell."""
    heading = Row("Netid", "State", ("Recv-Q", "Send-Q"), ("Local Address", "Port"), ("Peer Address", "Port"), "Process")
    table = lines if shown.has("H") else [heading, *lines]
    if not table:
        return ""
    columns = [column for column in range(4) if not (column == 0 and not shown.several) and not (column == 1 and one_state)]
    widths = [max(len(row.cells[column]) for row in table) for column in range(2)]
    widths += [max(len(row.cells[column]) for row in [heading, *lines]) for column in (2, 3)]
    ends = [max(len(end(row)[part]) for row in table) for end, part in ENDS]
    out = []
    for row in table:
        cells = [f"{row.cells[column]:<{widths[column]}}" for column in columns]
        local = f"{row.local[0]:>{ends[0]}}:{row.local[1]:<{ends[1]}}"
        remote = f"{row.remote[0]:>{ends[2]}}:{row.remote[1]:<{ends[3]}}"
        if row.local[1][:1] == " ":
            # A unix socket has a number where others have a port.
            local, remote = local.replace(": ", " ", 1).ljust(len(local)), remote.replace(": ", " ", 1).ljust(len(remote))
        line = " ".join([*cells, local, remote]) + row.process
        more = ("" if shown.has("O") or not row.more else "\n\t") + row.more
        out.append((line + more).rstrip())
    return "\n".join(out) + "\n"


ENDS = (
    (lambda row: row.local, 0), (lambda row: row.local, 1), (lambda row: row.remote, 0), (lambda row: row.remote, 1),
)  # fmt: skip
