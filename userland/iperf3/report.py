"""What iperf3 prints: a line for each stream and interval, the summary, or all of it as JSON."""

import json

from userland import libc

NS = 1000000000
RULE = "- - - - - - - - - - - - - - - - - - - - - - - - -"


def scaled(value, step, names):
    """A number with at most three or four digits and its unit."""
    for name in names:
        if value < step or name == names[-1]:
            break
        value /= step
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:4.{digits}f} {name}"


def size_text(count):
    return scaled(count, 1024, ("Bytes", "KBytes", "MBytes", "GBytes", "TBytes"))


def rate_text(bits):
    return scaled(bits, 1000, ("bits/sec", "Kbits/sec", "Mbits/sec", "Gbits/sec"))


class Row:
    """One line of a report: what happened on a stream (or on all) between two times."""

    __slots__ = ("name", "start", "end", "bytes", "retransmits", "window", "rtt", "jitter", "lost", "packets", "sending")

    def __init__(self, name, start, end, count, sending):
        self.name = name
        self.start = start
        self.end = end
        self.bytes = count
        self.sending = sending
        self.retransmits = None
        self.window = None
        self.rtt = None
        self.jitter = None
        self.lost = 0
        self.packets = None

    def bits_per_second(self):
        seconds = self.end - self.start
        return self.bytes * 8 / seconds if seconds > 0 else 0.0

    def lost_percent(self):
        return 100 * self.lost / self.packets if self.packets else 0.0

    def text(self, role=""):
        """The line."""
        interval = f"{self.start:6.2f}-{self.end:<6.2f}"
        rate = rate_text(self.bits_per_second())
        line = f"[{self.name:>3}] {interval} sec  {size_text(self.bytes)}  {rate:<14}"
        if self.jitter is not None:
            line += f"  {1000 * self.jitter:.3f} ms  {self.lost}/{self.packets} ({self.lost_percent():.2g}%)"
        elif self.packets is not None:
            line += f"  {self.packets}"
        elif self.retransmits is not None:
            line += f"  {self.retransmits:3}"
        if self.window is not None:
            line += f"   {size_text(self.window)}"
        return f"{line}  {role}".rstrip()

    def to_json(self):
        found = {
            "start": self.start,
            "end": self.end,
            "seconds": self.end - self.start,
            "bytes": self.bytes,
            "bits_per_second": self.bits_per_second(),
        }
        if self.retransmits is not None:
            found["retransmits"] = self.retransmits
        if self.window is not None:
            found["snd_cwnd"] = self.window
            found["rtt"] = self.rtt
        if self.jitter is not None:
            found["jitter_ms"] = 1000 * self.jitter
            found["lost_packets"] = self.lost
            found["lost_percent"] = self.lost_percent()
        if self.packets is not None:
            found["packets"] = self.packets
        found["sender"] = self.sending
        return found


def total(rows, name="SUM"):
    """The sum of the rows of several streams."""
    first = rows[0]
    found = Row(name, first.start, max(row.end for row in rows), sum(row.bytes for row in rows), first.sending)
    if all(row.retransmits is not None for row in rows):
        found.retransmits = sum(row.retransmits for row in rows)
    if all(row.packets is not None for row in rows):
        found.packets = sum(row.packets for row in rows)
        found.lost = sum(row.lost for row in rows)
    if all(row.jitter is not None for row in rows):
        found.jitter = sum(row.jitter for row in rows) / len(rows)
    return found


