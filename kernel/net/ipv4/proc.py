"""/proc/net of IPv4: snmp, netstat, sockstat, udp, raw, icmp, arp, route and the like, in Linux's formats.

TCP and the devices register their own files.
"""

from kernel.net.ipv4.arp import proc_net_arp
from kernel.net.ipv4.fib_frontend import proc_net_route, swapped
from kernel.net.ipv4.fib_trie import proc_fib_trie, proc_fib_triestat
from kernel.net.snmp import ICMP_MIB, IP_EXT_MIB, IP_MIB, TCP_EXT_MIB, TCP_MIB, UDP_MIB, show_group
from kernel.uapi.tcp import TCP_CLOSE, TCP_ESTABLISHED

# RtoAlgorithm (RFC 6298's), RtoMin and RtoMax in ms, MaxConn.
TCP_CONSTANTS = (1, 200, 120000, -1)
ICMP_MSG_TYPES = range(256)
NSEC_PER_TICK = 10000000


def ip_proc_init(net, proc):
    """Register the files."""
    proc.create("net/snmp", lambda: proc_snmp(net))
    proc.create("net/netstat", lambda: proc_netstat(net))
    proc.create("net/sockstat", lambda: proc_sockstat(net))
    proc.create("net/protocols", lambda: proc_protocols(net))
    proc.create("net/arp", lambda: proc_net_arp(net))
    proc.create("net/route", lambda: proc_net_route(net))
    proc.create("net/udp", lambda: proc_udp(net))
    proc.create("net/raw", lambda: proc_raw(net))
    proc.create("net/icmp", lambda: proc_icmp(net))
    proc.create("net/igmp", lambda: proc_igmp(net))
    proc.create("net/mcfilter", lambda: proc_mcfilter(net))
    proc.create("net/packet", lambda: proc_packet(net))
    proc.create("net/fib_trie", lambda: proc_fib_trie(net))
    proc.create("net/fib_triestat", lambda: proc_fib_triestat(net))
    proc.create("net/drops", lambda: proc_drops(net))


def proc_snmp(net):
    """The text of /proc/net/snmp."""
    mib = net.mib
    forwarding = 1 if net.sysctl_ip_forward else 2
    return (
        show_group(mib, "Ip", IP_MIB, ("Forwarding", "DefaultTTL"), (forwarding, net.sysctl_ip_default_ttl))
        + show_group(mib, "Icmp", ICMP_MIB)
        + icmp_msg(mib)
        + show_group(mib, "Tcp", TCP_MIB, ("RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn"), TCP_CONSTANTS)
        + show_group(mib, "Udp", UDP_MIB)
    )


def icmp_msg(mib):
    """The IcmpMsg: lines, only of types that have been seen."""
    names = [f"InType{kind}" for kind in ICMP_MSG_TYPES if mib.icmp_in_types[kind]]
    names += [f"OutType{kind}" for kind in ICMP_MSG_TYPES if mib.icmp_out_types[kind]]
    if not names:
        return ""
    values = [str(count) for count in mib.icmp_in_types if count] + [str(c) for c in mib.icmp_out_types if c]
    return f"IcmpMsg: {' '.join(names)}\nIcmpMsg: {' '.join(values)}\n"


def proc_netstat(net):
    """The text of /proc/net/netstat."""
    return show_group(net.mib, "TcpExt", TCP_EXT_MIB) + show_group(net.mib, "IpExt", IP_EXT_MIB)


def prots(net):
    """Every transport protocol, in the order of its registration."""
    found = []
    for entries in net.inetsw.values():
        for entry in entries:
            if entry.prot not in found:
                found.append(entry.prot)
    return found


def proc_sockstat(net):
    """The text of /proc/net/sockstat."""
    inuse = {prot.name: prot.inuse for prot in prots(net)}
    pages = {prot.name: (prot.memory_allocated + 4095) >> 12 for prot in prots(net)}
    return (
        f"sockets: used {net.sockets_used}\n"
        f"TCP: inuse {inuse.get('TCP', 0)} orphan {net.tcp.orphan_count} tw {net.tcp.tw_count}"
        f" alloc {inuse.get('TCP', 0)} mem {pages.get('TCP', 0)}\n"
        f"UDP: inuse {inuse.get('UDP', 0)} mem {pages.get('UDP', 0)}\n"
        "UDPLITE: inuse 0\n"
        f"RAW: inuse {inuse.get('RAW', 0)}\n"
        f"FRAG: inuse {len(net.frags.queues)} memory {net.frags.mem}\n"
    )


