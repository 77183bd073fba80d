"""Socket options to set and get: those that have a meaning, with values around the sensible ones, and the numbers between."""

import struct

SOL_IP, SOL_SOCKET, SOL_TCP, SOL_UDP, SOL_RAW, SOL_IPV6, SOL_PACKET, SOL_NETLINK = 0, 1, 6, 17, 255, 41, 263, 270
LEVELS = (SOL_SOCKET, SOL_SOCKET, SOL_SOCKET, SOL_IP, SOL_IP, SOL_TCP, SOL_TCP, SOL_UDP, SOL_RAW, SOL_IPV6, SOL_PACKET, 2, -1)
HIGHEST = {SOL_SOCKET: 84, SOL_IP: 56, SOL_TCP: 45, SOL_UDP: 110, SOL_RAW: 4}
FLAG = (0, 1, 1, 2, -1)
SIZE = (0, 1, 1000, 2304, 4608, 65536, 200000, 0x7FFFFFFF, -1)
BYTE = (0, 1, 5, 64, 255, 256, -1)
SECONDS = (0, 1, 5, 32767, 32768, -1)

# (level, option): values of an int.
INTEGERS = {
    (SOL_SOCKET, 1): FLAG,  # SO_DEBUG
    (SOL_SOCKET, 2): FLAG,  # SO_REUSEADDR
    (SOL_SOCKET, 3): FLAG,  # SO_TYPE
    (SOL_SOCKET, 4): FLAG,  # SO_ERROR
    (SOL_SOCKET, 5): FLAG,  # SO_DONTROUTE
    (SOL_SOCKET, 6): FLAG,  # SO_BROADCAST
    (SOL_SOCKET, 7): SIZE,  # SO_SNDBUF
    (SOL_SOCKET, 8): SIZE,  # SO_RCVBUF
    (SOL_SOCKET, 9): FLAG,  # SO_KEEPALIVE
    (SOL_SOCKET, 10): FLAG,  # SO_OOBINLINE
    (SOL_SOCKET, 11): FLAG,  # SO_NO_CHECK
    (SOL_SOCKET, 12): (0, 1, 6, 7, -1),  # SO_PRIORITY
    (SOL_SOCKET, 15): FLAG,  # SO_REUSEPORT
    (SOL_SOCKET, 16): FLAG,  # SO_PASSCRED
    (SOL_SOCKET, 18): (0, 1, 100, 5000, -1, 0x7FFFFFFF),  # SO_RCVLOWAT
    (SOL_SOCKET, 19): FLAG,  # SO_SNDLOWAT
    (SOL_SOCKET, 29): FLAG,  # SO_TIMESTAMP
    (SOL_SOCKET, 30): FLAG,  # SO_ACCEPTCONN
    (SOL_SOCKET, 32): SIZE,  # SO_SNDBUFFORCE
    (SOL_SOCKET, 33): SIZE,  # SO_RCVBUFFORCE
    (SOL_SOCKET, 35): FLAG,  # SO_TIMESTAMPNS
    (SOL_SOCKET, 36): (0, 1, 77),  # SO_MARK
    (SOL_SOCKET, 38): FLAG,  # SO_PROTOCOL
    (SOL_SOCKET, 39): FLAG,  # SO_DOMAIN
    (SOL_SOCKET, 40): FLAG,  # SO_RXQ_OVFL
    (SOL_SOCKET, 41): FLAG,  # SO_WIFI_STATUS
    (SOL_SOCKET, 42): (0, 1, 3, -1),  # SO_PEEK_OFF
    (SOL_SOCKET, 43): FLAG,  # SO_NOFCS
    (SOL_SOCKET, 44): FLAG,  # SO_LOCK_FILTER
    (SOL_SOCKET, 45): FLAG,  # SO_SELECT_ERR_QUEUE
    (SOL_IP, 1): (0, 2, 8, 16, 0xB8, 255, 256, -1),  # IP_TOS
    (SOL_IP, 2): BYTE,  # IP_TTL
    (SOL_IP, 3): FLAG,  # IP_HDRINCL
    (SOL_IP, 5): FLAG,  # IP_ROUTER_ALERT
    (SOL_IP, 6): FLAG,  # IP_RECVOPTS
    (SOL_IP, 7): FLAG,  # IP_RETOPTS
    (SOL_IP, 8): FLAG,  # IP_PKTINFO
    (SOL_IP, 10): (0, 1, 2, 3, 4, 5, 6, -1),  # IP_MTU_DISCOVER
    (SOL_IP, 11): FLAG,  # IP_RECVERR
    (SOL_IP, 12): FLAG,  # IP_RECVTTL
    (SOL_IP, 13): FLAG,  # IP_RECVTOS
    (SOL_IP, 14): FLAG,  # IP_MTU
    (SOL_IP, 15): FLAG,  # IP_FREEBIND
    (SOL_IP, 18): FLAG,  # IP_PASSSEC
    (SOL_IP, 19): FLAG,  # IP_TRANSPARENT
    (SOL_IP, 20): FLAG,  # IP_RECVORIGDSTADDR
    (SOL_IP, 21): BYTE,  # IP_MINTTL
    (SOL_IP, 22): FLAG,  # IP_NODEFRAG
    (SOL_IP, 23): FLAG,  # IP_CHECKSUM
    (SOL_IP, 24): FLAG,  # IP_BIND_ADDRESS_NO_PORT
    (SOL_IP, 25): FLAG,  # IP_RECVFRAGSIZE
    (SOL_IP, 26): FLAG,  # IP_RECVERR_RFC4884
    (SOL_IP, 33): BYTE,  # IP_MULTICAST_TTL
    (SOL_IP, 34): FLAG,  # IP_MULTICAST_LOOP
    (SOL_IP, 49): FLAG,  # IP_MULTICAST_ALL
    (SOL_IP, 50): (0, 0x01000000, 1, 99),  # IP_UNICAST_IF
    (SOL_TCP, 1): FLAG,  # TCP_NODELAY
    (SOL_TCP, 2): (0, 1, 87, 88, 536, 1400, 32767, 32768, 65535, -1),  # TCP_MAXSEG
    (SOL_TCP, 3): FLAG,  # TCP_CORK
    (SOL_TCP, 4): SECONDS,  # TCP_KEEPIDLE
    (SOL_TCP, 5): SECONDS,  # TCP_KEEPINTVL
    (SOL_TCP, 6): (0, 1, 127, 128, -1),  # TCP_KEEPCNT
    (SOL_TCP, 7): (0, 1, 255, 256, 127, 128, -1),  # TCP_SYNCNT
    (SOL_TCP, 8): (0, 1, 60, 100, 121, -1, 0x7FFFFFFF),  # TCP_LINGER2
    (SOL_TCP, 9): (0, 1, 3, 4, 15, 100000, -1),  # TCP_DEFER_ACCEPT
    (SOL_TCP, 10): (0, 1, 2000, 100000, -1),  # TCP_WINDOW_CLAMP
    (SOL_TCP, 12): FLAG,  # TCP_QUICKACK
    (SOL_TCP, 16): FLAG,  # TCP_THIN_LINEAR_TIMEOUTS
    (SOL_TCP, 17): FLAG,  # TCP_THIN_DUPACK
    (SOL_TCP, 18): (0, 1, 1000, -1, 0x7FFFFFFF),  # TCP_USER_TIMEOUT
    (SOL_TCP, 23): (0, 1, 5, -1),  # TCP_FASTOPEN
    (SOL_TCP, 25): (0, 1, 4096, -1),  # TCP_NOTSENT_LOWAT
    (SOL_TCP, 27): FLAG,  # TCP_SAVE_SYN
    (SOL_TCP, 30): FLAG,  # TCP_FASTOPEN_CONNECT
    (SOL_TCP, 36): FLAG,  # TCP_INQ
    (SOL_TCP, 37): (0, 1, 1000, -1),  # TCP_TX_DELAY
    (SOL_UDP, 1): FLAG,  # UDP_CORK
    (SOL_UDP, 100): (0, 1, 2, 7),  # UDP_ENCAP
    (SOL_UDP, 103): (0, 1, 500, 65535, 65536, -1),  # UDP_SEGMENT
    (SOL_UDP, 104): FLAG,  # UDP_GRO
    (SOL_RAW, 1): (0, 1, -1, 0x109),  # ICMP_FILTER
}  # fmt: skip
# Options whose value two kernels do not share: random numbers, statistics and the host's CPUs.
PRIVATE = {
    (SOL_SOCKET, 17), (SOL_SOCKET, 49), (SOL_SOCKET, 55), (SOL_SOCKET, 56), (SOL_SOCKET, 57), (SOL_TCP, 11),
    (SOL_TCP, 26),
}  # fmt: skip
# What the machine does not claim to have (README): the repair of connections, signed segments; netfilter's tables.
NOT_CLAIMED = {
    *((SOL_TCP, option) for option in (14, 19, 20, 21, 22, 29, 32, *range(38, 43))),
    *((SOL_IP, option) for option in (*range(64, 68), *range(80, 84), *range(96, 100))),
}
LENGTHS = (4, 4, 4, 4, 4, 4, 4, 4, 0, 1, 2, 3, 5, 8, 16, 64, 1000, 100000, 0x7FFFFFFF, -1)


