"""tun0: a device without a link header.  What the machine sends is kept with its time; what the peer sends comes by interrupt."""

from kernel.irq.irq import irqaction
from kernel.net.core.dev import dev_open, register_netdev
from kernel.net.core.napi import netif_rx
from kernel.net.core.netdev_flags import (
    NETDEV_TX_OK,
    NETIF_F_GSO,
    NETIF_F_HIGHDMA,
    NETIF_F_HW_CSUM,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.netdevice import net_device, net_device_ops
from kernel.net.core.skbuff import alloc_skb, consume_skb, skb_put_data, skb_reserve, skb_tx_timestamp
from kernel.uapi.if_ import IFF_MULTICAST, IFF_NOARP, IFF_POINTOPOINT
from kernel.uapi.if_ether import ETH_P_IP

NAME = "tun0"
# What `Clock.next_time` says when nothing is armed, and an interrupt handler whose device had pulled the line.
NEVER = -1
IRQ_HANDLED = 1
LINE = 9
ARPHRD_NONE = 65534
HEADROOM = 64
SKB_GSO_TCPV4 = 1
HEADERS = 40
HEAD_TRUESIZE = 640
PAGE_SIZE = 4096


class tun_interrupt(irqaction):
    """The device's interrupt: packets of the peer have arrived."""

    def __init__(self, tun):
        irqaction.__init__(self)
        self.tun = tun

    def handler(self, irq):
        self.tun.receive()
        return IRQ_HANDLED


class Tun(net_device_ops):
    """The device's operations; `sent` is [(ns, IP packet)] in order."""

    def __init__(self, machine, kernel, mtu):
        self.clock = machine.clock
        self.pic = machine.pic
        self.kernel = kernel
        self.sent = []
        self.arriving = []
        # The size of the segments that a large packet of the peer stands for (0: it is one packet).
        self.mss = 0
        self.source = self.pic.new_source()
        self.interrupt = tun_interrupt(self)
        kernel.irq.request_irq(LINE, self.interrupt, 0, NAME)
        kernel.add_shutdown(self.unplug)
        self.dev = net_device(kernel.net, NAME)
        self.dev.type = ARPHRD_NONE
        self.dev.mtu = mtu
        self.dev.max_mtu = 65535
        self.dev.flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST
        self.dev.hw_features = NETIF_F_SG | NETIF_F_TSO | NETIF_F_GSO | NETIF_F_HW_CSUM
        self.dev.features = self.dev.hw_features | NETIF_F_HIGHDMA
        self.dev.netdev_ops = self
        register_netdev(self.dev)
        dev_open(self.dev)

    def unplug(self):
        self.kernel.irq.free_irq(LINE, self.interrupt)
        self.pic.free_source(LINE, self.source)

    def ndo_start_xmit(self, skb, dev):
        """Out: keep the packet and let the bench have a look."""
        skb_tx_timestamp(skb)
        self.sent.append((self.clock.now, skb.bytes()))
        dev.tx_packets += 1
        dev.tx_bytes += skb.len
        consume_skb(skb)
        self.clock.stop()
        return NETDEV_TX_OK

    def ndo_set_features(self, dev, features):
        dev.features = features
        return 0

    def inject(self, packet):
        """In: the peer's IP packet arrives now."""
        self.arriving.append(packet)
        self.pic.raise_line(LINE, self.source, True)

    def receive(self):
        """What has arrived climbs the stack."""
        self.pic.raise_line(LINE, self.source, False)
        packets, self.arriving = self.arriving, []
        for packet in packets:
            skb = alloc_skb(self.kernel.skb_cache, HEADROOM + len(packet))
            skb_reserve(skb, HEADROOM)
            skb_put_data(skb, packet)
            skb.dev = self.dev
            skb.protocol = ETH_P_IP
            skb.mac_header = skb.data
            payload = len(packet) - HEADERS
            if self.mss and payload > self.mss:
                skb.gso_size = self.mss
                skb.gso_segs = (payload + self.mss - 1) // self.mss
                skb.gso_type = SKB_GSO_TCPV4
                # What it costs in the receiver's account: its headers in a small head, its payload in pages.
                skb.truesize = HEAD_TRUESIZE + (payload + PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE
            self.dev.rx_packets += 1
            self.dev.rx_bytes += len(packet)
            netif_rx(skb)


def settle(clock):
    """Let everything happen that is due now."""
    while clock.next_time() != NEVER and clock.next_time() <= clock.now:
        clock.run(clock.now)
