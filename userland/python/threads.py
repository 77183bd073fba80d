"""`_thread`: a Python thread is a task of the machine's kernel that shares its program's memory and descriptors.

Tasks are cooperative: a thread gives way in system calls, never between two lines of Python.
"""

import sys
import traceback
import types

from hwemu.cpu import current_context
from userland import libc
from userland.libc.crt import this
from userland.python.extension import extension_module
from userland.python.interpreter import interpreter
from userland.python.locks import TIMEOUT_MAX, Lock, RLock, local

SMALLEST_STACK = 32768


class Thread:
    """What the interpreter keeps about a thread that runs."""

    def __init__(self, function, args, kwargs):
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.locals = []
        self.sentinel = None

    def run(self, state):
        """The thread's whole life."""
        context = current_context()
        state.threads[context] = self
        libc.thread_detach(get_ident())
        try:
            self.function(*self.args, **self.kwargs)
        except SystemExit:
            pass
        except Exception as error:
            unraisable(error, self.function)
        finally:
            self.function = self.args = self.kwargs = None
            for entry in self.locals:
                entry.dicts.pop(context, None)
            del state.threads[context]
            state.ending[context] = True
            if self.sentinel is not None and self.sentinel.locked():
                self.sentinel.release()


def unraisable(error, function):
    """Report an exception that nobody can catch: sys.unraisablehook, or what CPython's own prints."""
    if sys.unraisablehook is not sys.__unraisablehook__:
        sys.unraisablehook(types.SimpleNamespace(
            exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__,
            err_msg="Exception ignored in thread started by", object=function,
        ))  # fmt: skip
        return
    print(f"Exception ignored in thread started by: {function!r}", file=sys.stderr)
    traceback.print_exception(error)


def start_new_thread(function, args, kwargs=None, /):
    """start_new_thread(function, args[, kwargs]) -> the new thread's identifier"""
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("optional 3rd arg must be a dictionary")
    return started(Thread(function, args, kwargs or {}))


def started(thread):
    """Start a `Thread`; its identifier."""
    state = interpreter()
    for context in [context for context in state.ending if not context.live()]:
        del state.ending[context]
    tid = libc.thread_create(thread.run, state)
    if tid == -1:
        raise RuntimeError("can't start new thread")
    return tid


class ThreadHandle:
    """A thread that can be waited for (since Python 3.13 threading.Thread is made of it)."""

    __slots__ = ("ident", "_lock", "__weakref__")

    def __init__(self):
        self.ident = 0
        # Held from the thread's start to its end.
        self._lock = None

    def join(self, timeout=None):
        """join(timeout=None): wait until the thread has ended or `timeout` seconds are over."""
        self._check()
        if self.is_done():
            return
        if self.ident == get_ident():
            raise RuntimeError("Cannot join current thread")
        if self._lock.acquire(True, -1 if timeout is None or timeout < 0 else timeout):
            self._lock.release()

    def is_done(self):
        """is_done() -> bool"""
        return self._lock is not None and not self._lock.locked()

    def _set_done(self):
        self._check()
        if self._lock.locked():
            self._lock.release()

    def _check(self):
        if self._lock is None:
            raise RuntimeError("thread not started")

    def __repr__(self):
        return f"<_ThreadHandle object: ident={self.ident}>"


def _make_thread_handle(ident):
    """_make_thread_handle(ident) -> the handle of a thread that runs already"""
    handle = ThreadHandle()
    handle.ident = ident
    handle._lock = Lock()
    handle._lock.acquire()
    return handle


def start_joinable_thread(function, handle=None, daemon=True):
    """start_joinable_thread(function, handle=None, daemon=True) -> the new thread's handle"""
    if not callable(function):
        raise TypeError("thread function must be callable")
    if handle is None:
        handle = ThreadHandle()
    if not isinstance(handle, ThreadHandle):
        raise TypeError("'handle' must be a _ThreadHandle")
    if handle._lock is not None:
        raise RuntimeError("thread already started")
    thread = Thread(function, (), {})
    handle._lock = thread.sentinel = Lock()
    handle._lock.acquire()
    try:
        handle.ident = started(thread)
    except RuntimeError:
        handle._lock = None
        raise
    if not daemon:
        handles = interpreter().awaited
        handles[:] = [*(other for other in handles if not other.is_done()), handle]
    return handle


def _shutdown():
    """_shutdown(): wait for the threads that are no daemons, and for those that they start."""
    handles = interpreter().awaited
    while handles:
        handles.pop(0).join()


def _get_main_thread_ident():
    """_get_main_thread_ident() -> integer"""
    return libc.getpid()


def _is_main_interpreter():
    """_is_main_interpreter() -> True"""
    return True


def exit():
    """exit(): end the calling thread."""
    raise SystemExit


def get_ident():
    """get_ident() -> integer: the kernel's number of the calling thread"""
    program = this()
    if program.tid == 0:
        program.tid = libc.gettid()
    return program.tid


def get_native_id():
    """get_native_id() -> the kernel's number of the calling thread"""
    return get_ident()


def _count():
    """_count() -> how many threads run besides the main one"""
    return len(interpreter().threads)


def stack_size(size=0, /):
    """stack_size([size]) -> size: it is remembered and means nothing, for stacks grow as they need."""
    if size < 0:
        raise ValueError("size must be 0 or a positive value")
    if 0 < size < SMALLEST_STACK:
        raise ValueError(f"size not valid: {size} bytes")
    state = interpreter()
    previous, state.stack_size = state.stack_size, size
    return previous


def _set_sentinel():
    """_set_sentinel() -> a lock that the end of the calling thread releases"""
    lock = Lock()
    thread = interpreter().threads.get(current_context())
    if thread is not None:
        thread.sentinel = lock
    return lock


def interrupt_main(signum=libc.SIGINT, /):
    """interrupt_main(signum=SIGINT): as if the signal had come for the main thread."""
    state = interpreter()
    if not 1 <= signum < 65:
        raise ValueError("signal number out of range")
    if callable(state.handlers.get(signum)):
        state.arrived.append(signum)
        state.check_signals()


def daemon_threads_allowed():
    """daemon_threads_allowed() -> True"""
    return True


def allocate_lock():
    """allocate_lock() -> lock object"""
    return Lock()


ThreadHandle.__name__ = ThreadHandle.__qualname__ = "_ThreadHandle"
ThreadHandle.__module__ = "_thread"


def thread_module():
    """A new `_thread` module."""
    names = dict(
        start_new_thread=start_new_thread, start_new=start_new_thread, exit=exit, exit_thread=exit, get_ident=get_ident,
        get_native_id=get_native_id, _count=_count, stack_size=stack_size, _set_sentinel=_set_sentinel,
        interrupt_main=interrupt_main, daemon_threads_allowed=daemon_threads_allowed, allocate_lock=allocate_lock,
        allocate=allocate_lock, LockType=Lock, lock=Lock, RLock=RLock, _local=local, TIMEOUT_MAX=TIMEOUT_MAX,
        error=RuntimeError, _ThreadHandle=ThreadHandle, _make_thread_handle=_make_thread_handle,
        start_joinable_thread=start_joinable_thread, _shutdown=_shutdown, _get_main_thread_ident=_get_main_thread_ident,
        _is_main_interpreter=_is_main_interpreter,
    )  # fmt: skip
    return extension_module("_thread", "Threads that are tasks of the machine.", names)
