"""The doors between the packages, as import-linter cannot see them: in .pyx and .pxd files; and the room sizes."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hwemu", "kernel", "driver", "userland", "lab")
IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))")

# What a package may never import, and the exceptions by module prefix.
FORBIDDEN = {
    "hwemu": ("kernel", "driver", "userland", "lab"),
    "kernel": ("hwemu", "driver", "userland", "lab"),
    "driver": ("hwemu", "userland", "lab"),
    "userland": ("kernel", "driver", "lab", "hwemu"),
}
NEVER_IN_CORE = ("time", "random", "threading", "asyncio", "socket", "uuid", "secrets")
# The clock is the one room that reads the host's time; the machine is the one that owns the seeded generator.
MAY_TOUCH_THE_HOST = {"hwemu/clock.py": {"time"}, "hwemu/machine.py": {"random"}, "hwemu/wire/tap.py": {"socket"}}


def rooms(package, suffixes=(".py", ".pyx", ".pxd")):
    return [p for p in sorted((ROOT / package).rglob("*")) if p.suffix in suffixes]


def imports_of(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = IMPORT.match(line)
        if match:
            yield number, match.group(1) or match.group(2)


def allowed(path, module):
    relative = path.relative_to(ROOT).as_posix()
    if relative.startswith("kernel/arch/") and module.startswith("hwemu."):
        return True
    return relative.startswith("userland/") and module in ("hwemu.cpu", "hwemu.mmu") or module == "hwemu_importer"


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_import_goes_through_a_wall(package):
    wrong = [
        f"{path.relative_to(ROOT)}:{number} imports {module}"
        for path in rooms(package)
        for number, module in imports_of(path)
        if module.partition(".")[0] in FORBIDDEN[package] and not allowed(path, module)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["hwemu", "kernel", "driver", "userland"])
def test_core_packages_do_not_touch_the_hosts_time_or_chance(package):
    wrong = []
    for path in rooms(package, (".py", ".pyx")):
        relative = path.relative_to(ROOT).as_posix()
        for number, module in imports_of(path):
            root = module.partition(".")[0]
            if root in NEVER_IN_CORE and root not in MAY_TOUCH_THE_HOST.get(relative, ()):
                wrong.append(f"{relative}:{number} imports {module}")
        if "os.urandom" in path.read_text():
            wrong.append(f"{relative} uses os.urandom")
    assert not wrong, "\n".join(wrong)


def test_rooms_have_at_most_700_lines():
    large = {p.relative_to(ROOT).as_posix(): n for package in (*PACKAGES, "tests", "benchmarks") for p in rooms(package)
             if (n := len(p.read_text().splitlines())) > 700}
    assert not large, large


def test_every_header_stands_beside_its_source():
    lonely = [p.relative_to(ROOT).as_posix() for package in PACKAGES for p in rooms(package, (".pxd",))
              if not p.with_suffix(".py").exists() and not p.with_suffix(".pyx").exists()]
    assert not lonely, lonely


def mutable_globals(path):
    """Names at module level that are bound to a mutable display and written in lower case (so: not a table)."""
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        value = getattr(node, "value", None)
        if isinstance(value, ast.List | ast.Dict | ast.Set) or (
            isinstance(value, ast.Call) and getattr(value.func, "id", "") in ("list", "dict", "set", "bytearray", "deque")
        ):
            for target in targets:
                if isinstance(target, ast.Name) and not target.id.isupper() and not target.id.startswith("__"):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {target.id}"


@pytest.mark.parametrize("package", ["hwemu", "kernel", "driver", "userland"])
def test_no_module_holds_mutable_state(package):
    wrong = [found for path in rooms(package, (".py",)) for found in mutable_globals(path)]
    wrong += [f"{path.relative_to(ROOT)}:{number} global" for path in rooms(package, (".py", ".pyx"))
              for number, line in enumerate(path.read_text().splitlines(), 1) if re.match(r"\s+global \w", line)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["hwemu", "kernel", "driver"])
def test_nothing_iterates_over_a_set(package):
    wrong = [f"{path.relative_to(ROOT)}:{number}" for path in rooms(package, (".py",))
             for number, line in enumerate(path.read_text().splitlines(), 1) if re.search(r"for .* in (set\(|\{[^:}]*\}:)", line)]
    assert not wrong, "\n".join(wrong)


def test_the_index_of_rooms_is_current():
    script = [sys.executable, str(ROOT / "tools" / "rooms.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