def proc_protocols(net):
    """Name and number of sockets of each protocol."""
    lines = ["protocol  sockets\n"]
    lines.extend(f"{prot.name:<9} {prot.inuse:7d}\n" for prot in prots(net))
    return "".join(lines)


def endpoint(address, port):
    return f"{swapped(address)}:{port:04X}"


def inode_of(sk):
    """The inode number of a sock's file, 0 without one."""
    return sk.sk_socket.inode if sk.sk_socket is not None and sk.sk_socket.inode is not None else 0


def datagram_line(sk, slot, port, bucket_width):
    """One line of /proc/net/udp, raw or icmp."""
    state = TCP_ESTABLISHED if sk.sk_state == TCP_ESTABLISHED else TCP_CLOSE
    pending = sum(skb.truesize for skb in sk.sk_receive_queue)
    line = (
        f"{slot:{bucket_width}d}: {endpoint(sk.inet_rcv_saddr, port)} {endpoint(sk.inet_daddr, sk.inet_dport)}"
        f" {state:02X} {sk.sk_wmem_alloc:08X}:{pending:08X} 00:00000000 00000000 {sk.sk_uid:5d} {0:8d}"
        f" {inode_of(sk)} 2 {0:016x} {sk.sk_drops}"
    )
    return line.ljust(127) + "\n"


def datagram_header(local):
    header = (
        f"{local}local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer"
        " drops"
    )
    return header.ljust(127) + "\n"


def proc_udp(net):
    """The text of /proc/net/udp."""
    lines = [datagram_header("   sl  ")]
    table = net.udp_table
    for slot in range(len(table.buckets)):
        sk = table.buckets[slot]
        while sk is not None:
            lines.append(datagram_line(sk, slot, sk.inet_num, 5))
            sk = sk.sk_next
    return "".join(lines)


def proc_raw(net):
    """The text of /proc/net/raw: the protocol stands where a port would."""
    lines = [datagram_header("  sl  ")]
    lines.extend(datagram_line(sk, sk.inet_num, sk.inet_num, 4) for sk in net.raw_table.all())
    return "".join(lines)


def proc_icmp(net):
    """The text of /proc/net/icmp: ping sockets, their identifier as port."""
    lines = [datagram_header("   sl  ")]
    for ident, socks in net.ping_table.socks.items():
        lines.extend(datagram_line(sk, ident & 63, ident, 5) for sk in socks)
    return "".join(lines)


def proc_igmp(net):
    """The text of /proc/net/igmp."""
    lines = ["Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"]
    now = net.timers.now()
    for dev in net.softnet.dev_by_index.values():
        groups = dev.ip_ptr.mc_list if dev.ip_ptr is not None else {}
        if not groups:
            continue
        querier = f"V{net.igmp.version(dev)}"
        lines.append(f"{dev.ifindex}\t{dev.name:<10}: {len(groups):5d} {querier:>7}\n")
        for group in groups.values():
            running = group.timer.pending()
            left = max(0, group.timer.expires - now) // NSEC_PER_TICK if running else 0
            lines.append(
                f"\t\t\t\t{swapped(group.multiaddr)} {group.users:5d} {int(running)}:{left:08X}\t\t{int(group.reporter)}\n"
            )
    return "".join(lines)


def proc_mcfilter(net):
    """The text of /proc/net/mcfilter: the sources that memberships name."""
    lines = ["Idx Device        MCA        SRC    INC    EXC\n"]
    for dev in net.softnet.dev_by_index.values():
        for group in dev.ip_ptr.mc_list.values() if dev.ip_ptr is not None else ():
            for source, (including, excluding) in group.sources.items():
                lines.append(
                    f"{dev.ifindex:3d} {dev.name:>6} 0x{group.multiaddr:08x} 0x{source:08x} {including:6d} {excluding:6d}\n"
                )
    return "".join(lines)


def proc_packet(net):
    """The text of /proc/net/packet."""
    lines = ["sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"]
    for sk in net.packet_sockets:
        lines.append(
            f"{0:016x} {2:<6d} {sk.sk_type:<4d} {sk.protocol:04x}   {sk.ifindex:<5d} {int(sk.running)}"
            f" {sk.sk_rmem_alloc:<6d} {sk.sk_uid:<6d} {inode_of(sk):<6d}\n"
        )
    return "".join(lines)


def proc_drops(net):
    """Dropped sk_buffs by reason (Linux shows these as a trace event only)."""
    return "".join(f"{reason} {count}\n" for reason, count in sorted(net.skb_cache.drops.items()))
