"""`atexit`: what a program wants done at its end; the host's own list is another one."""

import sys
import traceback

from userland.python.extension import extension_module


def atexit_module():
    """A new `atexit` module with an empty list."""
    registered = []

    def register(func, /, *args, **kwargs):
        """register(func, *args, **kwargs) -> func"""
        if not callable(func):
            raise TypeError("the first argument must be callable")
        registered.append((func, args, kwargs))
        return func

    def unregister(func, /):
        """unregister(func): remove a function from the list."""
        registered[:] = [entry for entry in registered if entry[0] != func]

    def _clear():
        """_clear(): forget everything."""
        registered.clear()

    def _ncallbacks():
        """_ncallbacks() -> how many are registered"""
        return len(registered)

    def _run_exitfuncs():
        """_run_exitfuncs(): call them, the last one first."""
        while registered:
            func, args, kwargs = registered.pop()
            try:
                func(*args, **kwargs)
            except Exception:
                print(f"Exception ignored in atexit callback: {func!r}", file=sys.stderr)
                traceback.print_exc()

    functions = (register, unregister, _clear, _ncallbacks, _run_exitfuncs)
    names = {function.__name__: function for function in functions}
    return extension_module("atexit", "Functions that are called at the program's end.", names)
