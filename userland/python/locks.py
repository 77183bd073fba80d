"""Locks of `_thread`: a lock that is free costs no system call, one that is taken is waited for on a futex.

Threads of a program are tasks that give way only in system calls, so what happens between two of them needs no care.
"""

from hwemu.cpu import current_context
from userland import libc
from userland.python.interpreter import NANOSECONDS, NEVER, deadline_after, interpreter, interrupted, nanoseconds, remaining

TIMEOUT_MAX = 9223372036.0


def lock_limit(blocking, timeout):
    """How long acquire may wait, in ns."""
    if timeout == -1:
        return NEVER if blocking else 0
    limit = nanoseconds(timeout)
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call")
    if limit < 0:
        raise ValueError("timeout value must be a non-negative number")
    if timeout > TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")
    return limit


class Lock:
    """A lock object is a synchronization primitive: what allocate_lock() gives."""

    __slots__ = ("_locked", "_waiting", "_futex", "__weakref__")

    def __init__(self):
        self._locked = False
        self._waiting = 0
        self._futex = None

    def acquire(self, blocking=True, timeout=-1):
        """acquire(blocking=True, timeout=-1) -> bool"""
        if timeout == -1 and not self._locked:
            self._locked = True
            return True
        limit = lock_limit(blocking, timeout)
        if not self._locked:
            self._locked = True
            return True
        return limit != 0 and self._wait(limit)

    def _wait(self, limit):
        """Sleep until the lock is free and take it; False when `limit` ns are over."""
        state = interpreter()
        deadline = deadline_after(limit)
        if self._futex is None:
            self._futex = libc.Futex()
        self._waiting += 1
        try:
            while self._locked:
                left = remaining(deadline)
                if left == 0:
                    return False
                # The word changes with each release: one that comes first is not slept through.
                if self._futex.wait(self._futex.value, left / NANOSECONDS if left > 0 else -1.0) < 0:
                    if libc.get_errno() not in (libc.EAGAIN, libc.ETIMEDOUT):
                        interrupted(state)
            self._locked = True
            return True
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._futex.close()
                self._futex = None

    def release(self):
        """release()"""
        if not self._locked:
            raise RuntimeError("release unlocked lock")
        self._locked = False
        if self._waiting and not libc.ended():
            self._futex.value += 1
            self._futex.wake(1)

    def locked(self):
        """locked() -> bool"""
        return self._locked

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()

    def _at_fork_reinit(self):
        self.__init__()

    def __repr__(self):
        return f"<{'locked' if self._locked else 'unlocked'} _thread.lock object at {id(self):#x}>"

    acquire_lock, release_lock, locked_lock = acquire, release, locked


class RLock:
    """A lock that the thread which holds it may acquire again."""

    __slots__ = ("_lock", "_owner", "_count", "__weakref__")

    def __init__(self):
        self._lock = Lock()
        self._owner = None
        self._count = 0

    def acquire(self, blocking=True, timeout=-1):
        """acquire(blocking=True, timeout=-1) -> bool"""
        me = current_context()
        if self._count and self._owner is me:
            self._count += 1
            return True
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner = me
        self._count = 1
        return True

    def release(self):
        """release()"""
        if not self._count or self._owner is not current_context():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self._lock.release()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()

    def _is_owned(self):
        return self._count > 0 and self._owner is current_context()

    def _recursion_count(self):
        return self._count if self._is_owned() else 0

    def _release_save(self):
        if not self._count:
            raise RuntimeError("cannot release un-acquired lock")
        saved = self._count, self._owner
        self._count, self._owner = 0, None
        self._lock.release()
        return saved

    def _acquire_restore(self, saved):
        self._lock.acquire()
        self._count, self._owner = saved

    def _at_fork_reinit(self):
        self.__init__()

    def __repr__(self):
        state = "locked" if self._count else "unlocked"
        owner = id(self._owner) if self._owner is not None else 0
        return f"<{state} _thread.RLock object owner={owner} count={self._count} at {id(self):#x}>"


class LocalState:
    """What is behind one `local`: each thread's dictionary, and whose is in place."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.dicts = {}
        self.thread = None

    def switch(self, local, thread):
        """Put the dictionary of `thread` in place; a thread that comes for the first time runs __init__."""
        found = self.dicts.get(thread)
        new = found is None
        if new:
            found = self.dicts[thread] = {}
            interpreter().locals_of(thread).append(self)
        self.thread = thread
        object.__setattr__(local, "__dict__", found)
        if new and self.arguments is not None:
            args, kwargs = self.arguments
            type(local).__init__(local, *args, **kwargs)


class local:
    """Thread-local data."""

    __slots__ = ("_local__state", "__dict__", "__weakref__")

    def __new__(cls, /, *args, **kwargs):
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        self = object.__new__(cls)
        state = LocalState(None)
        object.__setattr__(self, "_local__state", state)
        state.switch(self, current_context())
        state.arguments = (args, kwargs) if cls.__init__ is not object.__init__ else None
        return self

    def __getattribute__(self, name):
        state = object.__getattribute__(self, "_local__state")
        thread = current_context()
        if state.thread is not thread:
            state.switch(self, thread)
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        state = object.__getattribute__(self, "_local__state")
        thread = current_context()
        if state.thread is not thread:
            state.switch(self, thread)
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        state = object.__getattribute__(self, "_local__state")
        thread = current_context()
        if state.thread is not thread:
            state.switch(self, thread)
        object.__delattr__(self, name)


Lock.__name__ = Lock.__qualname__ = "lock"
local.__name__ = local.__qualname__ = "_local"
Lock.__module__ = RLock.__module__ = local.__module__ = "_thread"
