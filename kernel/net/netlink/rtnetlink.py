"""NETLINK_ROUTE (rtnetlink(7)): the table of its requests, and the notifications of what has changed.

Each object - links, addresses, routes, rules, neighbours - has a room of its own, which gives its handlers to
`rtnetlink.register` and says what happens through `rtnetlink.notify`.
"""

from kernel.net.netlink.af_netlink import netlink_handler
from kernel.net.netlink.attributes import nlmsg
from kernel.uapi.errno import EOPNOTSUPP, EPERM
from kernel.uapi.netlink import NETLINK_ROUTE, NLM_F_DUMP
from kernel.uapi.rtnetlink import RTM_BASE, RTM_MAX, RTNLGRP_MAX

# The third of each four message types asks, the others change something.
KIND_MASK = 3
KIND_GET = 2


class rtnetlink(netlink_handler):
    """The kernel's end of NETLINK_ROUTE; `net.netlink.handlers` holds it."""

    groups = RTNLGRP_MAX

    def __init__(self, net):
        self.net = net
        self.doit = {}
        self.dumpit = {}

    def register(self, type, doit=None, dumpit=None):
        """Handlers of a message type: doit(request) -> 0 or -errno, dumpit(request) -> [(type, payload)] or -errno."""
        if doit is not None:
            self.doit[type] = doit
        if dumpit is not None:
            self.dumpit[type] = dumpit

    def receive(self, request):
        type = request.type
        if type > RTM_MAX or type < RTM_BASE:
            return -EOPNOTSUPP
        # Every request begins with the address family.
        if not request.payload:
            return 0
        asks = type & KIND_MASK == KIND_GET
        if not asks and not request.privileged:
            return -EPERM
        if asks and request.flags & NLM_F_DUMP:
            dumpit = self.dumpit.get(type)
            if dumpit is None:
                return -EOPNOTSUPP
            messages = dumpit(request)
            return messages if isinstance(messages, int) else request.sk.start_dump(request, messages)
        doit = self.doit.get(type)
        return doit(request) if doit is not None else -EOPNOTSUPP

    def notify(self, group, type, payload, flags=0):
        """Tell everybody in `group`; `payload` is a function that makes the message's bytes when somebody listens."""
        netlink = self.net.netlink
        if netlink.has_listeners(NETLINK_ROUTE, group):
            netlink.broadcast(NETLINK_ROUTE, group, nlmsg(type, flags, 0, 0, payload()))
