"""`socket` for programs on the machine: the standard library's own socket.py on the machine's sockets.

    from userland import socket

    with socket.create_connection(("10.0.2.2", 80)) as connection: ...

It is the same text that `import socket` runs on the host, so its classes, functions, constants and errors are the same;
below lie `_socket` and `select` of `userland.python`.
"""

import builtins
import importlib.util
import types

from userland.python.polling import select_module
from userland.python.socketmodule import socket_module


def run_library(name, namespace, beneath):
    """Execute the standard library's file of `name` in `namespace`; it imports what is in `beneath` in the place of its own."""

    def importing(wanted, *arguments, **keywords):
        return beneath[wanted] if wanted in beneath else builtins.__import__(wanted, *arguments, **keywords)

    namespace["__builtins__"] = {**vars(builtins), "__import__": importing}
    exec(importlib.util.find_spec(name).loader.get_code(name), namespace)


def library_module(name, beneath):
    """A new module that is the standard library's `name` on top of `beneath`."""
    module = types.ModuleType(f"{__package__}.{name}")
    run_library(name, vars(module), beneath)
    return module


def polling_module():
    """`select` without what selectors.py would try out when it is imported: an import makes no system call."""
    module = select_module()
    del module.epoll, module.poll
    return module


run_library(
    "socket",
    globals(),
    {"_socket": socket_module(), "selectors": library_module("selectors", {"select": polling_module()})},
)
