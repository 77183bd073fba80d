"""The kit proves itself: the right driver passes every check, and each broken one is caught by the check and rule named."""

import pytest
from broken.variant import edited, load
from broken.variants import VARIANTS

import driver.e1000.e1000_main as right
from lab.kit.suite import CHECKS, CheckFailed, run


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_driver_passes(name, seed):
    run(CHECKS[name], right.module_init, seed)


@pytest.mark.parametrize("name", ["open-close", "receive-wrap", "transmit-wrap", "interrupts"])
def test_the_right_driver_passes_as_a_variant_without_a_bug(name):
    run(CHECKS[name], load("without_a_bug", {}))


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_a_broken_driver_is_caught(variant, record_property):
    with pytest.raises(CheckFailed) as failed:
        run(CHECKS[variant.check], load(variant.name, variant.by_room()))
    record_property("caught_by", failed.value.caught_by)
    if variant.rule:
        assert variant.rule in failed.value.rules, str(failed.value)
    else:
        assert failed.value.reason, str(failed.value)


def test_there_are_enough_of_them_and_each_is_its_own():
    assert len(VARIANTS) >= 20
    assert len({variant.name for variant in VARIANTS}) == len({variant.edits for variant in VARIANTS}) == len(VARIANTS)


def test_text_that_is_not_there_exactly_once_is_an_error(tmp_path):
    room = tmp_path / "room.py"
    room.write_text("a = 1\na = 1\n")
    for old in ("a = 1\n", "b = 2\n"):
        with pytest.raises(ValueError, match="not once"):
            edited(room, [(old, "c = 3\n")])
