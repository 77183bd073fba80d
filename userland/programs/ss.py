"""ss: sockets, from /proc/net, in the manner of iproute2."""

from userland import libc
from userland.net.tables import TCP_STATES, socket_owners, sockets

USAGE = "ss [-tuwlanpH]"
TCP_LISTEN = 10
TCP_CLOSE = 7
TCP_SYN_RECV = 3
TCP_TIME_WAIT = 6


def main(argv):
    try:
        options = libc.getopt(argv, "tuwlanpHeimo4", USAGE)
        if options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
    except libc.UsageError as error:
        libc.eputs(f"ss: {error}")
        return 2
    protocols = [name for letter, name in (("u", "udp"), ("t", "tcp"), ("w", "raw")) if options.has(letter)]
    chosen = protocols or ["udp", "tcp"]
    entries = [entry for name in chosen for entry in sockets(name) if wanted(entry, options)]
    owners = socket_owners() if options.has("p") else {}
    rows = [] if options.has("H") else [heading(len(chosen) > 1)]
    rows += [row(entry, len(chosen) > 1, options.has("n"), owners) for entry in entries]
    libc.fputs(layout(rows))
    return 0


def wanted(entry, options):
    """Listening sockets with -l, all with -a, else those with a peer."""
    listening = entry.state == (TCP_LISTEN if entry.protocol == "tcp" else TCP_CLOSE)
    if options.has("a"):
        return True
    if options.has("l"):
        return listening
    return not listening and entry.state not in (TCP_TIME_WAIT, TCP_SYN_RECV)


def heading(several):
    row = ["State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Process"]
    return ["Netid", *row] if several else row


def row(entry, several, numeric, owners):
    state = TCP_STATES[entry.state] if entry.state < len(TCP_STATES) else "UNKNOWN"
    cells = [
        state,
        str(entry.rx_queue),
        str(entry.tx_queue),
        endpoint(entry.local, entry.protocol, numeric),
        endpoint(entry.remote, entry.protocol, numeric),
    ]
    users = owners.get(entry.inode, [])
    process = ",".join(f'("{comm}",pid={pid},fd={fd})' for comm, pid, fd in users)
    cells.append(f"users:({process})" if process else "")
    return [entry.protocol, *cells] if several else cells


def endpoint(pair, protocol, numeric):
    address, port = pair
    if port == 0:
        return f"{address}:*"
    service = None if numeric else libc.getservbyport(port, protocol)
    return f"{address}:{port if service is None else service.s_name}"


def layout(rows):
    """The rows with every column as wide as its widest cell."""
    if not rows:
        return ""
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows]
    return "\n".join(lines) + "\n"
