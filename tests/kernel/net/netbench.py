"""A booted machine with a test device instead of a NIC: the bench of the network stack's tests.

The test's body runs as pid 1.  It may call the kernel's functions directly (it runs on the machine's own stack), make
system calls, put frames on the device and look at those that come out.
"""

from hwemu.clock import Clock
from hwemu.cpu import current_context, trap
from hwemu.machine import Machine
from kernel.init.main import Kernel
from kernel.lib.checksum import csum_bytes, csum_fold, csum_tcpudp_nofold
from kernel.net.core.dev import dev_open, register_netdev
from kernel.net.core.napi import netif_rx
from kernel.net.core.netdevice import net_device, net_device_ops
from kernel.net.core.skb_data import skb_checksum_help
from kernel.net.core.skbuff import alloc_skb, consume_skb, skb_put_data, skb_reserve
from kernel.net.ethernet.eth import eth_type_trans, ether_setup
from kernel.net.ipv4.devinet import in_ifaddr
from kernel.uapi.in_ import inet_addr
from kernel.uapi.socket import AF_INET
from kernel.uapi.syscall import SYS_close, SYS_ioctl, SYS_nanosleep, SYS_poll, SYS_socketcall

SECOND = 1_000_000_000
MAC = bytes.fromhex("020000000001")
PEER_MAC = bytes.fromhex("020000000002")
BROADCAST = b"\xff" * 6
PROGRAM = "import sys\nmain = sys.modules['hwemu_net_test'].main\n"


class test_ops(net_device_ops):
    """Keeps what is sent, as bytes."""

    def __init__(self):
        self.frames = []

    def ndo_start_xmit(self, skb, dev):
        skb_checksum_help(skb)
        self.frames.append(skb.bytes())
        consume_skb(skb)
        return 0


