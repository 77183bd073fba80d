"""Frames that lie, in numbers: nothing crashes, nothing leaks, everything that is dropped has a reason."""

import random

import pytest
from netbench import MAC, PEER_MAC, Bench, arp, icmp, ipv4, udp

from kernel.uapi.socket import AF_INET, AF_PACKET, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

INTERESTING = (0, 1, 4, 5, 6, 8, 17, 0x0F, 0x40, 0x45, 0x4F, 0x60, 0x7F, 0x80, 0xFE, 0xFF)


def seeds():
    inner = udp("10.0.0.1", 5000, "10.0.0.2", 4000, b"inner")
    tcp = bytes.fromhex("0fa0005000000001000000005002200000000000")
    packets = [
        udp("10.0.0.2", 4000, "10.0.0.1", 5000, b"payload"),
        udp("10.0.0.2", 4000, "10.0.0.255", 5000, b"all"),
        udp("10.0.0.2", 4000, "10.0.0.1", 9, b"closed"),
        icmp("10.0.0.2", "10.0.0.1", 8, 0, b"\0\1\0\1" + bytes(40)),
        icmp("10.0.0.2", "10.0.0.1", 3, 4, b"\0\0\2\0" + inner),
        icmp("10.0.0.2", "10.0.0.1", 12, 0, b"\x14\0\0\0" + inner),
        icmp("10.0.0.2", "10.0.0.1", 13, 0, bytes(16)),
        ipv4("10.0.0.2", "10.0.0.1", 17, bytes(64), fragment=0x2000),
        ipv4("10.0.0.2", "10.0.0.1", 17, bytes(64), fragment=8),
        ipv4("10.0.0.2", "10.0.0.1", 6, tcp),
        ipv4("10.0.0.2", "224.0.0.1", 2, b"\x11\x64\xee\x9b\0\0\0\0", options=b"\x94\4\0\0"),
        ipv4("10.0.0.2", "10.0.0.1", 17, bytes(20), options=b"\x07\x0b\x04" + bytes(8) + b"\0"),
        ipv4("10.0.0.2", "10.0.0.1", 1, bytes(20), options=b"\x44\x0c\x05\x01" + bytes(8)),
    ]
    frames = [MAC + PEER_MAC + b"\x08\x00" + packet for packet in packets]
    return [*frames, arp(1, PEER_MAC, "10.0.0.2", bytes(6), "10.0.0.1"), arp(2, PEER_MAC, "10.0.0.2", MAC, "10.0.0.1", MAC)]


def mutate(rng, frame):
    """A frame with a few bytes changed, cut or grown; the IP header's checksum is often put right again."""
    frame = bytearray(frame)
    for _ in range(rng.randrange(1, 5)):
        frame[rng.randrange(12, len(frame))] = rng.choice(INTERESTING) if rng.random() < 0.7 else rng.randrange(256)
    if rng.random() < 0.2:
        del frame[rng.randrange(14, len(frame)) :]
    elif rng.random() < 0.1:
        frame += bytes(rng.randrange(1, 60))
    if len(frame) >= 34 and rng.random() < 0.8:
        header_len = (frame[14] & 15) * 4
        if 20 <= header_len <= len(frame) - 14:
            frame[24:26] = b"\0\0"
            total = sum(frame[i] << 8 | frame[i + 1] for i in range(14, 14 + header_len, 2))
            total = (total & 0xFFFF) + (total >> 16)
            frame[24:26] = (~((total & 0xFFFF) + (total >> 16)) & 0xFFFF).to_bytes(2, "big")
    return bytes(frame)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_frames(seed):
    rng = random.Random(seed)

    def body(t):
        fds = [t.socket(AF_INET, SOCK_DGRAM), t.socket(AF_INET, SOCK_RAW, 1), t.socket(AF_PACKET, SOCK_RAW, 0x0300)]
        t.bind(fds[0], "0.0.0.0", 5000)
        listener = t.socket(AF_INET, SOCK_STREAM)
        t.bind(listener, "0.0.0.0", 80)
        t.socketcall(4, listener, 5)
        t.know("10.0.0.2")
        if seed & 1:
            t.kernel.sysctl.write("net.ipv4.ip_forward", "1")
        frames = seeds()
        for number in range(1500):
            t.inject(mutate(rng, rng.choice(frames)))
            if number % 50 == 0:
                t.take()
                for fd in fds:
                    while not isinstance(t.recvfrom(fd), int):
                        pass
        t.sleep(40)
        for fd in [*fds, listener]:
            t.close(fd)
        assert sum(t.drops().values()) > 300
        assert t.kernel.oopses == []

    Bench(seed=seed).run(body)


def test_random_bytes():
    rng = random.Random(5)

    def body(t):
        for _ in range(1000):
            t.inject(MAC + PEER_MAC + rng.choice((b"\x08\0", b"\x08\6", b"\x81\0", b"\0\7")) + rng.randbytes(rng.randrange(80)))
        t.sleep(40)
        assert t.kernel.oopses == []

    Bench().run(body)
