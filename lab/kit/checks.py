"""The checks that a driver of the 82540EM is put through: each is a scenario on a board of its own.

    run(CHECKS["receive-sizes"], module_init)      raises CheckFailed with everything that was found

A check drives the card and the network interface only, never the driver's own structures, so it suits any driver.  In each
one the protocol checker and the sanitizer watch, and at its end nothing may be left over.  `paths.py` holds the checks of
the packet paths, `trials.py` those in which something goes wrong.
"""

from contextlib import contextmanager
from typing import NamedTuple

from lab.kit.board import Board


class CheckFailed(AssertionError):
    """`rules` are the names of the kit's rules that were broken, `reason` is what the scenario itself saw, or ""."""

    def __init__(self, rules, reason, report):
        super().__init__(report)
        self.rules = rules
        self.reason = reason

    @property
    def caught_by(self):
        """In a few words: the first rule that was broken, else what was seen."""
        return self.rules[0] if self.rules else self.reason.splitlines()[0]


class Check(NamedTuple):
    """`run(driver, seed)` plays the scenario; `text` says what a driver has to do."""

    name: str
    text: str
    scenario: object


CHECKS: dict[str, Check] = {}


def check(name):
    """Register a scenario: a function of one `Bench`, whose docstring says what is asked of the driver."""

    def add(scenario):
        CHECKS[name] = Check(name, scenario.__doc__.splitlines()[0], scenario)
        return scenario

    return add


class Bench:
    """What a scenario gets: `board(...)` makes a machine with the driver under test."""

    def __init__(self, driver, seed):
        self.driver = driver
        self.seed = seed

    @contextmanager
    def board(self, up=True, rules=True, **options):
        """A board with the interface up; at the end it is closed and everything must be clean.

        `rules=False`: the scenario breaks the card so that the rules do not hold.
        """
        board = Board(self.driver, seed=self.seed, **options)
        reason = ""
        try:
            if board.errors:
                raise board.errors[0]
            if up:
                board.up()
            yield board
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        kit = board.kit
        kit.faults.clear()
        try:
            if kit.sanitizer is not None:
                kit.sanitizer.check()
            if board.dev is not None and up:
                board.down()
                if kit.sanitizer is not None:
                    kit.sanitizer.check_closed()
        except Exception as error:
            reason = reason or f"closing: {type(error).__name__}: {error}"
        left = board.shutdown()
        if not reason and board.errors:
            reason = f"{type(board.errors[0]).__name__}: {board.errors[0]}"
        found = kit.findings() if rules else []
        if found or reason or left:
            names = list(dict.fromkeys(finding.check for finding in found))
            lines = [reason] if reason else []
            lines += [str(finding) for finding in found] + [f"left over: {line}" for line in left]
            raise CheckFailed(names, reason or (left[0] if left else ""), "\n".join(lines))


def run(chosen, driver=None, seed=1):
    """Put a driver (`module_init`, None: the one in the tree) through one check; CheckFailed when it does not pass."""
    chosen.scenario(Bench(driver, seed))


def run_all(driver=None, seed=1, names=None):
    """{name: CheckFailed or None} of every check, or of those named."""
    results = {}
    for name in names or CHECKS:
        try:
            run(CHECKS[name], driver, seed)
            results[name] = None
        except CheckFailed as failed:
            results[name] = failed
    return results
