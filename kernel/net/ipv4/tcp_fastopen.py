"""TCP Fast Open (RFC 7413): cookies, what clients remember of servers, and the SYN with data.

`net.ipv4.tcp_fastopen` is Linux's: 1 clients may, 2 servers may, 4 clients without a cookie, 0x200 servers without one,
0x400 every listener without being asked.  What arrives with a SYN or a SYN-ACK is in `tcp_fastopen_rcv`.
"""

from kernel.lib.siphash import siphash
from kernel.net.core.error_queue import msg_zerocopy_alloc
from kernel.net.core.skb_data import skb_add_frags_iter
from kernel.net.core.skbuff import kfree_skb
from kernel.net.core.sock_flags import SOCK_ZEROCOPY
from kernel.net.ipv4.tcp_const import MAX_TCP_OPTION_SPACE, U32_MASK
from kernel.net.ipv4.tcp_output import tcp_transmit_skb
from kernel.net.ipv4.tcp_queue import tcp_stream_alloc_skb
from kernel.net.ipv4.tcp_window import tcp_mtu_to_mss, tcp_sync_mss
from kernel.uapi.errno import EINVAL
from kernel.uapi.if_ import IFF_LOOPBACK
from kernel.uapi.socket import MSG_ZEROCOPY
from kernel.uapi.tcp import TCP_CLOSE, TCP_LISTEN, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_PSH

TFO_CLIENT_ENABLE = 1
TFO_SERVER_ENABLE = 2
TFO_CLIENT_NO_COOKIE = 4
TFO_SERVER_COOKIE_NOT_REQD = 0x200
TFO_SERVER_WO_SOCKOPT1 = 0x400

KEY_LENGTH = 16
COOKIE_MIN, COOKIE_SIZE, COOKIE_MAX = 4, 8, 16
MAX_REMEMBERED = 1024
# The pause after a black hole doubles this often at most.
MAX_DOUBLINGS = 6

# tcpi_fastopen_client_fail
TFO_STATUS_UNSPEC = 0
TFO_COOKIE_UNAVAILABLE = 1
TFO_DATA_NOT_ACKED = 2
TFO_SYN_RETRANSMITTED = 3


class fastopen_metrics:
    """What a client remembers of one server: its MSS, its cookie, and which form of the option it likes."""

    def __init__(self):
        self.mss = 0
        self.cookie = b""
        self.exp = False
        # 1: the standard option was ignored, try the experimental one; 2: that was ignored, too.
        self.try_exp = 0
        self.syn_loss = 0


class fastopen_state:
    """A kernel's: the keys of its cookies (newest first), servers remembered by address, and the black hole's pause."""

    def __init__(self, net):
        self.net = net
        self.keys = []
        self.servers = {}
        self.disable_times = 0
        self.disable_stamp = 0

    def ensure_keys(self):
        """A random key, when nobody has set one."""
        if not self.keys:
            self.keys = [self.net.random.getrandbits(8 * KEY_LENGTH).to_bytes(KEY_LENGTH, "little")]

    def key_text(self):
        """net.ipv4.tcp_fastopen_key: four 32-bit words in hexadecimal for each key."""
        keys = self.keys or [bytes(KEY_LENGTH)]
        return ",".join(
            "-".join(f"{int.from_bytes(key[i : i + 4], 'little'):08x}" for i in range(0, KEY_LENGTH, 4)) for key in keys
        )

    def set_key_text(self, text):
        """0, or -EINVAL for what is not one key or two."""
        try:
            keys = [b"".join(int(word, 16).to_bytes(4, "little") for word in part.split("-")) for part in text.split(",")]
        except (ValueError, OverflowError):
            return -EINVAL
        if not 1 <= len(keys) <= 2 or any(len(key) != KEY_LENGTH for key in keys):
            return -EINVAL
        self.keys = keys
        return 0

    def server(self, address):
        """What is remembered of a server; the oldest one makes room for a new one."""
        found = self.servers.get(address)
        if found is None:
            if len(self.servers) >= MAX_REMEMBERED:
                del self.servers[next(iter(self.servers))]
            found = self.servers[address] = fastopen_metrics()
        return found


class fastopen_queue:
    """A listener's own keys, and until when (ns) children that were reset without being accepted count as pending."""

    def __init__(self):
        self.keys = []
        self.resets = []


class fastopen_request:
    """A client's SYN with Fast Open: the cookie to send (None: no option) and the data that may ride along."""

    def __init__(self, msg=None, size=0):
        self.cookie = None
        self.exp = False
        self.msg = msg
        self.size = size
        self.copied = 0
        # More data waits than the SYN takes: its ACK rides on that.
        self.pending = size > 0
        self.notification = None


