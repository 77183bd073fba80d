"""The standard library for a program on the machine: our extension modules in their places, everything above them anew.

A module of the library that was imported on the host keeps its own references to the host's `_socket`, `time`, `_thread`
and so on; whoever imported it there goes on with it.  The program gets another instance, imported on top of
`userland.python`.  Both live in one process, so `sys.modules` belongs to the program while it runs.
"""

import _ssl
import builtins
import contextlib
import fcntl
import gc
import importlib
import io
import os
import posix
import resource
import subprocess  # noqa: F401 - one of KEPT: it has to be there, on the host's own modules, before a program asks for it
import sys
import termios
import time
import types

from userland.python import clocks, console, descriptors, exits, polling, signals, socketmodule, terminals, threads, tls

# Python modules that stay what they are: they know no operating system, or they are the interpreter's own.
KEPT = frozenset(
    """
    __future__ __main__ _collections_abc _compat_pickle _compression _markupbase _opcode_metadata _py_abc _sitebuiltins
    _weakrefset abc argparse ast base64 bisect calendar codecs collections colorsys contextlib copy copyreg dataclasses
    datetime decimal difflib dis encodings enum fractions functools gettext hashlib heapq html importlib inspect keyword
    linecache locale numbers opcode operator pprint quopri re reprlib site sre_compile sre_constants sre_parse stat
    statistics string stringprep struct subprocess textwrap token tokenize traceback types typing unicodedata warnings
    weakref zipimport
    """.split()
)
# A C module whose waiting would block the whole process; the library has the same in Python.
HIDDEN = ("_queue",)


def is_anew(name, module):
    """Whether the program imports this module of the library again."""
    root = name.partition(".")[0]
    if root in KEPT or root not in sys.stdlib_module_names:
        return False
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None)
    return origin == "frozen" or str(origin).endswith(".py")


def io_module(host_io):
    """`io` whose open takes the machine's descriptors."""
    module = types.ModuleType("io", host_io.__doc__)
    vars(module).update(vars(host_io))
    module.open = descriptors.opener(host_io.open)
    return module


STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")


@contextlib.contextmanager
def hosts_own():
    """On the host, around the machine's run: whatever a program has replaced is the host's again.

    Meanwhile the host opens no file at or above the number where the machine's descriptors begin.
    """
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = descriptors.FIRST if limits[0] == resource.RLIM_INFINITY else min(limits[0], descriptors.FIRST)
    modules = dict(sys.modules)
    saved = [(sys, name, getattr(sys, name)) for name in ("argv", "path", *STREAMS)]
    saved += [(builtins, name, getattr(builtins, name)) for name in ("open", "input")]
    sys.path = list(sys.path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, limits[1]))
    try:
        yield
    finally:
        for owner, name, value in saved:
            setattr(owner, name, value)
        sys.modules.clear()
        sys.modules.update(modules)
        gc.enable()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def install():
    """On the machine: what the program sees as the standard library."""
    for name, module in list(sys.modules.items()):
        if is_anew(name, module):
            del sys.modules[name]
    for name in HIDDEN:
        sys.modules[name] = None
    stream_module = io_module(io)
    builtins.open = stream_module.open
    builtins.input = console.console_input
    for module in (
        socketmodule.socket_module(), polling.select_module(), clocks.time_module(time), signals.signal_module(),
        threads.thread_module(), tls.ssl_module(_ssl), exits.atexit_module(), descriptors.fcntl_module(fcntl),
        terminals.termios_module(termios, descriptors.is_machines),
        descriptors.posix_module(posix, dict(os.environb)), stream_module,
    ):  # fmt: skip
        sys.modules[module.__name__] = module
    # Modules that were kept look it up by its name.
    importlib.import_module("os")
    console.install()