def timeval(random):
    """SO_RCVTIMEO and SO_SNDTIMEO: a few milliseconds, whole ticks whatever the host's HZ is, or not at all."""
    seconds, fraction = random.choice(((0, 0), (0, 4000), (0, 8000), (0, 1000000), (0, -1), (-1, 0)))
    return struct.pack("<qq", seconds, fraction)


def linger(random):
    return struct.pack("<ii", random.choice((0, 1, 1, -1)), random.choice((0, 0, 1, 5)))


def membership(random, address):
    """ip_mreq or ip_mreqn."""
    group = random.choice((0xE0000001, 0xE8010203, 0xEF010101, address, 0, 0xFFFFFFFF))
    interface = random.choice((0, 0x7F000001, address, 0x0A090807))
    value = group.to_bytes(4, "big") + interface.to_bytes(4, "big")
    return value + struct.pack("<i", random.choice((0, 1, 99, -1))) if random.random() < 0.5 else value


def source_membership(random, address):
    """ip_mreq_source."""
    return membership(random, address)[:8] + random.choice((address, 0, 0x01020304)).to_bytes(4, "big")


def name_of_interface(random, address):
    return random.choice((b"lo\0", b"lo", b"", b"none\0", b"x" * 20, b"\0" * 16, b"lo".ljust(16, b"\0")))


