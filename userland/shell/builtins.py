"""The commands that run inside the shell.  Each takes (shell, words) and returns an exit status.

`SPECIAL` are POSIX's special built-ins: a failing one ends a shell that is not interactive, and assignments before
them stay.
"""

from userland import libc
from userland.shell.condition import test_words
from userland.shell.control import Break, Continue, ExitShell, Return
from userland.shell.format import echo_text, format_printf
from userland.shell.jobs import signal_text
from userland.shell.lexer import is_name

SIGNALS = {
    name: getattr(libc, f"SIG{name}")
    for name in ("HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "CHLD", "CONT", "STOP",
                 "TSTP", "TTIN", "TTOU")
    if hasattr(libc, f"SIG{name}")
}  # fmt: skip
OPTION_NAMES = {
    "allexport": "a", "errexit": "e", "noglob": "f", "monitor": "m", "noexec": "n", "nounset": "u", "verbose": "v", "xtrace": "x",
    "noclobber": "C", "pipefail": "pipefail", "notify": "b",
}  # fmt: skip


def quote(word):
    """A word so that the shell reads it back as it is."""
    return "'" + word.replace("'", "'\\''") + "'"


def builtin_cd(shell, words):
    """cd [-LP] [DIRECTORY | -]"""
    operands = [word for word in words[1:] if word not in ("-L", "-P", "--")]
    if len(operands) > 1:
        shell.complain("cd: too many arguments")
        return 2
    target = operands[0] if operands else shell.variables.get("HOME") or "/"
    shown = target == "-"
    if shown:
        target = shell.variables.get("OLDPWD") or "/"
    if libc.chdir(target) < 0:
        shell.complain(f"cd: {target}: {libc.strerror(libc.errno)}")
        return 2
    shell.assign("OLDPWD", shell.variables.get("PWD") or "")
    shell.assign("PWD", libc.getcwd() or target)
    if shown:
        libc.puts(target)
    return 0


def builtin_pwd(shell, words):
    """pwd"""
    path = libc.getcwd()
    if path is None:
        shell.complain(f"pwd: {libc.strerror(libc.errno)}")
        return 1
    libc.puts(path)
    return 0


def number_argument(shell, words, default):
    """The number that may follow a command's name; a bad one ends the shell."""
    if len(words) < 2:
        return default
    if not words[1].isascii() or not words[1].isdigit() or len(words[1]) > 9:
        shell.fail(f"{words[0]}: Illegal number: {words[1]}")
    return int(words[1])


def builtin_exit(shell, words):
    """exit [STATUS]"""
    raise ExitShell(number_argument(shell, words, shell.status) & 0xFF)


def builtin_return(shell, words):
    """return [STATUS]"""
    raise Return(number_argument(shell, words, shell.status) & 0xFF)


def builtin_break(shell, words):
    """break [LEVELS]"""
    levels = number_argument(shell, words, 1)
    if shell.loops and levels:
        raise Break(min(levels, shell.loops))
    return 0


def builtin_continue(shell, words):
    """continue [LEVELS]"""
    levels = number_argument(shell, words, 1)
    if shell.loops and levels:
        raise Continue(min(levels, shell.loops))
    return 0


def builtin_colon(shell, words):
    """: [ARGUMENT ...]"""
    return 0


def builtin_true(shell, words):
    """true"""
    return 0


def builtin_false(shell, words):
    """false"""
    return 1


# --- variables ---


def declare(shell, words, marks, verb):
    """export and readonly."""
    if len(words) == 1 or words[1:] == ["-p"]:
        for name in sorted(marks):
            value = shell.variables.get(name)
            libc.puts(f"{verb} {name}" + ("" if value is None else f"={quote(value)}"))
        return 0
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if word == "-p":
            continue
        if not is_name(name):
            shell.fail(f"{verb}: {name}: bad variable name")
        if equals:
            shell.variables.set(name, value)
        marks[name] = True
    return 0


def builtin_export(shell, words):
    """export [-p] [NAME[=VALUE] ...]"""
    return declare(shell, words, shell.variables.exported, "export")


def builtin_readonly(shell, words):
    """readonly [-p] [NAME[=VALUE] ...]"""
    return declare(shell, words, shell.variables.readonly, "readonly")


def builtin_local(shell, words):
    """local [NAME[=VALUE] ...]"""
    if not shell.calls:
        shell.fail("local: not in a function")
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not is_name(name):
            shell.fail(f"local: {name}: bad variable name")
        if name not in shell.calls[-1]:
            shell.calls[-1][name] = shell.variables.snapshot(name)
        if equals:
            shell.variables.set(name, value)
    return 0


