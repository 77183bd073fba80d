"""<linux/in.h>: protocols, addresses and IP-level options.  Addresses are integers in host order."""

IPPROTO_IP = 0
IPPROTO_ICMP = 1
IPPROTO_IGMP = 2
IPPROTO_TCP = 6
IPPROTO_UDP = 17
IPPROTO_RAW = 255
# One more than IPPROTO_MPTCP.
IPPROTO_MAX = 263

INADDR_ANY = 0
INADDR_LOOPBACK = 0x7F000001
INADDR_BROADCAST = 0xFFFFFFFF
INADDR_ALLHOSTS_GROUP = 0xE0000001
INADDR_ALLRTRS_GROUP = 0xE0000002
# Where reports of IGMPv3 go: all routers that understand them.
IGMPV3_ALL_MCR = 0xE0000016

# Ports below this one are for the superuser; where automatic ports come from by default.
PROT_SOCK = 1024
IP_LOCAL_PORT_FIRST = 32768
IP_LOCAL_PORT_LAST = 60999

IP_TOS = 1
IP_TTL = 2
IP_HDRINCL = 3
IP_OPTIONS = 4
IP_ROUTER_ALERT = 5
IP_RECVOPTS = 6
IP_RETOPTS = 7
IP_PKTINFO = 8
IP_PKTOPTIONS = 9
IP_MTU_DISCOVER = 10
IP_RECVERR = 11
IP_RECVTTL = 12
IP_RECVTOS = 13
IP_PASSSEC = 18
IP_MTU = 14
IP_FREEBIND = 15
IP_TRANSPARENT = 19
IP_RECVORIGDSTADDR = 20
IP_ORIGDSTADDR = IP_RECVORIGDSTADDR
IP_MINTTL = 21
IP_NODEFRAG = 22
IP_BIND_ADDRESS_NO_PORT = 24
IP_CHECKSUM = 23
IP_RECVFRAGSIZE = 25
IP_IPSEC_POLICY = 16
IP_XFRM_POLICY = 17
IP_RECVERR_RFC4884 = 26
IP_MULTICAST_IF = 32
IP_MULTICAST_TTL = 33
IP_MULTICAST_LOOP = 34
IP_ADD_MEMBERSHIP = 35
IP_DROP_MEMBERSHIP = 36
IP_UNBLOCK_SOURCE = 37
IP_BLOCK_SOURCE = 38
IP_ADD_SOURCE_MEMBERSHIP = 39
IP_DROP_SOURCE_MEMBERSHIP = 40
IP_MSFILTER = 41
MCAST_JOIN_GROUP = 42
MCAST_BLOCK_SOURCE = 43
MCAST_UNBLOCK_SOURCE = 44
MCAST_LEAVE_GROUP = 45
MCAST_JOIN_SOURCE_GROUP = 46
MCAST_LEAVE_SOURCE_GROUP = 47
MCAST_MSFILTER = 48
IP_MULTICAST_ALL = 49
IP_UNICAST_IF = 50
IP_LOCAL_PORT_RANGE = 51
IP_PROTOCOL = 52

# Filter modes of a multicast membership.
MCAST_EXCLUDE = 0
MCAST_INCLUDE = 1

# Values of IP_MTU_DISCOVER.
IP_PMTUDISC_DONT = 0
IP_PMTUDISC_WANT = 1
IP_PMTUDISC_DO = 2
IP_PMTUDISC_PROBE = 3
IP_PMTUDISC_INTERFACE = 4
IP_PMTUDISC_OMIT = 5


def inet_ntoa(address):
    """Dotted quad of a host-order address."""
    return f"{address >> 24 & 255}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def inet_addr(text):
    """Host-order address of a dotted quad; ValueError when it is not one."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts):
        raise ValueError(f"not an IPv4 address: {text!r}")
    return int(parts[0]) << 24 | int(parts[1]) << 16 | int(parts[2]) << 8 | int(parts[3])
