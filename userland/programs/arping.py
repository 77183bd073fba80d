"""arping: asks for a neighbour's hardware address with ARP requests, in the manner of iputils."""

from userland import libc
from userland.libc.inet import parse_quad

USAGE = "arping [-fqbDUAV] [-c COUNT] [-w SECONDS] [-i SECONDS] [-I INTERFACE] [-s SOURCE] ADDRESS"
SECOND = 1000000000
BROADCAST = b"\xff" * 6
ARP_SIZE = 28


def request(operation, source_hardware, source, target_hardware, target):
    """An ARP packet for IPv4 over Ethernet (RFC 826)."""
    head = b"\0\1\x08\0\6\4" + operation.to_bytes(2, "big")
    return head + source_hardware + source.to_bytes(4, "big") + target_hardware + target.to_bytes(4, "big")


def parse_reply(data, asked):
    """(sender's hardware address, target hardware address) of an answer about `asked`, or None."""
    if len(data) < ARP_SIZE or bytes(data[:6]) != b"\0\1\x08\0\6\4" or data[6:8] not in (b"\0\1", b"\0\2"):
        return None
    if int.from_bytes(data[14:18], "big") != asked:
        return None
    return bytes(data[8:14]), bytes(data[18:24])


class Arping:
    """One run."""

    def __init__(self, fd, index, hardware, source, target, options):
        self.fd = fd
        self.index = index
        self.hardware = hardware
        self.source = source
        self.target = target
        self.quiet = options.has("q")
        self.detect = options.has("D")
        self.unsolicited = options.has("U") or options.has("A")
        self.answer = options.has("A")
        self.count = options.integer("c", 0, 1)
        self.deadline = int(options.real("w", 0) * SECOND)
        self.broadcast_only = options.has("b")
        self.first_only = options.has("f")
        self.interval = int(options.real("i", 1, 0.001) * SECOND)
        self.peer = BROADCAST
        self.sent = 0
        self.sent_at = 0
        self.broadcasts = 0
        self.received = 0
        self.stopped = False

    def run(self):
        began = libc.clock_gettime_ns()
        next_send = began
        while not self.stopped:
            now = libc.clock_gettime_ns()
            if self.deadline and now >= began + self.deadline:
                break
            if now >= next_send:
                if self.count and self.sent >= self.count:
                    break
                self.send()
                next_send += self.interval
                continue
            limit = min(next_send, began + self.deadline) if self.deadline else next_send
            if libc.poll([libc.pollfd(self.fd, libc.POLLIN)], -(-(limit - now) // 1000000)) > 0:
                self.receive()
            if self.received and self.count and self.received >= self.count:
                break
            if self.received and (self.detect or self.first_only):
                break
        if not self.quiet:
            libc.puts(f"Sent {self.sent} probes ({self.broadcasts} broadcast(s))\nReceived {self.received} response(s)")
        if self.detect:
            return 1 if self.received else 0
        return 0 if self.received or self.unsolicited else 1

    def send(self):
        operation = libc.ARPOP_REPLY if self.answer else libc.ARPOP_REQUEST
        target_hardware = self.hardware if self.answer else BROADCAST if self.unsolicited else bytes(6)
        packet = request(operation, self.hardware, self.source, target_hardware, self.target)
        address = libc.sockaddr_ll(self.index, libc.ETH_P_ARP, self.peer)
        if libc.sendto(self.fd, packet, -1, 0, address) < 0:
            libc.perror("arping: sendto")
            self.stopped = True
            return
        self.sent += 1
        self.sent_at = libc.clock_gettime_ns()
        self.broadcasts += self.peer == BROADCAST

    def receive(self):
        address = bytearray(20)
        buffer = bytearray(2048)
        count = libc.recvfrom(self.fd, buffer, -1, libc.MSG_DONTWAIT, address)
        if count < 0 or libc.sockaddr_ll_fields(address)[3] == libc.PACKET_OUTGOING:
            return
        reply = parse_reply(buffer[:count], self.target)
        if reply is None or (reply[1] != self.hardware and not self.detect):
            return
        self.received += 1
        if not self.broadcast_only:
            self.peer = reply[0]
        if not self.quiet:
            elapsed = (libc.clock_gettime_ns() - self.sent_at) / 1e6
            kind = "Unicast" if libc.sockaddr_ll_fields(address)[3] == libc.PACKET_HOST else "Broadcast"
            quad = libc.inet_ntoa(self.target)
            libc.puts(f"{kind} reply from {quad} [{libc.ether_ntoa(reply[0]).upper()}]  {elapsed:.3f}ms")


def interface_for(address):
    """The interface whose network an address lies in, or the first that is no loopback."""
    entries = libc.getifaddrs()
    names = [] if entries == -1 else [entry for entry in entries if not entry.ifa_flags & libc.IFF_LOOPBACK]
    for entry in names:
        mask = parse_quad(entry.ifa_netmask or "255.255.255.255")
        if parse_quad(entry.ifa_addr) & mask == address & mask:
            return entry.ifa_name
    return names[0].ifa_name if names else "eth0"


def main(argv):
    try:
        options = libc.getopt(argv, "qbUADVfc:w:i:I:s:", USAGE)
        if options.has("V"):
            libc.puts("arping (hwemu)")
            return 0
        if len(options.operands) != 1:
            raise libc.UsageError(f"usage: {USAGE}")
        found = libc.gethostbyname(options.operands[0])
        if found is None:
            raise libc.UsageError(f"{options.operands[0]}: Name or service not known")
        target = int.from_bytes(found.h_addr_list[0], "big")
        name = options.get("I") or interface_for(target)
        index = libc.if_nametoindex(name)
        hardware = libc.get_hardware(name)
        if index == 0 or hardware is None or hardware[0] != libc.ARPHRD_ETHER:
            raise libc.UsageError(f"Interface \"{name}\" is not ARPable")
        own = libc.get_address(name)
        source = parse_quad(options.get("s") or own or "0.0.0.0")
        if source < 0:
            raise libc.UsageError(f"invalid source {options.get('s')}")
        fd = libc.socket(libc.AF_PACKET, libc.SOCK_DGRAM, libc.htons(libc.ETH_P_ARP))
        if fd < 0 or libc.bind(fd, libc.sockaddr_ll(index, libc.ETH_P_ARP)) < 0:
            libc.perror("arping: socket")
            return 2
        run = Arping(fd, index, hardware[1], 0 if options.has("D") else source, target, options)
    except libc.UsageError as error:
        libc.eputs(f"arping: {error}")
        return 2

    def interrupted(signum):
        run.stopped = True

    libc.signal(libc.SIGINT, interrupted)
    if not run.quiet:
        libc.puts(f"ARPING {libc.inet_ntoa(found.h_addr_list[0])} from {own or '0.0.0.0'} {name}")
    return run.run()
