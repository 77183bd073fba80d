"""`hwemu python`: programs of the host on the machine's sockets, clock, threads and console."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "lab.cli", "python"]


def python(*words, text="", net="none"):
    return subprocess.run(
        [*COMMAND, "--net", net, *words], cwd=ROOT, input=text, capture_output=True, text=True, timeout=120, check=False
    )


def run(tmp_path, program, *words, name="program.py", **more):
    path = tmp_path / name
    path.write_text(program)
    return python(str(path), *words, **more)


def test_arguments_path_and_main_are_cpythons(tmp_path):
    done = run(tmp_path, "import sys; print(sys.argv, sys.path[0], __name__, __file__)", "--net", "x")
    path = tmp_path / "program.py"
    assert done.stdout == f"{[str(path), '--net', 'x']} {tmp_path} __main__ {path}\n"
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("program", "status", "errors"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("import os; os._exit(3)", 3, ""),
    ],
)
def test_the_exit_status_is_the_programs(program, status, errors):
    done = python("-c", program)
    assert (done.returncode, done.stderr) == (status, errors)


def test_a_traceback_is_the_programs_own(tmp_path):
    done = run(tmp_path, "def f():\n    1 / 0\nf()\n")
    assert done.returncode == 1
    assert done.stderr.startswith(f'Traceback (most recent call last):\n  File "{tmp_path}/program.py", line 3, in <module>\n')
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert "lab/" not in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["/nowhere/x.py"], 2, "hwemu python: can't open file '/nowhere/x.py': [Errno 2] No such file or directory\n"),
        (["-m", "no_such_module"], 1, "hwemu python: No module named no_such_module\n"),
        (["-c"], 2, "hwemu python: argument expected for -c\n"),
    ],
)
def test_what_can_not_run_is_one_line(words, status, line):
    done = python(*words)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", line)


def test_a_program_from_standard_input_and_input(tmp_path):
    assert python(text="print(6 * 7)\n").stdout == "42\n"
    assert run(tmp_path, "print(input('? ')[::-1])", text="olleh\n").stdout == "? hello\n"


def test_a_module_of_the_library():
    assert python("-m", "json.tool", "--compact", text='{"a": [1, 2]}').stdout == '{"a":[1,2]}\n'


def test_sleeping_takes_the_machines_time_and_none_of_the_hosts(tmp_path):
    program = """
import threading, time
def sleeper(seconds):
    time.sleep(seconds)
    print(seconds)
before = time.monotonic()
threads = [threading.Thread(target=sleeper, args=(seconds,)) for seconds in (7200, 60, 3600)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(7200 <= time.monotonic() - before < 7201)
"""
    started = time.monotonic()
    assert run(tmp_path, program).stdout == "60\n3600\n7200\nTrue\n"
    assert time.monotonic() - started < 100


def test_files_are_the_hosts_and_sockets_the_machines(tmp_path):
    (tmp_path / "text").write_text("from the host")
    program = """
import os, socket, sys
with open(sys.argv[1]) as file:
    print(file.fileno() < 1024, file.read())
left, right = socket.socketpair()
print(left.fileno() >= 1024)
os.write(left.fileno(), b"by number")
print(os.read(right.fileno(), 100))
reader, writer = os.pipe()
with os.fdopen(writer, "w") as file: file.write("through a pipe")
with open(reader) as file: print(file.read())
"""
    done = run(tmp_path, program, str(tmp_path / "text"))
    assert done.stdout == "True from the host\nTrue\nb'by number'\nthrough a pipe\n", done.stderr


def test_the_hosts_descriptors_never_reach_the_machines(tmp_path):
    """However many files the host allows."""
    program = """
import errno
opened = []
try:
    while True:
        opened.append(open("/dev/null"))
except OSError as error:
    print(error.errno == errno.EMFILE, max(file.fileno() for file in opened) < 1024)
"""
    done = run(tmp_path, program)
    assert done.stdout == "True True\n", done.stderr


def test_threads_asyncio_and_a_web_server_in_one_program(tmp_path):
    program = """
import asyncio, concurrent.futures, http.server, queue, threading, urllib.request

class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())
    def log_message(self, *words): pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
threading.Thread(target=server.serve_forever).start()
base = f"http://127.0.0.1:{server.server_port}/"
fetch = lambda name: urllib.request.urlopen(base + name).read().decode()
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(list(pool.map(fetch, "abcdefgh")))

async def main():
    async def echo(reader, writer):
        writer.write((await reader.readline()).upper())
        writer.close()
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"shout\\n")
        print(await reader.read(), await asyncio.to_thread(fetch, "thread"))
        writer.close()
    try:
        async with asyncio.timeout(3600): await asyncio.Event().wait()
    except TimeoutError: print("timed out")
asyncio.run(main())
server.shutdown()
"""
    done = run(tmp_path, program)
    expected = f"{['/' + name for name in 'abcdefgh']}\nb'SHOUT\\n' /thread\ntimed out\n"
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


def test_a_forgotten_socket_in_a_cycle_closes_its_descriptor(tmp_path):
    program = """
