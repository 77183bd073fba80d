"""GRO and GSO: segments become one sk_buff and one becomes segments; garbage stays what it was."""

import random

import pytest
from driver_packets import ACK, FIN, OUR_IP, PEER_IP, PSH, SYN, check_tcp, ethernet, tcp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netdev_bench import ADDRESS, NetdevBench, Sink

from kernel.net.core.dev import dev_add_pack, dev_queue_xmit
from kernel.net.core.gro import napi_gro_flush, napi_gro_receive
from kernel.net.core.gso import skb_gso_segment
from kernel.net.core.netdev_flags import NETIF_F_GRO, NETIF_F_HW_CSUM
from kernel.net.core.netdevice import napi_struct
from kernel.net.core.skbuff import consume_skb, kfree_skb
from kernel.net.ethernet.eth import eth_type_trans

TIMESTAMP = bytes.fromhex("0101080a0000000100000002")
PEER = bytes.fromhex("02000000bb02")


class Gro:
    """A device with GRO and what climbs out of it."""

    def __init__(self, layer):
        self.layer = layer
        self.dev = layer.device()
        self.dev.features |= NETIF_F_GRO
        self.napi = napi_struct(self.dev)
        self.sink = Sink(0x0800)
        dev_add_pack(layer.net, self.sink)

    def receive(self, packet, verified=False, headroom=64):
        skb = self.layer.skb(ethernet(packet, dst=ADDRESS, src=PEER), self.dev, headroom)
        skb.ip_summed = 1 if verified else 0
        skb.protocol = eth_type_trans(skb, self.dev)
        return napi_gro_receive(self.napi, skb)

    def flush(self):
        napi_gro_flush(self.napi)
        assert self.napi.gro_count == 0
        return self.sink.packets

    def payloads(self):
        return [packet.data[40:] for packet in self.flush()]


@pytest.fixture
def gro(layer):
    return Gro(layer)


def segment(number, size=1000, **changes):
    return tcp(bytes([number]) * size, **{"seq": 1000 + number * 1000, "identification": 10 + number, **changes})


@pytest.mark.parametrize("verified", [False, True])
def test_consecutive_segments_merge(gro, verified):
    for number in range(5):
        gro.receive(segment(number), verified)
    (merged,) = gro.flush()
    assert (merged.gso_size, merged.gso_segs, len(merged.data)) == (1000, 5, 5040)
    assert merged.data[40:] == b"".join(bytes([number]) * 1000 for number in range(5))


def test_merged_headers_are_true(gro):
    for number in range(3):
        gro.receive(segment(number, options=TIMESTAMP))
    (merged,) = gro.flush()
    # The TCP checksum is left partial: the sum over the pseudo header alone.
    from driver_packets import ones_complement

    assert ones_complement(merged.data[:20]) == 0
    pseudo = PEER_IP + OUR_IP + bytes([0, 6]) + (3032).to_bytes(2, "big")
    assert int.from_bytes(merged.data[36:38], "big") == ones_complement(pseudo) ^ 0xFFFF
    assert merged.data[40:52] == TIMESTAMP


def test_single_segment_stays_itself(gro):
    gro.receive(segment(0))
    (packet,) = gro.flush()
    assert (packet.gso_size, packet.gso_segs, packet.ip_summed) == (0, 0, 1)
    assert packet.data == segment(0)


BREAKS = {
    "other acknowledgement": {"ack": 2},
    "gap": {"seq": 5000},
    "old": {"seq": 500},
    "other window of time": {"options": TIMESTAMP},
    "other ttl": {"ttl": 63},
    "other tos": {"tos": 8},
    "fragment": {"fragment": 0x2000},
    "no df, strange id": {"fragment": 0, "identification": 999},
    "larger than the first": {"size": 1400},
    "syn": {"flags": SYN},
    "fin": {"flags": ACK | FIN},
    "urgent": {"flags": ACK | 0x20},
    "no data": {"size": 0},
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_does_not_belong_is_not_merged(gro, name):
    gro.receive(segment(0))
    other = segment(1, **BREAKS[name])
    gro.receive(other)
    assert [packet.data for packet in gro.flush()] == [segment(0), other]


def test_other_flow_is_held_beside(gro):
    for number in range(3):
        gro.receive(segment(number))
        gro.receive(segment(number, sport=81))
    merged = gro.flush()
    assert [packet.gso_segs for packet in merged] == [3, 3]


def test_more_flows_than_are_held(gro):
    for round_number in range(2):
        for port in range(20):
            gro.receive(segment(round_number, sport=1000 + port))
    packets = gro.flush()
    assert sum(max(packet.gso_segs, 1) for packet in packets) == 40
    assert gro.layer.kernel.skb_cache.live == 0


def test_push_ends_the_train(gro):
    gro.receive(segment(0))
    gro.receive(segment(1, flags=ACK | PSH))
    assert gro.napi.gro_count == 0
    assert gro.sink.packets[0].gso_segs == 2
    gro.receive(segment(2))
    assert gro.payloads()[-1] == bytes([2]) * 1000


def test_bad_checksum_goes_up_alone_and_unmarked(gro):
    bad = bytearray(segment(1))
    bad[-1] ^= 1
    gro.receive(segment(0))
    gro.receive(bytes(bad))
    packets = gro.flush()
    assert [packet.ip_summed for packet in packets] == [1, 0]
    assert packets[1].data == bytes(bad)


def test_padding_does_not_end_up_in_the_data(gro):
    gro.receive(tcp(b"abc", seq=1) + bytes(3))
    gro.receive(tcp(b"def", seq=4, identification=2) + bytes(3))
    assert gro.payloads() == [b"abcdef"]


def test_size_limit(gro):
    for number in range(70):
        gro.receive(tcp(bytes(1000), seq=number * 1000, identification=number))
    packets = gro.flush()
    assert all(len(packet.data) <= 65535 for packet in packets)
    assert sum(len(packet.data) - 40 for packet in packets) == 70000


def test_without_the_feature_nothing_is_held(gro):
    gro.dev.features &= ~NETIF_F_GRO
    for number in range(3):
        gro.receive(segment(number))
    assert len(gro.sink.packets) == 3


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.binary(max_size=120), st.integers(0, 2**32 - 1)), max_size=12))
def test_garbage_survives(pieces):
    layer = NetdevBench()
    gro = Gro(layer)
    sent = []
    for piece in pieces:
        if isinstance(piece, int):
            # A real segment with a few bytes changed.
            chooser = random.Random(piece)
            packet = bytearray(segment(chooser.randrange(4), size=chooser.randrange(0, 90)))
            for _ in range(chooser.randrange(4)):
                packet[chooser.randrange(min(len(packet), 48))] = chooser.randrange(256)
            packet = bytes(packet[: chooser.randrange(len(packet) + 1)] if chooser.random() < 0.3 else packet)
        else:
            packet = piece
        sent.append(packet)
        gro.receive(packet, headroom=0)
    packets = gro.flush()
    assert sum(max(packet.gso_segs, 1) for packet in packets) == len(sent)
    assert layer.kernel.skb_cache.leak_report() == []


