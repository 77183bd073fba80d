"""Where unicorn's shared library is: `pip install hwemu[elf]` brings it.  Nothing here is imported before an ELF runs."""

import importlib.util
from pathlib import Path

INSTALL = "running an ELF program needs the extra 'elf': pip install 'hwemu[elf]'"
NAMES = ("libunicorn.so.2", "libunicorn.so")


class EngineMissing(Exception):
    """There is no unicorn here; the text is one line that says how to get it."""


def library_path():
    """The path of unicorn's library; EngineMissing where it is not installed."""
    try:
        spec = importlib.util.find_spec("unicorn")
    except (ImportError, ValueError):
        spec = None
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for name in NAMES:
            path = Path(place) / "lib" / name
            if path.exists():
                return str(path)
    raise EngineMissing(INSTALL)
