"""The DHCP server, message by message."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.usernet import dhcp

MAC = b"\x52\x54\x00\x12\x34\x56"


def message(kind, mac=MAC, options=b"", ciaddr=b"\0\0\0\0", xid=7):
    header = dhcp.HEADER.pack(1, 1, 6, 0, xid, 0, 0x8000, ciaddr, b"\0" * 4, b"\0" * 4, b"\0" * 4, mac)
    return header + bytes(192) + dhcp.MAGIC_COOKIE + bytes((53, 1, kind)) + options + b"\xff"


def fields(reply):
    """(yiaddr, options) of a reply."""
    assert len(reply) >= 300 and reply[0] == dhcp.BOOTREPLY
    return reply[16:20], dhcp.parse_options(reply[dhcp.OPTIONS_OFFSET :])


def test_discover_request_ack():
    server = dhcp.DHCPServer()
    address, options = fields(server.answer(message(dhcp.DISCOVER)))
    assert address == bytes((10, 0, 2, 15)) and options[53] == bytes((dhcp.OFFER,))
    wanted = bytes((50, 4)) + address + bytes((54, 4, 10, 0, 2, 2))
    address, options = fields(server.answer(message(dhcp.REQUEST, options=wanted)))
    assert address == bytes((10, 0, 2, 15))
    assert options == {
        53: bytes((dhcp.ACK,)),
        54: bytes((10, 0, 2, 2)),
        51: struct.pack(">I", 86400),
        1: bytes((255, 255, 255, 0)),
        3: bytes((10, 0, 2, 2)),
        6: bytes((10, 0, 2, 3)),
        28: bytes((10, 0, 2, 255)),
    }


def test_renewing_names_the_address_in_ciaddr():
    server = dhcp.DHCPServer()
    own = bytes((10, 0, 2, 15))
    _, options = fields(server.answer(message(dhcp.REQUEST, ciaddr=own)))
    assert options[53] == bytes((dhcp.ACK,))


def test_a_wrong_address_is_refused_and_another_server_is_left_alone():
    server = dhcp.DHCPServer()
    reply = server.answer(message(dhcp.REQUEST, options=bytes((50, 4, 192, 168, 0, 9))))
    assert fields(reply)[1][53] == bytes((dhcp.NAK,))
    assert server.answer(message(dhcp.REQUEST, options=bytes((54, 4, 10, 9, 9, 9)))) is None


def test_each_client_keeps_its_own_address():
    server = dhcp.DHCPServer()
    macs = [MAC[:5] + bytes((n,)) for n in range(20)]
    first = [server.answer(message(dhcp.DISCOVER, mac)) for mac in macs]
    addresses = [reply[16:20] for reply in first if reply is not None]
    assert len(set(addresses)) == len(addresses) == 17
    assert server.answer(message(dhcp.DISCOVER, macs[3]))[16:20] == addresses[3]
    assert server.answer(message(dhcp.RELEASE, macs[0])) is None
    assert server.answer(message(dhcp.DISCOVER, macs[19]))[16:20] == addresses[0]


def test_inform_gets_options_and_no_address():
    address, options = fields(dhcp.DHCPServer().answer(message(dhcp.INFORM, ciaddr=bytes((10, 0, 2, 20)))))
    assert address == bytes(4) and 51 not in options and options[3] == bytes((10, 0, 2, 2))


@pytest.mark.parametrize("data", [b"", bytes(300), message(dhcp.OFFER), message(dhcp.DISCOVER)[:239]])
def test_no_answer(data):
    assert dhcp.DHCPServer().answer(data) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=64))
def test_garbage_never_raises(start, options):
    server = dhcp.DHCPServer()
    server.answer(start)
    server.answer(message(dhcp.DISCOVER)[: dhcp.OPTIONS_OFFSET] + options)
    dhcp.parse_options(options)
