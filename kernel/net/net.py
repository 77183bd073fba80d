"""`Net`: one kernel's network namespace, and `net_protocol`, what IP hands a packet to.

Everything that Linux keeps in `struct net` or in global variables of its network stack hangs on this object, so
that several kernels live in one process.  Tables that belong to one layer are declared `object` here and are
typed where that layer uses them.
"""

from kernel.net.ipv4.devconf import devconf_table
from kernel.net.snmp import ipstats
from kernel.uapi.in_ import IP_LOCAL_PORT_FIRST, IP_LOCAL_PORT_LAST, IPPROTO_MAX

NSEC_PER_SEC = 1000000000
NSEC_PER_MSEC = 1000000
# Named, because Cython takes a literal of more than 31 bits for a Python integer.
MASK32 = 0xFFFFFFFF
HASH_A = 0x9E3779B1
HASH_B = 0x85EBCA77
HASH_C = 0xC2B2AE3D


class net_protocol:
    """A transport protocol's handlers; `Net.inet_protos` holds one per protocol number."""

    def __init__(self):
        # As the protocol is called in messages; /proc/net/protocols names the socket side.
        self.name = ""

    def handler(self, skb):
        """Take a packet: skb.data at the transport header, the IP header at skb.network_header.  Consumes it."""
        return 0

    def err_handler(self, skb, info):
        """An ICMP error quotes a packet of ours: skb.data at the quoted IP header.  Does not consume it.

        `info` is the next-hop MTU of a "fragmentation needed", otherwise the last four bytes of the ICMP header.
        """
        return 0


class netfilter_hook:
    """An entry of `Net.local_in_hooks`: sees packets for this host before their transport protocol does."""

    def hook(self, skb):
        """NF_ACCEPT passes the packet on, NF_STOLEN: the hook has consumed it, NF_DROP: drop it."""
        return 1


