"""The program behind `hwemu python`: what CPython's own main does with its arguments, on the machine.

    python3 SCRIPT ARGS | -m MODULE ARGS | -c CODE ARGS | (nothing: interactive, or the program from standard input)
"""

import os
import select
import sys
import traceback
import types
from pathlib import Path

from hwemu.cpu import current_context
from lab.python.gate import UserModeCollector
from lab.python.library import install
from userland import libc
from userland.python import descriptors, signals
from userland.python.interpreter import interpreter

PATH = "/usr/bin/python3"
TEXT = b"#!hwemu lab.python.program\n"
STATUS_OF_A_FAULT = 1
STATUS_OF_A_MISSING_FILE = 2
INTERRUPTED = 130
# Frames of these are ours, not the program's: tracebacks leave them out at their top.
OURS = str(Path(__file__).parents[1])


def main(argv):
    """Run the program; returns its exit status."""
    descriptors.reserve()
    gate = UserModeCollector(current_context(), interpreter())
    install()
    gate.open()
    try:
        return Run(argv[1:]).run()
    finally:
        gate.close()


class Run:
    """One run of a Python program from its arguments to its exit status."""

    def __init__(self, words):
        self.words = words

    def run(self):
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        vars(module)["__builtins__"] = sys.modules["builtins"]
        state = interpreter()
        state.host_poll = select.poll
        signals.install(state)
        status = self.status_of(lambda: self.execute(vars(module)))
        return self.finish(status)

    def execute(self, names):
        """Run what the arguments say in the namespace of __main__."""
        words = self.words
        if words and words[0] == "-c":
            sys.argv = ["-c", *words[2:]]
            sys.path[0] = ""
            exec(compile(words[1], "<string>", "exec", dont_inherit=True), names)
        elif words and words[0] == "-m":
            import runpy

            sys.argv = ["-m", *words[2:]]
            sys.path[0] = os.getcwd()
            runpy._run_module_as_main(words[1])
        elif words and words[0] != "-":
            sys.argv = list(words)
            self.script(words[0], names)
        else:
            sys.argv = list(words) or [""]
            sys.path[0] = ""
            self.standard_input(names)

    def script(self, path, names):
        if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
            import runpy

            sys.path[0] = path
            runpy._run_module_as_main("__main__", False)
            return
        from importlib.machinery import SourceFileLoader

        sys.path[0] = os.path.dirname(os.path.realpath(path))
        names.update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
        with open(path, "rb") as file:
            text = file.read()
        exec(compile(text, path, "exec", dont_inherit=True), names)

    def standard_input(self, names):
        if not sys.stdin.isatty():
            exec(compile(sys.stdin.read(), "<stdin>", "exec", dont_inherit=True), names)
            return
        from code import InteractiveConsole

        sys.ps1, sys.ps2 = ">>> ", "... "
        notice = 'Type "help", "copyright", "credits" or "license" for more information.'
        InteractiveConsole(names).interact(f"Python {sys.version} on {sys.platform}\n{notice}", exitmsg="")

    # --- endings ---

    def status_of(self, function):
        """Call `function`; the exit status of what it ends with, and a traceback for what is none of SystemExit's."""
        try:
            function()
        except SystemExit as ending:
            return self.exit_code(ending.code)
        except KeyboardInterrupt as error:
            self.report(error)
            return INTERRUPTED
        except Exception as error:
            self.report(error)
            return STATUS_OF_A_FAULT
        return 0

    def exit_code(self, code):
        if code is None:
            return 0
        if isinstance(code, int):
            return code & 0xFF
        print(code, file=sys.stderr)
        return STATUS_OF_A_FAULT

    def report(self, error):
        """sys.excepthook with the program's part of the traceback."""
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename.startswith(OURS):
            frames = frames.tb_next
        error.__traceback__ = frames
        try:
            sys.stdout.flush()
            sys.excepthook(type(error), error, frames)
        except Exception:
            traceback.print_exception(error)

    def finish(self, status):
        """What CPython does last: wait for the threads, call what atexit holds, flush."""
        threading = sys.modules.get("threading")
        endings = [threading._shutdown] if threading is not None else []
        for ending in [*endings, sys.modules["atexit"]._run_exitfuncs, sys.stdout.flush]:
            late = self.status_of(ending)
            status = status or late
        sys.stderr.flush()
        interpreter().over = True
        libc._exit(status)
