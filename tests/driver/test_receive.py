"""From the wire to the protocol handler."""

import pytest
from driver_bench import ETH_P_TEST, MAC, MILLISECOND, PEER, Bench, frame
from driver_packets import PSH, ethernet, tcp

from kernel.net.core.dev import dev_add_pack, dev_mc_add, dev_mc_del, dev_set_mtu, dev_set_promiscuity
from kernel.net.core.netdevice import packet_type
from kernel.net.core.skbuff import consume_skb

CHECKSUM_UNNECESSARY = 1
CHECKSUM_PARTIAL = 3
BROADCAST = b"\xff" * 6


@pytest.mark.parametrize("size", [46, 100, 242, 243, 1000, 1499, 1500])
def test_frames_of_every_size(up, size):
    sink = up.sink()
    payload = bytes(i & 0xFF for i in range(size))
    up.end.inject(frame(payload))
    up.run()
    assert [packet.data for packet in sink.packets] == [payload]
    assert sink.packets[0].pkt_type == 0
    assert up.dev.rx_packets == 1
    assert up.dev.rx_bytes == size + 14


def test_many_frames_wrap_the_ring(up):
    sink = up.sink()
    sent = []
    for number in range(1500):
        payload = number.to_bytes(4, "big") * (12 + number % 300)
        sent.append(payload)
        up.end.inject(frame(payload))
        if number % 100 == 99:
            up.run()
    up.run(10 * MILLISECOND)
    assert [packet.data for packet in sink.packets] == sent


def test_overrun_is_counted_and_recovers(up):
    sink = up.sink()
    up.kernel.arch.mask_irq(up.adapter.pdev.irq)
    for _ in range(400):
        up.end.inject(frame(bytes(100)))
    up.run()
    up.kernel.arch.unmask_irq(up.adapter.pdev.irq)
    up.run(10 * MILLISECOND)
    received = len(sink.packets)
    assert 200 < received < 400
    up.dev.netdev_ops.ndo_get_stats(up.dev)
    assert up.dev.rx_missed_errors == 400 - received
    up.end.inject(frame(b"after" * 20))
    up.run()
    assert sink.packets[-1].data == b"after" * 20


def test_one_interrupt_for_a_burst(up):
    up.sink()
    before = up.adapter.interrupts
    for _ in range(60):
        up.end.inject(frame(bytes(64)))
    up.run()
    assert up.adapter.interrupts - before <= 3
    assert up.dev.rx_packets == 60


def test_address_filters(up):
    sink = up.sink()
    group = bytes.fromhex("01005e000001")
    stranger = bytes.fromhex("025400999999")
    for destination in (MAC, BROADCAST, group, stranger):
        up.end.inject(frame(bytes(50), dst=destination))
    up.run()
    assert [packet.pkt_type for packet in sink.packets] == [0, 1]
    up.on_cpu(dev_mc_add, up.dev, group)
    up.end.inject(frame(bytes(50), dst=group))
    up.run()
    assert sink.packets[-1].pkt_type == 2
    assert up.dev.multicast == 1
    up.on_cpu(dev_mc_del, up.dev, group)
    up.end.inject(frame(bytes(50), dst=group))
    up.run()
    assert len(sink.packets) == 3
    up.on_cpu(dev_set_promiscuity, up.dev, 1)
    up.end.inject(frame(bytes(50), dst=stranger))
    up.run()
    assert sink.packets[-1].pkt_type == 3
    up.on_cpu(dev_set_promiscuity, up.dev, -1)


def test_more_groups_than_exact_entries(up):
    sink = up.sink()
    groups = [bytes.fromhex("01005e") + (7 * i).to_bytes(3, "big") for i in range(1, 40)]
    for group in groups:
        up.on_cpu(dev_mc_add, up.dev, group)
    for group in groups:
        up.end.inject(frame(bytes(50), dst=group))
    up.run()
    assert len(sink.packets) == len(groups)


