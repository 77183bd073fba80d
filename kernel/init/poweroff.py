"""Power-off: every program is killed, the devices are closed, and then the machine is switched off.

Its exit status is what reboot(2) was given, or what became of pid 1.
"""

from kernel.sched.exit import is_zombie, reap
from kernel.sched.state import EXIT_ZOMBIE, TASK_RUNNING, TASK_UNINTERRUPTIBLE
from kernel.signal import force_exit
from kernel.uapi.signal import SIGKILL

GRACE = 2000000000
STEP = 1000000


def power_off(kernel, status):
    """Called by a task; the machine ends here.  A second call while the first is at work returns."""
    if kernel.powering_off:
        return
    kernel.powering_off = True
    current = kernel.sched.current
    kernel.last_task = current
    kill_all(kernel, current)
    if current.files is not None:
        current.files.put()
    kernel.alarms.forget(current)
    kernel.printk.printk("reboot: Power down")
    for callback in reversed(kernel.shutdown_calls):
        callback()
    kernel.irq.free_irq(*kernel.tick_line)
    for line in kernel.serial_lines:
        kernel.irq.free_irq(*line)
    kernel.arch.clockevent.cancel()
    kernel.arch.power_off(status)


def kill_all(kernel, current):
    """End every program but the current task, and wait until they have gone."""
    sched = kernel.sched
    victims = [task for task in kernel.pids.tasks() if not task.is_kthread() and task is not current]
    for task in victims:
        if task.state != EXIT_ZOMBIE:
            force_exit(task, SIGKILL)
    deadline = kernel.timers.now() + GRACE
    while any(task.files is not None for task in victims) and kernel.timers.now() < deadline:
        current.state = TASK_UNINTERRUPTIBLE
        sched.schedule_timeout(STEP)
    current.state = TASK_RUNNING
    for task in victims:
        if is_zombie(task):
            reap(kernel, task)
