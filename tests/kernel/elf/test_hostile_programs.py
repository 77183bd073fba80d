"""Programs that mean harm: the host's files outside of what is shown, other programs' memory, and addresses that are nobody's."""

import os

import pytest
from programs import compiled, on_the_host, run_elf

SECRET = "the-word-that-nobody-may-see"

BOTH = pytest.mark.parametrize("flags", [(), pytest.param(("-m32",), marks=pytest.mark.interop)])


def traps(folder, outside):
    """Every kind of link that leads out of a folder."""
    (folder / "deep").mkdir(parents=True)
    (folder / "absolute").symlink_to(outside / "secret")
    (folder / "relative").symlink_to("../outside/secret")
    (folder / "deep" / "relative").symlink_to("../../outside/secret")
    (folder / "up").symlink_to("..")
    (folder / "deep" / "up").symlink_to("../..")
    (folder / "top").symlink_to("/")
    (folder / "chain").symlink_to("up/outside/secret")
    (folder / "loop").symlink_to("loop")


@BOTH
def test_nothing_outside_of_the_root_is_seen_or_changed(flags, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text(SECRET)
    (tmp_path / "secret").write_text(SECRET)
    shared, root = tmp_path / "shared", tmp_path / "root"
    traps(shared, outside)
    (root / "etc").mkdir(parents=True)
    traps(root / "usr", outside)
    (root / "etc" / "outside").symlink_to(outside / "secret")
    # What the program may read, so that it is known to find what there is.
    (shared / "allowed").write_text(SECRET)
    before = {path: os.lstat(path).st_mtime_ns for path in tmp_path.rglob("*")}
    text, status, system = run_elf(
        compiled("hostile", *flags, "-static"), SECRET[::-1], str(outside / "secret"), share=str(shared), root=str(root)
    )
    lines = text.splitlines()
    assert lines[:2] == ["LEAK by the word that may be read", "control 1"]
    # It finds the file that it may read once more as it walks through what is shown, and nothing else.
    assert [line for line in lines if "LEAK" in line and "/host/allowed" not in line] == lines[:1]
    assert int(lines[-1].split()[1].rstrip(",")) > 300 and lines[-1].endswith("found 1")
    assert status == 0
    assert {path: os.lstat(path).st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert (outside / "secret").read_text() == SECRET
    assert system.kernel.leak_report() == []


@BOTH
def test_wild_pointers_are_faults_as_on_linux(flags):
    content = compiled("wild", *flags, "-static")
    text, status, system = run_elf(content, net="on")
    assert text.splitlines() == on_the_host(content).splitlines()
    assert text.count("Bad address") > 300
    assert status == 0
    assert system.kernel.oopses == []


@BOTH
def test_every_call_bears_nonsense(flags):
    text, status, system = run_elf(compiled("wild", *flags, "-static"), "all", net="on")
    assert text.startswith("whole\n") and status == 0
    assert system.kernel.oopses == []
