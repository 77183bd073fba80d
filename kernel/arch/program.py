"""Programs: what `execve` finds in a file becomes a callable `main`.

A file whose first line is `#!hwemu MODULE` names a module of the host's Python; anything else is Python source.
"""

import importlib
import re
import types

MAGIC = "#!hwemu"
MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")


class ExecFormatError(Exception):
    """The file is not a program; the text is one line, the cause the original error."""


class SourceText:
    """A module loader that only knows its text: by it tracebacks and pdb show a program's lines."""

    def __init__(self, text):
        self.text = text

    def get_source(self, name):
        return self.text


def load_python_program(text, path):
    """The `main(argv)` of a program: `text` is the content of the file (str or bytes), `path` its name in the guest.

    Module-level code runs now, in the context of whoever calls.  ExecFormatError for anything that is not a program.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ExecFormatError(f"{path}: not a Python program: {error.reason}") from error
    first = text.partition("\n")[0].split()
    if first and first[0] == MAGIC:
        return module_main(first[1:], path)
    return source_main(text, path)


def module_main(words, path):
    """The `main` of the module that a `#!hwemu MODULE` line names."""
    if len(words) != 1 or not MODULE_NAME.match(words[0]):
        raise ExecFormatError(f"{path}: bad {MAGIC} line")
    try:
        module = importlib.import_module(words[0])
    except Exception as error:
        raise ExecFormatError(f"{path}: {words[0]}: {one_line(error)}") from error
    return main_of(vars(module), path)


def source_main(text, path):
    """The `main` that Python source defines."""
    name = path.rpartition("/")[2].removesuffix(".py") or "program"
    module = types.ModuleType(name)
    module.__file__ = path
    module.__loader__ = SourceText(text)
    try:
        # A program does not inherit the future flags of this room.
        code = compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else path
        raise ExecFormatError(f"{where}: {getattr(error, 'msg', error)}") from error
    try:
        exec(code, vars(module))
    except Exception as error:
        raise ExecFormatError(f"{path}: {one_line(error)}") from error
    return main_of(vars(module), path)


def main_of(names, path):
    main = names.get("main")
    if not callable(main):
        raise ExecFormatError(f"{path}: no main(argv)")
    return main


def one_line(error):
    """An exception as `Type: first line of its text`."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
