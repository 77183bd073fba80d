"""Threads: clone with CLONE_THREAD, futexes, and how the threads of a process end together."""

from system import SECOND, System

from userland import libc


def run(init, files=None):
    system = System(files)
    status = system.run(init)
    assert status != 139, system.text
    return status


def test_a_thread_shares_the_process_and_has_its_own_errno_and_number():
    seen = {}

    def body(word, text):
        seen["ids"] = (libc.getpid(), libc.gettid())
        libc.setenv("FROM", text)
        assert libc.close(99) == -1 and libc.get_errno() == libc.EBADF
        seen["file"] = libc.open("/etc/hostname2", libc.O_CREAT | libc.O_RDWR)
        return word + 1

    def init(argv):
        libc.set_errno(libc.EPERM)
        tid = libc.thread_create(body, 41, "thread")
        assert tid > 1
        assert libc.thread_join(tid) == 42
        assert libc.get_errno() == libc.EPERM
        assert seen["ids"] == (1, tid) and libc.gettid() == 1
        assert libc.getenv("FROM") == "thread"
        assert libc.write_all(seen["file"], b"x") == 0
        assert libc.thread_join(tid) == -1 and libc.get_errno() == libc.ESRCH
        assert libc.thread_count() == 0
        return 3

    assert run(init) == 3


def test_a_hundred_threads_blocked_in_read_each_get_their_own_data():
    got = []

    def reader(number, fd):
        got.append((number, libc.read_bytes(fd, 10)))

    def init(argv):
        pipes = [libc.pipe() for _ in range(100)]
        tids = [libc.thread_create(reader, number, pair[0]) for number, pair in enumerate(pipes)]
        libc.usleep(1000)
        assert got == []
        with open_file("/proc/self/status") as status:
            assert "Threads:\t101\n" in status
        for number in reversed(range(100)):
            libc.write_all(pipes[number][1], b"%d" % number)
        for tid in tids:
            libc.thread_join(tid)
        return 0

    assert run(init) == 0
    assert sorted(got) == [(number, b"%d" % number) for number in range(100)]


class open_file:
    """The text of a file of the machine."""

    def __init__(self, path):
        self.text = libc.read_text(path)

    def __enter__(self):
        return self.text

    def __exit__(self, *_):
        return False


def test_exit_group_ends_threads_that_are_blocked_and_closes_what_they_held():
    unwound = []

    def blocked(fd):
        try:
            libc.read_bytes(fd, 1)
        finally:
            unwound.append(fd)

    def child(argv):
        ends = [libc.pipe() for _ in range(3)]
        for reader, _ in ends:
            libc.thread_create(blocked, reader)
        libc.usleep(1000)
        return 5

    def init(argv):
        reader, writer = libc.pipe()
        pid = libc.spawn("/bin/child", ["child"])
        libc.close(writer)
        # Every thread had a copy of this pipe's writing end: it is closed once all have ended.
        assert libc.read_bytes(reader, 1) == b""
        assert libc.waitpid(pid) == (pid, 5 << 8)
        return 0

    assert run(init, {"/bin/child": child}) == 0
    assert len(unwound) == 3


def test_the_process_goes_on_when_its_first_thread_ends():
    def worker():
        libc.usleep(5000)
        libc._exit(9)

    def child(argv):
        libc.thread_create(worker)
        libc.thread_exit()

    def init(argv):
        pid = libc.spawn("/bin/child", ["child"])
        libc.usleep(1000)
        # The first thread is a zombie, the process is not.
        assert libc.waitpid(pid, libc.WNOHANG) == (0, 0)
        assert libc.kill(pid, 0) == 0
        assert libc.waitpid(pid) == (pid, 9 << 8)
        return 0

    assert run(init, {"/bin/child": child}) == 0


def test_a_fault_in_a_thread_kills_the_process():
    def broken():
        raise ValueError("in a thread")

    def child(argv):
        libc.thread_create(broken)
        libc.usleep(1000)
        return 0

    system = System({"/bin/child": child})

    def init(argv):
        pid = libc.spawn("/bin/child", ["child"])
        _, status = libc.waitpid(pid)
        assert libc.WIFSIGNALED(status) and libc.WTERMSIG(status) == libc.SIGSEGV
        return 0

    assert system.run(init) == 0
    assert "fault: ValueError: in a thread" in system.text


