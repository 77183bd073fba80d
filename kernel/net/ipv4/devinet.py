"""IPv4 addresses of network devices: `in_device`, `in_ifaddr`, what the interface ioctls read and set.

An address brings routes with it (as in Linux's fib_frontend): itself and its broadcast addresses in the local table,
its subnet as a link-scope route in the main table.
"""

from kernel.net.core.dev import dev_change_flags, dev_get_by_name, for_each_netdev, register_netdevice_notifier
from kernel.net.core.netdev_flags import (
    NETDEV_CHANGEADDR,
    NETDEV_CHANGEMTU,
    NETDEV_CHANGENAME,
    NETDEV_DOWN,
    NETDEV_REGISTER,
    NETDEV_UNREGISTER,
    NETDEV_UP,
)
from kernel.net.core.netdevice import notifier_block
from kernel.net.ipv4.arp import arp_announce
from kernel.net.ipv4.devconf import ipv4_devconf
from kernel.net.ipv4.fib import fib_info, inet_make_mask, inet_mask_len, ipv4_is_lbcast, ipv4_is_multicast
from kernel.uapi.errno import (
    EADDRNOTAVAIL,
    EEXIST,
    EINVAL,
    ENODEV,
    ENOIOCTLCMD,
    EPERM,
)
from kernel.uapi.if_ import IFF_BROADCAST, IFF_LOOPBACK, IFF_POINTOPOINT, IFF_UP, IFNAMSIZ, IFREQ_SIZE
from kernel.uapi.route import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_UNICAST,
    RTPROT_KERNEL,
)
from kernel.uapi.socket import AF_INET
from kernel.uapi.sockios import (
    SIOCDIFADDR,
    SIOCGIFADDR,
    SIOCGIFBRDADDR,
    SIOCGIFDSTADDR,
    SIOCGIFNETMASK,
    SIOCSIFADDR,
    SIOCSIFBRDADDR,
    SIOCSIFDSTADDR,
    SIOCSIFFLAGS,
    SIOCSIFNETMASK,
)


class in_ifaddr:
    """One IPv4 address of a device."""

    def __init__(self, address, plen, broadcast=0, label="", scope=RT_SCOPE_UNIVERSE):
        self.ifa_local = address
        self.ifa_address = address
        self.ifa_prefixlen = plen
        self.ifa_mask = inet_make_mask(plen)
        self.ifa_broadcast = broadcast
        self.ifa_label = label
        self.ifa_scope = scope
        self.secondary = False
        # Brings no route to its subnet (IFA_F_NOPREFIXROUTE); the metric of the one that it brings otherwise.
        self.noprefixroute = False
        self.rt_priority = 0
        # When it was made and last changed (ns).
        self.cstamp = 0
        self.tstamp = 0

    def network(self):
        return self.ifa_address & self.ifa_mask


class in_device:
    """The IPv4 side of a device: addresses, multicast memberships ({group: ip_mc_list}), settings."""

    def __init__(self, dev):
        self.dev = dev
        self.ifa_list = []
        self.mc_list = {}
        self.cnf = ipv4_devconf(dev.net.devconf.default)
        # Settings that were made for this interface: a new default leaves them alone.
        self.cnf_made = {}


class inetaddr_listener:
    """Is told about addresses that come and go."""

    def address_added(self, dev, ifa):
        """`ifa` is one of `dev` now."""

    def address_removed(self, dev, ifa):
        """`ifa` is `dev`'s no longer."""


