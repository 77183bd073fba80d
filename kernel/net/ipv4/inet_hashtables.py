"""The tables in which a connection is found: established ones, listeners, and the local ports that are taken.

`ehash` is keyed by both addresses and both ports and holds three kinds of node: full socks, TIME-WAIT socks and
connection requests.  Addresses and ports are host-order integers; "rmt" is the other end, "loc" ours.
"""

from kernel.net.core.sock import sk_local_port_range
from kernel.net.core.sock_reuseport import reuseport_join
from kernel.net.ipv4.tcp_const import (
    NODE_REQUEST,
    U32_MASK,
)
from kernel.uapi.tcp import TCP_LISTEN, TCP_TIME_WAIT

INITIAL_BUCKETS = 256
SOCK_BINDPORT_LOCK = 8
SOCK_BINDADDR_LOCK = 4


class ehash_node:
    """An entry of ehash; `sk` is the full sock of a NODE_SOCK."""

    def __init__(self, kind, sk=None):
        self.kind = kind
        self.sk = sk
        self.rmt_addr = 0
        self.loc_addr = 0
        self.rmt_port = 0
        self.num = 0
        self.bound_dev_if = 0
        self.hash = 0
        self.next = None
        self.hashed = False


class request_sock(ehash_node):
    """A SYN that a listener has answered and whose ACK has not come (RFC 9293: SYN-RECEIVED), in a few bytes."""

    def __init__(self, listener):
        super().__init__(NODE_REQUEST, None)
        self.listener = listener
        self.mss = 0
        self.rcv_isn = 0
        self.rcv_nxt = 0
        self.snt_isn = 0
        self.rcv_wnd = 0
        self.window_clamp = 0
        self.snd_wnd = 0
        self.ts_recent = 0
        self.ts_off = 0
        self.tstamp_ok = False
        self.sack_ok = False
        self.wscale_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.ecn_ok = False
        self.acked = False
        self.num_timeout = 0
        self.num_retrans = 0
        self.timeout = 0
        self.snt_synack = 0
        self.last_oow_ack_time = 0
        self.tos = 0
        self.timer = None
        self.saved_syn = None
        # The IP options that answers carry, turned round from those of the SYN (RFC 1122 section 4.2.3.8).
        self.options = None
        # Fast Open: the cookie to hand out (None: none), whether by the experimental option, and a child without handshake.
        self.fastopen_cookie = None
        self.fastopen_exp = False
        self.tfo_listener = False
        # The child, once the handshake is complete and it waits to be accepted, and its successor in that queue.
        self.child = None
        self.dl_next = None


class inet_bind_bucket:
    """A local port that is in use, and by whom (insertion order; the values are not used).

    `from_connect`: only connections that chose the port by themselves use it, so another one may, too.
    """

    def __init__(self, port, from_connect):
        self.port = port
        self.from_connect = from_connect
        self.owners = {}


