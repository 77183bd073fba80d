"""UDP's socket table: by local port, and the rules by which ports are taken (bind(2), RFC 6056)."""

from kernel.net.core.sock import sk_local_port_range
from kernel.net.core.sock_reuseport import reuseport_join
from kernel.uapi.errno import EADDRINUSE
from kernel.uapi.tcp import TCP_ESTABLISHED

UDP_HTABLE_SIZE = 1024
UDP_HEADER_LEN = 8


class udp_hash_table:
    """Socks in buckets by local port, chained through sk_next; the newest stands in front."""

    def __init__(self, net):
        self.net = net
        self.buckets = [None] * UDP_HTABLE_SIZE
        self.count = 0

    def first(self, port):
        """The first sock of the bucket that `port` falls into."""
        return self.buckets[port & (UDP_HTABLE_SIZE - 1)]

    def get_port(self, sk, port):
        """Bind `sk` to a port (0: a free one, from a random start): 0 or -EADDRINUSE."""
        if port == 0:
            port = self.free_port(sk)
            if port == 0:
                return -EADDRINUSE
        elif self.in_use(sk, port):
            return -EADDRINUSE
        sk.inet_num = port
        slot = port & (UDP_HTABLE_SIZE - 1)
        sk.sk_next = self.buckets[slot]
        self.buckets[slot] = sk
        sk.sk_hashed = True
        self.count += 1
        if sk.sk_reuseport:
            reuseport_join(sk, self.on_port(port))
        return 0

    def on_port(self, port):
        """The socks that are bound to `port`."""
        found = []
        sk = self.first(port)
        while sk is not None:
            if sk.inet_num == port:
                found.append(sk)
            sk = sk.sk_next
        return found

    def free_port(self, sk):
        """A free port of the local range, or 0."""
        low, high = sk_local_port_range(sk)
        span = high - low + 1
        start = self.net.random.randrange(span)
        for i in range(span):
            port = low + (start + i) % span
            if not self.in_use(sk, port):
                return port
        return 0

    def in_use(self, sk, port):
        """True when another sock keeps `sk` from binding to `port`."""
        other = self.first(port)
        while other is not None:
            if other is not sk and other.inet_num == port and self.conflict(sk, other):
                return True
            other = other.sk_next
        return False

    def conflict(self, sk, other):
        """Two socks on one port: allowed on different addresses or devices, or when both want to share."""
        if sk.sk_bound_dev_if and other.sk_bound_dev_if and sk.sk_bound_dev_if != other.sk_bound_dev_if:
            return False
        if sk.inet_rcv_saddr and other.inet_rcv_saddr and sk.inet_rcv_saddr != other.inet_rcv_saddr:
            return False
        if sk.sk_reuse and other.sk_reuse:
            return False
        return not (sk.sk_reuseport and other.sk_reuseport and sk.sk_uid == other.sk_uid)

    def unhash(self, sk):
        """Take `sk` out and give its port back; one that is not in does nothing."""
        if not sk.sk_hashed:
            return
        if sk.sk_reuseport_cb is not None:
            sk.sk_reuseport_cb.detach(sk)
        slot = sk.inet_num & (UDP_HTABLE_SIZE - 1)
        current = self.buckets[slot]
        if current is sk:
            self.buckets[slot] = sk.sk_next
        else:
            while current.sk_next is not sk:
                current = current.sk_next
            current.sk_next = sk.sk_next
        sk.sk_next = None
        sk.sk_hashed = False
        sk.inet_num = 0
        self.count -= 1

    def lookup(self, saddr, sport, daddr, dport, iif, skb):
        """The sock for a datagram from saddr:sport to daddr:dport: the most specific one, or None.

        Among those that share the port (SO_REUSEPORT) their program picks by the datagram, which may be None, or a keyed
        hash of the flow.
        """
        best = None
        best_score = 0
        sk = self.buckets[dport & (UDP_HTABLE_SIZE - 1)]
        while sk is not None:
            if sk.inet_num == dport:
                score = self.score(sk, saddr, sport, daddr, iif)
                if score > best_score:
                    best = sk
                    best_score = score
            sk = sk.sk_next
        if best is not None and best.sk_reuseport_cb is not None and best.sk_state != TCP_ESTABLISHED:
            return best.sk_reuseport_cb.select(self.net.hash2(saddr ^ daddr, sport << 16 | dport), skb, UDP_HEADER_LEN)
        return best

    def score(self, sk, saddr, sport, daddr, iif):
        """How specifically `sk` is bound to the flow; 0: it does not match."""
        score = 1
        if sk.inet_rcv_saddr:
            if sk.inet_rcv_saddr != daddr:
                return 0
            score += 4
        if sk.inet_daddr:
            if sk.inet_daddr != saddr:
                return 0
            score += 4
        if sk.inet_dport:
            if sk.inet_dport != sport:
                return 0
            score += 4
        if sk.sk_bound_dev_if:
            if sk.sk_bound_dev_if != iif:
                return 0
            score += 4
        return score

    def matches_mcast(self, sk, saddr, sport, daddr, dport, iif):
        """True when a multicast or broadcast datagram is for `sk` (its group membership aside)."""
        if sk.inet_num != dport:
            return False
        if sk.inet_daddr and sk.inet_daddr != saddr:
            return False
        if sk.inet_dport and sk.inet_dport != sport:
            return False
        if sk.inet_rcv_saddr and sk.inet_rcv_saddr != daddr:
            return False
        return not (sk.sk_bound_dev_if and sk.sk_bound_dev_if != iif)

    def all(self):
        """Every bound sock, by bucket."""
        found = []
        for sk in self.buckets:
            while sk is not None:
                found.append(sk)
                sk = sk.sk_next
        return found
