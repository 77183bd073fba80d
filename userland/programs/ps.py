"""ps: the processes, from /proc."""

from userland import libc

USAGE = "ps [-e] [-f]"


def main(argv):
    try:
        options = libc.getopt(argv, "efaux", USAGE)
        if any(word not in ("aux", "ax", "a") for word in options.operands):
            raise libc.UsageError(f"usage: {USAGE}")
    except libc.UsageError as error:
        libc.eputs(f"ps: {error}")
        return 2
    names = libc.listdir("/proc")
    if names == -1:
        libc.perror("ps: /proc")
        return 1
    lines = ["  PID  PPID S COMMAND" if options.has("f") else "  PID S COMMAND"]
    for pid in sorted(int(name) for name in names if name.isdigit()):
        status = parse_stat(libc.read_text(f"/proc/{pid}/stat"))
        if status is None:
            continue
        comm, state, parent = status
        command = libc.read_text(f"/proc/{pid}/cmdline")
        text = " ".join(command.rstrip("\0").split("\0")) if command != -1 else ""
        shown = text or f"[{comm}]"
        lines.append(f"{pid:>5} {parent:>5} {state} {shown}" if options.has("f") else f"{pid:>5} {state} {shown}")
    libc.puts("\n".join(lines))
    return 0


def parse_stat(text):
    """(comm, state, ppid) of /proc/PID/stat; None for what is not that."""
    if text == -1:
        return None
    before, _, after = text.rpartition(")")
    fields = after.split()
    if "(" not in before or len(fields) < 2:
        return None
    return before.partition("(")[2], fields[0], fields[1]
