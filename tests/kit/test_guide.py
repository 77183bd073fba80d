"""The page about the kit says what there is: fixtures, checks, rules, faults, broken drivers."""

import inspect
import re
from pathlib import Path

import pytest
from broken.variants import VARIANTS

from lab import kit, pytest_plugin
from lab.kit import doctor
from lab.kit.faults import Faults
from lab.kit.suite import CHECKS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "testing-drivers.md").read_text()
ROOMS = [path for path in Path(kit.__file__).parent.glob("*.py") if path.name != "__init__.py"]
WATCHERS = ("ring_watch.py", "sanitizer.py", "protocol.py", "kit.py")


def rows(variants):
    return [f"| {variant.bug} | {variant.check} | {variant.rule or 'the scenario itself'} |" for variant in variants]


@pytest.mark.parametrize("row", rows(VARIANTS))
def test_each_broken_driver_has_its_row(row):
    assert row in PAGE


def test_no_row_is_of_the_past():
    there = re.findall(r"^\| [^|]+ \| [a-z-]+ \| [a-z -]+ \|$", PAGE, re.MULTILINE)
    assert sorted(there) == sorted(rows(VARIANTS))


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_is_described(name):
    assert f"| `{name}` | {CHECKS[name].text} |" in PAGE


def test_each_rule_is_described():
    sources = "".join(path.read_text() for path in ROOMS if path.name in WATCHERS)
    found = set(re.findall(r'(?:report|finding|add|return)\(?\s*\(?"([a-z]+(?:-[a-z]+)+)"', sources))
    described = set(re.findall(r"^- \*\*([a-z-]+)\*\*", PAGE, re.MULTILINE))
    assert found <= described
    assert [rule for rule in described if f'"{rule}"' not in sources] == []


def test_each_fault_and_fixture_is_described():
    names = [name for name, _ in inspect.getmembers(Faults, inspect.isfunction) if not name.startswith("_")]
    names += ["kit_on_card", "make_board", "board", "driver_on_kernel"]
    assert [name for name in names if f"`{name}" not in PAGE] == []
    assert [name for name in ("kit_on_card", "make_board", "board", "driver_on_kernel") if not hasattr(pytest_plugin, name)] == []


def test_the_doctor_is_described():
    assert "hwemu doctor" in PAGE and len(doctor.DIAGNOSES) >= 7
