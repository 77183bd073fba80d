"""Packetization layer path MTU discovery (RFC 4821): looking for larger segments with data, and getting out of black holes.

The path's MTU is searched by halves between `mtup_search_low`, which is believed to pass, and `mtup_search_high`, beyond
which nothing is tried; both are bytes with the IP header.  A probe is a segment of the stream: when it is acknowledged
the low end moves up to it, when it alone is lost the high end moves down below it and the congestion window stays.
net.ipv4.tcp_mtu_probing: 0 never, 1 once a black hole is suspected, 2 always.
"""

from kernel.net.ipv4.tcp_const import NSEC_PER_USEC, U32_MASK
from kernel.net.ipv4.tcp_sock import after, tcp_current_ssthresh, tcp_packets_in_flight, tcp_wnd_end
from kernel.net.ipv4.tcp_window import tcp_current_mss, tcp_mtu_to_mss, tcp_sync_mss
from kernel.uapi.tcp import TCP_CA_Open

# The probe, and ten segments behind it that keep acknowledgments coming.
MIN_CWND = 11
HEADERS = 40
ALWAYS = 2
WAIT = 0
NO_PROBE = -1


def tcp_mss_to_mtu(sk, mss):
    """The packet, in bytes, that a segment of `mss` bytes makes: tcp_mtu_to_mss the other way."""
    return mss + sk.tcp_header_len + 20


def tcp_mtup_init(sk):
    """A connection begins: what net.ipv4.tcp_base_mss makes is believed to pass, what the peer takes is the limit."""
    net = sk.net
    sk.mtup_enabled = net.sysctl_tcp_mtu_probing == ALWAYS
    sk.mtup_search_high = sk.mss_clamp + HEADERS
    sk.mtup_search_low = tcp_mss_to_mtu(sk, net.sysctl_tcp_base_mss)
    sk.mtup_probe_size = 0
    sk.mtup_probe_timestamp = sk.tcp_mstamp


def tcp_mtu_black_hole(sk):
    """Retransmissions come to nothing (R1 of RFC 9293 section 3.8.3): perhaps they are too large (RFC 4821 section 7.7).

    The first time segments shrink to tcp_base_mss, then by half each time, down to tcp_mtu_probe_floor.
    """
    net = sk.net
    if net.sysctl_tcp_mtu_probing == 0:
        return
    if not sk.mtup_enabled:
        sk.mtup_enabled = True
        sk.mtup_probe_timestamp = sk.tcp_mstamp
    else:
        mss = min(net.sysctl_tcp_base_mss, tcp_mtu_to_mss(sk, sk.mtup_search_low) >> 1)
        mss = max(mss, net.sysctl_tcp_mtu_probe_floor, net.sysctl_tcp_min_snd_mss)
        sk.mtup_search_low = tcp_mss_to_mtu(sk, mss)
    tcp_sync_mss(sk, sk.icsk_pmtu_cookie)


def tcp_mtu_check_reprobe(sk):
    """The search has ended: after net.ipv4.tcp_probe_interval the path may be another one, so it begins again."""
    if sk.tcp_mstamp - sk.mtup_probe_timestamp < sk.net.sysctl_tcp_probe_interval // NSEC_PER_USEC:
        return
    mss = tcp_current_mss(sk)
    sk.mtup_probe_size = 0
    sk.mtup_search_high = min(sk.mss_clamp + HEADERS, sk.icsk_pmtu_cookie)
    sk.mtup_search_low = tcp_mss_to_mtu(sk, mss)
    sk.mtup_probe_timestamp = sk.tcp_mstamp


def tcp_mtu_probe_size(sk):
    """The payload of the probe to send now; 0 when one is due but must wait for an acknowledgment, -1 when none is.

    A probe goes out only where its loss would be seen at once: with data for enough segments behind it (section 7.4).
    """
    if (not sk.mtup_enabled or sk.mtup_probe_size or sk.icsk_ca_state != TCP_CA_Open or sk.snd_cwnd < MIN_CWND
            or sk.num_sacks or sk.dsack):
        return NO_PROBE
    probe = tcp_mtu_to_mss(sk, (sk.mtup_search_high + sk.mtup_search_low) >> 1)
    if (probe > tcp_mtu_to_mss(sk, sk.mtup_search_high)
            or sk.mtup_search_high - sk.mtup_search_low < max(sk.net.sysctl_tcp_probe_threshold, 1)):
        tcp_mtu_check_reprobe(sk)
        return NO_PROBE
    needed = probe + (sk.reordering + 1) * sk.mss_cache
    if ((sk.write_seq - sk.snd_nxt) & U32_MASK) < needed or sk.snd_wnd < needed:
        return NO_PROBE
    if after((sk.snd_nxt + needed) & U32_MASK, tcp_wnd_end(sk)):
        return WAIT
    in_flight = tcp_packets_in_flight(sk)
    if in_flight + 2 > sk.snd_cwnd:
        return WAIT if in_flight else NO_PROBE
    return probe


def tcp_mtup_probe_sent(sk, seq, end_seq, length):
    """The probe is in the network; the window is one segment smaller until its fate is known."""
    sk.snd_cwnd -= 1
    sk.mtup_probe_size = tcp_mss_to_mtu(sk, length)
    sk.mtup_probe_seq_start = seq
    sk.mtup_probe_seq_end = end_seq


def tcp_mtup_probe_success(sk):
    """The probe has arrived: segments may be as large, and the window in bytes stays what it is."""
    sk.prior_ssthresh = tcp_current_ssthresh(sk)
    window = sk.snd_cwnd * tcp_mss_to_mtu(sk, sk.mss_cache) // sk.mtup_probe_size
    sk.snd_cwnd = max(1, window)
    sk.snd_cwnd_cnt = 0
    sk.snd_cwnd_stamp = sk.tcp_mstamp
    sk.snd_ssthresh = tcp_current_ssthresh(sk)
    sk.mtup_search_low = sk.mtup_probe_size
    sk.mtup_probe_size = 0
    tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    sk.net.mib.TcpExtTCPMTUPSuccess += 1


def tcp_mtup_probe_failed(sk):
    """Only the probe was lost: it was too large, and the network is not congested (section 7.6.2)."""
    sk.mtup_search_high = sk.mtup_probe_size - 1
    sk.mtup_probe_size = 0
    sk.snd_cwnd += 1
    sk.net.mib.TcpExtTCPMTUPFail += 1
