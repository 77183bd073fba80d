"""Brings the network stack of a kernel up, and takes it down again."""

from kernel.net.core.dev import dev_add_pack, dev_open
from kernel.net.core.net_dev_init import net_dev_exit, net_dev_init, proc_net_dev
from kernel.net.ipv4.af_inet import (
    inet_create,
    inet_dgram_ops,
    inet_protosw,
    inet_raw_ops,
    inet_register_protosw,
)
from kernel.net.ipv4.arp import arp_init
from kernel.net.ipv4.devinet import Devinet, in_device
from kernel.net.ipv4.fib import FIB
from kernel.net.ipv4.icmp import icmp_protocol, icmp_state
from kernel.net.ipv4.igmp import Igmp, igmp_protocol
from kernel.net.ipv4.ip_forward import ip_forward
from kernel.net.ipv4.ip_fragment import frag_table
from kernel.net.ipv4.ip_input import ip_error, ip_local_deliver, ip_packet_type
from kernel.net.ipv4.ip_output import ip_mc_output_ops, ip_output_ops
from kernel.net.ipv4.ping import ping_hash_table, ping_proto
from kernel.net.ipv4.proc import ip_proc_init
from kernel.net.ipv4.raw import raw_hash_table, raw_proto
from kernel.net.ipv4.route import ip_state
from kernel.net.ipv4.sysctl_net_ipv4 import net_sysctl_init
from kernel.net.ipv4.tcp_ipv4 import tcp_init
from kernel.net.ipv4.udp import udp_init
from kernel.net.net import Net
from kernel.net.netlink.af_netlink import netlink_init, proc_netlink
from kernel.net.netlink.rt_init import rtnetlink_init
from kernel.net.netlink.sock_diag import sock_diag_init
from kernel.net.packet.af_packet import packet_init
from kernel.net.socket import sys_socketcall
from kernel.net.socket_calls import register_socket_calls
from kernel.net.sockfs import sockfs
from kernel.net.unix.af_unix import unix_init
from kernel.net.vlan import proc_vlan_config, vlan_init
from kernel.trace import NET_EVENTS
from kernel.uapi.in_ import IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_IP, IPPROTO_UDP
from kernel.uapi.socket import AF_INET, SOCK_DGRAM, SOCK_RAW
from kernel.uapi.syscall import SYS_socketcall


def net_init(kernel):
    """Make `kernel.net` with the loopback device up, IP and its transports, all socket families; returns it."""
    net = Net(kernel)
    kernel.net = net
    net.trace.declare(NET_EVENTS)
    # The last one added comes first: transports end before the devices do.
    kernel.add_shutdown(lambda: net_exit(net))
    inet_init(net)
    net.sockfs = sockfs(net)
    packet_init(net)
    unix_init(net)
    netlink_init(net)
    rtnetlink_init(net)
    sock_diag_init(net)
    dev_open(net.loopback_dev)
    if kernel.syscalls is not None:
        kernel.syscalls.register(SYS_socketcall, "socketcall", sys_socketcall(net))
        register_socket_calls(net, kernel.syscalls)
    if kernel.proc is not None:
        ip_proc_init(net, kernel.proc)
        kernel.proc.create("net/dev", lambda: proc_net_dev(net))
        kernel.proc.create("net/vlan/config", lambda: proc_vlan_config(net))
        kernel.proc.create("net/netlink", lambda: proc_netlink(net))
    if kernel.sysctl is not None:
        net_sysctl_init(net, kernel.sysctl)
    kernel.add_leak_check(lambda: leak_report(net))
    return net


def inet_init(net):
    """AF_INET: routing, IP, ICMP, UDP, raw, ping and TCP."""
    net.fib = FIB(net)
    net.frags = frag_table(net)
    net.raw_table = raw_hash_table()
    net.ping_table = ping_hash_table(net)
    net.ip = ip_state(
        net, ip_local_deliver(net), ip_forward(net), ip_error(net), ip_output_ops(), ip_mc_output_ops()
    )
    net.icmp = icmp_state(net)
    net.igmp = Igmp(net)
    net_dev_init(net)
    net.devinet = Devinet(net)
    # lo was registered before anybody listened.
    net.loopback_dev.ip_ptr = in_device(net.loopback_dev)
    arp_init(net)
    vlan_init(net)
    dev_add_pack(net, ip_packet_type(net))
    net.inet_protos[IPPROTO_ICMP] = icmp_protocol(net)
    net.inet_protos[IPPROTO_IGMP] = igmp_protocol(net.igmp)
    net.families[AF_INET] = inet_create
    dgram = inet_dgram_ops()
    tcp_init(net)
    inet_register_protosw(net, inet_protosw(SOCK_DGRAM, IPPROTO_UDP, udp_init(net), dgram))
    inet_register_protosw(net, inet_protosw(SOCK_DGRAM, IPPROTO_ICMP, ping_proto(net), dgram))
    inet_register_protosw(net, inet_protosw(SOCK_RAW, IPPROTO_IP, raw_proto(net), inet_raw_ops(), True))


def net_exit(net):
    """Power-off: no program runs any more; close the devices and drop what the stack still holds."""
    net.igmp.purge()
    net.frags.purge()
    net_dev_exit(net)
    for neigh in net.arp_tbl.all():
        net.arp_tbl.remove(neigh)
    net.timers.del_timer(net.arp_tbl.gc_timer)
    net.ip.flush()


def leak_report(net):
    """What is left of sockets and fragments after power-off."""
    found = []
    if net.sockets_used:
        found.append(f"{net.sockets_used} sockets are open")
    if net.sockets_allocated:
        found.append(f"{net.sockets_allocated} socks are alive")
    if net.frags.queues:
        found.append(f"{len(net.frags.queues)} fragment queues are alive")
    if net.arp_tbl.entries:
        found.append(f"{net.arp_tbl.entries} neighbours are alive")
    return found
