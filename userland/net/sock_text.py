"""What ss(8) says about a socket behind its columns: timers, memory, and struct tcp_info in words."""

from struct import Struct

from userland import libc
from userland.abi import sock_diag as d

TIMERS = ("off", "on", "keepalive", "timewait", "persist", "unknown")
# struct tcp_info up to total_rto_time (tcp.h).
TCP_INFO = Struct("<8B24I4Q6I4Q2I2Q6I2HI")
NAMES = (
    "state ca_state retransmits probes backoff options wscale app_limited rto ato snd_mss rcv_mss unacked sacked lost retrans"
    " fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss"
    " reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received segs_out segs_in"
    " notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time rwnd_limited sndbuf_limited delivered delivered_ce"
    " bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash total_rto total_rto_recoveries"
    " total_rto_time"
).split()
TIMESTAMPS, SACK, WSCALE, ECN, ECN_SEEN = 1, 2, 4, 8, 16
UNLIMITED = 0xFFFFFFFFFFFFFFFF
INFINITE_SSTHRESH = 0x7FFFFFFF


def port_text(port, protocol, numeric):
    """A port as a number or by its service's name, * for none; of raw sockets the protocol."""
    if port == 0:
        return "*"
    if protocol == "raw":
        entry = None if numeric else libc.getprotobynumber(port)
        return entry.p_name if entry is not None else str(port)
    entry = None if numeric else libc.getservbyport(port, protocol)
    return entry.s_name if entry is not None else str(port)


def timer_text(timer, expires, retrans):
    """-o: which timer runs, for how long, and how often it has fired."""
    if timer == 0:
        return ""
    return f" timer:({TIMERS[min(timer, 5)]},{duration(expires)},{retrans})"


def duration(milliseconds):
    """A time as ss prints it: 12min, 45sec, 5.120sec, 200ms."""
    minutes, rest = divmod(milliseconds, 60000)
    seconds, rest = divmod(rest, 1000)
    if minutes:
        return f"{minutes}min" + (f"{seconds}sec" if seconds else "")
    if seconds > 9:
        return f"{seconds}sec"
    return f"{seconds}.{rest:03d}sec" if seconds else f"{rest}ms"


def memory_text(attributes):
    """-m: the memory account."""
    raw = attributes.get(d.INET_DIAG_SKMEMINFO)
    if raw is None or len(raw) < 36:
        return ""
    values = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, 36, 4)]
    parts = zip(("r", "rb", "t", "tb", "f", "w", "o", "bl", "d"), values, strict=True)
    return " skmem:(" + ",".join(f"{name}{value}" for name, value in parts) + ")"


def info_text(attributes, listening):
    """-i: what the connection knows of its path."""
    raw = attributes.get(d.INET_DIAG_INFO)
    if raw is None or len(raw) < TCP_INFO.size:
        return ""
    info = dict(zip(NAMES, TCP_INFO.unpack_from(raw), strict=True))
    congestion = attributes.get(d.INET_DIAG_CONG, b"").partition(b"\0")[0].decode("latin-1")
    words = []
    for bit, name in ((TIMESTAMPS, "ts"), (SACK, "sack"), (ECN, "ecn"), (ECN_SEEN, "ecnseen")):
        if info["options"] & bit:
            words.append(name)
    words += [congestion] if congestion else []
    if info["options"] & WSCALE:
        words.append(f"wscale:{info['wscale'] & 15},{info['wscale'] >> 4}")
    if listening:
        return " " + " ".join([*words, f"cwnd:{info['snd_cwnd']}"])
    if info["rto"]:
        words.append(f"rto:{milliseconds(info['rto'])}")
    if info["backoff"]:
        words.append(f"backoff:{info['backoff']}")
    if info["rtt"]:
        words.append(f"rtt:{milliseconds(info['rtt'])}/{milliseconds(info['rttvar'])}")
    if info["ato"]:
        words.append(f"ato:{milliseconds(info['ato'])}")
    for name, key in (("mss", "snd_mss"), ("pmtu", "pmtu"), ("rcvmss", "rcv_mss"), ("advmss", "advmss"), ("cwnd", "snd_cwnd")):
        if info[key]:
            words.append(f"{name}:{info[key]}")
    if info["snd_ssthresh"] < INFINITE_SSTHRESH:
        words.append(f"ssthresh:{info['snd_ssthresh']}")
    sizes = ("bytes_sent", "bytes_retrans", "bytes_acked", "bytes_received")
    for key in (*sizes, "segs_out", "segs_in", "data_segs_out", "data_segs_in"):
        if info[key]:
            words.append(f"{key}:{info[key]}")
    if info["rtt"] and info["snd_mss"] and info["snd_cwnd"]:
        words.append(f"send {info['snd_cwnd'] * info['snd_mss'] * 8000000 // info['rtt']}bps")
    for name, key in (("lastsnd", "last_data_sent"), ("lastrcv", "last_data_recv"), ("lastack", "last_ack_recv")):
        if info[key]:
            words.append(f"{name}:{info[key]}")
    for key in ("pacing_rate", "delivery_rate"):
        if 0 < info[key] < UNLIMITED:
            words.append(f"{key} {info[key] * 8}bps")
    if info["delivered"]:
        words.append(f"delivered:{info['delivered']}")
    if info["app_limited"]:
        words.append("app_limited")
    for key in ("unacked", "retrans", "lost", "sacked", "dsack_dups", "reord_seen", "rcv_rtt", "rcv_space", "rcv_ssthresh"):
        value = f"{info['retrans']}/{info['total_retrans']}" if key == "retrans" else info[key]
        if key == "retrans" and not info["total_retrans"]:
            continue
        if value:
            words.append(f"{key}:{milliseconds(value) if key == 'rcv_rtt' else value}")
    if info["notsent_bytes"]:
        words.append(f"notsent:{info['notsent_bytes']}")
    if 0 < info["min_rtt"] < 0xFFFFFFFF:
        words.append(f"minrtt:{milliseconds(info['min_rtt'])}")
    for key in ("rcv_ooopack", "snd_wnd"):
        if info[key]:
            words.append(f"{key}:{info[key]}")
    return " " + " ".join(words)


def milliseconds(microseconds):
    """Microseconds as the shortest number of milliseconds."""
    return f"{microseconds / 1000:.3f}".rstrip("0").rstrip(".")
