"""Network interfaces and routes by ioctl: <net/if.h>, <ifaddrs.h>, netdevice(7), arp(7)."""

from userland.abi.errno import ENODEV
from userland.abi.layout import (
    ARPREQ,
    IFCONF,
    IFREQ_ADDR,
    IFREQ_INT,
    IFREQ_POINTER,
    IFREQ_SHORT,
    IFREQ_SIZE,
    RTENTRY,
    VLAN_IOCTL_ARGS,
)
from userland.abi.socket import (
    AF_INET,
    ARPHRD_ETHER,
    IFF_RUNNING,
    IFNAMSIZ,
    SIOCETHTOOL,
    SIOCGIFADDR,
    SIOCGIFBRDADDR,
    SIOCGIFCONF,
    SIOCGIFFLAGS,
    SIOCGIFHWADDR,
    SIOCGIFINDEX,
    SIOCGIFMTU,
    SIOCGIFNAME,
    SIOCGIFNETMASK,
    SIOCSIFFLAGS,
    SIOCSIFHWADDR,
    SIOCSIFNAME,
    SIOCSIFVLAN,
    SOCK_DGRAM,
)
from userland.libc.crt import set_errno, this
from userland.libc.inet import sockaddr_in, sockaddr_in_pair
from userland.libc.socket import socket
from userland.libc.time import usleep
from userland.libc.unistd import close, ioctl, read_text

IFCONF_ROOM = 64 * IFREQ_SIZE


def interface_name(name):
    """The name as the 16 bytes of an ifreq, or None when it does not fit."""
    raw = name.encode("utf-8", "replace")
    return raw if 0 < len(raw) < IFNAMSIZ else None


def interface_request(request, name, pack, *fields):
    """One SIOC* ioctl on a socket of its own: the ifreq afterwards, or None with errno set."""
    raw_name = interface_name(name)
    if raw_name is None:
        set_errno(ENODEV)
        return None
    raw = bytearray(pack.pack(raw_name, *fields))
    return raw if control_ioctl(request, raw) >= 0 else None


def control_ioctl(request, raw):
    """An ioctl on a datagram socket opened for it."""
    fd = socket(AF_INET, SOCK_DGRAM)
    if fd < 0:
        return -1
    result = ioctl(fd, request, raw)
    if result < 0:
        saved = this().context.error_number
        close(fd)
        return set_errno(saved)
    close(fd)
    return result


def get_address(name, request=SIOCGIFADDR):
    """SIOCGIFADDR, -BRDADDR, -NETMASK: a dotted quad, or None."""
    raw = interface_request(request, name, IFREQ_ADDR, bytes(16))
    return None if raw is None else sockaddr_in_pair(raw[16:32])[0]


def set_address(name, request, quad):
    """SIOCSIFADDR, -BRDADDR, -NETMASK with a dotted quad; 0, or -1."""
    return 0 if interface_request(request, name, IFREQ_ADDR, sockaddr_in(quad)) is not None else -1


def get_int(name, request):
    """SIOCGIFMTU, SIOCGIFINDEX, SIOCGIFTXQLEN: the number, or -1."""
    raw = interface_request(request, name, IFREQ_INT, 0)
    return -1 if raw is None else IFREQ_INT.unpack(raw)[1]


def set_int(name, request, value):
    """SIOCSIFMTU and its like; 0, or -1."""
    return 0 if interface_request(request, name, IFREQ_INT, value) is not None else -1


def get_flags(name):
    """SIOCGIFFLAGS: IFF_*, or -1."""
    raw = interface_request(SIOCGIFFLAGS, name, IFREQ_SHORT, 0)
    return -1 if raw is None else IFREQ_SHORT.unpack(raw)[1]


def set_flags(name, on=0, off=0):
    """Set and clear IFF_* bits; 0, or -1."""
    flags = get_flags(name)
    if flags < 0:
        return -1
    changed = (flags | on) & ~off & 0xFFFF
    return 0 if interface_request(SIOCSIFFLAGS, name, IFREQ_SHORT, changed) is not None else -1


def wait_for_carrier(name, milliseconds):
    """Wait until an interface that is up has found its link partner (IFF_RUNNING); True when it has."""
    for _ in range(milliseconds):
        if max(0, get_flags(name)) & IFF_RUNNING:
            return True
        usleep(1000)
    return False


def get_hardware(name):
    """SIOCGIFHWADDR: (ARPHRD_* type, address bytes), or None."""
    raw = interface_request(SIOCGIFHWADDR, name, IFREQ_ADDR, bytes(16))
    return None if raw is None else (int.from_bytes(raw[16:18], "little"), bytes(raw[18:24]))


def set_hardware(name, address, hatype=ARPHRD_ETHER):
    """SIOCSIFHWADDR with six bytes; 0, or -1."""
    raw = (hatype.to_bytes(2, "little") + address).ljust(16, b"\0")
    return 0 if interface_request(SIOCSIFHWADDR, name, IFREQ_ADDR, raw) is not None else -1


def if_nametoindex(name):
    """unsigned int if_nametoindex(const char *ifname): 0 when there is none."""
    return max(0, get_int(name, SIOCGIFINDEX))


