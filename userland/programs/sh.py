"""sh: the shell."""

from userland import libc
from userland.shell.builtins import BUILTINS
from userland.shell.execute import ExitShell, Shell
from userland.shell.lexer import IncompleteError, ShellSyntaxError
from userland.shell.lineedit import EOF, INTERRUPT, LineEditor
from userland.shell.parser import parse

USAGE = "sh [-c COMMAND [NAME [ARGUMENT ...]] | FILE [ARGUMENT ...]]"
SYNTAX_STATUS = 2
INTERRUPTED_STATUS = 130


def main(argv):
    if len(argv) > 1 and argv[1] == "-c":
        if len(argv) < 3:
            libc.eputs(f"sh: -c requires an argument (usage: {USAGE})")
            return 2
        return run_text(Shell(argv[3] if len(argv) > 3 else "sh", argv[4:]), argv[2])
    if len(argv) > 1 and argv[1].startswith("-") and argv[1] != "-i":
        libc.eputs(f"usage: {USAGE}")
        return 2
    if len(argv) > 1 and argv[1] != "-i":
        text = libc.read_text(argv[1])
        if text == -1:
            libc.perror(f"sh: {argv[1]}")
            return 127
        return run_text(Shell(argv[1], argv[2:]), text)
    if libc.isatty(0) or len(argv) > 1:
        return interact(Shell("sh", (), True, 0))
    return run_input(Shell("sh"))


def run_text(shell, text):
    """Run all of `text`; the exit status."""
    shell.catch_interrupts()
    try:
        return ended(shell, shell.run(parse(text)))
    except ShellSyntaxError as error:
        shell.complain(str(error))
        return SYNTAX_STATUS
    except ExitShell as leaving:
        return leaving.status


def ended(shell, status):
    """The status of a shell that is through, or that was interrupted together with its command."""
    return INTERRUPTED_STATUS if shell.interrupted else status


def run_input(shell):
    """Commands from standard input, which the programs share: so it is read byte by byte."""
    shell.catch_interrupts()
    reader = libc.LineReader(0, 1)
    text = ""
    while True:
        line = reader.line()
        if line == -1 or (not line and not text):
            return shell.status
        text += line.decode("utf-8", "replace") if line else ""
        try:
            items = parse(text)
        except IncompleteError as error:
            if line:
                continue
            shell.complain(str(error))
            return SYNTAX_STATUS
        except ShellSyntaxError as error:
            shell.complain(str(error))
            return SYNTAX_STATUS
        text = ""
        try:
            shell.run(items)
            if shell.interrupted:
                return INTERRUPTED_STATUS
        except ExitShell as leaving:
            return leaving.status


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
        libc.tcsetattr(self.fd, settings)

    def restore(self):
        if self.saved is not None:
            libc.tcsetattr(self.fd, self.saved)

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
    libc.setpgid(0, 0)
    libc.tcsetpgrp(0, libc.getpid())
    terminal = Terminal(0)
    shell.editor = LineEditor(lambda text: candidates(shell, text))
    interrupts = 0
    text = ""
    while True:
        shell.report_jobs()
        event, line = terminal.read_line(shell.editor, "> " if text else prompt())
        if event == EOF:
            return shell.status
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
            shell.run(parse(text))
        except IncompleteError:
            continue
        except ShellSyntaxError as error:
            shell.complain(str(error))
            shell.status = SYNTAX_STATUS
        except ExitShell as leaving:
            return leaving.status
        text = ""


def prompt():
    name = libc.uname()
    return f"{name[1] if name != -1 else ''}:{libc.getcwd() or '?'}# "


def candidates(shell, text):
    """What the word before the cursor could become: a command in the first place, a file name after it."""
    word = text[text.rfind(" ") + 1 :]
    if word == text and "/" not in word:
        names = [*BUILTINS]
        for directory in shell.variables.get("PATH", "").split(":"):
            names += shell.names_in(directory or ".")
        return sorted({name: True for name in names if name.startswith(word)})
    directory, slash, last = word.rpartition("/")
    found = []
    for name in shell.names_in(directory + slash if slash else "."):
        if name.startswith(last):
            path = directory + slash + name
            status = libc.stat(path)
            found.append(path + "/" if status != -1 and status.is_directory() else path)
    return found
