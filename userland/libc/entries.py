"""The databases of <netdb.h> an entry at a time, and the networks: getservent(3), getprotoent(3), gethostent(3), getnetent(3).

Each process reads on where it has stopped; `set...ent` begins again, and so does the first call after `end...ent`.
"""

from userland.abi.netdb import HOST_NOT_FOUND
from userland.abi.socket import AF_INET
from userland.libc.crt import this
from userland.libc.databases import hostent, read_hosts, read_protocols, read_services, rows_of
from userland.libc.inet import parse_quad
from userland.libc.inet_net import inet_network
from userland.libc.netdb import hstrerror
from userland.libc.stdio import eputs


class netent:
    """struct netent: `n_net` in host byte order, without the zeros at its end, as inet_network(3) gives it."""

    __slots__ = ("n_name", "n_aliases", "n_addrtype", "n_net")

    def __init__(self, name, aliases, net):
        self.n_name = name
        self.n_aliases = aliases
        self.n_addrtype = AF_INET
        self.n_net = net


def read_networks():
    """[netent] of /etc/networks (networks(5))."""
    found = []
    for words in rows_of("/etc/networks"):
        net = inet_network(words[1])
        if net >= 0:
            found.append(netent(words[0], words[2:], net))
    return found


def next_entry(database, read):
    """The next entry of a database, or None at its end."""
    positions = this().process.positions
    at = positions.get(database, 0)
    entries = read()
    if at >= len(entries):
        return None
    positions[database] = at + 1
    return entries[at]


def rewind(database):
    this().process.positions.pop(database, None)


def setservent(stayopen=0):
    """void setservent(int stayopen)"""
    rewind("services")


def getservent():
    """struct servent *getservent(void): a `servent`, or None at the end of /etc/services."""
    return next_entry("services", read_services)


def endservent():
    """void endservent(void)"""
    rewind("services")


def setprotoent(stayopen=0):
    """void setprotoent(int stayopen)"""
    rewind("protocols")


def getprotoent():
    """struct protoent *getprotoent(void): a `protoent`, or None at the end of /etc/protocols."""
    return next_entry("protocols", read_protocols)


def endprotoent():
    """void endprotoent(void)"""
    rewind("protocols")


def sethostent(stayopen=0):
    """void sethostent(int stayopen)"""
    rewind("hosts")


def gethostent():
    """struct hostent *gethostent(void): a `hostent`, or None at the end of /etc/hosts."""
    entry = next_entry("hosts", read_hosts)
    if entry is None:
        this().h_errno = HOST_NOT_FOUND
        return None
    quad, names = entry
    return hostent(names[0], names[1:], [parse_quad(quad).to_bytes(4, "big")])


def endhostent():
    """void endhostent(void)"""
    rewind("hosts")


def setnetent(stayopen=0):
    """void setnetent(int stayopen)"""
    rewind("networks")


def getnetent():
    """struct netent *getnetent(void): a `netent`, or None at the end of /etc/networks."""
    return next_entry("networks", read_networks)


def endnetent():
    """void endnetent(void)"""
    rewind("networks")


def getnetbyname(name):
    """struct netent *getnetbyname(const char *name): a `netent`, or None."""
    return next((entry for entry in read_networks() if name == entry.n_name or name in entry.n_aliases), None)


def significant(net):
    """A network's number without the zero bytes at its end."""
    while net and net & 0xFF == 0:
        net >>= 8
    return net


def getnetbyaddr(net, family=AF_INET):
    """struct netent *getnetbyaddr(uint32_t net, int type): a `netent`, or None; zero bytes at the end do not count."""
    if family != AF_INET:
        return None
    return next((entry for entry in read_networks() if significant(entry.n_net) == significant(net)), None)


def herror(text):
    """void herror(const char *s): `s: ` and what h_errno means, on standard error."""
    message = hstrerror(this().h_errno)
    eputs(f"{text}: {message}" if text else message)
