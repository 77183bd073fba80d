"""ioctls on interfaces as such: flags, MTU, link address, index, name, queue length, multicast list, ethtool.

Addresses and netmasks of IP are devinet's.  struct ifreq (LP64): a name of 16 bytes and a union of 24.
"""

from kernel.net.core.dev import (
    dev_change_flags,
    dev_change_name,
    dev_get_by_index,
    dev_get_by_name,
    dev_get_flags,
    dev_mc_add,
    dev_mc_del,
    dev_set_mac_address,
    dev_set_mtu,
)
from kernel.net.core.ethtool import dev_ethtool
from kernel.uapi import sockios
from kernel.uapi.errno import EINVAL, ENODEV, ENOTTY, EOPNOTSUPP
from kernel.uapi.if_ import IFNAMSIZ, IFREQ_SIZE

INT = slice(IFNAMSIZ, IFNAMSIZ + 4)
SHORT = slice(IFNAMSIZ, IFNAMSIZ + 2)
SOCKADDR_DATA = IFNAMSIZ + 2
SOCKADDR_END = IFNAMSIZ + 16
POINTER = slice(IFNAMSIZ, IFNAMSIZ + 8)


def dev_ioctl(net, cmd, ifreq):
    """Carry out `cmd` on the bytes of a struct ifreq: (0 or -errno, the bytes to copy back or None).

    -ENODEV for a name that no interface has, -ENOTTY for a command that is not about interfaces as such.
    """
    if len(ifreq) < IFREQ_SIZE:
        return -EINVAL, None
    request = bytearray(ifreq)
    if cmd == sockios.SIOCGIFNAME:
        dev = dev_get_by_index(net, int.from_bytes(request[INT], "little", signed=True))
        if dev is None:
            return -ENODEV, None
        request[:IFNAMSIZ] = dev.name.encode().ljust(IFNAMSIZ, b"\0")
        return 0, bytes(request)
    if cmd not in HANDLERS:
        return -ENOTTY, None
    # A label such as "eth0:1" names an address of eth0.
    name = bytes(request[:IFNAMSIZ]).partition(b"\0")[0].decode("latin-1").partition(":")[0]
    dev = dev_get_by_name(net, name)
    if dev is None:
        return -ENODEV, None
    err = HANDLERS[cmd](net, dev, request)
    return err, bytes(request) if err == 0 else None


def put_int(request, value):
    request[INT] = (value & 0xFFFFFFFF).to_bytes(4, "little")
    return 0


def get_int(request):
    return int.from_bytes(request[INT], "little", signed=True)


def get_flags(net, dev, request):
    request[SHORT] = (dev_get_flags(dev) & 0xFFFF).to_bytes(2, "little")
    return 0


def set_flags(net, dev, request):
    return dev_change_flags(dev, int.from_bytes(request[SHORT], "little"))


def get_mtu(net, dev, request):
    return put_int(request, dev.mtu)


def set_mtu(net, dev, request):
    return dev_set_mtu(dev, get_int(request))


def get_address(net, dev, request):
    request[IFNAMSIZ:SOCKADDR_END] = dev.type.to_bytes(2, "little") + dev.dev_addr.ljust(14, b"\0")
    return 0


def set_address(net, dev, request):
    if int.from_bytes(request[SHORT], "little") != dev.type:
        return -EINVAL
    return dev_set_mac_address(dev, bytes(request[SOCKADDR_DATA : SOCKADDR_DATA + dev.addr_len]))


def get_index(net, dev, request):
    return put_int(request, dev.ifindex)


def get_metric(net, dev, request):
    return put_int(request, 0)


def get_map(net, dev, request):
    """Where the device's registers are: base of its first window and its interrupt line."""
    start = 0
    irq = 0
    if dev.parent is not None:
        irq = dev.parent.irq
        if dev.parent.resource[0] is not None:
            start = dev.parent.resource[0].start
    request[IFNAMSIZ:IFREQ_SIZE] = (
        start.to_bytes(8, "little") + bytes(8) + bytes(2) + bytes([irq & 0xFF, 0, 0]) + bytes(3)
    )
    return 0


def get_queue_length(net, dev, request):
    return put_int(request, dev.tx_queue_len)


def set_queue_length(net, dev, request):
    length = get_int(request)
    if length < 0:
        return -EINVAL
    dev.tx_queue_len = length
    if dev.qdisc is not None and dev.qdisc.kind == "pfifo":
        dev.qdisc.limit = length
    return 0


def set_name(net, dev, request):
    name = bytes(request[IFNAMSIZ : 2 * IFNAMSIZ]).partition(b"\0")[0].decode("latin-1")
    return dev_change_name(dev, name)


def multicast_address(dev, request):
    return bytes(request[SOCKADDR_DATA : SOCKADDR_DATA + dev.addr_len])


def add_multicast(net, dev, request):
    address = multicast_address(dev, request)
    if not address or not address[0] & 1:
        return -EINVAL
    dev_mc_add(dev, address)
    return 0


def delete_multicast(net, dev, request):
    dev_mc_del(dev, multicast_address(dev, request))
    return 0


def ethtool(net, dev, request):
    task = net.sched.current
    return dev_ethtool(dev, task.mm, int.from_bytes(request[POINTER], "little"), task.uid == 0)


def may_ioctl(net, cmd):
    """False for a request that changes an interface, an address, a route or a neighbour, unless root makes it."""
    return cmd not in ADMIN_REQUESTS or net.sched.current.uid == 0


def not_supported(net, dev, request):
    return -EOPNOTSUPP


HANDLERS = {
    sockios.SIOCGIFFLAGS: get_flags,
    sockios.SIOCSIFFLAGS: set_flags,
    sockios.SIOCGIFMTU: get_mtu,
    sockios.SIOCSIFMTU: set_mtu,
    sockios.SIOCGIFHWADDR: get_address,
    sockios.SIOCSIFHWADDR: set_address,
    sockios.SIOCGIFINDEX: get_index,
    sockios.SIOCGIFMETRIC: get_metric,
    sockios.SIOCSIFMETRIC: not_supported,
    sockios.SIOCGIFMAP: get_map,
    sockios.SIOCSIFMAP: not_supported,
    sockios.SIOCGIFTXQLEN: get_queue_length,
    sockios.SIOCSIFTXQLEN: set_queue_length,
    sockios.SIOCSIFNAME: set_name,
    sockios.SIOCADDMULTI: add_multicast,
    sockios.SIOCDELMULTI: delete_multicast,
    sockios.SIOCETHTOOL: ethtool,
    sockios.SIOCGMIIPHY: not_supported,
    sockios.SIOCGMIIREG: not_supported,
}
ADMIN_REQUESTS = frozenset({
    sockios.SIOCADDRT,
    sockios.SIOCDELRT,
    sockios.SIOCSARP,
    sockios.SIOCDARP,
    sockios.SIOCSIFLINK,
    sockios.SIOCSIFFLAGS,
    sockios.SIOCSIFADDR,
    sockios.SIOCDIFADDR,
    sockios.SIOCSIFDSTADDR,
    sockios.SIOCSIFBRDADDR,
    sockios.SIOCSIFNETMASK,
    sockios.SIOCSIFMETRIC,
    sockios.SIOCSIFMTU,
    sockios.SIOCSIFNAME,
    sockios.SIOCSIFHWADDR,
    sockios.SIOCSIFHWBROADCAST,
    sockios.SIOCSIFPFLAGS,
    sockios.SIOCSIFTXQLEN,
    sockios.SIOCSIFMAP,
    sockios.SIOCADDMULTI,
    sockios.SIOCDELMULTI,
})
