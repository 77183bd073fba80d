"""Who is who on the user network, and where on the host an address of the guest's world lies."""

import ipaddress
import socket

NETWORK = ipaddress.ip_network("10.0.2.0/24")
PREFIX = 24
NETMASK = "255.255.255.0"
BROADCAST = "10.0.2.255"
GATEWAY = "10.0.2.2"
NAME_SERVER = "10.0.2.3"
GUEST = "10.0.2.15"
# Leases run from the guest's usual address to this one.
LAST_LEASE = "10.0.2.31"

GATEWAY_NUMBER = int(ipaddress.IPv4Address(GATEWAY))
NAME_SERVER_NUMBER = int(ipaddress.IPv4Address(NAME_SERVER))
DNS_PORT = 53
HOST_LOOPBACK = "127.0.0.1"
RESOLV_CONF = "/etc/resolv.conf"


def dotted(number: int) -> str:
    """A host-order address as text."""
    return socket.inet_ntoa(number.to_bytes(4, "big"))


def is_guest(address: str, prefix: int) -> bool:
    """True for an interface address with which a guest reaches the gateway and is reached by it."""
    number = int(ipaddress.IPv4Address(address))
    taken = (GATEWAY_NUMBER, NAME_SERVER_NUMBER, int(NETWORK.network_address), int(NETWORK.broadcast_address))
    inside = ipaddress.IPv4Address(GATEWAY) in ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    return inside and ipaddress.IPv4Address(address) in NETWORK and number not in taken


def name_server_of_host(path: str = RESOLV_CONF) -> str:
    """The first IPv4 name server that the host uses, or "" when it names none."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            lines = file.readlines()
    except OSError:
        return ""
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                return str(ipaddress.IPv4Address(words[1]))
            except ValueError:
                continue
    return ""


def destination(address: int, port: int, name_server: str) -> tuple[str, int] | None:
    """Where on the host the guest's (address, port) lies; None for what it may not reach.

    The gateway's address is the host's loopback; the name server's is the host's, for DNS alone; the host's
    loopback network, the rest of our own network, multicast and reserved addresses lead nowhere.
    """
    if address == GATEWAY_NUMBER:
        return HOST_LOOPBACK, port
    if address == NAME_SERVER_NUMBER:
        return (name_server, port) if port == DNS_PORT and name_server else None
    target = ipaddress.IPv4Address(address)
    first = target.packed[0]
    if first in (0, 127) or first >= 224 or target in NETWORK:
        return None
    return str(target), port
