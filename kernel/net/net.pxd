cimport cython

from kernel.arch.trace cimport Trace
from kernel.net.core.skbuff cimport sk_buff, skbuff_cache
from kernel.net.snmp cimport ipstats
from kernel.sched.core cimport Scheduler
from kernel.softirq cimport SoftIRQ
from kernel.time.timer cimport TimerBase

cdef long long NSEC_PER_SEC, NSEC_PER_MSEC
cdef unsigned int MASK32, HASH_A, HASH_B, HASH_C
cdef int IPPROTO_MAX, IP_LOCAL_PORT_FIRST, IP_LOCAL_PORT_LAST


cdef class net_protocol:
    cdef public str name
    cpdef int handler(self, sk_buff skb) except? -9999
    cpdef int err_handler(self, sk_buff skb, unsigned int info) except? -9999


cdef class netfilter_hook:
    cpdef int hook(self, sk_buff skb) except? -9999


cdef class Net:
    cdef public object kernel
    cdef public Scheduler sched
    cdef public TimerBase timers
    cdef public SoftIRQ softirq
    cdef public skbuff_cache skb_cache
    cdef public Trace trace
    cdef public object random
    cdef public ipstats mib
    cdef public object softnet, loopback_dev
    cdef public list inet_protos
    cdef public dict families, inetsw
    cdef public list local_in_hooks
    cdef public unsigned int rt_genid
    cdef public object fib, arp_tbl, frags, devinet, igmp, icmp, ip, udp_table, raw_table, ping_table
    cdef public list packet_sockets, ra_chain
    cdef public object sockfs, tcp, sysctl, packet_family, unix_domain, netlink, devconf
    cdef public long long sockets_allocated, sockets_used, socket_cookie, dev_unreg_count
    cdef public unsigned long long hash_key
    cdef public unsigned int ip_id
    cdef public object sysctl_tcp_congestion_control, sysctl_default_qdisc
    cdef public long long sysctl_tcp_thin_linear_timeouts, sysctl_txrehash
    cdef public long long sysctl_wmem_default, sysctl_wmem_max, sysctl_rmem_default, sysctl_rmem_max
    cdef public long long sysctl_somaxconn, sysctl_optmem_max, sysctl_ip_forward, sysctl_ip_default_ttl
    cdef public long long sysctl_tstamp_allow_data, sysctl_tcp_fastopen, sysctl_tcp_fastopen_blackhole_timeout
    cdef public long long sysctl_ip_no_pmtu_disc, sysctl_ip_nonlocal_bind, sysctl_ip_unprivileged_port_start
    cdef public long long sysctl_ip_local_port_first, sysctl_ip_local_port_last
    cdef public long long sysctl_icmp_echo_ignore_all
    cdef public long long sysctl_icmp_echo_ignore_broadcasts, sysctl_icmp_ratelimit, sysctl_icmp_ratemask
    cdef public long long sysctl_icmp_msgs_per_sec, sysctl_icmp_msgs_burst, sysctl_ping_group_first
    cdef public long long sysctl_ping_group_last, sysctl_ipfrag_high_thresh, sysctl_ipfrag_low_thresh
    cdef public long long sysctl_ipfrag_time, sysctl_ipfrag_max_dist, sysctl_min_pmtu, sysctl_mtu_expires
    cdef public long long sysctl_udp_rmem_min, sysctl_udp_wmem_min, sysctl_igmp_max_memberships
    cdef public long long sysctl_tcp_early_demux, sysctl_neigh_gc_thresh1, sysctl_neigh_gc_thresh2
    cdef public long long sysctl_neigh_gc_thresh3
    cdef public long long sysctl_tcp_rmem_min, sysctl_tcp_rmem_default, sysctl_tcp_rmem_max, sysctl_tcp_wmem_min
    cdef public long long sysctl_tcp_wmem_default, sysctl_tcp_wmem_max, sysctl_tcp_timestamps, sysctl_tcp_sack
    cdef public long long sysctl_tcp_dsack, sysctl_tcp_window_scaling, sysctl_tcp_ecn, sysctl_tcp_syn_retries
    cdef public long long sysctl_tcp_synack_retries, sysctl_tcp_retries1, sysctl_tcp_retries2
    cdef public long long sysctl_tcp_orphan_retries, sysctl_tcp_keepalive_time, sysctl_tcp_keepalive_intvl
    cdef public long long sysctl_tcp_keepalive_probes, sysctl_tcp_fin_timeout, sysctl_tcp_max_syn_backlog
    cdef public long long sysctl_tcp_max_tw_buckets, sysctl_tcp_max_orphans, sysctl_tcp_tw_reuse
    cdef public long long sysctl_tcp_rfc1337, sysctl_tcp_abort_on_overflow, sysctl_tcp_reordering
    cdef public long long sysctl_tcp_max_reordering, sysctl_tcp_retrans_collapse, sysctl_tcp_slow_start_after_idle
    cdef public long long sysctl_tcp_moderate_rcvbuf, sysctl_tcp_adv_win_scale, sysctl_tcp_app_win
    cdef public long long sysctl_tcp_challenge_ack_limit, sysctl_tcp_invalid_ratelimit, sysctl_tcp_early_retrans
    cdef public long long sysctl_tcp_recovery, sysctl_tcp_frto, sysctl_tcp_stdurg, sysctl_tcp_autocorking
    cdef public long long sysctl_tcp_base_mss, sysctl_tcp_min_snd_mss, sysctl_tcp_notsent_lowat
    cdef public long long sysctl_tcp_limit_output_bytes, sysctl_tcp_min_rtt_wlen, sysctl_tcp_no_metrics_save
    cdef public long long sysctl_tcp_comp_sack_delay, sysctl_tcp_comp_sack_nr
    cdef public long long sysctl_tcp_mtu_probing, sysctl_tcp_probe_interval, sysctl_tcp_probe_threshold
    cdef public long long sysctl_tcp_mtu_probe_floor
    cpdef local_port_range(self)
    @cython.locals(h=cython.uint)
    cpdef unsigned int hash2(self, unsigned int a, unsigned int b) noexcept
