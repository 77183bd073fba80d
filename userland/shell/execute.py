"""Runs the tree: commands, lists, loops, functions, redirections (POSIX.1-2017 XCU 2.7 to 2.9).

A greenlet can not be forked, so whatever needs a process of its own and is not a program file is run by another shell,
which is told all of this one's state (`state`).  Redirections are made in the shell itself and taken back afterwards; a
program that is started meanwhile inherits them.
"""

from userland import libc
from userland.shell.builtins import BUILTINS, SPECIAL
from userland.shell.control import Break, Continue, ExitShell, Return
from userland.shell.descriptors import PIPE_ROOM, Descriptors, RedirectError
from userland.shell.expand import Expander, ExpansionError
from userland.shell.jobs import JobTable
from userland.shell.lexer import ShellSyntaxError
from userland.shell.nodes import (
    AndOr,
    For,
    Function,
    Group,
    If,
    List,
    Pipeline,
    Redirected,
    Simple,
    Subshell,
    While,
)
from userland.shell.parser import Parser
from userland.shell.pattern import matches
from userland.shell.state import describe
from userland.shell.variables import ReadonlyError, Variables

PATH_DEFAULT = "/bin"
SYNTAX_STATUS = 2
REDIRECT_STATUS = 2
NOT_FOUND, NOT_EXECUTABLE = 127, 126
MAX_CALLS = 200


