"""The device layer: queueing, taps, NAPI, lo, registration, notification."""

import pytest
from netdev_bench import ADDRESS, Sink

from kernel.net.core.dev import (
    dev_add_pack,
    dev_change_flags,
    dev_close,
    dev_get_by_index,
    dev_get_by_name,
    dev_get_flags,
    dev_mc_add,
    dev_mc_del,
    dev_open,
    dev_queue_xmit,
    dev_remove_pack,
    dev_set_promiscuity,
    dev_valid_name,
    netif_carrier_off,
    netif_carrier_on,
    netif_receive_skb,
    netif_stop_queue,
    netif_wake_queue,
    register_netdev,
    register_netdevice_notifier,
    unregister_netdev,
    unregister_netdevice_notifier,
)
from kernel.net.core.napi import napi_complete_done, napi_disable, napi_enable, napi_schedule, netif_rx
from kernel.net.core.netdev_flags import (
    NETDEV_CHANGE,
    NETDEV_DOWN,
    NETDEV_GOING_DOWN,
    NETDEV_REGISTER,
    NETDEV_UNREGISTER,
    NETDEV_UP,
)
from kernel.net.core.netdevice import napi_struct, net_device, notifier_block
from kernel.net.core.skbuff import kfree_skb
from kernel.net.ethernet.eth import eth_type_trans

PEER = bytes.fromhex("02000000bb02")
ETH_P_ALL = 3
ETH_P_TEST = 0x88B5


def frame(payload=b"payload", dst=PEER, src=ADDRESS, kind=ETH_P_TEST):
    return dst + src + kind.to_bytes(2, "big") + payload


# --- transmit ---


def test_empty_queue_is_bypassed(layer):
    dev = layer.device()
    assert dev_queue_xmit(layer.skb(frame(), dev)) == 0
    assert dev.netdev_ops.sent == [frame()]
    assert dev.qdisc.qlen == 0


def test_busy_driver_gets_it_again_in_order(layer):
    dev = layer.device(room=2)
    for number in range(5):
        assert dev_queue_xmit(layer.skb(frame(bytes([number])), dev)) == 0
    assert len(dev.netdev_ops.sent) == 2
    netif_stop_queue(dev)
    dev.netdev_ops.room = 100
    netif_wake_queue(dev)
    layer.softirqs()
    assert [sent[14] for sent in dev.netdev_ops.sent] == [0, 1, 2, 3, 4]
    # All but the last of the batch were told that more follows.
    assert dev.netdev_ops.more[2:] == [True, True, False]


def test_closed_device_drops(layer):
    dev = layer.device(up=False)
    assert dev_queue_xmit(layer.skb(frame(), dev)) == -100
    dev_open(dev)
    netif_carrier_off(dev)
    assert dev_queue_xmit(layer.skb(frame(), dev)) == 2
    assert layer.kernel.skb_cache.drops == {"DEV_DOWN": 1, "NO_CARRIER": 1}


def test_close_empties_the_queue(layer):
    dev = layer.device(room=0)
    for _ in range(10):
        dev_queue_xmit(layer.skb(frame(), dev))
    assert dev.qdisc.qlen == 10
    dev_close(dev)
    assert dev.qdisc.qlen == 0
    layer.softirqs()


def test_queue_length(layer):
    dev = layer.device(room=0)
    dev.qdisc.limit = 3
    results = [dev_queue_xmit(layer.skb(frame(), dev)) for _ in range(6)]
    assert results[-1] == 1
    assert layer.kernel.skb_cache.drops == {"QDISC_DROP": dev.tx_dropped}
    dev_close(dev)
    layer.softirqs()


def test_taps_see_both_directions(layer):
    dev = layer.device()
    other = layer.device()
    tap, bound, deaf = Sink(ETH_P_ALL), Sink(ETH_P_ALL), Sink(ETH_P_ALL)
    bound.dev = other
    deaf.ignore_outgoing = True
    for sink in (tap, bound, deaf):
        dev_add_pack(layer.net, sink)
    dev_queue_xmit(layer.skb(frame(b"out"), dev))
    skb = layer.skb(frame(b"in", dst=ADDRESS, src=PEER), dev)
    skb.protocol = eth_type_trans(skb, dev)
    netif_receive_skb(skb)
    assert [packet.data for packet in tap.packets] == [frame(b"out"), b"in"]
    assert [packet.pkt_type for packet in tap.packets] == [4, 0]
    assert bound.packets == []
    assert [packet.data for packet in deaf.packets] == [b"in"]
    for sink in (tap, bound, deaf):
        dev_remove_pack(layer.net, sink)
    dev_queue_xmit(layer.skb(frame(b"unseen"), dev))
    assert len(tap.packets) == 2


