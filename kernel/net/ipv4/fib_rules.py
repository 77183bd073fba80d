"""Policy routing: which routing table a packet's route is looked up in (ip-rule(8), <linux/fib_rules.h>).

Rules are asked in the order of their priority; the first whose selector fits and whose table knows a route decides.
Every network namespace begins with three that fit every packet: 0 local, 32766 main, 32767 default.
"""

from kernel.uapi.errno import EEXIST, ENOENT
from kernel.uapi.route import RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN
from kernel.uapi.rtnetlink import FIB_RULE_INVERT, FR_ACT_TO_TBL

RULE_LOCAL = 0
RULE_MAIN = 32766
RULE_DEFAULT = 32767
FULL_MASK = 0xFFFFFFFF


class fib_rule:
    """One rule; a length of 0, an empty name and a mask of 0 fit everything."""

    def __init__(self, priority, table, action=FR_ACT_TO_TBL):
        self.priority = priority
        self.table = table
        self.action = action
        self.src = 0
        self.src_len = 0
        self.dst = 0
        self.dst_len = 0
        self.iifname = ""
        self.oifname = ""
        self.mark = 0
        self.mark_mask = 0
        self.flags = 0
        self.protocol = 0
        # Routes found through this rule do not count when their prefix is no longer than this (-1: all count).
        self.suppress_prefixlen = -1

    def selector(self):
        """What makes two rules the same."""
        return (
            self.priority, self.table, self.action, self.src, self.src_len, self.dst, self.dst_len, self.iifname,
            self.oifname, self.mark, self.mark_mask, self.flags, self.suppress_prefixlen,
        )  # fmt: skip

    def fits(self, net, daddr, saddr, iif, oif, mark):
        """True when a packet is the rule's business; `iif` 0 is a packet of our own, which "iif lo" selects."""
        return self.selects(net, daddr, saddr, iif, oif, mark) != bool(self.flags & FIB_RULE_INVERT)

    def selects(self, net, daddr, saddr, iif, oif, mark):
        if self.dst_len and (daddr ^ self.dst) >> 32 - self.dst_len:
            return False
        if self.src_len and (saddr ^ self.src) >> 32 - self.src_len:
            return False
        if self.mark_mask and (mark ^ self.mark) & self.mark_mask:
            return False
        if self.iifname and not names_device(net, self.iifname, iif or net.loopback_dev.ifindex):
            return False
        return not self.oifname or names_device(net, self.oifname, oif)


def names_device(net, name, ifindex):
    dev = net.softnet.dev_by_index.get(ifindex)
    return dev is not None and dev.name == name


class fib_rules:
    """The rules of a network namespace."""

    def __init__(self):
        self.rules = [
            fib_rule(RULE_LOCAL, RT_TABLE_LOCAL),
            fib_rule(RULE_MAIN, RT_TABLE_MAIN),
            fib_rule(RULE_DEFAULT, RT_TABLE_DEFAULT),
        ]
        for rule in self.rules:
            rule.protocol = 2
        self.plain = [rule.selector() for rule in self.rules]
        # False once somebody has changed them: lookups need not ask the rules before.
        self.custom = False

    def default_priority(self):
        """The priority of a rule that names none: right above the second one."""
        for rule in self.rules[1:2]:
            if rule.priority:
                return rule.priority - 1
        return 0

    def add(self, rule, exclusive=True):
        """Put a rule behind those of its priority; 0 or -EEXIST."""
        if exclusive and any(present.selector() == rule.selector() for present in self.rules):
            return -EEXIST
        position = sum(1 for present in self.rules if present.priority <= rule.priority)
        self.rules.insert(position, rule)
        self.changed()
        return 0

    def remove(self, fits):
        """Take out the first rule for which `fits(rule)`; the rule, or -ENOENT."""
        for rule in self.rules:
            if fits(rule):
                self.rules.remove(rule)
                self.changed()
                return rule
        return -ENOENT

    def changed(self):
        self.custom = [rule.selector() for rule in self.rules] != self.plain
