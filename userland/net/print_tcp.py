"""TCP as tcpdump prints it; sequence numbers count from the first that was seen of a connection."""

FLAGS = ((0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."), (0x20, "U"), (0x40, "E"), (0x80, "W"))
SYN, ACK, URG = 0x02, 0x10, 0x20
SHOWN_WITHOUT_DATA = 0x07
MAX_FLOWS = 4096
HTTP_PORTS = (80, 8080, 3128)
MASK = 0xFFFFFFFF


class TcpPrinter:
    """Remembers the first numbers of each connection."""

    def __init__(self, printer, absolute):
        self.printer = printer
        self.absolute = absolute
        # By endpoints, the smaller first: what the numbers of each of them count from.
        self.flows = {}

    def text(self, packet):
        frame, start = packet.frame, packet.transport
        if start + 20 > len(frame):
            return "[|tcp]"
        header = (frame[start + 12] >> 4) * 4
        payload = packet.ip_length - packet.ip_header - header
        if header < 20 or payload < 0:
            wrong = "too short, < 20" if header < 20 else "too long"
            return f"tcp {packet.ip_length - packet.ip_header} [bad hdr length {header} - {wrong}]"
        if self.printer.quiet:
            return f"tcp {payload}"
        bits = frame[start + 13]
        flags = "".join(name for bit, name in FLAGS if bits & bit)
        shown, shown_ack = self.relative(packet, packet.long(start + 4), packet.long(start + 8), bits)
        text = f"Flags [{flags or 'none'}]"
        if payload or bits & SHOWN_WITHOUT_DATA:
            text += f", seq {shown}" + (f":{(shown + payload) & MASK}" if payload else "")
        if bits & ACK:
            text += f", ack {shown_ack}"
        text += f", win {packet.word(start + 14)}"
        if bits & URG:
            text += f", urg {packet.word(start + 18)}"
        # Blocks count from the same number as the acknowledgement.
        base = (packet.long(start + 8) - shown_ack) & MASK
        options = tcp_options(bytes(frame[start + 20 : min(start + header, len(frame))]), base)
        if options:
            text += f", options [{options}]"
        text += f", length {payload}"
        if payload and (packet.sport in HTTP_PORTS or packet.dport in HTTP_PORTS):
            text += http_text(bytes(frame[start + header : packet.end()]), payload, self.printer.verbose)
        return text

    def relative(self, packet, sequence, acknowledgement, bits):
        """The numbers as they are shown: those of a connection's first segment with an ACK as they are, later ones counted
        from there; without an ACK always as they are.
        """
        if self.absolute or not bits & ACK:
            return sequence, acknowledgement
        here, there = (packet.src, packet.sport), (packet.dst, packet.dport)
        forward = here < there
        key = (here, there) if forward else (there, here)
        known = self.flows.get(key)
        if known is None or bits & SYN:
            if known is None and len(self.flows) >= MAX_FLOWS:
                self.flows.clear()
            before = (acknowledgement - 1) & MASK
            self.flows[key] = (sequence, before) if forward else (before, sequence)
            return sequence, acknowledgement
        own, other = known if forward else known[::-1]
        return (sequence - own) & MASK, (acknowledgement - other) & MASK


def http_text(data, length, verbose):
    """The first line of HTTP, with -v its head."""
    line = data.split(b"\r\n", 1)[0].split(b"\n", 1)[0]
    words = line.split()
    first = words[0] if words else b""
    known = first.startswith(b"HTTP/") or first in (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE")
    if not known:
        return ": HTTP" + (f", length: {length}" if verbose else "")
    if not verbose:
        return f": HTTP: {line.decode('latin-1')}"
    head = data.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")
    return f": HTTP, length: {length}\n\t" + "\n\t".join(head) + "\n\t"


def tcp_options(raw, base=0):
    """The TCP options as tcpdump lists them; a length that lies ends the list.  `base`: where SACK blocks count from."""
    out = []
    position = 0
    while position < len(raw):
        kind = raw[position]
        if kind == 0:
            out.append("eol")
            break
        if kind == 1:
            out.append("nop")
            position += 1
            continue
        if position + 1 >= len(raw) or raw[position + 1] < 2 or position + raw[position + 1] > len(raw):
            out.append("[bad opt]")
            break
        data = raw[position + 2 : position + raw[position + 1]]
        position += raw[position + 1]
        if kind == 2 and len(data) == 2:
            out.append(f"mss {int.from_bytes(data, 'big')}")
        elif kind == 3 and len(data) == 1:
            out.append(f"wscale {data[0]}")
        elif kind == 4:
            out.append("sackOK")
        elif kind == 5 and len(data) % 8 == 0:
            edges = [(int.from_bytes(data[at : at + 4], "big") - base) & MASK for at in range(0, len(data), 4)]
            blocks = "".join(f"{{{left}:{right}}}" for left, right in zip(edges[::2], edges[1::2], strict=True))
            out.append(f"sack {len(edges) // 2} {blocks}")
        elif kind == 8 and len(data) == 8:
            out.append(f"TS val {int.from_bytes(data[:4], 'big')} ecr {int.from_bytes(data[4:], 'big')}")
        else:
            out.append(f"unknown-{kind} 0x{data.hex()}")
    return ",".join(out)