def test_tap_may_leave_while_it_is_called(layer):
    class Leaver(Sink):
        def func(self, skb, dev):
            dev_remove_pack(layer.net, self)
            return Sink.func(self, skb, dev)

    dev = layer.device()
    taps = [Leaver(ETH_P_ALL) for _ in range(3)]
    for tap in taps:
        dev_add_pack(layer.net, tap)
    dev_queue_xmit(layer.skb(frame(), dev))
    dev_queue_xmit(layer.skb(frame(), dev))
    assert [len(tap.packets) for tap in taps] == [1, 1, 1]


# --- receive ---


def receive(layer, dev, raw):
    skb = layer.skb(raw, dev)
    skb.protocol = eth_type_trans(skb, dev)
    return netif_receive_skb(skb)


def test_every_handler_of_a_type_gets_a_copy(layer):
    dev = layer.device()
    first, second, foreign = Sink(ETH_P_TEST), Sink(ETH_P_TEST), Sink(ETH_P_TEST)
    foreign.dev = layer.device()
    for sink in (first, second, foreign):
        dev_add_pack(layer.net, sink)
    assert receive(layer, dev, frame()) == 0
    assert len(first.packets) == len(second.packets) == 1
    assert foreign.packets == []


def test_unknown_type_is_dropped_with_its_reason(layer):
    dev = layer.device()
    assert receive(layer, dev, frame(kind=0x9999)) == 1
    assert layer.kernel.skb_cache.drops == {"UNHANDLED_PROTO": 1}
    assert dev.rx_dropped == 1


def test_length_field_is_802_2(layer):
    dev = layer.device()
    skb = layer.skb(frame(kind=50), dev)
    assert eth_type_trans(skb, dev) == 4
    kfree_skb(skb, "TEST")


@pytest.mark.parametrize(
    ("destination", "kind"), [(ADDRESS, 0), (b"\xff" * 6, 1), (bytes.fromhex("01005e000001"), 2), (PEER, 3)]
)
def test_packet_type(layer, destination, kind):
    dev = layer.device()
    skb = layer.skb(frame(dst=destination), dev)
    eth_type_trans(skb, dev)
    assert skb.pkt_type == kind
    kfree_skb(skb, "TEST")


def test_ethernet_header(layer):
    dev = layer.device()
    skb = layer.skb(b"data", dev)
    assert dev.header_ops.create(skb, dev, 0x0800, PEER, None, 4) == 14
    assert skb.bytes() == PEER + ADDRESS + b"\x08\x00data"
    skb.mac_header = skb.data
    assert dev.header_ops.parse(skb) == ADDRESS
    kfree_skb(skb, "TEST")
    skb = layer.skb(b"data", dev)
    assert dev.header_ops.create(skb, dev, 0x0800, None, PEER, 4) == -14
    kfree_skb(skb, "TEST")


# --- NAPI ---


class Counter(napi_struct):
    """Has `work` packets, hands out as many as it may."""

    def __init__(self, dev, work):
        napi_struct.__init__(self, dev)
        self.work = work
        self.polls = []

    def poll(self, budget):
        done = min(budget, self.work)
        self.work -= done
        self.polls.append(done)
        if done < budget:
            napi_complete_done(self, done)
        return done


def test_budget_is_shared_in_turns(layer):
    dev = layer.device()
    heavy, light = Counter(dev, 200), Counter(dev, 10)
    for napi in (heavy, light):
        assert napi_schedule(napi)
        assert not napi_schedule(napi)
    layer.softirqs()
    assert heavy.polls == [64, 64, 64, 8]
    assert light.polls == [10]
    assert napi_schedule(heavy)
    layer.softirqs()


def test_time_squeeze_leaves_the_rest_for_the_next_run(layer):
    napi = Counter(layer.device(), 2000)
    napi_schedule(napi)
    layer.softirqs()
    assert napi.work == 0
    assert layer.softnet.time_squeeze > 0


