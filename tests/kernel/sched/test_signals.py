"""Signals: actions and their flags, masks, waiting for signals, restarting calls, stopping and continuing."""

import pytest
from system import System

from userland import libc


def run(init, files=None):
    system = System(files)
    status = system.run(init)
    assert status != 139, system.text
    return status


def child_program(main):
    return {"/bin/child": main}


def start(*arguments, pgid=-1):
    return libc.spawn("/bin/child", ["child", *map(str, arguments)], pgid=pgid)


def test_siginfo_tells_who_sent_a_signal():
    got = []

    def child(argv):
        libc.sigqueue(1, libc.SIGRTMIN + 3, 77)
        return 3

    def init(argv):
        libc.sigaction(libc.SIGRTMIN + 3, lambda sig, info: got.append(info), libc.SA_SIGINFO)
        libc.sigaction(libc.SIGCHLD, lambda sig, info: got.append(info), libc.SA_SIGINFO)
        pid = start()
        while len(got) < 2:
            libc.pause()
        queued, ended = got
        assert (queued.si_signo, queued.si_code, queued.si_pid, queued.si_value) == (35, libc.SI_QUEUE, pid, 77)
        assert (ended.si_signo, ended.si_code, ended.si_pid, ended.si_status) == (libc.SIGCHLD, libc.CLD_EXITED, pid, 3)
        assert libc.kill(1, libc.SIGRTMIN + 3) == 0
        assert (got[2].si_code, got[2].si_pid) == (libc.SI_USER, 1)
        return 0

    assert run(init, child_program(child)) == 0


def test_a_handler_blocks_its_own_signal_unless_nodefer_and_resethand_removes_it():
    order = []

    def nested(sig):
        order.append("in")
        if len(order) == 1:
            libc.kill(1, sig)
        order.append("out")

    def init(argv):
        libc.sigaction(libc.SIGUSR1, nested)
        libc.kill(1, libc.SIGUSR1)
        assert order == ["in", "out", "in", "out"]
        order.clear()
        libc.sigaction(libc.SIGUSR1, nested, libc.SA_NODEFER)
        libc.kill(1, libc.SIGUSR1)
        assert order == ["in", "in", "out", "out"]
        order.clear()
        libc.sigaction(libc.SIGUSR2, order.append, libc.SA_RESETHAND)
        libc.kill(1, libc.SIGUSR2)
        # pid 1 is not killed by what it does not handle.
        libc.kill(1, libc.SIGUSR2)
        assert order == [libc.SIGUSR2]
        return 0

    assert run(init) == 0


def test_blocked_signals_wait_standard_ones_once_realtime_ones_in_order():
    got = []

    def init(argv):
        first, second = libc.SIGRTMIN, libc.SIGRTMIN + 1
        for sig in (libc.SIGUSR1, first, second):
            libc.sigaction(sig, lambda sig, info: got.append((sig, info.si_value)), libc.SA_SIGINFO)
        assert libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGUSR1, first, second]) == []
        for value in (1, 2):
            libc.sigqueue(1, second, value)
            libc.sigqueue(1, first, value)
            libc.sigqueue(1, libc.SIGUSR1, value)
        assert libc.sigpending() == [libc.SIGUSR1, first, second]
        assert got == []
        assert libc.sigprocmask(libc.SIG_SETMASK, []) == [libc.SIGUSR1, first, second]
        # All are delivered at once; the frame pushed last runs first, as on Linux.
        assert sorted(got) == [(libc.SIGUSR1, 1), (first, 1), (first, 2), (second, 1), (second, 2)]
        return 0

    assert run(init) == 0


def test_sigtimedwait_takes_what_is_blocked_or_ignored_by_default():
    def child(argv):
        libc.usleep(1000)
        libc.kill(1, libc.SIGUSR1)
        return 2

    def init(argv):
        libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGUSR1, libc.SIGCHLD])
        before = libc.clock_gettime_ns()
        assert libc.sigtimedwait([libc.SIGUSR1], 0.5) == -1 and libc.get_errno() == libc.EAGAIN
        assert libc.clock_gettime_ns() - before >= 500_000_000
        pid = start()
        assert libc.sigwaitinfo([libc.SIGUSR1]).si_pid == pid
        info = libc.sigwaitinfo([libc.SIGCHLD])
        assert (info.si_code, info.si_status) == (libc.CLD_EXITED, 2)
        # Another signal's handler interrupts it.
        libc.signal(libc.SIGALRM, lambda sig: None)
        libc.alarm(1)
        assert libc.sigwaitinfo([libc.SIGUSR2]) == -1 and libc.get_errno() == libc.EINTR
        return 0

    assert run(init, child_program(child)) == 0


def test_sigsuspend_waits_with_another_mask_and_gives_the_old_one_back():
    got = []

    def child(argv):
        libc.usleep(1000)
        libc.kill(1, libc.SIGUSR1)
        libc.kill(1, libc.SIGUSR2)
        return 0

    def init(argv):
        for sig in (libc.SIGUSR1, libc.SIGUSR2):
            libc.signal(sig, got.append)
        libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGUSR1, libc.SIGUSR2])
        start()
        assert libc.sigsuspend([libc.SIGUSR1]) == -1 and libc.get_errno() == libc.EINTR
        assert got == [libc.SIGUSR2]
        assert libc.sigprocmask(libc.SIG_BLOCK, []) == [libc.SIGUSR1, libc.SIGUSR2]
        assert libc.sigpending() == [libc.SIGUSR1]
        return 0

    assert run(init, child_program(child)) == 0


