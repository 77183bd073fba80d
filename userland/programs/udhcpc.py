"""udhcpc: gets an address by DHCP and sets the interface, the default route and resolv.conf."""

from userland import libc
from userland.net.tables import prefix_length, routes
from userland.proto import dhcp

USAGE = "udhcpc [-fnqR] [-i INTERFACE] [-t TRIES] [-T SECONDS] [-r ADDRESS]"
MILLISECOND = 1000000
CARRIER_MS = 300
RESOLV_CONF = "/etc/resolv.conf"


class Client:
    """A DHCP client on one interface."""

    def __init__(self, name, options):
        self.name = name
        self.index = libc.if_nametoindex(name)
        self.hardware = b""
        self.tries = options.integer("t", 3, 1)
        self.timeout = options.integer("T", 3, 1)
        self.wanted = options.get("r")
        self.fd = -1
        self.lease = None

    def open(self):
        """Bring the interface up and open the packet socket; False with the reason printed."""
        found = libc.get_hardware(self.name)
        if self.index == 0 or found is None:
            libc.eputs(f"udhcpc: {self.name}: {libc.strerror(libc.ENODEV)}")
            return False
        self.hardware = found[1]
        if libc.set_flags(self.name, libc.IFF_UP) < 0:
            libc.perror(f"udhcpc: {self.name}")
            return False
        libc.wait_for_carrier(self.name, CARRIER_MS)
        self.fd = libc.socket(libc.AF_PACKET, libc.SOCK_RAW, libc.htons(libc.ETH_P_IP))
        if self.fd < 0 or libc.bind(self.fd, libc.sockaddr_ll(self.index, libc.ETH_P_IP)) < 0:
            libc.perror("udhcpc: socket")
            return False
        return True

    def close(self):
        if self.fd >= 0:
            libc.close(self.fd)
            self.fd = -1

    def exchange(self, kind, expected, xid, options):
        """Send a message up to `tries` times; the first reply of an expected kind, or None."""
        payload = dhcp.message(kind, xid, self.hardware, options)
        raw = dhcp.frame(payload, self.hardware)
        address = libc.sockaddr_ll(self.index, libc.ETH_P_IP, b"\xff" * 6)
        for attempt in range(self.tries):
            libc.puts(f"udhcpc: broadcasting {'discover' if kind == dhcp.DISCOVER else 'select'}")
            if libc.sendto(self.fd, raw, -1, 0, address) < 0:
                libc.perror("udhcpc: send")
            reply = self.receive(expected, xid, self.timeout << min(attempt, 3))
            if reply is not None:
                return reply
        return None

    def receive(self, expected, xid, seconds):
        buffer = bytearray(2048)
        deadline = libc.clock_gettime_ns() + seconds * 1000 * MILLISECOND
        waiting = libc.pollfd(self.fd, libc.POLLIN)
        while True:
            left = (deadline - libc.clock_gettime_ns()) // MILLISECOND
            if left <= 0 or libc.poll([waiting], left) == 0:
                return None
            count = libc.recv(self.fd, buffer, -1, libc.MSG_DONTWAIT)
            payload = dhcp.payload_of(buffer[:count]) if count > 0 else None
            reply = dhcp.parse(payload, xid, self.hardware) if payload is not None else None
            if reply is not None and reply.kind in expected:
                return reply

    def obtain(self):
        """DISCOVER, OFFER, REQUEST, ACK: True with `lease` set, or False."""
        xid = libc.random_bits(32)
        wanted = [(dhcp.OPTION_REQUESTED, libc.inet_aton(self.wanted))] if self.wanted else []
        offer = self.exchange(dhcp.DISCOVER, (dhcp.OFFER,), xid, wanted)
        if offer is None or offer.server is None:
            return False
        return self.request(xid, offer.address, offer.server)

    def request(self, xid, address, server):
        options = [
            (dhcp.OPTION_REQUESTED, libc.inet_aton(address)),
            (dhcp.OPTION_SERVER, libc.inet_aton(server)),
        ]
        answer = self.exchange(dhcp.REQUEST, (dhcp.ACK, dhcp.NAK), xid, options)
        if answer is None or answer.kind == dhcp.NAK:
            return False
        if answer.server is None:
            answer.server = server
        self.lease = answer
        return True

    def apply(self):
        """Configure what the lease says; False with the reason printed."""
        lease = self.lease
        mask = lease.mask or "255.255.255.0"
        if (
            libc.set_address(self.name, libc.SIOCSIFADDR, lease.address) < 0
            or libc.set_address(self.name, libc.SIOCSIFNETMASK, mask) < 0
        ):
            libc.perror(f"udhcpc: {self.name}")
            return False
        libc.puts(
            f"udhcpc: lease of {lease.address}/{prefix_length(mask)} obtained from {lease.server}, "
            f"lease time {lease.lease}"
        )
        if lease.routers:
            self.set_default_route(lease.routers[0])
        if lease.dns:
            write_resolv_conf(lease)
        return True

    def set_default_route(self, router):
        flags = libc.RTF_UP | libc.RTF_GATEWAY
        for route in routes():
            if route.length == 0 and route.device == self.name:
                libc.route_request(libc.SIOCDELRT, "0.0.0.0", "0.0.0.0", route.gateway, self.name, flags)
        if libc.route_request(libc.SIOCADDRT, "0.0.0.0", "0.0.0.0", router, self.name, flags) < 0:
            libc.perror(f"udhcpc: route to {router}")

    def deconfigure(self):
        libc.set_address(self.name, libc.SIOCSIFADDR, "0.0.0.0")


