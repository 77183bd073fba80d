"""Runs many sequences on both kernels, in batches, and sorts what differs: confirmed, known, or the host's own chance.

The host's executors work at the same time, for a call that blocks costs it time and no work; ours takes no time for it.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .compare import Difference, compare
from .generator import Generator
from .host import Host, compiled
from .known import reason_for
from .machine import Machine
from .shrink import Judge, shrink

EXECUTORS = 6
BATCH = 1200
CHECK_EVERY = 100
ATTEMPTS = 3


@dataclass
class Found:
    """A confirmed difference, made small."""

    sequence: object
    difference: object

    def report(self):
        return f"sequence {self.sequence.number}:\n{self.sequence.script()}\n{self.difference}"


@dataclass
class Totals:
    """What a campaign did."""

    sequences: int = 0
    steps: int = 0
    failed: int = 0
    blocked: int = 0
    chance: int = 0
    calls: Counter = field(default_factory=Counter)
    known: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    found: dict = field(default_factory=dict)

    def count(self, sequence, outcomes):
        self.sequences += 1
        self.steps += len(outcomes)
        for step, outcome in zip(sequence.steps, outcomes, strict=False):
            self.calls[step.call] += 1
            self.failed += outcome.result < 0
            self.blocked += outcome.result == -4


def on_host(sequences):
    """The outcomes of sequences on the host, in their order."""
    results = [None] * len(sequences)
    compiled()

    def work(first):
        with Host() as host:
            for at in range(first, len(sequences), EXECUTORS):
                results[at] = host.run(sequences[at])

    with ThreadPoolExecutor(EXECUTORS) as pool:
        # Taking the results raises what went wrong.
        list(pool.map(work, range(EXECUTORS)))
    return results


class Bench:
    """Our machine, kept as long as it is well."""

    def __init__(self):
        self.machine = None

    def get(self):
        if self.machine is None:
            self.machine = Machine()
        return self.machine

    def run(self, sequence):
        """(outcomes, what went wrong or "")."""
        machine = self.get()
        wrong = ""
        outcomes = []
        try:
            outcomes = machine.run(sequence)
            machine.check_oops()
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
            self.machine = None
        return outcomes, wrong

    def check(self):
        """What is left behind, or ""."""
        try:
            self.get().check()
        except AssertionError as error:
            self.machine = None
            return str(error)
        return ""


def kind_of(sequence, difference):
    """What makes two differences the same: the call, its option or request, and both results."""
    step = sequence.steps[min(difference.index, len(sequence.steps) - 1)]
    which = ""
    if step.call in ("setsockopt", "getsockopt"):
        which = str(step.arguments[1:3])
    elif step.call in ("ioctl", "fcntl"):
        which = str(step.arguments[1])
    results = "" if "memory" in difference.what else f"{difference.host} {difference.ours}"
    return f"{difference.what} {which} {results}"[:160]


class Campaign:
    """`run(first, count)`: compares that many sequences of a seed."""

    def __init__(self, seed, say=print, most_shrunk=30):
        self.generator = Generator(seed)
        self.bench = Bench()
        self.judge = Judge(Host, Machine, ATTEMPTS)
        self.totals = Totals()
        self.say = say
        self.most_shrunk = most_shrunk

    def run(self, first, count):
        """Compare sequences `first` to `first + count`; returns the Totals."""
        for start in range(first, first + count, BATCH):
            self.batch([self.generator.make(number) for number in range(start, min(start + BATCH, first + count))])
        return self.totals

    def batch(self, sequences):
        host = on_host(sequences)
        since = []
        for sequence, theirs in zip(sequences, host, strict=True):
            self.totals.count(sequence, theirs)
            ours, wrong = self.bench.run(sequence)
            since.append(sequence)
            if wrong:
                self.keep(sequence, Difference(len(ours), f"machine: {wrong}", "", ""))
                since = []
            else:
                found = compare(sequence, theirs, ours)
                if found is not None:
                    self.examine(sequence, found, theirs, ours)
            if len(since) == CHECK_EVERY:
                self.check(since)
                since = []
        self.check(since)
        # The names that the programs leave in the machine's files would fill them in the end.
        self.bench.machine = None

    def check(self, sequences):
        """Nothing is left behind; else find out which sequence does it."""
        left = self.bench.check()
        if not left:
            return
        for sequence in sequences:
            self.bench.run(sequence)
            alone = self.bench.check()
            if alone:
                self.keep(sequence, Difference(len(sequence.steps) - 1, f"machine: {alone}", "", ""))
                return
        self.keep(sequences[0], Difference(0, f"machine: {left} (in one of {len(sequences)} sequences)", "", ""))

    def examine(self, sequence, difference, theirs, ours):
        """Known, confirmed or chance."""
        entry = reason_for(sequence, difference, theirs, ours)
        if entry is not None:
            self.totals.known[entry.name] += 1
            return
        kind = kind_of(sequence, difference)
        if kind in self.totals.found or len(self.totals.found) >= self.most_shrunk:
            self.totals.kinds[kind] += 1
            return
        confirmed = self.judge.difference(sequence)
        if confirmed is None:
            self.totals.chance += 1
            return
        self.keep(*shrink(sequence, confirmed, self.judge), kind)

    def keep(self, sequence, difference, kind=None):
        kind = kind or kind_of(sequence, difference)
        self.totals.kinds[kind] += 1
        if kind not in self.totals.found:
            self.totals.found[kind] = Found(sequence, difference)
            self.say(f"\n{self.totals.found[kind].report()}")
