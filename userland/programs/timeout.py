"""timeout: runs a program for no longer than it is told."""

from userland import libc

USAGE = "timeout [-s SIGNAL] [-k SECONDS] SECONDS COMMAND [ARGUMENT ...]"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
TIMED_OUT, KILLED = 124, 137


def duration(text):
    """Seconds of `1.5`, `2m` ...; UsageError."""
    unit = UNITS.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit() or len(digits) > 12:
        raise libc.UsageError(f"invalid time interval '{text}'")
    return float(digits) * (unit or 1)


def main(argv):
    try:
        options = libc.getopt(argv, "s:k:", USAGE, (), True)
        if len(options.operands) < 2:
            raise libc.UsageError(f"usage: {USAGE}")
        limit = duration(options.operands[0])
        grace = duration(options.get("k")) if options.has("k") else 0
        name = options.get("s", "TERM").upper().removeprefix("SIG")
        signum = int(name) if name.isdigit() else libc.SIGNAL_NAMES.get(name, 0)
        if not 0 < signum < 64:
            raise libc.UsageError(f"'{options.get('s')}': invalid signal")
    except libc.UsageError as error:
        libc.eputs(f"timeout: {error}")
        return 2 if argv[1:2] == ["--help"] else 125
    return run(options.operands[1:], limit, signum, grace)


def run(words, limit, signum, grace):
    path = libc.search_path(words[0])
    pid = libc.spawn(path, words) if path is not None else -1
    if pid < 0:
        libc.eputs(f"timeout: failed to run command '{words[0]}': {libc.strerror(libc.ENOENT if path is None else libc.errno)}")
        return 127 if path is None else 126
    marks = [(limit, signum)] + ([(grace, libc.SIGKILL)] if grace else [])
    timed_out = False
    libc.signal(libc.SIGALRM, lambda number: None)
    for seconds, sig in marks if limit else []:
        status = wait_for(pid, seconds)
        if status is not None:
            return libc.shell_status(status) if not timed_out else TIMED_OUT
        libc.kill(pid, sig)
        timed_out = True
        if sig == libc.SIGKILL:
            wait_for(pid, None)
            return KILLED
    status = wait_for(pid, None)
    return TIMED_OUT if timed_out else libc.shell_status(status)


def wait_for(pid, seconds):
    """The wait status, or None when the time is up first."""
    deadline = None if seconds is None else libc.clock_gettime_ns() + int(seconds * 1000000000)
    if deadline is not None:
        libc.setitimer(libc.ITIMER_REAL, max(1000, deadline - libc.clock_gettime_ns()))
    while True:
        result = libc.waitpid(pid)
        if result != -1:
            libc.setitimer(libc.ITIMER_REAL, 0)
            return result[1]
        if libc.errno != libc.EINTR:
            return 0
        if deadline is not None and libc.clock_gettime_ns() >= deadline:
            return None