def builtin_unset(shell, words):
    """unset [-fv] NAME ..."""
    functions = "-f" in words[1:2]
    for name in words[1:]:
        if name in ("-f", "-v"):
            continue
        if functions:
            shell.functions.pop(name, None)
        else:
            shell.variables.unset(name)
    return 0


def builtin_set(shell, words):
    """set [-aefmnuvxC] [-o OPTION] [--] [ARGUMENT ...]"""
    if len(words) == 1:
        for name in sorted(shell.variables.values):
            libc.puts(f"{name}={quote(shell.variables.values[name])}")
        return 0
    index = 1
    while index < len(words) and words[index][:1] in ("-", "+") and len(words[index]) > 1:
        word = words[index]
        index += 1
        if word == "--":
            set_arguments(shell, words[index:])
            return 0
        on = word[0] == "-"
        for letter in word[1:]:
            if letter == "o":
                if index >= len(words):
                    show_options(shell)
                    continue
                letter = OPTION_NAMES.get(words[index], "")
                index += 1
            if letter not in OPTION_NAMES.values():
                shell.fail(f"set: Illegal option {word}")
            shell.options[letter] = on
    if index < len(words):
        set_arguments(shell, words[index:])
    return 0


def set_arguments(shell, arguments):
    """New positional parameters, which getopts reads from their beginning."""
    shell.arguments = arguments
    shell.getopts_offset = 0
    shell.assign("OPTIND", "1")


def show_options(shell):
    libc.puts("Current option settings")
    for name in sorted(OPTION_NAMES):
        libc.puts(f"{name:<16}{'on' if shell.option(OPTION_NAMES[name]) else 'off'}")


def builtin_shift(shell, words):
    """shift [N]"""
    count = number_argument(shell, words, 1)
    if count > len(shell.arguments):
        shell.fail("shift: can't shift that many")
    del shell.arguments[:count]
    return 0


def builtin_getopts(shell, words):
    """getopts OPTSTRING NAME [ARGUMENT ...]"""
    if len(words) < 3:
        shell.complain("getopts: usage: getopts OPTSTRING NAME [ARGUMENT ...]")
        return 2
    letters, name = words[1], words[2]
    arguments = words[3:] or shell.arguments
    text = shell.variables.get("OPTIND") or "1"
    index = int(text) if text.isdigit() and int(text) > 0 else 1
    offset = shell.getopts_offset if index > 1 or shell.getopts_offset else 0
    word = arguments[index - 1] if index <= len(arguments) else ""
    if not offset:
        if not word.startswith("-") or word == "-" or word == "--":
            shell.assign("OPTIND", str(index + (word == "--")))
            shell.assign(name, "?")
            return 1
        offset = 1
    letter = word[offset : offset + 1]
    offset += 1
    at = letters.find(letter) if letter != ":" else -1
    quiet = letters.startswith(":")
    shell.variables.unset("OPTARG")
    found = letter
    if at < 0:
        found = "?"
        if quiet:
            shell.assign("OPTARG", letter)
        else:
            libc.eputs(f"Illegal option -{letter}")
    elif letters[at + 1 : at + 2] == ":":
        if offset < len(word):
            shell.assign("OPTARG", word[offset:])
        elif index < len(arguments):
            shell.assign("OPTARG", arguments[index])
            index += 1
        elif quiet:
            found = ":"
            shell.assign("OPTARG", letter)
        else:
            found = "?"
            libc.eputs(f"No arg for -{letter} option")
        offset = len(word)
    if offset >= len(word):
        index, offset = index + 1, 0
    shell.getopts_offset = offset
    shell.assign("OPTIND", str(index))
    shell.assign(name, found)
    return 0


# --- input and output ---


def builtin_echo(shell, words):
    """echo [-n] [WORD ...]"""
    return 0 if libc.fputs(echo_text(words[1:])) == 0 else 1


def builtin_printf(shell, words):
    """printf FORMAT [ARGUMENT ...]"""
    if len(words) < 2:
        shell.complain("printf: usage: printf FORMAT [ARGUMENT ...]")
        return 2
    text, problems = format_printf(words[1], words[2:])
    for problem in problems:
        shell.complain(f"printf: {problem}")
    return int(libc.fputs(text) < 0 or bool(problems))


def builtin_test(shell, words):
    """test EXPRESSION, [ EXPRESSION ]"""
    operands = words[1:]
    if words[0] == "[":
        if not operands or operands[-1] != "]":
            shell.complain("[: missing ]")
            return 2
        operands = operands[:-1]
    result, problem = test_words(operands)
    if problem:
        shell.complain(f"{words[0]}: {problem}")
    return result


