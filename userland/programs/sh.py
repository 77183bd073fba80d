"""sh: the shell, as POSIX has it (XCU chapter 2).

`sh --subshell FD` is how a shell starts a copy of itself: its state and what to run come by that descriptor.
"""

from userland import libc
from userland.shell.completion import candidates, word_start
from userland.shell.control import Break, Continue, ExitShell, Return
from userland.shell.execute import Abandon, Shell
from userland.shell.lexer import IncompleteError, ShellSyntaxError
from userland.shell.lineedit import EOF, INTERRUPT, LineEditor
from userland.shell.parser import Parser
from userland.shell.state import adopt

USAGE = "sh [-aefnuvxC] [-o OPTION] [-i] [-c COMMAND [NAME [ARGUMENT ...]] | -s | FILE [ARGUMENT ...]]"
SYNTAX_STATUS = 2
INTERRUPTED_STATUS = 130
OPTIONS = "aefnuvxCm"
OPTION_NAMES = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "pipefail": "pipefail", "noexec": "n"}


def main(argv):
    if len(argv) == 3 and argv[1] == "--subshell":
        return run_subshell(int(argv[2]))
    options = {}
    words = list(argv[1:])
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1 and words[0] != "--":
        word = words.pop(0)
        for letter in word[1:]:
            name = letter
            if letter == "o" and words:
                name = OPTION_NAMES.get(words.pop(0))
            if name is None or (name not in OPTIONS and name not in ("c", "i", "s", "pipefail")):
                libc.eputs(f"sh: Illegal option {word} (usage: {USAGE})")
                return 2
            options[name] = word[0] == "-"
    if words[:1] == ["--"]:
        words.pop(0)
    return start(options, words)


def start(options, words):
    """The exit status of a shell with these options and operands."""
    interactive = options.pop("i", False)
    from_input = options.pop("s", False)
    command = options.pop("c", False)
    if command:
        if not words:
            libc.eputs(f"sh: -c requires an argument (usage: {USAGE})")
            return 2
        shell = Shell(words[1] if len(words) > 1 else "sh", words[2:])
        shell.options = options
        return run_text(shell, words[0])
    if words and not from_input:
        text = libc.read_file(words[0])
        if text == -1:
            libc.eputs(f"sh: {words[0]}: {libc.strerror(libc.errno)}")
            return 127 if libc.errno == libc.ENOENT else 126
        shell = Shell(words[0], words[1:])
        shell.options = options
        return run_text(shell, text.decode("utf-8", "surrogateescape"))
    if interactive or libc.isatty(0):
        shell = Shell("sh", words, True, 0)
        shell.options = {"m": True, **options}
        return interact(shell)
    shell = Shell("sh", words)
    shell.options = options
    return run_input(shell)


def guarded(shell, function):
    """(whether the shell goes on, its status) after `function`."""
    try:
        function()
    except ShellSyntaxError as error:
        shell.line = error.line
        shell.complain(str(error))
        shell.status = SYNTAX_STATUS
        return False, SYNTAX_STATUS
    except (ExitShell, Return) as leaving:
        return False, leaving.status
    except (Break, Continue):
        return True, shell.status
    except Abandon:
        return True, shell.status
    except RecursionError:
        shell.complain("nested too deeply")
        return False, SYNTAX_STATUS
    return True, shell.status


def run_text(shell, text):
    """Run all of `text`; the exit status."""
    shell.catch_interrupts()
    if shell.option("n"):
        _, status = guarded(shell, lambda: Parser(text).program())
        return status
    _, status = guarded(shell, lambda: shell.run_text(text))
    return ended(shell, status)


def ended(shell, status):
    """The status of a shell that is through, or that was interrupted together with its command."""
    if shell.interrupted:
        status = INTERRUPTED_STATUS
    return shell.leave(status)


def run_subshell(fd):
    """What a shell's fork would do: go on with its state."""
    parts = []
    while chunk := libc.read_bytes(fd, 65536):
        if chunk == -1:
            if libc.errno == libc.EINTR:
                continue
            return SYNTAX_STATUS
        parts.append(chunk)
    libc.close(fd)
    shell = Shell("sh")
    node = adopt(shell, b"".join(parts))
    shell.catch_interrupts()
    _, status = guarded(shell, lambda: shell.run(node))
    return ended(shell, status)


