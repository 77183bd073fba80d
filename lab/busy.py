"""A program in Python that computes and makes no system call: how the host's signals reach it all the same.

Such a program never gives way, so nothing on the clock runs until it does.  The host's handler runs in the middle of it, in
its own greenlet, and may do what an interrupt does on a real machine - but only where the program itself runs, and not the
kernel for it.  Where the code that was interrupted is the program's own source that is certain.  Where it is a library's,
it is taken once no system call has been made for a while (`HostSignals` tries again).
"""

from pathlib import Path

from hwemu.cpu import current_context
from kernel.signal_delivery import deliver_signals, python_abi

HERE = Path(__file__).resolve().parents[1]
# Code that is never interrupted, but for the frame from which the kernel has called the program.
OURS = tuple(f"{HERE / package}/" for package in ("kernel", "hwemu", "driver", "lab"))
CALLER = str(HERE / "kernel" / "sched" / "fork.py")


class BusyProgram:
    """Finds out whether a signal of the host has hit a program in Python; `deliver(number)` is what such a signal means."""

    def __init__(self, session, deliver):
        self.session = session
        self.deliver = deliver
        # How many system calls had been made at the last try.
        self.calls = -1

    def handler(self, number, frame):
        """The function that serves a signal in the middle of the program, or None where it has to wait for the clock."""
        context = current_context()
        task = getattr(context, "task", None)
        if task is None or frame is None or not isinstance(task.abi, python_abi) or task.is_kthread():
            return None
        calls = self.session.host.kernel.syscalls.total
        stuck, self.calls = calls == self.calls, calls
        if context is not task.context or context.cpu is not self.session.host.machine.cpu:
            return None
        certain = frame.f_code.co_filename == task.exe
        return self.interrupt if certain or (stuck and outside_the_kernel(frame)) else None

    def interrupt(self, number, frame):
        """As an interrupt: what the signal means, whoever can run then, and the program's own signals at the end."""
        context = current_context()
        task = context.task
        self.deliver(number)
        self.session.host.kernel.arch.interruptible_point()
        task.sched.schedule()
        depth = len(context.frames)
        deliver_signals(task)
        context.run_frames(depth)


def outside_the_kernel(frame):
    """True where no code of the machine lies between the frame and the kernel's call of the program."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            return name == CALLER
        frame = frame.f_back
    return False