def test_futex_wait_wake_requeue_and_timeouts():
    order = []

    def sleeper(name, futex):
        order.append((name, futex.wait(0)))

    def init(argv):
        futex, other = libc.Futex(), libc.Futex(7)
        assert futex.wait(1) == -1 and libc.get_errno() == libc.EAGAIN
        before = libc.clock_gettime_ns()
        assert futex.wait(0, 0.25) == -1 and libc.get_errno() == libc.ETIMEDOUT
        assert libc.clock_gettime_ns() - before >= 250_000_000
        assert futex.wake() == 0
        tids = [libc.thread_create(sleeper, name, futex) for name in "abcd"]
        libc.usleep(100)
        assert futex.wake() == 1
        libc.usleep(100)
        assert order == [("a", 0)]
        assert futex.requeue(other, 1) == 1
        libc.usleep(100)
        assert order == [("a", 0), ("b", 0)]
        assert futex.wake_all() == 0
        assert other.wake_all() == 2
        for tid in tids:
            libc.thread_join(tid)
        futex.close()
        assert futex.wait(0) == -1 and libc.get_errno() == libc.EFAULT
        other.close()
        return 0

    assert run(init) == 0
    assert order == [(name, 0) for name in "abcd"]


def test_a_descriptor_closed_by_another_thread_stays_open_for_the_call_that_uses_it():
    got = []

    def reader(fd):
        got.append(libc.read_bytes(fd, 10))

    def init(argv):
        fd, writer = libc.pipe()
        tid = libc.thread_create(reader, fd)
        libc.usleep(100)
        assert libc.close(fd) == 0
        # Linux: the read goes on, on the file that it began with.
        assert libc.write_all(writer, b"late") == 0
        libc.thread_join(tid)
        libc.signal(libc.SIGPIPE, libc.SIG_IGN)
        assert libc.write_all(writer, b"x") == -1 and libc.get_errno() == libc.EPIPE
        return 0

    assert run(init) == 0
    assert got == [b"late"]


def test_execve_in_a_thread_ends_the_others_and_keeps_the_process():
    seen = {}

    def other():
        while True:
            libc.sleep(1)

    def execute():
        libc.execve("/bin/second", ["second"], {})

    def child(argv):
        seen["before"] = libc.getpid()
        libc.thread_create(other)
        libc.thread_create(execute)
        libc.sleep(100)
        return 1

    def second(argv):
        seen["after"] = (libc.getpid(), libc.gettid())
        return 6

    def init(argv):
        pid = libc.spawn("/bin/child", ["child"])
        assert libc.waitpid(pid) == (pid, 6 << 8)
        return 0

    assert run(init, {"/bin/child": child, "/bin/second": second}) == 0
    assert seen["after"] == (seen["before"], seen["before"])


def test_detached_threads_leave_nothing_behind():
    done = []

    def init(argv):
        space = libc_space()
        before = space.mapped()
        for number in range(50):
            tid = libc.thread_create(done.append, number)
            assert libc.thread_detach(tid) == 0
            assert libc.thread_detach(tid) == -1 and libc.get_errno() in (libc.EINVAL, libc.ESRCH)
            assert libc.thread_join(tid) == -1 and libc.get_errno() in (libc.EINVAL, libc.ESRCH)
        libc.usleep(100)
        assert space.mapped() == before
        assert libc.thread_count() == 0
        return 0

    assert run(init) == 0
    assert done == list(range(50))


def libc_space():
    from userland.libc.crt import this

    return this().space


def test_a_thread_takes_the_signals_that_are_sent_to_it():
    got = []

    def body():
        libc.sleep(10)

    def init(argv):
        libc.signal(libc.SIGUSR1, lambda sig: got.append((sig, libc.gettid())))
        tid = libc.thread_create(body)
        libc.usleep(100)
        assert libc.thread_kill(tid, libc.SIGUSR1) == 0
        libc.thread_join(tid)
        # The process's signals go to whom does not block them.
        second = libc.thread_create(body)
        libc.sigprocmask(libc.SIG_BLOCK, [libc.SIGUSR1])
        libc.usleep(100)
        libc.kill(1, libc.SIGUSR1)
        libc.thread_join(second)
        assert got == [(libc.SIGUSR1, tid), (libc.SIGUSR1, second)]
        assert libc.tgkill(1, 30000, 0) == -1 and libc.get_errno() == libc.ESRCH
        return 0

    system = System()
    assert system.run(init, until=60 * SECOND) == 0