def run_input(shell):
    """Commands from standard input, which the programs share: so it is read byte by byte."""
    shell.catch_interrupts()
    reader = libc.LineReader(0, 1)
    text = ""
    number = 1
    while True:
        line = reader.line()
        if line == -1 or (not line and not text):
            return ended(shell, shell.status)
        text += line.decode("utf-8", "surrogateescape") if line else ""
        parser = Parser(text, number, not line, 0, shell.aliases)
        try:
            node = parser.program()
        except IncompleteError as error:
            if line:
                continue
            shell.line = error.line
            shell.complain(str(error))
            return SYNTAX_STATUS
        except ShellSyntaxError as error:
            shell.line = error.line
            shell.complain(str(error))
            return SYNTAX_STATUS
        number += text.count("\n")
        text = ""
        going, status = guarded(shell, lambda node=node: shell.run(node))
        if not going or shell.interrupted:
            return ended(shell, status)


class Terminal:
    """The terminal in raw mode while a line is edited, as it was while programs run."""

    def __init__(self, fd):
        self.fd = fd
        self.saved = None

    def raw(self):
        self.saved = libc.tcgetattr(self.fd)
        if self.saved is None:
            return
        settings = libc.tcgetattr(self.fd)
        settings.c_lflag &= ~(libc.ICANON | libc.ECHO | libc.ISIG | libc.IEXTEN)
        settings.c_iflag &= ~(libc.ICRNL | libc.IXON)
        settings.c_cc[libc.VMIN] = 1
        settings.c_cc[libc.VTIME] = 0
        libc.tcsetattr(self.fd, libc.TCSADRAIN, settings)

    def restore(self):
        if self.saved is not None:
            libc.tcsetattr(self.fd, libc.TCSADRAIN, self.saved)

    def read_line(self, editor, prompt):
        """(event, text) from the editor; EOF when the terminal has gone."""
        self.raw()
        editor.columns = libc.window_size(self.fd)[1]
        editor.start(prompt)
        event = None
        while event is None:
            libc.fputs(editor.take_output())
            # One byte, so that what is typed ahead stays for the program.
            byte = libc.read_bytes(self.fd, 1)
            if byte == -1 and libc.errno == libc.EINTR:
                continue
            event = editor.feed(byte[0]) if byte != -1 and byte else (EOF, "")
        libc.fputs(editor.take_output())
        self.restore()
        return event


def interact(shell):
    """The prompt: until `exit`, end of file, or Ctrl-C twice on an empty line."""
    shell.catch_interrupts()
    # Caught and not ignored: what the shell ignores its programs would ignore, too.
    for signum in (libc.SIGTSTP, libc.SIGTTIN, libc.SIGTTOU, libc.SIGQUIT, libc.SIGTERM):
        libc.signal(signum, lambda number: None)
    libc.setpgid(0, 0)
    shell.jobs.give_terminal(libc.getpid())
    terminal = Terminal(0)
    shell.editor = LineEditor(lambda text: candidates(shell, text), completed_from=word_start)
    interrupts = 0
    warned = False
    text = ""
    while True:
        shell.jobs.report()
        event, line = terminal.read_line(shell.editor, shell.variables.get("PS2", "> ") if text else prompt(shell))
        if event == EOF:
            if not warned and any(job.is_stopped() for job in shell.jobs.jobs):
                warned = True
                libc.eputs("You have stopped jobs.")
                continue
            return shell.leave(shell.status)
        warned = False
        if event == INTERRUPT:
            interrupts = 1 if shell.editor.text or text else interrupts + 1
            if interrupts == 2 and not shell.editor.text:
                return INTERRUPTED_STATUS
            text = ""
            continue
        interrupts = 0
        text += line + "\n"
        shell.interrupted = False
        try:
            node = Parser(text, 1, False, 0, shell.aliases).program()
        except IncompleteError:
            continue
        except ShellSyntaxError as error:
            shell.complain(str(error))
            shell.status = SYNTAX_STATUS
            text = ""
            continue
        text = ""
        going, status = guarded(shell, lambda node=node: shell.run(node))
        if not going:
            return shell.leave(status)


def prompt(shell):
    """$PS1, or the host's name and the directory."""
    text = shell.variables.get("PS1")
    if text is not None:
        return text
    name = libc.uname()
    return f"{name[1] if name != -1 else ''}:{libc.getcwd() or '?'}# "
