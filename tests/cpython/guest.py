"""On the machine: runs one module of CPython's test package and writes what became of each test.

    hwemu python --net none -m tests.cpython.guest MODULE RESULTS [TEST ...]
"""

import json
import os
import sys
import traceback
import unittest

from tests.cpython.excluded import reason_for

NOBODY = 65534


class Recorder(unittest.TestResult):
    """Keeps an outcome for each test: passed, failed, or the reason why it was not run."""

    def __init__(self, verbose):
        super().__init__()
        self.outcomes = {}
        self.verbose = verbose

    def record(self, test, outcome, detail=""):
        name = test.id() if hasattr(test, "id") else str(test)
        if self.outcomes.get(name, ("passed",))[0] != "failed":
            self.outcomes[name] = (outcome, detail)
        if self.verbose and outcome == "failed":
            print(f"FAILED {name}\n{detail}", file=sys.stderr)

    def startTest(self, test):
        super().startTest(test)
        if self.verbose:
            print(test.id(), file=sys.stderr, flush=True)

    def addSuccess(self, test):
        self.record(test, "passed")

    def addError(self, test, err):
        self.record(test, "failed", "".join(traceback.format_exception(*err)))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.record(test, "failed", "".join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        self.record(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        self.record(test, "passed")

    def addUnexpectedSuccess(self, test):
        self.record(test, "failed", "unexpected success")


def tests_of(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from tests_of(entry)
        else:
            yield entry


def main(module, path, *wanted):
    import test.support

    test.support.use_resources = ["cpu", "walltime", "network"]
    # Lines of progress would mix with the result.
    test.support.verbose = False
    recorder = Recorder(verbose=bool(wanted))
    chosen = unittest.TestSuite()
    geteuid = os.geteuid
    if not hasattr(os, "fork"):
        # Root's CGI programs are somebody else's after a fork, for which test_httpservers leaves them out; there is no fork here.
        os.geteuid = lambda: NOBODY
    cases = list(tests_of(unittest.defaultTestLoader.loadTestsFromName(f"test.{module}")))
    os.geteuid = geteuid
    for case in cases:
        name = case.id().removeprefix("test.")
        if wanted and not any(part in name for part in wanted):
            continue
        reason = reason_for(name)
        if reason is None:
            chosen.addTest(case)
        else:
            recorder.record(case, "excluded", reason)
    chosen.run(recorder)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(recorder.outcomes, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
