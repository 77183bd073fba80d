"""From the stack to the wire."""

import pytest
from driver_bench import ETH_P_TEST, MAC, MILLISECOND, PEER, Bench, Sink, frame
from driver_packets import ACK, FIN, OUR_IP, PEER_IP, PSH, check_tcp, ethernet, ones_complement, tcp

from driver.e1000.e1000_osdep import ew32
from driver.e1000.e1000_regs import E1000_TCTL
from kernel.net.core.dev import dev_add_pack, dev_close, dev_queue_xmit, dev_remove_pack
from kernel.net.core.ethtool import netdev_change_features
from kernel.net.core.netdev_flags import NETIF_F_HW_CSUM, NETIF_F_HW_VLAN_CTAG_TX, NETIF_F_SG, NETIF_F_TSO
from kernel.net.core.skb_data import skb_add_frag
from kernel.net.core.skbuff import alloc_page, alloc_skb, skb_put_data, skb_reserve

CHECKSUM_PARTIAL = 3
ETH_P_ALL = 3


def send(bench, *skbs, duration=MILLISECOND):
    def job():
        return [dev_queue_xmit(skb) for skb in skbs]

    return bench.on_cpu(job, duration=duration)


def big(bench, payload, mss=1000, linear=0, page_size=4096, flags=ACK | PSH, vlan=None):
    """A TSO sk_buff: headers linear, `payload` in fragments from byte `linear` on."""
    packet = tcp(payload, seq=0xFFFFFF00, flags=flags, src=OUR_IP, dst=PEER_IP, sport=5000, dport=80)
    headers = ethernet(packet[:40], dst=PEER, src=MAC)
    skb = alloc_skb(bench.kernel.skb_cache, 64 + 54 + linear)
    skb_reserve(skb, 64)
    skb_put_data(skb, headers + payload[:linear])
    rest = payload[linear:]
    while rest:
        piece, rest = rest[:page_size], rest[page_size:]
        page = alloc_page(bench.kernel.skb_cache, page_size)
        page.write(0, piece)
        skb_add_frag(skb, page, 0, len(piece))
    skb.dev = bench.dev
    skb.protocol = 0x0800
    skb.network_header = skb.data + 14
    skb.transport_header = skb.data + 34
    skb.ip_summed = CHECKSUM_PARTIAL
    skb.csum_start = skb.data + 34
    skb.csum_offset = 16
    pseudo = OUR_IP + PEER_IP + (6).to_bytes(2, "big") + (20 + len(payload)).to_bytes(2, "big")
    skb.put16(skb.csum_start + 16, ones_complement(pseudo) ^ 0xFFFF)
    if len(payload) > mss:
        skb.gso_size = mss
        skb.gso_segs = (len(payload) + mss - 1) // mss
        skb.gso_type = 1
    if vlan is not None:
        skb.vlan_tci = vlan
        skb.vlan_present = True
    return skb


def reassemble(frames, mss, flags):
    data = b""
    for index, raw in enumerate(frames):
        parts = check_tcp(raw)
        assert parts["id"] == 1 + index
        assert parts["seq"] == (0xFFFFFF00 + len(data)) & 0xFFFFFFFF
        last = index == len(frames) - 1
        assert parts["flags"] == (flags if last else flags & ~(PSH | FIN))
        assert len(parts["payload"]) == mss or last
        data += parts["payload"]
    return data


@pytest.mark.parametrize("size", [1, 46, 1000, 1500])
def test_frames_of_every_size(up, size):
    payload = bytes(i & 0xFF for i in range(size))
    assert send(up, up.skb(frame(payload, dst=PEER, src=MAC))) == [0]
    sent = up.end.take()
    assert sent == [frame(payload, dst=PEER, src=MAC).ljust(60, b"\0")]
    assert up.kernel.skb_cache.live == 0


def test_thousands_of_frames_in_order(up):
    for batch in range(40):
        skbs = [up.skb(frame((batch * 50 + i).to_bytes(4, "big") * 20, dst=PEER, src=MAC)) for i in range(50)]
        send(up, *skbs)
    numbers = [int.from_bytes(raw[14:18], "big") for raw in up.end.take()]
    assert numbers == list(range(2000))
    assert up.dev.tx_packets == 2000


def test_full_ring_stops_the_queue_and_wakes_it():
    bench = Bench(rate=100_000_000).up()
    skbs = [bench.skb(frame(i.to_bytes(4, "big") * 300, dst=PEER, src=MAC)) for i in range(600)]
    assert set(send(bench, *skbs, duration=200 * MILLISECOND)) == {0}
    numbers = [int.from_bytes(raw[14:18], "big") for raw in bench.end.take()]
    assert numbers == list(range(600))
    assert bench.adapter.restart_queue > 0
    # What came out of the queue rang the bell once per batch.
    assert bench.adapter.doorbells < 600
    assert bench.shutdown() == []


def test_queue_limit_drops():
    bench = Bench(rate=1_000_000).up()
    bench.dev.qdisc.limit = 100
    skbs = [bench.skb(frame(bytes(1000), dst=PEER, src=MAC)) for _ in range(500)]
    results = send(bench, *skbs)
    assert results.count(1) == bench.dev.qdisc.drops > 0
    assert bench.kernel.skb_cache.drops["QDISC_DROP"] == bench.dev.qdisc.drops
    assert bench.shutdown() == []