class Bench:
    """One machine: `run(body)` boots it with `body(bench)` as pid 1 and checks the books after power-off."""

    def __init__(self, seed=1, memory=16 << 20, address="10.0.0.1/24"):
        self.clock = Clock()
        self.machine = Machine(self.clock, memory=memory, seed=seed)
        self.machine.on_power_off = lambda machine: self.clock.stop()
        self.output = bytearray()
        self.machine.serial.sink = self.output.extend
        self.address = address
        self.error = None
        self.body = None
        self.kernel = None
        self.dev = None

    # --- life ---

    def run(self, body):
        import sys
        import types

        module = types.ModuleType("hwemu_net_test")
        module.main = self.main
        sys.modules["hwemu_net_test"] = module
        self.body = body
        self.kernel = Kernel(self.machine, {"console": "pipe", "loglevel": "3"}, {"/sbin/init": PROGRAM.encode()})
        self.kernel.start()
        self.clock.run(36000 * SECOND)
        if self.error is not None:
            raise self.error
        assert self.machine.exit_status is not None, "the machine is still on:\n" + "\n".join(self.kernel.printk.lines())
        assert self.kernel.leak_report() == []
        return self

    def main(self, argv):
        self.net = self.kernel.net
        self.mm = current_context().address_space
        self.dev = self.add_device("eth0", MAC, self.address)
        self.take()
        try:
            self.body(self)
        except BaseException as error:
            self.error = error
            raise
        return 0

    def add_device(self, name, mac, address=None):
        dev = net_device(self.net, name)
        ether_setup(dev, mac)
        dev.netdev_ops = test_ops()
        assert register_netdev(dev) == 0
        assert dev_open(dev) == 0
        if address:
            self.add_address(dev, address)
        return dev

    def add_address(self, dev, text):
        quad, plen = text.split("/")
        plen = int(plen)
        broadcast = ip(quad) | (1 << 32 - plen) - 1 if plen < 31 else 0
        assert self.net.devinet.add_address(dev, in_ifaddr(ip(quad), plen, broadcast, dev.name)) == 0

    # --- the wire ---

    def take(self, dev=None):
        """The frames that have been sent since the last time."""
        ops = (dev or self.dev).netdev_ops
        frames = ops.frames
        ops.frames = []
        return frames

    def inject(self, frame, dev=None):
        """Receive a frame, softirq and all."""
        self.queue(frame, dev)
        self.kernel.softirq.do_softirq()

    def inject_ip(self, packet, dst_mac=MAC, dev=None):
        self.inject(dst_mac + PEER_MAC + b"\x08\x00" + packet, dev)

    def later(self, delay, action):
        """Run `action` (it may call `queue`) after `delay` ns, in interrupt context."""
        from kernel.time.timer import timer_list

        timer = timer_list(lambda data: action())
        self.kernel.timers.mod_timer(timer, self.kernel.timers.now() + delay)

    def queue(self, frame, dev=None):
        """Receive a frame; the softirq that handles it runs by itself."""
        dev = dev or self.dev
        skb = alloc_skb(self.kernel.skb_cache, 64 + len(frame))
        skb_reserve(skb, 64)
        skb_put_data(skb, frame)
        skb.protocol = eth_type_trans(skb, dev)
        netif_rx(skb)

    def know(self, address, mac=PEER_MAC, dev=None):
        """Put a permanent neighbour in the table, so that no ARP is in the way."""
        from kernel.net.core.neighbour import neigh_update
        from kernel.net.core.sock_flags import NUD_PERMANENT

        neigh = self.net.arp_tbl.get(ip(address), dev or self.dev)
        neigh_update(neigh, mac, NUD_PERMANENT, 0x80000001)

    def drops(self):
        return dict(self.kernel.skb_cache.drops)

    # --- system calls ---

    def sleep(self, seconds):
        buffer = int(seconds).to_bytes(8, "little") + int(seconds % 1 * SECOND).to_bytes(8, "little")
        address = self.mm.map(buffer)
        result = trap(SYS_nanosleep, address, 0)
        self.mm.unmap(address)
        assert result == 0

    def socketcall(self, call, *arguments):
        """A sub-call; bytes and bytearrays are passed by address."""
        mapped = []
        words = []
        for argument in arguments:
            if isinstance(argument, (bytes, bytearray)):
                address = self.mm.map(argument, isinstance(argument, bytearray)) if len(argument) else 0
                if address:
                    mapped.append(address)
                argument = address
            words.append(argument & 0xFFFFFFFFFFFFFFFF)
        block = self.mm.map(b"".join(word.to_bytes(8, "little") for word in [*words, 0, 0, 0, 0, 0, 0]))
        result = trap(SYS_socketcall, call, block)
        for address in [*mapped, block]:
            self.mm.unmap(address)
        return result

    def socket(self, family, type, protocol=0):
        return self.socketcall(1, family, type, protocol)

    def bind(self, fd, address, port):
        return self.socketcall(2, fd, sockaddr(address, port), 16)

    def connect(self, fd, address, port):
        return self.socketcall(3, fd, sockaddr(address, port), 16)

    def sendto(self, fd, data, address=None, port=0, flags=0):
        if address is None:
            return self.socketcall(11, fd, data, len(data), flags, 0, 0)
        return self.socketcall(11, fd, data, len(data), flags, sockaddr(address, port), 16)

    def recvfrom(self, fd, size=65536, flags=0x40):
        """(data, (address, port)) or a negative errno."""
        buffer = bytearray(size)
        name = bytearray(128)
        length = bytearray((128).to_bytes(4, "little"))
        result = self.socketcall(12, fd, buffer, size, flags, name, length)
        if result < 0:
            return result
        return bytes(buffer[: min(result, size)]), parse_sockaddr(name)

    def recvmsg(self, fd, size=2048, flags=0x40, room=512):
        """(data, {(level, type): bytes}, msg_flags) or a negative errno."""
        buffer, control, name = bytearray(size), bytearray(room), bytearray(128)
        where = [self.mm.map(area, True) for area in (buffer, control, name)]
        iov = where[0].to_bytes(8, "little") + size.to_bytes(8, "little")
        where.append(self.mm.map(iov))
        message = bytearray(56)
        message[0:8] = where[2].to_bytes(8, "little")
        message[8:12] = (128).to_bytes(4, "little")
        message[16:24] = where[3].to_bytes(8, "little")
        message[24:32] = (1).to_bytes(8, "little")
        message[32:40] = where[1].to_bytes(8, "little")
        message[40:48] = room.to_bytes(8, "little")
        result = self.socketcall(17, fd, message, flags)
        for address in where:
            self.mm.unmap(address)
        if result < 0:
            return result
        found = {}
        position = 0
        end = int.from_bytes(message[40:48], "little")
        while position + 16 <= end:
            length = int.from_bytes(control[position : position + 8], "little")
            level = int.from_bytes(control[position + 8 : position + 12], "little")
            kind = int.from_bytes(control[position + 12 : position + 16], "little")
            found[level, kind] = bytes(control[position + 16 : position + length])
            position += (length + 7) & ~7
        return bytes(buffer[: min(result, size)]), found, int.from_bytes(message[48:52], "little")

    def getname(self, fd, call=6):
        name = bytearray(128)
        length = bytearray((128).to_bytes(4, "little"))
        result = self.socketcall(call, fd, name, length)
        return result if result < 0 else parse_sockaddr(name)

    def setsockopt(self, fd, level, name, value):
        raw = value if isinstance(value, bytes) else value.to_bytes(4, "little", signed=True)
        return self.socketcall(14, fd, level, name, raw, len(raw))

    def getsockopt(self, fd, level, name, size=4):
        buffer = bytearray(size)
        length = bytearray(size.to_bytes(4, "little"))
        result = self.socketcall(15, fd, level, name, buffer, length)
        return result if result < 0 else bytes(buffer[: int.from_bytes(length, "little")])

    def getsockopt_int(self, fd, level, name):
        value = self.getsockopt(fd, level, name)
        return value if isinstance(value, int) else int.from_bytes(value, "little", signed=True)

    def ioctl(self, fd, cmd, buffer):
        """ioctl with a bytearray as the argument."""
        address = self.mm.map(buffer, True)
        result = trap(SYS_ioctl, fd, cmd, address)
        self.mm.unmap(address)
        return result

    def poll(self, fd, events, timeout=0):
        buffer = bytearray(fd.to_bytes(4, "little") + events.to_bytes(2, "little") + bytes(2))
        address = self.mm.map(buffer, True)
        trap(SYS_poll, address, 1, timeout)
        self.mm.unmap(address)
        return int.from_bytes(buffer[6:8], "little")

    def close(self, fd):
        assert trap(SYS_close, fd) == 0

    def read_proc(self, path):
        from kernel.uapi.syscall import SYS_open, SYS_read

        name = self.mm.map(path.encode() + b"\0")
        fd = trap(SYS_open, name, 0)
        self.mm.unmap(name)
        assert fd >= 0, path
        buffer = bytearray(65536)
        address = self.mm.map(buffer, True)
        count = trap(SYS_read, fd, address, len(buffer))
        self.mm.unmap(address)
        self.close(fd)
        return buffer[:count].decode()


