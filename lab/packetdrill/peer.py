"""The peer: sends what the script says and compares what the machine sends; the script's numbers against the wire's.

Sequence numbers of a script are relative to the connection's initial numbers, save those of SYNs, which are the
initial numbers that the script has chosen.  Time stamps of the machine are named by the script: `TS val 100` is whatever
the machine sent there, and `ecr 100` echoes it.
"""

from dataclasses import replace

from lab.packetdrill import segment
from lab.packetdrill.packet_syntax import EXPERIMENTAL, FAST_OPEN, SACK, TIMESTAMP
from lab.packetdrill.script import IcmpPacket, Mismatch, Option
from lab.packetdrill.segment import LOCAL, REMOTE, U32, flag_bits, flag_text

PORT = 8080
FIRST_REMOTE_PORT = 40001
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10


class Flow:
    """One connection: (address, port) of both ends, initial sequence numbers on the wire and in the script."""

    def __init__(self, local, remote):
        self.local = local
        self.remote = remote
        self.local_isn = None
        self.remote_isn = None
        self.script_local_isn = 0
        # Time stamps: the script's value to the machine's, and the first of both.
        self.stamps = {}
        self.first_stamp = None

    def local_base(self, syn):
        """What turns the script's number of a byte of the machine into the wire's."""
        if self.local_isn is None:
            return 0
        return self.local_isn - self.script_local_isn if syn else self.local_isn

    def remote_base(self, syn):
        return 0 if syn or self.remote_isn is None else self.remote_isn

    def owns(self, found):
        """True when a segment of the machine belongs here."""
        return (found.source, found.target) == (self.local, self.remote)


