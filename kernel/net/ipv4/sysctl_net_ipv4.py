"""The settings under net.core and net.ipv4: names and units of Linux, kept as fields of `Net`."""

from kernel.net.core.dev import register_netdevice_notifier
from kernel.net.ipv4.devinet_sysctl import devinet_sysctl_init, ip_forward_change
from kernel.net.ipv4.neigh_sysctl import neigh_sysctl_init
from kernel.uapi.errno import EINVAL, ENOENT
from kernel.uapi.in_ import IPPROTO_TCP, IPPROTO_UDP

NSEC_PER_SEC = 1000000000
NSEC_PER_MSEC = 1000000

# name: (field of Net, smallest, largest)
PLAIN = {
    "net.core.wmem_default": ("sysctl_wmem_default", 4608, 1 << 31),
    "net.core.wmem_max": ("sysctl_wmem_max", 4608, 1 << 31),
    "net.core.rmem_default": ("sysctl_rmem_default", 2304, 1 << 31),
    "net.core.rmem_max": ("sysctl_rmem_max", 2304, 1 << 31),
    "net.core.somaxconn": ("sysctl_somaxconn", 0, 65535),
    "net.core.optmem_max": ("sysctl_optmem_max", 0, 1 << 31),
    "net.core.tstamp_allow_data": ("sysctl_tstamp_allow_data", 0, 1),
    "net.ipv4.ip_default_ttl": ("sysctl_ip_default_ttl", 1, 255),
    "net.ipv4.ip_no_pmtu_disc": ("sysctl_ip_no_pmtu_disc", 0, 3),
    "net.ipv4.ip_nonlocal_bind": ("sysctl_ip_nonlocal_bind", 0, 1),
    "net.ipv4.ip_unprivileged_port_start": ("sysctl_ip_unprivileged_port_start", 0, 65535),
    "net.ipv4.icmp_echo_ignore_all": ("sysctl_icmp_echo_ignore_all", 0, 1),
    "net.ipv4.icmp_echo_ignore_broadcasts": ("sysctl_icmp_echo_ignore_broadcasts", 0, 1),
    "net.ipv4.icmp_ratelimit": ("sysctl_icmp_ratelimit", 0, 1 << 31),
    "net.ipv4.icmp_ratemask": ("sysctl_icmp_ratemask", 0, 1 << 31),
    "net.ipv4.icmp_msgs_per_sec": ("sysctl_icmp_msgs_per_sec", 0, 1 << 31),
    "net.ipv4.icmp_msgs_burst": ("sysctl_icmp_msgs_burst", 0, 1 << 31),
    "net.ipv4.ipfrag_high_thresh": ("sysctl_ipfrag_high_thresh", 0, 1 << 31),
    "net.ipv4.ipfrag_low_thresh": ("sysctl_ipfrag_low_thresh", 0, 1 << 31),
    "net.ipv4.igmp_max_memberships": ("sysctl_igmp_max_memberships", 0, 65535),
    "net.ipv4.route.min_pmtu": ("sysctl_min_pmtu", 68, 65535),
    "net.ipv4.neigh.default.gc_thresh1": ("sysctl_neigh_gc_thresh1", 0, 1 << 31),
    "net.ipv4.neigh.default.gc_thresh2": ("sysctl_neigh_gc_thresh2", 0, 1 << 31),
    "net.ipv4.neigh.default.gc_thresh3": ("sysctl_neigh_gc_thresh3", 1, 1 << 31),
    "net.ipv4.tcp_timestamps": ("sysctl_tcp_timestamps", 0, 2),
    "net.ipv4.tcp_sack": ("sysctl_tcp_sack", 0, 1),
    "net.ipv4.tcp_dsack": ("sysctl_tcp_dsack", 0, 1),
    "net.ipv4.tcp_window_scaling": ("sysctl_tcp_window_scaling", 0, 1),
    "net.ipv4.tcp_ecn": ("sysctl_tcp_ecn", 0, 2),
    "net.ipv4.tcp_syn_retries": ("sysctl_tcp_syn_retries", 1, 127),
    "net.ipv4.tcp_synack_retries": ("sysctl_tcp_synack_retries", 0, 255),
    "net.ipv4.tcp_retries1": ("sysctl_tcp_retries1", 0, 255),
    "net.ipv4.tcp_retries2": ("sysctl_tcp_retries2", 0, 255),
    "net.ipv4.tcp_orphan_retries": ("sysctl_tcp_orphan_retries", 0, 255),
    "net.ipv4.tcp_keepalive_probes": ("sysctl_tcp_keepalive_probes", 1, 127),
    "net.ipv4.tcp_max_syn_backlog": ("sysctl_tcp_max_syn_backlog", 0, 1 << 31),
    "net.ipv4.tcp_max_tw_buckets": ("sysctl_tcp_max_tw_buckets", 0, 1 << 31),
    "net.ipv4.tcp_max_orphans": ("sysctl_tcp_max_orphans", 0, 1 << 31),
    "net.ipv4.tcp_tw_reuse": ("sysctl_tcp_tw_reuse", 0, 2),
    "net.ipv4.tcp_rfc1337": ("sysctl_tcp_rfc1337", 0, 1),
    "net.ipv4.tcp_abort_on_overflow": ("sysctl_tcp_abort_on_overflow", 0, 1),
    "net.ipv4.tcp_reordering": ("sysctl_tcp_reordering", 1, 300),
    "net.ipv4.tcp_max_reordering": ("sysctl_tcp_max_reordering", 1, 1 << 31),
    "net.ipv4.tcp_retrans_collapse": ("sysctl_tcp_retrans_collapse", 0, 1),
    "net.ipv4.tcp_slow_start_after_idle": ("sysctl_tcp_slow_start_after_idle", 0, 1),
    "net.ipv4.tcp_moderate_rcvbuf": ("sysctl_tcp_moderate_rcvbuf", 0, 1),
    "net.ipv4.tcp_adv_win_scale": ("sysctl_tcp_adv_win_scale", -31, 31),
    "net.ipv4.tcp_app_win": ("sysctl_tcp_app_win", 0, 31),
    "net.ipv4.tcp_challenge_ack_limit": ("sysctl_tcp_challenge_ack_limit", 0, 1 << 31),
    "net.ipv4.tcp_early_retrans": ("sysctl_tcp_early_retrans", 0, 4),
    "net.ipv4.tcp_recovery": ("sysctl_tcp_recovery", 0, 7),
    "net.ipv4.tcp_frto": ("sysctl_tcp_frto", 0, 2),
    "net.ipv4.tcp_stdurg": ("sysctl_tcp_stdurg", 0, 1),
    "net.ipv4.tcp_autocorking": ("sysctl_tcp_autocorking", 0, 1),
    "net.ipv4.tcp_base_mss": ("sysctl_tcp_base_mss", 48, 65535),
    "net.ipv4.tcp_min_snd_mss": ("sysctl_tcp_min_snd_mss", 48, 65535),
    "net.ipv4.tcp_mtu_probing": ("sysctl_tcp_mtu_probing", 0, 2),
    "net.ipv4.tcp_mtu_probe_floor": ("sysctl_tcp_mtu_probe_floor", 48, 65535),
    "net.ipv4.tcp_probe_threshold": ("sysctl_tcp_probe_threshold", 0, 0x7FFFFFFF),
    "net.ipv4.tcp_notsent_lowat": ("sysctl_tcp_notsent_lowat", 0, 0xFFFFFFFF),
    "net.ipv4.tcp_limit_output_bytes": ("sysctl_tcp_limit_output_bytes", 0, 1 << 31),
    "net.ipv4.tcp_no_metrics_save": ("sysctl_tcp_no_metrics_save", 0, 1),
    "net.ipv4.tcp_comp_sack_nr": ("sysctl_tcp_comp_sack_nr", 0, 255),
    "net.ipv4.tcp_thin_linear_timeouts": ("sysctl_tcp_thin_linear_timeouts", 0, 1),
    "net.core.txrehash": ("sysctl_txrehash", 0, 1),
    "net.ipv4.tcp_fastopen": ("sysctl_tcp_fastopen", 0, 0x7FFFFFFF),
}

