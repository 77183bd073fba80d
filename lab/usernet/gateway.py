"""The gateway machine: assembled like any other, with one program that is the user network."""

from hwemu.cpu import current_context
from kernel.fs.devfs import add_device
from kernel.init.main import Kernel
from kernel.net.core.dev import dev_get_by_name
from kernel.net.ipv4.fib import fib_info
from kernel.uapi.route import RT_SCOPE_HOST, RTN_LOCAL
from lab.guest import configure
from lab.machine import GRACE, build_machine
from lab.usernet import dhcp, plan
from lab.usernet.doorbell import DEVICE, HOST_LINE, Doorbell
from lab.usernet.engine import EPOLLIN, Engine, Handler
from lab.usernet.forward import TCPForward, UDPForward, open_host_socket
from lab.usernet.hook import UserNetHook
from lab.usernet.icmp import ICMPService
from lab.usernet.tcp import TCPService
from lab.usernet.udp import UDPService
from userland import libc

INTERFACE = "eth0"
PROGRAM = "lab.usernet.program"
INIT = "/sbin/usernet"
# Makes the hardware address 52:54:00:12:35:02, as QEMU's user network has it.
GATEWAY_STATION = 0x3502 - 0x3456
# Char major 10 is "misc"; the minor is one of the numbers for local use (Linux: devices.txt).
MISC_MAJOR, LOCAL_MINOR = 10, 240


class DHCPService(Handler):
    """The lease server on port 67; answers are broadcast, for a client without an address hears nothing else."""

    def __init__(self, engine):
        self.engine = engine
        self.server = dhcp.DHCPServer()
        self.fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM | libc.SOCK_NONBLOCK)
        libc.setsockopt(self.fd, libc.SOL_SOCKET, libc.SO_BROADCAST, 1)
        libc.setsockopt(self.fd, libc.SOL_SOCKET, libc.SO_BINDTODEVICE, INTERFACE.encode() + b"\0")
        libc.bind(self.fd, libc.sockaddr_in("0.0.0.0", dhcp.SERVER_PORT))
        self.clients = libc.sockaddr_in("255.255.255.255", dhcp.CLIENT_PORT)
        engine.own_udp_ports[dhcp.SERVER_PORT] = None
        engine.register(self.fd, self, EPOLLIN)

    def guest_ready(self, fd, mask):
        message = bytearray(2048)
        while (count := libc.recv(fd, message, -1, libc.MSG_DONTWAIT)) >= 0:
            answer = self.server.answer(bytes(message[:count]))
            if answer is not None:
                libc.sendto(fd, answer, -1, libc.MSG_DONTWAIT, self.clients)


class Gateway:
    """The user network of one guest.

    `rules` are `Forward`s to `guest`; their host sockets listen at once.  `install` puts the network into a machine
    whose init is `PROGRAM`; `stop` makes that program end, and with it the gateway machine.
    """

    def __init__(self, clock, rules=(), guest=plan.GUEST, name_server=None):
        self.clock = clock
        self.guest = guest
        self.name_server = plan.name_server_of_host() if name_server is None else name_server
        self.listening = []
        try:
            for rule in rules:
                self.listening.append((rule, open_host_socket(rule)))
        except BaseException:
            self.close_listening()
            raise
        self.host = None
        self.kernel = None
        self.doorbell = None
        self.engine = None
        self.tcp = self.udp = self.icmp = None
        # True while guests are served.
        self.serving = False

    def close_listening(self):
        for _, host in self.listening:
            host.close()

    def install(self, kernel):
        """Give the booting `kernel` its /dev/host, before its program opens that."""
        self.kernel = kernel
        self.doorbell = Doorbell(kernel.machine.pic, self)
        self.engine = Engine(self.clock, self.doorbell)
        add_device(dict(kernel.mounts)["/dev"], DEVICE.rpartition("/")[2], self.doorbell, MISC_MAJOR, LOCAL_MINOR)
        if kernel.irq.request_irq(HOST_LINE, self.doorbell.action, 0, "host") < 0:
            raise RuntimeError(f"interrupt line {HOST_LINE} of the gateway is taken")
        kernel.add_shutdown(lambda: kernel.irq.free_irq(HOST_LINE, self.doorbell.action))

    def machine(self, wire, seed=0):
        """The gateway's machine, plugged into `wire` and not yet switched on: a `lab.machine.Host`."""
        files = {INIT: f"#!hwemu {PROGRAM}\n".encode()}
        cmdline = {"init": INIT, "console": "pipe", "quiet": ""}
        self.host = build_machine(
            self.clock, wire, name="gateway", number=GATEWAY_STATION, seed=seed, cmdline=cmdline, files=files,
            hostname="gateway", kernel_class=GatewayKernel,
        )  # fmt: skip
        self.host.kernel.gateway = self
        return self.host

    def stop(self):
        """Ask the program to end, and wait until its machine is off; LabError when it does not react."""
        if self.host is None or self.host.exit_status is not None:
            return
        if self.engine is not None:
            self.engine.stop()
            self.host.run(GRACE)
        self.host.power_off()

    def serve(self, doorbell_fd):
        """The program: bring the interface up, then carry until stopped.  Returns an exit status."""
        net = self.kernel.net
        engine = self.engine
        engine.open(doorbell_fd)
        self.icmp = ICMPService(engine)
        self.udp = UDPService(engine, net, self.name_server, self.icmp)
        self.tcp = TCPService(engine, net, self.name_server)
        DHCPService(engine)
        services = [self.tcp, self.udp, self.icmp]
        for rule, host in self.listening:
            kind = TCPForward if rule.protocol == "tcp" else UDPForward
            forward = kind(engine, host, self.guest, rule.guest_port)
            forward.start()
            services.append(forward)
        engine.sweepers.extend(services)
        net.local_in_hooks.append(UserNetHook(engine, self.tcp, self.udp, self.icmp))
        # The hook stands before the first packet can come: one that passed it by would be refused.
        configure(INTERFACE, plan.GATEWAY, plan.PREFIX)
        configure(f"{INTERFACE}:1", plan.NAME_SERVER, plan.PREFIX)
        # Every address of the world is ours ("ip route add local 0.0.0.0/0 dev eth0").
        net.fib.add(fib_info(0, 0, RTN_LOCAL, RT_SCOPE_HOST, dev_get_by_name(net, INTERFACE)))
        try:
            self.serving = True
            engine.serve()
        finally:
            self.serving = False
            net.local_in_hooks.clear()
            for service in services:
                service.close()
        return 0

    def statistics(self):
        """What is open at this moment."""
        return {
            "tcp_flows": len(self.tcp.flows),
            "tcp_attempts": len(self.tcp.attempts),
            "udp_flows": len(self.udp.flows),
            "icmp_sessions": len(self.icmp.sessions),
        }


class GatewayKernel(Kernel):
    """Our kernel with one more device.  `gateway` is set between construction and start."""

    gateway = None

    def run_init(self):
        self.gateway.install(self)
        super().run_init()


def gateway_of(fd):
    """The Gateway behind an open /dev/host of the running program."""
    return current_context().task.files.fget(fd).f_op.gateway