class Peer:
    """What stands at the far end of tun0.  `ts_tick_usecs` 0: the machine's time stamps are not judged."""

    def __init__(self, tun, ts_tick_usecs=0, tolerance_usecs=4000, strict=False):
        self.tun = tun
        self.tick = ts_tick_usecs
        self.tolerance_usecs = tolerance_usecs
        self.strict = strict
        self.flow = None
        self.flows = 0
        self.listening = False
        self.connecting = False

    # --- to the machine ---

    def send(self, packet):
        """The segment or ICMP message `packet` reaches the machine."""
        if self.listening or self.flow is None:
            self.listening = False
            self.flow = Flow((LOCAL, PORT), (REMOTE, FIRST_REMOTE_PORT + self.flows))
            self.flows += 1
        flow = self.flow
        if isinstance(packet, IcmpPacket):
            self.tun.inject(segment.icmp(packet.type, packet.code, packet.mtu, self.quoted(packet)))
            return
        bits = flag_bits(packet.flags)
        syn = bits & SYN
        if syn and flow.remote_isn is None:
            flow.remote_isn = packet.seq
        seq = packet.seq + flow.remote_base(syn)
        ack = 0 if packet.ack is None else packet.ack + flow.local_base(syn)
        options = [self.outward(option) for option in packet.options or []]
        self.tun.inject(
            segment.tcp(
                flow.remote, flow.local, seq, ack, bits, packet.win or 0, packet.urg or 0, options, packet.length,
                packet.ecn or 0,
            )
        )  # fmt: skip

    def outward(self, option):
        """A script's option with the numbers of the wire."""
        flow = self.flow
        if option.kind == SACK:
            base = flow.local_base(False)
            return Option(SACK, [((start + base) & U32, (end + base) & U32) for start, end in option.value])
        if option.kind == TIMESTAMP:
            val, ecr = option.value
            return Option(TIMESTAMP, (val & U32, flow.stamps.get(ecr, ecr) & U32))
        if option.kind in (FAST_OPEN, EXPERIMENTAL) and option.value is None:
            return replace(option, value=b"")
        return option

    def quoted(self, packet):
        """The start of a packet of the machine's that an ICMP message quotes."""
        flow = self.flow
        syn = packet.seq == 0
        seq = packet.seq + flow.local_base(syn)
        whole = segment.tcp(flow.local, flow.remote, seq, 0, ACK, 0, 0, [], packet.length)
        return whole[:28]

    # --- from the machine ---

    def connect(self):
        """A call is made that may begin a connection: what the one before has sent and nobody expected is passed over."""
        self.connecting = True
        if self.flow is not None:
            self.tun.sent = [entry for entry in self.tun.sent if not self.mine(segment.decode(*entry))]

    def mine(self, found):
        return found is not None and self.flow.owns(found)

    def next(self, packet, wait):
        """The next segment of the connection under test; None when `wait()` gives none any more."""
        wants_syn = flag_bits(packet.flags) & (SYN | ACK) == SYN
        while True:
            found = wait()
            if found is None:
                return None
            syn = found.flags & (SYN | ACK) == SYN
            if self.flow is not None and self.flow.owns(found) and (syn or not (self.connecting and wants_syn)):
                return found
            if self.connecting and syn:
                self.connecting = False
                self.flow = Flow(found.source, found.target)
                return found

    def expect(self, packet, wait):
        """Compare what the machine sends with `packet`; returns the segment.  Mismatch.

        `wait()` gives the machine's next segment, or None when none came in time.
        """
        expected = text_of(packet)
        found = self.next(packet, wait)
        if found is None:
            raise Mismatch(expected, "nothing")
        while not self.strict and 0 < found.length < packet.length:
            following = self.next(packet, wait)
            if following is None or following.seq != (found.seq + found.length) & U32:
                break
            # What was one burst ends as its last segment does.
            flags = found.flags & ~(PSH | FIN) | following.flags & (PSH | FIN)
            found = replace(found, length=found.length + following.length, flags=flags)
        flow = self.flow
        syn = found.flags & SYN
        if syn and flow.local_isn is None:
            flow.local_isn = found.seq
            flow.script_local_isn = packet.seq
        mine = replace(
            found,
            seq=(found.seq - flow.local_base(syn)) & U32,
            ack=(found.ack - flow.remote_base(syn)) & U32 if found.flags & ACK else found.ack,
            options=[self.inward(option) for option in found.options],
        )
        got = segment_text(mine, packet)
        if (
            mine.flags != flag_bits(packet.flags)
            or mine.seq != packet.seq
            or mine.length != packet.length
            or (packet.ack is not None and mine.ack != packet.ack)
            or (packet.win is not None and mine.win != packet.win)
            or (packet.urg is not None and mine.urg != packet.urg)
            or (packet.ecn is not None and mine.tos & 3 != packet.ecn)
        ):
            raise Mismatch(expected, got)
        if packet.options is not None and not self.same_options(packet.options, mine.options):
            raise Mismatch(expected, got)
        return found

    def inward(self, option):
        """An option of the machine's with the script's numbers."""
        if option.kind == SACK:
            base = self.flow.remote_base(False)
            return Option(SACK, [((start - base) & U32, (end - base) & U32) for start, end in option.value])
        return option

    def same_options(self, expected, found):
        """Compare option by option, in order; learns the machine's time stamps."""
        if len(expected) != len(found):
            return False
        for wanted, got in zip(expected, found, strict=True):
            if wanted.kind == TIMESTAMP and got.kind == TIMESTAMP:
                if not self.same_stamp(wanted.value, got.value):
                    return False
            elif wanted.kind in (FAST_OPEN, EXPERIMENTAL) and wanted.kind == got.kind:
                if (wanted.value or b"") != got.value:
                    return False
            elif wanted != got:
                return False
        return True

    def same_stamp(self, wanted, got):
        flow = self.flow
        flow.stamps[wanted[0]] = got[0]
        if flow.first_stamp is None:
            flow.first_stamp = (wanted[0], got[0])
        if wanted[1] != got[1]:
            return False
        if not self.tick:
            return True
        passed = wanted[0] - flow.first_stamp[0]
        really = (got[0] - flow.first_stamp[1]) & U32
        return abs(passed - really) * self.tick <= max(self.tolerance_usecs, self.tick)


def option_list(options):
    if options is None:
        return " <...>"
    return f" <{','.join(segment.option_text(option) for option in options)}>" if options else ""


def text_of(packet):
    """An expected packet as the script writes it."""
    text = f"{packet.flags} {packet.seq}:{packet.seq + packet.length}({packet.length})"
    for name in ("ack", "win", "urg"):
        value = getattr(packet, name)
        if value is not None:
            text += f" {name} {value}"
    return text + option_list(packet.options)


def segment_text(found, packet):
    """A segment that came, with the fields that `packet` speaks of."""
    text = f"{flag_text(found.flags)} {found.seq}:{found.seq + found.length}({found.length})"
    if found.flags & ACK or (packet is not None and packet.ack is not None):
        text += f" ack {found.ack}"
    if packet is None or packet.win is not None:
        text += f" win {found.win}"
    if packet is not None and packet.urg is not None:
        text += f" urg {found.urg}"
    return text + option_list(found.options)
