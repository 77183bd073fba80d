"""Programs: starting, ending, waiting, signals, faults."""

import pytest
from system import SECOND, System

from hwemu.cpu import trap
from userland import libc


def spawn(path, *arguments, actions=(), pgid=-1):
    return libc.spawn(path, [path, *arguments], actions=list(actions), pgid=pgid)


def test_the_status_of_init_is_that_of_the_machine():
    assert System().run(lambda argv: 7) == 7
    assert System().run(lambda argv: None) == 0
    assert System().run("import sys\ndef main(argv):\n    sys.exit(3)\n") == 3
    assert System().run(lambda argv: libc._exit(9)) == 9


def test_init_that_faults_is_a_panic():
    system = System()
    assert system.run("def main(argv):\n    return 1 // 0\n") == 128 + 11
    assert "init[1]: fault: ZeroDivisionError" in system.text
    assert "/sbin/init:2" in system.text
    assert "Attempted to kill init" in system.log


def test_a_machine_without_init_says_so():
    system = System(init="/bin/nothing")
    assert system.run(lambda argv: 0) == 1
    assert "No working init found" in system.log


def test_a_program_with_a_syntax_error_says_where():
    system = System({"/bin/bad": b"def main(argv:\n    pass\n"})

    def init(argv):
        pid = spawn("/bin/bad")
        return libc.WEXITSTATUS(libc.waitpid(pid)[1])

    assert system.run(init) == 126
    assert "/bin/bad:1" in system.text


def test_spawn_passes_arguments_environment_and_descriptors():
    seen = {}

    def child(argv):
        seen["argv"] = argv
        seen["environ"] = dict(libc.environ())
        seen["ppid"] = libc.getppid()
        libc.write_all(1, b"into the pipe")
        return 5

    def init(argv):
        reader, writer = libc.pipe()
        pid = libc.spawn(
            "/bin/child", ["child", "a b", ""], {"X": "1"}, [(libc.SPAWN_DUP2, writer, 1), (libc.SPAWN_CLOSE, reader, 0)]
        )
        libc.close(writer)
        buffer = bytearray(100)
        count = libc.read(reader, buffer)
        seen["text"] = bytes(buffer[:count])
        seen["end"] = libc.read(reader, buffer)
        seen["wait"] = libc.waitpid(pid)
        return 0 if pid > 1 else 1

    assert System({"/bin/child": child}).run(init) == 0
    assert seen["argv"] == ["child", "a b", ""]
    assert seen["environ"] == {"X": "1"}
    assert seen["ppid"] == 1
    assert seen["text"] == b"into the pipe"
    assert seen["end"] == 0
    assert seen["wait"][1] == 5 << 8


def test_execve_replaces_the_program():
    order = []

    def second(argv):
        order.append(("second", argv, libc.getpid()))
        return 4

    def first(argv):
        order.append(("first", argv, libc.getpid()))
        try:
            libc.execve("/bin/second", ["second", "x"], {})
        finally:
            order.append("unwound")

    def init(argv):
        pid = spawn("/bin/first")
        assert libc.execve("/bin/none", ["none"]) == -1 and libc.get_errno() == libc.ENOENT
        return libc.WEXITSTATUS(libc.waitpid(pid)[1])

    assert System({"/bin/first": first, "/bin/second": second}).run(init) == 4
    assert order[1] == "unwound"
    assert order[2][1:] == (["second", "x"], order[0][2])


def test_scripts_name_their_interpreter():
    seen = []

    def interpreter(argv):
        seen.append(argv)
        return 0

    def init(argv):
        return libc.WEXITSTATUS(libc.waitpid(libc.spawn("/bin/script", ["script", "one"]))[1])

    assert System({"/bin/lang": interpreter, "/bin/script": b"#!/bin/lang -x\nbody\n"}).run(init) == 0
    assert seen == [["/bin/lang", "-x", "/bin/script", "one"]]


def test_spawn_errors():
    def init(argv):
        failures = []
        for path in ("/bin/none", "/etc/plain", "/etc", "/bin/empty", ""):
            assert spawn(path) == -1
            failures.append(libc.get_errno())
        assert libc.spawn("/sbin/init", ["x"], actions=[(libc.SPAWN_DUP2, 40, 1)]) == -1
        failures.append(libc.get_errno())
        assert failures == [libc.ENOENT, libc.EACCES, libc.EACCES, libc.ENOEXEC, libc.ENOENT, libc.EBADF], failures
        return 0

    assert System({"/etc/plain": b"x", "/bin/empty": b""}).run(init) == 0


