"""Trace events of the kernel's network stack: one declarative line per event, as in hwemu/trace.py.

A packet event begins with the sk_buff's id.  Addresses are host-order integers: {n:ip} prints them as dotted quads.
"""

from kernel.uapi.in_ import inet_ntoa


class trace_format:
    """A format whose {n:ip} fields are IPv4 addresses; used like a format string."""

    def __init__(self, text):
        self.text = text

    def format(self, *fields):
        shown = [address(field) if f"{{{i}:ip}}" in self.text else field for i, field in enumerate(fields)]
        return self.text.replace(":ip}", "}").format(*shown)


def address(field):
    """An address in a trace line."""
    return inet_ntoa(field) if isinstance(field, int) else field


NET_EVENTS = {
    "ip_rcv": trace_format("skb {0} {1:ip} > {2:ip} proto {3} length {4}"),
    "ip_forward": trace_format("skb {0} {1:ip} > {2:ip} length {3}"),
    "ip_output": trace_format("skb {0} {1:ip} > {2:ip} proto {3} length {4}"),
    "ip_defrag": trace_format("skb {0} {1} bytes {2} to {3}"),
    "arp_rcv": trace_format("skb {0} {1} op {2} {3} asks about {4}"),
    "arp_send": trace_format("skb {0} {1} op {2} {3} asks about {4}"),
    "icmp_rcv": trace_format("skb {0} type {1} code {2} length {3}"),
    "udp_rcv": trace_format("skb {0} {1:ip}:{2} > {3:ip}:{4} length {5}"),
    "tcp_v4_rcv": trace_format("skb {0} {1:ip}:{2} > {3:ip}:{4} seq {5} ack {6} flags {7:#04x} length {8}"),
    "tcp_transmit_skb": trace_format("skb {0} {1:ip}:{2} > {3:ip}:{4} seq {5} ack {6} flags {7:#04x} length {8}"),
    "sock_queue_rcv": trace_format("skb {0} length {1}"),
    "skb_drop": trace_format("skb {0} length {1} reason {2}"),
}
