"""Memory of all sockets of a protocol together: tcp_mem and udp_mem (tcp(7), udp(7); Linux: __sk_mem_raise_allocated).

`proto.memory_allocated` is the truesize of all that waits in the protocol's socks to be read, sent or acknowledged.  Three
limits in pages: below the first there is enough, above the second the protocol is short of memory and each sock gets its
share, above the third nobody gets more.
"""

from kernel.net.core.sock_flags import SOCK_SNDBUF_LOCK
from kernel.uapi.socket import SOCK_STREAM

PAGE_SHIFT = 12
PAGE_MASK = 4095
SOCK_MIN_SNDBUF = 4608


def sk_mem_set_limits(prot, pages):
    """What a machine starts with: `pages` is the third part of twice the pressure limit, as Linux splits it."""
    limit = max(pages, 128)
    prot.mem_low = limit // 4 * 3
    prot.mem_pressure = limit
    prot.mem_high = limit // 4 * 3 * 2


def sk_mem_refused(sk, size, receiving):
    """True when the protocol has no memory for `size` more bytes in this sock."""
    prot = sk.sk_prot
    if prot.mem_high < 0:
        return False
    pages = (prot.memory_allocated + size + PAGE_MASK) >> PAGE_SHIFT
    if pages <= prot.mem_low:
        prot.under_pressure = False
        return False
    return sk_mem_decide(sk, size, receiving, pages)


def sk_mem_decide(sk, size, receiving, pages):
    prot = sk.sk_prot
    net = sk.net
    stream = sk.sk_type == SOCK_STREAM
    if stream and pages > prot.mem_pressure and not prot.under_pressure:
        prot.under_pressure = True
        net.mib.TcpExtTCPMemoryPressures += 1
    if pages <= prot.mem_high:
        # So much is everybody's.
        if receiving:
            if sk.sk_rmem_alloc < (net.sysctl_tcp_rmem_min if stream else net.sysctl_udp_rmem_min):
                return False
        elif sk.sk_wmem_queued < net.sysctl_tcp_wmem_min:
            return False
        if stream:
            if not prot.under_pressure:
                return False
            own = (sk.sk_rmem_alloc + sk.sk_wmem_queued + size + PAGE_MASK) >> PAGE_SHIFT
            if prot.mem_high > prot.inuse * own:
                return False
    if stream and not receiving:
        if not sk.sk_userlocks & SOCK_SNDBUF_LOCK:
            sk.sk_sndbuf = max(min(sk.sk_sndbuf, sk.sk_wmem_queued >> 1), SOCK_MIN_SNDBUF)
        # One whose buffer is full with this waits for its own acknowledgments next.
        return sk.sk_wmem_queued + size < sk.sk_sndbuf
    return True
