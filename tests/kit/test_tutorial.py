"""The tutorial's driver, taken from the page itself: after each step exactly the checks that the page promises turn green."""

import re
import types
from pathlib import Path

import pytest

from lab.kit.suite import CHECKS, CheckFailed, run

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tutorial-driver.md").read_text()
BLOCK = re.compile(r"^```python (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STEPS = ["skeleton", "step1", "step2", "step3", "step4", "step5"]


def blocks():
    return [(name, text) for name, text in BLOCK.findall(PAGE) if name != "test"]


def promised(step):
    """The checks that the page says are green after `step`, those of the steps before included."""
    if step == 5:
        return set(CHECKS)
    names = set()
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[2 : 2 + step]:
        claim = re.search(r"Green now: (.*?)$\n\n", section, re.DOTALL | re.MULTILINE)
        names |= set(re.findall(r"[a-z]+(?:-[a-z]+)*", " ".join(re.findall(r"\*\*(.*?)\*\*", claim.group(1), re.DOTALL))))
    return names


def driver(step, old="", new=""):
    """The module_init of the driver as it stands after `step`; `old`, which is there once in it, replaced by `new`."""
    module = types.ModuleType(f"student{step}")
    text = "\n".join(text for _, text in blocks()[: step + 1])
    if old:
        assert text.count(old) == 1, f"{text.count(old)} times in the driver: {old!r}"
        text = text.replace(old, new)
    exec(compile(text, "student.py", "exec"), module.__dict__)
    return module.module_init


def passes(name, module_init):
    try:
        run(CHECKS[name], module_init)
    except CheckFailed:
        return False
    return True


def test_the_page_has_all_steps():
    assert [name for name, _ in blocks()] == STEPS


@pytest.mark.parametrize("step", range(6))
def test_after_each_step_what_was_promised_is_green(step):
    assert promised(step) <= set(CHECKS)
    module_init = driver(step)
    green = {name for name in CHECKS if passes(name, module_init)}
    assert green == promised(step)


MAP = "    address = dma_map_single("
MISTAKES = [
    (1, "probe", "    rd(nic, ICR)\n", "    rd(nic, ICR)\n    wr(nic, STATUS, 0)\n",
     "read-only: STATUS is written with 0x0, and it is read-only (13.4.2)"),
    (2, "open-close", "    for address in nic.addresses:\n", "    for address in nic.addresses[1:]:\n",
     "leak: page 0x20000 size 2048 is still mapped after close"),
    (3, "shuffled-write-back", "        if not status & STATUS_DD:\n", "        if not status & STATUS_DD and work:\n",
     "unmap-too-early: RX descriptor 0 is the card's and its buffer 0x20000 is unmapped"),
    (4, "transmit-sizes", MAP, "    wr(nic, TDT, (index + 1) % COUNT)\n" + MAP,
     "unfilled-descriptor: TX descriptor 0 is given before it was filled"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "name", "old", "new", "report"), MISTAKES, ids=[case[1] for case in MISTAKES])
def test_the_mistakes_that_the_page_shows_are_reported_as_it_says(step, name, old, new, report):
    with pytest.raises(CheckFailed) as failed:
        run(CHECKS[name], driver(step, old, new))
    assert report in str(failed.value)
    assert report in PAGE


def test_the_finished_driver_fits_a_whole_kernel(driver_on_kernel):
    there = driver_on_kernel(driver(5))
    there.kit.rings.rx.assert_filled(250)
