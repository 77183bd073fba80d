"""`hwemu python`: a Python program, its library and its packages as they are on the host, on the machine's network."""

import importlib.util
import os
import sys

from lab.errors import LabError
from lab.python.gate import busy_handler
from lab.python.library import hosts_own
from lab.python.program import PATH, STATUS_OF_A_MISSING_FILE, TEXT
from lab.session import Session


def python(options) -> int:
    """Boot a machine that runs the program and powers off with its status."""
    words = list(options.words)
    if options.code is not None:
        if not options.code:
            raise LabError("argument expected for -c", 2)
        words = ["-c", *options.code]
    elif options.module is not None:
        if not options.module:
            raise LabError("argument expected for -m", 2)
        words = ["-m", *options.module]
        check_module(options.module[0])
    elif words and words[0] != "-":
        check_script(words[0])
    if any("\0" in word for word in words):
        raise LabError("an argument contains a NUL byte", 2)
    with hosts_own():
        return Session(options, [PATH, *words], {PATH: TEXT}, at_once=busy_handler).run()


def check_script(path):
    """LabError where CPython would not find the script either."""
    if path.startswith("-"):
        raise LabError(f"unrecognized option: {path}", 2)
    if not os.path.exists(path):
        missing = f"can't open file {os.path.abspath(path)!r}: [Errno 2] No such file or directory"
        raise LabError(missing, STATUS_OF_A_MISSING_FILE)


def check_module(name):
    """LabError for a module that does not exist; what is wrong inside of one is for its own traceback."""
    saved = list(sys.path)
    sys.path[0] = os.getcwd()
    try:
        root = name.partition(".")[0]
        if root not in sys.builtin_module_names and importlib.util.find_spec(root) is None:
            raise LabError(f"No module named {name}", 1)
    except ValueError:
        pass
    finally:
        sys.path[:] = saved