def test_disabled_napi_is_not_polled(layer):
    dev = layer.device()
    first, second = Counter(dev, 5), Counter(dev, 5)
    napi_schedule(first)
    napi_schedule(second)
    napi_disable(second)
    assert not napi_schedule(second)
    layer.softirqs()
    assert (first.polls, second.polls) == ([5], [])
    napi_enable(second)
    assert napi_schedule(second)
    layer.softirqs()
    assert second.polls == [5]


def test_backlog_is_bounded(layer):
    dev = layer.device()
    sink = Sink(ETH_P_TEST)
    dev_add_pack(layer.net, sink)
    layer.softnet.max_backlog = 10
    for _ in range(15):
        skb = layer.skb(frame(), dev)
        skb.protocol = eth_type_trans(skb, dev)
        netif_rx(skb)
    layer.softirqs()
    assert len(sink.packets) == 10
    assert layer.softnet.dropped == 5
    assert layer.kernel.skb_cache.drops == {"CPU_BACKLOG": 5}
    assert layer.kernel.proc.files["net/softnet_stat"]().startswith("0000000a 00000005")


def test_loopback_returns_everything(layer):
    lo = dev_get_by_name(layer.net, "lo")
    dev_open(lo)
    sink = Sink(ETH_P_TEST)
    dev_add_pack(layer.net, sink)
    for number in range(100):
        dev_queue_xmit(layer.skb(frame(bytes([number]), dst=bytes(6), src=bytes(6)), lo))
    assert sink.packets == []
    layer.softirqs()
    assert [packet.data[0] for packet in sink.packets] == list(range(100))
    assert lo.rx_packets == lo.tx_packets == 100


# --- registration ---


class Listener(notifier_block):
    def __init__(self):
        self.events = []

    def notifier_call(self, event, dev):
        self.events.append((event, dev.name))


def test_life_of_a_device(layer):
    listener = Listener()
    register_netdevice_notifier(layer.net, listener)
    dev = layer.device(up=False)
    assert dev_get_by_name(layer.net, "dummy0") is dev
    assert dev_get_by_index(layer.net, dev.ifindex) is dev
    assert register_netdev(net_device(layer.net, "dummy0")) == -17
    assert register_netdev(net_device(layer.net, "bad name")) == -22
    dev_open(dev)
    dev_open(dev)
    netif_carrier_off(dev)
    netif_carrier_on(dev)
    unregister_netdev(dev)
    unregister_netdev(dev)
    unregister_netdevice_notifier(layer.net, listener)
    assert [event for event, _ in listener.events] == [
        NETDEV_REGISTER,
        NETDEV_UP,
        NETDEV_CHANGE,
        NETDEV_CHANGE,
        NETDEV_GOING_DOWN,
        NETDEV_DOWN,
        NETDEV_UNREGISTER,
    ]
    assert dev_get_by_name(layer.net, "dummy0") is None
    assert dev.netdev_ops.calls == ["open", "rx_mode", "stop"]


def test_flags(layer):
    dev = layer.device(up=False)
    assert dev_change_flags(dev, dev_get_flags(dev) | 1) == 0
    assert dev_get_flags(dev) & 0x10041 == 0x10041
    netif_carrier_off(dev)
    assert dev_get_flags(dev) & 0x10041 == 1
    dev_set_promiscuity(dev, 1)
    assert not dev_get_flags(dev) & 0x100
    assert dev_change_flags(dev, dev_get_flags(dev) | 0x100) == 0
    assert dev.promiscuity == 2
    assert dev_change_flags(dev, dev_get_flags(dev) & ~0x101) == 0
    assert dev.promiscuity == 1
    assert dev.netdev_ops.calls[-1] == "stop"


def test_multicast_list_counts(layer):
    dev = layer.device()
    group = bytes.fromhex("01005e010203")
    before = len(dev.netdev_ops.calls)
    for _ in range(2):
        dev_mc_add(dev, group)
    dev_mc_del(dev, group)
    assert list(dev.mc_list) == [group]
    dev_mc_del(dev, group)
    dev_mc_del(dev, group)
    assert dev.mc_list == {}
    assert dev.netdev_ops.calls[before:] == ["rx_mode", "rx_mode"]


@pytest.mark.parametrize(
    ("name", "valid"), [("eth0", True), ("", False), ("..", False), ("a/b", False), ("x" * 16, False), ("x" * 15, True)]
)
def test_names(name, valid):
    assert dev_valid_name(name) is valid