def if_indextoname(index):
    """char *if_indextoname(unsigned int ifindex, char *ifname): the name, or None."""
    raw = bytearray(IFREQ_INT.pack(b"", index))
    if control_ioctl(SIOCGIFNAME, raw) < 0:
        return None
    return bytes(raw[:IFNAMSIZ]).split(b"\0", 1)[0].decode("utf-8", "replace")


def if_names():
    """The names of all interfaces, in index order, from /proc/net/dev; [] when it can not be read."""
    text = read_text("/proc/net/dev")
    lines = [] if text == -1 else text.splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines if ":" in line]


def if_nameindex():
    """struct if_nameindex *if_nameindex(void): [(index, name)]; [] when there is none."""
    return [(if_nametoindex(name), name) for name in if_names()]


class ifaddrs:
    """struct ifaddrs: an interface and its IPv4 address (None fields where it has none)."""

    __slots__ = ("ifa_name", "ifa_flags", "ifa_addr", "ifa_netmask", "ifa_broadaddr")

    def __init__(self, name, flags, addr, netmask, broadaddr):
        self.ifa_name = name
        self.ifa_flags = flags
        self.ifa_addr = addr
        self.ifa_netmask = netmask
        self.ifa_broadaddr = broadaddr


def ifconf():
    """SIOCGIFCONF: [(name, dotted quad)] of the interfaces with an address, or -1."""
    room = bytearray(IFCONF_ROOM)
    space = this().space
    address = space.map(room, True)
    raw = bytearray(IFCONF.pack(len(room), address))
    result = control_ioctl(SIOCGIFCONF, raw)
    space.unmap(address)
    if result < 0:
        return -1
    size = min(IFCONF.unpack(raw)[0], len(room))
    found = []
    for offset in range(0, size - IFREQ_SIZE + 1, IFREQ_SIZE):
        name = bytes(room[offset : offset + IFNAMSIZ]).split(b"\0", 1)[0].decode("utf-8", "replace")
        found.append((name, sockaddr_in_pair(room[offset + 16 : offset + 32])[0]))
    return found


def getifaddrs():
    """int getifaddrs(struct ifaddrs **ifap): [ifaddrs], or -1."""
    addresses = ifconf()
    if addresses == -1:
        return -1
    entries = []
    for name, quad in addresses:
        netmask = get_address(name, SIOCGIFNETMASK)
        broadcast = get_address(name, SIOCGIFBRDADDR)
        entries.append(ifaddrs(name, max(0, get_flags(name)), quad, netmask, broadcast))
    return entries


def route_request(request, destination, netmask, gateway, device, flags, metric=0, mtu=0):
    """SIOCADDRT and SIOCDELRT with dotted quads; `gateway` and `device` may be None; 0, or -1."""
    space = this().space
    name = b"" if device is None else device.encode("utf-8", "replace") + b"\0"
    address = space.map(name) if name else 0
    raw = bytearray(
        RTENTRY.pack(
            sockaddr_in(destination),
            sockaddr_in(gateway or "0.0.0.0"),
            sockaddr_in(netmask),
            flags,
            # The kernel takes one off: 0 means that no metric was given.
            metric + 1 if metric else 0,
            address,
            mtu,
            0,
            0,
        )
    )
    result = control_ioctl(request, raw)
    space.unmap(address)
    return result


def arp_request(request, quad, hardware=b"", hatype=1, flags=0, device=""):
    """SIOCSARP, SIOCDARP, SIOCGARP: the arpreq afterwards, or None with errno set."""
    hardware_address = (hatype.to_bytes(2, "little") + hardware).ljust(16, b"\0")
    raw = bytearray(ARPREQ.pack(sockaddr_in(quad), hardware_address, flags, bytes(16), device.encode()[:15]))
    return raw if control_ioctl(request, raw) >= 0 else None


def ethtool_ioctl(name, command):
    """SIOCETHTOOL with a command structure (a bytearray that the kernel fills); result or -1."""
    raw_name = interface_name(name)
    if raw_name is None:
        return set_errno(ENODEV)
    space = this().space
    address = space.map(command, True)
    result = control_ioctl(SIOCETHTOOL, bytearray(IFREQ_POINTER.pack(raw_name, address)))
    space.unmap(address)
    return result


def vlan_request(command, device, vid=0):
    """SIOCSIFVLAN: make (ADD_VLAN_CMD) VLAN `vid` on `device`, or remove (DEL_VLAN_CMD) the interface `device`; 0, or -1."""
    raw_name = interface_name(device)
    if raw_name is None:
        return set_errno(ENODEV)
    return control_ioctl(SIOCSIFVLAN, bytearray(VLAN_IOCTL_ARGS.pack(command, raw_name, vid, 0)))


def link_group(request, name, address):
    """SIOCADDMULTI and SIOCDELMULTI with a link address; 0, or -1."""
    raw = (bytes(2) + address).ljust(16, b"\0")
    return 0 if interface_request(request, name, IFREQ_ADDR, raw) is not None else -1


def rename_interface(name, new):
    """SIOCSIFNAME, for an interface that is down; 0, or -1."""
    raw_new = interface_name(new)
    if raw_new is None:
        return set_errno(ENODEV)
    return 0 if interface_request(SIOCSIFNAME, name, IFREQ_ADDR, raw_new) is not None else -1


def get_mtu(name):
    """SIOCGIFMTU: bytes, or -1."""
    return get_int(name, SIOCGIFMTU)