# --- cookies of a server ---


def tcp_fastopen_keys(sk):
    """The keys of a listener: its own (TCP_FASTOPEN_KEY), or the system's."""
    if sk.fastopen_ctx is not None and sk.fastopen_ctx.keys:
        return sk.fastopen_ctx.keys
    return sk.net.tcp.fastopen.keys


def tcp_fastopen_cookie(key, saddr, daddr):
    """The cookie of a client at `saddr` for our address `daddr`."""
    return siphash(saddr.to_bytes(4, "big") + daddr.to_bytes(4, "big"), key).to_bytes(COOKIE_SIZE, "little")


def fastopen_queue_tune(sk, length):
    """TCP_FASTOPEN on a listener: how many children may wait for the end of their handshake."""
    sk.fastopen_max_qlen = min(length, sk.net.sysctl_somaxconn)
    sk.net.tcp.fastopen.ensure_keys()
    if sk.fastopen_ctx is None:
        sk.fastopen_ctx = fastopen_queue()


def tcp_fastopen_listen(sk, backlog):
    """listen(2): the system may want Fast Open on every listener."""
    wanted = TFO_SERVER_WO_SOCKOPT1 | TFO_SERVER_ENABLE
    if sk.net.sysctl_tcp_fastopen & wanted == wanted and sk.fastopen_max_qlen == 0:
        fastopen_queue_tune(sk, backlog)


def set_fastopen(sk, value):
    """setsockopt TCP_FASTOPEN: 0 or -EINVAL."""
    if value < 0 or sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        return -EINVAL
    fastopen_queue_tune(sk, value)
    return 0


def set_fastopen_key(sk, raw):
    """setsockopt TCP_FASTOPEN_KEY: one key or two, the newer one first."""
    if len(raw) not in (KEY_LENGTH, 2 * KEY_LENGTH):
        return -EINVAL
    if sk.fastopen_ctx is None:
        sk.fastopen_ctx = fastopen_queue()
    sk.fastopen_ctx.keys = [raw[i : i + KEY_LENGTH] for i in range(0, len(raw), KEY_LENGTH)]
    return 0


# --- what a client remembers ---


def tcp_fastopen_cache_set(sk, mss, cookie, exp, syn_lost, try_exp):
    """Remember what the SYN-ACK has told; `cookie` is empty when there was none."""
    server = sk.net.tcp.fastopen.server(sk.inet_daddr)
    if mss:
        server.mss = mss
    if cookie:
        server.cookie = cookie
        server.exp = exp
    elif try_exp > server.try_exp and not server.cookie and not server.exp:
        server.try_exp = try_exp
    server.syn_loss = server.syn_loss + 1 if syn_lost else 0


def tcp_fastopen_cookie_check(sk, request):
    """Take what is remembered of the server into `request`; True when data may go with the SYN.

    With an empty cookie the SYN asks for one, without one (None) it has no option.
    """
    net = sk.net
    server = net.tcp.fastopen.server(sk.inet_daddr)
    if server.mss:
        sk.mss_clamp = server.mss
    request.cookie = server.cookie
    request.exp = server.exp or (not server.cookie and server.try_exp == 1)
    if tcp_fastopen_active_should_disable(sk):
        request.cookie = None
        return False
    if net.sysctl_tcp_fastopen & TFO_CLIENT_NO_COOKIE or sk.fastopen_no_cookie:
        request.cookie = None
        return True
    if request.cookie:
        return True
    sk.fastopen_client_fail = TFO_COOKIE_UNAVAILABLE
    return False


def tcp_fastopen_defer_connect(sk):
    """connect(2) with TCP_FASTOPEN_CONNECT: True when the SYN waits for the first write."""
    if sk.fastopen_connect and sk.fastopen_req is None:
        request = fastopen_request()
        if tcp_fastopen_cookie_check(sk, request):
            sk.defer_connect = True
            return True
        # The SYN asks for a cookie.
        sk.fastopen_req = request
    return False


# --- black holes: middleboxes that drop what they do not know ---


def tcp_fastopen_active_disable(sk):
    """Something on the way eats Fast Open: no more of it for a while."""
    net = sk.net
    if net.sysctl_tcp_fastopen_blackhole_timeout == 0:
        return
    state = net.tcp.fastopen
    state.disable_stamp = net.timers.now()
    state.disable_times += 1
    net.mib.TcpExtTCPFastOpenBlackhole += 1


