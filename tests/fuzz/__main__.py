"""`python -m tests.fuzz TARGET --seconds N`: coverage-guided fuzzing of one target, or of all in turn.

Inputs that reached something new stay in build/fuzz/TARGET/corpus for the next run, failing ones go to
build/fuzz/TARGET/crashers beside their tracebacks.  Exit status 1 when something failed.
`--replay FILE` runs one input without atheris; `--distill N` makes the committed corpus out of the collected one.
"""

import argparse
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from . import TARGETS
from .distill import distill

FOLDER = Path(__file__).parent
WORK = Path("build/fuzz")
PROGRESS = re.compile(r"^#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)/")
REPORT_EVERY = 30


def work_folders(target):
    corpus, crashers = WORK / target / "corpus", WORK / target / "crashers"
    for folder in (corpus, crashers):
        folder.mkdir(parents=True, exist_ok=True)
    return corpus, crashers


class Run:
    """What the workers of one target said so far."""

    def __init__(self):
        self.inputs = 0
        self.covered = 0
        self.kept = 0
        self.failures = 0
        self.finished = False

    def read(self, worker):
        """Follow one worker's output to its end, printing what matters; returns how many inputs it ran."""
        inputs = 0
        next_report = time.monotonic() + REPORT_EVERY
        for line in worker.stdout:
            progress = PROGRESS.match(line)
            if progress:
                inputs, self.covered, _, self.kept = (int(group) for group in progress.groups())
                if time.monotonic() >= next_report:
                    next_report += REPORT_EVERY
                    print(f"  {self.inputs + inputs} inputs, {self.covered} edges, {self.kept} kept", flush=True)
            elif line.startswith("fuzz-done"):
                inputs = int(line.split()[1])
                self.finished = True
            elif not line.startswith(("INFO:", "WARNING: Failed", "#", "\tNEW_", "NEW_")):
                print(f"  {line}", end="", flush=True)
                self.failures += line.startswith("FAILED")
        return inputs


def fuzz(target, seconds):
    """Fuzz one target; returns how many kinds of failure were found."""
    corpus, crashers = work_folders(target)
    started = time.monotonic()
    run = Run()
    while not run.finished:
        left = seconds - (time.monotonic() - started)
        if left <= 0:
            break
        command = [
            sys.executable, "-m", f"{__package__}.worker", target, f"{left:.1f}", str(corpus),
            str(FOLDER / "corpus" / target), str(crashers),
        ]  # fmt: skip
        environment = {**os.environ, "HWEMU_INTERPRETED": "1"}
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as worker:
            inputs = run.read(worker)
        run.inputs += inputs
        if not run.finished:
            run.failures += 1
            print(f"  the worker died with status {worker.returncode}; what it ran last is in {crashers}", flush=True)
            if inputs == 0:
                break
    taken = time.monotonic() - started
    print(
        f"{target}: {run.inputs} inputs in {taken:.0f} s, {run.inputs / taken:.0f}/s, {run.covered} edges covered, "
        f"{run.kept} inputs kept, {run.failures} kinds of failure",
        flush=True,
    )
    return run.failures


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--seconds", type=float, default=60, help="how long to fuzz each target (default 60)")
    parser.add_argument("--replay", metavar="FILE", help="run this one input and nothing else")
    parser.add_argument("--distill", metavar="N", type=int, help="commit the N collected inputs that cover the most")
    options = parser.parse_args(arguments)
    targets = TARGETS if options.target == "all" else (options.target,)
    if options.replay:
        importlib.import_module(f".{targets[0]}", __package__).run(Path(options.replay).read_bytes())
        return 0
    if options.distill:
        for target in targets:
            module = importlib.import_module(f".{target}", __package__)
            distill(module, work_folders(target)[0], FOLDER / "corpus" / target, options.distill)
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is missing: pip install 'hwemu[fuzz]'", file=sys.stderr)
        return 2
    failures = sum([fuzz(target, options.seconds) for target in targets])
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
