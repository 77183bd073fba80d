"""Frames of every protocol that our tcpdump prints, as scapy makes them."""

import scapy.all as s

SOURCE, TARGET = "02:00:00:00:00:01", "02:00:00:00:00:02"


def ether(packet):
    return s.Ether(src=SOURCE, dst=TARGET) / packet


def ip(**fields):
    return s.IP(src="10.0.0.1", dst="10.0.0.2", id=7, **fields)


def tcp():
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]
    segments = [
        ("S", 5000, 0, options, b"", False), ("SA", 900, 5001, [], b"", True), ("A", 5001, 901, [], b"", False),
        ("PA", 5001, 901, [], b"abcdefgh", False), ("A", 901, 5009, [("SAck", (5020, 5030))], b"", True),
        ("FA", 5009, 901, [], b"", False), ("R", 5010, 0, [], b"", False), ("RA", 901, 5010, [], b"", True),
    ]  # fmt: skip
    found = []
    for flags, seq, ack, more, data, back in segments:
        packet = ip() if not back else s.IP(src="10.0.0.2", dst="10.0.0.1", id=8)
        sport, dport = (9000, 1000) if back else (1000, 9000)
        segment = s.TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, window=500, options=more)
        found.append(ether(packet / segment / data))
    found.append(ether(ip(tos=1) / s.TCP(sport=9, dport=9, flags="SEC", window=1)))
    found.append(ether(ip() / s.TCP(sport=1, dport=9, flags="", seq=1)))
    return found


def icmp():
    found = [ether(ip() / s.ICMP(type=kind, id=1, seq=2) / (b"x" * 20)) for kind in (8, 0, 10, 30)]
    inner = s.IP(src="10.0.0.2", dst="10.0.0.1") / s.UDP(sport=1, dport=9999) / b"12345678"
    codes = [*((3, code) for code in (0, 1, 2, 3, 4, 5, 9, 10, 13)), (4, 0), (5, 0), (5, 1), (11, 0), (11, 1), (12, 0)]
    for kind, code in codes:
        more = {"gw": "10.0.0.9"} if kind == 5 else {"nexthopmtu": 1400} if (kind, code) == (3, 4) else {}
        found.append(ether(ip() / s.ICMP(type=kind, code=code, **more) / inner))
    return found


def arp():
    rows = [
        (1, "10.0.0.2", "00:00:00:00:00:00"), (2, "10.0.0.2", TARGET), (1, "10.0.0.1", "00:00:00:00:00:00"),
        (1, "10.0.0.2", TARGET), (3, "10.0.0.1", "00:00:00:00:00:00"),
    ]  # fmt: skip
    return [ether(s.ARP(op=op, psrc="10.0.0.1", pdst=to, hwsrc=SOURCE, hwdst=mac)) for op, to, mac in rows]


def dns():
    def answer(record, **more):
        question = s.DNSQR(qname="www.example.com")
        message = s.DNS(id=4660, qr=1, rd=1, ra=1, qd=question, **({"an": record} if record else {}), **more)
        return ether(ip() / s.UDP(sport=53, dport=5555) / message)

    name = "www.example.com"
    found = [ether(ip() / s.UDP(sport=5555, dport=53) / s.DNS(id=4660, rd=1, qd=s.DNSQR(qname=name)))]
    alias = s.DNSRR(rrname=name, type="CNAME", rdata="x.example.com", ttl=9)
    alias /= s.DNSRR(rrname="x.example.com", type="A", rdata="1.2.3.5")
    for record in (
        s.DNSRR(rrname=name, type="A", rdata="1.2.3.4", ttl=60), alias, s.DNSRR(rrname=name, type="TXT", rdata="hello"),
        s.DNSRR(rrname=name, type="AAAA", rdata="2001:db8::1"),
        s.DNSRRMX(rrname=name, preference=10, exchange="mail.example.com"),
    ):  # fmt: skip
        found.append(answer(record))
    found.append(answer(None, rcode=3, ns=s.DNSRR(rrname="example.com", type="NS", rdata="ns.example.com")))
    for kind in ("PTR", "MX", "NS", "SOA", "SRV"):
        question = s.DNSQR(qname="4.3.2.1.in-addr.arpa", qtype=kind)
        found.append(ether(ip() / s.UDP(sport=5555, dport=53) / s.DNS(id=1, rd=1, qd=question)))
    extended = s.DNS(id=1, rd=1, qd=s.DNSQR(qname="x.y"), ar=s.DNSRROPT(rclass=1232))
    found.append(ether(ip() / s.UDP(sport=5555, dport=53) / extended))
    return found


