"""Makes a driver from the sources of driver/e1000 with some lines replaced: interpreted, under a package name of its own.

The rings (`ring.pyx`) stay the compiled leaf that they are.  Text that is to be replaced must be there exactly once.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

import driver.e1000

SOURCES = Path(driver.e1000.__file__).parent
LEAVES = ("ring",)


class VariantFinder:
    """Finds the rooms of one variant."""

    def __init__(self, package, edits):
        self.package = package
        self.edits = edits

    def find_spec(self, name, path=None, target=None):
        if name != self.package and not name.startswith(self.package + "."):
            return None
        leaf = name[len(self.package) + 1 :] or "__init__"
        return importlib.util.spec_from_loader(name, VariantLoader(self, leaf), is_package=leaf == "__init__")


class VariantLoader:
    """Compiles one room of a variant."""

    def __init__(self, finder, leaf):
        self.finder = finder
        self.leaf = leaf

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        path = SOURCES / f"{self.leaf}.py"
        text = edited(path, self.finder.edits.get(self.leaf, ()))
        for leaf in LEAVES:
            text = text.replace(f"driver.e1000.{leaf} import", f"the.{leaf} import")
        text = text.replace("driver.e1000", self.finder.package)
        for leaf in LEAVES:
            text = text.replace(f"the.{leaf} import", f"driver.e1000.{leaf} import")
        exec(compile(text, f"{self.finder.package}/{self.leaf}.py", "exec"), module.__dict__)


def edited(path, edits):
    """The text of a room with each (old, new) replaced; ValueError where `old` is not there exactly once."""
    text = path.read_text()
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{path.name}: {text.count(old)} times in the source, not once: {old!r}")
        text = text.replace(old, new)
    return text


def load(name, edits):
    """The `module_init` of a variant: `edits` maps a room's name to its (old, new) pairs."""
    package = f"e1000_{name.replace('-', '_')}"
    for module in [module for module in sys.modules if module.split(".")[0] == package]:
        del sys.modules[module]
    finder = VariantFinder(package, edits)
    sys.meta_path.insert(0, finder)
    try:
        return importlib.import_module(f"{package}.e1000_main").module_init
    finally:
        sys.meta_path.remove(finder)
