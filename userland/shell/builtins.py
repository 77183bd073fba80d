"""The commands that run inside the shell.  Each takes (shell, words) and returns an exit status."""

from userland import libc
from userland.shell.parser import is_name


class ExitShell(Exception):
    """Raised by `exit`: leaves the shell with `status`."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


def builtin_cd(shell, words):
    """cd [DIRECTORY]"""
    target = words[1] if len(words) > 1 else shell.variables.get("HOME", "/")
    if len(words) > 2:
        shell.complain("cd: too many arguments")
        return 2
    if libc.chdir(target) < 0:
        shell.complain(f"cd: {target}: {libc.strerror(libc.errno)}")
        return 1
    shell.variables["PWD"] = libc.getcwd() or target
    return 0


def builtin_pwd(shell, words):
    """pwd"""
    path = libc.getcwd()
    if path is None:
        shell.complain(f"pwd: {libc.strerror(libc.errno)}")
        return 1
    libc.puts(path)
    return 0


def builtin_exit(shell, words):
    """exit [STATUS]"""
    if len(words) > 1 and not words[1].isdigit():
        shell.complain(f"exit: bad number: {words[1]}")
        raise ExitShell(2)
    raise ExitShell(int(words[1]) & 0xFF if len(words) > 1 else shell.status)


def builtin_export(shell, words):
    """export [NAME[=VALUE] ...]"""
    if len(words) == 1:
        for name in sorted(shell.exported):
            if name in shell.variables:
                libc.puts(f"export {name}='{shell.variables[name]}'")
        return 0
    status = 0
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not is_name(name):
            shell.complain(f"export: {name}: bad variable name")
            status = 1
            continue
        if equals:
            shell.variables[name] = value
        shell.exported[name] = True
    return status


def builtin_unset(shell, words):
    """unset NAME ..."""
    for name in words[1:]:
        shell.variables.pop(name, None)
        shell.exported.pop(name, None)
    return 0


def builtin_set(shell, words):
    """set"""
    for name in sorted(shell.variables):
        libc.puts(f"{name}='{shell.variables[name]}'")
    return 0


def builtin_jobs(shell, words):
    """jobs"""
    while shell.jobs and shell.reap(libc.WNOHANG):
        pass
    for job in shell.jobs:
        libc.puts(f"[{job.number}]  {'Running' if job.pids else 'Done':<24}{job.source}")
    return 0


def builtin_wait(shell, words):
    """wait [PID | %JOB ...]"""
    chosen = shell.jobs
    if len(words) > 1:
        chosen = []
        for word in words[1:]:
            number = word.removeprefix("%")
            value = int(number) if number.isdigit() else -1
            found = [j for j in shell.jobs if (j.number if word.startswith("%") else j.last_pid) == value]
            if not found:
                shell.complain(f"wait: {word}: no such job")
                return 127
            chosen += found
    status = 0
    for job in list(chosen):
        shell.wait_for(job, True)
        if shell.interrupted:
            return 128 + libc.SIGINT
        status = libc.shell_status(job.status)
        if job in shell.jobs:
            shell.jobs.remove(job)
    return status if len(words) > 1 else 0


def builtin_fg(shell, words):
    """fg [%JOB]"""
    number = words[1].removeprefix("%") if len(words) > 1 else ""
    chosen = [job for job in shell.jobs if not number or str(job.number) == number]
    if not chosen:
        shell.complain("fg: no such job")
        return 1
    job = chosen[-1]
    shell.jobs.remove(job)
    libc.eputs(job.source)
    shell.foreground(job)
    return shell.status


def builtin_colon(shell, words):
    """:"""
    return 0


def builtin_history(shell, words):
    """history"""
    lines = shell.editor.history if shell.editor is not None else []
    libc.fputs("".join(f"{number:5}  {line}\n" for number, line in enumerate(lines, 1)))
    return 0


def builtin_exec(shell, words):
    """exec PROGRAM [ARGUMENT ...]"""
    if len(words) < 2:
        return 0
    path = shell.find(words[1])
    if path is None:
        shell.complain(f"exec: {words[1]}: not found")
        raise ExitShell(127)
    libc.execve(path, words[1:], shell.environment())
    shell.complain(f"exec: {words[1]}: {libc.strerror(libc.errno)}")
    raise ExitShell(126)


def builtin_help(shell, words):
    """help"""
    libc.puts("Built in:")
    libc.fputs("".join(f"  {BUILTINS[name].__doc__}\n" for name in sorted(BUILTINS)))
    programs = libc.listdir("/bin")
    if programs != -1:
        libc.puts("Programs (each explains itself with --help):")
        line = " "
        for name in programs:
            if len(line) + 1 + len(name) > 78:
                libc.puts(line)
                line = " "
            line += " " + name
        libc.puts(line)
    return 0


BUILTINS = {
    ":": builtin_colon,
    "cd": builtin_cd,
    "exec": builtin_exec,
    "exit": builtin_exit,
    "export": builtin_export,
    "fg": builtin_fg,
    "help": builtin_help,
    "history": builtin_history,
    "jobs": builtin_jobs,
    "pwd": builtin_pwd,
    "set": builtin_set,
    "unset": builtin_unset,
    "wait": builtin_wait,
}