def test_wait():
    def child(argv):
        libc.usleep(int(argv[1]))
        return int(argv[2])

    def init(argv):
        assert libc.waitpid() == -1 and libc.get_errno() == libc.ECHILD
        slow = spawn("/bin/child", "50000", "1")
        fast = spawn("/bin/child", "10000", "2")
        assert libc.waitpid(-1, libc.WNOHANG)[0] == 0
        assert libc.waitpid()[0] == fast
        assert libc.waitpid(slow) == (slow, 1 << 8)
        return 0

    assert System({"/bin/child": child}).run(init) == 0


def test_orphans_go_to_init():
    pids = {}

    def grandchild(argv):
        libc.usleep(20000)
        pids["parent"] = libc.getppid()

    def child(argv):
        pids["grandchild"] = spawn("/bin/grandchild")

    def init(argv):
        spawn("/bin/child")
        return 0 if sorted(libc.waitpid()[0] for _ in range(2))[1] == pids["grandchild"] else 1

    assert System({"/bin/child": child, "/bin/grandchild": grandchild}).run(init) == 0
    assert pids["parent"] == 1


def test_signals_kill_a_sleeper_and_finally_blocks_run():
    log = []

    def sleeper(argv):
        try:
            libc.sleep(1000)
            log.append("woke")
        except Exception:
            log.append("caught")
        finally:
            log.append("finally")

    def init(argv):
        for sig in (libc.SIGTERM, libc.SIGINT, libc.SIGKILL):
            pid = spawn("/bin/sleeper")
            libc.usleep(1000)
            assert libc.kill(pid, 0) == 0
            assert libc.kill(pid, sig) == 0
            assert libc.WTERMSIG(libc.waitpid(pid)[1]) == sig
        assert libc.kill(pid, 0) == -1 and libc.get_errno() == libc.ESRCH
        return 0

    system = System({"/bin/sleeper": sleeper})
    assert system.run(init) == 0
    assert log == ["finally"] * 3
    assert system.clock.now < SECOND


def test_a_program_that_swallows_its_end_is_left_behind():
    def stubborn(argv):
        while True:
            try:
                libc.sched_yield()
            except BaseException:
                pass

    def init(argv):
        pid = spawn("/bin/stubborn")
        libc.usleep(1000)
        libc.kill(pid, libc.SIGKILL)
        return libc.WTERMSIG(libc.waitpid(pid)[1])

    system = System({"/bin/stubborn": stubborn})
    assert system.run(init) == 9
    assert "refuses to end" in system.log


def test_handlers_run_in_the_program_and_interrupt_calls():
    log = []

    def init(argv):
        def on_alarm(signum):
            log.append((signum, libc.clock_gettime_ns()))
            assert libc.getpid() == 1

        libc.signal(libc.SIGALRM, on_alarm)
        libc.alarm(2)
        reader, _ = libc.pipe()
        assert libc.read(reader, bytearray(1)) == -1
        assert libc.get_errno() == libc.EINTR
        libc.signal(libc.SIGALRM, libc.SIG_IGN)
        libc.alarm(1)
        libc.sleep(3)
        assert libc.alarm(5) == 0 and libc.alarm(0) == 5
        return 0

    system = System()
    assert system.run(init) == 0
    assert len(log) == 1 and log[0][0] == libc.SIGALRM and 2 * SECOND <= log[0][1] < 2.1 * SECOND
    assert system.clock.now >= 5 * SECOND


def test_a_handler_with_sa_restart_lets_the_call_go_on():
    from hwemu.cpu import current_context
    from userland.abi.layout import SIGACTION

    log = []

    def writer(argv):
        libc.usleep(50000)
        libc.kill(1, libc.SIGUSR1)
        libc.usleep(50000)
        libc.write_all(1, b"!")

    def init(argv):
        libc.signal(libc.SIGUSR1, log.append)
        space = current_context().address_space
        address = space.map(SIGACTION.pack(2, libc.SA_RESTART, 0, 0))
        assert trap(174, libc.SIGUSR1, address, 0, 8) == 0
        space.unmap(address)
        reader, end = libc.pipe()
        spawn("/bin/writer", actions=[(libc.SPAWN_DUP2, end, 1)])
        return libc.read(reader, bytearray(10))

    assert System({"/bin/writer": writer}).run(init) == 1
    assert log == [libc.SIGUSR1]


