"""Who may reach what, and the name server that the host uses."""

import ipaddress

import pytest

from lab.usernet import plan


def number(text):
    return int(ipaddress.IPv4Address(text))


@pytest.mark.parametrize(
    ("address", "port", "target"),
    [
        ("10.0.2.2", 8000, ("127.0.0.1", 8000)),
        ("93.184.216.34", 80, ("93.184.216.34", 80)),
        ("192.168.1.1", 22, ("192.168.1.1", 22)),
        ("10.0.2.3", 53, ("192.0.2.53", 53)),
        ("10.0.2.3", 80, None),
        ("127.0.0.1", 8000, None),
        ("127.255.0.1", 8000, None),
        ("0.0.0.0", 80, None),
        ("10.0.2.77", 80, None),
        ("224.0.0.251", 5353, None),
        ("255.255.255.255", 9, None),
        ("240.0.0.1", 9, None),
    ],
)
def test_where_an_address_leads(address, port, target):
    assert plan.destination(number(address), port, "192.0.2.53") == target


def test_no_name_server_means_no_destination_for_dns():
    assert plan.destination(plan.NAME_SERVER_NUMBER, 53, "") is None


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("nameserver 192.0.2.1\nnameserver 192.0.2.2\n", "192.0.2.1"),
        ("# comment\nsearch example\nnameserver ::1\nnameserver 127.0.0.53\n", "127.0.0.53"),
        ("nameserver\nnameserver x\n", ""),
        ("", ""),
    ],
)
def test_resolv_conf(tmp_path, text, server):
    path = tmp_path / "resolv.conf"
    path.write_text(text)
    assert plan.name_server_of_host(str(path)) == server
    assert plan.name_server_of_host(str(tmp_path / "missing")) == ""
