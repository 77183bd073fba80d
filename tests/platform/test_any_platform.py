"""What a driver owes its user on every platform: probe, open, send, receive, close.

Each test runs on our own 82540EM and on QEMU's; nothing here depends on what only one of them does.
"""

import hashlib
import struct

import pytest

from driver.e1000.e1000_osdep import ew32
from driver.e1000.e1000_regs import E1000_TCTL
from kernel.arch.memory import AddressSpace
from kernel.net.core.dev import dev_mc_add, dev_mc_del, dev_set_mac_address, dev_set_mtu, dev_set_promiscuity
from kernel.net.core.ethtool import dev_ethtool
from kernel.net.core.netdev_flags import NETIF_F_TSO
from kernel.net.core.netdevice import netif_carrier_ok
from kernel.pci.device import pci_read_config_word
from kernel.pci.driver import pci_bind, pci_unbind, read_aliases
from kernel.uapi import ethtool as uapi
from lab import guest
from lab.machine import station_address
from lab.platforms import ETH_P_TEST
from userland import libc

MAC = station_address(0)
PEER = bytes.fromhex("0200000000aa")
BROADCAST = b"\xff" * 6
# Not 224.0.0.1, to which every host belongs (RFC 1112).
GROUP = bytes.fromhex("01005e010203")
STRANGER = bytes.fromhex("025400999999")
PACKET_OTHERHOST = 3
ETH_P_ALL = 3
MARKER = b"marker" * 10
SUBSYSTEM_VENDOR, SUBSYSTEM = 0x2C, 0x2E


def frame(payload, dst=MAC, src=PEER, kind=ETH_P_TEST):
    return dst + src + kind.to_bytes(2, "big") + payload


def pattern(size, step=1):
    return bytes((i * step) & 0xFF for i in range(size))


def ours(rig):
    """The frames of our own kind that have left the machine."""
    kind = ETH_P_TEST.to_bytes(2, "big")
    return [arrival.frame for arrival in rig.end.frames if arrival.frame[12:14] == kind]


def receive(rig, sink, payload, **addresses):
    rig.end.inject(frame(payload, **addresses))
    rig.until(lambda: payload in sink.packets)


# --- probe ---


def test_the_driver_finds_the_card(rig):
    assert (rig.dev.dev_addr, rig.dev.perm_addr) == (MAC, MAC)
    pdev = rig.dev.parent
    assert (pdev.vendor, pdev.device, pdev.class_code) == (0x8086, 0x100E, 0x020000)
    assert [window.size for window in pdev.resource if window is not None] == [0x20000, 0x40]
    assert "Intel(R) PRO/1000 Network Connection" in rig.log()
    assert not netif_carrier_ok(rig.dev)


def test_configuration_space_is_read_in_every_width(rig):
    pdev = rig.dev.parent
    whole = rig.call(pci_read_config_word, pdev, SUBSYSTEM_VENDOR), rig.call(pci_read_config_word, pdev, SUBSYSTEM)
    assert whole == (pdev.subsystem_vendor, pdev.subsystem_device)


def test_bound_and_unbound_again_and_again(rig):
    pdev = rig.dev.parent
    aliases = read_aliases()
    for _ in range(3):
        rig.call(pci_unbind, pdev)
        assert rig.dev is None
        assert rig.call(pci_bind, rig.kernel, pdev, aliases)
        assert rig.dev.dev_addr == MAC
    rig.open()
    receive(rig, rig.sink(), b"after all" * 10)


# --- open, close, link ---


def test_the_link_comes_up(rig):
    rig.open()
    assert "NIC Link is Up 1000 Mbps Full Duplex" in rig.log()
    assert rig.dev.priv.interrupts > 0


def test_the_link_follows_the_cable(rig):
    rig.open()
    rig.link.set_up(False)
    rig.until(lambda: not netif_carrier_ok(rig.dev))
    rig.link.set_up(True)
    rig.until(lambda: netif_carrier_ok(rig.dev))
    assert rig.log().count("NIC Link is Up") == 2
    receive(rig, rig.sink(), b"the cable is back" * 5)


