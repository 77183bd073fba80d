"""Machines with several cards: a router between two networks, and what the command line makes of --net and --ip."""

import pytest
import test_cli

from hwemu.clock import Clock
from hwemu.wire.switch import Switch
from lab import cli
from lab.errors import LabError
from lab.machine import build_machine, station_address

SECOND = 1_000_000_000
GIGABIT = 1_000_000_000


def network(router_command, host_command):
    """The first host's console: 10.0.0.2 behind a router (10.0.0.1, 10.1.0.1) of 10.1.0.2."""
    clock = Clock()
    switches = [Switch(clock), Switch(clock)]

    def port(number, name):
        return switches[number].port(name, GIGABIT)

    def machine(number, command, wires, **cmdline):
        options = {"console": "pipe", "quiet": "", "command": command, **cmdline}
        return build_machine(
            clock, wires[0], name=f"host{number}", number=number, seed=number, memory=16 << 20, cmdline=options,
            more_wires=wires[1:],
        )  # fmt: skip

    far = machine(2, "sleep 10000", [port(1, "far")], ip="10.1.0.2/24", gateway="10.1.0.1")
    router = machine(1, router_command, [port(0, "left"), port(1, "right")], ip="10.0.0.1/24", ip1="10.1.0.1/24")
    near = machine(0, host_command, [port(0, "near")], ip="10.0.0.2/24", gateway="10.0.0.1")
    for host in (far, router, near):
        host.start()
    status = near.run(120 * SECOND)
    for host in (router, far):
        host.power_off()
    for host in (near, router, far):
        assert host.kernel.oopses == [] and host.kernel.leak_report() == []
    return near.text, status, router.text


def test_a_router_between_two_networks():
    command = "sysctl -q net.ipv4.ip_forward=1; ip -br addr; sleep 100"
    text, status, router = network(command, "sleep 1; ping -c 1 10.1.0.2; ip route get 10.1.0.2")
    assert status == 0 and "1 received" in text and "ttl=63" in text
    assert "10.1.0.2 via 10.0.0.1 dev eth0 src 10.0.0.2" in text
    assert "eth0             UP             10.0.0.1/24" in router and "eth1             UP             10.1.0.1/24" in router


def test_who_does_not_route_lets_nothing_through():
    text, status, _ = network("sleep 100", "sleep 1; ping -c 1 -W 2 10.1.0.2")
    assert status == 1 and "0 received" in text


def test_every_card_has_an_address_of_its_own():
    addresses = [station_address(number, card) for number in range(3) for card in range(3)]
    assert len(set(addresses)) == len(addresses)


def parse(*words):
    options = cli.parser().parse_args(words)
    cli.check(options)
    return options


def test_networks_and_addresses_belong_together():
    options = parse("boot", "--net", "user", "--net", "none", "--ip", "10.0.2.20/24", "--ip", "192.168.7.1/24")
    assert [net.kind for net in options.nets] == ["user", "none"]
    assert [options.address_of(net).address for net in options.nets] == ["10.0.2.20", "192.168.7.1"]
    assert parse("boot").on_user_network and parse("boot").plain


@pytest.mark.parametrize(
    "words",
    [
        ["--net", "user", "--net", "user"], ["--net", "tap:a", "--net", "tap:a"], ["--ip", "10.0.2.20/24", "--ip", "10.9.0.1/24"],
        ["--net", "none"] * 9, ["--net", "none", "--net", "user", "--ip", "10.9.0.1/24", "--ip", "10.9.0.2/24"],
    ],
)  # fmt: skip
def test_what_can_not_be(words):
    with pytest.raises(LabError):
        parse("boot", *words)


def test_the_command_line_boots_several_cards(tmp_path):
    capture = tmp_path / "x.pcapng"
    done = test_cli.hwemu(
        "boot", "--virtual-time", "--net", "user", "--net", "none", "--ip", "10.0.2.15/24", "--ip", "10.9.0.1/24", "--capture",
        str(capture), "-c", "ip -br addr; ping -c 1 10.0.2.2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "eth1             DOWN           10.9.0.1/24" in done.stdout and "1 received" in done.stdout
    assert b"eth0" in capture.read_bytes()
