"""/proc/net/tcp in Linux's format: one line of 149 characters per listener, connection, request and TIME-WAIT sock."""

from kernel.net.ipv4.tcp_const import (
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    NODE_REQUEST,
    NODE_TIMEWAIT,
)
from kernel.uapi.tcp import TCP_LISTEN, TCP_SYN_RECV

LINE_WIDTH = 149
HEADER = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
)
NSEC_PER_TICK = 10000000


def swapped(address):
    """An address as a little-endian machine prints it."""
    return int.from_bytes(address.to_bytes(4, "big"), "little")


def ticks_until(net, when):
    """Hundredths of a second until `when` (ns), not below 0."""
    return max(0, when - net.timers.now()) // NSEC_PER_TICK


def inode_of(sk):
    socket = sk.sk_socket
    return socket.inode if socket is not None and socket.inode is not None else 0


def sock_line(net, number, sk):
    timer = 0
    expires = 0
    if sk.icsk_pending in (ICSK_TIME_RETRANS, ICSK_TIME_LOSS_PROBE, ICSK_TIME_REO_TIMEOUT):
        timer = 1
        expires = sk.icsk_timeout
    elif sk.icsk_pending == ICSK_TIME_PROBE0:
        timer = 4
        expires = sk.icsk_timeout
    elif sk.sk_timer is not None and sk.sk_timer.pending():
        timer = 2
        expires = sk.sk_timer.expires
    if sk.sk_state == TCP_LISTEN:
        rx_queue = sk.sk_ack_backlog
        tx_queue = 0
    else:
        rx_queue = max(0, (sk.rcv_nxt - sk.copied_seq) & 0xFFFFFFFF)
        tx_queue = (sk.write_seq - sk.snd_una) & 0xFFFFFFFF
    ssthresh = -1 if sk.snd_ssthresh >= 0x7FFFFFFF else sk.snd_ssthresh
    address = sk.inet_rcv_saddr
    return (
        f"{number:4d}: {swapped(address):08X}:{sk.inet_sport:04X} {swapped(sk.inet_daddr):08X}:{sk.inet_dport:04X} "
        f"{sk.sk_state:02X} {tx_queue:08X}:{rx_queue:08X} {timer:02X}:{ticks_until(net, expires) if timer else 0:08X} "
        f"{sk.icsk_retransmits:08X} {sk.sk_uid:5d} {sk.icsk_probes_out:8d} {inode_of(sk)} 1 0000000000000000 "
        f"{sk.icsk_rto // 10000} {sk.ack_ato // 10000} {sk.ack_quick << 1 | sk.ack_pingpong & 1} {sk.snd_cwnd} {ssthresh}"
    )


def request_line(net, number, req):
    expires = ticks_until(net, req.timer.expires) if req.timer is not None else 0
    return (
        f"{number:4d}: {swapped(req.loc_addr):08X}:{req.num:04X} {swapped(req.rmt_addr):08X}:{req.rmt_port:04X} "
        f"{TCP_SYN_RECV:02X} 00000000:00000000 01:{expires:08X} {req.num_timeout:08X} {req.listener.sk_uid:5d} "
        f"{0:8d} 0 0 0000000000000000"
    )


def timewait_line(net, number, tw):
    return (
        f"{number:4d}: {swapped(tw.loc_addr):08X}:{tw.num:04X} {swapped(tw.rmt_addr):08X}:{tw.rmt_port:04X} "
        f"{tw.tw_substate:02X} 00000000:00000000 03:{ticks_until(net, tw.timer.expires):08X} {0:08X} {0:5d} {0:8d} "
        "0 3 0000000000000000"
    )


def proc_net_tcp(net):
    """The text of the file: listeners first, then the rest in the order of their table."""
    lines = [HEADER.ljust(LINE_WIDTH)]
    tn = net.tcp
    hashinfo = tn.hashinfo
    number = 0
    for port in sorted(hashinfo.listening):
        for sk in hashinfo.listening[port]:
            lines.append(sock_line(net, number, sk).ljust(LINE_WIDTH))
            number += 1
    for node in hashinfo.nodes():
        if node.kind == NODE_TIMEWAIT:
            line = timewait_line(net, number, node)
        elif node.kind == NODE_REQUEST:
            line = request_line(net, number, node)
        else:
            line = sock_line(net, number, node.sk)
        lines.append(line.ljust(LINE_WIDTH))
        number += 1
    return "\n".join(lines) + "\n"


def tcp_proc_init(net, proc):
    """Register /proc/net/tcp."""
    proc.create("net/tcp", lambda: proc_net_tcp(net))