def test_opened_and_closed_again_and_again(rig):
    sink = rig.sink()
    for turn in range(3):
        rig.open()
        payload = bytes([turn]) * 100
        receive(rig, sink, payload)
        assert rig.send(frame(payload, dst=PEER, src=MAC)) == [0]
        rig.until(lambda sent=frame(payload, dst=PEER, src=MAC): sent in ours(rig))
        rig.close()
        assert rig.kernel.pci.leaks() == []


def test_nothing_is_received_while_closed(rig):
    sink = rig.sink()
    rig.open()
    receive(rig, sink, MARKER)
    rig.close()
    interrupts = rig.kernel.irq.descs[rig.dev.parent.irq].count
    rig.end.inject(frame(b"too late" * 10))
    with pytest.raises(AssertionError, match="nothing of the kind"):
        rig.until(lambda: len(sink.packets) > 1, within=100_000_000)
    assert rig.kernel.irq.descs[rig.dev.parent.irq].count == interrupts


# --- sending ---


def test_frames_of_every_size_are_sent(rig):
    rig.open()
    frames = [frame(pattern(size), dst=PEER, src=MAC) for size in (46, 47, 100, 242, 1000, 1499, 1500)]
    assert set(rig.send(*frames)) == {0}
    rig.until(lambda: len(ours(rig)) >= len(frames))
    assert ours(rig) == frames
    rig.until(lambda: rig.kernel.skb_cache.live == 0)
    assert rig.dev.tx_packets == len(frames)


def test_thousands_of_frames_are_sent_in_order(rig):
    rig.open()
    for batch in range(20):
        numbers = range(100 * batch, 100 * batch + 100)
        assert set(rig.send(*[frame(number.to_bytes(4, "big") * 20, dst=PEER, src=MAC) for number in numbers])) == {0}
        rig.until(lambda count=100 * (batch + 1): len(ours(rig)) >= count)
    assert [int.from_bytes(raw[14:18], "big") for raw in ours(rig)] == list(range(2000))


def test_more_frames_at_once_than_the_ring_holds(rig):
    rig.open()
    count = 2 * rig.dev.priv.tx_count
    assert set(rig.send(*[frame(number.to_bytes(4, "big") * 100, dst=PEER, src=MAC) for number in range(count)])) == {0}
    rig.until(lambda: len(ours(rig)) >= count)
    assert [int.from_bytes(raw[14:18], "big") for raw in ours(rig)] == list(range(count))


def test_closed_with_frames_under_way(rig):
    rig.open()
    for turn in range(3):
        assert set(rig.send(*[frame(bytes(1000), dst=PEER, src=MAC) for _ in range(100 * turn)])) <= {0}
        rig.close()
        assert rig.kernel.skb_cache.live == 0
        assert rig.kernel.pci.leaks() == []
        rig.open()


def test_a_hang_is_noticed_and_cured(rig):
    rig.open()
    adapter = rig.dev.priv
    adapter.params.tx_hang_timeout = adapter.params.watchdog_period = 50_000_000
    # Somebody switches the transmitter off behind the driver's back.
    ew32(adapter.hw, E1000_TCTL, 0)
    assert rig.send(frame(b"lost" * 20, dst=PEER, src=MAC)) == [0]
    rig.until(lambda: "Detected Tx Unit Hang" in rig.log())
    rig.until(lambda: netif_carrier_ok(rig.dev) and not adapter.down)
    assert rig.kernel.skb_cache.live == 0
    sent = frame(b"alive" * 20, dst=PEER, src=MAC)
    assert rig.send(sent) == [0]
    rig.until(lambda: ours(rig) == [sent])


def test_other_ring_sizes(rig):
    rig.open()
    request = bytearray(struct.pack(uapi.ETHTOOL_RINGPARAM, uapi.ETHTOOL_SRINGPARAM, 0, 0, 0, 0, 96, 0, 0, 80))
    mm = AddressSpace()
    address = mm.map(request, True)
    assert rig.call(dev_ethtool, rig.dev, mm, address) == 0
    mm.unmap(address)
    assert (rig.dev.priv.rx_count, rig.dev.priv.tx_count) == (96, 80)
    rig.until(lambda: netif_carrier_ok(rig.dev))
    sink = rig.sink()
    payloads = [number.to_bytes(4, "big") * 40 for number in range(300)]
    for start in range(0, len(payloads), 60):
        for payload in payloads[start : start + 60]:
            rig.end.inject(frame(payload))
        rig.until(lambda count=start + 60: len(sink.packets) >= count)
    assert sink.packets == payloads
    assert set(rig.send(*[frame(payload, dst=PEER, src=MAC) for payload in payloads])) == {0}
    rig.until(lambda: len(ours(rig)) >= len(payloads))
    assert ours(rig) == [frame(payload, dst=PEER, src=MAC) for payload in payloads]


