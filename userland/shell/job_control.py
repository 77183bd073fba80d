"""The built-in commands about signals and jobs: trap, jobs, wait, fg, bg and kill."""

from userland import libc
from userland.programs import kill
from userland.shell.jobs import signal_text
from userland.shell.lexer import quote

SIGNALS = {
    name: getattr(libc, f"SIG{name}")
    for name in ("HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "CHLD", "CONT", "STOP",
                 "TSTP", "TTIN", "TTOU")
    if hasattr(libc, f"SIG{name}")
}  # fmt: skip


def signal_number(text):
    """The number of a signal's name or number (0: EXIT), or -1."""
    name = text.upper().removeprefix("SIG")
    if name == "EXIT":
        return 0
    if name in SIGNALS:
        return SIGNALS[name]
    return int(text) if text.isascii() and text.isdigit() and int(text) < 64 else -1


def builtin_trap(shell, words):
    """trap [ACTION | -] SIGNAL ..."""
    if len(words) == 1:
        for signum in sorted(shell.traps):
            name = next((name for name, number in SIGNALS.items() if number == signum), "EXIT" if signum == 0 else str(signum))
            libc.puts(f"trap -- {quote(shell.traps[signum])} {name}")
        return 0
    rest = words[2:] if words[1] == "--" else words[1:]
    action = None
    if len(rest) > 1 and not (rest[0].isdigit()):
        action, rest = (None if rest[0] == "-" else rest[0]), rest[1:]
    status = 0
    for word in rest:
        signum = signal_number(word)
        if signum < 0:
            shell.complain(f"trap: {word}: bad trap")
            status = 1
            continue
        set_trap(shell, signum, action)
    return status


def set_trap(shell, signum, action):
    if action is None:
        shell.traps.pop(signum, None)
    else:
        shell.traps[signum] = action
    if signum == 0:
        return
    if action is None:
        if signum == libc.SIGINT:
            shell.catch_interrupts()
        else:
            libc.signal(signum, libc.SIG_DFL)
    elif action == "":
        libc.signal(signum, libc.SIG_IGN)
    else:
        libc.signal(signum, shell.pending_traps.append)


def builtin_jobs(shell, words):
    """jobs [-lp]"""
    shell.jobs.poll()
    for job in list(shell.jobs.jobs):
        if "-p" in words:
            libc.puts(str(job.pgid if job.pgid > 0 else job.last_pid))
        else:
            line = shell.jobs.line(job)
            libc.puts(line.replace("] ", f"] {job.last_pid} ", 1) if "-l" in words else line)
        if not job.pids:
            shell.jobs.jobs.remove(job)
    return 0


def builtin_wait(shell, words):
    """wait [PID | %JOB ...]"""
    table = shell.jobs
    chosen = list(table.jobs)
    status = 0
    if len(words) > 1:
        chosen = []
        for word in words[1:]:
            job = table.find(word) if word.startswith("%") else None
            if not word.startswith("%") and word.isdigit():
                job = next((known for known in table.jobs if int(word) == known.last_pid), None)
            if job is None:
                status = 127
            else:
                chosen.append(job)
    for job in chosen:
        table.wait_for(job, True)
        if shell.pending_traps:
            return 128 + shell.pending_traps[0]
        if shell.interrupted:
            return 128 + libc.SIGINT
        status = libc.shell_status(job.status) if len(words) > 1 else 0
        if not job.pids and job in table.jobs:
            table.jobs.remove(job)
            if not libc.WIFEXITED(job.status) and shell.interactive:
                libc.eputs(signal_text(job.status))
    return status


def builtin_fg(shell, words):
    """fg [%JOB]"""
    return resume(shell, words, True)


def builtin_bg(shell, words):
    """bg [%JOB]"""
    return resume(shell, words, False)


def resume(shell, words, in_foreground):
    shell.jobs.poll()
    job = shell.jobs.find(words[1] if len(words) > 1 else "")
    if job is None or not job.pids:
        shell.complain(f"{words[0]}: {words[1] if len(words) > 1 else 'current'}: no such job")
        return 1
    if not shell.option("m") or job.pgid <= 0:
        shell.complain(f"{words[0]}: no job control")
        return 1
    if not in_foreground:
        libc.puts(f"[{job.number}] {job.source}")
    shell.jobs.resume(job, in_foreground)
    return shell.status if in_foreground else 0


def builtin_kill(shell, words):
    """kill [-SIGNAL] PID | %JOB ..."""
    out = []
    for word in words[1:]:
        job = shell.jobs.find(word) if word.startswith("%") else None
        if word.startswith("%"):
            if job is None:
                shell.complain(f"kill: {word}: no such job")
                return 1
            out += [str(pid) for pid in job.pids] if job.pgid <= 0 else [f"-{job.pgid}"]
        else:
            out.append(word)
    signals = [word for word in out[:1] if word.startswith("-") and word not in words[1:2]]
    return kill.main(["kill", *(["-TERM"] if signals else []), *out])
