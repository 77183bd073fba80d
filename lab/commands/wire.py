"""`hwemu wire tap:A tap:B`: two TAPs of the host joined by our wire, impaired and captured if asked."""

import random
import signal
import sys

from hwemu.clock import Clock
from hwemu.wire.capture import Capture
from hwemu.wire.impair import Impairment
from hwemu.wire.link import join
from hwemu.wire.tap import Tap
from lab.capture_file import CaptureFile
from lab.errors import LabError
from lab.host_signals import HostSignals


def open_tap(clock, name):
    try:
        return Tap(clock, name)
    except OSError as error:
        raise LabError(error.strerror) from None


def wire(options) -> int:
    """Carry frames until SIGINT or SIGTERM, then print what happened; exit status 0."""
    clock = Clock(real=True)
    taps = []
    capture = None
    try:
        for name in (options.first, options.second):
            taps.append(open_tap(clock, name))
        path = taps[0]
        if options.capture:
            capture = path = Capture(path, CaptureFile(options.capture), clock)
        impairment = None
        if options.impair:
            impairment = path = Impairment(path, options.impair, random.Random(options.seed), clock)
        join(path, taps[1])
        print(f"hwemu wire: {options.first} and {options.second} are joined", file=sys.stderr)
        with HostSignals(clock, lambda number: clock.stop(), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
            clock.run()
        report = [f"{tap.name}: {tap.frames_in} frames in, {tap.frames_out} out, {tap.dropped} dropped" for tap in taps]
        if impairment is not None:
            report.append(", ".join(f"{name} {count}" for name, count in impairment.statistics().items()))
        print("\n".join(report), file=sys.stderr)
        return 0
    finally:
        for tap in taps:
            tap.close()
        if capture is not None:
            capture.writer.close()
