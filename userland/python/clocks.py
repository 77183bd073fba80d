"""`time`: the machine's clocks and sleeping on them; the calendar is the host's module's."""

from userland import libc
from userland.python.extension import extension_module, public
from userland.python.interpreter import NANOSECONDS, interpreter, interrupted, nanoseconds, os_error

CLOCKS = {"CLOCK_REALTIME": 0, "CLOCK_MONOTONIC": 1, "CLOCK_MONOTONIC_RAW": 1, "CLOCK_BOOTTIME": 7, "CLOCK_TAI": 11}
RESOLUTION = 1e-9
MONOTONIC, REALTIME = 1, 0


def time():
    """time() -> floating point number: seconds since the Epoch."""
    return libc.clock_gettime_ns(REALTIME) / NANOSECONDS


def time_ns():
    """time_ns() -> int"""
    return libc.clock_gettime_ns(REALTIME)


def monotonic():
    """monotonic() -> float: a clock that can not go backward."""
    return libc.clock_gettime_ns(MONOTONIC) / NANOSECONDS


def monotonic_ns():
    """monotonic_ns() -> int"""
    return libc.clock_gettime_ns(MONOTONIC)


def clock_gettime(clk_id, /):
    """clock_gettime(clk_id) -> float"""
    return clock_gettime_ns(clk_id) / NANOSECONDS


def clock_gettime_ns(clk_id, /):
    """clock_gettime_ns(clk_id) -> int"""
    value = libc.clock_gettime_ns(clk_id)
    if value < 0:
        raise os_error()
    return value


def clock_getres(clk_id, /):
    """clock_getres(clk_id) -> floating point number"""
    clock_gettime_ns(clk_id)
    return RESOLUTION


def sleep(seconds, /):
    """sleep(seconds): delay the calling thread on the machine's clock."""
    duration = nanoseconds(seconds)
    if duration < 0:
        raise ValueError("sleep length must be non-negative")
    state = interpreter()
    deadline = libc.clock_gettime_ns(MONOTONIC) + duration
    while True:
        if libc.nanosleep(duration) == 0:
            if state.arrived:
                state.check_signals()
            return
        interrupted(state)
        duration = deadline - libc.clock_gettime_ns(MONOTONIC)
        if duration <= 0:
            return


def time_module(host):
    """A new `time` module: what `host`, the interpreter's own, knows of the calendar, on the machine's clocks."""
    namespace = {
        name: value for name, value in public(host).items() if not name.startswith(("CLOCK_", "pthread_", "clock_settime"))
    }

    def get_clock_info(name, /):
        """get_clock_info(name: str) -> dict"""
        info = host.get_clock_info(name)
        if name in ("time", "monotonic", "perf_counter"):
            info.resolution = RESOLUTION
        return info

    def localtime(seconds=None, /):
        """localtime([seconds]) -> (tm_year, ...)"""
        return host.localtime(time() if seconds is None else seconds)

    def gmtime(seconds=None, /):
        """gmtime([seconds]) -> (tm_year, ...)"""
        return host.gmtime(time() if seconds is None else seconds)

    def ctime(seconds=None, /):
        """ctime([seconds]) -> string"""
        return host.ctime(time() if seconds is None else seconds)

    def asctime(*when):
        """asctime([tuple]) -> string"""
        return host.asctime(*(when or (localtime(),)))

    def strftime(form, *when):
        """strftime(format[, tuple]) -> string"""
        return host.strftime(form, *(when or (localtime(),)))

    namespace.update({name: number for name, number in CLOCKS.items() if libc.clock_gettime_ns(number) >= 0})
    namespace.update(
        time=time, time_ns=time_ns, monotonic=monotonic, monotonic_ns=monotonic_ns, perf_counter=monotonic,
        perf_counter_ns=monotonic_ns, clock_gettime=clock_gettime, clock_gettime_ns=clock_gettime_ns,
        clock_getres=clock_getres, sleep=sleep, localtime=localtime, gmtime=gmtime, ctime=ctime, asctime=asctime,
        strftime=strftime, get_clock_info=get_clock_info,
    )  # fmt: skip
    return extension_module("time", host.__doc__, namespace)