def write_resolv_conf(lease):
    lines = [f"search {lease.domain}\n"] if lease.domain else []
    lines += [f"nameserver {server}\n" for server in lease.dns[:3]]
    fd = libc.open(RESOLV_CONF, libc.O_WRONLY | libc.O_CREAT | libc.O_TRUNC)
    if fd < 0 or libc.write_all(fd, "".join(lines).encode()) < 0:
        libc.perror(f"udhcpc: {RESOLV_CONF}")
    if fd >= 0:
        libc.close(fd)


def keep(client):
    """Renew at half of each lease until killed; begin again when the server refuses or is silent for all of it."""
    while True:
        expires = libc.clock_gettime_ns() + client.lease.lease * 1000 * MILLISECOND
        libc.sleep(max(1, client.lease.renewal))
        address, server = client.lease.address, client.lease.server
        if not client.open():
            return 1
        renewed = client.request(libc.random_bits(32), address, server)
        while not renewed and libc.clock_gettime_ns() < expires:
            libc.sleep(max(1, client.timeout))
            renewed = client.request(libc.random_bits(32), address, server)
        if not renewed:
            libc.puts("udhcpc: lease lost, entering init state")
            client.deconfigure()
            while not client.obtain():
                libc.sleep(20)
        client.close()
        if not client.apply():
            return 1


def main(argv):
    try:
        options = libc.getopt(argv, "fnqRi:t:T:r:", USAGE)
        if options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
        if options.has("r") and libc.inet_pton(libc.AF_INET, options.get("r")) is None:
            raise libc.UsageError(f"invalid address '{options.get('r')}'")
        client = Client(options.get("i", "eth0"), options)
    except libc.UsageError as error:
        libc.eputs(f"udhcpc: {error}")
        return 2
    libc.puts("udhcpc: started")
    if not client.open():
        return 1
    while not client.obtain():
        if options.has("n") or options.has("q"):
            libc.eputs("udhcpc: no lease, failing")
            return 1
        libc.puts("udhcpc: no lease, waiting")
        libc.sleep(20)
    client.close()
    if not client.apply():
        return 1
    return 0 if options.has("q") or options.has("n") else keep(client)
