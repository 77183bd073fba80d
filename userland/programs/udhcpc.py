"""udhcpc: gets an address by DHCP and sets the interface, the default route and resolv.conf."""

from userland import libc
from userland.net.tables import prefix_length, routes
from userland.proto import dhcp

USAGE = "udhcpc [-bfnqR] [-i INTERFACE] [-t TRIES] [-T SECONDS] [-A SECONDS] [-r ADDRESS] [-x hostname:NAME] [-V VENDOR]"
MILLISECOND = 1000000
CARRIER_MS = 300
# In us.
RELEASE_PAUSE = 200000
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
        self.again = options.integer("A", 20, 1)
        self.release_at_exit = options.has("R")
        self.extra = extra_options(options)
        self.stopped = False
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
        payload = dhcp.message(kind, xid, self.hardware, [*options, *self.extra])
        raw = dhcp.frame(payload, self.hardware)
        address = libc.sockaddr_ll(self.index, libc.ETH_P_IP, b"\xff" * 6)
        for attempt in range(self.tries):
            if self.stopped:
                return None
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
            if left <= 0 or self.stopped or libc.poll([waiting], left) == 0:
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

    def renew(self, server):
        """RENEWING (RFC 2131 section 4.4.5): the server that gave the lease is asked for more of it, or, where `server`
        is None, anybody (REBINDING).  ACK or NAK as a `Reply`, None without an answer."""
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        if fd < 0:
            return None
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BROADCAST, 1)
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_BINDTODEVICE, self.name.encode() + b"\0")
        reply = None
        xid = libc.random_bits(32)
        payload = dhcp.message(dhcp.REQUEST, xid, self.hardware, self.extra, self.lease.address, broadcast=False)
        if libc.bind(fd, libc.sockaddr_in(self.lease.address, dhcp.CLIENT_PORT)) == 0:
            libc.puts(f"udhcpc: sending {'renew to server ' + server if server else 'rebind'}")
            libc.sendto(fd, payload, -1, 0, libc.sockaddr_in(server or "255.255.255.255", dhcp.SERVER_PORT))
            reply = self.renewal_answer(fd, xid)
        libc.close(fd)
        return reply

    def renewal_answer(self, fd, xid):
        deadline = libc.clock_gettime_ns() + self.timeout * 1000 * MILLISECOND
        waiting = libc.pollfd(fd, libc.POLLIN)
        while True:
            left = (deadline - libc.clock_gettime_ns()) // MILLISECOND
            if left <= 0 or self.stopped or libc.poll([waiting], left) <= 0:
                return None
            payload = libc.recv_bytes(fd, 2048, libc.MSG_DONTWAIT)
            reply = dhcp.parse(payload, xid, self.hardware) if payload != -1 else None
            if reply is not None and reply.kind in (dhcp.ACK, dhcp.NAK):
                return reply

    def release(self):
        """Give the lease back."""
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM)
        server = [(dhcp.OPTION_SERVER, libc.inet_aton(self.lease.server))]
        payload = dhcp.message(dhcp.RELEASE, libc.random_bits(32), self.hardware, server, self.lease.address, broadcast=False)
        if fd >= 0 and libc.bind(fd, libc.sockaddr_in(self.lease.address, dhcp.CLIENT_PORT)) == 0:
            libc.puts(f"udhcpc: unicasting a release of {self.lease.address} to {self.lease.server}")
            libc.sendto(fd, payload, -1, 0, libc.sockaddr_in(self.lease.server, dhcp.SERVER_PORT))
            # The address has to stay until the server's hardware address is known.
            libc.usleep(RELEASE_PAUSE)
        if fd >= 0:
            libc.close(fd)
        self.deconfigure()

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

    def begin_again(self):
        """The lease is lost: INIT once more; False when a signal came first."""
        libc.puts("udhcpc: lease lost, entering init state")
        self.deconfigure()
        if not self.open():
            return False
        while not self.obtain():
            if not pause(self, self.again):
                return False
        self.close()
        return True

    def end(self):
        """A signal has ended the client: the exit status."""
        if self.release_at_exit and self.lease is not None:
            self.release()
        return 0

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


def extra_options(options):
    """-x hostname:NAME and -V VENDOR as DHCP options; UsageError."""
    found = []
    for name, value in options.given:
        if name == "x":
            key, colon, text = value.partition(":")
            if key != "hostname" or not colon or not 0 < len(text.encode()) < 256:
                raise libc.UsageError(f"-x {value}: only hostname:NAME is known")
            found.append((dhcp.OPTION_HOSTNAME, text.encode()))
        elif name == "V":
            if not 0 < len(value.encode()) < 256:
                raise libc.UsageError("the vendor class is too long")
            found.append((dhcp.OPTION_VENDOR, value.encode()))
    return found


def pause(client, seconds):
    """Sleep; False when a signal has ended the client."""
    if not client.stopped and seconds > 0:
        libc.sleep(seconds)
    return not client.stopped


def keep(client):
    """Renew at half of each lease until killed, rebind at seven eighths, begin again when all of it is over."""
    while True:
        began = libc.clock_gettime_ns()
        lease = client.lease
        rebind = began + lease.lease * 875 * MILLISECOND
        expires = began + lease.lease * 1000 * MILLISECOND
        if not pause(client, max(1, lease.renewal)):
            return client.end()
        reply = None
        while reply is None and libc.clock_gettime_ns() < expires:
            server = lease.server if libc.clock_gettime_ns() < rebind else None
            asked = libc.clock_gettime_ns()
            reply = client.renew(server)
            if reply is None:
                # Half of what is left, but never more often than once a minute (RFC 2131 section 4.4.5).
                next_mark = rebind if server else expires
                left = (min(next_mark, expires) - libc.clock_gettime_ns()) / 2e9
                waited = (libc.clock_gettime_ns() - asked) / 1e9
                shortest = min(60, lease.lease / 8) - waited
                if not pause(client, max(left, shortest, 0.5)):
                    return client.end()
        if reply is not None and reply.kind == dhcp.ACK:
            reply.server = reply.server or lease.server
            client.lease = reply
        elif not client.begin_again():
            return client.end()
        if not client.apply():
            return 1


def main(argv):
    try:
        options = libc.getopt(argv, "bfnqRi:t:T:A:r:x:V:", USAGE)
        if options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
        if options.has("r") and libc.inet_pton(libc.AF_INET, options.get("r")) is None:
            raise libc.UsageError(f"invalid address '{options.get('r')}'")
        client = Client(options.get("i", "eth0"), options)
    except libc.UsageError as error:
        libc.eputs(f"udhcpc: {error}")
        return 2

    def stop(signum):
        client.stopped = True

    libc.signal(libc.SIGTERM, stop)
    libc.signal(libc.SIGINT, stop)
    libc.puts("udhcpc: started")
    if not client.open():
        return 1
    while not client.obtain():
        if options.has("n") or options.has("q") or client.stopped:
            libc.eputs("udhcpc: no lease, failing")
            return 1
        libc.puts("udhcpc: no lease, waiting")
        pause(client, client.again)
    client.close()
    if not client.apply():
        return 1
    return 0 if options.has("q") else keep(client)
