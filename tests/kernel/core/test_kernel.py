"""The kernel as a whole: oopses, panics, floods of softirqs, kernel threads, traces, settings."""

import pytest
from system import SECOND, System

from hwemu.cpu import trap
from kernel.softirq import TASKLET_SOFTIRQ, softirq_action
from userland import libc

BROKEN = 400


def broken(task, *arguments):
    raise ZeroDivisionError("a bug of the kernel")


def test_an_oops_kills_the_task_and_is_on_the_books():
    def child(argv):
        trap(BROKEN)

    def init(argv):
        return libc.WTERMSIG(libc.waitpid(libc.spawn("/bin/child", ["child"]))[1])

    system = System({"/bin/child": child})
    system.boot(init)
    system.kernel.syscalls.register(BROKEN, "broken", broken)
    assert system.finish(leaks=False) == 11
    assert system.kernel.leak_report() == ["oops: ZeroDivisionError: a bug of the kernel in broken of child[3]"]
    assert "BUG: ZeroDivisionError" in system.log and "in broken" in system.log


def test_panic_on_oops_comes_out_of_the_clock():
    system = System(panic_on_oops="1")
    system.boot(lambda argv: trap(BROKEN))
    system.kernel.syscalls.register(BROKEN, "broken", broken)
    with pytest.raises(ZeroDivisionError):
        system.finish()


class Tasklet(softirq_action):
    """A softirq that raises itself again, `left` times."""

    def __init__(self, softirq, left):
        self.softirq = softirq
        self.left = left
        self.runs = 0

    def run(self):
        self.runs += 1
        if self.left:
            self.left -= 1
            self.softirq.raise_softirq(TASKLET_SOFTIRQ)


def test_a_bug_in_a_softirq_stops_the_machine():
    class Bug(softirq_action):
        def run(self):
            raise ZeroDivisionError

    system = System()
    system.boot(lambda argv: libc.sleep(100))
    system.clock.run(SECOND)
    system.kernel.softirq.open_softirq(TASKLET_SOFTIRQ, Bug())
    system.kernel.softirq.raise_softirq(TASKLET_SOFTIRQ)
    system.kernel.arch.kick()
    with pytest.raises(ZeroDivisionError):
        system.finish()


def test_programs_run_while_softirqs_flood():
    seen = []

    def init(argv):
        for _ in range(500):
            libc.getppid()
        seen.append(tasklet.runs)

    system = System()
    kernel = system.boot(init)
    tasklet = Tasklet(kernel.softirq, 100_000)
    kernel.softirq.open_softirq(TASKLET_SOFTIRQ, tasklet)
    kernel.softirq.pending |= 1 << TASKLET_SOFTIRQ
    assert system.finish() == 0
    assert 0 < seen[0] < 100_000
    assert kernel.softirq.ksoftirqd_wakeups > 10


def test_kernel_threads_sleep_and_end():
    log = []

    def worker():
        for _ in range(3):
            system.kernel.sched.sleep(SECOND)
            log.append(system.clock.now // SECOND)

    def init(argv):
        system.kernel.kthread("worker", worker)
        libc.sleep(5)
        assert libc.kill(3, 9) == -1

    system = System()
    assert system.run(init) == 0, system.text
    assert log == [1, 2, 3]


def test_traces_show_interrupts_and_calls():
    lines = []
    system = System()
    kernel = system.boot(lambda argv: libc.usleep(5000))
    system.machine.trace.listen("syscall", lambda when, machine, name, text: lines.append(text))
    system.machine.trace.listen("irq_entry", lambda when, machine, name, text: lines.append(text))
    system.machine.trace.listen("softirq", lambda when, machine, name, text: lines.append(text))
    assert system.finish() == 0
    assert lines[:3] == ["irq 0", "TIMER", "init[1] nanosleep = 0"]
    assert kernel.syscalls.total == 1


def test_sysctls():
    values = {"a": 5, "b": "text"}
    system = System()

    def init(argv):
        assert libc.read_file("/proc/sys/net/test/a") == b"5\n"
        for path, text, result in (("a", b"7\n", 0), ("a", b"seven", libc.EINVAL), ("b", b"other\n", 0)):
            fd = libc.open(f"/proc/sys/net/test/{path}", libc.O_WRONLY | libc.O_TRUNC)
            count = libc.write(fd, text)
            assert count == len(text) if result == 0 else count == -1 and libc.get_errno() == result
            libc.close(fd)
        assert libc.open("/proc/sys/net/test/c", libc.O_WRONLY) == -1

    def setup():
        table = system.kernel.sysctl
        table.register("net.test.a", lambda: values["a"], lambda value: values.update(a=value))
        table.register("net.test.b", lambda: values["b"], lambda value: values.update(b=value))
        table.register("net.test.c", lambda: 1)

    def start(argv):
        setup()
        init(argv)

    assert system.run(start) == 0, system.text
    assert values == {"a": 7, "b": "other"}
    assert system.kernel.sysctl.read("net.test.a") == 7
    assert system.kernel.sysctl.write("net.none", "1") == -libc.ENOENT


def test_the_log_is_bounded_and_has_levels():
    system = System(loglevel="4")

    def init(argv):
        for number in range(5000):
            system.kernel.printk(f"line {number}", 6)
        system.kernel.printk("shown", 3)

    assert system.run(init) == 0
    assert len(system.kernel.printk.ring) == 2048
    assert "line" not in system.text and "] shown\n" in system.text
