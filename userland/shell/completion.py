"""What Tab offers: commands, files and variables."""

from userland import libc
from userland.shell.builtins import BUILTINS
from userland.shell.lexer import is_name
from userland.shell.parser import RESERVED

# A word begins behind one of these, and a command behind one of those.
WORD_ENDS = " \t\n;&|<>()='\""
COMMAND_STARTS = (";", "&", "|", "(", "")
COMMAND_WORDS = ("if", "then", "else", "elif", "do", "while", "until", "!", "{", "exec", "command", "time")


def word_start(text):
    """Where the word before the end of `text` begins; a backslash keeps a blank in it."""
    position = len(text)
    while position and (text[position - 1] not in WORD_ENDS or (position > 1 and text[position - 2] == "\\")):
        position -= 1
    return position


def candidates(shell, text):
    """The words that the one at the end of `text` could become, sorted."""
    start = word_start(text)
    word = text[start:]
    before = text[:start].rstrip(" \t")
    dollar = word.rfind("$")
    if dollar >= 0 and "/" not in word[dollar:]:
        return variables(shell, word, dollar)
    command = before[-1:] in COMMAND_STARTS or before.split(" ")[-1] in COMMAND_WORDS
    if command and "/" not in word:
        return commands(shell, word)
    return files(shell, word)


def variables(shell, word, dollar):
    head, brace = word[: dollar + 1], word[dollar + 1 : dollar + 2] == "{"
    prefix = word[dollar + 1 + brace :]
    if prefix and not is_name(prefix):
        return []
    end = "}" if brace else ""
    return sorted(f"{head}{'{' if brace else ''}{name}{end}" for name in shell.variables.values if name.startswith(prefix))


def commands(shell, word):
    names = [*BUILTINS, *shell.functions, *shell.aliases, *RESERVED]
    for directory in (shell.variables.get("PATH") or "").split(":"):
        names += shell.names_in(directory or ".")
    return sorted({name: True for name in names if name.startswith(word)})


def files(shell, word):
    directory, slash, last = word.replace("\\", "").rpartition("/")
    place = directory + slash
    home = shell.variables.get("HOME") or "/"
    listed = home + place[1:] if place.startswith("~/") else place or "."
    found = []
    for name in shell.names_in(listed):
        if name.startswith(last) and (last or not name.startswith(".")):
            status = libc.stat(f"{listed}/{name}")
            path = escape(place + name)
            found.append(path + "/" if status != -1 and status.is_directory() else path)
    return found


def escape(path):
    """A file name as it has to be typed."""
    return "".join("\\" + char if char in " \t'\"\\$&|;<>()*?[`#" else char for char in path)
