"""ARP and the neighbour state machine, in virtual time."""

from netbench import MAC, PEER_MAC, Packet, arp, ip, udp

from kernel.net.core.sock_flags import NUD_DELAY, NUD_FAILED, NUD_PROBE, NUD_REACHABLE, NUD_STALE
from kernel.uapi.socket import AF_INET, SOCK_DGRAM

ZERO = bytes(6)


def state(t, address="10.0.0.2"):
    neigh = t.net.arp_tbl.lookup(ip(address), t.dev)
    return neigh.nud_state if neigh is not None else None


def test_packets_wait_for_the_answer_and_leave_in_order(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        for number in range(3):
            t.sendto(fd, bytes([number]), "10.0.0.2", 9)
        (request,) = [Packet(frame) for frame in t.take()]
        assert (request.op, request.sender, request.target) == (1, "10.0.0.1", "10.0.0.2")
        assert request.dst_mac == b"\xff" * 6 and request.sender_mac == MAC
        t.inject(arp(2, PEER_MAC, "10.0.0.2", MAC, "10.0.0.1", MAC))
        packets = [Packet(frame) for frame in t.take()]
        assert [packet.data for packet in packets] == [b"\0", b"\1", b"\2"]
        assert all(packet.dst_mac == PEER_MAC for packet in packets)
        assert state(t) == NUD_REACHABLE
        t.close(fd)

    bench.run(body)


def test_the_pending_queue_is_bounded_and_the_oldest_go(bench):
    def body(t):
        t.net.arp_tbl.parms_of(t.dev).queue_len_bytes = 4000
        fd = t.socket(AF_INET, SOCK_DGRAM)
        for number in range(10):
            t.sendto(fd, bytes([number]), "10.0.0.2", 9)
        t.take()
        dropped = t.drops()["NEIGH_QUEUEFULL"]
        t.inject(arp(2, PEER_MAC, "10.0.0.2", MAC, "10.0.0.1", MAC))
        left = [Packet(frame).data[0] for frame in t.take()]
        assert left == list(range(dropped, 10)) and 0 < dropped < 10
        t.close(fd)

    bench.run(body)


def test_reachable_stale_delay_probe_failed(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.sendto(fd, b"x", "10.0.0.2", 9)
        t.inject(arp(2, PEER_MAC, "10.0.0.2", MAC, "10.0.0.1", MAC))
        t.sleep(46)
        assert state(t) == NUD_STALE
        t.take()
        # The first use of a stale neighbour sends at once and starts the delay.
        t.sendto(fd, b"y", "10.0.0.2", 9)
        assert Packet(t.take()[0]).data == b"y" and state(t) == NUD_DELAY
        t.sleep(5.5)
        assert state(t) == NUD_PROBE
        probes = [Packet(frame) for frame in t.take()]
        assert [p.op for p in probes] == [1] and probes[0].dst_mac == PEER_MAC
        t.inject(arp(2, PEER_MAC, "10.0.0.2", MAC, "10.0.0.1", MAC))
        assert state(t) == NUD_REACHABLE
        t.sleep(46)
        t.sendto(fd, b"z", "10.0.0.2", 9)
        t.take()
        t.sleep(10)
        # Three unicast probes without an answer.
        assert len(t.take()) == 3 and state(t) == NUD_FAILED
        t.sendto(fd, b"again", "10.0.0.2", 9)
        assert Packet(t.take()[0]).dst_mac == b"\xff" * 6
        t.close(fd)

    bench.run(body)


def test_confirmation_by_use_keeps_it_reachable(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.sendto(fd, b"x", "10.0.0.2", 9)
        t.inject(arp(2, PEER_MAC, "10.0.0.2", MAC, "10.0.0.1", MAC))
        t.sleep(46)
        assert state(t) == NUD_STALE
        t.take()
        t.sendto(fd, b"x", "10.0.0.2", 9, flags=0x800)
        assert state(t) == NUD_DELAY
        t.sleep(5.5)
        assert state(t) == NUD_REACHABLE and len(t.take()) == 1
        t.close(fd)

    bench.run(body)


def test_requests_for_us_are_answered_and_teach(bench):
    def body(t):
        t.inject(arp(1, PEER_MAC, "10.0.0.2", ZERO, "10.0.0.1"))
        (reply,) = [Packet(frame) for frame in t.take()]
        assert (reply.op, reply.sender, reply.target, reply.dst_mac) == (2, "10.0.0.1", "10.0.0.2", PEER_MAC)
        assert state(t) == NUD_STALE
        # Duplicate address detection is answered and teaches nothing.
        t.inject(arp(1, PEER_MAC, "0.0.0.0", ZERO, "10.0.0.1"))
        assert len(t.take()) == 1
        # Not for us: neither answered nor remembered.
        t.inject(arp(1, PEER_MAC, "10.0.0.3", ZERO, "10.0.0.4"))
        assert t.take() == [] and state(t, "10.0.0.3") is None

    bench.run(body)


def test_a_gratuitous_announcement_updates_a_known_neighbour_only(bench):
    def body(t):
        other = bytes.fromhex("0200000000aa")
        t.inject(arp(1, PEER_MAC, "10.0.0.2", ZERO, "10.0.0.1"))
        t.inject(arp(1, other, "10.0.0.2", ZERO, "10.0.0.2"))
        assert t.net.arp_tbl.lookup(ip("10.0.0.2"), t.dev).ha == other
        t.inject(arp(1, other, "10.0.0.9", ZERO, "10.0.0.9"))
        assert state(t, "10.0.0.9") is None
        # A claim to our own address changes nothing.
        t.inject(arp(2, other, "10.0.0.1", MAC, "10.0.0.1", MAC))
        assert state(t, "10.0.0.1") is None

    bench.run(body)


def test_nonsense_is_dropped(bench):
    def body(t):
        good = arp(1, PEER_MAC, "10.0.0.2", ZERO, "10.0.0.1")
        t.inject(good[:30])
        t.inject(good[:14] + b"\x00\x06" + good[16:20] + b"\0\7" + good[22:])
        t.inject(good[:16] + b"\x86\xdd" + good[18:])
        t.inject(good[:18] + b"\x08" + good[19:])
        t.inject(good[:20] + b"\x00\x09" + good[22:])
        t.inject(arp(1, PEER_MAC, "10.0.0.2", ZERO, "127.0.0.1"))
        t.inject(arp(1, PEER_MAC, "10.0.0.2", ZERO, "224.0.0.1"))
        assert t.take() == []
        assert t.drops() == {"ARP_INHDR": 7}

    bench.run(body)


def test_the_table_is_bounded(bench):
    def body(t):
        t.net.sysctl_neigh_gc_thresh2 = 20
        t.net.sysctl_neigh_gc_thresh3 = 30
        fd = t.socket(AF_INET, SOCK_DGRAM)
        for host in range(2, 60):
            t.sendto(fd, b"x", f"10.0.0.{host}", 9)
        assert t.net.arp_tbl.entries <= 30 and t.net.arp_tbl.table_fulls
        t.sleep(10)
        for host in range(60, 90):
            t.sendto(fd, b"x", f"10.0.0.{host}", 9)
        assert t.net.arp_tbl.entries <= 30 and t.net.arp_tbl.forced_gc_runs
        t.close(fd)

    bench.run(body)


def test_proc_and_ioctl(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.inject(arp(1, PEER_MAC, "10.0.0.2", ZERO, "10.0.0.1"))
        lines = t.read_proc("/proc/net/arp").splitlines()
        assert lines[0].split() == ["IP", "address", "HW", "type", "Flags", "HW", "address", "Mask", "Device"]
        assert lines[1].split() == ["10.0.0.2", "0x1", "0x2", "02:00:00:00:00:02", "*", "eth0"]
        assert lines[1].startswith("10.0.0.2         0x1         0x2         02:00:00:00:00:02     *        eth0")

        def request(address, mac=ZERO, flags=0):
            raw = b"\2\0\0\0" + ip(address).to_bytes(4, "big") + bytes(8)
            raw += b"\1\0" + mac.ljust(14, b"\0") + flags.to_bytes(4, "little") + bytes(16)
            return bytearray(raw + b"eth0".ljust(16, b"\0"))

        got = request("10.0.0.2")
        assert t.ioctl(fd, 0x8954, got) == 0 and got[18:24] == PEER_MAC
        assert t.ioctl(fd, 0x8955, request("10.0.0.50", PEER_MAC, 6)) == 0
        assert "10.0.0.50        0x1         0x6" in t.read_proc("/proc/net/arp")
        t.take()
        t.sendto(fd, b"x", "10.0.0.50", 9)
        assert Packet(t.take()[0]).dst_mac == PEER_MAC
        assert t.ioctl(fd, 0x8953, request("10.0.0.50")) == 0
        assert t.ioctl(fd, 0x8954, request("10.0.0.50")) == -6
        t.close(fd)

    bench.run(body)


def test_a_link_that_goes_down_forgets(bench):
    def body(t):
        from kernel.net.core.dev import dev_close, dev_open

        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.sendto(fd, b"x", "10.0.0.2", 9)
        dev_close(t.dev)
        assert t.net.arp_tbl.lookup(ip("10.0.0.2"), t.dev) is None
        assert t.sendto(fd, b"x", "10.0.0.2", 9) == -101
        t.take()
        dev_open(t.dev)
        assert t.take() == []
        dev_close(t.dev)
        t.dev.ip_ptr.cnf.arp_notify = 1
        dev_open(t.dev)
        announcement = Packet(t.take()[-1])
        assert announcement.sender == announcement.target == "10.0.0.1"
        t.inject_ip(udp("10.0.0.2", 1, "10.0.0.1", 2, b""))
        t.close(fd)

    bench.run(body)


# --- net.ipv4.neigh.<device> (arp(7)) ---


def setting(t, name, value, where=None):
    assert t.kernel.sysctl.write(f"net.ipv4.neigh.{where or t.dev.name}.{name}", value) == 0


def requests(t):
    return [Packet(frame) for frame in t.take() if Packet(frame).type == 0x806]


def answered(t, fd):
    """A neighbour that has just answered."""
    t.sendto(fd, b"x", "10.0.0.2", 9)
    t.inject(arp(2, PEER_MAC, "10.0.0.2", MAC, "10.0.0.1", MAC))
    t.take()
    assert state(t) == NUD_REACHABLE


def test_a_device_asks_as_often_as_it_is_told(bench):
    def body(t):
        setting(t, "mcast_solicit", 2)
        setting(t, "retrans_time_ms", 100)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.sendto(fd, b"x", "10.0.0.9", 9)
        t.sleep(0.15)
        assert len(requests(t)) == 2 and state(t, "10.0.0.9") & NUD_FAILED == 0
        t.sleep(0.1)
        assert requests(t) == [] and state(t, "10.0.0.9") == NUD_FAILED
        setting(t, "mcast_solicit", 0)
        t.sendto(fd, b"x", "10.0.0.8", 9)
        assert requests(t) == [] and state(t, "10.0.0.8") == NUD_FAILED
        t.close(fd)

    bench.run(body)


def test_a_known_neighbour_is_asked_itself_and_then_everybody(bench):
    def body(t):
        setting(t, "base_reachable_time_ms", 3000)
        setting(t, "delay_first_probe_time", 1)
        setting(t, "ucast_solicit", 2)
        setting(t, "mcast_resolicit", 1)
        setting(t, "retrans_time", 10)
        fd = t.socket(AF_INET, SOCK_DGRAM)
        answered(t, fd)
        t.sleep(4.6)
        assert state(t) == NUD_STALE
        t.sendto(fd, b"y", "10.0.0.2", 9)
        assert state(t) == NUD_DELAY
        t.sleep(1.01)
        t.sleep(0.35)
        assert [packet.dst_mac for packet in requests(t)] == [PEER_MAC, PEER_MAC, b"\xff" * 6]
        assert state(t) == NUD_FAILED
        t.close(fd)

    bench.run(body)


def test_the_first_answer_holds_for_the_locktime(bench):
    def body(t):
        other = b"\x02\0\0\0\0\x77"
        fd = t.socket(AF_INET, SOCK_DGRAM)
        answered(t, fd)
        t.inject(arp(2, other, "10.0.0.2", MAC, "10.0.0.1", MAC))
        assert t.net.arp_tbl.lookup(ip("10.0.0.2"), t.dev).ha == PEER_MAC
        setting(t, "locktime", 0)
        t.sleep(0.01)
        t.inject(arp(2, other, "10.0.0.2", MAC, "10.0.0.1", MAC))
        assert t.net.arp_tbl.lookup(ip("10.0.0.2"), t.dev).ha == other
        t.close(fd)

    bench.run(body)


def test_the_queue_of_a_device_in_packets(bench):
    """unres_qlen counts packets of a full frame, unres_qlen_bytes what they take in memory."""

    def body(t):
        name = f"net.ipv4.neigh.{t.dev.name}"
        assert (t.kernel.sysctl.read(f"{name}.unres_qlen"), t.kernel.sysctl.read(f"{name}.unres_qlen_bytes")) == (101, 212992)
        setting(t, "unres_qlen", 2)
        assert t.kernel.sysctl.read(f"{name}.unres_qlen_bytes") == 4224
        setting(t, "base_reachable_time", 7)
        assert t.kernel.sysctl.read(f"{name}.base_reachable_time_ms") == 7000
        setting(t, "retrans_time_ms", 1500)
        assert t.kernel.sysctl.read(f"{name}.retrans_time") == 150
        assert t.kernel.sysctl.write(f"{name}.retrans_time_ms", -1) == -22

    bench.run(body)


def test_the_default_is_for_devices_that_come(bench):
    def body(t):
        setting(t, "ucast_solicit", 7, "default")
        assert t.kernel.sysctl.read(f"net.ipv4.neigh.{t.dev.name}.ucast_solicit") == 3
        assert t.kernel.sysctl.read("net.ipv4.neigh.lo.ucast_solicit") == 3

    bench.run(body)


def test_what_nobody_uses_is_forgotten_above_the_first_threshold(bench):
    def body(t):
        fd = t.socket(AF_INET, SOCK_DGRAM)
        t.net.sysctl_neigh_gc_thresh1 = 0
        setting(t, "base_reachable_time", 2)
        setting(t, "base_reachable_time", 2, "default")
        setting(t, "gc_stale_time", 10)
        setting(t, "delay_first_probe_time", 0)
        answered(t, fd)
        t.sleep(8)
        assert state(t) == NUD_STALE
        t.sleep(8)
        assert state(t) is None
        t.close(fd)

    bench.run(body)