# --- packets ---


def ip(text):
    return inet_addr(text)


def sockaddr(address, port):
    return AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + ip(address).to_bytes(4, "big") + bytes(8)


def parse_sockaddr(name):
    return ".".join(str(byte) for byte in name[4:8]), int.from_bytes(name[2:4], "big")


def ipv4(source, target, protocol, payload, ident=1, fragment=0, ttl=64, tos=0, options=b"", length=None):
    """An IPv4 packet; `fragment` is the flags and offset word."""
    header_len = 20 + len(options)
    header = bytes([0x40 | header_len >> 2, tos])
    header += (header_len + len(payload) if length is None else length).to_bytes(2, "big")
    header += ident.to_bytes(2, "big") + fragment.to_bytes(2, "big") + bytes([ttl, protocol, 0, 0])
    header += ip(source).to_bytes(4, "big") + ip(target).to_bytes(4, "big") + options
    return header[:10] + csum_fold(csum_bytes(header)).to_bytes(2, "big") + header[12:] + payload


def udp(source, sport, target, dport, payload, checksum=True, **more):
    """An IPv4 packet with a datagram."""
    return ipv4(source, target, 17, udp_datagram(source, sport, target, dport, payload, checksum), **more)


def udp_datagram(source, sport, target, dport, payload, checksum=True):
    length = 8 + len(payload)
    head = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + length.to_bytes(2, "big")
    total = 0
    if checksum:
        pseudo = csum_tcpudp_nofold(ip(source), ip(target), length, 17, 0)
        total = csum_fold(csum_bytes(head + bytes(2) + payload, pseudo)) or 0xFFFF
    return head + total.to_bytes(2, "big") + payload


