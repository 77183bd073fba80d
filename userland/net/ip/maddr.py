"""ip maddress: the multicast addresses that interfaces listen to, from /proc/net/dev_mcast and /proc/net/igmp."""

from userland import libc
from userland.net.ip.output import Failed, Record, show
from userland.net.tables import decimal, little_quad


def link_groups():
    """[(interface, address, users)] of /proc/net/dev_mcast."""
    text = libc.read_text("/proc/net/dev_mcast")
    found = []
    for line in [] if text == -1 else text.splitlines():
        words = line.split()
        if len(words) == 5:
            address = ":".join(words[4][at : at + 2] for at in range(0, len(words[4]), 2))
            found.append((words[1], address, decimal(words[2])))
    return found


def inet_groups():
    """[(interface, address, users)] of /proc/net/igmp."""
    text = libc.read_text("/proc/net/igmp")
    found = []
    name = ""
    for line in [] if text == -1 else text.splitlines()[1:]:
        words = line.split()
        if line[:1].isdigit() and len(words) > 1:
            name = words[1]
        elif len(words) >= 2:
            found.append((name, little_quad(words[0]), decimal(words[1])))
    return found


def maddress_show(options, words):
    device = None
    while words:
        word = words.take()
        device = words.take() if word == "dev" else word
    names = libc.if_names()
    if device is not None and device not in names:
        raise Failed(f'Device "{device}" does not exist.')
    records = []
    for name in names:
        if device in (None, name):
            record = Record()
            index = libc.if_nametoindex(name)
            record.put(f"{index}:\t{name}", "ifindex", index)
            record.fields.update({"ifname": name, "maddr": []})
            for kind, groups in (("link", link_groups()), ("inet", inet_groups())):
                for owner, address, users in groups:
                    if owner == name:
                        record.newline(options)
                        record.put(f"\t{kind}  {address}" + (f" users {users}" if users > 1 else ""))
                        key = "link" if kind == "link" else "address"
                        record.fields["maddr"].append({"family": kind, key: address, "users": users})
            records.append(record)
    show(options, records)


def maddress_change(request, verb):
    def change(options, words):
        address = device = None
        while words:
            word = words.take()
            if word == "dev":
                device = words.take()
            else:
                address = libc.ether_aton(word)
                if address is None:
                    raise Failed(f'Error: "{word}" is not a legal ll address.')
        if address is None or device is None:
            raise Failed("Not enough information: a link address and \"dev\" are required.")
        if libc.link_group(request, device, address) < 0:
            raise Failed(f"Cannot {verb} multicast address: {libc.strerror(libc.errno)}")

    return change


COMMANDS = {
    "show": maddress_show,
    "add": maddress_change(libc.SIOCADDMULTI, "add"),
    "delete": maddress_change(libc.SIOCDELMULTI, "delete"),
}
