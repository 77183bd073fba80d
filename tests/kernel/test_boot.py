"""A machine with a network card comes up, runs a program, and goes down with balanced books."""

import pytest

from hwemu.clock import Clock
from hwemu.wire.link import Link
from lab.machine import build_machine

SECOND = 1_000_000_000


def booted(command, *, clock=None, wire=None, number=0, **cmdline):
    """A finished run of `command` as the machine's command."""
    clock = clock or Clock()
    host = build_machine(clock, wire, number=number, cmdline={"command": command, "console": "pipe", **cmdline})
    host.start()
    assert host.run(300 * SECOND) is not None, host.text
    return host


@pytest.fixture(scope="module")
def plain():
    return booted("uname -a; ls /proc/net; false", loglevel="7")


def test_the_status_is_the_commands(plain):
    assert plain.exit_status == 1


def test_nothing_is_left(plain):
    assert plain.kernel.leak_report() == []


def test_the_boot_order_shows_in_the_log(plain):
    log = "\n".join(plain.kernel.printk.lines())
    steps = ["Linux version", "Command line:", "Memory:", "pci 0000:00", "e1000", "as init process", "Power down"]
    places = [log.find(step) for step in steps]
    assert -1 not in places, log
    assert places == sorted(places), log


def test_the_console_shows_log_and_output(plain):
    assert "] Linux version 6.1.0-hwemu" in plain.text
    assert "Linux hwemu 6.1.0-hwemu" in plain.text
    assert "tcp" in plain.text


def test_the_loopback_answers():
    host = booted("ping -c 2 127.0.0.1", quiet="")
    assert host.exit_status == 0, host.text
    assert host.kernel.leak_report() == []


def test_interrupts_and_devices_are_listed():
    host = booted("cat /proc/interrupts /proc/softirqs; cat /proc/bus/pci/devices; ip link", quiet="")
    for word in ("timer", "serial", "eth0", "NET_RX", "8086100e"):
        assert word in host.text, host.text


def test_the_same_seed_boots_to_the_same_log():
    first = booted("cat /proc/interrupts; ping -c 1 127.0.0.1")
    second = booted("cat /proc/interrupts; ping -c 1 127.0.0.1")
    assert first.text == second.text
    assert first.clock.now == second.clock.now


def test_two_machines_share_a_clock():
    clock = Clock()
    wire = Link(clock, "wire")
    options = {"command": "sleep 1000", "console": "pipe", "ip": "10.0.0.2/24", "quiet": ""}
    other = build_machine(clock, wire, number=1, cmdline=options).start()
    host = booted("ping -c 3 -i 0.2 10.0.0.2", clock=clock, wire=wire, ip="10.0.0.1/24", quiet="")
    assert "3 received" in host.text, host.text
    assert host.exit_status == 0
    other.power_off()
    assert host.kernel.leak_report() == [] == other.kernel.leak_report()