def test_blocked_signals_wait():
    log = []

    def init(argv):
        libc.signal(libc.SIGUSR1, lambda signum: log.append("handled"))
        libc.sigprocmask(libc.SIG_SETMASK, [libc.SIGUSR1])
        libc.kill(1, libc.SIGUSR1)
        log.append("blocked")
        libc.sigprocmask(libc.SIG_SETMASK, [])
        log.append("after")
        return 0

    assert System().run(init) == 0
    assert log == ["blocked", "handled", "after"]


def test_sigchld_and_process_groups():
    log = []

    def child(argv):
        libc.sleep(100)

    def init(argv):
        libc.signal(libc.SIGCHLD, lambda signum: log.append("chld"))
        first = spawn("/bin/child", pgid=0)
        second = spawn("/bin/child", pgid=first)
        other = spawn("/bin/child")
        libc.usleep(1000)
        assert libc.kill(-first, libc.SIGTERM) == 0
        done = sorted(libc.waitpid()[0] for _ in range(2))
        assert done == [first, second]
        assert libc.waitpid(other, libc.WNOHANG)[0] == 0
        libc.kill(other, libc.SIGKILL)
        libc.waitpid(other)
        return 0

    assert System({"/bin/child": child}).run(init) == 0
    assert log and set(log) == {"chld"}


def test_init_is_immune_to_signals_it_does_not_handle():
    def init(argv):
        assert libc.kill(1, libc.SIGTERM) == 0
        assert libc.kill(1, libc.SIGKILL) == 0
        return 6

    assert System().run(init) == 6


def test_a_fault_kills_the_program_and_is_reported():
    def init(argv):
        pid = spawn("/bin/faulty")
        return libc.WTERMSIG(libc.waitpid(pid)[1])

    system = System({"/bin/faulty": b"def main(argv):\n    [][1]\n"})
    assert system.run(init) == 11
    assert "faulty[3]: fault: IndexError: list index out of range at /bin/faulty:2\n" in system.text
    assert "Traceback" in system.log


def test_reboot_powers_off_with_its_argument_and_kills_the_rest():
    log = []

    def child(argv):
        try:
            libc.sleep(1000)
        finally:
            log.append("ended")

    def init(argv):
        for _ in range(3):
            spawn("/bin/child")
        libc.usleep(1000)
        libc.reboot(status=42)

    assert System({"/bin/child": child}).run(init) == 42
    assert log == ["ended"] * 3


def test_a_child_may_reboot():
    def child(argv):
        libc.reboot(status=8)

    def init(argv):
        spawn("/bin/child")
        libc.sleep(1000)

    assert System({"/bin/child": child}).run(init) == 8


def test_power_button():
    system = System()
    system.boot(lambda argv: libc.sleep(10**6))
    system.clock.run(SECOND)
    system.kernel.power_button(5)
    assert system.finish() == 5


def test_tasks_share_the_cpu_round_robin():
    log = []

    def worker(argv):
        for _ in range(40):
            libc.getppid()
            log.append(argv[1])

    def init(argv):
        for name in "ab":
            spawn("/bin/worker", name)
        libc.waitpid()
        libc.waitpid()
        return 0

    assert System({"/bin/worker": worker}).run(init) == 0
    first = log.index("b")
    assert "a" in log[first:]


def test_many_processes_come_and_go():
    def child(argv):
        return int(argv[1]) % 256

    def init(argv):
        for number in range(300):
            pid = spawn("/bin/child", str(number))
            assert libc.waitpid(pid) == (pid, number % 256 << 8)
        return 0

    assert System({"/bin/child": child}).run(init) == 0


@pytest.mark.parametrize("nr", [0, 2, 511, 512, -1, 1 << 62])
def test_unknown_calls(nr):
    assert System().run(lambda argv: 0 if trap(nr) == -libc.ENOSYS else 1) == 0


def test_uname_sysinfo_log_and_random():
    seen = {}

    def init(argv):
        seen["uname"] = libc.uname()
        seen["uptime"] = libc.uptime()
        seen["log"] = libc.klogctl()
        seen["random"] = libc.random_bits(64)
        return 0

    first = System(hostname="box")
    assert first.run(init) == 0
    assert seen["uname"][:2] == ("Linux", "box")
    assert b"Linux version" in seen["log"]
    drawn = seen["random"]
    assert System().run(init) == 0
    assert seen["random"] == drawn
    assert System(seed=2).run(init) == 0
    assert seen["random"] != drawn