class Net:
    """The network state of one kernel.  Times are nanoseconds, addresses host-order integers."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.sched = kernel.sched
        self.timers = kernel.timers
        self.softirq = kernel.softirq
        self.skb_cache = kernel.skb_cache
        self.trace = kernel.trace
        self.random = kernel.random
        self.mib = ipstats()

        self.softnet = None
        self.loopback_dev = None
        self.inet_protos = [None] * IPPROTO_MAX
        self.families = {}
        self.inetsw = {}
        self.local_in_hooks = []

        # One generation number makes every cached route stale at once.
        self.rt_genid = 1
        self.fib = None
        self.arp_tbl = None
        self.frags = None
        self.devinet = None
        self.igmp = None
        self.icmp = None
        self.ip = None
        self.udp_table = None
        self.raw_table = None
        self.ping_table = None
        self.packet_sockets = []
        # Raw socks with IP_ROUTER_ALERT, the oldest first.
        self.ra_chain = []
        self.packet_family = None
        self.unix_domain = None
        self.netlink = None
        self.sockfs = None
        self.tcp = None
        self.sysctl = None

        self.sockets_allocated = 0
        self.sockets_used = 0
        self.socket_cookie = 0
        self.dev_unreg_count = 0
        self.hash_key = kernel.random.getrandbits(63)
        # The IP identification of packets that carry no socket's counter.
        self.ip_id = kernel.random.getrandbits(16)

        # net.core
        self.sysctl_wmem_default = 212992
        self.sysctl_wmem_max = 212992
        self.sysctl_rmem_default = 212992
        self.sysctl_rmem_max = 212992
        self.sysctl_somaxconn = 4096
        self.sysctl_optmem_max = 131072
        self.sysctl_tstamp_allow_data = 1

        # net.ipv4
        self.devconf = devconf_table()
        self.sysctl_ip_forward = 0
        self.sysctl_ip_default_ttl = 64
        self.sysctl_ip_no_pmtu_disc = 0
        self.sysctl_ip_nonlocal_bind = 0
        self.sysctl_ip_unprivileged_port_start = 1024
        self.sysctl_ip_local_port_first = IP_LOCAL_PORT_FIRST
        self.sysctl_ip_local_port_last = IP_LOCAL_PORT_LAST
        self.sysctl_icmp_echo_ignore_all = 0
        self.sysctl_icmp_echo_ignore_broadcasts = 1
        self.sysctl_icmp_ratelimit = 1000
        self.sysctl_icmp_ratemask = 6168
        self.sysctl_icmp_msgs_per_sec = 1000
        self.sysctl_icmp_msgs_burst = 50
        self.sysctl_ping_group_first = 0
        self.sysctl_ping_group_last = 2147483647
        self.sysctl_ipfrag_high_thresh = 4194304
        self.sysctl_ipfrag_low_thresh = 3145728
        self.sysctl_ipfrag_time = 30 * NSEC_PER_SEC
        self.sysctl_ipfrag_max_dist = 64
        self.sysctl_min_pmtu = 552
        self.sysctl_mtu_expires = 600 * NSEC_PER_SEC
        self.sysctl_udp_rmem_min = 4096
        self.sysctl_udp_wmem_min = 4096
        self.sysctl_igmp_max_memberships = 20
        self.sysctl_tcp_early_demux = 1

        # net.ipv4.neigh.default
        self.sysctl_neigh_gc_thresh1 = 128
        self.sysctl_neigh_gc_thresh2 = 512
        self.sysctl_neigh_gc_thresh3 = 1024

        # net.ipv4.tcp_*
        self.sysctl_tcp_rmem_min = 4096
        self.sysctl_tcp_rmem_default = 131072
        self.sysctl_tcp_rmem_max = 6291456
        self.sysctl_tcp_wmem_min = 4096
        self.sysctl_tcp_wmem_default = 16384
        self.sysctl_tcp_wmem_max = 4194304
        self.sysctl_tcp_timestamps = 1
        self.sysctl_tcp_sack = 1
        self.sysctl_tcp_dsack = 1
        self.sysctl_tcp_window_scaling = 1
        self.sysctl_tcp_ecn = 2
        self.sysctl_tcp_syn_retries = 6
        self.sysctl_tcp_synack_retries = 5
        self.sysctl_tcp_retries1 = 3
        self.sysctl_tcp_retries2 = 15
        self.sysctl_tcp_orphan_retries = 0
        self.sysctl_tcp_keepalive_time = 7200 * NSEC_PER_SEC
        self.sysctl_tcp_keepalive_intvl = 75 * NSEC_PER_SEC
        self.sysctl_tcp_keepalive_probes = 9
        self.sysctl_tcp_fin_timeout = 60 * NSEC_PER_SEC
        self.sysctl_tcp_max_syn_backlog = 1024
        self.sysctl_tcp_max_tw_buckets = 262144
        self.sysctl_tcp_max_orphans = 65536
        self.sysctl_tcp_tw_reuse = 2
        self.sysctl_tcp_rfc1337 = 0
        self.sysctl_tcp_abort_on_overflow = 0
        self.sysctl_tcp_reordering = 3
        self.sysctl_tcp_max_reordering = 300
        self.sysctl_tcp_retrans_collapse = 1
        self.sysctl_tcp_slow_start_after_idle = 1
        self.sysctl_tcp_moderate_rcvbuf = 1
        self.sysctl_tcp_adv_win_scale = 1
        self.sysctl_tcp_app_win = 31
        self.sysctl_tcp_challenge_ack_limit = 2147483647
        self.sysctl_tcp_invalid_ratelimit = 500 * NSEC_PER_MSEC
        self.sysctl_tcp_early_retrans = 3
        self.sysctl_tcp_recovery = 1
        self.sysctl_tcp_frto = 2
        self.sysctl_tcp_stdurg = 0
        self.sysctl_tcp_autocorking = 1
        self.sysctl_tcp_base_mss = 1024
        self.sysctl_tcp_min_snd_mss = 48
        self.sysctl_tcp_mtu_probing = 0
        self.sysctl_tcp_mtu_probe_floor = 48
        self.sysctl_tcp_probe_threshold = 8
        self.sysctl_tcp_probe_interval = 600 * NSEC_PER_SEC
        self.sysctl_tcp_notsent_lowat = 0xFFFFFFFF
        self.sysctl_tcp_limit_output_bytes = 1048576
        self.sysctl_tcp_min_rtt_wlen = 300 * NSEC_PER_SEC
        self.sysctl_tcp_no_metrics_save = 0
        self.sysctl_tcp_comp_sack_delay = NSEC_PER_MSEC
        self.sysctl_tcp_comp_sack_nr = 44
        self.sysctl_tcp_congestion_control = "cubic"
        self.sysctl_tcp_fastopen = 1
        self.sysctl_tcp_thin_linear_timeouts = 0
        self.sysctl_txrehash = 1
        self.sysctl_default_qdisc = "pfifo"
        self.sysctl_tcp_fastopen_blackhole_timeout = 0

    def local_port_range(self):
        """The first and the last port that automatic binding may take."""
        return self.sysctl_ip_local_port_first, self.sysctl_ip_local_port_last

    def hash2(self, a, b):
        """A keyed 32-bit hash of two 32-bit words: the key is the machine's own, so outsiders can not aim at a bucket."""
        h = (a * HASH_A + (self.hash_key & MASK32)) & MASK32
        h ^= h >> 15
        h = ((h ^ b) * HASH_B + (self.hash_key >> 32)) & MASK32
        h ^= h >> 13
        h = (h * HASH_C) & MASK32
        return h ^ (h >> 16)