def builtin_read(shell, words):
    """read [-r] [-p PROMPT] [NAME ...]"""
    raw = False
    names = words[1:]
    while names and names[0].startswith("-"):
        option = names.pop(0)
        if option == "-p" and names:
            libc.fputs(names.pop(0), libc.STDERR_FILENO)
        raw = raw or option == "-r"
    line, ended = read_line(shell, raw)
    assign_fields(shell, names or ["REPLY"], line)
    return 0 if ended else 1


def read_line(shell, raw):
    """([(character, escaped)], whether a newline ended it): byte by byte, for the rest belongs to others."""
    out = bytearray()
    marks = []
    escaped = False
    while True:
        byte = libc.read_bytes(0, 1)
        if byte == -1 and libc.errno == libc.EINTR and not shell.interrupted and not shell.pending_traps:
            continue
        if byte == -1 or not byte:
            break
        if escaped:
            escaped = False
            if byte != b"\n":
                out += byte
                marks.append(True)
        elif byte == b"\\" and not raw:
            escaped = True
        elif byte == b"\n":
            return decoded(out, marks), True
        else:
            out += byte
            marks.append(False)
    return decoded(out, marks), False


def decoded(out, marks):
    text = bytes(out).decode("utf-8", "surrogateescape")
    if len(text) == len(marks):
        return list(zip(text, marks, strict=True))
    positions = [0]
    for char in text:
        positions.append(positions[-1] + len(char.encode("utf-8", "surrogateescape")))
    return [(char, marks[positions[index]]) for index, char in enumerate(text)]


def assign_fields(shell, names, line):
    """Split at IFS; the last name gets the rest."""
    ifs = shell.variables.get("IFS", " \t\n")
    white = [char for char in ifs if char in " \t\n"]
    position, end = 0, len(line)

    def is_white(at):
        return not line[at][1] and line[at][0] in white

    while position < end and is_white(position):
        position += 1
    for index, name in enumerate(names):
        if index == len(names) - 1:
            stop = end
            while stop > position and is_white(stop - 1):
                stop -= 1
            rest = line[position:stop]
            # One separator at the very end belongs to the field before it.
            others = [at for at, (char, escaped) in enumerate(rest) if not escaped and char in ifs and char not in white]
            if others == [len(rest) - 1]:
                rest = rest[:-1]
                while rest and not rest[-1][1] and rest[-1][0] in white:
                    rest = rest[:-1]
            shell.assign(name, "".join(char for char, _ in rest))
            return
        start = position
        while position < end and (line[position][1] or line[position][0] not in ifs):
            position += 1
        shell.assign(name, "".join(char for char, _ in line[start:position]))
        while position < end and is_white(position):
            position += 1
        if position < end and not line[position][1] and line[position][0] in ifs and line[position][0] not in white:
            position += 1
            while position < end and is_white(position):
                position += 1


# --- running ---


def builtin_eval(shell, words):
    """eval [WORD ...]"""
    shell.status = 0
    return shell.run_text(" ".join(words[1:]), shell.line)


def builtin_dot(shell, words):
    """. FILE [ARGUMENT ...]"""
    if len(words) < 2:
        shell.fail(".: a file name is needed")
    path = shell.find(words[1])
    text = libc.read_file(path) if path is not None else -1
    if text == -1:
        shell.fail(f".: {words[1]}: {'not found' if path is None else libc.strerror(libc.errno)}")
    saved = shell.arguments
    if len(words) > 2:
        shell.arguments = words[2:]
    try:
        shell.status = 0
        return shell.run_text(text.decode("utf-8", "surrogateescape"))
    except Return as leaving:
        return leaving.status
    finally:
        if len(words) > 2:
            shell.arguments = saved


def builtin_exec(shell, words):
    """exec [PROGRAM [ARGUMENT ...]]"""
    if len(words) < 2:
        return 0
    path = shell.find(words[1])
    if path is None:
        shell.complain(f"exec: {words[1]}: not found")
        raise ExitShell(127)
    libc.execve(path, words[1:], shell.environment())
    shell.complain(f"exec: {words[1]}: {libc.strerror(libc.errno)}")
    raise ExitShell(126)


