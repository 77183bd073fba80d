"""Who did it: call stacks through compiled and Python code, which have to be the same at both speeds."""

import ast
import re
import sys
from pathlib import Path

import pytest

import driver.e1000
from lab.kit.board import MAC, PEER, frame
from lab.kit.findings import calls, driver_stack
from lab.kit.native import Image, demangle

ENTRY = re.compile(r"(\S+):(\d+) (\S+)")


def entries(stack):
    return [(file, int(line), name) for file, line, name in ENTRY.findall(str(stack))]


def lines_of(file):
    """{function: (first line, last line)} of one of the driver's rooms."""
    tree = ast.parse((Path(driver.e1000.__file__).parent / file).read_text())
    return {node.name: (node.lineno, node.end_lineno) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.fixture
def ended(board):
    """The mapping of one sent frame, which is over."""
    board.send(frame(bytes(100), destination=PEER, source=MAC))
    board.run()
    return board.kit.sanitizer.ended[-1]


def test_both_stacks_of_a_mapping_are_whole(ended):
    mapped, unmapped = entries(ended.mapped), entries(ended.unmapped)
    assert [name for _, _, name in mapped[:3]] == ["e1000_tx_map", "e1000_xmit_frame", "ndo_start_xmit"]
    assert [name for _, _, name in unmapped[:3]] == ["e1000_unmap_slot", "e1000_clean_tx_irq", "poll"]
    # Behind the driver come those who called it.
    assert "dev.py" in [file for file, _, _ in mapped]
    assert "napi.py" in [file for file, _, _ in unmapped]


def test_each_line_lies_in_its_function(ended):
    found = [entry for stack in (ended.mapped, ended.unmapped) for entry in entries(stack) if entry[0].startswith("e1000")]
    assert len(found) >= 6
    for file, line, name in found:
        first, last = lines_of(file)[name]
        assert first < line <= last, (file, line, name)


def test_no_function_is_named_twice(ended):
    for stack in (ended.mapped, ended.unmapped):
        names = [(file, name) for file, _, name in entries(stack)]
        assert len(set(names)) == len(names), names


def test_python_functions_between_the_machine_s_own_frames(board):
    found = []

    def inner():
        found.append(driver_stack())

    def outer():
        inner()

    board.on_cpu(outer)
    assert [name for _, _, name in entries(found[0])] == ["inner", "outer"]


def test_a_text_is_made_when_it_is_read():
    stack = driver_stack()
    assert str(stack) == str(stack)
    assert str(stack).startswith("test_call_stacks.py:")


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("__pyx_f_6driver_5e1000_4ring_clean", "clean"),
        ("__pyx_f_6driver_5e1000_4ring_6TxRing_clean_up", "clean_up"),
        ("__pyx_pf_6driver_5e1000_4ring_2up_to", "up_to"),
        ("__pyx_pf_6driver_5e1000_4ring_6TxRing_12up_to", "up_to"),
        ("__pyx_pf_6driver_5e1000_4ring_up_to", "up_to"),
        ("__pyx_pw_6driver_5e1000_4ring_up_to", None),
        ("__Pyx_AddTraceback", None),
        ("main", None),
    ],
)
def test_names_that_cython_makes(symbol, name):
    assert demangle(symbol, {"driver", "e1000", "ring", "TxRing"}) == name


@pytest.mark.parametrize("content", [b"", b"not a module", b"\x7fELF" + bytes(60), None])
def test_a_file_without_tables_has_no_names(tmp_path, content):
    path = tmp_path / "room.so"
    if content is not None:
        path.write_bytes(content)
    assert Image(str(path)).places(0x1000) == []


def test_the_source_says_whether_a_function_is_called(tmp_path):
    path = tmp_path / "caller.py"
    path.write_text("def caller(frame):\n    return len([\n        callee(\n            frame)])\n")
    space = {}
    exec(compile(path.read_text(), str(path), "exec"), space)

    def callee(_):
        frame = sys._getframe(1)
        seen.append((frame.f_code, frame.f_lineno, frame.f_lasti))
        return 0

    def other():
        pass

    seen = []
    space["callee"] = callee
    space["caller"](None)
    assert calls(seen[0], callee.__code__)
    assert not calls(seen[0], other.__code__)
