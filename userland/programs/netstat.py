"""netstat: sockets, routes and interfaces, from /proc/net."""

from userland import libc
from userland.net.tables import interface_counters, prefix_mask, routes, socket_owners, sockets
from userland.text.files import options_of

USAGE = "netstat [-tuwlanp] | -r [-n] | -i"


def main(argv):
    options = options_of("netstat", argv, "tuwlanprie", USAGE, 0, 0)
    if options is None:
        return 2
    if options.has("r"):
        return show_routes()
    if options.has("i"):
        return show_interfaces()
    return show_sockets(options)


def show_routes():
    libc.puts("Kernel IP routing table")
    libc.puts(f"{'Destination':<16}{'Gateway':<16}{'Genmask':<16}{'Flags':<6}Iface")
    for route in routes():
        libc.puts(route_line(route))
    return 0


def route_line(route):
    flags = "U" + ("G" if route.gateway not in (None, "0.0.0.0") else "") + ("H" if route.length == 32 else "")
    gateway = route.gateway or "0.0.0.0"
    return f"{route.destination:<16}{gateway:<16}{prefix_mask(route.length):<16}{flags:<6}{route.device}"


def show_interfaces():
    libc.puts("Kernel Interface table\nIface             MTU    RX-OK RX-ERR RX-DRP    TX-OK TX-ERR TX-DRP")
    found = interface_counters()
    for name, values in ({} if found in (-1, None) else found).items():
        numbers = list(values)
        libc.puts(
            f"{name:<15}{libc.get_mtu(name):>6}{numbers[1]:>9}{numbers[2]:>7}{numbers[3]:>7}"
            f"{numbers[9]:>9}{numbers[10]:>7}{numbers[11]:>7}"
        )
    return 0


def show_sockets(options):
    chosen = [name for name, letter in (("tcp", "t"), ("udp", "u"), ("raw", "w")) if options.has(letter)] or ["tcp", "udp", "raw"]
    owners = socket_owners() if options.has("p") else {}
    libc.puts("Proto Recv-Q Send-Q Local Address           Foreign Address         State")
    for protocol in chosen:
        for entry in sockets(protocol):
            listening = entry.remote[1] == 0
            if options.has("l") != listening and not options.has("a"):
                continue
            users = owners.get(entry.inode, [])
            process = f" {users[0][1]}/{users[0][0]}" if users else ""
            state = entry.state if protocol == "tcp" else ""
            libc.puts(
                f"{protocol:<5}{entry.rx_queue:>7}{entry.tx_queue:>7} {endpoint(entry.local, protocol, options):<23} "
                f"{endpoint(entry.remote, protocol, options):<23} {state:<11}{process}".rstrip()
            )
    return 0


def endpoint(pair, protocol, options):
    address, port = pair
    service = None if options.has("n") or not port else libc.getservbyport(port, protocol)
    return f"{address}:{port or '*' if service is None else service.s_name}"
