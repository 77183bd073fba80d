"""The host's signals as events on the clock: nothing runs in the middle of something else."""

import fcntl
import os
import select
import signal

from hwemu.clock import Source

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH)
# Seconds after which a signal that has found nobody to take it, and waits for the clock still, is tried again.
RETRY = 0.2


class HostSignals(Source):
    """While entered, `deliver(number)` is called in the clock's context for each of the signals.

    On a clock that follows the host they wake its epoll.  On a virtual one they stop it: whoever runs the clock calls
    `poll` after each run.
    """

    def __init__(self, clock, deliver, handled=HANDLED, at_once=None, typed=None):
        """`at_once(number, frame)`: where the running code itself takes such a signal, a function (number, frame) that does.

        `typed`: a terminal in raw mode, whose keys are no signals; what is typed there is a SIGIO for `at_once`.
        """
        super().__init__()
        self.typed = typed
        self.flags = 0
        self.at_once = at_once
        self.taken = []
        self.waiting = []
        self.clock = clock
        self.deliver = deliver
        self.handled = handled
        self.watching = False
        self.reader, self.writer = -1, -1
        self.saved = {}
        self.saved_wakeup = -1

    def __enter__(self):
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.saved_wakeup = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        # Standard input makes a virtual clock follow the host only until it ends.
        self.watching = self.clock.always_real
        if self.watching:
            self.clock.watch(self.reader, select.EPOLLIN, self)
        for number in self.handled:
            self.saved[number] = signal.signal(number, self.came)
        if self.at_once is not None:
            self.saved[signal.SIGALRM] = signal.signal(signal.SIGALRM, self.again)
        if self.typed is not None:
            self.saved[signal.SIGIO] = signal.signal(signal.SIGIO, self.came)
            self.flags = fcntl.fcntl(self.typed, fcntl.F_GETFL)
            fcntl.fcntl(self.typed, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(self.typed, fcntl.F_SETFL, self.flags | os.O_ASYNC)
        return self

    def __exit__(self, *error):
        if self.watching:
            self.clock.unwatch(self.reader)
        if self.at_once is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.typed is not None:
            fcntl.fcntl(self.typed, fcntl.F_SETFL, self.flags)
        for number, handler in self.saved.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self.saved_wakeup)
        os.close(self.reader)
        os.close(self.writer)

    def came(self, number, frame):
        """Python's handler, anywhere in the program: the number is in the pipe already."""
        if self.take(number, frame):
            return
        if not self.watching and number != signal.SIGIO:
            self.clock.stop()
        if self.at_once is not None:
            self.waiting.append(number)
            signal.setitimer(signal.ITIMER_REAL, RETRY)

    def take(self, number, frame):
        """Let the running code take a signal: True when it has."""
        handler = self.at_once(number, frame) if self.at_once is not None else None
        if handler is None:
            return False
        self.taken.append(number)
        handler(number, frame)
        return True

    def again(self, alarm, frame):
        """The host's alarm: whoever runs now may be somebody who takes the signal that waits."""
        if self.waiting:
            signal.setitimer(signal.ITIMER_REAL, RETRY)
            number = self.waiting.pop(0)
            if not self.take(number, frame):
                self.waiting.insert(0, number)

    def ready(self, mask):
        self.poll()

    def poll(self):
        """Serve the signals that have come."""
        try:
            numbers = os.read(self.reader, 64)
        except BlockingIOError:
            return
        for number in numbers:
            if number in self.waiting:
                self.waiting.remove(number)
            if number in self.taken:
                self.taken.remove(number)
            elif number in self.handled:
                self.deliver(number)
