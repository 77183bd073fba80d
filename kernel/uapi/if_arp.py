"""<linux/if_arp.h>: hardware types, ARP operations (RFC 826) and the flags of struct arpreq."""

ARPHRD_NETROM = 0
ARPHRD_ETHER = 1
ARPHRD_IEEE802 = 6
ARPHRD_LOOPBACK = 772
ARPHRD_NONE = 0xFFFE
ARPHRD_VOID = 0xFFFF

ARPOP_REQUEST = 1
ARPOP_REPLY = 2

# Bytes of an ARP packet for Ethernet and IPv4.
ARP_ETH_IP_LEN = 28

ATF_COM = 0x02
ATF_PERM = 0x04
ATF_PUBL = 0x08
ATF_USETRAILERS = 0x10
ATF_NETMASK = 0x20
ATF_DONTPUB = 0x40

# struct arpreq: two sockaddrs, the flags, the netmask and the device name.
ARPREQ_SIZE = 68
