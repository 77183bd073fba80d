"""`%{ ... }%`: Python of the script that sees TCP_INFO as `tcpi_...`; an assertion that fails is what the script is for."""

import struct
import textwrap
import warnings

from kernel.net.ipv4.tcp_info import TCP_INFO_FORMAT, tcp_get_info
from kernel.uapi import tcp
from lab.packetdrill.script import Mismatch

INFO_FIELDS = (
    "state ca_state retransmits probes backoff options wscale delivery_rate_app_limited rto ato snd_mss rcv_mss unacked "
    "sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar "
    "snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked "
    "bytes_received segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time "
    "rwnd_limited sndbuf_limited delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack "
    "snd_wnd rcv_wnd rehash total_rto total_rto_recoveries total_rto_time"
).split()


class Namespace:
    """What the code blocks of one script share: their own names, the constants of TCP, and TCP_INFO."""

    def __init__(self):
        self.names = {name: value for name, value in vars(tcp).items() if name.startswith("TCP")}
        self.names["TCP_INFINITE_SSTHRESH"] = 0x7FFFFFFF

    def run(self, text, sk):
        """Execute `text` with the state of `sk` (None: no TCP_INFO); Mismatch when it asserts in vain or fails."""
        if sk is not None:
            self.names.update(info(sk))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                exec(compile(source(text), "script", "exec"), self.names)  # noqa: S102
        except AssertionError as error:
            raise Mismatch(" ".join(text.split()), error.args[0] if error.args else "something else") from None
        except Exception as error:
            raise Mismatch("Python that runs", f"{type(error).__name__}: {error}") from None


def info(sk):
    """TCP_INFO and the memory account by the names of scripts."""
    values = struct.unpack(TCP_INFO_FORMAT, tcp_get_info(sk))
    found = {f"tcpi_{name}": value for name, value in zip(INFO_FIELDS, values, strict=True)}
    found["SK_MEMINFO_RMEM_ALLOC"] = sk.sk_rmem_alloc
    found["SK_MEMINFO_RCVBUF"] = sk.sk_rcvbuf
    found["SK_MEMINFO_WMEM_ALLOC"] = sk.sk_wmem_alloc
    found["SK_MEMINFO_SNDBUF"] = sk.sk_sndbuf
    found["SK_MEMINFO_WMEM_QUEUED"] = sk.sk_wmem_queued
    found["tcpi_snd_wscale"] = found["tcpi_wscale"] & 15
    found["tcpi_rcv_wscale"] = found["tcpi_wscale"] >> 4
    return found


def source(text):
    """The block without the indentation that it has in the script."""
    first, newline, rest = text.partition("\n")
    return first.strip() + newline + textwrap.dedent(rest)
