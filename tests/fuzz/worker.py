"""The process that atheris fuzzes in: our Python interpreted and instrumented, one target, until the time is up.

It goes on after a failure, which is kept by its kind.  Only what takes the whole process down (a crash of compiled
code, a hang) ends it early: then libFuzzer leaves the input in the crashers' folder, and `__main__` starts another.
"""

import importlib
import os
import sys
import time
from pathlib import Path

import hwemu_importer

from .crashers import Crashers

PACKAGES = ["hwemu", "driver", "kernel", "userland", "lab"]
# A single input that takes this many seconds is a hang.
HANG = 120
DONE = "fuzz-done"


def fuzz(name, seconds, corpus, committed, crashers):
    """Fuzz target `name`: never returns."""
    hwemu_importer.install()
    import atheris

    # The hook stays: the kernel imports its network and its drivers when it boots.
    atheris.instrument_imports(include=PACKAGES).__enter__()
    module = importlib.import_module(f".{name}", __package__)
    found = Crashers(crashers)
    recover = getattr(module, "recover", None)
    started = time.monotonic()
    deadline = started + seconds
    executed = 0

    def one(data):
        nonlocal executed
        executed += 1
        try:
            module.run(data)
        except Exception as error:
            found.keep(data, error)
            if recover is not None:
                recover()
        if time.monotonic() >= deadline:
            print(f"{DONE} {executed} {time.monotonic() - started:.1f} {len(found.shortest)}", flush=True)
            os._exit(0)

    options = [
        f"-max_len={module.LONGEST_INPUT}",
        f"-timeout={HANG}",
        f"-artifact_prefix={crashers}/",
        "-len_control=0",
        "-rss_limit_mb=4096",
        "-reload=0",
        str(corpus),
    ]
    if Path(committed).is_dir():
        options.append(str(committed))
    mutate = getattr(module, "mutate", None)
    if mutate is None:
        atheris.Setup([sys.argv[0], *options], one)
    else:

        def mutator(data, size, seed):
            # Half of the time libFuzzer's own mutations, which know nothing of the format.
            changed = mutate(bytes(data), seed) if seed % 2 else atheris.Mutate(data, size)
            return changed[:size]

        atheris.Setup([sys.argv[0], *options], one, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5])