def builtin_command(shell, words):
    """command [-pvV] NAME [ARGUMENT ...]"""
    index = 1
    describe = None
    while index < len(words) and words[index] in ("-p", "-v", "-V", "--"):
        describe = words[index] if words[index] in ("-v", "-V") else describe
        index += 1
    rest = words[index:]
    if not rest:
        return 0
    if describe is not None:
        return max(describe_command(shell, name, describe == "-V") for name in rest)
    if rest[0] in BUILTINS:
        return BUILTINS[rest[0]](shell, rest)
    shell.status = 0
    pid = shell.spawn(rest, shell.environment(), shell.group())
    shell.jobs.foreground(shell.jobs.job([pid], " ".join(rest)))
    return shell.status


def describe_command(shell, name, long):
    """What `type` and `command -v` say about a name; 0, or 127."""
    path = shell.find(name)
    if name in shell.aliases:
        libc.puts(f"{name} is an alias for {shell.aliases[name]}" if long else f"alias {name}={quote(shell.aliases[name])}")
    elif name in SPECIAL:
        libc.puts(f"{name} is a special shell builtin" if long else name)
    elif name in shell.functions:
        libc.puts(f"{name} is a shell function" if long else name)
    elif name in BUILTINS:
        libc.puts(f"{name} is a shell builtin" if long else name)
    elif path is not None and libc.stat(path) != -1:
        libc.puts(f"{name} is {path}" if long else path)
    else:
        if long:
            libc.puts(f"{name}: not found")
        return 127
    return 0


def builtin_type(shell, words):
    """type NAME ..."""
    return max([describe_command(shell, name, True) for name in words[1:]], default=0)


def builtin_alias(shell, words):
    """alias [NAME[=TEXT] ...]"""
    status = 0
    if len(words) == 1:
        for name in sorted(shell.aliases):
            libc.puts(f"{name}={quote(shell.aliases[name])}")
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if equals:
            shell.aliases[name] = value
        elif name in shell.aliases:
            libc.puts(f"{name}={quote(shell.aliases[name])}")
        else:
            shell.complain(f"alias: {name} not found")
            status = 1
    return status


def builtin_unalias(shell, words):
    """unalias -a | NAME ..."""
    if words[1:] == ["-a"]:
        shell.aliases.clear()
        return 0
    missing = [name for name in words[1:] if shell.aliases.pop(name, None) is None]
    for name in missing:
        shell.complain(f"unalias: {name} not found")
    return int(bool(missing))


def builtin_umask(shell, words):
    """umask [MODE]"""
    if len(words) == 1:
        mask = libc.umask(0)
        libc.umask(mask)
        libc.puts(f"{mask:04o}")
        return 0
    if not words[1] or any(char not in "01234567" for char in words[1]) or int(words[1], 8) > 0o777:
        shell.complain(f"umask: Illegal mode: {words[1]}")
        return 2
    libc.umask(int(words[1], 8))
    return 0


def builtin_times(shell, words):
    """times"""
    libc.puts("0m0.000s 0m0.000s\n0m0.000s 0m0.000s")
    return 0


# --- signals and jobs ---


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
    from userland.programs import kill

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


def builtin_history(shell, words):
    """history"""
    lines = shell.editor.history if shell.editor is not None else []
    libc.fputs("".join(f"{number:5}  {line}\n" for number, line in enumerate(lines, 1)))
    return 0


def builtin_help(shell, words):
    """help"""
    libc.puts("Built in:")
    libc.fputs("".join(f"  {BUILTINS[name].__doc__.splitlines()[0]}\n" for name in sorted(BUILTINS) if name != "["))
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
    ".": builtin_dot, ":": builtin_colon, "[": builtin_test, "alias": builtin_alias, "bg": builtin_bg, "break": builtin_break,
    "cd": builtin_cd, "command": builtin_command, "continue": builtin_continue, "echo": builtin_echo, "eval": builtin_eval,
    "exec": builtin_exec, "exit": builtin_exit, "export": builtin_export, "false": builtin_false, "fg": builtin_fg,
    "getopts": builtin_getopts, "help": builtin_help, "history": builtin_history, "jobs": builtin_jobs, "kill": builtin_kill,
    "local": builtin_local, "printf": builtin_printf, "pwd": builtin_pwd, "read": builtin_read, "readonly": builtin_readonly,
    "return": builtin_return, "set": builtin_set, "shift": builtin_shift, "test": builtin_test, "times": builtin_times,
    "trap": builtin_trap, "true": builtin_true, "type": builtin_type, "umask": builtin_umask, "unalias": builtin_unalias,
    "unset": builtin_unset, "wait": builtin_wait,
}  # fmt: skip
SPECIAL = (
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times", "trap",
    "unset",
)  # fmt: skip
