"""Bits of sock.sk_flags, and the sizes that socket memory accounting starts from (Linux: sock.h)."""

SOCK_DEAD = 1 << 0  # no struct socket holds it any more
SOCK_DONE = 1 << 1  # the stream has been shut down by the peer
SOCK_URGINLINE = 1 << 2
SOCK_KEEPOPEN = 1 << 3
SOCK_LINGER = 1 << 4
SOCK_DESTROY = 1 << 5
SOCK_BROADCAST = 1 << 6
SOCK_TIMESTAMP = 1 << 7
SOCK_DBG = 1 << 10
SOCK_RCVTSTAMP = 1 << 11
SOCK_RCVTSTAMPNS = 1 << 12
SOCK_LOCALROUTE = 1 << 13
SOCK_PASSCRED = 1 << 14  # receivers want to know who has sent
SOCK_RXQ_OVFL = 1 << 15
SOCK_ZEROCOPY = 1 << 16
SOCK_TIMESTAMPING_RX_SOFTWARE = 1 << 17
SOCK_SELECT_ERR_QUEUE = 1 << 18
SOCK_TSTAMP_NEW = 1 << 19
SOCK_RCVMARK = 1 << 20
SOCK_RCVPRIORITY = 1 << 21
SOCK_PREFER_BUSY_POLL = 1 << 22
SOCK_FILTER_LOCKED = 1 << 23  # the filter can not be changed any more
SOCK_WIFI_STATUS = 1 << 24
SOCK_NOFCS = 1 << 25
SOCK_PASSSEC = 1 << 26
SOCK_TXTIME = 1 << 27  # messages may say when they leave
SOCK_PASSPIDFD = 1 << 28
SOCK_INQ = 1 << 29  # receivers want to know how much is left
SOCK_PASSRIGHTS = 1 << 30  # descriptors may be sent here
# With either a receiver wants to know who has sent; all of them are what an accepted Unix socket has of its listener.
SOCK_WHO_HAS_SENT = SOCK_PASSCRED | SOCK_PASSPIDFD
SOCK_SCM_RECV = SOCK_WHO_HAS_SENT | SOCK_PASSSEC | SOCK_PASSRIGHTS
# Either keeps the stamping of received packets on.
SK_FLAGS_TIMESTAMP = SOCK_TIMESTAMP | SOCK_TIMESTAMPING_RX_SOFTWARE
# Any of them makes recvmsg add a control message about the packet.
SOCK_RECV_CMSGS = SOCK_RCVTSTAMP | SOCK_RXQ_OVFL | SOCK_RCVMARK | SOCK_RCVPRIORITY

# skb.tx_flags: which time stamps its sender has asked for.
SKBTX_SW_TSTAMP = 1 << 1
SKBTX_SCHED_TSTAMP = 1 << 6
SKBTX_ACK_TSTAMP = 1 << 8

# What the user has fixed himself (sk_userlocks): autotuning and autobinding keep away from it.
SOCK_SNDBUF_LOCK = 1
SOCK_RCVBUF_LOCK = 2
SOCK_BINDADDR_LOCK = 4
SOCK_BINDPORT_LOCK = 8

SOCK_MIN_SNDBUF = 4608
SOCK_MIN_RCVBUF = 2304

# setsockopt bits of sock.cmsg_flags: which control messages recvmsg adds.
IP_CMSG_PKTINFO = 1 << 0
IP_CMSG_TTL = 1 << 1
IP_CMSG_TOS = 1 << 2
IP_CMSG_RECVOPTS = 1 << 3
IP_CMSG_RETOPTS = 1 << 4
IP_CMSG_PASSSEC = 1 << 5
IP_CMSG_ORIGDSTADDR = 1 << 6
IP_CMSG_CHECKSUM = 1 << 7
IP_CMSG_RECVFRAGSIZE = 1 << 8

# What `local_in_hooks` answer (Linux: netfilter.h).
NF_DROP = 0
NF_ACCEPT = 1
NF_STOLEN = 2

# Neighbour states (Linux: neighbour.h; RFC 4861 section 7.3.2).
NUD_NONE = 0x00
NUD_INCOMPLETE = 0x01
NUD_REACHABLE = 0x02
NUD_STALE = 0x04
NUD_DELAY = 0x08
NUD_PROBE = 0x10
NUD_FAILED = 0x20
NUD_NOARP = 0x40
NUD_PERMANENT = 0x80
NUD_IN_TIMER = NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE
NUD_VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY
NUD_CONNECTED = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE

# skb.ip_flags: what the IP layer has found out about a packet.
IPSKB_FORWARDED = 1 << 0
IPSKB_FRAG_COMPLETE = 1 << 3
IPSKB_REROUTED = 1 << 4
