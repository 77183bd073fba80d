"""Probe, open and stop: what the driver finds and leaves behind."""

from driver_bench import MAC, MILLISECOND, Bench

from kernel.net.core.dev import dev_close, dev_open
from kernel.net.core.netdevice import netif_carrier_ok


def test_probe_finds_the_card(bench):
    assert bench.dev.dev_addr == MAC
    assert bench.dev.perm_addr == MAC
    assert bench.adapter.hw.phy_id == 0x01410C20
    assert "Intel(R) PRO/1000" in bench.kernel.log()
    assert "8086100e" in bench.kernel.proc.files["bus/pci/devices"]()


def test_link_comes_up(up):
    assert netif_carrier_ok(up.dev)
    assert "NIC Link is Up 1000 Mbps Full Duplex" in up.kernel.log()


def test_idle_interface_arms_no_timer(up):
    up.run(10_000 * MILLISECOND)
    assert up.kernel.timers.active == 0


def test_link_follows_the_cable(up):
    up.wire.set_up(False)
    up.run(50 * MILLISECOND)
    assert not netif_carrier_ok(up.dev)
    up.wire.set_up(True)
    up.run(100 * MILLISECOND)
    assert netif_carrier_ok(up.dev)
    assert up.kernel.log().count("NIC Link is Up") == 2


def test_open_and_close_again_and_again(bench):
    for _ in range(3):
        assert bench.on_cpu(dev_open, bench.dev) == 0
        bench.run(50 * MILLISECOND)
        assert netif_carrier_ok(bench.dev)
        bench.on_cpu(dev_close, bench.dev)
        assert bench.kernel.pci.leaks() == []


def test_machine_without_cable():
    bench = Bench(link=False).up()
    assert not netif_carrier_ok(bench.dev)
    assert bench.shutdown() == []


def test_broken_eeprom_checksum_is_reported():
    bench = Bench()
    bench.shutdown()
    from driver.e1000.e1000_eeprom import e1000_validate_eeprom_checksum

    bench.nic.eeprom.words[5] ^= 1
    bench = Bench()
    assert e1000_validate_eeprom_checksum(bench.adapter.hw)
    bench.nic.eeprom.words[5] ^= 1
    assert not e1000_validate_eeprom_checksum(bench.adapter.hw)
    assert bench.shutdown() == []
