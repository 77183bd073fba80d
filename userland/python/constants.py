"""The constants of `_socket`: what the machine has, by the names of the C headers."""

from userland.abi import netdb, socket

PREFIXES = (
    "AF_", "PF_", "SOCK_", "IPPROTO_", "INADDR_", "SOL_", "SO_", "IP_", "TCP_", "MSG_", "SHUT_", "AI_", "NI_", "EAI_",
    "PACKET_", "ETH_P_", "ETHERTYPE_", "NETLINK_", "SCM_", "IPPORT_", "CMSG_",
)  # fmt: skip
# Not in C's headers, or not in Python's module.
NOT_PYTHONS = ("AF_MAX", "PF_MAX", "AI_IDN", "AI_CANONIDN", "NI_IDN", "EAI_IDN_ENCODE")

# Numbers that Python programs use and that no program of the machine's own needs.
MORE = {
    # The machine has no IPv6: socket(2) answers EAFNOSUPPORT, as Linux does that was built without it.
    "AF_INET6": 10, "PF_INET6": 10, "IPPROTO_IPV6": 41, "IPPROTO_ICMPV6": 58, "IPV6_V6ONLY": 26,
    "AF_NETLINK": 16, "PF_NETLINK": 16,
    "SOCK_RDM": 4, "SOCK_SEQPACKET": 5,
    "IPPROTO_IGMP": 2, "IPPROTO_IPIP": 4, "IPPROTO_EGP": 8, "IPPROTO_PUP": 12, "IPPROTO_IDP": 22, "IPPROTO_TP": 29,
    "IPPROTO_RSVP": 46, "IPPROTO_GRE": 47, "IPPROTO_ESP": 50, "IPPROTO_AH": 51, "IPPROTO_PIM": 103, "IPPROTO_SCTP": 132,
    "INADDR_UNSPEC_GROUP": 0xE0000000, "INADDR_ALLHOSTS_GROUP": 0xE0000001, "INADDR_MAX_LOCAL_GROUP": 0xE00000FF,
    "IPPORT_RESERVED": 1024, "IPPORT_USERRESERVED": 5000,
    "SOL_UDP": 17,
    "SO_PASSCRED": 16, "SO_PEERCRED": 17, "SO_MARK": 36, "SO_INCOMING_CPU": 49,
    "IP_RECVRETOPTS": 7, "IP_RETOPTS": 7, "IP_BIND_ADDRESS_NO_PORT": 24, "IP_TRANSPARENT": 19,
    "IP_MULTICAST_IF": 32, "IP_MULTICAST_TTL": 33, "IP_MULTICAST_LOOP": 34, "IP_ADD_MEMBERSHIP": 35,
    "IP_DROP_MEMBERSHIP": 36, "IP_DEFAULT_MULTICAST_TTL": 1, "IP_DEFAULT_MULTICAST_LOOP": 1, "IP_MAX_MEMBERSHIPS": 20,
    "TCP_NOTSENT_LOWAT": 25, "TCP_THIN_LINEAR_TIMEOUTS": 16, "TCP_THIN_DUPACK": 17, "TCP_CC_INFO": 26,
    "TCP_ZEROCOPY_RECEIVE": 35, "TCP_TX_DELAY": 37,
    "MSG_EOR": 0x80, "MSG_CONFIRM": 0x800, "MSG_CMSG_CLOEXEC": 0x40000000,
    "SCM_RIGHTS": 1, "SCM_CREDENTIALS": 2,
}  # fmt: skip


def constants():
    """{name: number} of everything that `_socket` offers."""
    known = {
        name: value
        for name, value in {**vars(netdb), **vars(socket)}.items()
        if name.startswith(PREFIXES) and isinstance(value, int) and name not in NOT_PYTHONS
    }
    return {**MORE, **known}
