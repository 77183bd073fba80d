"""The files of a machine's /etc that name things: hosts, services, protocols, and the order in which names are looked up."""

HOSTS = "127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n10.0.2.2\tgateway\n"
NSSWITCH = "hosts:\t\tfiles dns\nnetworks:\tfiles\nservices:\tfiles\nprotocols:\tfiles\n"
NETWORKS = "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n"

# (name, port, protocols, aliases): the Service Name and Transport Protocol Port Number Registry.
SERVICES = (
    ("tcpmux", 1, "tcp", ""),
    ("echo", 7, "tcp udp", ""),
    ("discard", 9, "tcp udp", "sink null"),
    ("systat", 11, "tcp", "users"),
    ("daytime", 13, "tcp udp", ""),
    ("qotd", 17, "tcp", "quote"),
    ("chargen", 19, "tcp udp", "ttytst source"),
    ("ftp-data", 20, "tcp", ""),
    ("ftp", 21, "tcp", ""),
    ("ssh", 22, "tcp", ""),
    ("telnet", 23, "tcp", ""),
    ("smtp", 25, "tcp", "mail"),
    ("time", 37, "tcp udp", "timserver"),
    ("whois", 43, "tcp", "nicname"),
    ("domain", 53, "tcp udp", ""),
    ("bootps", 67, "udp", ""),
    ("bootpc", 68, "udp", ""),
    ("tftp", 69, "udp", ""),
    ("gopher", 70, "tcp", ""),
    ("finger", 79, "tcp", ""),
    ("http", 80, "tcp", "www"),
    ("kerberos", 88, "tcp udp", "kerberos5 krb5 kerberos-sec"),
    ("pop3", 110, "tcp", "pop-3"),
    ("sunrpc", 111, "tcp udp", "portmapper"),
    ("auth", 113, "tcp", "authentication tap ident"),
    ("nntp", 119, "tcp", "readnews untp"),
    ("ntp", 123, "udp", ""),
    ("netbios-ns", 137, "udp", ""),
    ("netbios-dgm", 138, "udp", ""),
    ("netbios-ssn", 139, "tcp", ""),
    ("imap2", 143, "tcp", "imap"),
    ("snmp", 161, "tcp udp", ""),
    ("snmp-trap", 162, "tcp udp", "snmptrap"),
    ("bgp", 179, "tcp", ""),
    ("irc", 194, "tcp udp", ""),
    ("ldap", 389, "tcp udp", ""),
    ("https", 443, "tcp udp", ""),
    ("microsoft-ds", 445, "tcp udp", ""),
    ("isakmp", 500, "udp", ""),
    ("exec", 512, "tcp", ""),
    ("login", 513, "tcp", ""),
    ("who", 513, "udp", "whod"),
    ("shell", 514, "tcp", "cmd syslog"),
    ("syslog", 514, "udp", ""),
    ("printer", 515, "tcp", "spooler"),
    ("route", 520, "udp", "router routed"),
    ("submission", 587, "tcp", ""),
    ("ldaps", 636, "tcp udp", ""),
    ("domain-s", 853, "tcp udp", ""),
    ("rsync", 873, "tcp", ""),
    ("imaps", 993, "tcp", ""),
    ("pop3s", 995, "tcp", ""),
    ("socks", 1080, "tcp", ""),
    ("openvpn", 1194, "tcp udp", ""),
    ("ms-sql-s", 1433, "tcp", ""),
    ("radius", 1812, "udp", ""),
    ("nfs", 2049, "tcp udp", ""),
    ("mysql", 3306, "tcp", ""),
    ("ms-wbt-server", 3389, "tcp", ""),
    ("sip", 5060, "tcp udp", ""),
    ("iperf3", 5201, "tcp udp", ""),
    ("mdns", 5353, "udp", ""),
    ("postgresql", 5432, "tcp", "postgres"),
    ("redis", 6379, "tcp", ""),
    ("http-alt", 8080, "tcp udp", "webcache"),
)

# (name, number, alias): the Protocol Numbers registry.
PROTOCOLS = (
    ("ip", 0, "IP"),
    ("icmp", 1, "ICMP"),
    ("igmp", 2, "IGMP"),
    ("ipencap", 4, "IP-ENCAP"),
    ("tcp", 6, "TCP"),
    ("egp", 8, "EGP"),
    ("udp", 17, "UDP"),
    ("dccp", 33, "DCCP"),
    ("gre", 47, "GRE"),
    ("esp", 50, "IPSEC-ESP"),
    ("ah", 51, "IPSEC-AH"),
    ("ospf", 89, "OSPFIGP"),
    ("pim", 103, "PIM"),
    ("vrrp", 112, "VRRP"),
    ("sctp", 132, "SCTP"),
    ("udplite", 136, "UDPLite"),
)


def services() -> str:
    """services(5)."""
    lines = []
    for name, port, protocols, aliases in SERVICES:
        lines += ["\t".join([name, f"{port}/{protocol}", aliases]).rstrip() for protocol in protocols.split()]
    return "\n".join(lines) + "\n"


def protocols() -> str:
    """protocols(5)."""
    return "".join(f"{name}\t{number}\t{alias}\n" for name, number, alias in PROTOCOLS)


def name_files(hostname: str) -> dict[str, bytes]:
    """{path: content} of all of them."""
    return {
        "/etc/hosts": HOSTS.format(hostname=hostname).encode(),
        "/etc/networks": NETWORKS.encode(),
        "/etc/services": services().encode(),
        "/etc/protocols": protocols().encode(),
        "/etc/nsswitch.conf": NSSWITCH.encode(),
    }