@pytest.mark.parametrize("linear", [0, 1, 777])
@pytest.mark.parametrize("size", [1001, 5000, 65000])
def test_tso(up, linear, size):
    payload = bytes((i * 31) & 0xFF for i in range(size))
    send(up, big(up, payload, linear=linear, flags=ACK | PSH | FIN), duration=5 * MILLISECOND)
    frames = up.end.take()
    assert reassemble(frames, 1000, ACK | PSH | FIN) == payload
    assert up.dev.tx_packets == len(frames)
    assert up.dev.tx_bytes == size + 54 * len(frames)


def test_tso_with_vlan(up):
    send(up, big(up, bytes(3000), vlan=5))
    frames = up.end.take()
    assert [raw[12:16].hex() for raw in frames] == ["81000005"] * 3
    for raw in frames:
        check_tcp(raw[:12] + raw[16:])


@pytest.mark.parametrize("off", [0, NETIF_F_TSO, NETIF_F_TSO | NETIF_F_HW_CSUM, NETIF_F_TSO | NETIF_F_HW_CSUM | NETIF_F_SG])
def test_what_the_device_can_not_do_the_stack_does(up, off):
    up.on_cpu(netdev_change_features, up.dev, off, 0)
    payload = bytes((i * 13) & 0xFF for i in range(20001))
    send(up, big(up, payload, linear=100), duration=5 * MILLISECOND)
    assert reassemble(up.end.take(), 1000, ACK | PSH) == payload
    send(up, big(up, b"single" * 40, linear=7))
    assert check_tcp(up.end.take()[0])["payload"] == b"single" * 40


def test_vlan_tag_inserted_by_software(up):
    up.dev.features &= ~NETIF_F_HW_VLAN_CTAG_TX
    skb = up.skb(frame(b"tagged" * 20, dst=PEER, src=MAC))
    skb.vlan_tci = 0x2007
    skb.vlan_present = True
    send(up, skb)
    assert up.end.take() == [PEER + MAC + bytes.fromhex("81002007") + ETH_P_TEST.to_bytes(2, "big") + b"tagged" * 20]


def test_checksum_context_is_written_once(up):
    before = up.adapter.tx.next_to_use
    for _ in range(5):
        send(up, big(up, b"data" * 50, linear=200))
    assert up.adapter.tx.next_to_use == before + 6
    assert len([check_tcp(raw) for raw in up.end.take()]) == 5


def test_contexts_of_both_kinds_live_side_by_side(up):
    skbs = []
    for _ in range(4):
        skbs += [big(up, b"data" * 50, linear=200), big(up, bytes(2500)), up.skb(frame(b"plain" * 20, dst=PEER, src=MAC))]
    send(up, *skbs)
    frames = up.end.take()
    assert len(frames) == 4 * 5
    assert sum(1 for raw in frames if raw[12:14] == b"\x08\x00" and check_tcp(raw)) == 16


def test_tap_sees_what_is_sent_before_the_hardware_changes_it(up):
    tap = Sink(ETH_P_ALL)
    dev_add_pack(up.net, tap)
    payload = bytes(5000)
    send(up, big(up, payload))
    dev_remove_pack(up.net, tap)
    assert tap.packets[0].pkt_type == 4
    assert int.from_bytes(tap.packets[0].data[16:18], "big") == 5040
    assert len(up.end.take()) == 5


def test_lying_tso_is_dropped_not_sent(up):
    empty = big(up, bytes(3000))
    empty.gso_size = 100
    empty.csum_offset = 6
    outside = big(up, bytes(3000))
    outside.csum_start = 2
    send(up, empty, outside)
    assert up.end.take() == []
    assert up.kernel.skb_cache.drops["GSO_SEGMENT"] == 2


def test_sending_while_down(bench):
    assert send(bench, bench.skb(frame(bytes(50)))) == [-100]
    assert bench.kernel.skb_cache.drops["DEV_DOWN"] == 1


def test_sending_without_carrier(up):
    up.wire.set_up(False)
    up.run(50 * MILLISECOND)
    assert send(up, up.skb(frame(bytes(50)))) == [2]
    assert up.kernel.skb_cache.drops["NO_CARRIER"] == 1


def test_hang_prints_the_ring_and_resets(up):
    # Somebody switches the transmitter off behind the driver's back.
    ew32(up.adapter.hw, E1000_TCTL, 0)
    send(up, up.skb(frame(bytes(100), dst=PEER, src=MAC)), duration=20_000 * MILLISECOND)
    assert up.adapter.tx_hang_count == 1
    assert "Detected Tx Unit Hang" in up.kernel.log()
    assert "TDH 0 TDT 1" in up.kernel.log()
    assert up.kernel.skb_cache.live == 0
    send(up, up.skb(frame(b"alive" * 20, dst=PEER, src=MAC)))
    assert up.end.take() == [frame(b"alive" * 20, dst=PEER, src=MAC)]


def test_stopped_queue_times_out(up):
    up.adapter.params.tx_hang_timeout = 10**15
    ew32(up.adapter.hw, E1000_TCTL, 0)
    skbs = [up.skb(frame(bytes(100), dst=PEER, src=MAC)) for _ in range(300)]
    send(up, *skbs, duration=8_000 * MILLISECOND)
    assert up.adapter.tx_timeout_count == 1
    assert "transmit queue timed out" in up.kernel.log()
    assert up.kernel.skb_cache.live == 0


def test_close_with_frames_in_flight():
    bench = Bench(rate=1_000_000).up()
    send(bench, *[bench.skb(frame(bytes(1000), dst=PEER, src=MAC)) for _ in range(300)])
    bench.on_cpu(dev_close, bench.dev)
    assert bench.kernel.skb_cache.live == 0
    assert bench.shutdown() == []
