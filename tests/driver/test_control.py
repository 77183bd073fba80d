"""What an administrator sees and changes: ethtool, interface ioctls, /proc, module parameters."""

import struct

import pytest
from driver_bench import ETH_P_TEST, MAC, MILLISECOND, PEER, Bench, frame

from driver.e1000.e1000_eeprom import e1000_read_eeprom, e1000_read_eeprom_microwire, e1000_write_eeprom
from kernel.arch.memory import AddressSpace
from kernel.net.core.dev import dev_queue_xmit
from kernel.net.core.dev_ioctl import dev_ioctl
from kernel.net.core.ethtool import FEATURE_NAMES, dev_ethtool, netdev_change_features
from kernel.net.core.net_dev_init import proc_net_dev
from kernel.net.core.netdev_flags import (
    NETIF_F_GRO,
    NETIF_F_HW_CSUM,
    NETIF_F_HW_VLAN_CTAG_RX,
    NETIF_F_HW_VLAN_CTAG_TX,
    NETIF_F_RXCSUM,
    NETIF_F_SG,
    NETIF_F_TSO,
)
from kernel.net.core.netdevice import netif_carrier_ok
from kernel.uapi import ethtool as uapi
from kernel.uapi import sockios

EOPNOTSUPP, EINVAL, ENODEV, EFAULT = 95, 22, 19, 14


def ethtool(bench, request, duration=MILLISECOND):
    """Carry out an ethtool structure; (result, the structure afterwards)."""
    mm = AddressSpace()
    buffer = bytearray(request)
    address = mm.map(buffer, True)
    result = bench.on_cpu(dev_ethtool, bench.dev, mm, address, duration=duration)
    mm.unmap(address)
    return result, bytes(buffer)


def value(bench, command):
    result, answer = ethtool(bench, struct.pack("<II", command, 0))
    assert result == 0
    return struct.unpack("<II", answer)[1]


def statistics(bench):
    _, info = ethtool(bench, struct.pack("<I", uapi.ETHTOOL_GDRVINFO).ljust(196, b"\0"))
    count = struct.unpack(uapi.ETHTOOL_DRVINFO, info)[8]
    _, names = ethtool(bench, struct.pack("<III", uapi.ETHTOOL_GSTRINGS, uapi.ETH_SS_STATS, count) + bytes(32 * count))
    _, values = ethtool(bench, struct.pack("<II", uapi.ETHTOOL_GSTATS, count) + bytes(8 * count))
    return {
        names[12 + 32 * i : 44 + 32 * i].rstrip(b"\0").decode(): struct.unpack_from("<Q", values, 8 + 8 * i)[0]
        for i in range(count)
    }


def test_drvinfo(up):
    result, answer = ethtool(up, struct.pack("<I", uapi.ETHTOOL_GDRVINFO).ljust(196, b"\0"))
    assert result == 0
    fields = struct.unpack(uapi.ETHTOOL_DRVINFO, answer)
    assert fields[1].rstrip(b"\0") == b"e1000"
    assert fields[4].rstrip(b"\0") == up.adapter.pdev.name.encode()
    assert fields[10] == 128


def test_settings_follow_the_link(up):
    fields = struct.unpack(uapi.ETHTOOL_CMD, ethtool(up, struct.pack("<I", uapi.ETHTOOL_GSET).ljust(44, b"\0"))[1])
    assert fields[3:5] == (1000, uapi.DUPLEX_FULL)
    assert fields[8] == uapi.AUTONEG_ENABLE
    assert value(up, uapi.ETHTOOL_GLINK) == 1
    up.wire.set_up(False)
    up.run(50 * MILLISECOND)
    fields = struct.unpack(uapi.ETHTOOL_CMD, ethtool(up, struct.pack("<I", uapi.ETHTOOL_GSET).ljust(44, b"\0"))[1])
    assert fields[3] == fields[12] == uapi.SPEED_UNKNOWN & 0xFFFF
    assert value(up, uapi.ETHTOOL_GLINK) == 0


