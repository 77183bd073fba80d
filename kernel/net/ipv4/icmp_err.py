"""What the codes of ICMP "destination unreachable" mean to a socket: (errno, fatal), indexed by the code.

A fatal error is reported at once; of the others a socket hears when it has asked for them (IP_RECVERR) or when it
gives up for other reasons (RFC 1122 section 4.2.3.9).
"""

from kernel.uapi.errno import (
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
)

ICMP_ERR_CONVERT = (
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (ENOPROTOOPT, True),
    (ECONNREFUSED, True),
    (EMSGSIZE, False),
    (EOPNOTSUPP, False),
    (ENETUNREACH, True),
    (EHOSTDOWN, True),
    (ENONET, True),
    (ENETUNREACH, True),
    (EHOSTUNREACH, True),
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
)