# --- receiving ---


def test_frames_of_every_size_are_received(rig):
    rig.open()
    sink = rig.sink()
    payloads = [pattern(size, 3) for size in (46, 100, 242, 243, 1000, 1499, 1500)]
    for payload in payloads:
        rig.end.inject(frame(payload))
    rig.until(lambda: len(sink.packets) >= len(payloads))
    assert sink.packets == payloads
    assert rig.dev.rx_bytes == sum(len(payload) + 14 for payload in payloads)


def test_many_frames_wrap_the_ring(rig):
    rig.open()
    sink = rig.sink()
    sent = []
    while len(sent) < 3 * rig.dev.priv.rx_count:
        for _ in range(64):
            sent.append(len(sent).to_bytes(4, "big") * (12 + len(sent) % 300))
            rig.end.inject(frame(sent[-1]))
        rig.until(lambda: len(sink.packets) >= len(sent))
    assert sink.packets == sent


def test_only_what_is_for_us_is_received(rig):
    rig.open()
    sink = rig.sink()
    for destination in (STRANGER, GROUP, MAC, BROADCAST):
        rig.end.inject(frame(destination * 10, dst=destination))
    receive(rig, sink, MARKER)
    assert sink.packets == [MAC * 10, BROADCAST * 10, MARKER]
    assert sink.kinds == [0, 1, 0]


def test_multicast_groups_are_joined_and_left(rig):
    rig.open()
    sink = rig.sink()
    # More than the card has exact entries for: the rest goes by the hash table.
    groups = [bytes.fromhex("01005e") + (7 * i).to_bytes(3, "big") for i in range(1, 40)]
    for group in groups:
        rig.call(dev_mc_add, rig.dev, group)
    for group in groups:
        rig.end.inject(frame(group * 10, dst=group))
    receive(rig, sink, MARKER)
    assert sink.packets == [group * 10 for group in groups] + [MARKER]
    for group in groups:
        rig.call(dev_mc_del, rig.dev, group)
    for group in groups:
        rig.end.inject(frame(group * 10, dst=group))
    rig.end.inject(frame(b"last" * 20))
    rig.until(lambda: sink.packets[-1] == b"last" * 20)
    assert len(sink.packets) == len(groups) + 2


def test_promiscuous_mode(rig):
    rig.open()
    sink = rig.sink()
    rig.call(dev_set_promiscuity, rig.dev, 1)
    receive(rig, sink, b"for somebody else" * 5, dst=STRANGER)
    assert sink.kinds == [PACKET_OTHERHOST]
    rig.call(dev_set_promiscuity, rig.dev, -1)
    rig.end.inject(frame(b"for somebody else again" * 5, dst=STRANGER))
    receive(rig, sink, MARKER)
    assert len(sink.packets) == 2


def test_another_station_address(rig):
    rig.open()
    sink = rig.sink()
    other = bytes.fromhex("02ccddeeff01")
    assert rig.call(dev_set_mac_address, rig.dev, other) == 0
    rig.end.inject(frame(b"to the old one" * 5, dst=MAC))
    receive(rig, sink, MARKER, dst=other)
    assert sink.packets == [MARKER]


def test_vlan_tags_are_stripped_and_filtered(rig):
    rig.open()
    sink = rig.sink()
    ops = rig.dev.netdev_ops
    assert rig.call(ops.ndo_vlan_rx_add_vid, rig.dev, 5) == 0
    kind = ETH_P_TEST.to_bytes(2, "big")
    rig.end.inject(MAC + PEER + bytes.fromhex("81000007") + kind + b"not a member" * 10)
    rig.end.inject(MAC + PEER + bytes.fromhex("81000005") + kind + b"member" * 10)
    receive(rig, sink, MARKER)
    # The stack has no interface for VLAN 5: a tap sees the packet, as one for somebody else.
    assert sink.packets == [b"member" * 10, MARKER]
    assert rig.call(ops.ndo_vlan_rx_kill_vid, rig.dev, 5) == 0


