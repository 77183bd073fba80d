"""TCP_INFO: what `ss -i` and getsockopt show of a connection (struct tcp_info of <linux/tcp.h>, 248 bytes)."""

import struct

from kernel.net.ipv4.tcp_const import TCP_ECN_OK, TCP_ECN_SEEN, TCP_INFINITE_SSTHRESH, USEC_PER_SEC
from kernel.net.ipv4.tcp_sock import tcp_now
from kernel.uapi.tcp import (
    TCP_LISTEN,
    TCPI_OPT_ECN,
    TCPI_OPT_ECN_SEEN,
    TCPI_OPT_SACK,
    TCPI_OPT_SYN_DATA,
    TCPI_OPT_TIMESTAMPS,
    TCPI_OPT_WSCALE,
)

TCP_INFO_FORMAT = "<8B24I4Q6I4Q2I2Q6I2HI"
PACING_UNLIMITED = 0xFFFFFFFFFFFFFFFF


def u32(value):
    return value & 0xFFFFFFFF


def since_ms(sk, when):
    """Milliseconds since `when` (us)."""
    return u32((tcp_now(sk.net) - when) // 1000)


def tcp_delivery_rate(sk):
    """Bytes per second of the last sample."""
    if sk.rate_delivered and sk.rate_interval_us > 0:
        return sk.rate_delivered * sk.mss_cache * USEC_PER_SEC // sk.rate_interval_us
    return 0


def tcp_get_info(sk):
    """The bytes of struct tcp_info."""
    options = 0
    if sk.tstamp_ok:
        options |= TCPI_OPT_TIMESTAMPS
    if sk.sack_ok:
        options |= TCPI_OPT_SACK
    if sk.wscale_ok:
        options |= TCPI_OPT_WSCALE
    if sk.ecn_flags & TCP_ECN_OK:
        options |= TCPI_OPT_ECN
    if sk.ecn_flags & TCP_ECN_SEEN:
        options |= TCPI_OPT_ECN_SEEN
    if sk.syn_data_acked:
        options |= TCPI_OPT_SYN_DATA
    listening = sk.sk_state == TCP_LISTEN
    unacked = sk.sk_ack_backlog if listening else sk.packets_out
    sacked = sk.sk_max_ack_backlog if listening else sk.sacked_out
    min_rtt = sk.min_rtt[0]
    pacing = sk.sk_pacing_rate if sk.sk_pacing_rate and sk.sk_pacing_rate < 1 << 40 else PACING_UNLIMITED
    if sk.sk_max_pacing_rate >= 0:
        pacing = min(pacing, sk.sk_max_pacing_rate)
    return struct.pack(
        TCP_INFO_FORMAT,
        sk.sk_state,
        sk.icsk_ca_state,
        min(sk.icsk_retransmits, 255),
        min(sk.icsk_probes_out, 255),
        min(sk.icsk_backoff, 255),
        options,
        sk.snd_wscale | sk.rcv_wscale << 4,
        (1 if sk.rate_app_limited else 0) | sk.fastopen_client_fail << 1,
        u32(sk.icsk_rto),
        u32(sk.ack_ato),
        u32(sk.mss_cache),
        u32(sk.ack_rcv_mss),
        u32(unacked),
        u32(sacked),
        u32(sk.lost_out),
        u32(sk.retrans_out),
        0,
        since_ms(sk, sk.lsndtime),
        0,
        since_ms(sk, sk.ack_lrcvtime),
        since_ms(sk, sk.rcv_tstamp),
        u32(sk.icsk_pmtu_cookie),
        u32(sk.rcv_ssthresh),
        u32(sk.srtt_us >> 3),
        u32(sk.mdev_us >> 2),
        u32(min(sk.snd_ssthresh, TCP_INFINITE_SSTHRESH)),
        u32(sk.snd_cwnd),
        u32(sk.advmss),
        u32(sk.reordering),
        u32(sk.rcv_rtt_est_rtt >> 3),
        u32(sk.rcvq_space_space),
        u32(sk.total_retrans),
        pacing,
        sk.sk_max_pacing_rate if sk.sk_max_pacing_rate >= 0 else PACING_UNLIMITED,
        sk.bytes_acked,
        sk.bytes_received,
        u32(sk.segs_out),
        u32(sk.segs_in),
        u32(max(0, u32(sk.write_seq - sk.snd_nxt))),
        min_rtt,
        u32(sk.data_segs_in),
        u32(sk.data_segs_out),
        tcp_delivery_rate(sk),
        0,
        0,
        0,
        u32(sk.delivered),
        u32(sk.delivered_ce),
        sk.bytes_sent,
        sk.bytes_retrans,
        u32(sk.dsack_dups),
        u32(sk.reord_seen),
        u32(sk.rcv_ooopack),
        u32(sk.snd_wnd),
        u32(sk.rcv_wnd),
        sk.timeout_rehash,
        sk.total_rto & 0xFFFF,
        sk.total_rto_recoveries & 0xFFFF,
        u32(sk.total_rto_time),
    )