def icmp(source, target, type, code, rest, **more):
    """An IPv4 packet with an ICMP message; `rest` is everything behind the checksum."""
    message = bytes([type, code, 0, 0]) + rest
    message = message[:2] + csum_fold(csum_bytes(message)).to_bytes(2, "big") + rest
    return ipv4(source, target, 1, message, **more)


def arp(op, sender_mac, sender, target_mac, target, dst_mac=BROADCAST):
    """A whole ARP frame."""
    return (
        dst_mac + sender_mac + b"\x08\x06\x00\x01\x08\x00\x06\x04" + op.to_bytes(2, "big")
        + sender_mac + ip(sender).to_bytes(4, "big") + target_mac + ip(target).to_bytes(4, "big")
    )


class Packet:
    """A frame that was sent, taken apart; checks lengths and checksums on the way."""

    def __init__(self, frame):
        self.frame = frame
        self.dst_mac = frame[:6]
        self.src_mac = frame[6:12]
        self.type = int.from_bytes(frame[12:14], "big")
        if self.type == 0x806:
            self.op = int.from_bytes(frame[20:22], "big")
            self.sender_mac = frame[22:28]
            self.sender = dotted(frame[28:32])
            self.target = dotted(frame[38:42])
            return
        assert self.type == 0x800
        packet = frame[14:]
        self.header_len = (packet[0] & 15) * 4
        assert packet[0] >> 4 == 4
        assert int.from_bytes(packet[2:4], "big") == len(packet)
        assert csum_fold(csum_bytes(packet[: self.header_len])) == 0
        self.tos = packet[1]
        self.ident = int.from_bytes(packet[4:6], "big")
        self.fragment = int.from_bytes(packet[6:8], "big")
        self.df = self.fragment & 0x4000 != 0
        self.ttl = packet[8]
        self.protocol = packet[9]
        self.source = dotted(packet[12:16])
        self.destination = dotted(packet[16:20])
        self.options = packet[20 : self.header_len]
        self.payload = packet[self.header_len :]
        if self.protocol == 17 and not self.fragment & 0x3FFF:
            self.sport = int.from_bytes(self.payload[:2], "big")
            self.dport = int.from_bytes(self.payload[2:4], "big")
            self.data = self.payload[8:]
            if self.payload[6:8] != b"\0\0":
                pseudo = csum_tcpudp_nofold(ip(self.source), ip(self.destination), len(self.payload), 17, 0)
                assert csum_fold(csum_bytes(self.payload, pseudo)) == 0
        if self.protocol == 1 and not self.fragment & 0x3FFF:
            assert csum_fold(csum_bytes(self.payload)) == 0
            self.icmp_type = self.payload[0]
            self.icmp_code = self.payload[1]
            self.data = self.payload[8:]


def dotted(raw):
    return ".".join(str(byte) for byte in raw)