def test_vlan_tags_are_inserted(rig):
    rig.open()
    raw = frame(b"tagged" * 20, dst=PEER, src=MAC)

    def transmit():
        skb = rig.buffer(raw)
        skb.vlan_tci = 0x2007
        skb.vlan_present = True
        return rig.dev.netdev_ops.ndo_start_xmit(skb, rig.dev)

    assert rig.call(transmit) == 0
    tagged = raw[:12] + bytes.fromhex("81002007") + raw[12:]
    rig.until(lambda: tagged in [arrival.frame for arrival in rig.end.frames])


@pytest.mark.parametrize("mtu", [4000, 9000])
def test_jumbo_frames_both_ways(rig, mtu):
    rig.open()
    sink = rig.sink()
    assert rig.call(dev_set_mtu, rig.dev, mtu) == 0
    rig.until(lambda: netif_carrier_ok(rig.dev))
    for size in (46, 256, 1500, mtu):
        payload = pattern(size, 7)
        receive(rig, sink, payload)
        assert rig.send(frame(payload, dst=PEER, src=MAC)) == [0]
        rig.until(lambda sent=frame(payload, dst=PEER, src=MAC): sent in ours(rig))
    assert rig.call(dev_set_mtu, rig.dev, 1500) == 0
    rig.until(lambda: netif_carrier_ok(rig.dev))
    receive(rig, sink, b"small" * 100)


# --- with the rest of the kernel ---


SIZE = 1 << 20
PORT = 5001


def serve(payload):
    """Listen, send `payload` to the first who comes, and return what he sends."""
    listening = libc.socket(libc.AF_INET, libc.SOCK_STREAM, 0)
    libc.bind(listening, libc.sockaddr_in("0.0.0.0", PORT))
    libc.listen(listening, 1)
    connection = libc.accept(listening)
    received = read_all(connection)
    send_all(connection, payload)
    libc.close(connection)
    libc.close(listening)
    return received


def exchange(address, payload):
    connection = libc.socket(libc.AF_INET, libc.SOCK_STREAM, 0)
    assert libc.connect(connection, libc.sockaddr_in(address, PORT)) == 0, libc.strerror(libc.errno)
    send_all(connection, payload)
    libc.shutdown(connection, libc.SHUT_WR)
    received = read_all(connection)
    libc.close(connection)
    return received


def send_all(connection, payload):
    sent = 0
    while sent < len(payload):
        count = libc.send(connection, payload[sent : sent + 65536])
        assert count > 0, libc.strerror(libc.errno)
        sent += count


def read_all(connection):
    parts = []
    buffer = bytearray(65536)
    while (count := libc.recv(connection, buffer)) > 0:
        parts.append(bytes(buffer[:count]))
    assert count == 0, libc.strerror(libc.errno)
    return b"".join(parts)


def test_a_megabyte_of_tcp_each_way(rig, bench):
    """Segmentation and checksums by the card, the interrupt's moderation, and a machine of ours at the other end."""
    rig.link.detach(rig.end)
    rig.open()
    peer = bench.host(rig.link, address="10.0.0.2")
    guest.run(rig.host, guest.configure, "eth0", "10.0.0.1", 24)
    rig.until(lambda: netif_carrier_ok(rig.dev))
    tap = rig.sink(ETH_P_ALL)
    there, back = (hashlib.shake_256(word).digest(SIZE) for word in (b"there", b"back"))
    server = guest.spawn(peer, serve, back)
    assert guest.run(rig.host, exchange, "10.0.0.2", there) == back
    assert guest.wait(peer, server) == there
    assert rig.dev.features & NETIF_F_TSO
    assert max(len(packet) for packet in tap.packets) > rig.dev.mtu
    assert rig.dev.tx_bytes > SIZE < rig.dev.rx_bytes