def ip_options(random, address):
    return random.choice((b"", b"\x01\x01\x01\x00", b"\x07\x07\x04\0\0\0\0\0", b"\x94\x04\0\0", b"\x44\x08\x05\0\0\0\0\0",
                          b"\x83\x07\x04\x7f\0\0\x01\0", b"\x07\x03\x04\0", b"\xff\xff", b"\x07", b"\x01" * 41))  # fmt: skip


def congestion(random, address):
    return random.choice((b"reno\0", b"cubic\0", b"cubic", b"none\0", b"", b"x" * 30))


# (level, option): a function (random, the sequence's first address) that makes the bytes of a value.
STRUCTURES = {
    (SOL_SOCKET, 13): lambda random, address: linger(random),  # SO_LINGER
    (SOL_SOCKET, 20): lambda random, address: timeval(random),  # SO_RCVTIMEO
    (SOL_SOCKET, 21): lambda random, address: timeval(random),  # SO_SNDTIMEO
    (SOL_SOCKET, 25): name_of_interface,  # SO_BINDTODEVICE
    (SOL_SOCKET, 66): lambda random, address: timeval(random),  # SO_RCVTIMEO_NEW
    (SOL_IP, 4): ip_options,  # IP_OPTIONS
    (SOL_IP, 32): membership,  # IP_MULTICAST_IF
    (SOL_IP, 35): membership,  # IP_ADD_MEMBERSHIP
    (SOL_IP, 36): membership,  # IP_DROP_MEMBERSHIP
    (SOL_IP, 37): source_membership,  # IP_UNBLOCK_SOURCE
    (SOL_IP, 38): source_membership,  # IP_BLOCK_SOURCE
    (SOL_IP, 39): source_membership,  # IP_ADD_SOURCE_MEMBERSHIP
    (SOL_IP, 40): source_membership,  # IP_DROP_SOURCE_MEMBERSHIP
    (SOL_TCP, 13): congestion,  # TCP_CONGESTION
}  # fmt: skip
NAMED = tuple(INTEGERS) + tuple(STRUCTURES)
BY_LEVEL = {level: tuple(key for key in NAMED if key[0] == level) for level in HIGHEST}


def choose(random, levels):
    """(level, option) of a socket that has the options of `levels`."""
    if random.random() < 0.85:
        return random.choice(BY_LEVEL[random.choice(levels)])
    level = random.choice(LEVELS)
    option = random.choice((random.randrange(HIGHEST.get(level, 70) + 2), random.randrange(128), -1, 0x7FFFFFFF))
    return (level, option) if (level, option) not in NOT_CLAIMED else (level, 0)


def value_of(random, key, address):
    """The bytes of a value for an option, and most often its true length."""
    if key in STRUCTURES and random.random() < 0.95:
        raw = STRUCTURES[key](random, address)
    else:
        raw = struct.pack("<I", random.choice(INTEGERS.get(key, FLAG)) & 0xFFFFFFFF)
    length = random.choice(LENGTHS) if random.random() < 0.15 else len(raw)
    return raw, length