class inet_hashinfo:
    """One kernel's TCP tables."""

    def __init__(self, net):
        self.net = net
        self.ehash = [None] * INITIAL_BUCKETS
        self.mask = INITIAL_BUCKETS - 1
        self.count = 0
        self.bhash = {}
        self.listening = {}
        self.port_offset_key = net.random.getrandbits(32)
        self.port_counter = 0

    # --- established ---

    def hash_of(self, rmt_addr, rmt_port, loc_addr, num):
        return self.net.hash2(rmt_addr ^ ((loc_addr << 7) & U32_MASK) ^ (loc_addr >> 25), (rmt_port << 16) | num)

    def insert(self, node):
        """Enter a node whose four numbers are set."""
        node.hash = self.hash_of(node.rmt_addr, node.rmt_port, node.loc_addr, node.num)
        slot = node.hash & self.mask
        node.next = self.ehash[slot]
        self.ehash[slot] = node
        node.hashed = True
        self.count += 1
        if self.count > 2 * self.mask:
            self.grow()

    def remove(self, node):
        """Take a node out; True when it was in."""
        if not node.hashed:
            return False
        slot = node.hash & self.mask
        other = self.ehash[slot]
        if other is node:
            self.ehash[slot] = node.next
        else:
            while other.next is not node:
                other = other.next
            other.next = node.next
        node.next = None
        node.hashed = False
        self.count -= 1
        return True

    def grow(self):
        """Twice as many buckets."""
        old = self.ehash
        size = 2 * (self.mask + 1)
        self.ehash = [None] * size
        self.mask = size - 1
        for node in old:
            while node is not None:
                following = node.next
                slot = node.hash & self.mask
                node.next = self.ehash[slot]
                self.ehash[slot] = node
                node = following

    def lookup_established(self, rmt_addr, rmt_port, loc_addr, num, dif):
        """The node of a segment from rmt to loc that came in on interface `dif`, or None."""
        node = self.ehash[self.hash_of(rmt_addr, rmt_port, loc_addr, num) & self.mask]
        while node is not None:
            if (node.rmt_addr == rmt_addr and node.rmt_port == rmt_port and node.num == num and node.loc_addr == loc_addr
                    and (node.bound_dev_if == 0 or node.bound_dev_if == dif)):
                return node
            node = node.next
        return None

    def nodes(self):
        """Every node, as a list: for /proc and power-off."""
        found = []
        for node in self.ehash:
            while node is not None:
                found.append(node)
                node = node.next
        return found

    # --- listeners ---

    def listen_hash(self, sk):
        socks = self.listening.setdefault(sk.inet_num, [])
        if sk.sk_reuseport:
            reuseport_join(sk, socks)
        socks.append(sk)
        sk.sk_hashed = True

    def listen_unhash(self, sk):
        socks = self.listening.get(sk.inet_num)
        if socks is not None and sk in socks:
            socks.remove(sk)
            if not socks:
                del self.listening[sk.inet_num]
            if sk.sk_reuseport_cb is not None:
                sk.sk_reuseport_cb.detach(sk)
        sk.sk_hashed = False

    def lookup_listener(self, rmt_addr, rmt_port, loc_addr, num, dif, skb):
        """The listener that fits best: bound to the address before any address, to the device before any.

        Among those that share the port (SO_REUSEPORT) their program chooses by the segment `skb`, or the connection's hash.
        """
        socks = self.listening.get(num)
        if socks is None:
            return None
        best = None
        best_score = -1
        for sk in socks:
            score = 0
            if sk.inet_rcv_saddr:
                if sk.inet_rcv_saddr != loc_addr:
                    continue
                score += 2
            if sk.sk_bound_dev_if:
                if sk.sk_bound_dev_if != dif:
                    continue
                score += 4
            if score > best_score:
                best = sk
                best_score = score
        if best is None or best.sk_reuseport_cb is None:
            return best
        return best.sk_reuseport_cb.select(self.hash_of(rmt_addr, rmt_port, loc_addr, num), skb, skb.cb0)

    # --- local ports ---

    def bind_owner(self, sk, port, from_connect):
        """Make `sk` (a sock or a TIME-WAIT sock) an owner of the port."""
        bucket = self.bhash.get(port)
        if bucket is None:
            bucket = inet_bind_bucket(port, from_connect)
            self.bhash[port] = bucket
        elif not from_connect:
            bucket.from_connect = False
        bucket.owners[sk] = None
        return bucket

    def put_owner(self, sk, bucket):
        """`sk` gives the port up."""
        bucket.owners.pop(sk, None)
        if not bucket.owners:
            self.bhash.pop(bucket.port, None)

    def bind_conflict(self, sk, bucket):
        """True when `sk` may not share the port with those that have it."""
        for other in bucket.owners:
            if other is sk:
                continue
            if sk.sk_bound_dev_if and other.sk_bound_dev_if and sk.sk_bound_dev_if != other.sk_bound_dev_if:
                continue
            if sk.inet_rcv_saddr and other.inet_rcv_saddr and sk.inet_rcv_saddr != other.inet_rcv_saddr:
                continue
            if sk.sk_reuse and other.sk_reuse and other.sk_state != TCP_LISTEN:
                continue
            if sk.sk_reuseport and other.sk_reuseport and (other.sk_state == TCP_TIME_WAIT or sk.sk_uid == other.sk_uid):
                continue
            return True
        return False

    def find_open_port(self, sk):
        """An ephemeral port for bind(2) with port 0, or 0 when none is left: odd ones first, even ones are connect's."""
        low, high = sk_local_port_range(sk)
        total = high - low + 1
        offset = self.net.random.randrange(total)
        for parity in (1, 0):
            for i in range(total):
                port = low + (offset + i) % total
                if port & 1 != parity:
                    continue
                bucket = self.bhash.get(port)
                if bucket is None or not self.bind_conflict(sk, bucket):
                    return port
        return 0

    def get_port(self, sk, port):
        """Take a local port for bind(2) (0: any); False when it is taken."""
        if port == 0:
            port = self.find_open_port(sk)
            if port == 0:
                return False
        else:
            bucket = self.bhash.get(port)
            if bucket is not None and self.bind_conflict(sk, bucket):
                return False
        if sk.icsk_bind_hash is None:
            sk.icsk_bind_hash = self.bind_owner(sk, port, False)
        sk.inet_num = port
        return True

    def put_port(self, sk):
        bucket = sk.icsk_bind_hash
        if bucket is not None:
            sk.icsk_bind_hash = None
            self.put_owner(sk, bucket)
        sk.inet_num = 0

    def ephemeral_offset(self, sk):
        """RFC 6056 algorithm 4, in short: a start that depends on the destination by a secret, and a counter."""
        keyed = self.net.hash2(sk.inet_daddr ^ self.port_offset_key, (sk.inet_dport << 16) ^ (sk.inet_saddr & 0xFFFF))
        return keyed + self.port_counter
