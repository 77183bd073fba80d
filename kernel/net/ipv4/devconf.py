"""What each interface's directory under net.ipv4.conf says (Linux: struct ipv4_devconf, networking/ip-sysctl).

`conf.all` and `conf.default` of `Net.devconf` look the same: "default" is what a new interface begins with, and what
"all" means differs from setting to setting: it must agree (`both`), it suffices (`either`), or the larger value counts
(`larger`).
"""

# name: (value at boot, smallest, largest)
SETTINGS = {
    "forwarding": (0, 0, 1),
    "mc_forwarding": (0, 0, 0),
    "accept_redirects": (1, 0, 1),
    "secure_redirects": (1, 0, 1),
    "send_redirects": (1, 0, 1),
    "shared_media": (1, 0, 1),
    "accept_source_route": (0, 0, 1),
    "accept_local": (0, 0, 1),
    "route_localnet": (0, 0, 1),
    "rp_filter": (0, 0, 2),
    "log_martians": (0, 0, 1),
    "proxy_arp": (0, 0, 1),
    "proxy_arp_pvlan": (0, 0, 1),
    "arp_filter": (0, 0, 1),
    "arp_announce": (0, 0, 2),
    "arp_ignore": (0, 0, 8),
    "arp_accept": (0, 0, 1),
    "arp_notify": (0, 0, 1),
    "drop_gratuitous_arp": (0, 0, 1),
    "drop_unicast_in_l2_multicast": (0, 0, 1),
    "promote_secondaries": (0, 0, 1),
    "force_igmp_version": (0, 0, 3),
    "igmpv2_unsolicited_report_interval": (10000, 1, 1 << 30),
    "igmpv3_unsolicited_report_interval": (1000, 1, 1 << 30),
}


class ipv4_devconf:
    """The settings of one interface, by their names."""

    def __init__(self, like=None):
        for name, (value, _, _) in SETTINGS.items():
            setattr(self, name, value if like is None else getattr(like, name))


class devconf_table:
    """`all` and `default` of a network namespace."""

    def __init__(self):
        self.all = ipv4_devconf()
        self.default = ipv4_devconf()
        # Every interface would; "all" has to agree.
        self.default.accept_source_route = 1

    def both(self, cnf, name):
        """The interface and "all" agree on it."""
        return bool(getattr(self.all, name) and getattr(cnf, name))

    def either(self, cnf, name):
        """The interface or "all" wants it."""
        return bool(getattr(self.all, name) or getattr(cnf, name))

    def larger(self, cnf, name):
        """The larger value of the interface's and that of "all"."""
        return max(getattr(self.all, name), getattr(cnf, name))

    def accepts_redirects(self, cnf):
        """A router takes redirects only where both say so, a host where one does."""
        return self.both(cnf, "accept_redirects") if cnf.forwarding else self.either(cnf, "accept_redirects")
