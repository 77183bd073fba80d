"""who: the sessions at terminals, as /proc shows them: terminal, leader, since when, what runs in the foreground."""

from userland import libc

USAGE = "who"
TICKS = 100
PTS_MAJOR, SERIAL_MAJOR, FIRST_SERIAL = 136, 4, 64


def terminal_name(number):
    """The name below /dev of the terminal in a tty_nr (proc_pid_stat(5))."""
    major, minor = number >> 8 & 0xFFF, number & 0xFF
    if major == SERIAL_MAJOR:
        return f"ttyS{minor - FIRST_SERIAL}"
    return f"pts/{(major - PTS_MAJOR) * 256 + minor}"


def processes():
    """{pid: (fields of /proc/PID/stat behind the name, its command line)}"""
    found = {}
    for name in libc.listdir("/proc"):
        text = libc.read_text(f"/proc/{name}/stat") if name.isdigit() else -1
        command = libc.read_text(f"/proc/{name}/cmdline") if name.isdigit() else -1
        if text != -1 and command != -1:
            found[int(name)] = text.rpartition(")")[2].split(), command.rstrip("\0").replace("\0", " ")
    return found


def main(argv):
    try:
        options = libc.getopt(argv, "", USAGE)
        if options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
    except libc.UsageError as error:
        libc.eputs(f"who: {error}")
        return 2
    found = processes()
    boot = libc.time() - libc.clock_gettime_ns(libc.CLOCK_MONOTONIC) // 10**9
    for pid in sorted(found):
        fields, command = found[pid]
        session, terminal, foreground = int(fields[3]), int(fields[4]), int(fields[5])
        if session == pid and terminal:
            year, month, day, hour, minute, *_ = libc.gmtime(boot + int(fields[19]) // TICKS)
            since = f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}"
            front = found.get(foreground, (None, command))[1]
            libc.puts(f"{'root':<8} {terminal_name(terminal):<12} {since} {pid:>5} {front}")
    return 0