import gc, socket
left, right = socket.socketpair()
cycle = [left]; cycle.append(cycle)
del left, cycle
gc.collect()
print(right.recv(1))
for _ in range(5000):
    pair = list(socket.socketpair()); pair.append(pair)
print(socket.socket().fileno() < 30000)
"""
    assert run(tmp_path, program).stdout == "b''\nTrue\n"


def test_daemon_threads_end_with_the_program_and_atexit_comes_last(tmp_path):
    program = """
import atexit, threading, time
atexit.register(print, "last")
threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()
threading.Thread(target=lambda: (time.sleep(1), print("first"))).start()
"""
    assert run(tmp_path, program).stdout == "first\nlast\n"


def test_handles_of_threads_are_cpythons(tmp_path):
    # What `threading` of Python 3.13 is made of; the expectations are its answers.
    program = """if True:
        import _thread, time

        def error_of(function, *words, **more):
            try:
                return repr(function(*words, **more))
            except (RuntimeError, TypeError) as error:
                return f"{type(error).__name__}: {error}"

        seen = []
        handle = _thread._ThreadHandle()
        print(handle.ident, handle.is_done(), error_of(handle.join), error_of(handle._set_done))

        def work():
            seen.append(error_of(handle.join))
            seen.append(handle.ident == _thread.get_ident())
            time.sleep(1)

        assert _thread.start_joinable_thread(work, handle=handle) is handle
        print(error_of(_thread.start_joinable_thread, work, handle=handle))
        before = time.monotonic()
        handle.join(0.25)
        print(handle.is_done(), round(time.monotonic() - before, 2))
        handle.join()
        handle.join(-1)
        print(handle.is_done(), round(time.monotonic() - before, 2), seen)
        print(error_of(_thread.start_joinable_thread, None), error_of(_thread.start_joinable_thread, work, handle=1))
        main = _thread._make_thread_handle(_thread.get_ident())
        print(main.ident == _thread._get_main_thread_ident(), main.is_done(), error_of(main.join))
        main._set_done()
        main.join()
        print(main.is_done(), _thread._is_main_interpreter())

        def slow():
            time.sleep(2)
            _thread.start_joinable_thread(slower, daemon=False)

        def slower():
            time.sleep(2)
            print("slower", flush=True)

        _thread.start_joinable_thread(slow, daemon=False)
        _thread.start_joinable_thread(lambda: time.sleep(1000))
        _thread._shutdown()
        print("over", round(time.monotonic() - before))
    """
    done = run(tmp_path, program)
    assert done.stdout.splitlines() == [
        "0 False RuntimeError: thread not started RuntimeError: thread not started",
        "RuntimeError: thread already started",
        "False 0.25",
        "True 1.0 ['RuntimeError: Cannot join current thread', True]",
        "TypeError: thread function must be callable TypeError: 'handle' must be a _ThreadHandle",
        "True False RuntimeError: Cannot join current thread",
        "True True",
        "slower",
        "over 5",
    ], done.stderr


def test_a_program_that_can_never_go_on_is_told_so():
    done = python("-c", "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()")
    assert (done.returncode, done.stderr) == (1, "hwemu python: the machine waits for something that can not come any more\n")


@pytest.mark.parametrize(
    "waiting",
    [
        "time.sleep(1000)", "(pair := socket.socketpair())[0].recv(1)", "threading.Event().wait()",
        "[sum(range(99)) for _ in iter(int, 1)]",
    ],  # fmt: skip
)
def test_the_interrupt_key_is_keyboard_interrupt(waiting):
    program = f"""
import socket, threading, time
print("ready", flush=True)
try: {waiting}
except KeyboardInterrupt: print("interrupted")
"""
    with subprocess.Popen(
        [*COMMAND, "--net", "user", "-c", program], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout.readline() == "ready\n", child.stderr.read()
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=60)
        assert (output, errors, child.returncode) == ("interrupted\n", "", 0)


def test_the_power_button_ends_a_program_that_has_not_flushed():
    program = "import sys, time; print('lost'); print('ready', file=sys.stderr); time.sleep(1000)"
    with subprocess.Popen(
        [*COMMAND, "--net", "user", "-c", program], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stderr.readline() == "ready\n"
        child.send_signal(signal.SIGTERM)
        output, errors = child.communicate(timeout=60)
        assert (output, errors, child.returncode) == ("", "", 128 + signal.SIGTERM)


def test_signals_interrupt_calls_which_go_on_when_the_handler_returns(tmp_path):
    program = """
import os, signal, socket, time
came = []
signal.signal(signal.SIGALRM, lambda number, frame: came.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.5, 1)
before = time.monotonic()
time.sleep(3)
print(len(came), time.monotonic() - before >= 3)
signal.setitimer(signal.ITIMER_REAL, 0)
def stop(number, frame): raise InterruptedError("enough")
signal.signal(signal.SIGALRM, stop)
signal.alarm(2)
left, right = socket.socketpair()
try: left.recv(1)
except InterruptedError as error: print(error)
signal.signal(signal.SIGUSR1, lambda number, frame: print("to itself"))
os.kill(os.getpid(), signal.SIGUSR1)
"""
    done = run(tmp_path, program)
    assert (done.stdout, done.stderr) == ("3 True\nenough\nto itself\n", "")
