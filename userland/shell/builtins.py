"""The commands that run inside the shell.  Each takes (shell, words) and returns an exit status.

`SPECIAL` are POSIX's special built-ins: a failing one ends a shell that is not interactive, and assignments before
them stay.
"""

from userland import libc
from userland.shell.control import Break, Continue, ExitShell, Return
from userland.shell.input_output import builtin_echo, builtin_printf, builtin_read, builtin_test
from userland.shell.job_control import (
    builtin_bg,
    builtin_fg,
    builtin_jobs,
    builtin_kill,
    builtin_trap,
    builtin_wait,
)
from userland.shell.lexer import is_name, quote

OPTION_NAMES = {
    "allexport": "a", "errexit": "e", "noglob": "f", "monitor": "m", "noexec": "n", "nounset": "u", "verbose": "v", "xtrace": "x",
    "noclobber": "C", "pipefail": "pipefail", "notify": "b",
}  # fmt: skip


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