# name: (field of `net.tcp`, smallest, largest)
OF_TCP = {
    "net.ipv4.tcp_min_tso_segs": ("tcp_min_tso_segs", 1, 255),
    "net.ipv4.tcp_tso_win_divisor": ("tcp_tso_win_divisor", 0, 1 << 16),
}

# name: (field of `net.igmp`, smallest, largest)
OF_IGMP = {
    "net.ipv4.igmp_qrv": ("qrv", 1, 7),
    "net.ipv4.igmp_max_msf": ("max_msf", 0, 65535),
    "net.ipv4.igmp_link_local_mcast_reports": ("link_local_reports", 0, 1),
}

# name: (field of Net, ns per unit)
TIMES = {
    "net.ipv4.ipfrag_time": ("sysctl_ipfrag_time", NSEC_PER_SEC),
    "net.ipv4.route.mtu_expires": ("sysctl_mtu_expires", NSEC_PER_SEC),
    "net.ipv4.tcp_keepalive_time": ("sysctl_tcp_keepalive_time", NSEC_PER_SEC),
    "net.ipv4.tcp_keepalive_intvl": ("sysctl_tcp_keepalive_intvl", NSEC_PER_SEC),
    "net.ipv4.tcp_fin_timeout": ("sysctl_tcp_fin_timeout", NSEC_PER_SEC),
    "net.ipv4.tcp_invalid_ratelimit": ("sysctl_tcp_invalid_ratelimit", NSEC_PER_MSEC),
    "net.ipv4.tcp_probe_interval": ("sysctl_tcp_probe_interval", NSEC_PER_SEC),
    "net.ipv4.tcp_min_rtt_wlen": ("sysctl_tcp_min_rtt_wlen", NSEC_PER_SEC),
    "net.ipv4.tcp_comp_sack_delay_ns": ("sysctl_tcp_comp_sack_delay", 1),
}