class inetdev_notifier(notifier_block):
    """Gives each device its in_device, and follows it up and down."""

    def __init__(self, devinet):
        self.devinet = devinet

    def notifier_call(self, event, dev):
        devinet = self.devinet
        net = devinet.net
        if event == NETDEV_REGISTER:
            dev.ip_ptr = in_device(dev)
        elif event == NETDEV_UP:
            devinet.dev_up(dev)
        elif event == NETDEV_DOWN:
            net.igmp.down(dev)
            net.fib.flush_dev(dev)
            net.arp_tbl.ifdown(dev, False)
        elif event == NETDEV_UNREGISTER:
            for ifa in list(dev.ip_ptr.ifa_list):
                if ifa in dev.ip_ptr.ifa_list:
                    devinet.delete_address(dev, ifa)
            net.fib.flush_dev(dev)
            net.arp_tbl.ifdown(dev, True)
            net.igmp.destroy(dev)
        elif event == NETDEV_CHANGEADDR:
            net.arp_tbl.changeaddr(dev)
            net.fib.changed()
            devinet.announce(dev)
        elif event == NETDEV_CHANGEMTU:
            net.fib.changed()
        elif event == NETDEV_CHANGENAME:
            devinet.relabel(dev)


class Devinet:
    """The addresses of a network namespace's devices."""

    def __init__(self, net):
        self.net = net
        self.listener = inetaddr_listener()
        register_netdevice_notifier(net, inetdev_notifier(self))

    # --- addresses ---

    def dev_up(self, dev):
        """A device comes up: loopback gets its address, every address its routes."""
        if dev.flags & IFF_LOOPBACK and not dev.ip_ptr.ifa_list:
            self.add_address(dev, in_ifaddr(0x7F000001, 8, 0, dev.name, RT_SCOPE_HOST))
            self.net.igmp.up(dev)
            return
        for ifa in dev.ip_ptr.ifa_list:
            self.add_routes(dev, ifa)
        self.net.igmp.up(dev)
        self.net.fib.changed()
        self.announce(dev)

    def announce(self, dev):
        """arp_notify: tell the link which addresses are ours, after the device or its link address has changed."""
        if dev.flags & IFF_UP and self.net.devconf.either(dev.ip_ptr.cnf, "arp_notify"):
            for ifa in dev.ip_ptr.ifa_list:
                arp_announce(self.net, dev, ifa.ifa_local)

    def relabel(self, dev):
        """A device has a new name: its addresses' labels follow, what stands behind a colon stays."""
        for ifa in dev.ip_ptr.ifa_list:
            _, colon, alias = ifa.ifa_label.partition(":")
            ifa.ifa_label = dev.name + colon + alias

    def add_address(self, dev, ifa):
        """Give `dev` an address; 0, -EEXIST when it has it, -EINVAL when it is no unicast address."""
        if ipv4_is_multicast(ifa.ifa_local) or ipv4_is_lbcast(ifa.ifa_local) or ifa.ifa_local == 0:
            return -EINVAL
        ifa.secondary = False
        for present in dev.ip_ptr.ifa_list:
            if present.ifa_mask == ifa.ifa_mask and present.network() == ifa.network():
                if present.ifa_local == ifa.ifa_local:
                    return -EEXIST
                if present.ifa_scope != ifa.ifa_scope:
                    return -EINVAL
                ifa.secondary = True
        ifa.cstamp = ifa.cstamp or self.net.timers.now()
        ifa.tstamp = self.net.timers.now()
        addresses = dev.ip_ptr.ifa_list
        position = len(addresses)
        if not ifa.secondary:
            # Primary addresses stand in front, the narrower scope first.
            position = 0
            for index, present in enumerate(addresses):
                if not present.secondary and ifa.ifa_scope <= present.ifa_scope:
                    position = index + 1
        addresses.insert(position, ifa)
        if dev.flags & IFF_UP:
            self.add_routes(dev, ifa)
        self.net.fib.changed()
        self.listener.address_added(dev, ifa)
        return 0

    def renew_address(self, dev, ifa):
        """Bring the routes of an address that has changed, after `delete_routes`."""
        if dev.flags & IFF_UP:
            self.add_routes(dev, ifa)
        ifa.tstamp = self.net.timers.now()
        self.net.fib.changed()
        self.listener.address_added(dev, ifa)

    def delete_address(self, dev, ifa):
        """Take an address away, with the routes that only it gave; 0.

        The secondary addresses of its subnet go, too, unless promote_secondaries makes the first of them its heir.
        """
        addresses = dev.ip_ptr.ifa_list
        addresses.remove(ifa)
        heirs = []
        if not ifa.secondary:
            heirs = [other for other in addresses if other.secondary and same_subnet(other, ifa)]
            if not self.net.devconf.either(dev.ip_ptr.cnf, "promote_secondaries"):
                for other in heirs:
                    self.delete_address(dev, other)
                heirs = []
        self.delete_routes(dev, ifa)
        if heirs:
            heir = heirs[0]
            addresses.remove(heir)
            heir.secondary = False
            addresses.insert(sum(not other.secondary for other in addresses), heir)
            if dev.flags & IFF_UP:
                self.add_routes(dev, heir)
        self.net.fib.flush_prefsrc(ifa.ifa_local)
        if not addresses:
            # Without an address the device takes no part in IP: its routes go, too.
            self.net.fib.flush_dev(dev)
            self.net.arp_tbl.ifdown(dev, False)
        self.listener.address_removed(dev, ifa)
        if heirs:
            self.listener.address_added(dev, heirs[0])
        return 0

    def delete_routes(self, dev, ifa):
        """Take back the routes that an address has brought and no other one brings."""
        fib = self.net.fib
        if not any(other.ifa_local == ifa.ifa_local and other is not ifa for other, _ in self.all_addresses()):
            fib.delete(ifa.ifa_local, 32, type=RTN_LOCAL, table=RT_TABLE_LOCAL)
        if ifa.secondary:
            return
        if not ifa.noprefixroute:
            fib.delete(ifa.network(), ifa.ifa_prefixlen, dev=dev, table=self.subnet_table(dev), prefsrc=ifa.ifa_local)
        others = [addr for o in dev.ip_ptr.ifa_list if o is not ifa for addr in self.broadcast_addresses(o)]
        for addr in self.broadcast_addresses(ifa):
            if addr not in others:
                fib.delete(addr, 32, dev=dev, type=RTN_BROADCAST, table=RT_TABLE_LOCAL)

    def subnet_table(self, dev):
        return RT_TABLE_LOCAL if dev.flags & IFF_LOOPBACK else RT_TABLE_MAIN

    def broadcast_addresses(self, ifa):
        """The addresses that mean everybody on the subnet."""
        found = []
        if ifa.ifa_broadcast and not ipv4_is_lbcast(ifa.ifa_broadcast):
            found.append(ifa.ifa_broadcast)
        # The last address of a subnet means that on every kind of device, lo too; the first one does not any more.
        last = ifa.network() | ~ifa.ifa_mask & 0xFFFFFFFF
        if ifa.ifa_prefixlen < 31 and last not in found:
            found.append(last)
        return found

    def add_routes(self, dev, ifa):
        """The routes that an address brings (Linux: fib_add_ifaddr)."""
        fib = self.net.fib
        prefsrc = ifa.ifa_local
        if ifa.secondary:
            prefsrc = next(o.ifa_local for o in dev.ip_ptr.ifa_list if not o.secondary and same_subnet(o, ifa))
        routes = [(RT_TABLE_LOCAL, fib_info(ifa.ifa_local, 32, RTN_LOCAL, RT_SCOPE_HOST, dev, 0, prefsrc))]
        if not ifa.secondary:
            if (ifa.ifa_prefixlen < 32 or ifa.ifa_address != ifa.ifa_local) and not ifa.noprefixroute:
                kind = RTN_LOCAL if dev.flags & IFF_LOOPBACK else RTN_UNICAST
                scope = RT_SCOPE_HOST if dev.flags & IFF_LOOPBACK else RT_SCOPE_LINK
                route = fib_info(ifa.network(), ifa.ifa_prefixlen, kind, scope, dev, 0, ifa.ifa_local, ifa.rt_priority)
                routes.append((self.subnet_table(dev), route))
            for addr in self.broadcast_addresses(ifa):
                route = fib_info(addr, 32, RTN_BROADCAST, RT_SCOPE_LINK, dev, 0, ifa.ifa_local)
                routes.append((RT_TABLE_LOCAL, route))
        for table, route in routes:
            route.protocol = RTPROT_KERNEL
            fib.add(route, table)

    def all_addresses(self):
        """Every (in_ifaddr, net_device), in the order of the devices."""
        found = []
        for dev in for_each_netdev(self.net):
            if dev.ip_ptr is not None:
                found.extend((ifa, dev) for ifa in dev.ip_ptr.ifa_list)
        return found

    def ip_dev_find(self, addr):
        """The device that has the address, or None; all of a loopback subnet is the device's own."""
        for ifa, dev in self.all_addresses():
            if ifa.ifa_local == addr:
                return dev
        fi = self.net.fib.local_address(addr)
        return fi.dev if fi is not None else None

    def inet_select_addr(self, dev, dst, scope):
        """The source address for packets to `dst` (0: any) out of `dev`, of a scope not narrower than `scope`; or 0."""
        chosen = 0
        if dev is not None and dev.ip_ptr is not None:
            for ifa in dev.ip_ptr.ifa_list:
                if ifa.secondary or ifa.ifa_scope > scope:
                    continue
                if dst == 0 or (dst ^ ifa.ifa_address) & ifa.ifa_mask == 0:
                    return ifa.ifa_local
                if chosen == 0:
                    chosen = ifa.ifa_local
        if chosen:
            return chosen
        for ifa, _ in self.all_addresses():
            if not ifa.secondary and ifa.ifa_scope != RT_SCOPE_LINK and ifa.ifa_scope <= scope:
                return ifa.ifa_local
        return 0

    # --- ioctl ---

    def ioctl(self, cmd, ifreq, privileged=True):
        """An interface request on the bytes of a struct ifreq: (0 or a negative errno, the ifreq to give back)."""
        name = ifreq[:IFNAMSIZ].split(b"\0")[0].decode("latin-1")
        # An alias ("eth0:1") names one address of its device.
        dev = dev_get_by_name(self.net, name.partition(":")[0])
        if dev is None:
            return -ENODEV, ifreq
        if dev.ip_ptr is None:
            return -EADDRNOTAVAIL, ifreq
        ifa = self.find_ifa(dev, name, ifreq)
        if cmd in (SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFDSTADDR, SIOCGIFNETMASK):
            if ifa is None:
                return -EADDRNOTAVAIL, ifreq
            value = {
                SIOCGIFADDR: ifa.ifa_local,
                SIOCGIFBRDADDR: ifa.ifa_broadcast,
                SIOCGIFDSTADDR: ifa.ifa_address,
                SIOCGIFNETMASK: ifa.ifa_mask,
            }[cmd]
            return 0, ifreq[:IFNAMSIZ] + sockaddr_in(value, 0) + ifreq[32:]
        if not privileged:
            return -EPERM, ifreq
        return self.set_ioctl(cmd, dev, name, ifa, ifreq), ifreq

    def find_ifa(self, dev, name, ifreq):
        """The address that an ifreq means: by address if it carries one of this device's, otherwise by its label."""
        family, addr, _ = parse_sockaddr_in(ifreq[IFNAMSIZ:32])
        labelled = [ifa for ifa in dev.ip_ptr.ifa_list if ifa.ifa_label == name]
        if family == AF_INET:
            for ifa in labelled:
                if ifa.ifa_local == addr:
                    return ifa
        return labelled[0] if labelled else None

    def set_ioctl(self, cmd, dev, name, ifa, ifreq):
        family, addr, _ = parse_sockaddr_in(ifreq[IFNAMSIZ:32])
        if cmd == SIOCSIFFLAGS:
            # Only an alias comes here: taking it down deletes its address.
            flags = int.from_bytes(ifreq[IFNAMSIZ : IFNAMSIZ + 2], "little")
            if ":" in name:
                if ifa is None:
                    return -EADDRNOTAVAIL
                return 0 if flags & IFF_UP else self.delete_address(dev, ifa)
            return dev_change_flags(dev, flags)
        if cmd == SIOCSIFADDR:
            return self.set_address(dev, name, ifa, addr) if family == AF_INET else -EINVAL
        if cmd == SIOCDIFADDR:
            for present in dev.ip_ptr.ifa_list:
                if present.ifa_local == addr:
                    return self.delete_address(dev, present)
            return -EADDRNOTAVAIL
        if ifa is None:
            return -EADDRNOTAVAIL
        if cmd == SIOCSIFNETMASK:
            return self.set_netmask(dev, ifa, addr)
        if cmd == SIOCSIFBRDADDR:
            if ifa.ifa_broadcast != addr:
                self.delete_address(dev, ifa)
                ifa.ifa_broadcast = addr
                ifa.secondary = False
                self.add_address(dev, ifa)
            return 0
        if cmd == SIOCSIFDSTADDR:
            if ifa.ifa_address != addr:
                self.delete_address(dev, ifa)
                ifa.ifa_address = addr
                ifa.secondary = False
                self.add_address(dev, ifa)
            return 0
        return -ENOIOCTLCMD

    def set_address(self, dev, name, ifa, addr):
        """SIOCSIFADDR: replaces the labelled address, with the mask of its class (as ifconfig expects); 0.0.0.0 removes it."""
        if ipv4_is_multicast(addr) or ipv4_is_lbcast(addr) or addr >= 0xF0000000:
            return -EINVAL
        if ifa is not None:
            if ifa.ifa_local == addr:
                return 0
            self.delete_address(dev, ifa)
        if addr == 0:
            return 0
        plen = 8 if addr < 0x80000000 else 16 if addr < 0xC0000000 else 24
        if dev.flags & IFF_POINTOPOINT:
            plen = 32
        broadcast = addr | ~inet_make_mask(plen) & 0xFFFFFFFF if dev.flags & IFF_BROADCAST and plen < 31 else 0
        scope = RT_SCOPE_HOST if addr & 0xFF000000 == 0x7F000000 else RT_SCOPE_UNIVERSE
        err = self.add_address(dev, in_ifaddr(addr, plen, broadcast, name, scope))
        # As in Linux, the first address brings the device up.
        if err == 0 and not dev.flags & IFF_UP:
            return dev_change_flags(dev, dev.flags | IFF_UP)
        return err

    def set_netmask(self, dev, ifa, mask):
        plen = inet_mask_len(mask)
        if plen < 0:
            return -EINVAL
        if ifa.ifa_mask == mask:
            return 0
        old_broadcast = ifa.ifa_local | ~ifa.ifa_mask & 0xFFFFFFFF
        self.delete_address(dev, ifa)
        if dev.flags & IFF_BROADCAST and plen < 31 and ifa.ifa_broadcast == old_broadcast:
            ifa.ifa_broadcast = ifa.ifa_local | ~mask & 0xFFFFFFFF
        ifa.ifa_mask = mask
        ifa.ifa_prefixlen = plen
        ifa.secondary = False
        return self.add_address(dev, ifa)

    def ifconf(self):
        """The ifreqs of SIOCGIFCONF: one per address, as one bytes object."""
        out = []
        for ifa, dev in self.all_addresses():
            name = (ifa.ifa_label or dev.name).encode("latin-1").ljust(IFNAMSIZ, b"\0")
            out.append((name + sockaddr_in(ifa.ifa_local, 0)).ljust(IFREQ_SIZE, b"\0"))
        return b"".join(out)


def same_subnet(one, other):
    return one.ifa_mask == other.ifa_mask and one.network() == other.network()


def sockaddr_in(addr, port):
    """The 16 bytes of a struct sockaddr_in (slow paths; recvmsg stores the fields directly)."""
    return AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + addr.to_bytes(4, "big") + bytes(8)


def parse_sockaddr_in(data):
    """(family, address, port) of sockaddr bytes; (0, 0, 0) when there are fewer than 16."""
    if len(data) < 16:
        return 0, 0, 0
    return int.from_bytes(data[:2], "little"), int.from_bytes(data[4:8], "big"), int.from_bytes(data[2:4], "big")