class Shell:
    """One shell: what it knows, and how it runs what it reads."""

    def __init__(self, name, arguments=(), interactive=False, terminal=-1):
        self.name = name
        self.arguments = list(arguments)
        self.interactive = interactive
        self.terminal = terminal
        self.variables = Variables(libc.environ())
        self.variables.setdefault("PATH", PATH_DEFAULT)
        self.variables.exported["PATH"] = True
        self.variables.setdefault("PWD", libc.getcwd() or "/")
        self.functions = {}
        self.aliases = {}
        self.options = {}
        self.traps = {}
        self.pending_traps = []
        self.status = 0
        self.pid = libc.getpid()
        self.last_background = 0
        self.line = 1
        self.loops = 0
        self.calls = []
        # Above 0 where a failure does not end a shell with -e: conditions, and what is not last in a list.
        self.conditions = 0
        # Set by the handler of SIGINT: the command being run was interrupted, and the shell may have to follow.
        self.interrupted = False
        self.jobs = JobTable(self)
        self.expander = Expander(self)
        self.descriptors = Descriptors(self)
        self.editor = None
        self.getopts_offset = 0
        # What the last command substitution ended with: the status of a command that has no name.
        self.substitution_status = 0

    # --- parameters and options ---

    def option(self, letter):
        return self.options.get(letter, False)

    def value(self, name):
        """The value of a parameter, or None when it is not set."""
        if name == "?":
            return str(self.status)
        if name == "$":
            return str(self.pid)
        if name == "!":
            return str(self.last_background) if self.last_background else None
        if name == "#":
            return str(len(self.arguments))
        if name in ("@", "*"):
            return " ".join(self.arguments) if self.arguments else None
        if name == "-":
            return "".join(letter for letter in sorted(self.options) if self.options[letter])
        if name == "0":
            return self.name
        if name.isdigit():
            index = int(name) - 1 if len(name) < 9 else len(self.arguments)
            return self.arguments[index] if index < len(self.arguments) else None
        if name == "LINENO":
            return str(self.line)
        return self.variables.get(name)

    def assign(self, name, value):
        """Set a variable; ExpansionError when it is read-only."""
        try:
            self.variables.set(name, value)
        except ReadonlyError:
            raise ExpansionError(f"{name}: is read only") from None
        if self.option("a"):
            self.variables.exported[name] = True

    def names_in(self, directory):
        names = libc.listdir(directory or ".")
        return [] if names == -1 else names

    def is_directory(self, path):
        found = libc.stat(path)
        return found != -1 and found.is_directory()

    def complain(self, text):
        where = "" if self.interactive else f"line {self.line}: "
        libc.eputs(f"sh: {where}{text}")

    def find(self, name):
        """The path of a program, or None."""
        if "/" in name:
            return name
        for directory in (self.variables.get("PATH") or "").split(":"):
            path = f"{directory or '.'}/{name}"
            found = libc.stat(path)
            if found != -1 and not found.is_directory():
                return path
        return None

    def environment(self):
        return self.variables.environment()

    # --- text ---

    def run_text(self, text, first_line=1):
        """Run all of `text`, a line at a time, as a script is read; the status.  ShellSyntaxError leaves it."""
        parser = Parser(text, first_line, True, 0, self.aliases)
        while True:
            line = parser.command_line()
            if line is None:
                return self.status
            self.run(line)
            if self.interrupted:
                return self.status

    # --- running ---

    def run(self, node):
        """Run a List; the status."""
        for item in node.items:
            self.run_and_or(item)
            if self.interrupted:
                break
        return self.status

    def run_and_or(self, node):
        if node.background:
            self.start_background(node)
            return
        last = len(node.items) - 1
        for index, (connector, pipeline) in enumerate(node.items):
            if (connector == "&&" and self.status != 0) or (connector == "||" and self.status == 0):
                continue
            self.conditions += index != last
            try:
                self.run_pipeline(pipeline)
            finally:
                self.conditions -= index != last
            if self.interrupted:
                return

    def run_pipeline(self, node):
        self.conditions += node.negated
        try:
            if len(node.commands) == 1:
                self.run_command(node.commands[0], node.source)
            else:
                self.jobs.foreground(self.start_pipeline(node))
                if not node.negated:
                    self.check_failure()
        finally:
            self.conditions -= node.negated
        if node.negated:
            self.status = int(self.status == 0)
        self.run_traps()

    def check_failure(self):
        """set -e."""
        if self.status and self.option("e") and not self.conditions:
            raise ExitShell(self.status)

    def run_command(self, node, source=""):
        """Run one command in this shell."""
        kind = type(node)
        if kind is Simple:
            self.run_simple(node, source)
        elif kind is Redirected:
            self.run_redirected(node)
        elif kind is Subshell:
            self.jobs.foreground(self.jobs.job([self.start_shell(node.body, self.group())], source))
            self.check_failure()
        elif kind is Group:
            self.run(node.body)
        elif kind is Function:
            self.functions[node.name] = node.body
            self.status = 0
        elif kind is If:
            self.run_if(node)
        elif kind is While:
            self.run_while(node)
        elif kind is For:
            self.run_for(node)
        else:
            self.run_case(node)

    def test(self, node):
        """Whether a condition holds."""
        self.conditions += 1
        try:
            return self.run(node) == 0
        finally:
            self.conditions -= 1

    def run_if(self, node):
        for condition, body in node.clauses:
            if self.test(condition):
                self.run(body)
                return
            if self.interrupted:
                return
        self.status = 0
        if node.otherwise is not None:
            self.run(node.otherwise)

    def looped(self, body):
        """Run the body of a loop once; False when the loop is left."""
        try:
            self.run(body)
        except Break as leaving:
            if leaving.levels > 1:
                raise Break(leaving.levels - 1) from None
            return False
        except Continue as leaving:
            if leaving.levels > 1:
                raise Continue(leaving.levels - 1) from None
        return not self.interrupted

    def run_while(self, node):
        status = 0
        self.loops += 1
        try:
            while True:
                try:
                    holds = self.test(node.condition)
                except Break as leaving:
                    if leaving.levels > 1:
                        raise Break(leaving.levels - 1) from None
                    break
                except Continue as leaving:
                    if leaving.levels > 1:
                        raise Continue(leaving.levels - 1) from None
                    continue
                if holds == node.until or self.interrupted:
                    break
                going = self.looped(node.body)
                status = self.status
                if not going:
                    break
        finally:
            self.loops -= 1
        self.status = self.status if self.interrupted else status

    def run_for(self, node):
        self.line = node.line
        words = self.expanded(lambda: self.expander.fields(node.words)) if node.words is not None else list(self.arguments)
        if words is None:
            return
        self.status = 0
        self.loops += 1
        try:
            for word in words:
                if not self.guarded_assign(node.name, word) or not self.looped(node.body):
                    break
        finally:
            self.loops -= 1

    def run_case(self, node):
        self.line = node.line
        word = self.expanded(lambda: self.expander.single(node.word))
        if word is None:
            return
        self.status = 0
        through = False
        for patterns, body, falls_through in node.clauses:
            if through or any(matches(self.expander.pattern(pattern), word) for pattern in patterns):
                self.run(body)
                if not falls_through:
                    return
                through = True

    # --- expansions that may fail ---

    def expanded(self, function):
        """What an expansion gives, or None when it failed: the error is told, and ends a shell that is not interactive."""
        try:
            return function()
        except ExpansionError as error:
            self.fail(str(error))
            return None

    def fail(self, text, status=SYNTAX_STATUS):
        """An error after which a shell that is not interactive does not go on."""
        self.complain(text)
        self.status = status
        if not self.interactive:
            raise ExitShell(status)
        raise Abandon

    def guarded_assign(self, name, value):
        return self.expanded(lambda: self.assign(name, value) or True)

    def capture(self, node):
        """What the commands write to standard output, without the newlines at its end."""
        ends = libc.pipe(libc.O_CLOEXEC)
        if ends == -1:
            raise ExpansionError(f"pipe: {libc.strerror(libc.errno)}")
        before = self.status
        reader, writer = self.descriptors.own(ends[0]), self.descriptors.own(ends[1])
        saved = self.descriptors.redirect_to([(writer, 1)])
        libc.close(writer)
        try:
            pid = self.start_node(node, -1)
        finally:
            self.descriptors.restore(saved)
        parts = []
        while True:
            chunk = libc.read_bytes(reader, PIPE_ROOM)
            if chunk == -1 and libc.errno == libc.EINTR and not self.interrupted:
                continue
            if chunk == -1 or not chunk:
                break
            parts.append(chunk)
        libc.close(reader)
        if pid > 0:
            self.jobs.wait_quietly(pid)
        # $? stays what it was for the rest of the word.
        self.substitution_status, self.status = self.status, before
        text = b"".join(parts).replace(b"\0", b"").decode("utf-8", "surrogateescape")
        return text.rstrip("\n")

    # --- simple commands ---

    def run_simple(self, node, source):
        self.line = node.line
        self.substitution_status = 0
        words = self.expanded(lambda: self.expander.fields(node.words))
        if not words:
            self.run_nameless(node)
            return
        builtin = BUILTINS.get(words[0])
        special = words[0] in SPECIAL
        if words[0] in self.functions and not special:
            self.with_assignments(node, words, lambda: self.call_function(words), False)
        elif builtin is not None:
            self.with_assignments(node, words, lambda: self.call_builtin(builtin, words), special)
        else:
            self.run_program(node, words, source)
        self.check_failure()

    def run_nameless(self, node):
        """Assignments and redirections without a command."""
        try:
            saved = self.descriptors.apply_redirects(node.redirects)
        except RedirectError as error:
            self.complain(str(error))
            self.status = REDIRECT_STATUS
            self.check_failure()
            return
        self.descriptors.restore(saved)
        values = []
        for name, word in node.assignments:
            value = self.expanded(lambda word=word: self.expander.single(word))
            values.append(f"{name}={value}")
            self.guarded_assign(name, value)
        if values:
            self.trace(values)
        self.status = self.substitution_status
        self.check_failure()

    def trace(self, words):
        """set -x."""
        if self.option("x"):
            libc.eputs((self.variables.get("PS4") or "+ ") + " ".join(words))

    def with_assignments(self, node, words, function, permanent):
        """Run a function or a built-in with its assignments and redirections, which end with it (not for special ones)."""
        values = [(name, self.expanded(lambda word=word: self.expander.single(word))) for name, word in node.assignments]
        self.trace([f"{name}={value}" for name, value in values] + words)
        try:
            saved = self.descriptors.apply_redirects(node.redirects)
        except RedirectError as error:
            if permanent:
                self.fail(str(error))
            self.complain(str(error))
            self.status = REDIRECT_STATUS
            return
        before = [] if permanent else [(name, self.variables.snapshot(name)) for name, _ in values]
        try:
            for name, value in values:
                self.guarded_assign(name, value)
                if not permanent or words[0] == "exec":
                    self.variables.exported[name] = True
            function()
        finally:
            for name, entry in reversed(before):
                self.variables.put_back(name, entry)
            # `exec` without a program keeps its redirections.
            if words[0] == "exec" and len(words) == 1:
                self.descriptors.forget(saved)
            else:
                self.descriptors.restore(saved)

    def call_builtin(self, builtin, words):
        try:
            self.status = builtin(self, words)
        except ReadonlyError as error:
            self.fail(f"{words[0]}: {error}: is read only")
        except ShellSyntaxError as error:
            self.line = error.line
            self.fail(str(error))

    def call_function(self, words):
        if len(self.calls) >= MAX_CALLS:
            self.fail(f"{words[0]}: functions are nested too deeply")
        saved, loops = self.arguments, self.loops
        self.arguments = words[1:]
        self.loops = 0
        self.calls.append({})
        try:
            self.status = 0
            self.run_command(self.functions[words[0]], words[0])
        except Return as leaving:
            self.status = leaving.status
        finally:
            for name, entry in reversed(self.calls.pop().items()):
                self.variables.put_back(name, entry)
            self.arguments, self.loops = saved, loops

    def run_redirected(self, node):
        try:
            saved = self.descriptors.apply_redirects(node.redirects)
        except RedirectError as error:
            self.complain(str(error))
            self.status = REDIRECT_STATUS
            self.check_failure()
            return
        try:
            self.run_command(node.body)
        finally:
            self.descriptors.restore(saved)

    def run_program(self, node, words, source):
        pid = self.start_simple(node, words, self.group())
        self.jobs.foreground(self.jobs.job([pid], source or " ".join(words)))

    # --- processes ---

    def group(self):
        """The process group of a new job: one of its own where jobs are controlled."""
        return 0 if self.option("m") else -1

    def start_simple(self, node, words, pgid):
        """Start a program; its pid, or 0 with $? set."""
        if any(self.descriptors.names_fifo(redirect) for redirect in node.redirects):
            # Opening a FIFO waits for its other end: that is for the program's process, not for this one.
            literal = [[["quoted", word]] for word in ["exec", *words]]
            return self.start_shell(in_a_list(Simple(node.assignments, literal, node.redirects, node.line)), pgid)
        try:
            saved = self.descriptors.apply_redirects(node.redirects)
        except RedirectError as error:
            self.complain(str(error))
            self.status = REDIRECT_STATUS
            return 0
        try:
            values = [(name, self.expander.single(word)) for name, word in node.assignments]
            self.trace([f"{name}={value}" for name, value in values] + words)
            return self.spawn(words, {**self.environment(), **dict(values)}, pgid)
        finally:
            self.descriptors.restore(saved)

    def spawn(self, words, environment, pgid):
        path = self.find(words[0])
        if path is None:
            self.complain(f"{words[0]}: not found")
            self.status = NOT_FOUND
            return 0
        pid = libc.spawn(path, words, environment, [], pgid)
        if pid > 0:
            return pid
        number = libc.errno
        if number == libc.ENOEXEC and self.is_script(path):
            pid = libc.spawn("/proc/self/exe", ["sh", path, *words[1:]], environment, [], pgid)
            if pid > 0:
                return pid
        missing = number in (libc.ENOENT, libc.ENOTDIR)
        self.complain(f"{words[0]}: {'not found' if missing else libc.strerror(number)}")
        self.status = NOT_FOUND if missing else NOT_EXECUTABLE
        return 0

    def is_script(self, path):
        found = libc.stat(path)
        return found != -1 and not found.is_directory() and found.st_mode & 0o111

    def start_node(self, node, pgid):
        """Start anything in a process of its own; its pid, or 0 with $? set."""
        command = sole_simple(node)
        if command is not None:
            self.line = command.line
            try:
                words = self.expander.fields(command.words)
            except ExpansionError as error:
                self.complain(str(error))
                self.status = SYNTAX_STATUS
                return 0
            if words and words[0] not in BUILTINS and words[0] not in self.functions:
                return self.start_simple(command, words, pgid)
        return self.start_shell(node, pgid)

    def start_shell(self, node, pgid):
        """Another shell with this one's state runs `node`; its pid, or 0."""
        try:
            fd = self.descriptors.own(self.descriptors.text_descriptor(describe(self, node)))
        except RedirectError as error:
            self.complain(str(error))
            self.status = SYNTAX_STATUS
            return 0
        number = self.descriptors.own_number()
        actions = [(libc.SPAWN_DUP2, fd, number)]
        pid = libc.spawn("/proc/self/exe", ["sh", "--subshell", str(number)], self.environment(), actions, pgid)
        libc.close(fd)
        if pid < 0:
            self.complain(f"subshell: {libc.strerror(libc.errno)}")
            self.status = SYNTAX_STATUS
        return max(pid, 0)

    def start_pipeline(self, node):
        """Start every command of a pipeline; the `Job`."""
        pids = []
        pgid = self.group()
        upstream = -1
        for index, command in enumerate(node.commands):
            ends = (-1, -1)
            if index + 1 < len(node.commands):
                ends = libc.pipe(libc.O_CLOEXEC)
                if ends == -1:
                    self.complain(f"pipe: {libc.strerror(libc.errno)}")
                    ends = (-1, -1)
                else:
                    ends = self.descriptors.own(ends[0]), self.descriptors.own(ends[1])
            saved = self.descriptors.redirect_to([(fd, number) for fd, number in ((upstream, 0), (ends[1], 1)) if fd >= 0])
            try:
                pid = self.start_node(in_a_list(command), pgid)
            finally:
                self.descriptors.restore(saved)
                for fd in (upstream, ends[1]):
                    if fd >= 0:
                        libc.close(fd)
            upstream = ends[0]
            pids.append(pid)
            if pgid == 0 and pid > 0:
                pgid = pid
        if upstream >= 0:
            libc.close(upstream)
        return self.jobs.job(pids, node.source, pgid)

    def start_background(self, node):
        """`... &`"""
        items = node.items
        if len(items) == 1 and len(items[0][1].commands) > 1 and not items[0][1].negated:
            job = self.start_pipeline(items[0][1])
        else:
            saved = [] if self.option("m") else self.null_input()
            inner = AndOr(items, False, node.source)
            pid = self.start_node(List([inner]), self.group())
            self.descriptors.restore(saved)
            job = self.jobs.job([pid], node.source)
        self.jobs.background(job)

    def null_input(self):
        """Without job control a command in the background does not read the shell's input."""
        fd = libc.open("/dev/null", libc.O_RDONLY | libc.O_CLOEXEC)
        if fd < 0:
            return []
        fd = self.descriptors.own(fd)
        saved = self.descriptors.redirect_to([(fd, 0)])
        libc.close(fd)
        return saved

    # --- signals and the end ---

    def catch_interrupts(self):
        """SIGINT ends the command that runs, not the shell that waits for it."""

        def interrupted(signum):
            if signum in self.traps:
                self.pending_traps.append(signum)
            else:
                self.interrupted = True

        libc.signal(libc.SIGINT, interrupted)

    def run_traps(self):
        """The actions of the signals that have come, between two commands."""
        while self.pending_traps:
            action = self.traps.get(self.pending_traps.pop(0))
            if action:
                status = self.status
                self.run_text(action, self.line)
                self.status = status

    def leave(self, status):
        """The action of `trap ... EXIT`, once; the status to end with."""
        action = self.traps.pop(0, None)
        self.status = status
        if action:
            try:
                self.run_text(action, self.line)
                return status
            except ExitShell as leaving:
                return leaving.status
            except ShellSyntaxError as error:
                self.complain(str(error))
        return status


class Abandon(Exception):
    """An interactive shell gives the command line up."""


def in_a_list(command):
    """The List that consists of one command."""
    return List([AndOr([["", Pipeline([command], False, "")]], False, "")])


def sole_simple(node):
    """The Simple that a List consists of, if it is but one and not in the background; else None."""
    if type(node) is not List or len(node.items) != 1:
        return None
    item = node.items[0]
    if item.background or len(item.items) != 1:
        return None
    pipeline = item.items[0][1]
    if pipeline.negated or len(pipeline.commands) != 1 or type(pipeline.commands[0]) is not Simple:
        return None
    return pipeline.commands[0]


