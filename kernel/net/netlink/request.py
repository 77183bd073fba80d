"""One request of a program to the kernel: its header, what its attributes may be, and how it is answered."""

from kernel.net.netlink.attributes import nla_parse, nlmsg
from kernel.uapi.errno import EINVAL, ERANGE
from kernel.uapi.netlink import NLMSG_HDRLEN

# Policies: what an attribute's bytes must be.
U8 = 1
U16 = 2
U32 = 4
U64 = 8
STRING = "string"
BINARY = "binary"
IFNAMSIZ = 16


class nl_request:
    """A message from `sk`: `payload` is what follows its header, `raw` all of it.

    A handler answers with `reply`, explains an error with `error` (the text goes into the extended acknowledgement)
    and returns 0 or a negative errno.
    """

    def __init__(self, sk, portid, privileged, raw, type, flags, seq):
        self.sk = sk
        self.net = sk.net
        self.portid = portid
        self.privileged = privileged
        self.raw = raw
        self.type = type
        self.flags = flags
        self.seq = seq
        self.extack = ""

    @property
    def payload(self):
        return self.raw[NLMSG_HDRLEN:]

    def error(self, number, text):
        """-`number`, with a reason in words."""
        self.extack = text
        return -number

    def reply(self, type, payload):
        """Queue an answer of one message for the sender; what does not fit is lost, as the sender will be told."""
        self.sk.deliver(nlmsg(type, 0, self.seq, self.portid, payload), 0, 0)

    def attributes(self, header, policy):
        """{type: bytes} behind a family header of `header` bytes, or a negative errno (an int).

        `policy` is {type: U8 ... U64 | STRING | BINARY | a number of bytes}; attributes that it lacks are passed over.
        """
        payload = self.payload
        if len(payload) < header:
            return self.error(EINVAL, "Invalid header for request")
        found = nla_parse(payload[header:])
        if found is None:
            return self.error(EINVAL, "Attribute failed policy validation")
        for type, data in found.items():
            rule = policy.get(type)
            if isinstance(rule, int) and len(data) < rule:
                return self.error(ERANGE, "Attribute failed policy validation")
            if rule == STRING and (not data or len(data.rstrip(b"\0")) >= IFNAMSIZ):
                return self.error(ERANGE, "Attribute failed policy validation")
        return {type: data for type, data in found.items() if type in policy}
