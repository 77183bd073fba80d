"""The fuzzing targets without a fuzzer: the committed inputs again, and a short run of random ones.

HWEMU_FUZZ_EXAMPLES=N makes the random run longer and different every time.
"""

import importlib
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from userland import libc

from . import TARGETS
from .choices import join, records

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = int(os.environ.get("HWEMU_FUZZ_EXAMPLES", "0"))
LARGEST_CORPUS = 200_000
MOST_FILES = 200
# An input takes milliseconds; one that takes this long will not end.
HANG = 60
QUICK = settings(
    max_examples=EXAMPLES or 25,
    deadline=None,
    derandomize=EXAMPLES == 0,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# Short records spread over what a target knows; long ones go deep into one of it.
RECORDS = st.lists(st.binary(min_size=1, max_size=40), max_size=24).map(join)
INPUTS = st.one_of(RECORDS, st.binary(max_size=600))


@contextmanager
def no_hang():
    """Turn an endless loop into a failure."""

    def ring(signum, frame):
        raise AssertionError(f"an input has not ended after {HANG} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def target(name):
    return importlib.import_module(f".{name}", __package__)


def check(module, data):
    """One input; after a failure the next one begins with a new machine."""
    try:
        with no_hang():
            module.run(data)
    except BaseException:
        getattr(module, "recover", lambda: None)()
        raise


@pytest.mark.parametrize("name", TARGETS)
def test_committed_inputs(name):
    module = target(name)
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs
    for path in inputs:
        try:
            check(module, path.read_bytes())
        except Exception as error:
            raise AssertionError(f"python -m tests.fuzz {name} --replay {path}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_random_inputs(name):
    module = target(name)

    @QUICK
    @given(INPUTS)
    def run(data):
        check(module, data)

    run()


def test_the_corpus_stays_small():
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert len(files) < MOST_FILES and sum(path.stat().st_size for path in files) < LARGEST_CORPUS


def test_records_survive_joining():
    pieces = [b"", b"abc", bytes(255)]
    assert records(join(pieces)) == pieces


@pytest.mark.parametrize("name", ("receive_path", "syscalls", "machine_code"))
def test_mutation_keeps_the_framing(name):
    module = target(name)
    data = join([b"one", b"two", bytes(40)])
    for seed in range(50):
        changed = module.mutate(data, seed)
        assert join(records(changed)) == changed


def test_an_input_leaves_the_files_of_the_next_as_they_were():
    """Also their link counts: a file that is removed by each of three inputs has one link every time."""
    module = target("syscalls")
    rig = module.BENCH.get()
    seen = []
    for _ in range(3):
        saved = module.snapshot(rig.kernel.rootfs.root, [])

        def program():
            seen.append((libc.stat("/etc/hosts").st_nlink, libc.unlink("/etc/hosts")))

        rig.peer.begin()
        rig.start(program)
        rig.run(module.TURN)
        rig.end()
        module.restore(saved)
        rig.check()
    assert seen == [(1, 0)] * 3
