"""Packets for the driver's tests, built and checked with a checksum of their own."""

import struct

from driver_bench import MAC, PEER

OUR_IP = bytes([10, 0, 0, 1])
PEER_IP = bytes([10, 0, 0, 2])
PSH, ACK, SYN, FIN = 8, 16, 2, 1


def ones_complement(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_header(src, dst, length, protocol=6, identification=1, fragment=0x4000, ttl=64, tos=0):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, tos, 20 + length, identification, fragment, ttl, protocol, 0, src, dst)
    return head[:10] + struct.pack(">H", ones_complement(head)) + head[12:]


def tcp(payload, seq=1000, ack=1, flags=ACK, sport=80, dport=5000, src=PEER_IP, dst=OUR_IP, options=b"", **ip):
    """An IPv4 packet with a TCP segment and right checksums."""
    offset = (20 + len(options)) // 4
    head = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, offset << 4, flags, 5000, 0, 0) + options
    pseudo = src + dst + struct.pack(">BBH", 0, 6, len(head) + len(payload))
    check = ones_complement(pseudo + head + payload)
    segment = head[:16] + struct.pack(">H", check) + head[18:] + payload
    return ip_header(src, dst, len(segment), **ip) + segment


def ethernet(packet, dst=MAC, src=PEER, kind=0x0800):
    return dst + src + kind.to_bytes(2, "big") + packet


def check_tcp(frame):
    """Assert that an Ethernet frame is a TCP packet with right checksums; returns its parts."""
    ip = frame[14:]
    total = struct.unpack(">H", ip[2:4])[0]
    ip = ip[:total]
    assert len(ip) == total
    assert ones_complement(ip[:20]) == 0
    segment = ip[20:]
    assert ones_complement(ip[12:20] + struct.pack(">BBH", 0, 6, len(segment)) + segment) == 0
    header = (segment[12] >> 4) * 4
    return {
        "id": struct.unpack(">H", ip[4:6])[0],
        "seq": struct.unpack(">I", segment[4:8])[0],
        "flags": segment[13],
        "payload": segment[header:],
    }