@pytest.mark.parametrize(("speed", "duplex"), [(10, 0), (100, 1)])
def test_forced_speed(up, speed, duplex):
    request = struct.pack(uapi.ETHTOOL_CMD, uapi.ETHTOOL_SSET, 0, 0, speed, duplex, *([0] * 13))
    assert ethtool(up, request, 200 * MILLISECOND)[0] == 0
    assert netif_carrier_ok(up.dev)
    assert (up.adapter.link_speed, up.adapter.link_duplex) == (speed, duplex)
    assert f"Link is Up {speed} Mbps" in up.kernel.log()


def test_gigabit_can_not_be_forced(up):
    request = struct.pack(uapi.ETHTOOL_CMD, uapi.ETHTOOL_SSET, 0, 0, 1000, 1, *([0] * 13))
    assert ethtool(up, request)[0] == -EINVAL


def test_statistics_add_up(up):
    sink = up.sink()
    up.end.inject(frame(bytes(986)))
    up.end.inject(frame(bytes(46), dst=b"\xff" * 6))
    up.run()
    up.on_cpu(dev_queue_xmit, up.skb(frame(bytes(200), dst=PEER, src=MAC)))
    for _ in range(2):
        found = statistics(up)
        assert found["rx_packets"] == found["hw_gprc"] == len(sink.packets) == 2
        assert found["hw_gorc"] == 1000 + 60 + 8
        assert found["hw_bprc"] == found["hw_prc64"] == 1
        assert found["hw_gptc"] == found["tx_packets"] == 1
        assert found["hw_gotc"] == 218
    assert "eth0:" in proc_net_dev(up.net)
    assert "    lo:       0" in proc_net_dev(up.net)


def test_bad_frames_are_counted(up):
    up.end.inject(frame(bytes(500)), 1)
    up.end.inject(frame(bytes(20)))
    up.end.inject(frame(bytes(1600)))
    up.run()
    found = statistics(up)
    assert (found["rx_crc_errors"], found["hw_ruc"], found["hw_roc"]) == (1, 1, 1)
    assert found["rx_errors"] == 3
    assert up.dev.rx_packets == 0


