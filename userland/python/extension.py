"""Modules that look like extension modules: their functions stay functions where a class keeps one as an attribute."""

import types


def extension_module(name, doc, names):
    """A new module `name` with what is in the dictionary `names`.

    A function that C defines is no method when it is found in a class (`class Timer: clock = time.monotonic`); a Python
    function would be, so each is wrapped as a staticmethod, which can be called like it.
    """
    module = types.ModuleType(name, doc)
    for key, value in names.items():
        setattr(module, key, staticmethod(value) if isinstance(value, types.FunctionType) else value)
    return module


def public(module):
    """The names of a module of the host, without its own."""
    return {name: value for name, value in vars(module).items() if not name.startswith("__")}