def test_checksum_offload_marks_good_and_leaves_bad(up):
    sink = up.sink(0x0800)
    good = ethernet(tcp(b"x" * 300, flags=PSH | 16))
    bad = bytearray(good)
    bad[100] ^= 0x55
    up.end.inject(good)
    up.end.inject(bytes(bad))
    up.run()
    assert [packet.ip_summed for packet in sink.packets] == [CHECKSUM_UNNECESSARY, 0]
    assert up.adapter.hw_csum_good == 1
    assert up.adapter.hw_csum_err == 1


def test_vlan_tag_is_stripped(up):
    sink = up.sink()
    up.end.inject(MAC + PEER + bytes.fromhex("81000000") + ETH_P_TEST.to_bytes(2, "big") + b"tagged" * 20)
    up.run()
    assert sink.packets[0].data == b"tagged" * 20


@pytest.mark.parametrize("mtu", [1600, 4000, 9000, 16110])
def test_jumbo_frames(up, mtu):
    sink = up.sink()
    assert up.on_cpu(dev_set_mtu, up.dev, mtu, duration=100 * MILLISECOND) == 0
    for size in (46, 200, 256, 1500, 4082, 4083, 8178, 8179, mtu):
        if size > mtu:
            continue
        payload = bytes((i * 7) & 0xFF for i in range(size))
        up.end.inject(frame(payload))
        up.run()
        assert sink.packets[-1].data == payload
    assert up.on_cpu(dev_set_mtu, up.dev, 1500, duration=100 * MILLISECOND) == 0
    up.end.inject(frame(b"small" * 100))
    up.run()
    assert sink.packets[-1].data == b"small" * 100


def test_mtu_limits(up):
    assert up.on_cpu(dev_set_mtu, up.dev, 67) == -22
    assert up.on_cpu(dev_set_mtu, up.dev, 16111) == -22
    assert up.on_cpu(dev_set_mtu, up.dev, 68) == 0


def test_gro_merges_a_train(up):
    sink = up.sink(0x0800)
    payload = bytes(i & 0xFF for i in range(1000)) * 10
    for index in range(10):
        flags = 16 | (PSH if index == 9 else 0)
        segment = payload[index * 1000 : index * 1000 + 1000]
        up.end.inject(ethernet(tcp(segment, seq=5000 + index * 1000, flags=flags, identification=7 + index)))
    up.run()
    assert len(sink.packets) == 1
    merged = sink.packets[0]
    assert merged.gso_size == 1000
    assert merged.gso_segs == 10
    assert merged.ip_summed == CHECKSUM_PARTIAL
    assert merged.data[40:] == payload
    assert int.from_bytes(merged.data[2:4], "big") == 10040
    assert merged.data[33] & PSH


class Hoarder(packet_type):
    """Keeps every sk_buff, as a program does that never reads its socket."""

    def __init__(self):
        packet_type.__init__(self, ETH_P_TEST)
        self.held = []

    def func(self, skb, dev):
        self.held.append(skb)
        return 0


def test_out_of_memory_for_buffers_recovers():
    bench = Bench(memory=4 << 20).up()
    hoarder = Hoarder()
    dev_add_pack(bench.net, hoarder)
    for _ in range(3000):
        bench.end.inject(frame(bytes(600)))
        bench.run(MILLISECOND // 10)
    assert bench.adapter.alloc_rx_buff_failed > 0
    assert bench.kernel.timers.active == 1
    received = len(hoarder.held)
    for skb in hoarder.held:
        consume_skb(skb)
    hoarder.held = []
    bench.run(20 * MILLISECOND)
    assert bench.kernel.timers.active == 0
    bench.end.inject(frame(b"again" * 100))
    bench.run()
    assert received < 3000
    assert hoarder.held[-1].bytes() == b"again" * 100
    for skb in hoarder.held:
        consume_skb(skb)
    assert bench.shutdown() == []
