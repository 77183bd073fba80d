"""net.ipv4.conf: the directories "all", "default" and one for each interface, with the settings of devconf.py."""

from kernel.net.core.netdev_flags import NETDEV_CHANGENAME, NETDEV_REGISTER, NETDEV_UNREGISTER
from kernel.net.core.netdevice import notifier_block
from kernel.net.ipv4.devconf import SETTINGS
from kernel.uapi.errno import EINVAL


class devinet_sysctl(notifier_block):
    """Keeps the directories: they come, are renamed and go with their interfaces."""

    def __init__(self, net, sysctl):
        self.net = net
        self.sysctl = sysctl
        self.named = {}

    def notifier_call(self, event, dev):
        if event in (NETDEV_UNREGISTER, NETDEV_CHANGENAME):
            self.withdraw(self.named.pop(dev.ifindex))
        if event in (NETDEV_REGISTER, NETDEV_CHANGENAME):
            self.show(dev)

    def show(self, dev):
        # A dot in an interface's name is no separator: sysctl(8) writes a slash for it.
        name = dev.name.replace(".", "/")
        self.named[dev.ifindex] = name
        self.publish(name, dev.ip_ptr.cnf, lambda setting, value: self.of_device(dev, setting, value))

    def publish(self, directory, cnf, stored):
        """Register every setting of `cnf`; `stored(setting, value)` does what its change brings."""
        for setting, (_, low, high) in SETTINGS.items():
            self.sysctl.register(
                f"net.ipv4.conf.{directory}.{setting}", getter(cnf, setting), setter(cnf, setting, low, high, stored)
            )

    def withdraw(self, directory):
        for setting in SETTINGS:
            self.sysctl.unregister(f"net.ipv4.conf.{directory}.{setting}")
        self.sysctl.remove_directory(f"net.ipv4.conf.{directory}")

    def of_device(self, dev, setting, value):
        dev.ip_ptr.cnf_made[setting] = True
        self.net.fib.changed()

    def of_default(self, setting, value):
        """A new default reaches the interfaces that have no setting of their own."""
        for dev in self.net.softnet.dev_by_index.values():
            if setting not in dev.ip_ptr.cnf_made:
                setattr(dev.ip_ptr.cnf, setting, value)
        self.net.fib.changed()

    def of_all(self, setting, value):
        if setting == "forwarding":
            ip_forward_change(self.net, value)
        self.net.fib.changed()


def ip_forward_change(net, value):
    """net.ipv4.ip_forward: every interface routes, or none; a router takes no redirects (Linux: inet_forward_change)."""
    devconf = net.devconf
    net.sysctl_ip_forward = value
    devconf.all.forwarding = devconf.default.forwarding = value
    devconf.all.accept_redirects = 1 - value
    for dev in net.softnet.dev_by_index.values():
        dev.ip_ptr.cnf.forwarding = value
    net.fib.changed()


def getter(cnf, setting):
    return lambda: getattr(cnf, setting)


def setter(cnf, setting, low, high, stored):
    def store(value):
        if not low <= value <= high:
            return -EINVAL
        setattr(cnf, setting, value)
        stored(setting, value)
        return 0

    return store


def devinet_sysctl_init(net, sysctl):
    """Make the directories of what is there, and follow what comes."""
    tables = devinet_sysctl(net, sysctl)
    tables.publish("all", net.devconf.all, tables.of_all)
    tables.publish("default", net.devconf.default, tables.of_default)
    for dev in net.softnet.dev_by_index.values():
        tables.show(dev)
    return tables