@pytest.mark.parametrize("flags", [0, libc.SA_RESTART])
def test_which_calls_go_on_after_a_handler(flags):
    """signal(7): with SA_RESTART read and wait go on; nanosleep, poll and pause never do."""
    calls = []

    def interrupter(argv):
        for _ in range(3):
            libc.usleep(100_000)
            libc.kill(int(argv[1]), libc.SIGUSR1)
        libc.usleep(100_000)
        libc.write_all(3, b"data")
        return 0

    def reader(argv):
        libc.sigaction(libc.SIGUSR1, calls.append, flags)
        calls.append(libc.nanosleep(10_000_000_000) > 0)
        calls.append((libc.poll([], 10_000), libc.get_errno()))
        calls.append(libc.read_bytes(0, 10))
        return 0

    def init(argv):
        near, far = libc.pipe()
        pid = libc.spawn("/bin/reader", ["reader"], actions=[(libc.SPAWN_DUP2, near, 0)])
        libc.spawn("/bin/interrupter", ["interrupter", str(pid)], actions=[(libc.SPAWN_DUP2, far, 3)])
        libc.waitpid(pid)
        return 0

    assert run(init, {"/bin/reader": reader, "/bin/interrupter": interrupter}) == 0
    usr1 = libc.SIGUSR1
    read = b"data" if flags else -1
    assert calls == [usr1, True, usr1, (-1, libc.EINTR), usr1, read]


def test_stop_and_continue_with_wait():
    ticks = []

    def child(argv):
        while True:
            libc.usleep(10_000)
            ticks.append(libc.clock_gettime_ns())

    def init(argv):
        stops = []
        libc.sigaction(libc.SIGCHLD, lambda sig, info: stops.append((info.si_code, info.si_status)), libc.SA_SIGINFO)
        pid = start(pgid=0)
        libc.nanosleep(50_000_000)
        libc.kill(pid, libc.SIGSTOP)
        assert libc.waitpid(pid, libc.WUNTRACED) == (pid, libc.SIGSTOP << 8 | 0x7F)
        assert libc.waitpid(pid, libc.WUNTRACED | libc.WNOHANG) == (0, 0)
        count = len(ticks)
        libc.nanosleep(100_000_000)
        assert len(ticks) == count
        assert "State:\tT (stopped)" in libc.read_text(f"/proc/{pid}/status")
        libc.kill(pid, libc.SIGCONT)
        found, status = libc.waitpid(pid, libc.WCONTINUED)
        assert found == pid and libc.WIFCONTINUED(status)
        libc.nanosleep(100_000_000)
        assert len(ticks) > count
        # A stopped process is killed all the same.
        libc.kill(pid, libc.SIGSTOP)
        libc.nanosleep(1_000_000)
        libc.kill(pid, libc.SIGKILL)
        assert libc.waitpid(pid) == (pid, libc.SIGKILL)
        assert stops == [(libc.CLD_STOPPED, libc.SIGSTOP), (libc.CLD_CONTINUED, libc.SIGCONT),
                         (libc.CLD_STOPPED, libc.SIGSTOP), (libc.CLD_KILLED, libc.SIGKILL)]  # fmt: skip
        return 0

    assert run(init, child_program(child)) == 0


def test_sigcont_takes_back_a_stop_that_waits():
    def child(argv):
        libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGTSTP])
        libc.kill(libc.getpid(), libc.SIGTSTP)
        assert libc.sigpending() == [libc.SIGTSTP]
        libc.kill(libc.getpid(), libc.SIGCONT)
        assert libc.sigpending() == []
        return 0

    def init(argv):
        assert libc.waitpid(start()) [1] == 0
        return 0

    assert run(init, child_program(child)) == 0


def test_alarm_interval_timers_and_sleeping_until():
    import struct

    from hwemu.cpu import trap
    from kernel.uapi.syscall import SYS_clock_getres, SYS_clock_nanosleep, SYS_getitimer, SYS_setitimer
    from userland.libc.crt import this

    times = []

    def init(argv):
        space = this().space
        libc.signal(libc.SIGALRM, lambda sig: times.append(libc.clock_gettime_ns() // 1_000_000))
        new = space.map(struct.pack("<4q", 0, 10_000, 0, 50_000))
        old = bytearray(32)
        place = space.map(old, True)
        assert trap(SYS_setitimer, 0, new, place) == 0 and struct.unpack("<4q", old) == (0, 0, 0, 0)
        start = libc.clock_gettime_ns() // 1_000_000
        while len(times) < 3:
            libc.pause()
        # A timer fires less than a tick late.
        assert [moment - start for moment in times] in ([50, 60, 70], [51, 61, 71])
        assert trap(SYS_getitimer, 0, place) == 0
        interval_s, interval, left_s, left = struct.unpack("<4q", old)
        assert (interval_s, interval, left_s) == (0, 10_000, 0) and 0 < left <= 10_000
        assert trap(SYS_setitimer, 0, 0, place) == 0
        assert libc.alarm(100) == 0 and libc.alarm(0) == 100
        assert trap(SYS_setitimer, 3, new, 0) == -libc.EINVAL
        end = libc.clock_gettime_ns() + 3_000_000_000
        until = space.map(struct.pack("<qq", *divmod(end, 1_000_000_000)))
        assert trap(SYS_clock_nanosleep, libc.CLOCK_MONOTONIC, 1, until, 0) == 0
        assert 0 <= libc.clock_gettime_ns() - end < 2_000_000
        assert trap(SYS_clock_getres, libc.CLOCK_MONOTONIC, place) == 0 and struct.unpack_from("<qq", old) == (0, 1)
        return 0

    assert run(init) == 0
