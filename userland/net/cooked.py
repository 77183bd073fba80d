"""Frames of several devices in one capture: Linux's cooked headers (LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2), and raw IP.

`cook` makes a record of a file of a frame, `Cooked` takes one apart and gives the Ethernet frame in its place, which
filters and the printer understand.
"""

from struct import Struct

from userland.net.pcap import LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, LINKTYPE_RAW

# Packet type, ARPHRD_*, length of the address, the address, protocol; big-endian.
SLL = Struct(">HHH8sH")
# Protocol, 0, interface index, ARPHRD_*, packet type, length of the address, the address; big-endian.
SLL2 = Struct(">HHIHBB8s")
ETHERNET_SIZE = 14
ETH_P_802_2 = 4
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
ADDRESS_SIZE = 6
DIRECTIONS = {0: "In", 1: "B", 2: "M", 3: "P", 4: "Out"}


def header_size(link):
    """How many bytes a record has before the packet of the network layer."""
    return {LINKTYPE_LINUX_SLL: SLL.size, LINKTYPE_LINUX_SLL2: SLL2.size, LINKTYPE_RAW: 0}.get(link, ETHERNET_SIZE)


def cook(link, frame, ifindex, hatype, pkttype):
    """The record for a frame with an Ethernet header that a packet socket gave with these fields of its sockaddr_ll."""
    if link == LINKTYPE_ETHERNET:
        return frame
    protocol = int.from_bytes(frame[12:14], "big")
    if protocol < 0x600:
        protocol = ETH_P_802_2
    address = bytes(frame[6:12])
    if link == LINKTYPE_LINUX_SLL:
        return SLL.pack(pkttype, hatype, ADDRESS_SIZE, address, protocol) + frame[ETHERNET_SIZE:]
    return SLL2.pack(protocol, 0, ifindex, hatype, pkttype, ADDRESS_SIZE, address) + frame[ETHERNET_SIZE:]


class Cooked:
    """A record of a capture file: `frame` and `length` are what an Ethernet device would have seen."""

    def __init__(self, link, data, length):
        self.link = link
        self.ifindex = 0
        self.pkttype = -1
        self.address = bytes(ADDRESS_SIZE)
        self.frame, self.length = data, length
        if link == LINKTYPE_ETHERNET:
            return
        self.length = max(0, length - header_size(link)) + ETHERNET_SIZE
        if len(data) < header_size(link):
            self.frame = b""
            return
        if link == LINKTYPE_RAW:
            protocol = ETH_P_IPV6 if data[:1] and data[0] >> 4 == 6 else ETH_P_IP
        elif link == LINKTYPE_LINUX_SLL:
            self.pkttype, _, _, address, protocol = SLL.unpack_from(data)
            self.address = address[:ADDRESS_SIZE]
        else:
            protocol, _, self.ifindex, _, self.pkttype, _, address = SLL2.unpack_from(data)
            self.address = address[:ADDRESS_SIZE]
        self.frame = bytes(ADDRESS_SIZE) + self.address + protocol.to_bytes(2, "big") + data[header_size(link) :]

    def direction(self):
        """Which way the packet went: In, Out, B(roadcast), M(ulticast), P(romiscuous)."""
        return DIRECTIONS.get(self.pkttype, "?")
