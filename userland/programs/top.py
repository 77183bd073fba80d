"""top: tasks, interrupts, softirqs and sockets, as they change."""

from userland import libc
from userland.net.tables import interface_counters, sockets
from userland.programs.ps import parse_stat

USAGE = "top [-b] [-d SECONDS] [-n COUNT]"
STATES = {"R": "running", "S": "sleeping", "D": "sleeping", "T": "stopped", "Z": "zombie"}


class Sample:
    """The counters of one moment."""

    def __init__(self):
        self.time = libc.clock_gettime_ns()
        self.stat = {}
        text = libc.read_text("/proc/stat")
        for line in "" if text == -1 else text.splitlines():
            words = line.split()
            if len(words) > 1 and words[1].isdigit():
                self.stat[words[0]] = int(words[1])
        self.softirqs = counters("/proc/softirqs")
        self.interrupts = counters("/proc/interrupts")


def counters(path):
    """{name: (count, what follows)} of the tables of interrupts and softirqs."""
    text = libc.read_text(path)
    found = {}
    for line in "" if text == -1 else text.splitlines()[1:]:
        name, colon, rest = line.strip().partition(":")
        words = rest.split()
        if colon and words and words[0].isdigit():
            found[name] = (int(words[0]), " ".join(words[1:]))
    return found


def tasks():
    """[(pid, ppid, state, command)]"""
    names = libc.listdir("/proc")
    found = []
    for pid in sorted(int(name) for name in ([] if names == -1 else names) if name.isdigit()):
        status = parse_stat(libc.read_text(f"/proc/{pid}/stat"))
        if status is None:
            continue
        command = libc.read_text(f"/proc/{pid}/cmdline")
        text = " ".join(command.rstrip("\0").split("\0")) if command != -1 else ""
        found.append((pid, status[2], status[1], text or f"[{status[0]}]"))
    return found


def rate(now, before, elapsed):
    return f"{now:>10} {max(0, now - before) / elapsed if elapsed else 0:>10.1f}/s"


def screen(now, before):
    """The lines of one picture."""
    elapsed = (now.time - before.time) / 1e9
    running = tasks()
    states = {}
    for task in running:
        word = STATES.get(task[2], "sleeping")
        states[word] = states.get(word, 0) + 1
    seconds = libc.uptime()
    lines = [f"top - up {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"]
    counts = ", ".join(f"{states.get(word, 0)} {word}" for word in ("running", "sleeping", "stopped", "zombie"))
    lines.append(f"Tasks: {len(running)} total, {counts}")
    for name, label in (("ctxt", "Switches"), ("intr", "Interrupts"), ("syscalls", "System calls")):
        if name in now.stat:
            lines.append(f"{label + ':':<14}{rate(now.stat[name], before.stat.get(name, 0), elapsed)}")
    memory = counters_of_memory()
    if memory:
        lines.append(f"Memory: {memory[0]} kB, {memory[1]} kB free")
    lines.append("")
    for title, field in (("SOFTIRQ", "softirqs"), ("IRQ", "interrupts")):
        table, old = getattr(now, field), getattr(before, field)
        lines.append(f"{title:>10} {'COUNT':>10} {'RATE':>12}")
        for name, (count, what) in table.items():
            if count:
                lines.append(f"{name:>10} {rate(count, old.get(name, (0, ''))[0], elapsed)}  {what}".rstrip())
        lines.append("")
    lines += socket_lines() + [""]
    lines.append("  PID  PPID S COMMAND")
    lines += [f"{pid:>5} {parent:>5} {state} {command}" for pid, parent, state, command in running]
    return lines


def counters_of_memory():
    text = libc.read_text("/proc/meminfo")
    values = [line.split()[1] for line in ("" if text == -1 else text).splitlines()[:2] if len(line.split()) > 1]
    return values if len(values) == 2 else None


def socket_lines():
    """How many sockets of each kind there are, and the interfaces' counters."""
    cells = []
    for protocol in ("tcp", "udp", "raw"):
        found = sockets(protocol)
        cells.append(f"{protocol} {len(found)}")
    lines = ["Sockets: " + ", ".join(cells)]
    for name, received, sent in interface_rows():
        lines.append(f"{name:>10}  rx {received[0]} bytes {received[1]} packets  tx {sent[0]} bytes {sent[1]} packets")
    return lines


def interface_rows():
    found = interface_counters()
    rows = []
    for name, values in ({} if found in (-1, None) else found).items():
        numbers = list(values)
        rows.append((name, (numbers[0], numbers[1]), (numbers[8], numbers[9])))
    return rows


def main(argv):
    try:
        options = libc.getopt(argv, "bd:n:", USAGE)
        if options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
        interval = options.real("d", 3, 0.1, 100000)
        count = options.integer("n", 0, 1)
    except libc.UsageError as error:
        libc.eputs(f"top: {error}")
        return 2
    full_screen = libc.isatty(1) and not options.has("b")
    rows = libc.window_size(1)[0] if full_screen else 1 << 30
    stopped = []
    libc.signal(libc.SIGINT, stopped.append)
    before = Sample()
    pictures = 0
    while not stopped and (not count or pictures < count):
        if pictures:
            libc.sleep(interval)
        now = Sample()
        pictures += 1
        lines = screen(now, before)[: rows - 1]
        libc.fputs(("\x1b[H\x1b[2J" if full_screen else "") + "\n".join(lines) + "\n")
        before = now
    return 0
