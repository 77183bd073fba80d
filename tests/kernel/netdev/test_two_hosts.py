"""Two machines on a cable: every offload at work at both ends, and a wire that loses, repeats and mixes up.

DMA debugging is on: a driver that mishandles a mapping, and a card that reads or writes outside of one, fail the test
at its end, as does a sk_buff or a timer that is left.
"""

import hashlib

import pytest

from driver.e1000.e1000_osdep import er32
from driver.e1000.e1000_regs import E1000_RCTL, E1000_RCTL_VFE, E1000_VFTA
from kernel.net.core.ethtool import netdev_change_features
from lab import guest
from userland import libc
from userland.programs.ip import main as ip_main

PORT = 5000
MINUTE = 60 * 10**9
BLOCK = 60000


def payload(size):
    return hashlib.shake_128(b"two hosts").digest(size)


def receive_everything():
    listener = libc.socket(libc.AF_INET, libc.SOCK_STREAM, 0)
    assert libc.bind(listener, libc.sockaddr_in("0.0.0.0", PORT)) == 0
    assert libc.listen(listener, 1) == 0
    fd = libc.accept(listener)
    fd = fd[0] if isinstance(fd, tuple) else fd
    digest = hashlib.sha256()
    buffer = bytearray(BLOCK)
    while (count := libc.recv(fd, buffer, len(buffer), 0)) > 0:
        digest.update(memoryview(buffer)[:count])
    assert count == 0
    libc.close(fd)
    libc.close(listener)
    return digest.hexdigest()


def send_everything(address, data):
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM, 0)
    assert libc.connect(fd, libc.sockaddr_in(address, PORT)) == 0, libc.strerror(libc.errno)
    done = 0
    while done < len(data):
        block = data[done : done + BLOCK]
        count = libc.send(fd, block, len(block), 0)
        assert count > 0
        done += count
    libc.close(fd)


def transfer(two_hosts, size):
    data = payload(size)
    receiver = guest.spawn(two_hosts.second, receive_everything)
    guest.run(two_hosts.first, send_everything, two_hosts.addresses[1], data, within=30 * MINUTE)
    assert guest.wait(two_hosts.second, receiver, within=30 * MINUTE) == hashlib.sha256(data).hexdigest()


def card(host):
    dev = host.kernel.net.softnet.dev_by_name["eth0"]
    dev.netdev_ops.ndo_get_stats(dev)
    return dev, dev.priv


def clean(host):
    assert host.kernel.pci.dma_debug.errors == []


def test_bulk_uses_the_offloads(two_hosts):
    transfer(two_hosts, 400_000)
    sender, sending = card(two_hosts.first)
    receiver, receiving = card(two_hosts.second)
    assert sending.stats["tsctc"] > 0
    assert sending.stats["tsctfc"] == 0
    assert sending.doorbells < sender.tx_packets / 4
    assert receiving.hw_csum_good >= receiver.rx_packets - 4
    assert receiving.hw_csum_err == 0
    assert receiving.stats["mpc"] == 0
    for host in (two_hosts.first, two_hosts.second):
        clean(host)


@pytest.mark.parametrize("spec", ["loss=5%,reorder=10%,duplicate=2%", "corrupt=2%"])
def test_bad_wire(two_hosts, spec):
    two_hosts.impair(spec)
    transfer(two_hosts, 200_000)
    for host in (two_hosts.first, two_hosts.second):
        clean(host)


@pytest.mark.parametrize("features", ["tso", "checksum", "scatter", "gro"])
def test_without_an_offload(two_hosts, features):
    from kernel.net.core import netdev_flags
    from kernel.net.core.ethtool import netdev_change_features

    off = {
        "tso": netdev_flags.NETIF_F_TSO,
        "checksum": netdev_flags.NETIF_F_HW_CSUM,
        "scatter": netdev_flags.NETIF_F_SG,
        "gro": netdev_flags.NETIF_F_GRO,
    }[features]
    for host in (two_hosts.first, two_hosts.second):
        dev, _ = card(host)
        assert guest.run(host, netdev_change_features, dev, off, 0) == 0
    transfer(two_hosts, 200_000)


def test_jumbo_frames(two_hosts):
    from kernel.net.core.dev import dev_set_mtu

    for host in (two_hosts.first, two_hosts.second):
        dev, _ = card(host)
        assert guest.run(host, dev_set_mtu, dev, 9000) == 0
    two_hosts.clock.run(two_hosts.clock.now + MINUTE // 600)
    transfer(two_hosts, 300_000)
    receiver, receiving = card(two_hosts.second)
    assert receiver.rx_bytes / receiver.rx_packets > 4000
    for host in (two_hosts.first, two_hosts.second):
        clean(host)


def test_cable_pulled_in_the_middle(two_hosts):
    data = payload(300_000)
    receiver = guest.spawn(two_hosts.second, receive_everything)
    sender = guest.spawn(two_hosts.first, send_everything, two_hosts.addresses[1], data)
    two_hosts.clock.run(two_hosts.clock.now + 1_000_000)
    two_hosts.link.set_up(False)
    two_hosts.clock.run(two_hosts.clock.now + 500_000_000)
    two_hosts.link.set_up(True)
    guest.wait(two_hosts.first, sender, within=10 * MINUTE)
    assert guest.wait(two_hosts.second, receiver, within=10 * MINUTE) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("offload", ["always", "never", "at first"])
def test_a_vlan_with_every_offload_and_without(two_hosts, offload):
    """The tags travel, the cards insert, strip and filter them; what is on the VLAN is not on the wire's own network."""
    net = {}

    def without(host):
        dev = host.kernel.net.softnet.dev_by_name["eth0"]
        assert guest.run(host, netdev_change_features, dev, dev.hw_features, 0) == 0

    for number, host in enumerate((two_hosts.first, two_hosts.second), 1):
        if offload == "never":
            without(host)
        assert guest.run(host, ip_main, ["ip", "link", "add", "link", "eth0", "name", "v5", "type", "vlan", "id", "5"]) == 0
        assert guest.run(host, ip_main, ["ip", "addr", "add", f"10.5.0.{number}/24", "dev", "v5"]) == 0
        assert guest.run(host, ip_main, ["ip", "link", "set", "v5", "up"]) == 0
        if offload == "at first":
            without(host)
        net[number] = host.kernel.net.softnet.dev_by_name["v5"]
        assert list(host.kernel.net.softnet.dev_by_name["eth0"].vlan_ids) == [5]
    data = payload(300_000)
    receiver = guest.spawn(two_hosts.second, receive_everything)
    guest.run(two_hosts.first, send_everything, "10.5.0.2", data, within=30 * MINUTE)
    assert guest.wait(two_hosts.second, receiver, within=30 * MINUTE) == hashlib.sha256(data).hexdigest()
    assert net[2].rx_bytes > len(data)
    # The filter of the second card lets in VLAN 5 and no other.
    kernel = two_hosts.second.kernel
    adapter = kernel.net.softnet.dev_by_name["eth0"].priv
    assert er32(adapter.hw, E1000_VFTA) == 1 << 5 and er32(adapter.hw, E1000_RCTL) & E1000_RCTL_VFE
    # The last acknowledgement is on its way: without it the receiver's port stays taken.
    two_hosts.clock.run(two_hosts.clock.now + 1_000_000_000)
    for host in (two_hosts.first, two_hosts.second):
        assert guest.run(host, ip_main, ["ip", "link", "del", "v5"]) == 0
    assert er32(adapter.hw, E1000_VFTA) == 0 and not er32(adapter.hw, E1000_RCTL) & E1000_RCTL_VFE
    transfer(two_hosts, 50_000)
