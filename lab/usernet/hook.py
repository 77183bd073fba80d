"""Where the gateway's kernel asks the user network: at LOCAL_IN, before a packet meets its transport protocol.

Most packets belong to a socket that is there already and go on at once.  What opens something new (a SYN, a first
datagram, an echo request to the world) is handed to the program and comes back when the host's side is ready.
"""

from kernel.net.core.skb_data import skb_copy_bits
from kernel.net.core.skbuff import consume_skb, kfree_skb, pskb_may_pull
from kernel.net.net import netfilter_hook
from lab.usernet import plan
from lab.usernet.plan import GATEWAY_NUMBER, NAME_SERVER_NUMBER

NF_ACCEPT, NF_STOLEN = 1, 2
IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP = 1, 6, 17
TCP_SYN, TCP_ACK, TCP_RST, TCP_FIN = 0x02, 0x10, 0x04, 0x01
ECHO_REQUEST = 8
SADDR, DADDR, PROTOCOL = 12, 16, 9
FLAGS = 13
TCP_HEADER, UDP_HEADER, ICMP_HEADER = 20, 8, 8
BROADCAST = 0xFFFFFFFF
BROADCAST_OF_NETWORK = int(plan.NETWORK.broadcast_address)
# How many packets may wait for the program at a time.
MOST_WAITING = 1024


class UserNetHook(netfilter_hook):
    """Called in the gateway kernel's softirq context."""

    def __init__(self, engine, tcp, udp, icmp):
        super().__init__()
        self.engine = engine
        self.tcp = tcp
        self.udp = udp
        self.icmp = icmp

    def hook(self, skb):
        ip = skb.network_header
        protocol = skb.get8(ip + PROTOCOL)
        if protocol == IPPROTO_TCP:
            return self.tcp_packet(skb, ip)
        if protocol == IPPROTO_UDP:
            return self.udp_packet(skb, ip)
        if protocol == IPPROTO_ICMP:
            return self.icmp_packet(skb, ip)
        return NF_ACCEPT

    def tcp_packet(self, skb, ip):
        if not self.has(skb, TCP_HEADER):
            return NF_ACCEPT
        at = skb.transport_header
        if skb.get8(at + FLAGS) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN) != TCP_SYN:
            return NF_ACCEPT
        key = (skb.get32(ip + SADDR), skb.get16(at), skb.get32(ip + DADDR), skb.get16(at + 2))
        if self.tcp.is_pending(key):
            # The guest asks again while the host is still connecting.
            consume_skb(skb)
            return NF_STOLEN
        if not self.tcp.wants(key):
            return NF_ACCEPT
        return self.hand_over(self.tcp.syn, key, skb)

    def udp_packet(self, skb, ip):
        target = skb.get32(ip + DADDR)
        if target in (BROADCAST, BROADCAST_OF_NETWORK) or not self.has(skb, UDP_HEADER):
            return NF_ACCEPT
        place = (target, skb.get16(skb.transport_header + 2))
        if self.udp.knows(place) or (target == GATEWAY_NUMBER and place[1] in self.engine.own_udp_ports):
            return NF_ACCEPT
        return self.hand_over(self.udp.datagram, place, skb)

    def icmp_packet(self, skb, ip):
        target = skb.get32(ip + DADDR)
        if target in (GATEWAY_NUMBER, NAME_SERVER_NUMBER, BROADCAST, BROADCAST_OF_NETWORK):
            return NF_ACCEPT
        if not self.has(skb, ICMP_HEADER) or skb.get8(skb.transport_header) != ECHO_REQUEST:
            return NF_ACCEPT
        if len(self.engine.posted) < MOST_WAITING:
            offset = skb.transport_header - skb.data
            message = skb_copy_bits(skb, offset, skb.len - offset)
            self.engine.post(self.icmp.echo, skb.get32(ip + SADDR), target, message)
        consume_skb(skb)
        return NF_STOLEN

    def has(self, skb, length):
        """True when `length` bytes of the transport header are there to be read."""
        return pskb_may_pull(skb, skb.transport_header - skb.data + length)

    def hand_over(self, function, key, skb):
        if len(self.engine.posted) >= MOST_WAITING:
            kfree_skb(skb, "USERNET_BUSY")
        else:
            self.engine.post(function, key, skb)
        return NF_STOLEN
