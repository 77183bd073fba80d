"""Makes a sequence that differs small: drops steps as long as the same call still differs."""

from .compare import compare


class Judge:
    """Both kernels; `difference` asks the host several times, for only what it always does counts."""

    def __init__(self, make_host, make_machine, attempts=3):
        self.make_host = make_host
        self.make_machine = make_machine
        self.attempts = attempts

    def difference(self, sequence):
        """The Difference that every attempt on the host shows, or None."""
        machine = self.make_machine()
        ours = machine.run(sequence)
        found = None
        for _ in range(self.attempts):
            with self.make_host() as host:
                found = compare(sequence, host.run(sequence), ours)
            if found is None:
                return None
        return found


def shrink(sequence, difference, judge):
    """(sequence, difference) with as few steps as still show a difference in the same call."""
    steps = list(sequence.steps[: difference.index + 1])
    last = steps[-1]
    changed = True
    while changed:
        changed = False
        for at in range(len(steps) - 2, -1, -1):
            fewer = sequence.with_steps(steps[:at] + steps[at + 1 :])
            found = judge.difference(fewer)
            if found is not None and fewer.steps[found.index] is last:
                steps = list(fewer.steps[: found.index + 1])
                difference = found
                changed = True
    return sequence.with_steps(steps), difference
