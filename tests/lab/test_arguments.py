"""What the command line's words mean."""

import pytest

from lab import arguments

ADDRESS = arguments.Address("10.77.0.2", 24)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (arguments.network, "user", ("user", "")),
        (arguments.network, "none", ("none", "")),
        (arguments.network, "tap:tap0", ("tap", "tap0")),
        (arguments.forward, "tcp:127.0.0.1:8080:80", ("tcp", "127.0.0.1", 8080, 80)),
        (arguments.forward, "udp::53:5353", ("udp", "127.0.0.1", 53, 5353)),
        (arguments.interface_address, "10.77.0.2/24", ADDRESS),
        (arguments.ipv4, "192.168.1.1", "192.168.1.1"),
        (arguments.memory, "64", 64 << 20),
        (arguments.memory, "64M", 64 << 20),
        (arguments.memory, "1g", 1 << 30),
        (arguments.memory, "8192K", 8 << 20),
        (arguments.seed, "42", 42),
        (arguments.impairments, "loss=5%", {"loss": 0.05}),
    ],
)
def test_right(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (arguments.network, ""),
        (arguments.network, "tap"),
        (arguments.network, "tap:"),
        (arguments.network, "tap:" + "x" * 16),
        (arguments.network, "tap:a/b"),
        (arguments.network, "tap:a b"),
        (arguments.tap_name, "tap:.."),
        (arguments.network, "bridge:br0"),
        (arguments.forward, "tcp:8080:80"),
        (arguments.forward, "sctp:127.0.0.1:8080:80"),
        (arguments.forward, "tcp:127.0.0.1:0:80"),
        (arguments.forward, "tcp:127.0.0.1:8080:65536"),
        (arguments.forward, "tcp:127.0.0.1:eighty:80"),
        (arguments.interface_address, "10.77.0.2"),
        (arguments.interface_address, "10.77.0.2/33"),
        (arguments.interface_address, "10.77.0/24"),
        (arguments.ipv4, "224.0.0.1"),
        (arguments.ipv4, "127.0.0.1"),
        (arguments.ipv4, "0.0.0.0"),
        (arguments.ipv4, "255.255.255.255"),
        (arguments.memory, "1M"),
        (arguments.memory, "4G"),
        (arguments.memory, "64X"),
        (arguments.memory, ""),
        (arguments.memory, "8193K"),
        (arguments.seed, "-1"),
        (arguments.seed, "0x10"),
        (arguments.impairments, "loss"),
    ],
)
def test_wrong_is_one_line(parse, text):
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) and "\n" not in str(caught.value)


def test_the_netmask_of_a_prefix():
    assert ADDRESS.netmask == "255.255.255.0" and arguments.Address("10.0.0.1", 30).netmask == "255.255.255.252"
