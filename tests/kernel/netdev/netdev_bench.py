"""A network device layer on a machine without a card: `Recorder` devices note what they are told to send."""

from driver_bench import MiniKernel, Sink

from hwemu.clock import Clock
from hwemu.machine import Machine
from kernel.net.core.dev import dev_open, netif_carrier_on, register_netdev
from kernel.net.core.net_dev_init import net_dev_init
from kernel.net.core.netdev_flags import NETDEV_TX_BUSY, NETDEV_TX_OK
from kernel.net.core.netdevice import net_device, net_device_ops
from kernel.net.core.skbuff import alloc_skb, consume_skb, skb_put_data, skb_reserve
from kernel.net.ethernet.eth import ether_setup
from kernel.net.net import Net

__all__ = ["NetdevBench", "Recorder", "Sink"]
ADDRESS = bytes.fromhex("02000000aa01")


class Recorder(net_device_ops):
    """Takes up to `room` sk_buffs, then is full."""

    def __init__(self, room=1 << 30):
        self.room = room
        self.sent = []
        self.more = []
        self.skbs = []
        self.calls = []

    def ndo_open(self, dev):
        self.calls.append("open")
        return 0

    def ndo_stop(self, dev):
        self.calls.append("stop")
        return 0

    def ndo_set_rx_mode(self, dev):
        self.calls.append("rx_mode")

    def ndo_start_xmit(self, skb, dev):
        if self.room == 0:
            return NETDEV_TX_BUSY
        self.room -= 1
        self.sent.append(skb.bytes())
        self.more.append(skb.xmit_more)
        consume_skb(skb)
        return NETDEV_TX_OK


class NetdevBench:
    def __init__(self):
        self.clock = Clock()
        self.machine = Machine(self.clock, memory=16 << 20)
        self.kernel = MiniKernel(self.machine, {})
        self.net = Net(self.kernel)
        self.kernel.net = self.net
        net_dev_init(self.net)
        self.softnet = self.net.softnet

    def device(self, name="dummy%d", room=1 << 30, up=True):
        dev = net_device(self.net, name)
        ether_setup(dev, ADDRESS)
        dev.netdev_ops = Recorder(room)
        register_netdev(dev)
        if up:
            dev_open(dev)
            netif_carrier_on(dev)
        return dev

    def skb(self, data, dev=None, headroom=64):
        skb = alloc_skb(self.kernel.skb_cache, headroom + len(data))
        skb_reserve(skb, headroom)
        skb_put_data(skb, data)
        skb.dev = dev
        skb.network_header = skb.data + 14
        return skb

    def softirqs(self):
        self.kernel.softirq.do_softirq()