# --- GSO ---


def large(layer, payload, mss, dev, options=b"", flags=ACK | PSH | FIN):
    packet = tcp(payload, seq=0xFFFFF000, flags=flags, options=options, identification=0xFFFE)
    skb = layer.skb(ethernet(packet, dst=PEER, src=ADDRESS), dev)
    skb.gso_size = mss
    skb.gso_segs = (len(payload) + mss - 1) // mss
    skb.gso_type = 1
    skb.ip_summed = 3
    skb.csum_start = skb.data + 34
    skb.csum_offset = 16
    skb.transport_header = skb.csum_start
    return skb


@pytest.mark.parametrize("options", [b"", TIMESTAMP])
@pytest.mark.parametrize("size", [1, 999, 1000, 1001, 30000])
def test_segments_on_the_wire(layer, size, options):
    dev = layer.device()
    payload = bytes((i * 3) & 0xFF for i in range(size))
    assert dev_queue_xmit(large(layer, payload, 1000, dev, options)) == 0
    data = b""
    for index, raw in enumerate(dev.netdev_ops.sent):
        parts = check_tcp(raw)
        assert parts["id"] == (0xFFFE + index) & 0xFFFF
        assert parts["seq"] == (0xFFFFF000 + len(data)) & 0xFFFFFFFF
        last = index == len(dev.netdev_ops.sent) - 1
        assert parts["flags"] == (ACK | PSH | FIN if last else ACK)
        data += parts["payload"]
    assert data == payload
    assert dev.netdev_ops.more == [True] * (len(dev.netdev_ops.sent) - 1) + [False]


def test_segments_wait_in_order_when_the_driver_is_full(layer):
    dev = layer.device(room=3)
    dev_queue_xmit(large(layer, bytes(10000), 1000, dev))
    assert len(dev.netdev_ops.sent) == 3
    dev.netdev_ops.room = 100
    layer.softirqs()
    sequence = [check_tcp(raw)["seq"] for raw in dev.netdev_ops.sent]
    assert sequence == [(0xFFFFF000 + 1000 * i) & 0xFFFFFFFF for i in range(10)]


def test_checksum_left_to_the_device(layer):
    dev = layer.device()
    dev.features |= NETIF_F_HW_CSUM
    skb = large(layer, bytes(2500), 1000, dev)
    first = skb_gso_segment(skb, dev.features)
    assert (first.ip_summed, first.csum_offset, first.csum_start - first.data) == (3, 16, 34)
    consume_skb(skb)
    while first is not None:
        following = first.next
        first.next = None
        consume_skb(first)
        first = following


@pytest.mark.parametrize("lie", ["protocol", "version", "offset", "short", "type", "network"])
def test_lies_are_dropped(layer, lie):
    dev = layer.device()
    skb = large(layer, bytes(3000), 1000, dev)
    ip = skb.network_header
    if lie == "protocol":
        skb.put8(ip + 9, 17)
    elif lie == "version":
        skb.put8(ip, 0x41)
    elif lie == "offset":
        skb.put8(ip + 20 + 12, 0x10)
    elif lie == "short":
        kfree_skb(skb, "TEST")
        skb = layer.skb(ethernet(tcp(b""))[:40], dev)
        skb.gso_size = 10
        skb.gso_type = 1
    elif lie == "type":
        skb.gso_type = 2
    else:
        skb.network_header = 3
    dev_queue_xmit(skb)
    assert dev.netdev_ops.sent == []
    assert layer.kernel.skb_cache.drops["GSO_SEGMENT"] == 1