def tcp_fastopen_active_should_disable(sk):
    """True during the pause, which doubles with every time; afterwards this connection is the one that tries."""
    net = sk.net
    state = net.tcp.fastopen
    if net.sysctl_tcp_fastopen_blackhole_timeout == 0 or state.disable_times == 0:
        return False
    pause = net.sysctl_tcp_fastopen_blackhole_timeout << min(state.disable_times - 1, MAX_DOUBLINGS)
    if net.timers.now() < state.disable_stamp + pause:
        return True
    sk.syn_fastopen_ch = True
    return False


def tcp_fastopen_active_detect_blackhole(sk, expired):
    """A retransmission timeout of a client: the third in a row, or the last one, puts Fast Open on hold."""
    timeouts = sk.icsk_retransmits
    if (sk.syn_fastopen or sk.syn_data or sk.syn_data_acked) and (timeouts == 2 or (timeouts < 2 and expired)):
        tcp_fastopen_active_disable(sk)
        sk.net.mib.TcpExtTCPFastOpenActiveFail += 1


def tcp_fastopen_active_disable_ofo_check(sk):
    """The end of a client's connection: was the peer's FIN all that has come, or has it worked again?"""
    if not sk.syn_fastopen:
        return
    if sk.data_segs_in == 0:
        skb = sk.out_of_order_queue.first
        if skb is not None and skb.next is None and skb.tcp_flags & TCPHDR_FIN:
            tcp_fastopen_active_disable(sk)
    elif sk.syn_fastopen_ch and sk.net.tcp.fastopen.disable_times:
        dst = sk.sk_dst_cache
        if dst is None or not dst.dev.flags & IFF_LOOPBACK:
            sk.net.tcp.fastopen.disable_times = 0


# --- the SYN with data ---


def tcp_send_syn_data(sk, syn):
    """Send `syn` (queued for retransmission already) with Fast Open: data when there is a cookie, else a request for one."""
    request = sk.fastopen_req
    sk.mss_clamp = sk.advmss
    if tcp_fastopen_cookie_check(sk, request):
        if sk.user_mss and sk.user_mss < sk.mss_clamp:
            sk.mss_clamp = sk.user_mss
        tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
        # Middleboxes may add options of their own: leave the room that there can be for them.
        space = tcp_mtu_to_mss(sk, sk.icsk_pmtu_cookie) + (sk.tcp_header_len - 20) - MAX_TCP_OPTION_SPACE
        data = tcp_syn_data_skb(sk, request, syn, min(space, request.size))
        if data is not None:
            err = tcp_send_syn_with(sk, syn, data)
            request.cookie = None
            return err
    if request.cookie is not None:
        request.cookie = b""
    err = tcp_transmit_skb(sk, syn, True)
    if err:
        sk.syn_fastopen = False
    # Retransmissions are plain SYNs.
    request.cookie = None
    return err


def tcp_syn_data_skb(sk, request, syn, space):
    """An sk_buff with the flags and numbers of `syn` and up to `space` bytes of the program's; None: send without data."""
    skb = tcp_stream_alloc_skb(sk)
    if skb is None:
        return None
    skb.tcp_flags = syn.tcp_flags
    skb.seq = syn.seq
    skb.end_seq = syn.end_seq
    if space > 0:
        msg = request.msg
        if msg.msg_flags & MSG_ZEROCOPY and sk.sk_flags & SOCK_ZEROCOPY:
            request.notification = msg_zerocopy_alloc(sk)
        tn = sk.net.tcp
        copied = skb_add_frags_iter(skb, msg.msg_iter, space, tn.page_frag)
        if copied <= 0:
            kfree_skb(skb, "SKB_UCOPY_FAULT")
            return None
        request.copied = copied
        skb.end_seq = (skb.end_seq + copied) & U32_MASK
    request.pending = request.copied < request.size
    return skb


def tcp_send_syn_with(sk, syn, data):
    """Send SYN and data as one segment, and keep them as two, so that each can be sent again without the other."""
    sk.write_seq = data.end_seq
    sk.sk_wmem_queued += data.truesize
    sk.sk_prot.memory_allocated += data.truesize
    sk.packets_out += data.tcp_pcount
    err = tcp_transmit_skb(sk, data, True)
    syn.skb_mstamp = data.skb_mstamp
    data.seq = (data.seq + 1) & U32_MASK
    data.tcp_flags = TCPHDR_ACK | TCPHDR_PSH
    if err == 0:
        sk.syn_data = data.len > 0
        sk.tcp_rtx_queue.queue_tail(data)
        sk.net.mib.TcpExtTCPOrigDataSent += 1
        return 0
    sk.sk_write_queue.queue_tail(data)
    sk.packets_out -= data.tcp_pcount
    err = tcp_transmit_skb(sk, syn, True)
    if err:
        sk.syn_fastopen = False
    return err