# name: (fields of Net, smallest value of any)
VECTORS = {
    "net.ipv4.ip_local_port_range": (("sysctl_ip_local_port_first", "sysctl_ip_local_port_last"), 1),
    "net.ipv4.ping_group_range": (("sysctl_ping_group_first", "sysctl_ping_group_last"), 0),
    "net.ipv4.tcp_rmem": (("sysctl_tcp_rmem_min", "sysctl_tcp_rmem_default", "sysctl_tcp_rmem_max"), 1),
    "net.ipv4.tcp_wmem": (("sysctl_tcp_wmem_min", "sysctl_tcp_wmem_default", "sysctl_tcp_wmem_max"), 1),
}


def net_sysctl_init(net, sysctl):
    """Register every setting with the kernel's sysctl table."""
    for name, (field, low, high) in PLAIN.items():
        sysctl.register(name, getter(net, field), bounded(net, field, low, high))
    for name, (field, low, high) in OF_TCP.items():
        sysctl.register(name, getter(net.tcp, field), bounded(net.tcp, field, low, high))
    for name, (field, low, high) in OF_IGMP.items():
        sysctl.register(name, getter(net.igmp, field), bounded(net.igmp, field, low, high))
    for name, (field, unit) in TIMES.items():
        sysctl.register(name, scaled(net, field, unit), timed(net, field, unit))
    for name, (fields, low) in VECTORS.items():
        sysctl.register(name, vector(net, fields), vector_store(net, fields, low))
    limits = ("mem_low", "mem_pressure", "mem_high")
    for name, protocol in (("net.ipv4.tcp_mem", IPPROTO_TCP), ("net.ipv4.udp_mem", IPPROTO_UDP)):
        prot = prot_of(net, protocol)
        sysctl.register(name, vector(prot, limits), vector_store(prot, limits, 0))
    sysctl.register("net.ipv4.ip_forward", getter(net, "sysctl_ip_forward"), forwarding(net))
    register_netdevice_notifier(net, devinet_sysctl_init(net, sysctl))
    register_netdevice_notifier(net, neigh_sysctl_init(net, sysctl))
    sysctl.register("net.ipv4.tcp_fastopen_key", net.tcp.fastopen.key_text, net.tcp.fastopen.set_key_text)
    sysctl.register(
        "net.ipv4.tcp_fastopen_blackhole_timeout_sec",
        scaled(net, "sysctl_tcp_fastopen_blackhole_timeout", NSEC_PER_SEC),
        blackhole_timeout(net),
    )
    sysctl.register("net.core.default_qdisc", getter(net, "sysctl_default_qdisc"), default_qdisc(net))
    sysctl.register(
        "net.ipv4.tcp_congestion_control", getter(net, "sysctl_tcp_congestion_control"), congestion_control(net)
    )


def getter(net, field):
    return lambda: getattr(net, field)


def bounded(net, field, low, high):
    def store(value):
        if not low <= value <= high:
            return -EINVAL
        setattr(net, field, value)
        return 0

    return store


def scaled(net, field, unit):
    return lambda: getattr(net, field) // unit


def timed(net, field, unit):
    def store(value):
        if value < 0 or value > 1 << 31:
            return -EINVAL
        setattr(net, field, value * unit)
        return 0

    return store


def prot_of(net, protocol):
    return next(entry.prot for entries in net.inetsw.values() for entry in entries if entry.protocol == protocol)


def vector(net, fields):
    return lambda: "\t".join(str(getattr(net, field)) for field in fields)


def vector_store(net, fields, low):
    def store(text):
        try:
            values = [int(word) for word in text.split()]
        except ValueError:
            return -EINVAL
        if len(values) != len(fields) or values != sorted(values) or values[0] < low or values[-1] > 1 << 31:
            return -EINVAL
        if fields[0] == "sysctl_ip_local_port_first" and values[-1] > 65535:
            return -EINVAL
        for field, value in zip(fields, values, strict=True):
            setattr(net, field, value)
        return 0

    return store


def forwarding(net):
    """Routing on or off changes what every cached route says."""

    def store(value):
        ip_forward_change(net, 1 if value else 0)
        return 0

    return store


def blackhole_timeout(net):
    """A new pause begins with a clean slate."""
    store = timed(net, "sysctl_tcp_fastopen_blackhole_timeout", NSEC_PER_SEC)

    def change(value):
        net.tcp.fastopen.disable_times = 0
        return store(value)

    return change


def default_qdisc(net):
    """What devices get that are made from now on."""

    def store(name):
        if name not in ("pfifo", "fq"):
            return -ENOENT
        net.sysctl_default_qdisc = name
        return 0

    return store


def congestion_control(net):
    def store(name):
        if name not in ("reno", "cubic"):
            return -ENOENT
        net.sysctl_tcp_congestion_control = name
        return 0

    return store