class Reporter:
    """Prints as the test goes, or keeps everything for one JSON document."""

    def __init__(self, as_json):
        self.as_json = as_json
        self.udp = False
        self.start = {}
        self.intervals = []
        self.header_shown = False

    def say(self, text):
        if not self.as_json:
            libc.puts(text)

    def connected(self, stream):
        """A stream is there."""
        local, remote = libc.getsockname(stream.fd), libc.getpeername(stream.fd)
        if local == -1 or remote == -1:
            return
        (here, here_port), (there, there_port) = libc.sockaddr_in_pair(local), libc.sockaddr_in_pair(remote)
        self.say(f"[{stream.fd:>3}] local {here} port {here_port} connected to {there} port {there_port}")
        self.start.setdefault("connected", []).append(
            {
                "socket": stream.fd,
                "local_host": here,
                "local_port": here_port,
                "remote_host": there,
                "remote_port": there_port,
            }
        )

    def header(self, sending, final=False):
        columns = "[ ID] Interval           Transfer     Bitrate"
        if self.udp:
            columns += "         Total Datagrams" if sending and not final else "         Jitter    Lost/Total Datagrams"
        elif sending:
            columns += "         Retr" + ("" if final else "  Cwnd")
        self.say(columns)

    def interval(self, streams, now):
        """One line for each stream about the time since the last report."""
        if not self.header_shown:
            self.header_shown = True
            self.header(streams[0].sending)
        rows = [interval_row(stream, now) for stream in streams]
        lines = [row.text() for row in rows]
        if len(rows) > 1:
            lines += [total(rows).text(), RULE]
        self.say("\n".join(lines))
        self.intervals.append(
            {
                "streams": [{"socket": s.fd, **row.to_json()} for s, row in zip(streams, rows, strict=True)],
                "sum": total(rows).to_json(),
            }
        )

    def summary(self, streams, others):
        """The end: what was sent and what arrived; `others` is {stream id: StreamResult} of the other side."""
        pairs = [final_rows(stream, others.get(stream.ident)) for stream in streams]
        self.say(RULE)
        self.header(True, True)
        for sent, received in pairs:
            self.say(sent.text("sender"))
            self.say(received.text("receiver"))
        sums = [total([pair[index] for pair in pairs]) for index in (0, 1)]
        if len(pairs) > 1:
            self.say(sums[0].text("sender"))
            self.say(sums[1].text("receiver"))
        if self.as_json:
            self.print_json(streams, pairs, sums)

    def print_json(self, streams, pairs, sums):
        rows = []
        for stream, (sent, received) in zip(streams, pairs, strict=True):
            if self.udp:
                rows.append({"udp": {"socket": stream.fd, "out_of_order": stream.out_of_order, **received.to_json()}})
            else:
                rows.append({"sender": {"socket": stream.fd, **sent.to_json()}, "receiver": received.to_json()})
        end = {"streams": rows, "sum_sent": sums[0].to_json(), "sum_received": sums[1].to_json()}
        if self.udp:
            end["sum"] = sums[1].to_json()
        libc.puts(json.dumps({"start": self.start, "intervals": self.intervals, "end": end}, indent="\t"))

    def failed(self, text):
        """The test came to nothing."""
        if self.as_json:
            libc.puts(json.dumps({"start": self.start, "intervals": self.intervals, "end": {}, "error": text}, indent="\t"))
        else:
            libc.eputs(f"iperf3: error - {text}")


def interval_row(stream, now):
    """What a stream did since its last report, which ends here."""
    before, count, packets, lost = stream.reported
    retransmits_before = max(0, stream.retransmits)
    elapsed = now - stream.started
    row = Row(stream.fd, before / NS, elapsed / NS, stream.bytes - count, stream.sending)
    info = stream.tcp_info()
    if info is not None:
        row.retransmits = info[0] - retransmits_before
        row.window, row.rtt = info[1], info[2]
    if stream.udp:
        row.packets = stream.packets - packets
        row.lost = max(0, stream.lost - lost)
        if not stream.sending:
            row.jitter = stream.jitter
    stream.reported = (elapsed, stream.bytes, stream.packets, stream.lost)
    return row


def final_rows(stream, other):
    """(what was sent, what was received) on a stream, each as the side that knows counted it."""
    seconds = stream.seconds()
    mine = Row(stream.fd, 0.0, seconds, stream.bytes, True)
    theirs = Row(stream.fd, 0.0, seconds, other.bytes if other is not None else 0, True)
    if other is not None and other.end > 0:
        theirs.end = other.end
    sent, received = (mine, theirs) if stream.sending else (theirs, mine)
    if stream.udp:
        receiver_jitter = other.jitter if stream.sending and other is not None else stream.jitter
        receiver_lost = other.errors if stream.sending and other is not None else stream.lost
        sent.packets = stream.packets if stream.sending or other is None else other.packets
        received.packets = other.packets if stream.sending and other is not None else stream.packets
        sent.jitter, received.jitter, received.lost = 0.0, receiver_jitter, receiver_lost
    else:
        known = stream.retransmits if stream.sending else other.retransmits if other is not None else -1
        sent.retransmits = known if known >= 0 else None
    return sent, received