def test_ring_sizes(up):
    sink = up.sink()
    request = struct.pack(uapi.ETHTOOL_RINGPARAM, uapi.ETHTOOL_SRINGPARAM, 0, 0, 0, 0, 100, 0, 0, 4096)
    assert ethtool(up, request, 100 * MILLISECOND)[0] == 0
    _, answer = ethtool(up, struct.pack("<I", uapi.ETHTOOL_GRINGPARAM).ljust(36, b"\0"))
    assert struct.unpack(uapi.ETHTOOL_RINGPARAM, answer)[1:] == (4096, 0, 0, 4096, 104, 0, 0, 4096)
    for _ in range(300):
        up.end.inject(frame(bytes(100)))
        up.run(MILLISECOND // 50)
    up.run()
    assert len(sink.packets) == 300
    request = struct.pack(uapi.ETHTOOL_RINGPARAM, uapi.ETHTOOL_SRINGPARAM, 0, 0, 0, 0, 8192, 0, 0, 256)
    assert ethtool(up, request)[0] == -EINVAL


def test_register_dump(up):
    result, answer = ethtool(up, struct.pack(uapi.ETHTOOL_REGS, uapi.ETHTOOL_GREGS, 0, 60) + bytes(60))
    assert result == 0
    _, version, length = struct.unpack_from("<III", answer)
    assert (version & 0xFFFF, length) == (0x100E, 60)
    assert struct.unpack_from("<I", answer, 16)[0] & 2


def test_eeprom_both_ways(up):
    hw = up.adapter.hw
    assert e1000_read_eeprom(hw, 0, 64) == e1000_read_eeprom_microwire(hw, 0, 64) == list(up.nic.eeprom.words)
    assert e1000_read_eeprom(hw, 60, 5) is None
    result, answer = ethtool(up, struct.pack(uapi.ETHTOOL_EEPROM, uapi.ETHTOOL_GEEPROM, 0, 1, 4) + bytes(4))
    assert (result, answer[16:]) == (0, MAC[1:5])
    magic = struct.unpack_from("<I", answer, 4)[0]
    write = struct.pack(uapi.ETHTOOL_EEPROM, uapi.ETHTOOL_SEEPROM, magic, 0x21, 3) + b"abc"
    assert ethtool(up, write)[0] == 0
    assert up.nic.eeprom.words[0x11] == int.from_bytes(b"bc", "little")
    assert sum(up.nic.eeprom.words) & 0xFFFF == 0xBABA
    assert ethtool(up, write[:4] + bytes(4) + write[8:])[0] == -EFAULT
    assert e1000_write_eeprom(hw, 64, [1]) == -EINVAL


def test_coalescing(up):
    assert ethtool(up, struct.pack("<II", uapi.ETHTOOL_SCOALESCE, 100).ljust(92, b"\0"))[0] == 0
    _, answer = ethtool(up, struct.pack("<I", uapi.ETHTOOL_GCOALESCE).ljust(92, b"\0"))
    assert struct.unpack_from("<I", answer, 4)[0] == 100
    sink = up.sink()
    before = up.adapter.interrupts
    for _ in range(100):
        up.end.inject(frame(bytes(100)))
        up.run(10_000)
    up.run()
    assert len(sink.packets) == 100
    assert 8 <= up.adapter.interrupts - before <= 14
    assert ethtool(up, struct.pack("<II", uapi.ETHTOOL_SCOALESCE, 100000).ljust(92, b"\0"))[0] == -EINVAL


def test_coalescing_that_was_off_becomes_dynamic(up):
    assert up.adapter.itr == 0
    assert ethtool(up, struct.pack("<II", uapi.ETHTOOL_SCOALESCE, 3).ljust(92, b"\0"))[0] == 0
    assert up.adapter.itr == 20000 and up.adapter.dynamic_itr
    assert ethtool(up, struct.pack("<II", uapi.ETHTOOL_SCOALESCE, 0).ljust(92, b"\0"))[0] == 0
    assert up.adapter.itr == 0 and not up.adapter.dynamic_itr


def test_dynamic_coalescing():
    bench = Bench({"e1000.interrupt_throttle_rate": "3"}).up()
    sink = bench.sink()
    for _ in range(20):
        for _ in range(60):
            bench.end.inject(frame(bytes(1486)))
        bench.run(MILLISECOND)
    assert len(sink.packets) == 1200
    assert bench.adapter.itr == 4000
    assert bench.shutdown() == []


def test_pause_parameters(up):
    assert ethtool(up, struct.pack(uapi.ETHTOOL_PAUSEPARAM, uapi.ETHTOOL_SPAUSEPARAM, 1, 0, 0), 100 * MILLISECOND)[0] == 0
    _, answer = ethtool(up, struct.pack("<I", uapi.ETHTOOL_GPAUSEPARAM).ljust(16, b"\0"))
    assert struct.unpack(uapi.ETHTOOL_PAUSEPARAM, answer)[1:] == (1, 0, 0)
    assert netif_carrier_ok(up.dev)


def test_features(up):
    assert value(up, uapi.ETHTOOL_GTSO) == value(up, uapi.ETHTOOL_GGRO) == 1
    assert ethtool(up, struct.pack("<II", uapi.ETHTOOL_STXCSUM, 0))[0] == 0
    assert not up.dev.features & (NETIF_F_HW_CSUM | NETIF_F_TSO)
    assert ethtool(up, struct.pack("<II", uapi.ETHTOOL_SGRO, 0))[0] == 0
    assert not up.dev.features & NETIF_F_GRO
    _, answer = ethtool(up, struct.pack("<II", uapi.ETHTOOL_GFEATURES, 1) + bytes(16))
    active = struct.unpack_from("<I", answer, 16)[0]
    names = [name for index, (_, name) in enumerate(FEATURE_NAMES) if active >> index & 1]
    assert "tx-scatter-gather" in names
    assert "rx-gro" not in names
    request = struct.pack("<IIII", uapi.ETHTOOL_SFEATURES, 1, 1 << 8, 1 << 8)
    assert ethtool(up, request)[0] == 0
    assert up.dev.features & NETIF_F_GRO
    assert up.on_cpu(netdev_change_features, up.dev, 1 << 60, 0) == -EINVAL
    # One switch of the hardware strips tags and inserts them.
    for strip in (0, NETIF_F_HW_VLAN_CTAG_RX):
        assert up.on_cpu(netdev_change_features, up.dev, NETIF_F_HW_VLAN_CTAG_RX, strip) == 0
        assert bool(up.dev.features & NETIF_F_HW_VLAN_CTAG_TX) == bool(strip)
    assert up.dev.features & NETIF_F_SG


def test_receive_checksums_switched_off(up):
    sink = up.sink()
    assert ethtool(up, struct.pack("<II", uapi.ETHTOOL_SRXCSUM, 0), 100 * MILLISECOND)[0] == 0
    assert not up.dev.features & NETIF_F_RXCSUM
    up.end.inject(frame(bytes(100)))
    up.run()
    assert len(sink.packets) == 1


@pytest.mark.parametrize("offline", [0, 1])
def test_self_test(up, offline):
    request = struct.pack(uapi.ETHTOOL_TEST_HEAD, uapi.ETHTOOL_TEST, offline, 0, 4) + bytes(32)
    result, answer = ethtool(up, request, 100 * MILLISECOND)
    assert result == 0
    assert struct.unpack("<4Q", answer[16:]) == (0, 0, 0, 0)
    assert not struct.unpack_from("<I", answer, 4)[0] & uapi.ETH_TEST_FL_FAILED
    assert netif_carrier_ok(up.dev)


def test_nway_reset(up):
    assert ethtool(up, struct.pack("<I", uapi.ETHTOOL_NWAY_RST), 100 * MILLISECOND)[0] == 0
    assert netif_carrier_ok(up.dev)


def test_unknown_command_and_bad_pointer(up):
    assert ethtool(up, struct.pack("<II", 0x7777, 0))[0] == -EOPNOTSUPP
    assert up.on_cpu(dev_ethtool, up.dev, AddressSpace(), 0x1234) == -EFAULT


# --- interface ioctls ---


def ifreq(name, data=b""):
    return name.encode().ljust(16, b"\0") + data.ljust(24, b"\0")


def ioctl(bench, command, name="eth0", data=b"", duration=MILLISECOND):
    err, answer = bench.on_cpu(dev_ioctl, bench.net, command, ifreq(name, data), duration=duration)
    return err, answer[16:] if answer is not None else None


def test_flags(bench):
    err, data = ioctl(bench, sockios.SIOCGIFFLAGS)
    assert err == 0
    assert not data[0] & 1
    assert ioctl(bench, sockios.SIOCSIFFLAGS, data=struct.pack("<H", 0x1003), duration=100 * MILLISECOND)[0] == 0
    assert struct.unpack_from("<H", ioctl(bench, sockios.SIOCGIFFLAGS)[1])[0] == 0x1043
    assert ioctl(bench, sockios.SIOCSIFFLAGS, data=struct.pack("<H", 0x1103))[0] == 0
    assert struct.unpack_from("<H", ioctl(bench, sockios.SIOCGIFFLAGS)[1])[0] == 0x1143
    assert "entered promiscuous mode" in bench.kernel.log()
    assert ioctl(bench, sockios.SIOCSIFFLAGS, data=struct.pack("<H", 0x1002))[0] == 0
    assert bench.dev.promiscuity == 0


def test_other_requests(bench):
    assert struct.unpack_from("<i", ioctl(bench, sockios.SIOCGIFMTU)[1])[0] == 1500
    assert ioctl(bench, sockios.SIOCSIFMTU, data=struct.pack("<i", 9000))[0] == 0
    assert bench.dev.mtu == 9000
    assert ioctl(bench, sockios.SIOCSIFMTU, data=struct.pack("<i", -1))[0] == -EINVAL
    assert ioctl(bench, sockios.SIOCGIFHWADDR)[1][:8] == b"\x01\x00" + MAC
    assert struct.unpack_from("<i", ioctl(bench, sockios.SIOCGIFINDEX)[1])[0] == 2
    err, answer = bench.on_cpu(dev_ioctl, bench.net, sockios.SIOCGIFNAME, ifreq("", struct.pack("<i", 2)))
    assert (err, answer[:5]) == (0, b"eth0\0")
    assert ioctl(bench, sockios.SIOCGIFTXQLEN)[1][:4] == struct.pack("<i", 1000)
    assert ioctl(bench, sockios.SIOCSIFTXQLEN, data=struct.pack("<i", 5))[0] == 0
    assert bench.dev.qdisc.limit == 5
    assert ioctl(bench, sockios.SIOCGIFMTU, name="eth7")[0] == -ENODEV
    assert ioctl(bench, sockios.SIOCGIFMAP)[1][18] == bench.adapter.pdev.irq
    assert ioctl(bench, sockios.SIOCSIFNAME, data=b"lan0\0")[0] == 0
    assert ioctl(bench, sockios.SIOCGIFMTU, name="lan0")[0] == 0
    assert ioctl(bench, sockios.SIOCSIFNAME, name="lan0", data=b"lo\0")[0] == -17
    assert bench.on_cpu(dev_ioctl, bench.net, sockios.SIOCGIFMTU, b"short")[0] == -EINVAL


def test_station_address(up):
    sink = up.sink()
    other = bytes.fromhex("02ccddeeff01")
    assert ioctl(up, sockios.SIOCSIFHWADDR, data=b"\x01\x00" + other)[0] == 0
    up.end.inject(frame(bytes(50), dst=MAC))
    up.end.inject(frame(bytes(60), dst=other))
    up.run()
    assert [(packet.pkt_type, len(packet.data)) for packet in sink.packets] == [(0, 60)]
    assert ioctl(up, sockios.SIOCSIFHWADDR, data=b"\x01\x00" + b"\x01" + other[1:])[0] == -99


def test_vlan_filter(up):
    sink = up.sink()
    tagged = MAC + PEER + bytes.fromhex("81000005") + ETH_P_TEST.to_bytes(2, "big") + bytes(60)
    assert up.on_cpu(up.dev.netdev_ops.ndo_vlan_rx_add_vid, up.dev, 7) == 0
    up.end.inject(tagged)
    up.run()
    assert sink.packets == []
    assert up.on_cpu(up.dev.netdev_ops.ndo_vlan_rx_add_vid, up.dev, 5) == 0
    up.end.inject(tagged)
    up.run()
    assert [packet.pkt_type for packet in sink.packets] == [3]
    assert up.on_cpu(up.dev.netdev_ops.ndo_vlan_rx_kill_vid, up.dev, 5) == 0
    up.end.inject(tagged)
    up.run()
    assert len(sink.packets) == 1


def test_module_parameters():
    bench = Bench({"e1000.rx_descriptors": "96", "e1000.tx_descriptors": "banana", "e1000.flow_control": "0"})
    assert (bench.adapter.rx_count, bench.adapter.tx_count) == (96, 256)
    assert bench.adapter.hw.fc_requested == 0
    assert "tx_descriptors=banana is not from 80 to 4096" in bench.kernel.log()
    assert bench.shutdown() == []
