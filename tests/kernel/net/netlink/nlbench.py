"""A program's side of netlink for tests: messages packed and taken apart by construct, independently of the kernel's code."""

from construct import Bytes, GreedyBytes, GreedyRange, Int8ul, Int16ul, Int32sl, Int32ul, Padding, Struct, this

from kernel.uapi.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR
from kernel.uapi.socket import AF_NETLINK, SOCK_RAW

Header = Struct("len" / Int32ul, "type" / Int16ul, "flags" / Int16ul, "seq" / Int32ul, "pid" / Int32ul)
Message = Struct("header" / Header, "payload" / Bytes(this.header.len - 16), Padding(-this.header.len % 4))
Link = Struct(
    "family" / Int8ul, Padding(1), "type" / Int16ul, "index" / Int32sl, "flags" / Int32ul, "change" / Int32ul,
    "attributes" / GreedyBytes,
)  # fmt: skip
Address = Struct(
    "family" / Int8ul, "prefixlen" / Int8ul, "flags" / Int8ul, "scope" / Int8ul, "index" / Int32ul, "attributes" / GreedyBytes
)
Route = Struct(
    "family" / Int8ul, "dst_len" / Int8ul, "src_len" / Int8ul, "tos" / Int8ul, "table" / Int8ul, "protocol" / Int8ul,
    "scope" / Int8ul, "type" / Int8ul, "flags" / Int32ul, "attributes" / GreedyBytes,
)  # fmt: skip
Neighbour = Struct(
    "family" / Int8ul, Padding(3), "index" / Int32sl, "state" / Int16ul, "flags" / Int8ul, "type" / Int8ul,
    "attributes" / GreedyBytes,
)  # fmt: skip
Error = Struct("error" / Int32sl, "request" / Header, "rest" / GreedyBytes)
Messages = GreedyRange(Message)


def attributes(data):
    """{type: bytes}."""
    found = {}
    while len(data) >= 4:
        length = int.from_bytes(data[:2], "little")
        found[int.from_bytes(data[2:4], "little") & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def attribute(type, data):
    """An attribute of bytes, or of a number in host order."""
    if isinstance(data, int):
        data = data.to_bytes(4, "little")
    return (len(data) + 4).to_bytes(2, "little") + type.to_bytes(2, "little") + data + bytes(-len(data) % 4)


class Socket:
    """A netlink socket of the program that `bench` is."""

    def __init__(self, bench, protocol=0, groups=0):
        self.bench = bench
        self.fd = bench.socket(AF_NETLINK, SOCK_RAW, protocol)
        assert self.fd >= 0
        self.seq = 0
        assert bench.socketcall(2, self.fd, name(0, groups), 12) == 0

    def send(self, type, flags, payload, seq=None):
        self.seq = self.seq + 1 if seq is None else seq
        data = Header.build({"len": 16 + len(payload), "type": type, "flags": flags, "seq": self.seq, "pid": 0}) + payload
        return self.bench.socketcall(11, self.fd, data, len(data), 0, name(0, 0), 12)

    def receive(self, size=32768):
        """The messages of one datagram, or a negative errno."""
        got = self.bench.recvfrom(self.fd, size)
        return got if isinstance(got, int) else list(Messages.parse(got[0]))

    def request(self, type, payload, flags=0):
        """(error, [messages before the acknowledgement])."""
        assert self.send(type, NLM_F_REQUEST | NLM_F_ACK | flags, payload) > 0
        found = []
        while True:
            for message in self.receive():
                assert message.header.seq == self.seq
                if message.header.type == NLMSG_ERROR:
                    return Error.parse(message.payload).error, found
                found.append(message)

    def dump(self, type, payload, size=32768):
        """(messages, number of datagrams)."""
        assert self.send(type, NLM_F_REQUEST | NLM_F_DUMP, payload) > 0
        found = []
        reads = 0
        while True:
            messages = self.receive(size)
            reads += 1
            for message in messages:
                assert message.header.flags & 2
                if message.header.type == NLMSG_DONE:
                    return found, reads
                found.append(message)

    def close(self):
        self.bench.close(self.fd)


def name(pid, groups):
    return AF_NETLINK.to_bytes(2, "little") + bytes(2) + pid.to_bytes(4, "little") + groups.to_bytes(4, "little")