def dhcp():
    hardware = bytes.fromhex("020000000001")
    ask = s.IP(src="0.0.0.0", dst="255.255.255.255") / s.UDP(sport=68, dport=67) / s.BOOTP(chaddr=hardware, xid=0x1234)
    wanted = [("message-type", "discover"), ("param_req_list", [1, 3, 6, 15]), ("hostname", b"hw"), "end"]
    reply = s.IP(src="10.0.0.9", dst="10.0.0.1") / s.UDP(sport=67, dport=68)
    reply /= s.BOOTP(op=2, yiaddr="10.0.0.1", siaddr="10.0.0.9", chaddr=hardware, xid=0x1234)
    given = [
        ("message-type", "ack"), ("server_id", "10.0.0.9"), ("lease_time", 600), ("subnet_mask", "255.255.255.0"),
        ("router", "10.0.0.9"), ("name_server", "10.0.0.9", "1.1.1.1"), ("domain", b"lan"), "end",
    ]  # fmt: skip
    return [ether(ask / s.DHCP(options=wanted)), ether(reply / s.DHCP(options=given))]


def igmp():
    def message(raw, dst):
        return ether(s.IP(src="10.0.0.1", dst=dst, proto=2, ttl=1, options=[s.IPOption_Router_Alert()]) / s.Raw(bytes(raw)))

    group = (224, 1, 2, 3)
    return [
        message([0x11, 100, 0, 0, 0, 0, 0, 0], "224.0.0.1"), message([0x11, 0, 0, 0, 0, 0, 0, 0], "224.0.0.1"),
        message([0x11, 10, 0, 0, *group], "224.1.2.3"), message([0x16, 0, 0, 0, *group], "224.1.2.3"),
        message([0x12, 0, 0, 0, *group], "224.1.2.3"), message([0x17, 0, 0, 0, *group], "224.0.0.2"),
        message([0x11, 100, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0], "224.0.0.1"),
        message([0x11, 100, 0, 0, *group, 2, 125, 0, 1, 10, 0, 0, 5], "224.1.2.3"),
        message([0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, *group], "224.0.0.22"),
        message([0x22, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 1, *group, 10, 0, 0, 5, 3, 0, 0, 0, 224, 1, 2, 4], "224.0.0.22"),
    ]  # fmt: skip


def others():
    udp = s.UDP(sport=9, dport=9) / b"x"
    return [
        ether(ip() / s.UDP(sport=1234, dport=4321) / b"hello"), ether(ip(frag=10) / s.UDP() / b"hello"),
        ether(ip(flags="MF") / s.UDP(sport=1, dport=2) / b"hello!!!"), ether(ip(proto=200) / (b"z" * 20)),
        ether(ip(tos=0x10, flags="DF", options=[s.IPOption_RR()]) / udp), ether(ip(tos=3) / udp),
        ether(s.Dot1Q(vlan=5, prio=3) / ip() / udp), ether(s.Dot1Q(vlan=5) / s.ARP(psrc="10.0.0.1", pdst="10.0.0.2")),
    ]  # fmt: skip


def corpus():
    """Every frame, 1.5 s apart."""
    found = tcp() + icmp() + arp() + dns() + dhcp() + igmp() + others()
    for number, frame in enumerate(found):
        frame.time = 1700000000 + number * 1.5
    return found
